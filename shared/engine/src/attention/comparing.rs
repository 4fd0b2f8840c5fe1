//! Comparing how things stand with the causes known.

use super::Attention;
use super::cause::{Cause, Found, Over, Streak, Trouble};
use crate::connections::{Connection, State};
use crate::driving::NO_MAPPINGS;
use crate::runs::{Failure, Place, Run, RunState, Work};
use crate::series::{NO_CONNECTION, RECONNECT_NEEDED};
use mapping::ids::{ConnectionId, Generation, RunId};
use std::collections::BTreeMap;

/// How many runs of a connection in a row have to fail before that needs attention. One bad night
/// mends itself.
const FAILED_RUNS_MIN: u32 = 2;

/// Failures that say nothing new: of a run that had nothing to read, or of a connection that says so
/// itself.
const SAID_ELSEWHERE: [&str; 3] = [NO_CONNECTION, NO_MAPPINGS, RECONNECT_NEEDED];

/// How things stand.
pub(super) struct Observation {
    pub(super) now_ms: i64,
    pub(super) connections: BTreeMap<ConnectionId, Connection>,
    /// Runs that ended since the look before, in order.
    pub(super) runs: Vec<Run>,
    /// The place of the newest of them.
    pub(super) seen: Place,
    /// The runs of causes that are open, as they are now.
    pub(super) held: BTreeMap<RunId, Run>,
    /// The newest commit.
    pub(super) newest: Generation,
}

impl Attention {
    /// Opens and closes causes by what was observed.
    pub(super) fn compare(&mut self, observed: &Observation) {
        self.count_failures(observed);
        (self.runs_seen, self.step_seen) = (observed.seen.number, observed.seen.step);
        let mut found = self.found(observed);
        for cause in std::mem::take(&mut self.causes) {
            let same = |found: &Found| {
                found.connection == cause.connection && found.trouble.kind() == cause.trouble.kind()
            };
            match found.iter().position(same) {
                Some(at) => {
                    let found = found.swap_remove(at);
                    self.causes.push(Cause {
                        trouble: found.trouble,
                        message: found.message,
                        ..cause
                    });
                }
                None => self.close(&cause, over(&cause, observed).to_string(), observed.now_ms),
            }
        }
        found.sort_by_key(|found| (found.trouble.kind(), found.connection.clone()));
        for found in found {
            self.open(found);
        }
    }

    fn count_failures(&mut self, observed: &Observation) {
        for run in &observed.runs {
            let Some(connection) = &run.connection else {
                // It had nothing to read: no connection is in use.
                continue;
            };
            if run.state != RunState::Failed {
                self.streaks.remove(connection);
                continue;
            }
            let failure = run.failure.clone().unwrap_or_else(|| Failure {
                code: "internal".to_owned(),
                message: "the run does not say why".to_owned(),
            });
            if SAID_ELSEWHERE.contains(&failure.code.as_str()) {
                continue;
            }
            let before = self.streaks.remove(connection);
            let since_ms = run.finished_at_ms.unwrap_or(observed.now_ms);
            let streak = Streak {
                runs: before.as_ref().map_or(1, |before| before.runs + 1),
                since_ms: before.map_or(since_ms, |before| before.since_ms),
                run: run.id.clone(),
                failure,
            };
            self.streaks.insert(connection.clone(), streak);
        }
        self.streaks.retain(|connection, _| {
            let found = observed.connections.get(connection);
            found.is_some_and(is_in_use)
        });
    }

    /// All trouble there is.
    fn found(&self, observed: &Observation) -> Vec<Found> {
        let dead = observed
            .connections
            .values()
            .filter(|connection| connection.state == State::ReconnectNeeded)
            .map(|connection| Found::reconnect_needed(connection, observed.now_ms));
        let failing = self
            .streaks
            .iter()
            .filter(|(_, streak)| streak.runs >= FAILED_RUNS_MIN)
            .map(|(connection, streak)| Found::failing(connection, streak));
        let mut held = BTreeMap::new();
        for cause in &self.causes {
            if let Trouble::PlanHeld { run } = &cause.trouble {
                held.insert(cause.connection.clone(), observed.held.get(run));
            }
        }
        for run in observed.runs.iter().filter(|run| is_conclusive(run)) {
            if let Some(connection) = &run.connection {
                held.insert(connection.clone(), Some(run));
            }
        }
        let held = held
            .into_values()
            .flatten()
            .filter(|run| run.state == RunState::Held && run.parent == observed.newest)
            .filter_map(Found::plan_held);
        dead.chain(failing).chain(held).collect()
    }
}

/// Whether somebody expects runs of the connection to succeed.
fn is_in_use(connection: &Connection) -> bool {
    match connection.state {
        State::Active | State::Authorized | State::ReconnectNeeded => true,
        State::Draft | State::Revoked => false,
    }
}

/// Whether a run that ended says what a plan made before it is still worth. One that failed does
/// not; a look saw a few people only, so it does only if it is held itself.
fn is_conclusive(run: &Run) -> bool {
    match run.state {
        RunState::Held | RunState::Discarded => true,
        RunState::Applied | RunState::Unchanged => run.work == Work::Full,
        RunState::Applying
        | RunState::Confirming
        | RunState::Evaluating
        | RunState::Failed
        | RunState::Fetching
        | RunState::Planned
        | RunState::Scheduled
        | RunState::Settling
        | RunState::Superseded => false,
    }
}

