//! The demonstration: one district seen through every provider. Maple Grove reads Google, Clever and
//! a spreadsheet; Maple Grove (OneRoster) reads the same people from a OneRoster server. First the
//! nightly job, then a file, then a day's changes and the signed webhook.

mod application;
mod files;
mod findings;
mod setup;
mod show;

use anyhow::Context as _;
use driver::{District, Providers};
use fake_providers::clever::{self, FakeClever};
use fake_providers::google::{self, FakeGoogle};
use fake_providers::oneroster::{self, FakeOneRoster};
use local_host::{Host, Overrides};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// How many people Maple Grove has.
const PEOPLE: usize = 2_000;

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
    /// The admin keys of the two tenants, once everything was set up.
    #[serde(default)]
    admin_keys: Option<[String; 2]>,
    #[serde(default)]
    webhook_secret: Option<String>,
    /// The application that people sign in to.
    #[serde(default)]
    application: Option<application::Registered>,
    /// The address and the first password of somebody who has no account elsewhere.
    #[serde(default)]
    coach: Option<[String; 2]>,
}

/// The same district at every provider.
struct Fakes {
    google: FakeGoogle,
    clever: FakeClever,
    oneroster: FakeOneRoster,
}

/// The two tenants.
struct Tenants {
    /// Reads Google, Clever and a spreadsheet.
    maple_grove: District,
    /// Reads the OneRoster server.
    oneroster: District,
}

/// A demonstration that is ready for its host.
pub(crate) struct Demo {
    fakes: Fakes,
    secrets: Secrets,
    secrets_file: PathBuf,
}

impl Fakes {
    /// The fakes of an application at an address.
    async fn start(url: &str) -> anyhow::Result<Self> {
        let district = || fake_providers::district::District::maple_grove(SEED, PEOPLE);
        let mut config = google::Config::with_redirect(&format!("{url}/oauth/google/callback"));
        for client in &mut config.clients {
            client.redirect_uris.push(format!("{url}/callback/google"));
        }
        let google = FakeGoogle::start(district(), config);
        let config = clever::Config {
            contacts: false,
            ..clever::Config::with_redirect(&format!("{url}/callback/clever"))
        };
        let clever = FakeClever::start(district(), config);
        let mut config = oneroster::Config::default();
        config.class_link.redirect_uris = vec![format!("{url}/callback/classlink")];
        let oneroster = FakeOneRoster::start(district(), config);
        Ok(Self {
            google: google.await.context("starting the fake Google")?,
            clever: clever.await.context("starting the fake Clever")?,
            oneroster: oneroster
                .await
                .context("starting the fake OneRoster server")?,
        })
    }
}

impl Demo {
    /// Starts the fake providers and finds or draws the secrets.
    pub(crate) async fn prepare(listen: SocketAddr, state: &Path) -> anyhow::Result<Self> {
        let secrets_file = state.join(SECRETS_FILE);
        let secrets = setup::secrets(&secrets_file).await?;
        Ok(Self {
            fakes: Fakes::start(&format!("http://{listen}")).await?,
            secrets,
            secrets_file,
        })
    }

    /// The variables of the application.
    pub(crate) fn variables(&self, listen: SocketAddr) -> Overrides {
        let providers = Providers {
            google: self.fakes.google.base_url(),
            clever: Some(self.fakes.clever.base_url()),
            oneroster: Some(self.fakes.oneroster.base_url()),
        };
        let mut variables = driver::variables(&format!("http://{listen}"), &providers);
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

    /// Shows everything once; the application and the fakes stay up afterwards.
    pub(crate) async fn show(&mut self, host: &Host) -> anyhow::Result<()> {
        let tenants = match self.secrets.admin_keys.clone() {
            Some(keys) => setup::reopen(host, (&self.secrets, &keys), &self.fakes).await?,
            None => self.first_night(host).await?,
        };
        show::changes(&self.fakes)?;
        let secret = self.webhook_secret(&tenants.maple_grove).await?;
        show::webhook(host, &tenants.maple_grove, &secret).await?;
        show::roster(&tenants).await?;
        let application = application::start(host, &mut self.secrets).await?;
        self.keep_secrets().await?;
        application::show(host, &application, &self.fakes, &self.secrets);
        show::how_to_go_on(host, &tenants, &self.secrets, &self.fakes);
        Ok(())
    }

    async fn first_night(&mut self, host: &Host) -> anyhow::Result<Tenants> {
        let tenants = setup::create(host, &self.secrets, &self.fakes).await?;
        show::nightly(host, &tenants).await?;
        findings::approve(&tenants.maple_grove).await?;
        findings::classes(&tenants.oneroster).await?;
        findings::resolve_one(&tenants.maple_grove).await?;
        let coach = files::coaches(&tenants.maple_grove, &self.fakes.google).await?;
        self.secrets.coach = Some(coach);
        application::switch_on(host, &self.secrets, &tenants).await?;
        self.secrets.admin_keys = Some([
            tenants.maple_grove.admin.token().to_owned(),
            tenants.oneroster.admin.token().to_owned(),
        ]);
        self.keep_secrets().await?;
        Ok(tenants)
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
