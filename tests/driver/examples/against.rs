//! Runs a district of any size through an application that runs elsewhere, on Spin for instance:
//! starts the fake Google, prints the variables that the application needs, waits for it, then
//! authorises, maps, syncs twice and once by webhook, and says what happened.
//!
//! ```text
//! cargo run -p driver --example against -- http://127.0.0.1:3000 5000
//! ```

#![expect(
    clippy::print_stdout,
    reason = "what happened is this program's output"
)]
#![expect(
    clippy::indexing_slicing,
    reason = "a JSON value indexed by a name it does not have is null"
)]

use anyhow::{Context as _, ensure};
use driver::{Application, District, OPERATOR_TOKEN, text};
use fake_providers::google::{Config, FakeGoogle, Outcome};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The fake Google's port, so that the variables are the same at every start.
const GOOGLE_PORT: u16 = 3999;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments
        .next()
        .context("the first argument is the application's address")?;
    let people: usize = arguments.next().map_or(Ok(5_000), |text| text.parse())?;
    let redirect = format!("{url}/oauth/google/callback");
    let config = Config {
        port: GOOGLE_PORT,
        ..Config::with_redirect(&redirect)
    };
    let district = fake_providers::district::District::maple_grove(1, people);
    let google = FakeGoogle::start(district, config)
        .await
        .context("starting the fake Google")?;
    for (name, value) in driver::variables(&url, google.base_url()) {
        println!("SPIN_VARIABLE_{}={value}", name.to_uppercase());
    }
    let operator = Application::new(&url, OPERATOR_TOKEN)?;
    wait_until_up(&operator).await?;
    let tenant = format!("maple-grove-{}", seconds()?);
    let district =
        District::create(&operator, &tenant, "Maple Grove", "maplegrove.example").await?;
    district
        .authorize(&google, &Outcome::allow(&google.accounts().super_admin))
        .await?;
    district.assign("/Students", "student").await?;
    district.assign("/Staff", "teacher").await?;
    district.save().await?;
    let first = district.sync().await?;
    report("first", &first)?;
    ensure!(
        first["state"] == "applied",
        "the first run was not applied: {first}"
    );
    let second = district.sync().await?;
    report("second", &second)?;
    ensure!(
        second["state"] == "unchanged",
        "the second run changed something: {second}"
    );
    let minted = district
        .admin
        .post(&district.path("/webhook-secret"), &json!({}))
        .await?;
    let response = district
        .call_webhook(text(&minted, "secret")?, i64::try_from(seconds()?)?, "{}")
        .await?;
    ensure!(
        response.status() == 202,
        "the webhook answered {}",
        response.status()
    );
    let asked: Value = response.json().await?;
    report("webhook", &district.wait_for(text(&asked, "run")?).await?)?;
    let accounts = district.all(&district.path("/accounts")).await?;
    println!("{} accounts", accounts.len());
    ensure!(!accounts.is_empty(), "there are no accounts");
    let unknown = google.journal().unknown_parameters();
    ensure!(
        unknown.is_empty(),
        "Google was sent parameters it does not know: {unknown:?}"
    );
    println!("all is well");
    Ok(())
}

async fn wait_until_up(application: &Application) -> anyhow::Result<()> {
    for _ in 0..600 {
        if application.get("/healthz").await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    anyhow::bail!("the application does not answer at {}", application.url())
}

#[expect(
    clippy::disallowed_methods,
    reason = "this program stands outside the application"
)]
fn seconds() -> anyhow::Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())
}

fn report(what: &str, run: &Value) -> anyhow::Result<()> {
    let took = run["finished_at_ms"].as_i64().unwrap_or_default()
        - run["started_at_ms"].as_i64().unwrap_or_default();
    println!(
        "{what}: {} in {took} ms, {} created, {} calls, phases {}",
        text(run, "state")?,
        run["counts"]["total"]["creates"],
        run["fetched"]["calls"],
        run["phases"],
    );
    Ok(())
}
