//! A cause: one thing that needs attention, from when it arose until it is over.

use crate::connections::Connection;
use crate::runs::{Failure, Run};
use mapping::ids::{ConnectionId, RunId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How many of the guard's refusals a message lists; the run has all.
const REFUSALS_LISTED_MAX: usize = 5;

/// Longest message, in characters: what a run says of its failure may be long.
const MESSAGE_CHARS_MAX: usize = 600;

/// A text for a message, cut if need be.
fn bounded(text: String) -> String {
    match text.char_indices().nth(MESSAGE_CHARS_MAX) {
        Some((at, _)) => format!("{}…", text.split_at(at).0),
        None => text,
    }
}

/// The kinds of trouble. A connection has at most one open cause of each kind.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// Its runs fail one after the other.
    Failing,
    /// The plan of its newest run is held.
    PlanHeld,
    /// Its authorisation died.
    ReconnectNeeded,
}

/// What is the matter.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Trouble {
    /// Runs of the connection fail one after the other.
    Failing {
        /// The code of the newest failure.
        code: String,
        /// How many runs in a row failed.
        runs: u32,
    },
    /// A plan is held and waits for an administrator.
    PlanHeld {
        /// The newest run that is held. A night that ends as the one before did is the same cause.
        run: RunId,
    },
    /// The authorisation died.
    ReconnectNeeded,
}

impl Trouble {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Trouble::Failing { .. } => Kind::Failing,
            Trouble::PlanHeld { .. } => Kind::PlanHeld,
            Trouble::ReconnectNeeded => Kind::ReconnectNeeded,
        }
    }
}

/// How far the alert about a cause has come.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(super) enum Told {
    /// It could not be sent for so long that it was given up.
    GivenUp {
        /// What was wrong last.
        problem: String,
    },
    /// No alert was asked for: no address is set.
    #[default]
    Not,
    /// It waits in the outbox.
    Queued,
    /// It was received.
    Sent {
        /// When, in milliseconds since the Unix epoch.
        at_ms: i64,
    },
}

/// Something that needs attention.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Cause {
    /// Unique in the tenant; the same trouble arising anew gets another.
    pub id: String,
    /// The connection it is about.
    pub connection: ConnectionId,
    /// What is the matter.
    pub trouble: Trouble,
    /// Since when, in milliseconds since the Unix epoch.
    pub since_ms: i64,
    /// What happened, why, and what to do. No personal data.
    pub message: String,
    #[serde(default)]
    pub(super) told: Told,
}

/// Trouble as a look finds it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Found {
    pub(super) connection: ConnectionId,
    pub(super) trouble: Trouble,
    pub(super) since_ms: i64,
    pub(super) message: String,
}

impl Found {
    /// A connection whose authorisation died.
    pub(super) fn reconnect_needed(connection: &Connection, now_ms: i64) -> Self {
        let reason = connection.attention.as_deref();
        let reason = reason.unwrap_or("the provider did not say why");
        let id = &connection.id;
        Self {
            connection: id.clone(),
            trouble: Trouble::ReconnectNeeded,
            since_ms: now_ms,
            message: bounded(format!(
                "the provider no longer accepts the authorisation of the connection {id} \
                 ({reason}): nothing was changed; an administrator has to authorise it again"
            )),
        }
    }

    /// Runs that failed one after the other.
    pub(super) fn failing(connection: &ConnectionId, streak: &Streak) -> Self {
        let Streak { runs, failure, .. } = streak;
        Self {
            connection: connection.clone(),
            trouble: Trouble::Failing {
                code: failure.code.clone(),
                runs: *runs,
            },
            since_ms: streak.since_ms,
            message: bounded(format!(
                "the last {runs} runs of the connection {connection} failed, the newest one, {}, \
                 with {}: {}",
                streak.run, failure.code, failure.message
            )),
        }
    }

    /// A run whose plan is held; none if it names no connection.
    pub(super) fn plan_held(run: &Run) -> Option<Self> {
        let listed: Vec<String> = run
            .refusals
            .iter()
            .take(REFUSALS_LISTED_MAX)
            .map(ToString::to_string)
            .collect();
        let id = &run.id;
        Some(Self {
            connection: run.connection.clone()?,
            trouble: Trouble::PlanHeld { run: id.clone() },
            since_ms: run.finished_at_ms.unwrap_or(run.requested_at_ms),
            message: bounded(format!(
                "the plan of the run {id} is held ({}): nothing was written; an administrator has \
                 to look at it and approve or discard it",
                listed.join("; ")
            )),
        })
    }
}

/// Runs of a connection that failed one after the other.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Streak {
    /// How many.
    pub(super) runs: u32,
    /// When the first ended, in milliseconds since the Unix epoch.
    pub(super) since_ms: i64,
    /// The newest.
    pub(super) run: RunId,
    /// Why the newest failed.
    pub(super) failure: Failure,
}

/// Why a cause is over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Over {
    /// The plan was approved.
    Approved,
    /// The connection is authorised again.
    Authorized,
    /// The plan was discarded.
    Discarded,
    /// The connection is not in use any more.
    OutOfUse,
    /// The roster or the provider moved on since the plan was made.
    Outdated,
    /// A run succeeded.
    Succeeded,
}

impl fmt::Display for Over {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Over::Approved => "the plan was approved",
            Over::Authorized => "the connection is authorised again",
            Over::Discarded => "the plan was discarded",
            Over::OutOfUse => "the connection was revoked or deleted",
            Over::Outdated => "a later run made the plan out of date",
            Over::Succeeded => "a run of the connection succeeded",
        })
    }
}
