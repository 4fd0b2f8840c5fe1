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
}

/// The faults in force.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    crash: Mutex<Option<Crash>>,
    latency_us: AtomicU64,
    like_redis: AtomicBool,
}

impl Faults {
    pub(crate) fn crash_at(&self, crash: Option<Crash>) {
        *self.crash.lock().unwrap_or_else(PoisonError::into_inner) = crash;
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

    /// Counts the operation; on which side of it the host crashes, if it does.
    pub(super) fn enter(&self, operation: Operation) -> Option<When> {
        let mut crash = self.crash.lock().unwrap_or_else(PoisonError::into_inner);
        let pending = crash.as_mut()?;
        if pending.counted == Counted::Writes && !operation.is_write() {
            return None;
        }
        pending.nth = pending.nth.checked_sub(1)?;
        (pending.nth == 0).then_some(pending.when)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nth_counted_operation_crashes_and_no_other() {
        let faults = Faults::default();
        assert_eq!(faults.enter(Operation::Set), None);
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
        .map(|operation| faults.enter(operation));
        assert_eq!(outcomes, [None, None, Some(When::After), None]);
    }
}
