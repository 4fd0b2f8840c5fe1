//! Application variables and what each component sees of them (`spin:variables`).
//!
//! Values come from the [`Overrides`] first and from the manifest's defaults second, as Spin asks its
//! providers before the default.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::manifest::Manifest;
use crate::template::{Template, TemplateError, check_name};

/// Where values come from before the manifest's defaults.
#[derive(Clone, Debug, Default)]
pub enum Overrides {
    /// `SPIN_VARIABLE_<NAME IN CAPITALS>` from this process's environment.
    #[default]
    Environment,
    /// A map from variable name to value; the environment is not read, so tests are hermetic.
    Map(BTreeMap<String, String>),
}

impl Overrides {
    fn get(&self, name: &str) -> Result<Option<String>, VariableError> {
        match self {
            Self::Environment => {
                let key = format!("SPIN_VARIABLE_{}", name.to_ascii_uppercase());
                match std::env::var(&key) {
                    Ok(value) => Ok(Some(value)),
                    Err(std::env::VarError::NotPresent) => Ok(None),
                    Err(std::env::VarError::NotUnicode(_)) => {
                        Err(VariableError::NotUnicode { key })
                    }
                }
            }
            Self::Map(values) => Ok(values.get(name).cloned()),
        }
    }
}

/// A variable can't be resolved.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum VariableError {
    /// A name or template in the manifest is malformed.
    #[error(transparent)]
    Malformed(#[from] TemplateError),
    /// Required variables have no value.
    #[error(
        "no value for required variable(s) {}: set {}",
        names.join(", "),
        names.iter().map(|name| format!("SPIN_VARIABLE_{}", name.to_ascii_uppercase())).collect::<Vec<_>>().join(", ")
    )]
    Missing {
        /// Their names.
        names: Vec<String>,
    },
    /// The environment variable isn't valid UTF-8.
    #[error("environment variable {key} is not valid UTF-8")]
    NotUnicode {
        /// Its name.
        key: String,
    },
    /// The component doesn't declare it.
    #[error("no variable for {component:?}.{name:?}")]
    Undefined {
        /// The component's id.
        component: String,
        /// The variable's name.
        name: String,
    },
    /// A template names a variable which the application doesn't declare.
    #[error("unknown variable {name:?} in a template of {place}")]
    Unknown {
        /// What the template belongs to.
        place: String,
        /// The variable's name.
        name: String,
    },
    /// An override is for a variable which the application doesn't declare (a test's mistake).
    #[error("the application declares no variable {name:?}")]
    UnknownOverride {
        /// The variable's name.
        name: String,
    },
}

/// The resolved application variables and the templates of each component.
#[derive(Debug)]
pub struct Variables {
    values: BTreeMap<String, String>,
    components: BTreeMap<String, BTreeMap<String, Template>>,
}

impl Variables {
    /// Resolves every application variable and checks every component template.
    pub fn resolve(manifest: &Manifest, overrides: &Overrides) -> Result<Self, VariableError> {
        if let Overrides::Map(values) = overrides {
            let unknown = values
                .keys()
                .find(|name| !manifest.variables.contains_key(*name));
            if let Some(name) = unknown {
                return Err(VariableError::UnknownOverride { name: name.clone() });
            }
        }
        let mut values = BTreeMap::new();
        let mut missing = Vec::new();
        for (name, variable) in &manifest.variables {
            check_name(name)?;
            match overrides.get(name)?.or_else(|| variable.default.clone()) {
                Some(value) => drop(values.insert(name.clone(), value)),
                None => missing.push(name.clone()),
            }
        }
        if !missing.is_empty() {
            return Err(VariableError::Missing { names: missing });
        }
        let mut components = BTreeMap::new();
        for (id, component) in &manifest.components {
            let mut templates = BTreeMap::new();
            for (name, text) in &component.variables {
                check_name(name)?;
                let template = Template::parse(text)?;
                check_known(&values, &template, || format!("component {id:?}"))?;
                templates.insert(name.clone(), template);
            }
            components.insert(id.clone(), templates);
        }
        Ok(Self { values, components })
    }

    /// The value which `component` sees under `name`.
    pub fn get(&self, component: &str, name: &str) -> Result<String, VariableError> {
        check_name(name)?;
        let template = self
            .components
            .get(component)
            .and_then(|templates| templates.get(name))
            .ok_or_else(|| VariableError::Undefined {
                component: component.to_owned(),
                name: name.to_owned(),
            })?;
        self.render(template, || format!("component {component:?}"))
    }

    /// Fills in a template of the manifest; `place` says whose it is, for the error.
    pub fn render(
        &self,
        template: &Template,
        place: impl Fn() -> String,
    ) -> Result<String, VariableError> {
        template.render(|name| {
            self.values
                .get(name)
                .cloned()
                .ok_or_else(|| VariableError::Unknown {
                    place: place(),
                    name: name.to_owned(),
                })
        })
    }
}

fn check_known(
    values: &BTreeMap<String, String>,
    template: &Template,
    place: impl Fn() -> String,
) -> Result<(), VariableError> {
    match template
        .expressions()
        .find(|name| !values.contains_key(*name))
    {
        Some(name) => Err(VariableError::Unknown {
            place: place(),
            name: name.to_owned(),
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(overrides: &[(&str, &str)]) -> Result<Variables, VariableError> {
        let manifest = Manifest::parse(
            r#"
            spin_manifest_version = 2
            [application]
            name = "test"
            [variables]
            host = { default = "example.com" }
            token = { required = true, secret = true }
            [[trigger.http]]
            route = "/..."
            component = "web"
            [component.web]
            source = "web.wasm"
            [component.web.variables]
            url = "https://{{ host }}/v1"
            secret = "{{ token }}"
            "#,
        )
        .unwrap();
        let values = overrides
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Variables::resolve(&manifest, &Overrides::Map(values.collect()))
    }

    #[test]
    fn defaults_hold_until_overridden() {
        let variables = resolve(&[("token", "t")]).unwrap();
        assert_eq!(
            variables.get("web", "url").as_deref(),
            Ok("https://example.com/v1")
        );
        let variables = resolve(&[("token", "t"), ("host", "localhost:1")]).unwrap();
        assert_eq!(
            variables.get("web", "url").as_deref(),
            Ok("https://localhost:1/v1")
        );
        assert_eq!(variables.get("web", "secret").as_deref(), Ok("t"));
    }

    #[test]
    fn a_missing_required_variable_is_named() {
        let error = resolve(&[]).unwrap_err();
        insta::assert_snapshot!(error, @"no value for required variable(s) token: set SPIN_VARIABLE_TOKEN");
    }

    #[test]
    fn a_component_sees_only_what_it_declares() {
        let variables = resolve(&[("token", "t")]).unwrap();
        let error = variables.get("web", "host").unwrap_err();
        insta::assert_snapshot!(error, @r#"no variable for "web"."host""#);
        assert!(matches!(
            variables.get("web", "Host"),
            Err(VariableError::Malformed(_))
        ));
    }

    #[test]
    fn an_override_of_nothing_is_a_mistake() {
        let error = resolve(&[("token", "t"), ("hots", "x")]).unwrap_err();
        assert_eq!(
            error,
            VariableError::UnknownOverride {
                name: "hots".to_owned()
            }
        );
    }
}
