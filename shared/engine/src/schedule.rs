//! The nightly time: exactly one run per local night, in the tenant's own time zone, over
//! daylight-saving changes and restarts.
//!
//! A night is named by its local date. Its instant is that date at the nightly time; where the
//! clock skips that time, the instant just after the gap; where the clock shows it twice, the
//! first. A night is scheduled by exactly one winner of an `increment`; should the winner die
//! before it is done, a later attempt takes over after `ATTEMPTS_TO_TAKE_OVER`.

use crate::error::Error;
use crate::keys;
use crate::ports::{Clock, Store};
use crate::record;
use crate::runs::{self, Lane, Trigger, TriggerKind};
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use mapping::ids::{RunId, TenantId};

/// How long after its time a night is still made up for when nothing ran then.
pub const CATCH_UP: SignedDuration = SignedDuration::from_hours(12);

/// How many attempts to schedule a night it takes to believe that the first one died. Attempts
/// come once a minute.
const ATTEMPTS_TO_TAKE_OVER: i64 = 4;

/// When a tenant's nights are.
#[derive(Clone, Debug)]
pub struct Nights {
    /// The tenant's time zone.
    pub zone: TimeZone,
    /// The local time.
    pub at: Time,
    /// Nights before this instant are not made up for: the tenant did not exist.
    pub since: Timestamp,
    /// Local dates, first and last included, in which no run is scheduled.
    pub pauses: Vec<(Date, Date)>,
}

impl Nights {
    /// The instant of the night of this date.
    pub fn instant(&self, date: Date) -> Option<Timestamp> {
        let zoned = date.to_datetime(self.at).to_zoned(self.zone.clone()).ok()?;
        Some(zoned.timestamp())
    }

    /// The night that is due now: the newest one whose instant has come, if it came lately.
    pub fn due(&self, now: Timestamp) -> Option<Date> {
        let today = now.to_zoned(self.zone.clone()).date();
        let dates = [Some(today), today.checked_sub(1.day()).ok()];
        dates.into_iter().flatten().find_map(|date| {
            let instant = self.instant(date)?;
            let lately = instant <= now && now.duration_since(instant) <= CATCH_UP;
            let counts = lately && instant >= self.since && !self.is_paused(date);
            counts.then_some(date)
        })
    }

    /// The instant of the next night after now that is not paused, within a year.
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let mut date = now.to_zoned(self.zone.clone()).date();
        for _ in 0..=366 {
            match self.instant(date) {
                Some(instant) if instant > now && !self.is_paused(date) => return Some(instant),
                _ => date = date.tomorrow().ok()?,
            }
        }
        None
    }

    /// Whether this instant lies in a season in which no run is scheduled.
    pub fn is_paused_at(&self, now: Timestamp) -> bool {
        !self.pauses.is_empty() && self.is_paused(now.to_zoned(self.zone.clone()).date())
    }

    fn is_paused(&self, date: Date) -> bool {
        self.pauses
            .iter()
            .any(|(first, last)| *first <= date && date <= *last)
    }
}

