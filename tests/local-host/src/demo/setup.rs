//! Setting the district up, or finding it set up by an earlier start.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON value indexed by a name it does not have is null"
)]

use super::Secrets;
use crate::say;
use anyhow::Context as _;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use driver::{Application, District};
use fake_providers::google::{FakeGoogle, Outcome};
use local_host::Host;
use rand::RngCore as _;
use serde_json::json;
use std::path::Path;

/// The tenant of the demonstration.
const TENANT: &str = "maple-grove";

/// The domain of the district.
const DOMAIN: &str = "maplegrove.example";

/// Reads the secrets of an earlier start, or draws new ones.
pub(super) async fn secrets(file: &Path) -> anyhow::Result<Secrets> {
    if let Ok(bytes) = tokio::fs::read(file).await {
        return serde_json::from_slice(&bytes)
            .with_context(|| format!("reading {}: remove it to start afresh", file.display()));
    }
    let secrets = Secrets {
        operator_token: random_token(),
        internal_token: random_token(),
        seal_keys: format!("demo:{}", BASE64_STANDARD.encode(random())),
        admin_key: None,
        webhook_secret: None,
    };
    write_secrets(file, &secrets).await?;
    Ok(secrets)
}

/// Keeps the secrets for the next start.
pub(super) async fn write_secrets(file: &Path, secrets: &Secrets) -> anyhow::Result<()> {
    if let Some(directory) = file.parent() {
        tokio::fs::create_dir_all(directory).await?;
    }
    let bytes = serde_json::to_vec_pretty(secrets)?;
    tokio::fs::write(file, bytes)
        .await
        .with_context(|| format!("writing {}", file.display()))
}

/// Makes the tenant and its key, authorises the connection, and maps the org units.
pub(super) async fn create(
    host: &Host,
    operator_token: &str,
    google: &FakeGoogle,
) -> anyhow::Result<District> {
    let operator = Application::new(&host.url(), operator_token)?;
    say("1. The operator makes the tenant Maple Grove and an admin key for it.");
    let district = District::create(&operator, TENANT, "Maple Grove", DOMAIN).await?;
    say("2. The administrator authorises Google: consent, callback, connection test, save.");
    authorize(&district, google).await?;
    say("3. Each school becomes an organization, linked to its org units:");
    map(&district, google).await?;
    Ok(district)
}

/// Finds the district of an earlier start. The fake Google has forgotten its tokens, as a real one
/// does when somebody revokes them, so the connection is authorised again.
pub(super) async fn reopen(
    host: &Host,
    admin_key: &str,
    google: &FakeGoogle,
) -> anyhow::Result<District> {
    say("1. The district of the last start is still there; its connection is authorised again.");
    let district = District {
        admin: Application::new(&host.url(), admin_key)?,
        tenant: TENANT.to_owned(),
        connection: "google".to_owned(),
    };
    authorize(&district, google).await?;
    Ok(district)
}

async fn authorize(district: &District, google: &FakeGoogle) -> anyhow::Result<()> {
    let account = google.accounts().super_admin;
    district
        .authorize(google, &Outcome::allow(&account))
        .await?;
    district.save().await?;
    Ok(())
}

/// Links every school's unit below `/Students` and `/Staff` to one organization for the school.
async fn map(district: &District, google: &FakeGoogle) -> anyhow::Result<()> {
    let units = district
        .admin
        .get(&district.connection_path("/org-units"))
        .await?;
    let units = units["items"].as_array().cloned().unwrap_or_default();
    let paths: Vec<&str> = units
        .iter()
        .filter_map(|unit| unit["path"].as_str())
        .collect();
    let below = |top: &str| -> Vec<String> {
        let children = paths.iter().filter_map(|path| path.strip_prefix(top));
        children
            .filter(|name| !name.contains('/'))
            .map(str::to_owned)
            .collect()
    };
    let mut organizations = std::collections::BTreeMap::new();
    for school in below("/Students/") {
        let path = format!("/Students/{school}");
        let rules = district.link_new(&path, "student").await?;
        let links = rules["links"].as_array().cloned().unwrap_or_default();
        let link = links
            .iter()
            .find(|link| link["unit"]["path"] == path.as_str());
        if let Some(id) = link.and_then(|link| link["organization"].as_str()) {
            organizations.insert(school, id.to_owned());
        }
    }
    for office in below("/Staff/") {
        let path = format!("/Staff/{office}");
        let Some(organization) = organizations.get(&office) else {
            district.link_new(&path, "staff").await?;
            continue;
        };
        let link = json!({
            "unit": {"path": path},
            "organization": organization,
            "include_sub_units": true,
            "role": "teacher",
        });
        district
            .admin
            .post(&district.connection_path("/rules/links"), &link)
            .await?;
    }
    let known = google.with_directory(fake_providers::google::Directory::user_count);
    say(&format!(
        "   {} schools, {} org units of {}; Google has {known} people.",
        organizations.len(),
        organizations.len() * 2 + 1,
        units.len(),
    ));
    Ok(())
}

fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}

fn random_token() -> String {
    BASE64_STANDARD.encode(random())
}
