//! What the demonstration shows while it goes.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON value indexed by a name it does not have is null"
)]

use super::{Fakes, Secrets, Tenants};
use crate::say;
use anyhow::{Context as _, bail};
use driver::{District, text};
use fake_providers::{clever, google};
use local_host::Host;
use serde_json::{Value, json};
use std::time::Duration;

/// How often a run under way is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long a run may take before the demonstration gives up on it.
const LOOKS_MAX: u32 = 2_400;

/// Milliseconds of a minute.
const MINUTE_MS: u64 = 60_000;

/// The nightly job, through the scheduler's own door. The nightly time is set to the next minute
/// and the application's clock is put forward to it, so that nobody has to wait until 23:00.
pub(super) async fn nightly(host: &Host, tenants: &Tenants) -> anyhow::Result<()> {
    let now_ms = u64::try_from(host.clock().time().as_millis()).context("reading the clock")?;
    let night_ms = (now_ms / MINUTE_MS + 1) * MINUTE_MS;
    let minutes = night_ms / MINUTE_MS % (24 * 60);
    let nightly_at = format!("{:02}:{:02}", minutes / 60, minutes % 60);
    let edit = json!({"time_zone": "UTC", "nightly_at": nightly_at});
    for district in [&tenants.maple_grove, &tenants.oneroster] {
        let path = district.path("");
        let edited = district
            .admin
            .send(reqwest::Method::PATCH, &path, Some(&edit));
        edited.await?.ok()?;
    }
    say(&format!(
        "3. The nightly time is set to {nightly_at} UTC, and the clock put forward to it."
    ));
    host.clock().set(night_ms);
    let scheduler = host.fire_cron("scheduler", night_ms / 1_000);
    let watching = async {
        say("4. The night, connection by connection:");
        series(&tenants.maple_grove, "r000001").await?;
        series(&tenants.oneroster, "r000001").await
    };
    let (fired, watched) = tokio::join!(scheduler, watching);
    fired.context("the scheduler")?;
    watched
}

/// Changes a few people where they are kept, as a day does.
pub(super) fn changes(fakes: &Fakes) -> anyhow::Result<()> {
    say("7. A day passes: at Google somebody of the staff gets another name, at Clever a student");
    say("   changes grade and another one leaves.");
    let staff = fakes.google.with_directory(|directory| {
        let units = directory.org_units();
        let mut users = directory.users();
        let found = users.find(|user| {
            !user.suspended && !user.archived && units.path(user.org_unit).starts_with("/Staff/")
        });
        found.map(|user| user.email.to_string())
    });
    let renamed = google::Change::RenameUser {
        user: staff.context("the district has no staff")?,
        email: None,
        given_name: Some("Zoë".to_owned()),
        family_name: None,
    };
    let done = fakes.google.change(&renamed);
    done.map_err(|refused| anyhow::anyhow!("{refused}"))?;
    let students: Vec<String> = fakes.clever.with_roster(|roster| {
        let users = roster.users();
        let students = users.filter(|user| user.has(clever::Role::Student));
        students.map(|user| user.id.to_string()).take(2).collect()
    });
    let [first, second] = students.try_into().ok().context("too few students")?;
    let grade = clever::Change::SetGrade {
        user: first,
        grade: Some("PreKindergarten".to_owned()),
    };
    fakes.clever.change(&grade)?;
    let leaves = clever::Change::RemoveUser { user: second };
    fakes.clever.change(&leaves)?;
    Ok(())
}

/// Asks for a resync through the signed webhook and shows what the runs did.
pub(super) async fn webhook(host: &Host, district: &District, secret: &str) -> anyhow::Result<()> {
    let now = i64::try_from(host.clock().time().as_secs()).context("reading the clock")?;
    let response = district.call_webhook(secret, now, "{}").await?;
    let status = response.status();
    let answer: Value = response
        .json()
        .await
        .context("reading the webhook's answer")?;
    say(&format!(
        "8. The signed webhook asks for a resync: {status}, {}",
        text(&answer, "message")?
    ));
    series(district, text(&answer, "run")?).await
}

/// How many people the rosters have, and whom several sources know.
pub(super) async fn roster(tenants: &Tenants) -> anyhow::Result<()> {
    say("9. The rosters:");
    for district in [&tenants.maple_grove, &tenants.oneroster] {
        let accounts = district.all(&district.path("/accounts")).await?;
        let active = accounts
            .iter()
            .filter(|account| account["status"] == "active");
        let several = accounts.iter().filter(|account| {
            account["sources"]
                .as_array()
                .is_some_and(|all| all.len() > 1)
        });
        say(&format!(
            "   {}: {} accounts, {} active, {} known to more than one source",
            district.tenant,
            accounts.len(),
            active.count(),
            several.count(),
        ));
    }
    Ok(())
}

