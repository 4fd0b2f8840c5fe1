//! Alerts that wait to be received: when each is tried next, and when it is given up.

use super::cause::{Cause, Trouble};
use super::{AlertBody, AlertState};
use mapping::ids::{ConnectionId, TenantId};
use serde::{Deserialize, Serialize};

/// Pause after the first attempt that failed, in milliseconds. Each further one is twice as long.
pub const PAUSE_FIRST_MS: i64 = 60_000;

/// Longest pause between two attempts, in milliseconds.
pub const PAUSE_MAX_MS: i64 = 6 * 60 * 60 * 1_000;

/// For how long an alert is tried, in milliseconds. After three days somebody has met the trouble
/// without us, and the API still shows it.
pub const EXPIRES_AFTER_MS: i64 = 3 * 24 * 60 * 60 * 1_000;

/// Most alerts of a tenant that wait, so that a receiver that is gone and a cause that comes and
/// goes can't fill the record. The oldest make room.
pub(super) const WAITING_MAX: usize = 64;

/// One alert: a cause was opened or closed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Alert {
    /// The cause it tells of.
    pub cause: String,
    /// What became of the cause.
    pub state: AlertState,
    /// The connection the cause is about.
    pub connection: ConnectionId,
    /// What is or was the matter.
    pub trouble: Trouble,
    /// Since when the cause was open, in milliseconds since the Unix epoch.
    pub since_ms: i64,
    /// When the alert was made, in milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// What to tell. No personal data.
    pub message: String,
    /// How often it was tried.
    #[serde(default)]
    pub attempts: u32,
    /// When it is tried next, in milliseconds since the Unix epoch.
    pub next_ms: i64,
    /// What was wrong with the newest attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl Alert {
    /// The alert about a cause at this time, due at once.
    pub(super) fn about(cause: &Cause, state: AlertState, message: String, now_ms: i64) -> Self {
        Self {
            cause: cause.id.clone(),
            state,
            connection: cause.connection.clone(),
            trouble: cause.trouble.clone(),
            since_ms: cause.since_ms,
            at_ms: now_ms,
            message,
            attempts: 0,
            next_ms: now_ms,
            problem: None,
        }
    }

    /// What is sent.
    pub(super) fn body<'a>(&'a self, tenant: &'a TenantId) -> AlertBody<'a> {
        AlertBody {
            id: format!("{tenant}.{}.{}", self.cause, self.state.as_str()),
            cause: &self.cause,
            state: self.state,
            trouble: &self.trouble,
            tenant,
            connection: &self.connection,
            since_ms: self.since_ms,
            at_ms: self.at_ms,
            message: &self.message,
        }
    }

    /// Notes that an attempt begins. Should nobody note its end, it is tried again after the
    /// pause.
    pub(super) fn begin(&mut self, now_ms: i64) {
        let doublings = self.attempts.min(16);
        self.attempts = self.attempts.saturating_add(1);
        self.next_ms = now_ms.saturating_add((PAUSE_FIRST_MS << doublings).min(PAUSE_MAX_MS));
    }

    /// Whether it has been tried for long enough.
    pub(super) fn is_expired(&self, now_ms: i64) -> bool {
        now_ms.saturating_sub(self.at_ms) >= EXPIRES_AFTER_MS
    }

    /// Whether both are the same alert, however often tried.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.cause == other.cause && self.state == other.state
    }
}

/// The alerts of a tenant that wait, oldest first.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub(super) struct Outbox(Vec<Alert>);

impl Outbox {
    /// Adds an alert; returns the one that had to make room.
    pub(super) fn push(&mut self, alert: Alert) -> Option<Alert> {
        let full = self.0.len() >= WAITING_MAX;
        let dropped = full.then(|| self.0.remove(0));
        self.0.push(alert);
        dropped
    }

    /// The alerts that may be tried: that a cause is over is told after that it arose.
    fn ready(&self) -> impl Iterator<Item = &Alert> {
        self.0.iter().enumerate().filter_map(|(at, alert)| {
            let mut before = self.0.iter().take(at);
            let waits = before.any(|earlier| earlier.cause == alert.cause);
            (!waits).then_some(alert)
        })
    }

    /// When there is something to send, in milliseconds since the Unix epoch.
    pub(super) fn due_ms(&self) -> Option<i64> {
        self.ready().map(|alert| alert.next_ms).min()
    }

    /// The next alert to send.
    pub(super) fn due(&self, now_ms: i64) -> Option<&Alert> {
        self.ready().find(|alert| alert.next_ms <= now_ms)
    }

    /// The alert as it waits.
    pub(super) fn find_mut(&mut self, like: &Alert) -> Option<&mut Alert> {
        self.0.iter_mut().find(|alert| alert.is_same(like))
    }

    /// The alert that tells that a cause arose, while it waits.
    pub(super) fn opening_of(&self, cause: &str) -> Option<&Alert> {
        let mut all = self.0.iter();
        all.find(|alert| alert.cause == cause && alert.state == AlertState::Opened)
    }

    /// Takes an alert out, and with one that is given up the one that was to follow it.
    pub(super) fn take(&mut self, which: impl Fn(&Alert) -> bool) -> Vec<Alert> {
        let (taken, kept) = std::mem::take(&mut self.0).into_iter().partition(which);
        self.0 = kept;
        taken
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(number: usize, state: AlertState) -> Alert {
        Alert {
            cause: format!("cause-{number}"),
            state,
            connection: ConnectionId::parse("google").unwrap(),
            trouble: Trouble::ReconnectNeeded,
            since_ms: 0,
            at_ms: 0,
            message: String::new(),
            attempts: 0,
            next_ms: 0,
            problem: None,
        }
    }

    #[test]
    fn pauses_double_from_a_minute_to_six_hours() {
        let mut alert = alert(1, AlertState::Opened);
        let mut now_ms = 0;
        let mut pauses = Vec::new();
        for _ in 0..12 {
            alert.begin(now_ms);
            pauses.push((alert.next_ms - now_ms) / 60_000);
            now_ms = alert.next_ms;
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360]);
        alert.attempts = u32::MAX;
        alert.begin(now_ms);
        assert_eq!(alert.next_ms - now_ms, PAUSE_MAX_MS);
    }

    #[test]
    fn an_end_is_told_after_its_beginning_and_does_not_keep_others_waiting() {
        let mut outbox = Outbox::default();
        outbox.push(alert(1, AlertState::Opened));
        outbox.push(alert(1, AlertState::Closed));
        outbox.push(alert(2, AlertState::Opened));
        let first = alert(1, AlertState::Opened);
        outbox.find_mut(&first).unwrap().begin(0);
        assert_eq!(outbox.due(0).unwrap().cause, "cause-2");
        outbox.take(|alert| alert.is_same(&first));
        assert_eq!(outbox.due(0).unwrap().state, AlertState::Closed);
    }

    #[test]
    fn the_oldest_make_room_when_too_many_wait() {
        let mut outbox = Outbox::default();
        for number in 0..WAITING_MAX {
            assert_eq!(outbox.push(alert(number, AlertState::Opened)), None);
        }
        let dropped = outbox.push(alert(999, AlertState::Opened)).unwrap();
        assert_eq!(dropped.cause, "cause-0");
        assert_eq!(outbox.0.len(), WAITING_MAX);
    }
}
