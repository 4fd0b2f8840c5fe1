//! What is asserted of a row, whatever its fault.

use super::row::{Break, DOUBTED, NAMED, Row};
use super::scene::{LEASE, Perturbed, Roster, Scene};
use anyhow::{Context, bail, ensure};
use driver::text;
use fake_providers::faults::{Fault, FaultKind};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

const USERS: &str = "/admin/directory/v1/users";

/// Starts in sync, changes three people at the source, breaks something, runs, and looks; then
/// takes the fault back and runs again.
pub(crate) async fn row(scene: &mut Scene, row: &Row) -> anyhow::Result<()> {
    let before = scene.roster().await?;
    let commits = scene.commits();
    let perturbed = scene.perturb()?;
    let run = broken_run(scene, row.breaks).await?;
    let after = scene.roster().await?;
    ends_as_it_must(row, &run)?;
    nobody_is_lost(&before, &after, &perturbed)?;
    let changes = changes(scene, &run).await?;
    nothing_is_mixed(row, &before, &after, &changes, &perturbed)?;
    let made = scene.commits() - commits;
    let wanted = usize::from(run["state"] == "applied");
    ensure!(made == wanted, "{made} commits instead of {wanted}: {run}");
    names_nobody(scene, &before, &run).await?;
    recovers(scene, row).await
}

async fn broken_run(scene: &mut Scene, breaks: Break) -> anyhow::Result<Value> {
    match breaks {
        Break::Answers(faults) => {
            let faults = faults(scene);
            for fault in faults {
                scene.world.google.faults().add(fault);
            }
            let run = scene.sync().await?;
            let fired = scene.world.google.faults().fired();
            ensure!(
                fired.iter().all(|times| *times > 0),
                "no fault was met: {run}"
            );
            Ok(run)
        }
        Break::Before(act) => {
            act(scene).await?;
            scene.sync().await
        }
        Break::Kill(crash) => {
            let known = scene.number().await?;
            let host = scene.world.host()?;
            host.controls().crash_at(Some(crash));
            let died = tokio::select! {
                () = host.crashed() => true,
                _ = scene.sync() => false,
            };
            ensure!(died, "the host lived: the operation was never met");
            scene.world.restart().await?;
            scene.world.advance(LEASE)?;
            scene.see_through(known).await
        }
        Break::Midway(act) => {
            let known = midway(scene).await?;
            act(scene).await?;
            scene.see_through(known).await
        }
        Break::Own(act) => act(scene).await,
        Break::Store(failure) => {
            scene.world.host()?.controls().fail_at(Some(failure));
            let run = scene.sync().await?;
            let met = scene.world.host()?.controls().failures_met();
            ensure!(met == failure.times, "{met} operations failed: {run}");
            Ok(run)
        }
    }
}

/// Leaves a run waiting in the middle of the list of students; gives the number of the run before.
pub(crate) async fn midway(scene: &Scene) -> anyhow::Result<u64> {
    let kind = FaultKind::Error {
        status: 429,
        reason: None,
        retry_after_seconds: Some(30),
    };
    let fault = Fault::at(USERS, kind).page(2).times(1);
    scene.world.google.faults().add(fault);
    let known = scene.number().await?;
    scene.ask().await;
    for _ in 0..500 {
        scene.district.admin.tick().await?;
        let newest = scene.newest().await?.unwrap_or_default();
        if newest["wait_until_ms"].is_i64() {
            ensure!(newest["state"] == "fetching", "{newest}");
            return Ok(known);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    bail!("the run never waited")
}

fn ends_as_it_must(row: &Row, run: &Value) -> anyhow::Result<()> {
    ensure!(run["state"] == row.ends.state, "the run ended so: {run}");
    let code = run["failure"]["code"].as_str();
    ensure!(code == row.ends.code, "the run failed so: {run}");
    let is_named = run["issues"].as_u64() > Some(0);
    let must_be_named = [DOUBTED, NAMED].contains(&row.must);
    ensure!(is_named || !must_be_named, "nobody is named: {run}");
    Ok(())
}

/// Whoever was active and was not removed at the source is active.
fn nobody_is_lost(before: &Roster, after: &Roster, perturbed: &Perturbed) -> anyhow::Result<()> {
    let lost = before.iter().filter(|(id, account)| {
        let is_active = |account: &Value| account["status"] == "active";
        is_active(account)
            && account["email"] != *perturbed.deleted
            && !after.get(*id).is_some_and(is_active)
    });
    let lost = lost.count();
    ensure!(lost == 0, "{lost} of {} accounts are lost", before.len());
    Ok(())
}

/// The changes of a run, by account.
async fn changes(scene: &Scene, run: &Value) -> anyhow::Result<BTreeMap<String, Value>> {
    let path = format!("/runs/{}/changes", text(run, "id")?);
    let mut changes = BTreeMap::new();
    for change in scene.district.all(&scene.district.path(&path)).await? {
        changes.insert(text(&change["after"], "id")?.to_owned(), change);
    }
    Ok(changes)
}

/// The roster is the one before, or the one before with exactly what the history says, and that is
/// nothing but what was changed at the source.
fn nothing_is_mixed(
    row: &Row,
    before: &Roster,
    after: &Roster,
    changes: &BTreeMap<String, Value>,
    perturbed: &Perturbed,
) -> anyhow::Result<()> {
    let mut replayed = before.clone();
    if row.ends.state == "applied" {
        for (id, change) in changes {
            let kind = text(change, "kind")?;
            let address = text(&change["after"], "email")?;
            let is_true = match kind {
                "create" => address == perturbed.added,
                "suspend" => address == perturbed.deleted,
                "update" => address == perturbed.renamed,
                _ => false,
            };
            ensure!(is_true, "nobody did this at the source: {change}");
            replayed.insert(id.clone(), change["after"].clone());
        }
    }
    let differing = replayed
        .iter()
        .filter(|(id, account)| after.get(*id) != Some(account));
    ensure!(
        differing.count() == 0 && replayed.len() == after.len(),
        "the roster is not what the history says"
    );
    let touched = replayed
        .iter()
        .filter(|(id, account)| before.get(*id) != Some(account));
    let touched = touched.count();
    ensure!(touched == row.ends.changes, "{touched} accounts changed");
    Ok(())
}

/// Neither the run nor its issues name a person.
async fn names_nobody(scene: &Scene, before: &Roster, run: &Value) -> anyhow::Result<()> {
    let path = format!("/runs/{}/issues", text(run, "id")?);
    let issues = scene.district.all(&scene.district.path(&path)).await?;
    let said = format!("{run} {issues:?}").to_lowercase();
    for account in before.values() {
        let address = text(account, "email")?;
        let (local, _) = address.split_once('@').context("an address without @")?;
        ensure!(!said.contains(local), "the run's record names a person");
    }
    Ok(())
}

/// Without the fault the next run ends in exactly the right roster.
async fn recovers(scene: &mut Scene, row: &Row) -> anyhow::Result<()> {
    scene.world.google.faults().clear();
    let controls = scene.world.host()?.controls();
    controls.fail_at(None);
    controls.crash_at(None);
    if let Some(act) = row.mends {
        act(scene).await?;
    }
    let commits = scene.commits();
    let run = scene.sync().await.context("after the fault")?;
    let wanted = if row.ends.changes < 3 {
        "applied"
    } else {
        "unchanged"
    };
    ensure!(run["state"] == wanted, "after the fault: {run}");
    let made = scene.commits() - commits;
    ensure!(
        made == usize::from(wanted == "applied"),
        "{made} commits after the fault"
    );
    scene.is_exact().await.context("after the fault")
}
