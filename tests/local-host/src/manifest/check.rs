//! From the written tables to a checked manifest.

use super::source::{Component, File, Route as WrittenRoute, Variable};
use super::{CronTrigger, HttpTrigger, Manifest, ManifestError, Route};
use crate::allowed_hosts::{self, Entry};
use crate::template::{Template, check_name};

/// The only store label which a stock Spin has without a runtime configuration file.
const DEFAULT_STORE: &str = "default";

pub(super) fn manifest(file: File) -> Result<Manifest, ManifestError> {
    if file.spin_manifest_version != 2 {
        return Err(ManifestError::Version(file.spin_manifest_version));
    }
    for (name, variable) in &file.variables {
        check_variable(name, variable)?;
    }
    for (id, component) in &file.component {
        check_component(id, component)?;
    }
    let known = |id: &String| {
        if file.component.contains_key(id) {
            return Ok(());
        }
        Err(ManifestError::UnknownComponent(id.clone()))
    };
    let mut http_triggers = Vec::new();
    for trigger in file.trigger.http {
        known(&trigger.component)?;
        http_triggers.push(HttpTrigger {
            route: checked_route(trigger.route)?,
            component: trigger.component,
        });
    }
    let mut cron_triggers = Vec::new();
    for trigger in file.trigger.cron {
        known(&trigger.component)?;
        crate::cron::Schedule::parse(&trigger.cron_expression).map_err(|reason| {
            ManifestError::Cron {
                component: trigger.component.clone(),
                expression: trigger.cron_expression.clone(),
                reason,
            }
        })?;
        let component = file.component.get(&trigger.component);
        check_no_chaining(&trigger.component, component)?;
        cron_triggers.push(CronTrigger {
            component: trigger.component,
            expression: trigger.cron_expression,
        });
    }
    Ok(Manifest {
        application: file.application,
        variables: file.variables,
        http_triggers,
        cron_triggers,
        components: file.component,
    })
}

fn checked_route(route: WrittenRoute) -> Result<Route, ManifestError> {
    match route {
        WrittenRoute::Private(private) if private.private => Ok(Route::Private),
        WrittenRoute::Private(_) => Err(ManifestError::Route {
            route: "{ private = false }".to_owned(),
            reason: "must be a string pattern or { private = true }".to_owned(),
        }),
        WrittenRoute::Pattern(pattern) => Ok(Route::Pattern(pattern)),
    }
}

fn check_variable(name: &str, variable: &Variable) -> Result<(), ManifestError> {
    check_name(name).map_err(|_| ManifestError::Id {
        what: "variable",
        id: name.to_owned(),
        reason: "names are lower-case words separated by single underscores",
    })?;
    if variable.required == variable.default.is_some() {
        return Err(ManifestError::Variable(name.to_owned()));
    }
    Ok(())
}

fn check_component(id: &str, component: &Component) -> Result<(), ManifestError> {
    check_id("component", id, '-')?;
    for label in &component.key_value_stores {
        if check_id("store", label, '-').is_err() {
            check_id("store", label, '_')?;
        }
        if label != DEFAULT_STORE {
            return Err(ManifestError::UnknownStore {
                component: id.to_owned(),
                label: label.clone(),
            });
        }
    }
    for host in &component.allowed_outbound_hosts {
        let malformed = |error| ManifestError::AllowedHost {
            component: id.to_owned(),
            error,
        };
        let template = Template::parse(host).map_err(|error| malformed(error.into()))?;
        if template.is_literal() {
            Entry::parse(host).map_err(malformed)?;
        }
    }
    Ok(())
}

/// Spin refuses to start a cron trigger whose component needs service chaining.
fn check_no_chaining(id: &str, component: Option<&Component>) -> Result<(), ManifestError> {
    let hosts = component
        .into_iter()
        .flat_map(|component| &component.allowed_outbound_hosts);
    for host in hosts {
        if Entry::parse(host).is_ok_and(|entry| allowed_hosts::is_chaining(&entry)) {
            return Err(ManifestError::ChainingFromCron {
                component: id.to_owned(),
                host: host.clone(),
            });
        }
    }
    Ok(())
}

