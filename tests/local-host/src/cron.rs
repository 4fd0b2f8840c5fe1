//! The cron trigger: six-field expressions in UTC, a fresh instance for each tick, ticks may overlap.
//!
//! In Spin it is another process beside the HTTP trigger: the same stores and outbound rules, no service
//! chaining, and an error of the component is only logged.

use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use thiserror::Error;
use wasmtime::Store;

use crate::app::App;
use crate::bindings::cron::SpinCronPre;
use crate::bindings::cron::spin::cron::cron_types::{Error as HandlerError, Metadata};
use crate::guest::{Component, Guest};

/// How often a moved clock is noticed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A parsed cron expression.
#[derive(Clone, Debug)]
pub struct Schedule {
    cron: croner::Cron,
}

impl Schedule {
    /// Parses second, minute, hour, day of month, month, day of week (read as the cron plugin of Spin
    /// reads them, with the same crate). The error is a sentence.
    pub fn parse(expression: &str) -> Result<Self, String> {
        let cron = croner::Cron::new(expression)
            .with_seconds_required()
            .with_dom_and_dow()
            .parse()
            .map_err(|error| error.to_string())?;
        Ok(Self { cron })
    }

    /// The first tick after `time`; both since the Unix epoch. None if there is no further one.
    pub fn next_after(&self, time: Duration) -> Option<Duration> {
        let seconds = i64::try_from(time.as_secs()).ok()?;
        let start = DateTime::from_timestamp(seconds, 0)?;
        let next = self.cron.find_next_occurrence(&start, false).ok()?;
        Some(Duration::from_secs(u64::try_from(next.timestamp()).ok()?))
    }
}

/// A tick which was fired by hand did not succeed.
#[derive(Debug, Error)]
pub enum CronError {
    /// The component's handler answered with an error.
    #[error("component {component:?}: {message}")]
    Handler {
        /// The component's id.
        component: String,
        /// What it said.
        message: String,
    },
    /// The manifest has no cron trigger for the component.
    #[error("component {0:?} has no cron trigger")]
    NoTrigger(String),
    /// The instance could not start or trapped.
    #[error("component {component:?} failed: {error:?}")]
    Trap {
        /// The component's id.
        component: String,
        /// What happened.
        error: wasmtime::Error,
    },
}

/// A component with a cron trigger, ready to run.
pub(crate) struct Ticker {
    pub(crate) component: Arc<Component>,
    pub(crate) handler: SpinCronPre<Guest>,
    pub(crate) schedule: Schedule,
}

impl Ticker {
    /// Runs the handler once, in an instance of its own.
    pub(crate) async fn fire(&self, app: &Arc<App>, timestamp: u64) -> Result<(), CronError> {
        let id = || self.component.id.to_string();
        app.recorder.tick(&self.component.id);
        let outcome = tokio::select! {
            outcome = self.call(app, timestamp) => outcome,
            () = app.halted.cancelled() => std::future::pending().await,
        };
        match outcome {
            Ok(Ok(())) => Ok(()),
            Ok(Err(HandlerError::Other(message))) => Err(CronError::Handler {
                component: id(),
                message,
            }),
            Err(error) => Err(CronError::Trap {
                component: id(),
                error,
            }),
        }
    }

    async fn call(
        &self,
        app: &Arc<App>,
        timestamp: u64,
    ) -> wasmtime::Result<Result<(), HandlerError>> {
        let mut store = Store::new(&app.engine, Guest::new(&self.component, app));
        store.limiter(Guest::limiter);
        let handler = self.handler.instantiate_async(&mut store).await?;
        store
            .run_concurrent(async |accessor| {
                handler
                    .call_handle_cron_event(accessor, Metadata { timestamp })
                    .await
            })
            .await?
    }
}

/// Fires the ticks of one component as the (movable) clock reaches them, until the host ends. A clock
/// which jumps over several ticks fires one.
pub(crate) async fn run(app: Arc<App>, index: usize) {
    let Some(schedule) = app.tickers.get(index).map(|ticker| ticker.schedule.clone()) else {
        return;
    };
    loop {
        let Some(due) = schedule.next_after(app.clock.time()) else {
            return;
        };
        while let Some(wait) = due
            .checked_sub(app.clock.time())
            .filter(|wait| !wait.is_zero())
        {
            tokio::time::sleep(wait.min(LOOK_EVERY)).await;
        }
        let app = Arc::clone(&app);
        tokio::spawn(async move {
            let Some(ticker) = app.tickers.get(index) else {
                return;
            };
            let outcome = tokio::select! {
                outcome = ticker.fire(&app, app.clock.time().as_secs()) => outcome,
                () = app.halted.cancelled() => return,
            };
            if let Err(error) = outcome {
                tracing::error!(%error, "a cron tick failed");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_fields_in_utc_and_no_other_number() {
        for expression in [
            "0 * * * * *",
            "*/15 * * * * *",
            "0 30 2 * * 1",
            "0 0 0 1 1 *",
        ] {
            assert!(Schedule::parse(expression).is_ok(), "{expression}");
        }
        for expression in [
            "",
            "* * * * *",
            "0 * * * * * 2026",
            "60 * * * * *",
            "0 * * * x *",
        ] {
            assert!(Schedule::parse(expression).is_err(), "{expression}");
        }
    }

    #[test]
    fn the_next_tick_is_strictly_later() {
        let next = |expression, time| {
            let schedule = Schedule::parse(expression).unwrap();
            schedule
                .next_after(Duration::from_secs(time))
                .map(|next| next.as_secs())
        };
        assert_eq!(next("0 * * * * *", 0), Some(60));
        assert_eq!(next("0 * * * * *", 59), Some(60));
        assert_eq!(next("0 * * * * *", 60), Some(120));
        // 1970-01-01 was a Thursday; Monday is 1 as in crontab, at 02:30 UTC.
        assert_eq!(next("0 30 2 * * 1", 0), Some(4 * 86_400 + 9_000));
    }
}
