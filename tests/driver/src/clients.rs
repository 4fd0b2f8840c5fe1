//! Applications registered with the OpenID provider, and how people of a district sign in.

use crate::{Answer, Application, District, text};
use anyhow::Context;
use reqwest::header::{ETAG, IF_MATCH};
use serde_json::{Value, json};

/// An application that was registered.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its id.
    pub id: String,
    /// Its secret; empty for one that has none.
    pub secret: String,
}

impl Application {
    /// Registers an application, as the operator.
    pub async fn register(&self, client: &Value) -> anyhow::Result<Client> {
        let made = self.post("/api/v1/clients", client).await?;
        Ok(Client {
            id: text(&made, "id")?.to_owned(),
            secret: made["secret"].as_str().unwrap_or_default().to_owned(),
        })
    }
}

/// What is registered of the demonstration application at an address.
pub fn demo_client(address: &str) -> Value {
    json!({
        "name": "Demo application",
        "redirect_uris": [format!("{address}/callback")],
        "post_logout_redirect_uris": [format!("{address}/")],
        "initiate_login_uri": format!("{address}/login"),
        "backchannel_logout_uri": format!("{address}/backchannel-logout"),
        "token_endpoint_auth_method": "client_secret_basic",
    })
}

impl District {
    /// Says how people may sign in.
    pub async fn set_sign_in(&self, settings: &Value) -> anyhow::Result<Value> {
        replace(&self.admin, &self.path("/sign-in"), settings).await
    }

    /// Says which districts' people at Clever and `ClassLink` are the tenant's, as the operator.
    pub async fn set_districts(
        &self,
        operator: &Application,
        districts: &Value,
    ) -> anyhow::Result<Value> {
        replace(operator, &self.path("/sign-in/districts"), districts).await
    }
}

/// Replaces what is there, whatever its version.
async fn replace(who: &Application, path: &str, value: &Value) -> anyhow::Result<Value> {
    let url = format!("{}{path}", who.url());
    let found = who
        .client()
        .get(&url)
        .bearer_auth(who.token())
        .send()
        .await?;
    let version = found.headers().get(ETAG).context("there is no version")?;
    let request = who.client().put(&url).bearer_auth(who.token());
    let request = request.header(IF_MATCH, version).json(value);
    Answer::of(request.send().await?).await?.ok()
}
