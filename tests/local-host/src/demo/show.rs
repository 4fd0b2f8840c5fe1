//! What the demonstration shows while it goes.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON value indexed by a name it does not have is null"
)]

use super::Secrets;
use crate::say;
use anyhow::{Context as _, bail};
use driver::{District, text};
use fake_providers::google::{Change, FakeGoogle};
use local_host::Host;
use serde_json::{Value, json};
use std::time::Duration;

/// How often a run under way is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long a run may take before the demonstration gives up on it.
const LOOKS_MAX: u32 = 1_200;

/// Milliseconds of a minute.
const MINUTE_MS: u64 = 60_000;

/// The nightly job, through the scheduler's own door. The nightly time is set to the next minute
/// and the application's clock is put forward to it, so that nobody has to wait until 23:00.
pub(super) async fn nightly(host: &Host, district: &District) -> anyhow::Result<()> {
    let now_ms = u64::try_from(host.clock().time().as_millis()).context("reading the clock")?;
    let night_ms = (now_ms / MINUTE_MS + 1) * MINUTE_MS;
    let minutes = night_ms / MINUTE_MS % (24 * 60);
    let nightly_at = format!("{:02}:{:02}", minutes / 60, minutes % 60);
    let edit = json!({"time_zone": "UTC", "nightly_at": nightly_at});
    let path = district.path("");
    district
        .admin
        .send(reqwest::Method::PATCH, &path, Some(&edit))
        .await?
        .ok()?;
    say(&format!(
        "4. The nightly time is set to {nightly_at} UTC, and the clock put forward to it."
    ));
    host.clock().set(night_ms);
    let scheduler = host.fire_cron("scheduler", night_ms / 1_000);
    let watching = watch(district, "r000001");
    let (fired, run) = tokio::join!(scheduler, watching);
    fired.context("the scheduler")?;
    summary(&run?);
    Ok(())
}

/// Changes a few people at Google, as a day does.
pub(super) fn changes(google: &FakeGoogle) -> anyhow::Result<()> {
    let (renamed, suspended, deleted) = google.with_directory(|directory| {
        let mut people = directory
            .users()
            .filter(|user| user.grade.is_some() && !user.suspended && !user.archived)
            .map(|user| user.email.to_string());
        (people.nth(100), people.nth(200), people.nth(300))
    });
    say("5. A day passes at Google: one person gets another name, one is suspended, one deleted.");
    let person = |found: Option<String>| found.context("the district has too few people");
    for change in [
        Change::RenameUser {
            user: person(renamed)?,
            email: None,
            given_name: Some("Zoë".to_owned()),
            family_name: None,
        },
        Change::SetSuspended {
            user: person(suspended)?,
            suspended: true,
        },
        Change::DeleteUser {
            user: person(deleted)?,
        },
    ] {
        google
            .change(&change)
            .map_err(|refused| anyhow::anyhow!("{refused}"))?;
    }
    Ok(())
}

/// Asks for a resync through the signed webhook and shows what the run did.
pub(super) async fn webhook(host: &Host, district: &District, secret: &str) -> anyhow::Result<()> {
    let now = i64::try_from(host.clock().time().as_secs()).context("reading the clock")?;
    let response = district.call_webhook(secret, now, "{}").await?;
    let status = response.status();
    let answer: Value = response
        .json()
        .await
        .context("reading the webhook's answer")?;
    say(&format!(
        "6. The signed webhook asks for a resync: {status}, {}",
        text(&answer, "message")?
    ));
    let run = watch(district, text(&answer, "run")?).await?;
    summary(&run);
    let path = district.path(&format!("/runs/{}/changes", text(&run, "id")?));
    for change in district.all(&path).await?.iter().take(10) {
        say(&format!(
            "   - {}",
            change["sentence"].as_str().unwrap_or("(no sentence)")
        ));
    }
    Ok(())
}

/// How many people the roster has, and one of them.
pub(super) async fn roster(district: &District) -> anyhow::Result<()> {
    let accounts = district.all(&district.path("/accounts")).await?;
    let active = accounts
        .iter()
        .filter(|account| account["status"] == "active")
        .count();
    say(&format!(
        "7. The roster has {} accounts, {active} of them active.",
        accounts.len()
    ));
    Ok(())
}

/// Where everything is, and how to try it.
pub(super) fn how_to_go_on(
    host: &Host,
    district: &District,
    secrets: &Secrets,
    webhook_secret: &str,
    google_url: &str,
) {
    let url = host.url();
    let key = district.admin.token();
    say("");
    say(&format!(
        "Rollcall    {url}    (OpenAPI: {url}/api/v1/openapi.json)"
    ));
    say(&format!(
        "Fake Google {google_url}    (what it was asked: {google_url}/_fake/journal)"
    ));
    say(&format!("Operator token  {}", secrets.operator_token));
    say(&format!("Admin key       {key}"));
    say(&format!("Webhook secret  {webhook_secret}"));
    say("");
    say("Try:");
    for path in [
        "/runs",
        "/accounts?limit=5",
        "/connections/google/rules",
        "/audit",
    ] {
        let path = district.path(path);
        say(&format!(
            "  curl -s -H 'Authorization: Bearer {key}' '{url}{path}'"
        ));
    }
    let path = district.path("/runs");
    say(&format!(
        "  curl -s -X POST -H 'Authorization: Bearer {key}' '{url}{path}'"
    ));
    say("");
}

/// Looks at a run until it is finished and says when it enters a phase.
async fn watch(district: &District, run: &str) -> anyhow::Result<Value> {
    let path = district.path(&format!("/runs/{run}"));
    let mut shown = String::new();
    for _ in 0..LOOKS_MAX {
        let answer = district
            .admin
            .send(reqwest::Method::GET, &path, None)
            .await?;
        if answer.status.is_success() {
            let run = answer.body;
            let state = text(&run, "state")?;
            if state != shown {
                say(&format!("   {run_id}: {state}", run_id = text(&run, "id")?));
                state.clone_into(&mut shown);
            }
            if run["finished_at_ms"].is_i64() {
                return Ok(run);
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    bail!("the run {run} does not come to an end")
}

/// One run in four lines: phases with times, requests, changes, issues.
fn summary(run: &Value) {
    let number = |value: &Value| value.as_i64().unwrap_or_default();
    let phases = run["phases"].as_array().cloned().unwrap_or_default();
    let times: Vec<String> = phases
        .iter()
        .map(|phase| {
            let took = number(&phase["finished_at_ms"]) - number(&phase["started_at_ms"]);
            format!("{} {took} ms", phase["phase"].as_str().unwrap_or_default())
        })
        .collect();
    let took = number(&run["finished_at_ms"]) - number(&run["started_at_ms"]);
    let fetched = &run["fetched"];
    let total = &run["counts"]["total"];
    say(&format!(
        "   phases: {} (in all {took} ms)",
        times.join(", ")
    ));
    say(&format!(
        "   read: {} people in {} requests, {} kB",
        number(&fetched["records"]),
        number(&fetched["calls"]),
        number(&fetched["bytes"]) / 1_000,
    ));
    say(&format!(
        "   changes: {} created, {} updated, {} suspended, {} restored, {} deleted; {} issues",
        number(&total["creates"]),
        number(&total["updates"]),
        number(&total["suspensions"]),
        number(&total["restorations"]),
        number(&total["deletions"]),
        number(&run["issues"]),
    ));
    if let Some(message) = run["failure"]["message"].as_str() {
        say(&format!("   failed: {message}"));
    }
}
