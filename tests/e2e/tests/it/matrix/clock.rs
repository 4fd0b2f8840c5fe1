//! Clocks that jump in the middle of a run.

use super::row::{APPLIED, Act, Break, Row, Step};
use super::scene::Scene;
use jiff::{SignedDuration, Timestamp};
use local_host::{Counted, Crash, When};
use serde_json::Value;

const GOES_ON: &str = "the run goes on";

/// Moves everybody's clock, forward or back.
pub(crate) fn jump(scene: &Scene, by: SignedDuration) -> anyhow::Result<()> {
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

const fn midway(fault: &'static str, act: Act) -> Row {
    Row::new(fault, GOES_ON, Break::Midway(act), APPLIED)
}

/// Ahead, and back.
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
];
