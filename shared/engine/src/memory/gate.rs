//! What stands between one process of a simulation and the ports that it shares with others.

use jiff::SignedDuration;
use std::pin::Pin;

/// One operation of a store, as a [`Gate`] sees it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Operation<'a> {
    /// Its first key.
    pub key: &'a str,
    /// Whether it may change something.
    pub writes: bool,
}

/// What becomes of an operation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fate {
    /// It happens, and its caller is told that it failed.
    FailAfter,
    /// It fails.
    FailBefore,
    /// It happens.
    Proceed,
}

/// Stands between one process and the ports that it shares with others, so that a simulation can
/// say which process goes on, whose operations fail and what their clocks show.
pub trait Gate {
    /// Says what becomes of an operation that is about to happen.
    fn admit(&self, operation: Operation<'_>) -> Fate;
    /// Waits, after each operation, until the process may go on.
    fn pause(&self) -> Pin<Box<dyn Future<Output = ()>>>;
    /// How far the process's clock is ahead.
    fn skew(&self) -> SignedDuration;
}
