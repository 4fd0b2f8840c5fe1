//! The guest's wall clock, which tests may move. Waits (the monotonic clock) stay real.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use wasmtime_wasi::HostWallClock;

/// Real time plus an offset; clones share the offset.
#[derive(Clone, Debug, Default)]
pub struct MovableClock {
    offset_ms: Arc<AtomicI64>,
}

impl MovableClock {
    /// Moves the clock by `by_ms` milliseconds, forwards or (negative) backwards.
    pub fn advance(&self, by_ms: i64) {
        self.offset_ms.fetch_add(by_ms, Ordering::SeqCst);
    }

    /// Makes the clock show `unix_ms` now; it goes on from there.
    pub fn set(&self, unix_ms: u64) {
        let real = i64::try_from(real_time().as_millis()).unwrap_or(i64::MAX);
        let wanted = i64::try_from(unix_ms).unwrap_or(i64::MAX);
        self.offset_ms
            .store(wanted.saturating_sub(real), Ordering::SeqCst);
    }

    /// What the clock shows, since the Unix epoch.
    pub fn time(&self) -> Duration {
        let offset = self.offset_ms.load(Ordering::SeqCst);
        let by = Duration::from_millis(offset.unsigned_abs());
        if offset < 0 {
            real_time().saturating_sub(by)
        } else {
            real_time() + by
        }
    }
}

impl HostWallClock for MovableClock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        self.time()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is where the host reads the real clock"
)]
fn real_time() -> Duration {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_set_and_moved_and_goes_on() {
        let clock = MovableClock::default();
        clock.set(1_000_000_000_000);
        let shown = clock.time().as_millis();
        assert!(
            (1_000_000_000_000..1_000_000_060_000).contains(&shown),
            "{shown}"
        );
        clock.clone().advance(-400_000_000_000);
        let shown = clock.time().as_millis();
        assert!(
            (600_000_000_000..600_000_060_000).contains(&shown),
            "{shown}"
        );
    }
}
