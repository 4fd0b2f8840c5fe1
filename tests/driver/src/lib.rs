//! Drives a running Rollcall from outside, over HTTP alone, as an operator and an administrator
//! would: for the demonstration, the end-to-end tests and the benchmark.
//!
//! Knows nothing of how the application runs: the same steps work against the local host and
//! against Spin.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON value indexed by a name it does not have is null"
)]

mod agent;
mod clients;
mod connections;
mod district;
mod files;
mod relying;
mod uploads;
mod webhook;

pub use agent::{Agent, Page, fields, parameter};
pub use clients::{Client, demo_client};
pub use connections::OneRosterWay;
pub use district::District;
pub use files::{Sheet, csv, package, workbook};
pub use relying::{
    NONCE, Relying, STATE, Tokens, VERIFIER, challenge, forged, jwt_part, oauth_error,
};
pub use uploads::FileKind;
pub use webhook::sign;

use anyhow::{Context, bail};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// Secrets of an application for tests: long enough, and worth nothing.
pub const OPERATOR_TOKEN: &str = "operator-token-for-tests-of-thirty-two-bytes";

/// The token between a scheduler and the application, for tests.
pub const INTERNAL_TOKEN: &str = "internal-token-for-tests-of-thirty-two-bytes";

/// The keys that seal secrets at rest, for tests.
pub const SEAL_KEYS: &str = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Where fake providers listen: each as scheme, host and port.
#[derive(Clone, Copy, Debug, Default)]
pub struct Providers<'a> {
    /// Google.
    pub google: &'a str,
    /// Clever, if there is one.
    pub clever: Option<&'a str>,
    /// A OneRoster server with ClassLink in front, if there is one.
    pub oneroster: Option<&'a str>,
}

/// The variables of an application that listens at `public_url` and takes its people from fakes.
pub fn variables(public_url: &str, providers: &Providers<'_>) -> BTreeMap<String, String> {
    let google = providers.google;
    let certs = format!("{google}/oauth2/v3/certs");
    let mut variables = vec![
        ("operator_token", OPERATOR_TOKEN),
        ("internal_token", INTERNAL_TOKEN),
        ("seal_keys", SEAL_KEYS),
        ("public_url", public_url),
        ("app_url", public_url),
        // Applications of tests listen wherever a port is free.
        ("application_host", "http://127.0.0.1:*"),
        ("google_client_id", fake_providers::google::CLIENT_ID),
        (
            "google_client_secret",
            fake_providers::google::CLIENT_SECRET,
        ),
        ("google_accounts_url", google),
        ("google_oauth_url", google),
        ("google_api_url", google),
        ("google_certs_url", &certs),
        ("google_certs_host", google),
    ];
    if let Some(clever) = providers.clever {
        variables.extend([
            ("clever_client_id", fake_providers::clever::CLIENT_ID),
            (
                "clever_client_secret",
                fake_providers::clever::CLIENT_SECRET,
            ),
            ("clever_oauth_url", clever),
            ("clever_api_url", clever),
        ]);
    }
    if let Some(oneroster) = providers.oneroster {
        variables.extend([
            ("oneroster_hosts", oneroster),
            ("oneroster_dev_host", oneroster),
            (
                "classlink_partner_key",
                fake_providers::oneroster::PARTNER_KEY,
            ),
            ("classlink_proxy_url", oneroster),
            (
                "classlink_client_id",
                fake_providers::oneroster::LAUNCHPAD_CLIENT_ID,
            ),
            (
                "classlink_client_secret",
                fake_providers::oneroster::LAUNCHPAD_CLIENT_SECRET,
            ),
            ("classlink_launchpad_url", oneroster),
            ("classlink_info_url", oneroster),
        ]);
    }
    variables
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// How long a run may take before it is given up on.
const RUN_FOR_MAX: Duration = Duration::from_mins(10);

/// How often a run under way is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// An answer of the application.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body, `Null` when it is not JSON.
    pub body: Value,
    /// The `content-type`.
    pub media_type: String,
}

impl Answer {
    /// An answer, read whole.
    pub async fn of(response: reqwest::Response) -> anyhow::Result<Self> {
        let status = response.status();
        let media_type = response
            .headers()
            .get(reqwest::header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        let bytes = response.bytes().await?;
        Ok(Self {
            status,
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
            media_type,
        })
    }

    /// The body of a success; otherwise an error with what the application said.
    pub fn ok(self) -> anyhow::Result<Value> {
        if self.status.is_success() {
            return Ok(self.body);
        }
        bail!("the application answered {}: {}", self.status, self.body)
    }
}

/// A running application, seen by somebody with a bearer token.
#[derive(Clone, Debug)]
pub struct Application {
    url: String,
    token: String,
    /// What the application knows its scheduler by.
    scheduler_token: String,
    client: reqwest::Client,
}

impl Application {
    /// The application at this address, seen with this token.
    pub fn new(url: &str, token: &str) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_mins(1))
            .build()
            .context("making an HTTP client")?;
        Ok(Self {
            url: url.trim_end_matches('/').to_owned(),
            token: token.to_owned(),
            scheduler_token: INTERNAL_TOKEN.to_owned(),
            client,
        })
    }

    /// The same application with another token between it and its scheduler.
    #[must_use]
    pub fn with_scheduler_token(self, token: &str) -> Self {
        Self {
            scheduler_token: token.to_owned(),
            ..self
        }
    }

    /// The same application seen with another token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: token.to_owned(),
            ..self.clone()
        }
    }

    /// Its address, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The token it is seen with.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// A client that follows no redirects, for requests that are not of the API.
    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// Sends a request to a path, with a JSON body if there is one.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Answer> {
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request
            .send()
            .await
            .with_context(|| format!("asking for {path}"))?;
        Answer::of(response)
            .await
            .with_context(|| format!("reading {path}"))
    }

    /// Reads a path that must be a success.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.send(Method::GET, path, None).await?.ok()
    }

    /// Posts to a path; the answer must be a success.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.send(Method::POST, path, Some(body)).await?.ok()
    }

    /// Puts to a path; the answer must be a success.
    pub async fn put(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.send(Method::PUT, path, Some(body)).await?.ok()
    }

    /// Does what a scheduler does in a minute: ticks until there is nothing left to do.
    pub async fn tick(&self) -> anyhow::Result<()> {
        let scheduler = self.with_token(&self.scheduler_token);
        loop {
            let report = scheduler
                .send(Method::POST, "/internal/tick", None)
                .await?
                .ok()?;
            if report["more"] != Value::Bool(true) {
                return Ok(());
            }
        }
    }
}

/// The text of a field that must be there.
pub fn text<'a>(value: &'a Value, field: &str) -> anyhow::Result<&'a str> {
    value[field]
        .as_str()
        .with_context(|| format!("the answer has no {field}: {value}"))
}