/// Why a cause that was not found any more is over.
fn over(cause: &Cause, observed: &Observation) -> Over {
    let connection = observed.connections.get(&cause.connection);
    let in_use = connection.is_some_and(is_in_use);
    match &cause.trouble {
        Trouble::PlanHeld { run } => {
            let run = observed.held.get(run);
            match run.map(|run| run.state) {
                Some(RunState::Held | RunState::Superseded) | None => Over::Outdated,
                Some(RunState::Discarded) => Over::Discarded,
                Some(_) => Over::Approved,
            }
        }
        Trouble::Failing { .. } if in_use => Over::Succeeded,
        Trouble::ReconnectNeeded if in_use => Over::Authorized,
        Trouble::Failing { .. } | Trouble::ReconnectNeeded => Over::OutOfUse,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn connection(id: &str, state: &str) -> (ConnectionId, Connection) {
        let connection: Connection = serde_json::from_value(json!({
            "id": id, "provider": "google", "state": state, "created_at_ms": 0,
            "settings": {"name": id, "domain": "maplegrove.example", "mode": "import"},
        }))
        .unwrap();
        (connection.id.clone(), connection)
    }

    fn run(number: u64, connection: Option<&str>, state: &str, code: Option<&str>) -> Run {
        serde_json::from_value(json!({
            "id": format!("r{number:06}"), "number": number, "lane": "run", "state": state,
            "trigger": {"kind": "nightly", "by": "scheduler"}, "connection": connection,
            "requested_at_ms": number, "finished_at_ms": number * 10,
            "failure": code.map(|code| json!({"code": code, "message": "why"})),
        }))
        .unwrap()
    }

    fn failed(number: u64, code: &str) -> Run {
        run(number, Some("google"), "failed", Some(code))
    }

    fn observed(runs: Vec<Run>) -> Observation {
        Observation {
            now_ms: 1_000,
            connections: [connection("google", "active")].into(),
            seen: runs.last().map(Run::place).unwrap_or_default(),
            runs,
            held: BTreeMap::new(),
            newest: Generation::default(),
        }
    }

    fn troubles(attention: &Attention) -> Vec<&Trouble> {
        let causes = attention.causes.iter();
        causes.map(|cause| &cause.trouble).collect()
    }

    fn failing(code: &str, runs: u32) -> Trouble {
        let code = code.to_owned();
        Trouble::Failing { code, runs }
    }

    #[test]
    fn a_dead_authorisation_neither_lengthens_a_row_of_failures_nor_ends_it() {
        let mut attention = Attention::default();
        attention.compare(&observed(vec![
            failed(1, "internal"),
            failed(2, RECONNECT_NEEDED),
            failed(3, RECONNECT_NEEDED),
        ]));
        assert!(troubles(&attention).is_empty());
        attention.compare(&observed(vec![failed(4, "provider_unavailable")]));
        let expected = failing("provider_unavailable", 2);
        assert_eq!(troubles(&attention), [&expected]);
        assert_eq!(attention.causes[0].since_ms, 10);
    }

    #[test]
    fn runs_that_had_nothing_to_read_count_for_nothing() {
        let mut attention = Attention::default();
        let nothing = |number| run(number, None, "failed", Some("no_connection"));
        attention.compare(&observed(vec![nothing(1), nothing(2), nothing(3)]));
        assert!(troubles(&attention).is_empty());
        attention.compare(&observed(vec![
            failed(4, "internal"),
            nothing(5),
            failed(6, "internal"),
        ]));
        assert_eq!(troubles(&attention), [&failing("internal", 2)]);
    }

    #[test]
    fn nobody_waits_for_runs_of_a_connection_that_is_not_in_use() {
        for state in ["draft", "revoked"] {
            let mut attention = Attention::default();
            attention.compare(&observed(vec![failed(1, "a"), failed(2, "a")]));
            assert_eq!(troubles(&attention).len(), 1);
            let mut later = observed(Vec::new());
            later.connections = [connection("google", state)].into();
            attention.compare(&later);
            assert!(troubles(&attention).is_empty());
            // Back in use, it begins anew.
            attention.compare(&observed(vec![failed(3, "a")]));
            assert!(troubles(&attention).is_empty());
        }
    }

    #[test]
    fn a_look_at_a_part_of_the_source_does_not_make_a_held_plan_out_of_date() {
        let held = run(1, Some("google"), "held", None);
        for (work, stays) in [(Work::Look, true), (Work::Full, false)] {
            let mut attention = Attention::default();
            attention.compare(&observed(vec![held.clone()]));
            let expected = Trouble::PlanHeld {
                run: held.id.clone(),
            };
            assert_eq!(troubles(&attention), [&expected]);
            let mut unchanged = run(2, Some("google"), "unchanged", None);
            unchanged.work = work;
            let mut later = observed(vec![unchanged]);
            later.held = [(held.id.clone(), held.clone())].into();
            attention.compare(&later);
            assert_eq!(troubles(&attention).len(), usize::from(stays));
        }
    }

    #[test]
    fn each_connection_has_its_own_causes() {
        let mut attention = Attention::default();
        let mut seen = observed(vec![
            failed(1, "a"),
            run(2, Some("oak"), "failed", Some("a")),
            failed(3, "a"),
            run(4, Some("oak"), "unchanged", None),
        ]);
        seen.connections.extend([
            connection("oak", "active"),
            connection("elm", "reconnect_needed"),
        ]);
        attention.compare(&seen);
        let found: Vec<_> = attention
            .causes
            .iter()
            .map(|cause| (cause.id.as_str(), cause.connection.as_str()))
            .collect();
        assert_eq!(found, [("cause-1", "google"), ("cause-2", "elm")]);
        assert_eq!(attention.causes[1].trouble, Trouble::ReconnectNeeded);
    }
}
