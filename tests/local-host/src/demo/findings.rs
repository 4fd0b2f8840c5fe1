//! What the first night found: classes, and people whom somebody has to look at.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON value indexed by a name it does not have is null"
)]

use super::setup::CLEVER;
use super::show::changed;
use crate::say;
use driver::{District, text};
use serde_json::json;

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
