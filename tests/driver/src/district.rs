//! One district set up in the application: a tenant, its key, its connection and its rules.

use crate::{Application, LOOK_EVERY, RUN_FOR_MAX, text};
use anyhow::{Context, bail};
use fake_providers::google::{FakeGoogle, Outcome};
use reqwest::Method;
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use serde_json::{Value, json};

/// A tenant with a connection, seen with its admin key.
#[derive(Clone, Debug)]
pub struct District {
    /// The application, with the tenant's admin key.
    pub admin: Application,
    /// The tenant's id.
    pub tenant: String,
    /// The connection's id.
    pub connection: String,
}

impl District {
    /// Makes a tenant, a key for it, and a draft of a Google connection. `operator` has the
    /// operator's token.
    pub async fn create(
        operator: &Application,
        tenant: &str,
        name: &str,
        domain: &str,
    ) -> anyhow::Result<Self> {
        let district = Self::bare(operator, tenant, name).await?;
        let connection =
            json!({"id": "google", "provider": "google", "domain": domain, "mode": "import"});
        district
            .admin
            .post(&district.path("/connections"), &connection)
            .await?;
        Ok(district)
    }

    /// Makes a tenant and a key for it, and no connection: [`District::connection`] names one that
    /// does not exist.
    pub async fn bare(operator: &Application, tenant: &str, name: &str) -> anyhow::Result<Self> {
        operator
            .post("/api/v1/tenants", &json!({"id": tenant, "name": name}))
            .await?;
        let path = format!("/api/v1/tenants/{tenant}/keys");
        let key = operator
            .post(&path, &json!({"label": "setup", "role": "admin"}))
            .await?;
        Ok(Self {
            admin: operator.with_token(text(&key, "secret")?),
            tenant: tenant.to_owned(),
            connection: "google".to_owned(),
        })
    }

    /// The same tenant with another of its connections.
    #[must_use]
    pub fn with_connection(&self, connection: &str) -> Self {
        Self {
            connection: connection.to_owned(),
            ..self.clone()
        }
    }

    /// A path below the tenant.
    pub fn path(&self, rest: &str) -> String {
        format!("/api/v1/tenants/{}{rest}", self.tenant)
    }

    /// A path below the connection.
    pub fn connection_path(&self, rest: &str) -> String {
        self.path(&format!("/connections/{}{rest}", self.connection))
    }

    /// Authorises the connection: opens the start address as a browser does, consents at the fake
    /// Google, and comes back. Returns the page that the administrator sees.
    pub async fn authorize(
        &self,
        google: &FakeGoogle,
        outcome: &Outcome,
    ) -> anyhow::Result<String> {
        let (callback, cookie) = self.consent(google, outcome).await?;
        let response = self
            .admin
            .client()
            .get(&callback)
            .header(COOKIE, cookie)
            .send()
            .await?;
        let status = response.status();
        let page = response.text().await?;
        if !status.is_success() {
            bail!("the callback answered {status}: {page}");
        }
        Ok(page)
    }

