//! The demonstration: a fake Google with the district Maple Grove, imported through the real
//! components, first by the nightly job and then, after a few changes, by the signed webhook.

mod setup;
mod show;

use anyhow::Context as _;
use driver::District;
use fake_providers::google::{Config, FakeGoogle};
use local_host::{Host, Overrides};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// How many people Maple Grove has.
const PEOPLE: usize = 5_000;

/// From which the district is drawn; another seed draws other people.
const SEED: u64 = 1;

/// The file, in the state directory, that keeps the demonstration's own secrets.
const SECRETS_FILE: &str = "demo.json";

/// Secrets drawn at the first start, so that a second one finds its state.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Secrets {
    operator_token: String,
    internal_token: String,
    seal_keys: String,
    #[serde(default)]
    admin_key: Option<String>,
    #[serde(default)]
    webhook_secret: Option<String>,
}

/// A demonstration that is ready for its host.
pub(crate) struct Demo {
    google: FakeGoogle,
    secrets: Secrets,
    secrets_file: PathBuf,
}

impl Demo {
    /// Starts the fake Google and finds or draws the secrets.
    pub(crate) async fn prepare(listen: SocketAddr, state: &Path) -> anyhow::Result<Self> {
        let secrets_file = state.join(SECRETS_FILE);
        let secrets = setup::secrets(&secrets_file).await?;
        let district = fake_providers::district::District::maple_grove(SEED, PEOPLE);
        let redirect = format!("http://{listen}/oauth/google/callback");
        let google = FakeGoogle::start(district, Config::with_redirect(&redirect))
            .await
            .context("starting the fake Google")?;
        Ok(Self {
            google,
            secrets,
            secrets_file,
        })
    }

    /// The variables of the application.
    pub(crate) fn variables(&self, listen: SocketAddr) -> Overrides {
        let mut variables = driver::variables(&format!("http://{listen}"), self.google.base_url());
        let secrets: BTreeMap<String, String> = [
            ("operator_token", &self.secrets.operator_token),
            ("internal_token", &self.secrets.internal_token),
            ("seal_keys", &self.secrets.seal_keys),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .collect();
        variables.extend(secrets);
        Overrides::Map(variables)
    }

    /// Shows everything once; the application and the fake Google stay up afterwards.
    pub(crate) async fn show(&mut self, host: &Host) -> anyhow::Result<()> {
        let district = match &self.secrets.admin_key {
            Some(key) => setup::reopen(host, key, &self.google).await?,
            None => self.first_night(host).await?,
        };
        show::changes(&self.google)?;
        let secret = self.webhook_secret(&district).await?;
        show::webhook(host, &district, &secret).await?;
        show::roster(&district).await?;
        show::how_to_go_on(
            host,
            &district,
            &self.secrets,
            &secret,
            self.google.base_url(),
        );
        Ok(())
    }

    async fn first_night(&mut self, host: &Host) -> anyhow::Result<District> {
        let district = setup::create(host, &self.secrets.operator_token, &self.google).await?;
        self.secrets.admin_key = Some(district.admin.token().to_owned());
        self.keep_secrets().await?;
        show::nightly(host, &district).await?;
        Ok(district)
    }

    async fn webhook_secret(&mut self, district: &District) -> anyhow::Result<String> {
        if let Some(secret) = &self.secrets.webhook_secret {
            return Ok(secret.clone());
        }
        let minted = district
            .admin
            .post(&district.path("/webhook-secret"), &serde_json::json!({}))
            .await?;
        let secret = driver::text(&minted, "secret")?.to_owned();
        self.secrets.webhook_secret = Some(secret.clone());
        self.keep_secrets().await?;
        Ok(secret)
    }

    async fn keep_secrets(&self) -> anyhow::Result<()> {
        setup::write_secrets(&self.secrets_file, &self.secrets).await
    }
}
