//! Runs a district of any size through an application that runs elsewhere, on Spin for instance:
//! starts the fake providers, prints the variables that the application needs, waits for it, then
//! authorises Google, maps, syncs twice and once by webhook, waits for a change to arrive by push,
//! edits an account and undoes that, and signs a teacher in to an application; syncs the same
//! district twice from Clever and twice from a OneRoster server; sends a spreadsheet; and says what
//! happened.
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
use driver::{
    Agent, Application, District, FileKind, OPERATOR_TOKEN, OneRosterWay, Providers, Relying, text,
};
use fake_providers::clever::{self, FakeClever};
use fake_providers::google::{Change, Config, FakeGoogle, Outcome};
use fake_providers::oneroster::{self, FakeOneRoster};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The fakes' ports, so that the variables are the same at every start.
const GOOGLE_PORT: u16 = 3999;
const CLEVER_PORT: u16 = 3998;
const ONEROSTER_PORT: u16 = 3997;

/// Whose addresses are the district's own.
const DOMAIN: &str = "maplegrove.example";

/// How often an account is looked at while a pushed change is awaited, and how often at most.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const LOOKS_MAX: u32 = 600;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments
        .next()
        .context("the first argument is the application's address")?;
    let people: usize = arguments.next().map_or(Ok(5_000), |text| text.parse())?;
    let redirect = format!("{url}/oauth/google/callback");
    let mut config = Config {
        port: GOOGLE_PORT,
        takes_http_channels: true,
        ..Config::with_redirect(&redirect)
    };
    for client in &mut config.clients {
        client.redirect_uris.push(format!("{url}/callback/google"));
    }
    let district = fake_providers::district::District::maple_grove(1, people);
    let google = FakeGoogle::start(district.clone(), config)
        .await
        .context("starting the fake Google")?;
    let config = clever::Config {
        port: CLEVER_PORT,
        ..clever::Config::default()
    };
    let clever = FakeClever::start(district.clone(), config)
        .await
        .context("starting the fake Clever")?;
    let config = oneroster::Config {
        port: ONEROSTER_PORT,
        ..oneroster::Config::default()
    };
    let oneroster = FakeOneRoster::start(district, config)
        .await
        .context("starting the fake OneRoster server")?;
    let providers = Providers {
        google: google.base_url(),
        clever: Some(clever.base_url()),
        oneroster: Some(oneroster.base_url()),
    };
    for (name, value) in driver::variables(&url, &providers) {
        println!("SPIN_VARIABLE_{}={value}", name.to_uppercase());
    }
    let operator = Application::new(&url, OPERATOR_TOKEN)?;
    wait_until_up(&operator).await?;
    let tenant = format!("maple-grove-{}", seconds()?);
    through_google(&operator, &tenant, &google).await?;
    let more = json!({"email_domains": [DOMAIN]});
    let district = District::bare(&operator, &format!("{tenant}-clever"), "Maple Grove").await?;
    let connected = district.connect_clever(&operator, "clever", &clever, more.clone());
    twice("Clever", &connected.await?).await?;
    let district = District::bare(&operator, &format!("{tenant}-or"), "Maple Grove").await?;
    let way = OneRosterWay::OAuth2;
    let connected = district.connect_oneroster("sis", &oneroster, way, more.clone());
    twice("OneRoster", &connected.await?).await?;
    a_file_is_taken(&district.connect_files("files", more).await?).await?;
    println!("all is well");
    Ok(())
}

async fn through_google(
    operator: &Application,
    tenant: &str,
    google: &FakeGoogle,
) -> anyhow::Result<()> {
    let district = District::create(operator, tenant, "Maple Grove", DOMAIN).await?;
    district
        .authorize(google, &Outcome::allow(&google.accounts().super_admin))
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
    a_change_arrives(google, &district, &accounts).await?;
    an_edit_is_undone(&district, &accounts).await?;
    somebody_signs_in(operator, &district, google).await?;
    let attention = district.all(&district.path("/attention")).await?;
    ensure!(
        attention.is_empty(),
        "something needs attention: {attention:?}"
    );
    let unknown = google.journal().unknown_parameters();
    ensure!(
        unknown.is_empty(),
        "Google was sent parameters it does not know: {unknown:?}"
    );
    Ok(())
}

/// Syncs a district whose schools are taken by themselves; the second night must find nothing.
async fn twice(what: &str, district: &District) -> anyhow::Result<()> {
    for (night, expected) in [("first", "applied"), ("second", "unchanged")] {
        let run = district.sync().await?;
        report(&format!("{what}, {night}"), &run)?;
        ensure!(run["state"] == expected, "it is not {expected}: {run}");
    }
    Ok(())
}

