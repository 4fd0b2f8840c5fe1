//! Setting the two tenants up, or finding them set up by an earlier start.

use super::{Fakes, Secrets, Tenants};
use crate::say;
use anyhow::Context as _;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use driver::{Application, District, OneRosterWay};
use fake_providers::google::{FakeGoogle, Outcome};
use local_host::Host;
use rand::RngCore as _;
use serde_json::{Value, json};
use std::path::Path;

/// The tenant that reads Google, Clever and a spreadsheet.
pub(super) const MAPLE_GROVE: &str = "maple-grove";

/// The tenant that reads the OneRoster server.
pub(super) const ONEROSTER_TENANT: &str = "maple-grove-or";

/// The domain of the district.
const DOMAIN: &str = "maplegrove.example";

/// The connection to Clever, the one for files and the one to the OneRoster server.
pub(super) const CLEVER: &str = "clever";
pub(super) const COACHES: &str = "coaches";
const SIS: &str = "sis";

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
        admin_keys: None,
        webhook_secret: None,
        application: None,
        coach: None,
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

/// The settings of a connection whose addresses the district itself hands out.
fn own_addresses() -> Value {
    json!({"email_domains": [DOMAIN]})
}

/// Makes the tenants, their keys and their connections.
pub(super) async fn create(
    host: &Host,
    secrets: &Secrets,
    fakes: &Fakes,
) -> anyhow::Result<Tenants> {
    let operator = application(host, secrets, &secrets.operator_token)?;
    say("1. The operator makes two tenants, and an admin key for each.");
    let maple_grove = District::create(&operator, MAPLE_GROVE, "Maple Grove", DOMAIN).await?;
    let oneroster = District::bare(&operator, ONEROSTER_TENANT, "Maple Grove (OneRoster)").await?;
    say("2. Maple Grove is connected:");
    say("   Google, for staff: consent, callback, connection test, save.");
    authorize(&maple_grove, &fakes.google).await?;
    map_staff(&maple_grove, &fakes.google).await?;
    say("   Clever, for students and teachers: the operator says which district it is, the");
    say("   administrator tests and saves. Its schools become organizations by themselves.");
    maple_grove
        .connect_clever(&operator, CLEVER, &fakes.clever, own_addresses())
        .await?;
    say("   A spreadsheet, for coaches.");
    maple_grove.connect_files(COACHES, own_addresses()).await?;
    say("   Maple Grove (OneRoster) has a server of version 1.2: address, client, test, save.");
    let (server, way) = (&fakes.oneroster, OneRosterWay::OAuth2);
    let oneroster = oneroster
        .connect_oneroster(SIS, server, way, own_addresses())
        .await?;
    Ok(Tenants {
        maple_grove,
        oneroster,
    })
}

/// Finds the tenants of an earlier start. The fakes have forgotten their tokens, as real ones do
/// when somebody revokes them, and the OneRoster server has moved to another port.
pub(super) async fn reopen(
    host: &Host,
    (secrets, keys): (&Secrets, &[String; 2]),
    fakes: &Fakes,
) -> anyhow::Result<Tenants> {
    say("1. The tenants of the last start are still there. Google is authorised again, and the");
    say("   OneRoster server has moved: its connection is revoked, changed, tested and saved.");
    let district = |key: &String, tenant: &str, connection: &str| {
        anyhow::Ok(District {
            admin: application(host, secrets, key)?,
            tenant: tenant.to_owned(),
            connection: connection.to_owned(),
        })
    };
    let [first, second] = keys;
    let maple_grove = district(first, MAPLE_GROVE, "google")?;
    authorize(&maple_grove, &fakes.google).await?;
    let oneroster = district(second, ONEROSTER_TENANT, SIS)?;
    let admin = &oneroster.admin;
    let path = oneroster.connection_path("/revoke");
    admin.post(&path, &json!({})).await?;
    let way = OneRosterWay::OAuth2;
    let edit = json!({"oneroster": way.settings(&fakes.oneroster)});
    let path = oneroster.connection_path("");
    admin
        .send(reqwest::Method::PATCH, &path, Some(&edit))
        .await?
        .ok()?;
    oneroster.save().await?;
    oneroster
        .put_credentials(&way.credentials(&fakes.oneroster))
        .await?;
    oneroster.put_to_use().await?;
    Ok(Tenants {
        maple_grove,
        oneroster,
    })
}

fn application(host: &Host, secrets: &Secrets, token: &str) -> anyhow::Result<Application> {
    let application = Application::new(&host.url(), token)?;
    Ok(application.with_scheduler_token(&secrets.internal_token))
}

async fn authorize(district: &District, google: &FakeGoogle) -> anyhow::Result<()> {
    let account = google.accounts().super_admin;
    district
        .authorize(google, &Outcome::allow(&account))
        .await?;
    district.save().await?;
    Ok(())
}

/// Links the staff of every school to an organization made from its org unit.
async fn map_staff(district: &District, google: &FakeGoogle) -> anyhow::Result<()> {
    let schools = google.district().schools();
    for school in schools {
        let path = format!("/Staff/{}", school.name);
        district.link_new(&path, "teacher").await?;
    }
    district.link_new("/Staff/District Office", "staff").await?;
    say(&format!(
        "   {} schools and the district office are linked to their org units.",
        schools.len()
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