    /// The first half of [`District::authorize`]: the callback's address with the provider's
    /// answer, and the cookie of the browser that began.
    pub async fn consent(
        &self,
        google: &FakeGoogle,
        outcome: &Outcome,
    ) -> anyhow::Result<(String, String)> {
        let started = self
            .admin
            .post(&self.connection_path("/authorize"), &json!({}))
            .await?;
        // The start address shows a page of help first; its button leads on.
        let address = format!("{}?continue=1", text(&started, "url")?);
        let response = self.admin.client().get(address).send().await?;
        let header = |name| {
            let value = response.headers().get(name);
            value
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        let address = header(LOCATION)
            .with_context(|| format!("the start page answered {}", response.status()))?;
        let cookie = header(SET_COOKIE).context("the start page set no cookie")?;
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        let callback = google
            .consent(&address, outcome)
            .map_err(|page| anyhow::anyhow!("Google showed the error page {page:?}"))?;
        Ok((callback, cookie))
    }

    /// Puts the connection to use.
    pub async fn save(&self) -> anyhow::Result<Value> {
        self.admin
            .post(&self.connection_path("/save"), &json!({}))
            .await
    }

    /// Gives everybody of an org unit and the units below an account type.
    pub async fn assign(&self, path: &str, account_type: &str) -> anyhow::Result<Value> {
        let subject =
            json!({"kind": "org_unit", "unit": {"path": path}, "include_sub_units": true});
        let body = json!({"subject": subject, "account_type": account_type});
        self.admin
            .post(&self.connection_path("/rules/assignments"), &body)
            .await
    }

    /// Links an org unit, with the units below, to an organization made from it.
    pub async fn link_new(&self, path: &str, role: &str) -> anyhow::Result<Value> {
        let body = json!({
            "unit": {"path": path},
            "new_organization": {},
            "include_sub_units": true,
            "role": role,
        });
        self.admin
            .post(&self.connection_path("/rules/links"), &body)
            .await
    }

    /// Asks for a run and waits until it is finished, ticking as a scheduler does.
    pub async fn sync(&self) -> anyhow::Result<Value> {
        let asked = self.admin.post(&self.path("/runs"), &json!({})).await?;
        self.wait_for(text(&asked, "run")?).await
    }

    /// Asks for runs of all connections and waits until the last is finished; returns their records
    /// in order.
    pub async fn sync_all(&self) -> anyhow::Result<Vec<Value>> {
        let asked = self.admin.post(&self.path("/runs"), &json!({})).await?;
        let first = text(&asked, "run")?;
        let run = self.wait_for(first).await?;
        let expected = run["connections"].as_array().map_or(1, Vec::len);
        let path = self.path(&format!("/runs?series={first}"));
        let waiting = async {
            loop {
                self.admin.tick().await?;
                let runs = self.admin.get(&path).await?;
                let runs = runs["items"].as_array().cloned().unwrap_or_default();
                let finished = runs.iter().filter(|run| run["finished_at_ms"].is_i64());
                if finished.count() >= expected {
                    return anyhow::Ok(runs);
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::time::timeout(RUN_FOR_MAX, waiting)
            .await
            .context("the runs take too long")?
    }

    /// Ticks until a run is finished; returns its record.
    pub async fn wait_for(&self, run: &str) -> anyhow::Result<Value> {
        let path = self.path(&format!("/runs/{run}"));
        let waiting = async {
            loop {
                self.admin.tick().await?;
                let run = self.admin.get(&path).await?;
                if run["finished_at_ms"].is_i64() {
                    return anyhow::Ok(run);
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::time::timeout(RUN_FOR_MAX, waiting)
            .await
            .context("the run takes too long")?
    }

    /// All items of a list, page by page.
    pub async fn all(&self, path: &str) -> anyhow::Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let page = match &cursor {
                Some(cursor) => {
                    self.admin
                        .get(&format!("{path}?limit=500&cursor={cursor}"))
                        .await?
                }
                None => self.admin.get(&format!("{path}?limit=500")).await?,
            };
            items.extend(page["items"].as_array().cloned().unwrap_or_default());
            match page["next"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return Ok(items),
            }
        }
    }

    /// Asks for a run through the signed webhook.
    pub async fn call_webhook(
        &self,
        secret: &str,
        timestamp: i64,
        body: &str,
    ) -> anyhow::Result<reqwest::Response> {
        let signature = crate::sign(secret, timestamp, body.as_bytes())?;
        let url = format!("{}/hooks/sync/{}", self.admin.url(), self.tenant);
        let request = self
            .admin
            .client()
            .request(Method::POST, url)
            .header("x-rollcall-timestamp", timestamp.to_string())
            .header("x-rollcall-signature", signature)
            .body(body.to_owned());
        Ok(request.send().await?)
    }
}