/// Words of letters and digits, a letter first, each wholly lower or upper case, joined by `delimiter`.
fn check_id(what: &'static str, id: &str, delimiter: char) -> Result<(), ManifestError> {
    let invalid = |reason| {
        Err(ManifestError::Id {
            what,
            id: id.to_owned(),
            reason,
        })
    };
    for word in id.split(delimiter) {
        let Some(first) = word.chars().next() else {
            return invalid("words must not be empty");
        };
        if !first.is_ascii_alphabetic() {
            return invalid("words must start with an ASCII letter");
        }
        if !word.chars().all(|c| c.is_ascii_alphanumeric()) {
            return invalid("words may only contain ASCII letters and digits");
        }
        let one_case =
            |c: char| c.is_ascii_digit() || c.is_ascii_uppercase() == first.is_ascii_uppercase();
        if !word.chars().all(one_case) {
            return invalid("words must be all lower case or all upper case");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = r#"
spin_manifest_version = 2
[application]
name = "test"
description = "a test"
[variables]
api = { default = "https://example.com" }
[[trigger.http]]
route = "/api/:version/..."
component = "web"
[[trigger.http]]
route = { private = true }
component = "hidden"
[[trigger.cron]]
component = "ticker"
cron_expression = "0 * * * * *"
[component.web]
source = "web.wasm"
description = "web"
allowed_outbound_hosts = ["{{ api }}", "http://hidden.spin.internal"]
key_value_stores = ["default"]
[component.web.variables]
api = "{{ api }}"
[component.web.build]
command = "cargo build"
watch = ["src/**/*.rs"]
[component.hidden]
source = "hidden.wasm"
[component.ticker]
source = "ticker.wasm"
"#;

    fn changed(from: &str, to: &str) -> String {
        assert!(BASE.contains(from), "{from}");
        Manifest::parse(&BASE.replace(from, to))
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn a_whole_manifest_is_read() {
        let manifest = Manifest::parse(BASE).unwrap();
        assert_eq!(
            manifest.http_triggers,
            [
                HttpTrigger {
                    component: "web".to_owned(),
                    route: Route::Pattern("/api/:version/...".to_owned())
                },
                HttpTrigger {
                    component: "hidden".to_owned(),
                    route: Route::Private
                },
            ]
        );
        assert_eq!(manifest.cron_triggers.len(), 1);
        assert_eq!(manifest.components["web"].key_value_stores, ["default"]);
    }

    #[test]
    fn an_unknown_key_is_an_error_wherever_it_is() {
        for (from, to) in [
            ("name = \"test\"", "name = \"test\"\nnmae = 1"),
            (
                "source = \"web.wasm\"",
                "source = \"web.wasm\"\nkey_value_store = [\"default\"]",
            ),
            ("{ private = true }", "{ private = true, public = false }"),
            (
                "component = \"hidden\"",
                "component = \"hidden\"\nmethod = \"GET\"",
            ),
            ("cron_expression", "timezone = \"UTC\"\ncron_expression"),
            ("[variables]", "[variable]"),
            ("command =", "shell = \"sh\"\ncommand ="),
            ("{ default = ", "{ typ = \"x\", default = "),
            ("[[trigger.cron]]", "[[trigger.redis]]"),
        ] {
            let error = changed(from, to);
            assert!(error.starts_with("not a manifest"), "{to}: {error}");
        }
    }

    #[test]
    fn what_the_platform_refuses_is_refused() {
        let cases = [
            (
                "version = 2",
                "version = 1",
                "spin_manifest_version is 1, expected 2",
            ),
            (
                "component = \"hidden\"",
                "component = \"hiden\"",
                "a trigger names component \"hiden\", which the manifest doesn't have",
            ),
            (
                "[\"default\"]",
                "[\"cache\"]",
                "component \"web\": unknown key_value_stores label \"cache\"",
            ),
            (
                "[component.hidden]",
                "[component.hid_den]",
                "component \"hid_den\": words may only contain ASCII letters and digits",
            ),
            (
                "{ default = \"https://example.com\" }",
                "{ secret = true }",
                "variable \"api\" must have either a default or required = true",
            ),
            (
                "{ private = true }",
                "{ private = false }",
                "route \"{ private = false }\": must be a string pattern or { private = true }",
            ),
            (
                "source = \"ticker.wasm\"",
                "source = \"ticker.wasm\"\nallowed_outbound_hosts = [\"http://web.spin.internal\"]",
                "component \"ticker\" has a cron trigger and allows \"http://web.spin.internal\": the cron trigger has no service chaining",
            ),
        ];
        for (from, to, expected) in cases {
            assert_eq!(changed(from, to), expected);
        }
        assert!(changed("0 * * * * *", "* * * * *").contains("cron expression"));
        assert!(changed("0 * * * * *", "0 * * * * * 2026").contains("cron expression"));
        assert!(changed("\"{{ api }}\", ", "\"example.com\", ").contains("has no scheme"));
    }
}
