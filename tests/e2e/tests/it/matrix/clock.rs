//! Clocks that jump, and nights on which the clock is changed.

use super::row::{APPLIED, Act, Break, Row, Step};
use super::scene::Scene;
use super::scenes::authorize;
use anyhow::{Context, ensure};
use jiff::civil::{Date, Time, date, time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use local_host::{Counted, Crash, When};
use serde_json::{Value, json};
use std::time::Duration;

const GOES_ON: &str = "the run goes on";

/// Where the district is.
const ZONE: &str = "America/New_York";

/// How far apart the ticks of a night are.
const TICKS_EVERY: Duration = Duration::from_mins(10);

/// Moves everybody's clock, forward or back.
fn jump(scene: &Scene, by: SignedDuration) -> anyhow::Result<()> {
    let now = Timestamp::from_millisecond(scene.world.now_ms()?)?;
    scene.world.set_time(now.checked_add(by)?)
}

const HOUR_AHEAD: Act = |scene| Box::pin(async { jump(scene, SignedDuration::from_hours(1)) });
const DAYS_AHEAD: Act = |scene| Box::pin(async { jump(scene, SignedDuration::from_hours(96)) });
const HOUR_BACK: Act = |scene| Box::pin(async { jump(scene, SignedDuration::from_hours(-1)) });
const DAY_BACK: Act = |scene| Box::pin(async { jump(scene, SignedDuration::from_hours(-24)) });

/// The host is killed with the lease in its hand, and its successor's clock is elsewhere.
async fn killed_and_moved(scene: &Scene) -> anyhow::Result<()> {
    let crash = Crash {
        when: When::After,
        nth: 1,
        counted: Counted::WritesTo("blob/**"),
    };
    let host = scene.world.host()?;
    host.controls().crash_at(Some(crash));
    tokio::select! {
        () = host.crashed() => Ok(()),
        run = scene.sync() => Err(anyhow::anyhow!("the host lived: {run:?}")),
    }
}

fn restarted(scene: &mut Scene, by: SignedDuration) -> Step<'_, Value> {
    Box::pin(async move {
        let known = scene.number().await?;
        killed_and_moved(scene).await?;
        scene.world.restart().await?;
        jump(scene, by)?;
        scene.see_through(known).await
    })
}

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
    ensure!(run["trigger"]["kind"] == "nightly", "{run}");
    jump(scene, SignedDuration::from_hours(-2))?;
    for _ in 0..18 {
        scene.world.advance(TICKS_EVERY)?;
        scene.district.admin.tick().await?;
    }
    let newest = scene.newest().await?;
    ensure!(
        newest.as_ref() == Some(&run),
        "the night has another run: {newest:?}"
    );
    Ok(run)
}

/// Nightly runs stay away again.
pub(crate) const QUIET: Act = |scene| Box::pin(async { scene.quiet().await });

const fn midway(fault: &'static str, act: Act) -> Row {
    Row::new(fault, GOES_ON, Break::Midway(act), APPLIED)
}

/// During a run, and at night.
pub(crate) const ROWS: &[Row] = &[
    midway("an hour ahead in the middle of a list", HOUR_AHEAD),
    midway(
        "four days ahead in the middle of a list, its tokens are over",
        DAYS_AHEAD,
    ),
    midway("an hour back in the middle of a list", HOUR_BACK),
    midway("a day back in the middle of a list", DAY_BACK),
    Row::new(
        "killed while applying, a week ahead afterwards",
        GOES_ON,
        Break::Own(|scene| restarted(scene, SignedDuration::from_hours(7 * 24))),
        APPLIED,
    ),
    Row::new(
        "killed while applying, a day back afterwards",
        GOES_ON,
        Break::Own(|scene| restarted(scene, SignedDuration::from_hours(-24))),
        APPLIED,
    ),
    Row::new(
        "the night that has no 02:30",
        "one run for each night",
        Break::Own(|scene| Box::pin(nights(scene, time(2, 30, 0, 0), date(2027, 3, 14)))),
        APPLIED,
    )
    .mended(QUIET),
    Row::new(
        "the night that has 01:30 twice",
        "one run for each night",
        Break::Own(|scene| Box::pin(nights(scene, time(1, 30, 0, 0), date(2027, 11, 7)))),
        APPLIED,
    )
    .mended(QUIET),
    Row::new(
        "two hours back right after the night's run",
        "one run for the night",
        Break::Own(|scene| Box::pin(back_after_the_night(scene))),
        APPLIED,
    )
    .mended(QUIET),
];
