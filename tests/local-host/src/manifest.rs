//! `spin.toml`, manifest version 2, typed and at least as strict as Spin: a key which Spin doesn't know is
//! an error, and so is one which Spin knows and this host doesn't serve.

mod check;
mod source;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use thiserror::Error;

pub use self::source::{Application, Build, Component, Variable};

/// A checked manifest.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The `[application]` table.
    pub application: Application,
    /// Application variables by name.
    pub variables: BTreeMap<String, Variable>,
    /// `[[trigger.http]]` in the order of the file.
    pub http_triggers: Vec<HttpTrigger>,
    /// `[[trigger.cron]]` in the order of the file.
    pub cron_triggers: Vec<CronTrigger>,
    /// Components by id.
    pub components: BTreeMap<String, Component>,
}

/// A route to a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpTrigger {
    /// The component's id.
    pub component: String,
    /// Which requests go there.
    pub route: Route,
}

/// What an HTTP trigger answers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// A path pattern, as written: exact, `/...` at the end, `:name` segments.
    Pattern(String),
    /// No path: reachable through service chaining only.
    Private,
}

/// A schedule for a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronTrigger {
    /// The component's id.
    pub component: String,
    /// Six fields, seconds first, in UTC.
    pub expression: String,
}

/// The manifest can't be used.
#[derive(Debug, Error)]
pub enum ManifestError {
    /// An entry of `allowed_outbound_hosts` is malformed.
    #[error("component {component:?}: allowed_outbound_hosts: {error}")]
    AllowedHost {
        /// The component's id.
        component: String,
        /// What is wrong.
        error: crate::allowed_hosts::AllowedHostError,
    },
    /// A component runs on cron, where there is no service chaining, and declares a chained host.
    #[error(
        "component {component:?} has a cron trigger and allows {host:?}: the cron trigger has no service chaining"
    )]
    ChainingFromCron {
        /// The component's id.
        component: String,
        /// The declared host.
        host: String,
    },
    /// A cron expression is malformed.
    #[error("component {component:?}: cron expression {expression:?}: {reason}")]
    Cron {
        /// The component's id.
        component: String,
        /// As written.
        expression: String,
        /// What is wrong.
        reason: String,
    },
    /// An id breaks the rules of the platform.
    #[error("{what} {id:?}: {reason}")]
    Id {
        /// What the id belongs to.
        what: &'static str,
        /// As written.
        id: String,
        /// The rule which it breaks.
        reason: &'static str,
    },
    /// The file can't be read.
    #[error("can't read {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        error: std::io::Error,
    },
    /// A route is malformed.
    #[error("route {route:?}: {reason}")]
    Route {
        /// As written.
        route: String,
        /// What is wrong.
        reason: String,
    },
    /// Not TOML, an unknown key or a wrong type.
    #[error("not a manifest: {0}")]
    Toml(#[from] toml::de::Error),
    /// A trigger names a component which isn't there.
    #[error("a trigger names component {0:?}, which the manifest doesn't have")]
    UnknownComponent(String),
    /// A `key_value_stores` label without a store behind it.
    #[error("component {component:?}: unknown key_value_stores label {label:?}")]
    UnknownStore {
        /// The component's id.
        component: String,
        /// The label.
        label: String,
    },
    /// A variable has a default and is required, or neither.
    #[error("variable {0:?} must have either a default or required = true")]
    Variable(String),
    /// Another manifest version.
    #[error("spin_manifest_version is {0}, expected 2")]
    Version(i64),
}

impl Manifest {
    /// Reads and checks the file.
    pub fn load(path: &Path) -> Result<Self, ManifestError> {
        let text = std::fs::read_to_string(path).map_err(|error| ManifestError::Read {
            path: path.to_owned(),
            error,
        })?;
        Self::parse(&text)
    }

    /// Parses and checks the text of a manifest.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let file: source::File = toml::from_str(text)?;
        check::manifest(file)
    }

    /// The ids of the components which an HTTP trigger names, private ones too.
    pub fn http_components(&self) -> impl Iterator<Item = &str> {
        self.http_triggers
            .iter()
            .map(|trigger| trigger.component.as_str())
    }
}
