//! What the first night found: classes, and people whom somebody has to look at.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON value indexed by a name it does not have is null"
)]

use super::setup::CLEVER;
use super::show::changed;
use crate::say;
use anyhow::bail;
use driver::{District, text};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// How often, and how many times at most, an approved run is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const LOOKS_MAX: u32 = 600;

/// The classes that came with the people.
pub(super) async fn classes(district: &District) -> anyhow::Result<()> {
    let classes = district.all(&district.path("/classes")).await?;
    let members: u64 = classes
        .iter()
        .filter_map(|class| class["member_count"].as_u64())
        .sum();
    say(&format!(
        "   {} has {} classes with {members} places in them.",
        district.tenant,
        classes.len()
    ));
    if let Some(class) = classes.first() {
        say(&format!(
            "   one of them: {}, {} people",
            text(class, "title")?,
            class["member_count"]
        ));
    }
    Ok(())
}

/// Approves what the guard held: the second source of a new tenant knows many whom the first brought,
/// and would change most of the accounts there are.
pub(super) async fn approve(district: &District) -> anyhow::Result<()> {
    let runs = district.admin.get(&district.path("/runs")).await?;
    for run in runs["items"].as_array().into_iter().flatten() {
        if run["state"] != "held" {
            continue;
        }
        let id = text(run, "id")?;
        let applied = see_through(district, id).await?;
        say(&format!(
            "   The guard held {id}: the second source of a new tenant changes most of the accounts"
        ));
        say(&format!(
            "   there are. The administrator looks and approves: {}, {}",
            text(&applied, "state")?,
            changed(&applied["counts"]["total"])
        ));
    }
    Ok(())
}

/// Approves a held run and ticks until it is over.
async fn see_through(district: &District, id: &str) -> anyhow::Result<Value> {
    let path = district.path(&format!("/runs/{id}"));
    let approve = format!("{path}/approve");
    for _ in 0..LOOKS_MAX {
        // Refused while somebody else is at work for the tenant, and once it is on its way.
        let body = json!({});
        district
            .admin
            .send(Method::POST, &approve, Some(&body))
            .await?;
        district.admin.tick().await?;
        let run = district.admin.get(&path).await?;
        if !["held", "applying"].contains(&text(&run, "state")?) {
            return Ok(run);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    bail!("the approved run {id} does not come to an end")
}

/// Two students of Clever share an address: one of them is said to be somebody of their own.
pub(super) async fn resolve_one(district: &District) -> anyhow::Result<()> {
    let clever = district.with_connection(CLEVER);
    let runs = clever.admin.get(&clever.path("/runs")).await?;
    let run = runs["items"].as_array().into_iter().flatten();
    let run = run.clone().find(|run| run["connection"] == CLEVER);
    let Some(run) = run else {
        return Ok(());
    };
    let path = format!("/runs/{}/issues", text(run, "id")?);
    let issues = clever.all(&clever.path(&path)).await?;
    say(&format!(
        "5. Clever shows {} people with something wrong. Two share an address, for instance:",
        issues.len()
    ));
    let shared = issues
        .iter()
        .find(|issue| issue["kind"] == "match_not_unique");
    let Some(shared) = shared else {
        return Ok(());
    };
    say(&format!("   - {}", text(shared, "sentence")?));
    let resolution = json!({"person": shared["external_id"], "resolution": "separate"});
    let path = clever.connection_path("/resolutions");
    clever.admin.put(&path, &resolution).await?;
    let body = json!({"connection": CLEVER});
    let asked = clever.admin.post(&clever.path("/runs"), &body).await?;
    let run = super::show::wait_for(&clever, text(&asked, "run")?).await?;
    say(&format!(
        "   the administrator says that they are two people, and syncs Clever again: {}",
        changed(&run["counts"]["total"])
    ));
    Ok(())
}
