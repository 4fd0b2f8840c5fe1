//! Faults which a test asks for.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::counters::Operation;

/// The host stops dead at a store operation, as a process which is killed there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crash {
    /// On which side of the operation.
    pub when: When,
    /// At which operation, counted from 1 and from the moment when the crash is asked for; 0 is never.
    pub nth: u64,
    /// Which operations count.
    pub counted: Counted,
}

/// On which side of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// It was done, its caller never learns so.
    After,
    /// It was not done.
    Before,
}

/// Which operations count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// All.
    Every,
    /// Those which change the store.
    Writes,
    /// Those which change a key of this pattern: segments between slashes, where `*` stands for any one
    /// segment and `**` in the end for one or more.
    WritesTo(&'static str),
}

impl Counted {
    fn holds(self, operation: Operation, keys: &[&str]) -> bool {
        match self {
            Self::Every => true,
            Self::Writes => operation.is_write(),
            Self::WritesTo(pattern) => {
                operation.is_write() && keys.iter().any(|key| matches(pattern, key))
            }
        }
    }
}

/// Store operations fail, while the host goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Whether the failing operation is done all the same.
    pub when: When,
    /// Which operation is the first to fail, counted from 1 and from the moment when this is asked for.
    pub nth: u64,
    /// How many operations that count fail from then on.
    pub times: u64,
    /// Which operations count.
    pub counted: Counted,
}

/// What befalls an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blow {
    Crash(When),
    Failure(When),
}

#[derive(Clone, Copy, Debug)]
struct Failing {
    failure: Failure,
    seen: u64,
    met: u64,
}

/// The faults in force.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    crash: Mutex<Option<Crash>>,
    failing: Mutex<Option<Failing>>,
    latency_us: AtomicU64,
    like_redis: AtomicBool,
}

impl Faults {
    pub(crate) fn crash_at(&self, crash: Option<Crash>) {
        *self.crash.lock().unwrap_or_else(PoisonError::into_inner) = crash;
    }

    pub(crate) fn fail_at(&self, failure: Option<Failure>) {
        let failing = failure.map(|failure| Failing {
            failure,
            seen: 0,
            met: 0,
        });
        *self.failing.lock().unwrap_or_else(PoisonError::into_inner) = failing;
    }

    pub(crate) fn failures_met(&self) -> u64 {
        let failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        failing.as_ref().map_or(0, |failing| failing.met)
    }

    pub(crate) fn set_latency(&self, latency: Duration) {
        let us = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.latency_us.store(us, Ordering::Relaxed);
    }

    pub(crate) fn behave_like_redis(&self, on: bool) {
        self.like_redis.store(on, Ordering::Relaxed);
    }

    pub(super) fn is_like_redis(&self) -> bool {
        self.like_redis.load(Ordering::Relaxed)
    }

    pub(super) fn latency(&self) -> Option<Duration> {
        let us = self.latency_us.load(Ordering::Relaxed);
        (us > 0).then(|| Duration::from_micros(us))
    }

    /// Counts the operation on these keys, and says what befalls it.
    pub(super) fn enter(&self, operation: Operation, keys: &[&str]) -> Option<Blow> {
        if let Some(when) = self.crash(operation, keys) {
            return Some(Blow::Crash(when));
        }
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        let failing = failing.as_mut()?;
        if !failing.failure.counted.holds(operation, keys) {
            return None;
        }
        failing.seen += 1;
        let is_turn = failing.seen >= failing.failure.nth && failing.met < failing.failure.times;
        failing.met += u64::from(is_turn);
        is_turn.then_some(Blow::Failure(failing.failure.when))
    }

    fn crash(&self, operation: Operation, keys: &[&str]) -> Option<When> {
        let mut crash = self.crash.lock().unwrap_or_else(PoisonError::into_inner);
        let pending = crash.as_mut()?;
        if !pending.counted.holds(operation, keys) {
            return None;
        }
        pending.nth = pending.nth.checked_sub(1)?;
        (pending.nth == 0).then_some(pending.when)
    }
}

/// Whether a pattern of segments (see [`Counted::WritesTo`]) matches all of a key.
fn matches(pattern: &str, key: &str) -> bool {
    let mut key = key.split('/');
    for wanted in pattern.split('/') {
        match (wanted, key.next()) {
            ("**", Some(_)) => return true,
            ("*", Some(_)) => {}
            (wanted, Some(segment)) if wanted == segment => {}
            _ => return false,
        }
    }
    key.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nth_counted_operation_crashes_and_no_other() {
        let faults = Faults::default();
        assert_eq!(faults.enter(Operation::Set, &["a"]), None);
        faults.crash_at(Some(Crash {
            when: When::After,
            nth: 2,
            counted: Counted::Writes,
        }));
        let outcomes = [
            Operation::Set,
            Operation::Get,
            Operation::Increment,
            Operation::Set,
        ]
        .map(|operation| faults.enter(operation, &["a"]));
        let crash = Some(Blow::Crash(When::After));
        assert_eq!(outcomes, [None, None, crash, None]);
    }

    #[test]
    fn writes_to_keys_of_a_pattern_fail_so_often_and_then_work_again() {
        let faults = Faults::default();
        faults.fail_at(Some(Failure {
            when: When::Before,
            nth: 2,
            times: 2,
            counted: Counted::WritesTo("run/*/*/stage/**"),
        }));
        let staged = "run/t/r1/stage/0/7";
        let others = ["run/t/r1", "run/t/r1/stage", "blob/t/x"];
        let failure = Some(Blow::Failure(When::Before));
        for other in others {
            assert_eq!(faults.enter(Operation::Set, &[other]), None);
        }
        assert_eq!(faults.enter(Operation::Get, &[staged]), None);
        let outcomes = [(); 4].map(|()| faults.enter(Operation::SetMany, &["lease/t", staged]));
        assert_eq!(outcomes, [None, failure, failure, None]);
        assert_eq!(faults.failures_met(), 2);
    }

    #[test]
    fn a_star_is_one_segment_and_two_are_the_rest() {
        assert!(matches("run/*/*", "run/t/r1"));
        assert!(!matches("run/*/*", "run/t/r1/plan"));
        assert!(matches("run/*/*/plan/**", "run/t/r1/plan/1/2/0"));
        assert!(!matches("run/*/*/plan/**", "run/t/r1/plan"));
        assert!(!matches("lease/*", "lease/t/3"));
    }
}
