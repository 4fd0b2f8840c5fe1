//! All that is known of a tenant's needs, and how the alerts about it come along.

use super::cause::{Cause, Found, Streak, Told};
use super::outbox::{Alert, Outbox};
use super::{AlertState, Shown};
use mapping::ids::ConnectionId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most causes of a tenant that are open at a time, so that the record stays small.
const CAUSES_MAX: usize = 50;

/// All that is known of a tenant's needs: one record, replaced as a whole.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Attention {
    /// How many changes had been noted at the newest look.
    pub(super) seen: u64,
    /// When there is an alert to send, in milliseconds since the Unix epoch.
    #[serde(default)]
    pub(super) due_ms: Option<i64>,
    /// The causes that are open, oldest first.
    pub(super) causes: Vec<Cause>,
    /// How many causes there ever were.
    #[serde(default)]
    numbered: u64,
    /// The number of the series of the newest run looked at.
    #[serde(default)]
    pub(super) runs_seen: u64,
    /// The place of that run in its series.
    #[serde(default)]
    pub(super) step_seen: u32,
    /// Connections whose newest runs failed.
    #[serde(default)]
    pub(super) streaks: BTreeMap<ConnectionId, Streak>,
    /// Alerts that wait.
    #[serde(default)]
    pub(super) outbox: Outbox,
}

impl Attention {
    /// Whether an alert waits.
    pub fn has_waiting(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// The causes that are open, as the API shows them. `problem` is why no alert can be sent at
    /// all.
    pub fn shown(&self, problem: Option<&str>) -> Vec<Shown> {
        let causes = self.causes.iter();
        causes
            .map(|cause| Shown::of(cause, &self.outbox, problem))
            .collect()
    }

    /// Whether an alert is to be sent now.
    pub fn is_due(&self, now_ms: i64) -> bool {
        self.outbox.due(now_ms).is_some()
    }

    /// Opens a cause, unless there are too many.
    pub(super) fn open(&mut self, found: Found) {
        if self.causes.len() < CAUSES_MAX {
            self.numbered += 1;
            self.causes.push(Cause {
                id: format!("cause-{}", self.numbered),
                connection: found.connection,
                trouble: found.trouble,
                since_ms: found.since_ms,
                message: found.message,
                told: Told::Not,
            });
        }
    }

    /// Tells that a cause is over, if anybody was or is to be told that it arose.
    pub(super) fn close(&mut self, cause: &Cause, why: String, now_ms: i64) {
        if matches!(cause.told, Told::Queued | Told::Sent { .. }) {
            self.queue(Alert::about(cause, AlertState::Closed, why, now_ms));
        }
    }

    /// Makes the alerts of causes that nobody was told of yet; without an address there are none.
    pub(super) fn ask_for_alerts(&mut self, alerting: bool, now_ms: i64) {
        if !alerting {
            self.outbox = Outbox::default();
        }
        let mut alerts = Vec::new();
        for cause in &mut self.causes {
            match (&cause.told, alerting) {
                (Told::Not, true) => {
                    cause.told = Told::Queued;
                    let message = cause.message.clone();
                    alerts.push(Alert::about(cause, AlertState::Opened, message, now_ms));
                }
                (Told::Queued, false) => cause.told = Told::Not,
                _ => {}
            }
        }
        for alert in alerts {
            self.queue(alert);
        }
    }

    fn queue(&mut self, alert: Alert) {
        if let Some(dropped) = self.outbox.push(alert) {
            let problem = "too many alerts were waiting";
            self.abandon(&dropped, problem);
        }
    }

    /// Gives an alert up, which is no longer in the outbox, and with a beginning its end.
    pub(super) fn abandon(&mut self, alert: &Alert, problem: &str) {
        if alert.state == AlertState::Opened {
            self.outbox.take(|waiting| waiting.cause == alert.cause);
            if let Some(cause) = self.cause_mut(&alert.cause) {
                cause.told = Told::GivenUp {
                    problem: problem.to_owned(),
                };
            }
        }
    }

    /// Gives up what has waited for too long; returns how many alerts that were.
    pub(super) fn expire(&mut self, now_ms: i64, problem: &str) -> usize {
        let expired = self.outbox.take(|alert| alert.is_expired(now_ms));
        for alert in &expired {
            self.abandon(alert, problem);
        }
        self.due_ms = self.outbox.due_ms();
        expired.len()
    }

    /// Notes that an alert was received.
    pub(super) fn received(&mut self, alert: &Alert, at_ms: i64) {
        self.outbox.take(|waiting| waiting.is_same(alert));
        if alert.state == AlertState::Opened
            && let Some(cause) = self.cause_mut(&alert.cause)
        {
            cause.told = Told::Sent { at_ms };
        }
        self.due_ms = self.outbox.due_ms();
    }

    /// Changes an alert that waits.
    pub(super) fn change_alert(&mut self, like: &Alert, change: impl FnOnce(&mut Alert)) {
        if let Some(alert) = self.outbox.find_mut(like) {
            change(alert);
        }
        self.due_ms = self.outbox.due_ms();
    }

    fn cause_mut(&mut self, id: &str) -> Option<&mut Cause> {
        self.causes.iter_mut().find(|cause| cause.id == id)
    }
}
