//! What people and programs are shown of a cause: over the API, and in the alert that is sent.

use super::cause::{Cause, Told, Trouble};
use super::outbox::{Alert, Outbox};
use mapping::ids::{ConnectionId, TenantId};
use serde::{Deserialize, Serialize};

/// What an alert tells of its cause.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// It is over.
    Closed,
    /// It arose.
    Opened,
}

impl AlertState {
    /// The state as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            AlertState::Closed => "closed",
            AlertState::Opened => "opened",
        }
    }
}

/// The body of an alert.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct AlertBody<'a> {
    /// The same at every attempt, and of no other alert: by it a receiver knows what it has.
    pub id: String,
    /// The cause, as the API names it.
    pub cause: &'a str,
    /// What became of the cause.
    pub state: AlertState,
    /// What is or was the matter.
    #[serde(flatten)]
    pub trouble: &'a Trouble,
    /// Whose it is.
    pub tenant: &'a TenantId,
    /// The connection it is about.
    pub connection: &'a ConnectionId,
    /// Since when the cause was open, in milliseconds since the Unix epoch.
    pub since_ms: i64,
    /// When the alert was made, in milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// What happened, why, and what to do; or why it is over.
    pub message: &'a str,
}

/// How far the alert about a cause has come.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Announced {
    /// It was tried for three days and never received.
    GivenUp {
        /// What was wrong last.
        problem: String,
    },
    /// No address for alerts is set.
    Off,
    /// It was received.
    Sent {
        /// When, in milliseconds since the Unix epoch.
        at_ms: i64,
    },
    /// It was not received yet.
    Waiting {
        /// How often it was tried.
        attempts: u32,
        /// When it is tried next, in milliseconds since the Unix epoch.
        next_at_ms: i64,
        /// What was wrong with the newest attempt, or with the configuration.
        #[serde(skip_serializing_if = "Option::is_none")]
        problem: Option<String>,
    },
}

/// An open cause as the API shows it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Shown {
    /// Unique in the tenant.
    pub id: String,
    /// What is the matter.
    #[serde(flatten)]
    pub trouble: Trouble,
    /// The connection it is about.
    pub connection: ConnectionId,
    /// Since when, in milliseconds since the Unix epoch.
    pub since_ms: i64,
    /// What happened, why, and what to do.
    pub message: String,
    /// How far the alert about it has come.
    pub alert: Announced,
}

impl Shown {
    /// A cause with its alert. `misconfigured` is why no alert can be sent at all.
    pub(super) fn of(cause: &Cause, outbox: &Outbox, misconfigured: Option<&str>) -> Self {
        let waiting = |alert: &Alert| Announced::Waiting {
            attempts: alert.attempts,
            next_at_ms: alert.next_ms,
            problem: misconfigured
                .map(str::to_owned)
                .or_else(|| alert.problem.clone()),
        };
        let alert = match &cause.told {
            Told::GivenUp { problem } => Announced::GivenUp {
                problem: problem.clone(),
            },
            Told::Not => Announced::Off,
            Told::Queued => outbox.opening_of(&cause.id).map_or(Announced::Off, waiting),
            Told::Sent { at_ms } => Announced::Sent { at_ms: *at_ms },
        };
        Self {
            id: cause.id.clone(),
            trouble: cause.trouble.clone(),
            connection: cause.connection.clone(),
            since_ms: cause.since_ms,
            message: cause.message.clone(),
            alert,
        }
    }
}