/// Schedules the run of the night that is due, if it is not scheduled yet. Returns the run when
/// this call made or found it for the first time.
pub async fn schedule_due<P: Store + Clock>(
    ports: &P,
    tenant: &TenantId,
    nights: &Nights,
) -> Result<Option<RunId>, Error> {
    let Some(date) = nights.due(ports.now()) else {
        return Ok(None);
    };
    let date = date.to_string();
    let last: Option<String> = record::read(ports, &keys::schedule(tenant)).await?;
    // Dates of one form compare as text; a night older than the last one is over.
    if last.is_some_and(|last| last >= date) {
        return Ok(None);
    }
    let run_key = keys::night_run(tenant, &date);
    let intent: Option<u64> = record::read(ports, &run_key).await?;
    if intent.is_none() {
        let attempt = ports.increment(&keys::night(tenant, &date), 1).await?;
        if attempt != 1 && attempt % ATTEMPTS_TO_TAKE_OVER != 0 {
            return Ok(None);
        }
        let number = runs::next_number(ports, tenant, Lane::Run).await?;
        record::write(ports, &run_key, &number).await?;
    }
    let mut number = match intent {
        Some(number) => number,
        None => record::read(ports, &run_key).await?.unwrap_or(1),
    };
    let trigger = Trigger {
        kind: TriggerKind::Nightly,
        by: "scheduler".to_owned(),
    };
    let run = loop {
        if let Some(run) = runs::ensure(ports, tenant, number, trigger.clone(), &date).await? {
            break run;
        }
        // The number went to a look at a few people: the night takes the next one.
        number = runs::next_number(ports, tenant, Lane::Run).await?;
        record::write(ports, &run_key, &number).await?;
    };
    record::write(ports, &keys::schedule(tenant), &date).await?;
    Ok(Some(run))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{CrashPoint, MemoryPorts, block_on};
    use jiff::civil::{date, time};
    use std::time::Duration;

    fn tenant() -> TenantId {
        TenantId::parse("maple-grove").unwrap()
    }

    fn nights(zone: &str, at: Time) -> Nights {
        Nights {
            zone: TimeZone::get(zone).unwrap(),
            at,
            since: Timestamp::UNIX_EPOCH,
            pauses: Vec::new(),
        }
    }

    #[test]
    fn eleven_at_night_in_new_york_follows_daylight_saving() {
        let nights = nights("America/New_York", time(23, 0, 0, 0));
        let winter = nights.instant(date(2026, 1, 15)).unwrap();
        let summer = nights.instant(date(2026, 7, 15)).unwrap();
        assert_eq!(winter.to_string(), "2026-01-16T04:00:00Z");
        assert_eq!(summer.to_string(), "2026-07-16T03:00:00Z");
    }

    /// Ticks every minute for some days and counts the nights that were scheduled.
    fn scheduled(nights: &Nights, from: &str, days: i64) -> Vec<String> {
        let ports = MemoryPorts::new();
        ports.set_now(from.parse().unwrap());
        let nights = &Nights {
            since: ports.now(),
            ..nights.clone()
        };
        block_on(async {
            let mut at = Vec::new();
            for _ in 0..days * 24 * 12 {
                ports.advance(Duration::from_mins(5));
                if schedule_due(&ports, &tenant(), nights)
                    .await
                    .unwrap()
                    .is_some()
                {
                    at.push(ports.now().to_string());
                    let run = runs::current(&ports, &tenant(), Lane::Run).await.unwrap();
                    assert!(run.is_some());
                    runs::free(&ports, &tenant(), Lane::Run).await.unwrap();
                }
            }
            at
        })
    }

    #[test]
    fn a_time_that_the_clock_skips_or_repeats_is_one_night() {
        let nights = nights("America/New_York", time(2, 30, 0, 0));
        // Spring forward on 8 March 2026, back on 1 November 2026.
        let spring = scheduled(&nights, "2026-03-07T12:00:00Z", 3);
        assert_eq!(
            spring,
            [
                "2026-03-08T07:30:00Z",
                "2026-03-09T06:30:00Z",
                "2026-03-10T06:30:00Z"
            ]
        );
        let nights = Nights {
            at: time(1, 30, 0, 0),
            ..nights
        };
        let autumn = scheduled(&nights, "2026-10-31T12:00:00Z", 3);
        assert_eq!(
            autumn,
            [
                "2026-11-01T05:30:00Z",
                "2026-11-02T06:30:00Z",
                "2026-11-03T06:30:00Z"
            ]
        );
    }

    #[test]
    fn a_night_that_was_slept_through_is_made_up_for_once() {
        let nights = nights("America/New_York", time(23, 0, 0, 0));
        let ports = MemoryPorts::new();
        block_on(async {
            ports.set_now("2026-01-16T09:00:00Z".parse().unwrap());
            assert!(
                schedule_due(&ports, &tenant(), &nights)
                    .await
                    .unwrap()
                    .is_some()
            );
            assert!(
                schedule_due(&ports, &tenant(), &nights)
                    .await
                    .unwrap()
                    .is_none()
            );
            ports.set_now("2026-01-17T20:00:00Z".parse().unwrap());
            assert!(
                schedule_due(&ports, &tenant(), &nights)
                    .await
                    .unwrap()
                    .is_none()
            );
        });
    }

    #[test]
    fn a_look_that_takes_the_number_of_a_night_does_not_take_the_night() {
        let nights = nights("America/New_York", time(23, 0, 0, 0));
        let ports = MemoryPorts::new();
        ports.set_now("2026-01-16T04:00:00Z".parse().unwrap());
        block_on(async {
            // The scheduler died after it wrote its number down; a look got the number.
            let operations = ports.operations();
            ports.crash_at(Some((operations + 5, CrashPoint::After)));
            assert!(schedule_due(&ports, &tenant(), &nights).await.is_err());
            ports.crash_at(None);
            let run_key = keys::night_run(&tenant(), "2026-01-15");
            let intent: Option<u64> = record::read(&ports, &run_key).await.unwrap();
            assert_eq!(intent, Some(1));
            let trigger = Trigger {
                kind: TriggerKind::Push,
                by: "push".to_owned(),
            };
            runs::request_look(&ports, &tenant(), trigger)
                .await
                .unwrap();
            let look = runs::current(&ports, &tenant(), Lane::Run).await.unwrap();
            assert_eq!(look.unwrap().number, 1);
            let night = schedule_due(&ports, &tenant(), &nights).await.unwrap();
            assert_eq!(night.unwrap().as_str(), "r000002");
            let again = schedule_due(&ports, &tenant(), &nights).await.unwrap();
            assert_eq!(again, None);
        });
    }

    #[test]
    fn a_paused_night_and_one_before_the_tenant_existed_are_not_scheduled() {
        let mut nights = nights("America/New_York", time(23, 0, 0, 0));
        let now: Timestamp = "2026-01-16T04:10:00Z".parse().unwrap();
        nights.pauses = vec![(date(2026, 1, 10), date(2026, 1, 15))];
        assert_eq!(nights.due(now), None);
        assert_eq!(
            nights.next(now).unwrap().to_string(),
            "2026-01-17T04:00:00Z"
        );
        nights.pauses.clear();
        nights.since = now;
        assert_eq!(nights.due(now), None);
    }

    #[test]
    fn a_night_survives_a_crash_at_any_operation_and_is_never_doubled() {
        let nights = nights("America/New_York", time(23, 0, 0, 0));
        for operation in 1..=16 {
            for point in [CrashPoint::Before, CrashPoint::After] {
                let ports = MemoryPorts::new();
                ports.set_now("2026-01-16T04:00:00Z".parse().unwrap());
                block_on(async {
                    ports.crash_at(Some((operation, point)));
                    let _ = schedule_due(&ports, &tenant(), &nights).await;
                    ports.crash_at(None);
                    for _ in 0..10 {
                        ports.advance(Duration::from_mins(1));
                        schedule_due(&ports, &tenant(), &nights).await.unwrap();
                    }
                    let run = runs::current(&ports, &tenant(), Lane::Run)
                        .await
                        .unwrap()
                        .unwrap();
                    assert_eq!(run.night.as_deref(), Some("2026-01-15"));
                    runs::free(&ports, &tenant(), Lane::Run).await.unwrap();
                    let second = runs::current(&ports, &tenant(), Lane::Run).await.unwrap();
                    assert_eq!(second, None, "operation {operation} {point:?}");
                });
            }
        }
    }
}
