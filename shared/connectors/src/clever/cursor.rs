//! A place among Clever's events (PROVIDERS 4.5).

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How long Clever keeps events, less a day for clocks that differ and for reading them.
pub const EVENTS_LIFE: SignedDuration = SignedDuration::from_hours(29 * 24);

/// Where to go on among the events: what comes behind is not known yet.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventCursor {
    /// After the event with this id.
    After(String),
    /// At the first event, because there was none at this time.
    Start {
        /// When there was none.
        at: Timestamp,
    },
}

impl EventCursor {
    /// The id to begin after.
    pub(super) fn after(&self) -> Option<&str> {
        match self {
            EventCursor::After(id) => Some(id),
            EventCursor::Start { .. } => None,
        }
    }
}

/// Whether events from that time on may be gone by now.
pub(super) fn is_too_old(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at) > EVENTS_LIFE
}
