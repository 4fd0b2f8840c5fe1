//! A provider that is measured: its fake, how the application is connected to it, and the floor.

mod clever;
mod google;
mod oneroster;
mod pages;

pub(crate) use clever::Clever;
pub(crate) use google::Google;
pub(crate) use oneroster::OneRoster;

use driver::{Application, District, text};
use fake_providers::journal::{Entry, Journal};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// From which districts are drawn.
pub(crate) const SEED: u64 = 1;

/// The id of the tenant.
const TENANT: &str = "bench";

/// What there is to read.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Extent {
    /// Linked org units or lists, each a chain of pages.
    pub(crate) chains: usize,
    /// Pages that these have.
    pub(crate) pages_expected: u64,
    /// People who are in scope.
    pub(crate) people: u64,
    /// Classes.
    pub(crate) classes: u64,
    /// Places of people in classes.
    pub(crate) class_members: u64,
}

/// A provider that is measured.
pub(crate) trait Source {
    /// The application's variables beside those that every application has.
    fn variables(&self) -> BTreeMap<String, String>;

    /// Sets the tenant up from outside, up to a connection that is in use.
    async fn set_up(&self, operator: &Application) -> anyhow::Result<District>;

    /// Has the fake prepare its answers, which nobody should be charged for, and looks at what
    /// there is to read.
    async fn prepare(&mut self) -> anyhow::Result<Extent>;

    /// Downloads and parses the same pages over so many connections at once.
    async fn floor(&self, connections: usize) -> anyhow::Result<Duration>;

    /// Gives every hundredth person another family name.
    fn rename_some(&self) -> anyhow::Result<()>;

    /// Holds back every answer with data from now on.
    fn set_latency(&self, milliseconds: u64);

    /// What the fake was asked for.
    fn journal(&self) -> &Journal;

    /// Whether this was a page of data.
    fn is_page(&self, entry: &Entry) -> bool;
}

/// Makes a tenant with a connection that `new` describes and takes `credentials`, if there are
/// any; tests the connection and puts it to use.
async fn connect(
    operator: &Application,
    name: &str,
    new: &Value,
    credentials: Option<&Value>,
) -> anyhow::Result<District> {
    let district = tenant(operator, name, text(new, "id")?).await?;
    // Only the operator may say which district our own keys read.
    operator.post(&district.path("/connections"), new).await?;
    if let Some(credentials) = credentials {
        let path = district.connection_path("/credentials");
        let put = district
            .admin
            .send(reqwest::Method::PUT, &path, Some(credentials));
        put.await?.ok()?;
    }
    let path = district.connection_path("/test");
    district.admin.post(&path, &json!({})).await?;
    district.save().await?;
    Ok(district)
}

/// Makes a tenant and a key for its administrator.
pub(crate) async fn tenant(
    operator: &Application,
    name: &str,
    connection: &str,
) -> anyhow::Result<District> {
    let new = json!({"id": TENANT, "name": name});
    operator.post("/api/v1/tenants", &new).await?;
    let path = format!("/api/v1/tenants/{TENANT}/keys");
    let key = json!({"label": "bench", "role": "admin"});
    let key = operator.post(&path, &key).await?;
    Ok(District {
        admin: operator.with_token(text(&key, "secret")?),
        tenant: TENANT.to_owned(),
        connection: connection.to_owned(),
    })
}

/// Names and values as the variables of an application.
fn named<const N: usize>(variables: [(&str, &str); N]) -> BTreeMap<String, String> {
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    variables.into_iter().map(owned).collect()
}