/// Where everything is, and how to try it.
pub(super) fn how_to_go_on(host: &Host, tenants: &Tenants, secrets: &Secrets, fakes: &Fakes) {
    let url = host.url();
    let district = &tenants.maple_grove;
    let key = district.admin.token();
    say("");
    say(&format!(
        "Rollcall        {url}    (OpenAPI: {url}/api/v1/openapi.json)"
    ));
    for (name, address) in [
        ("Fake Google    ", fakes.google.base_url()),
        ("Fake Clever    ", fakes.clever.base_url()),
        ("Fake OneRoster ", fakes.oneroster.base_url()),
    ] {
        say(&format!(
            "{name} {address}    (what it was asked: {address}/_fake/journal)"
        ));
    }
    say(&format!("Operator token  {}", secrets.operator_token));
    say(&format!("Admin keys      {key}    (maple-grove)"));
    say(&format!(
        "                {}    (maple-grove-or)",
        tenants.oneroster.admin.token()
    ));
    if let Some(secret) = &secrets.webhook_secret {
        say(&format!("Webhook secret  {secret}"));
    }
    say("");
    say("Try:");
    for path in [
        "/runs",
        "/accounts?limit=5",
        "/connections",
        "/connections/clever/schools",
        "/classes?limit=5",
        "/uploads",
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

/// Looks at the runs of a series until the last is finished, and says what each did.
async fn series(district: &District, first: &str) -> anyhow::Result<()> {
    let mut id = first.to_owned();
    let mut step = 1;
    let mut steps = 1;
    loop {
        let run = wait_for(district, &id).await?;
        if step == 1 {
            steps = run["connections"].as_array().map_or(1, Vec::len);
        }
        summary(district, &run).await?;
        step += 1;
        if step > steps {
            return Ok(());
        }
        id = format!("{first}-{step:03}");
    }
}

/// Looks at a run until it is finished.
pub(super) async fn wait_for(district: &District, run: &str) -> anyhow::Result<Value> {
    let path = district.path(&format!("/runs/{run}"));
    for _ in 0..LOOKS_MAX {
        let answer = district
            .admin
            .send(reqwest::Method::GET, &path, None)
            .await?;
        // Before its turn comes there is none.
        if answer.status.is_success() && answer.body["finished_at_ms"].is_i64() {
            return Ok(answer.body);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    bail!("the run {run} does not come to an end")
}

/// One run in two lines, and what it changed if that is little.
async fn summary(district: &District, run: &Value) -> anyhow::Result<()> {
    let number = |value: &Value| value.as_i64().unwrap_or_default();
    let took = number(&run["finished_at_ms"]) - number(&run["started_at_ms"]);
    let fetched = &run["fetched"];
    let connection = run["connection"].as_str().unwrap_or("(none)");
    say(&format!(
        "   {}, {connection}: {} in {took} ms; {} people in {} requests, {} kB",
        district.tenant,
        text(run, "state")?,
        number(&fetched["records"]),
        number(&fetched["calls"]),
        number(&fetched["bytes"]) / 1_000,
    ));
    let total = &run["counts"]["total"];
    say(&format!(
        "      {}; {} issues",
        changed(total),
        number(&run["issues"])
    ));
    if let Some(message) = run["failure"]["message"].as_str() {
        say(&format!("      failed: {message}"));
    }
    let is_little = number(&total["creates"]) < 10;
    if is_little && run["state"] == "applied" {
        let path = district.path(&format!("/runs/{}/changes", text(run, "id")?));
        for change in district.all(&path).await?.iter().take(5) {
            let sentence = change["sentence"].as_str().unwrap_or("(no sentence)");
            say(&format!("      - {sentence}"));
        }
    }
    Ok(())
}

/// What a plan changes, in words.
pub(super) fn changed(total: &Value) -> String {
    let words = [
        ("creates", "created"),
        ("updates", "updated"),
        ("suspensions", "suspended"),
        ("restorations", "restored"),
        ("deletions", "deleted"),
    ];
    let said = words.into_iter().filter_map(|(kind, word)| {
        let count = total[kind].as_u64().filter(|count| *count > 0)?;
        Some(format!("{count} {word}"))
    });
    let said: Vec<String> = said.collect();
    if said.is_empty() {
        return "no account changed".to_owned();
    }
    said.join(", ")
}
