//! A clock that tests can move.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// Real time plus an offset that only grows when a test says so.
///
/// Share it (`Arc<VirtualClock>`) between a fake and the host under test and both live in the
/// same, movable present.
#[derive(Debug, Default)]
pub struct VirtualClock {
    offset_ms: AtomicI64,
}

impl VirtualClock {
    /// A clock that shows real time until it is moved.
    pub fn new() -> Self {
        Self::default()
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the fakes read real time"
    )]
    pub fn now_ms(&self) -> i64 {
        let real = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_millis();
        i64::try_from(real)
            .unwrap_or(i64::MAX)
            .saturating_add(self.offset_ms.load(Ordering::Relaxed))
    }

    /// The present as an instant.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.now_ms()).unwrap_or(Timestamp::MAX)
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let by_ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.offset_ms.fetch_add(by_ms, Ordering::Relaxed);
    }

    /// Sets the clock to an instant, from which it runs on at real speed.
    pub fn set(&self, to: Timestamp) {
        let difference = to.as_millisecond() - self.now_ms();
        self.offset_ms.fetch_add(difference, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_moves_by_what_it_is_told_and_runs_on() {
        let clock = VirtualClock::new();
        let before = clock.now_ms();
        clock.advance(Duration::from_hours(1));
        let moved = clock.now_ms() - before;
        assert!((3_600_000..3_660_000).contains(&moved), "{moved}");
    }

    #[test]
    fn the_clock_can_be_set() {
        let clock = VirtualClock::new();
        let to: Timestamp = "2026-11-01T03:00:00Z".parse().unwrap();
        clock.set(to);
        assert!(clock.now_ms() - to.as_millisecond() < 60_000);
    }
}
