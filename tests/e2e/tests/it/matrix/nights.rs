//! The night's run: on nights on which clocks are changed, and when something breaks at its time.

use super::clock::jump;
use super::row::{APPLIED, Act, Break, Row, Step};
use super::scene::Scene;
use super::scenes::authorize;
use anyhow::{Context, bail, ensure};
use jiff::civil::{Date, Time, date, time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use local_host::{Counted, Crash, Failure, When};
use serde_json::{Value, json};
use std::time::Duration;

const EACH: &str = "one run for each night";
const ONE: &str = "one run for the night";

/// Where the district is.
const ZONE: &str = "America/New_York";

/// How far apart the ticks of a night are.
const TICKS_EVERY: Duration = Duration::from_mins(10);

/// Lets nightly runs come at a time.
async fn nightly_at(scene: &Scene, at: Time) -> anyhow::Result<()> {
    let at = at.strftime("%H:%M").to_string();
    scene.set(&json!({"pauses": [], "nightly_at": at})).await
}

/// A time of tomorrow, where the district is.
pub(crate) fn tomorrow(scene: &Scene, at: Time) -> anyhow::Result<Timestamp> {
    let now = Timestamp::from_millisecond(scene.world.now_ms()?)?;
    let date = now.to_zoned(TimeZone::get(ZONE)?).date().tomorrow()?;
    instant(date, at)
}

fn instant(date: Date, at: Time) -> anyhow::Result<Timestamp> {
    let zoned = date.to_datetime(at).to_zoned(TimeZone::get(ZONE)?)?;
    Ok(zoned.timestamp())
}

/// Ticks from the afternoon before the clocks are changed to the afternoon after the next night.
/// Each local night must have one run. Gives the first one's.
async fn nights(scene: &Scene, at: Time, changed_on: Date) -> anyhow::Result<Value> {
    let afternoon = time(16, 0, 0, 0);
    nightly_at(scene, at).await?;
    let known = scene.number().await?;
    scene
        .world
        .set_time(instant(changed_on.yesterday()?, afternoon)?)?;
    // By now Google has forgotten an authorisation that was not used for half a year.
    authorize(scene).await?;
    let until = instant(changed_on.tomorrow()?, afternoon)?;
    while scene.world.now_ms()? < until.as_millisecond() {
        scene.world.advance(TICKS_EVERY)?;
        scene.district.admin.tick().await?;
    }
    let runs = scene.district.all(&scene.district.path("/runs")).await?;
    let mut made: Vec<(String, Value)> = Vec::new();
    for run in runs {
        if run["number"].as_u64() > Some(known) {
            let night = run["night"].as_str().context("a run without a night")?;
            made.push((night.to_owned(), run));
        }
    }
    made.sort_by(|(one, _), (other, _)| one.cmp(other));
    let dates: Vec<&str> = made.iter().map(|(date, _)| date.as_str()).collect();
    let wanted = [changed_on, changed_on.tomorrow()?].map(|date| date.to_string());
    ensure!(dates == wanted, "the nights were {dates:?}");
    made.into_iter()
        .next()
        .map(|(_, run)| run)
        .context("no night")
}

/// The night's run is over when the clock shows its time once more.
async fn back_after_the_night(scene: &Scene) -> anyhow::Result<Value> {
    nightly_at(scene, time(23, 0, 0, 0)).await?;
    let known = scene.number().await?;
    scene.world.set_time(tomorrow(scene, time(23, 1, 0, 0))?)?;
    let run = scene.see_through(known).await?;
    jump(scene, SignedDuration::from_hours(-2))?;
    has_one_run(scene, &run).await?;
    Ok(run)
}

/// Three hours of ticks bring no other run.
async fn has_one_run(scene: &Scene, run: &Value) -> anyhow::Result<()> {
    ensure!(run["trigger"]["kind"] == "nightly", "{run}");
    for _ in 0..18 {
        scene.world.advance(TICKS_EVERY)?;
        scene.district.admin.tick().await?;
    }
    let newest = scene.newest().await?;
    ensure!(
        newest.as_ref() == Some(run),
        "the night has another run: {newest:?}"
    );
    Ok(())
}

/// It is the nightly time, and once the scheduler has tried and failed, the minutes go on.
fn failing<'a>(scene: &'a mut Scene, when: When, pattern: &'static str) -> Step<'a, Value> {
    Box::pin(async move {
        let (nth, times, counted) = (1, 1, Counted::WritesTo(pattern));
        let failure = Failure {
            when,
            nth,
            times,
            counted,
        };
        let known = at_eleven(scene).await?;
        scene.world.host()?.controls().fail_at(Some(failure));
        let run = by_minutes(scene, known).await?;
        let met = scene.world.host()?.controls().failures_met();
        ensure!(met == 1, "{met} operations failed");
        has_one_run(scene, &run).await?;
        Ok(run)
    })
}

/// The host is killed when it is the nightly time, and another goes on.
fn killed<'a>(scene: &'a mut Scene, when: When, pattern: &'static str) -> Step<'a, Value> {
    Box::pin(async move {
        let (nth, counted) = (1, Counted::WritesTo(pattern));
        let known = at_eleven(scene).await?;
        let host = scene.world.host()?;
        host.controls().crash_at(Some(Crash { when, nth, counted }));
        tokio::select! {
            () = host.crashed() => {}
            ended = scene.district.admin.tick() => ensure!(ended.is_err(), "the host lived"),
        }
        scene.world.restart().await?;
        let run = by_minutes(scene, known).await?;
        has_one_run(scene, &run).await?;
        Ok(run)
    })
}

/// Goes to the nightly time; gives the number of the run before.
async fn at_eleven(scene: &Scene) -> anyhow::Result<u64> {
    nightly_at(scene, time(23, 0, 0, 0)).await?;
    scene.world.set_time(tomorrow(scene, time(23, 0, 30, 0))?)?;
    scene.number().await
}

/// Ticks once a minute until a run after one is over. Nobody asks for it.
async fn by_minutes(scene: &Scene, known: u64) -> anyhow::Result<Value> {
    for _ in 0..30 {
        // A tick may fail when its surroundings do.
        let _ = scene.district.admin.tick().await;
        let run = scene.newest().await?.unwrap_or_default();
        if run["number"].as_u64() > Some(known) && run["finished_at_ms"].is_i64() {
            return Ok(run);
        }
        scene.world.advance(Duration::from_mins(1))?;
    }
    bail!("half an hour went by without a run")
}

/// Nightly runs stay away again.
pub(crate) const QUIET: Act = |scene| Box::pin(async { scene.quiet().await });

/// Clocks that are changed, and schedules that are cut off.
pub(crate) const ROWS: &[Row] = &[
    Row::new(
        "the night that has no 02:30",
        EACH,
        Break::Own(|scene| Box::pin(nights(scene, time(2, 30, 0, 0), date(2027, 3, 14)))),
        APPLIED,
    )
    .mended(QUIET),
    Row::new(
        "the night that has 01:30 twice",
        EACH,
        Break::Own(|scene| Box::pin(nights(scene, time(1, 30, 0, 0), date(2027, 11, 7)))),
        APPLIED,
    )
    .mended(QUIET),
    Row::new(
        "two hours back right after the night's run",
        ONE,
        Break::Own(|scene| Box::pin(back_after_the_night(scene))),
        APPLIED,
    )
    .mended(QUIET),
    Row::new(
        "the store fails when the night is counted",
        ONE,
        Break::Own(|scene| failing(scene, When::After, "schedule/*/*")),
        APPLIED,
    )
    .mended(QUIET),
    Row::new(
        "the store fails when the night's run is written down",
        ONE,
        Break::Own(|scene| failing(scene, When::Before, "schedule/*/*/run")),
        APPLIED,
    )
    .mended(QUIET),
    Row::new(
        "the store fails when the night is crossed off",
        ONE,
        Break::Own(|scene| failing(scene, When::After, "schedule/*")),
        APPLIED,
    )
    .mended(QUIET),
    Row::new(
        "the host is killed when the night is counted",
        ONE,
        Break::Own(|scene| killed(scene, When::After, "schedule/*/*")),
        APPLIED,
    )
    .mended(QUIET),
    Row::new(
        "the host is killed before the night is crossed off",
        ONE,
        Break::Own(|scene| killed(scene, When::Before, "schedule/*")),
        APPLIED,
    )
    .mended(QUIET),
];
