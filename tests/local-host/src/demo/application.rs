//! An application that people of the two tenants sign in to.

use super::setup::{MAPLE_GROVE, ONEROSTER_TENANT};
use super::{Fakes, Secrets, Tenants};
use crate::say;
use anyhow::Context as _;
use driver::{Application, demo_client};
use local_host::Host;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::net::TcpListener;

/// Where the application listens, if nobody else does.
const PORT: u16 = 3_100;

/// The district's number at the fake `ClassLink`.
const CLASSLINK_TENANT: &str = "9021";

/// The application as the operator registered it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Registered {
    client_id: String,
    client_secret: String,
    /// Its port, which is part of what was registered.
    port: u16,
}

/// Switches the ways to sign in on, once.
pub(super) async fn switch_on(
    host: &Host,
    secrets: &Secrets,
    tenants: &Tenants,
) -> anyhow::Result<()> {
    let operator = Application::new(&host.url(), &secrets.operator_token)?;
    let methods = json!({"methods": ["clever", "google", "password"]});
    tenants.maple_grove.set_sign_in(&methods).await?;
    let methods = json!({"methods": ["classlink"], "classlink_emails": true});
    tenants.oneroster.set_sign_in(&methods).await?;
    let districts = json!({"classlink": [CLASSLINK_TENANT]});
    tenants
        .oneroster
        .set_districts(&operator, &districts)
        .await?;
    Ok(())
}

/// Starts the application, registered if it was not, and returns its address. It runs until this
/// program ends.
pub(super) async fn start(host: &Host, secrets: &mut Secrets) -> anyhow::Result<String> {
    let port = secrets
        .application
        .as_ref()
        .map_or(PORT, |known| known.port);
    let listener = match TcpListener::bind(("127.0.0.1", port)).await {
        Ok(listener) => listener,
        Err(_) => TcpListener::bind(("127.0.0.1", 0))
            .await
            .context("finding a free port")?,
    };
    let port = listener.local_addr()?.port();
    let url = format!("http://127.0.0.1:{port}");
    let known = secrets
        .application
        .take()
        .filter(|known| known.port == port);
    let registered = match known {
        Some(known) => known,
        None => register(host, secrets, &url, port).await?,
    };
    let settings = demo_app::Settings {
        issuer: host.url(),
        client_id: registered.client_id.clone(),
        client_secret: registered.client_secret.clone(),
    };
    secrets.application = Some(registered);
    tokio::spawn(demo_app::serve(listener, settings));
    Ok(url)
}

async fn register(
    host: &Host,
    secrets: &Secrets,
    url: &str,
    port: u16,
) -> anyhow::Result<Registered> {
    let operator = Application::new(&host.url(), &secrets.operator_token)?;
    let mut client = demo_client(url);
    if let Some(client) = client.as_object_mut() {
        client.insert("tenants".to_owned(), json!([MAPLE_GROVE, ONEROSTER_TENANT]));
    }
    let client = operator.register(&client).await?;
    Ok(Registered {
        client_id: client.id,
        client_secret: client.secret,
        port,
    })
}

/// How to sign in.
pub(super) fn show(host: &Host, url: &str, fakes: &Fakes, secrets: &Secrets) {
    let host = host.url();
    say(&format!(
        "10. People sign in. The application is at {url} and knows OpenID Connect alone:"
    ));
    say(&format!(
        "   {url}/login?tenant={MAPLE_GROVE}      Google, Clever or a password"
    ));
    say(&format!(
        "   {url}/login?tenant={ONEROSTER_TENANT}   ClassLink"
    ));
    say(&format!(
        "   {host}/login/{MAPLE_GROVE}/google   as a school's website has it"
    ));
    say("   At the fake providers, type an address of the district:");
    let accounts = fakes.google.accounts();
    for (who, address) in [
        ("a teacher ", accounts.teacher),
        ("a student ", accounts.student),
        ("suspended ", accounts.suspended),
    ] {
        if let Some(address) = address {
            say(&format!("     {who} {address}"));
        }
    }
    if let Some([address, password]) = &secrets.coach {
        say(&format!(
            "   With a password, which has to be changed: {address}  {password}"
        ));
    }
}
