//! What must hold of the records of runs.

use super::{Observer, holds, now};
use crate::keys;
use crate::runs::{self, Lane, Place, Run, RunState};
use crate::simulation::ledger::{Ledger, peek};
use mapping::ids::RunId;
use std::collections::BTreeMap;

impl Observer {
    /// Looks at the runs whose records were written in this step.
    pub(super) fn check_runs(&mut self, ledger: &Ledger, step: u64) -> Result<(), String> {
        let prefix = format!("run/{}/", self.tenant);
        for key in &ledger.written {
            let id = key.strip_prefix(&prefix).map(RunId::parse);
            let Some(Ok(id)) = id else { continue };
            let run = now(runs::read(&self.ports, &self.tenant, &id)).unwrap();
            let run = run.ok_or_else(|| format!("the record of run {id} is gone"))?;
            if run.started_at_ms.is_some() && !self.started.contains_key(&id) {
                self.started.insert(id.clone(), step);
                self.what_comes_before_is_over(&run)?;
            }
            let has_begun = self.started.contains_key(&id);
            holds(!has_begun || run.state != RunState::Scheduled, || {
                format!("run {id} had begun and is scheduled again")
            })?;
            self.a_night_has_one_run(&run)?;
            self.what_is_finished_stays_finished(&run, ledger)?;
            self.only_an_applied_run_has_a_commit(&run)?;
            if run.state.is_finished() {
                self.finished.insert(id, run);
            }
        }
        Ok(())
    }

    /// **Promise:** the runs of a lane follow each other, and a series is gone through before
    /// anything else begins. A connection is left out only if it went out of use meanwhile.
    fn what_comes_before_is_over(&self, run: &Run) -> Result<(), String> {
        let before = if run.step > 0 {
            run.number
        } else {
            run.number - 1
        };
        let Ok(first) = run.lane.run_id(before) else {
            return Ok(());
        };
        let Some(first) = now(runs::read(&self.ports, &self.tenant, &first)).unwrap() else {
            return Ok(());
        };
        let began = self.started.get(&first.id).copied().unwrap_or(0);
        for (step, connection) in (0..first.steps()).zip(&first.connections) {
            let place = Place {
                number: before,
                step,
            };
            if place >= run.place() {
                break;
            }
            let id = run.lane.id_at(place).unwrap();
            let found = now(runs::read(&self.ports, &self.tenant, &id)).unwrap();
            let is_left_out = *connection == self.connections[1]
                && self.second_was_out.is_some_and(|step| step >= began);
            let is_over = found.map_or(is_left_out, |found| found.state.is_finished());
            holds(is_over, || {
                format!("run {} began before {id} was over", run.id)
            })?;
        }
        Ok(())
    }

    /// **Promise:** no night is doubled.
    fn a_night_has_one_run(&mut self, run: &Run) -> Result<(), String> {
        let Some(night) = &run.night else {
            return Ok(());
        };
        let series = run.series.as_ref().unwrap_or(&run.id);
        let known = self.nights.entry(night.clone()).or_insert(series.clone());
        holds(*known == *series, || {
            format!("the night {night} has the series {known} and {series}")
        })
    }

    /// **Promise:** history does not change. A run that is finished stays as it is, except that an
    /// administrator decides about a held one, or a later run plans anew.
    fn what_is_finished_stays_finished(&self, run: &Run, ledger: &Ledger) -> Result<(), String> {
        let Some(known) = self.finished.get(&run.id) else {
            return Ok(());
        };
        let may_follow = [
            RunState::Applied,
            RunState::Applying,
            RunState::Failed,
            RunState::Unchanged,
        ];
        let is_decided = known.state == RunState::Held
            && (run.state == RunState::Superseded
                || run.state == RunState::Discarded && ledger.discarded.contains(&run.id)
                || may_follow.contains(&run.state) && ledger.approved.contains(&run.id));
        holds(is_decided || known == run, || {
            format!(
                "run {} was {:?} and became {:?} (finished at {:?} and {:?})",
                run.id, known.state, run.state, known.finished_at_ms, run.finished_at_ms
            )
        })
    }

    /// **Promise:** a run says truly whether it changed the roster.
    fn only_an_applied_run_has_a_commit(&self, run: &Run) -> Result<(), String> {
        let commit = self.committed.get(&run.id).map(|commit| commit.generation);
        let is_true = if run.state == RunState::Applied {
            commit.is_some() && commit == run.generation
        } else {
            !run.state.is_finished() || commit.is_none()
        };
        holds(is_true, || {
            format!(
                "run {} is {:?} and made the commit {commit:?}",
                run.id, run.state
            )
        })
    }

    /// The newest run that waits for a decision.
    pub(in crate::simulation) fn newest_held(&self) -> Option<RunId> {
        let mut held = self.finished.values().filter(|run| {
            let record = peek::<Run>(&self.ports, &keys::run(&self.tenant, &run.id));
            record.is_some_and(|run| run.state == RunState::Held)
        });
        held.next_back().map(|run| run.id.clone())
    }

    /// **Promise:** every run comes to an end once nothing fails any more.
    pub(in crate::simulation) fn every_run_is_finished(&self) -> Result<(), String> {
        for lane in Lane::ALL {
            let next = now(runs::next_number(&self.ports, &self.tenant, lane)).unwrap();
            for number in 1..next {
                let id = lane.run_id(number).unwrap();
                let first = now(runs::read(&self.ports, &self.tenant, &id)).unwrap();
                let first = first.ok_or_else(|| format!("run {id} has no record"))?;
                let series = now(runs::series(&self.ports, &self.tenant, &id)).unwrap();
                for run in std::iter::once(&first).chain(&series) {
                    holds(run.state.is_finished(), || {
                        format!("run {} never ended: {run:?}", run.id)
                    })?;
                }
            }
        }
        Ok(())
    }

    /// How many runs of each lane ended in each way.
    pub(in crate::simulation) fn ends(&self) -> BTreeMap<(Lane, String), usize> {
        let mut ends = BTreeMap::new();
        for id in self.finished.keys() {
            let run: Run = peek(&self.ports, &keys::run(&self.tenant, id)).unwrap();
            *ends
                .entry((run.lane, format!("{:?}", run.state)))
                .or_default() += 1;
        }
        ends
    }

    /// **Promise:** a request that was answered has its run.
    pub(in crate::simulation) fn run_is_finished(&self, id: &RunId) -> Result<(), String> {
        let run = now(runs::read(&self.ports, &self.tenant, id)).unwrap();
        let state = run.map(|run| run.state);
        holds(state.is_some_and(RunState::is_finished), || {
            format!("run {id}, which was asked for, is {state:?}")
        })
    }
}
