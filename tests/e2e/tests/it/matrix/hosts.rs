//! Two hosts on one store.

use super::nights::{QUIET, tomorrow};
use super::row::{APPLIED, Break, Row};
use super::scene::Scene;
use anyhow::ensure;
use driver::{Application, INTERNAL_TOKEN};
use jiff::civil::time;
use local_host::Host;
use serde_json::{Value, json};
use std::time::Duration;

/// How slow each operation of the store is for a worker that is overtaken.
const SLOW: Duration = Duration::from_millis(15);

/// Ticks a host until it has had enough of them, whatever it answers.
async fn tick(host: &Host, times: u32) {
    let Ok(application) = Application::new(&host.url(), INTERNAL_TOKEN) else {
        return;
    };
    for _ in 0..times {
        let _ = application.tick().await;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// How many runs there are after one.
async fn made_since(scene: &Scene, known: u64) -> anyhow::Result<u64> {
    Ok(scene.number().await? - known)
}

/// Both tick as fast as they can.
async fn side_by_side(scene: &Scene) -> anyhow::Result<Value> {
    let known = scene.number().await?;
    let other = scene.world.another_host().await?;
    let ((), (), run) = tokio::join!(
        tick(&other, 60),
        tick(scene.world.host()?, 60),
        scene.sync()
    );
    ensure!(made_since(scene, known).await? == 1, "more than one run");
    run
}

/// The second one's clock is two minutes ahead: it thinks every lease is over, and works on the
/// run while the first one, whose store is slow, still does.
async fn ahead(scene: &Scene) -> anyhow::Result<Value> {
    let known = scene.number().await?;
    let other = scene.world.another_host().await?;
    other.clock().advance(120_000);
    scene.world.host()?.controls().set_store_latency(SLOW);
    let (run, ()) = tokio::join!(scene.sync(), tick(&other, 40));
    scene
        .world
        .host()?
        .controls()
        .set_store_latency(Duration::ZERO);
    ensure!(made_since(scene, known).await? == 1, "more than one run");
    run
}

/// A lease runs out under a slow worker while the other waits for it.
async fn overtaken(scene: &Scene) -> anyhow::Result<Value> {
    let known = scene.number().await?;
    let other = scene.world.another_host().await?;
    scene.world.host()?.controls().set_store_latency(SLOW);
    scene.ask().await;
    let moving = async {
        for _ in 0..6 {
            tokio::time::sleep(Duration::from_millis(60)).await;
            scene.world.advance(super::scene::LEASE)?;
            other
                .clock()
                .advance(i64::try_from(super::scene::LEASE.as_millis())?);
            tick(&other, 3).await;
        }
        anyhow::Ok(())
    };
    let ((), moved) = tokio::join!(tick(scene.world.host()?, 20), moving);
    moved?;
    scene
        .world
        .host()?
        .controls()
        .set_store_latency(Duration::ZERO);
    scene.see_through(known).await
}

/// Both look after the same night.
async fn one_night(scene: &Scene) -> anyhow::Result<Value> {
    let known = scene.number().await?;
    scene
        .set(&json!({"pauses": [], "nightly_at": "23:00"}))
        .await?;
    scene.world.set_time(tomorrow(scene, time(23, 1, 0, 0))?)?;
    let other = scene.world.another_host().await?;
    let ((), (), run) = tokio::join!(
        tick(&other, 40),
        tick(scene.world.host()?, 40),
        scene.see_through(known)
    );
    ensure!(made_since(scene, known).await? == 1, "more than one run");
    let run = run?;
    ensure!(run["trigger"]["kind"] == "nightly", "{run}");
    Ok(run)
}

/// At once, and one behind the other.
pub(crate) const ROWS: &[Row] = &[
    Row::new(
        "two hosts tick one store at once",
        "one of them does it",
        Break::Own(|scene| Box::pin(side_by_side(scene))),
        APPLIED,
    ),
    Row::new(
        "two hosts tick at a nightly time",
        "one run for the night",
        Break::Own(|scene| Box::pin(one_night(scene))),
        APPLIED,
    )
    .mended(QUIET),
    Row::new(
        "two hosts, one of them slow, the other's clock two minutes ahead",
        "one commit for one number",
        Break::Own(|scene| Box::pin(ahead(scene))),
        APPLIED,
    ),
    Row::new(
        "a lease runs out under a slow worker, again and again",
        "one commit for one number",
        Break::Own(|scene| Box::pin(overtaken(scene))),
        APPLIED,
    ),
];
