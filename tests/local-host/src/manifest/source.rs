//! The tables of the file, as written.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) spin_manifest_version: i64,
    pub(super) application: Application,
    #[serde(default)]
    pub(super) variables: BTreeMap<String, Variable>,
    #[serde(default)]
    pub(super) trigger: Triggers,
    #[serde(default)]
    pub(super) component: BTreeMap<String, Component>,
}

/// `[application]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Application {
    /// Its name.
    pub name: String,
    /// Its version, if given.
    #[serde(default)]
    pub version: String,
    /// What it is, if given.
    #[serde(default)]
    pub description: String,
    /// Who made it.
    #[serde(default)]
    pub authors: Vec<String>,
    /// Settings of other tools, unread.
    #[serde(default)]
    pub tool: BTreeMap<String, toml::Table>,
}

/// A `[variables]` entry.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// Whether it must be given.
    #[serde(default)]
    pub required: bool,
    /// Its value unless given.
    #[serde(default)]
    pub default: Option<String>,
    /// Whether its value is a secret; this host prints no values at all.
    #[serde(default)]
    pub secret: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Triggers {
    #[serde(default)]
    pub(super) http: Vec<HttpTrigger>,
    #[serde(default)]
    pub(super) cron: Vec<CronTrigger>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HttpTrigger {
    #[serde(default)]
    #[expect(
        dead_code,
        reason = "accepted as on the platform; nothing here refers to it"
    )]
    pub(super) id: String,
    pub(super) component: String,
    pub(super) route: Route,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Route {
    Pattern(String),
    Private(Private),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Private {
    pub(super) private: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CronTrigger {
    #[serde(default)]
    #[expect(
        dead_code,
        reason = "accepted as on the platform; nothing here refers to it"
    )]
    pub(super) id: String,
    pub(super) component: String,
    pub(super) cron_expression: String,
}

/// `[component.<id>]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// The `.wasm` file, relative to the manifest.
    pub source: String,
    /// What it does.
    #[serde(default)]
    pub description: String,
    /// Templates of the variables which it sees.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// Environment variables of the guest.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Where it may send requests; entries may be templates.
    #[serde(default)]
    pub allowed_outbound_hosts: Vec<String>,
    /// Labels of the key-value stores which it may open.
    #[serde(default)]
    pub key_value_stores: Vec<String>,
    /// How it is built.
    #[serde(default)]
    pub build: Option<Build>,
    /// Settings of other tools, unread.
    #[serde(default)]
    pub tool: BTreeMap<String, toml::Table>,
}

/// `[component.<id>.build]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// The command which Spin runs; this host builds all components with one `cargo build` instead.
    pub command: Command,
    /// Where it runs, relative to the manifest.
    #[serde(default)]
    pub workdir: Option<String>,
    /// Globs which `spin watch` looks at.
    #[serde(default)]
    pub watch: Vec<String>,
}

/// One command or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Command {
    /// One command line.
    One(String),
    /// Command lines to run in order.
    Many(Vec<String>),
}