/// Sends a spreadsheet with one bad row among many, accepts the others and fetches the passwords.
async fn a_file_is_taken(district: &District) -> anyhow::Result<()> {
    let header = ["Email address", "First Name", "Last Name", "School"];
    let header = header.map(str::to_owned).to_vec();
    let row = |number: usize| {
        let domain = if number == 0 { "" } else { DOMAIN };
        let email = format!("coach{number}@{domain}");
        let rest = ["Kim", "Coach", "Track"].map(str::to_owned);
        [vec![email], rest.to_vec()].concat()
    };
    let rows: Vec<Vec<String>> = std::iter::once(header).chain((0..500).map(row)).collect();
    let kind = FileKind::named("coaches.csv").of("teacher");
    let sent = district.upload(kind, driver::csv(&rows)).await?;
    let upload = text(&sent, "id")?;
    let bad = district.bad_rows(upload).await?;
    ensure!(bad.contains("coach0@"), "the bad row is not named: {bad}");
    let applied = district.accept(upload, "good").await?;
    let passwords = district.credentials(upload).await?.error_for_status()?;
    let passwords = passwords.text().await?.lines().count();
    println!(
        "a file: {}, {passwords} lines of passwords",
        applied["counts"]["total"]
    );
    ensure!(
        passwords == 500,
        "that is not one for each of 499 people and a header"
    );
    let again = district.credentials(upload).await?.status();
    ensure!(!again.is_success(), "the passwords were handed out twice");
    Ok(())
}

/// Renames somebody at Google and waits until the account follows, without asking for a run.
async fn a_change_arrives(
    google: &FakeGoogle,
    district: &District,
    accounts: &[Value],
) -> anyhow::Result<()> {
    let account = accounts.first().context("there are no accounts")?;
    google.change(&Change::RenameUser {
        user: text(account, "email")?.to_owned(),
        email: None,
        given_name: Some("Renamed".to_owned()),
        family_name: None,
    })?;
    let path = district.path(&format!("/accounts/{}", text(account, "id")?));
    for look in 0..LOOKS_MAX {
        if district.admin.get(&path).await?["given_name"] == "Renamed" {
            println!("a change arrived by push after {look} looks, {LOOK_EVERY:?} apart");
            return Ok(());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let connection = district.admin.get(&district.connection_path("")).await?;
    anyhow::bail!("a change did not arrive: {}", connection["push"])
}

/// A teacher signs in with Google to an application, which asks who it is.
async fn somebody_signs_in(
    operator: &Application,
    district: &District,
    google: &FakeGoogle,
) -> anyhow::Result<()> {
    district
        .set_sign_in(&json!({"methods": ["google"]}))
        .await?;
    let only = json!({"tenants": [district.tenant]});
    let app = Relying::register(operator, "against", "client_secret_basic", &only).await?;
    let teacher = google.accounts().teacher.context("there is no teacher")?;
    let mut browser = Agent::new()?;
    let login = browser.get(&app.request(&[])).await?.location()?;
    let mut to_google = login.clone();
    to_google.set_path(&format!("{}/google", login.path()));
    let page = browser.get(to_google.as_str()).await?.location()?;
    let back = google.consent(page.as_str(), &Outcome::allow(&teacher));
    let back = back.map_err(|page| anyhow::anyhow!("Google shows {page:?}"))?;
    let code = app.code_of(&browser.get(&back).await?)?;
    let tokens = app.redeem(&code).await?;
    let told = app.userinfo(&tokens.access).await?;
    ensure!(told.text.contains(&teacher), "userinfo tells {}", told.text);
    let again = app.redeem_with(&code, &[]).await?;
    ensure!(again.status == 400, "a code works twice");
    println!("a teacher signed in");
    Ok(())
}

/// Edits an account by hand and undoes the commit.
async fn an_edit_is_undone(district: &District, accounts: &[Value]) -> anyhow::Result<()> {
    let account = accounts.last().context("there are no accounts")?;
    let path = district.path(&format!("/accounts/{}", text(account, "id")?));
    let edit = json!({"given_name": "Edited"});
    let answer = district.admin.send(Method::PATCH, &path, Some(&edit));
    let edited = answer.await?.ok()?;
    ensure!(
        edited["given_name"] == "Edited",
        "the edit was not carried out: {edited}"
    );
    let commits = district.admin.get(&district.path("/commits")).await?;
    let newest = &commits["items"][0]["generation"];
    let undo = district.path(&format!("/commits/{newest}/undo"));
    let asked = district.admin.post(&undo, &json!({})).await?;
    report("undo", &district.wait_for(text(&asked, "run")?).await?)?;
    let undone = district.admin.get(&path).await?;
    ensure!(undone == *account, "the undo left something: {undone}");
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
