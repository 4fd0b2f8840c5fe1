//! Who acts: the workers that tick, and those who ask and decide.

use super::invariants::now;
use super::processes::{Outcome, Process};
use super::{Simulation, VISITORS_MAX};
use crate::audit::{Action, Actor};
use crate::connections::{self, Change, Connection, State};
use crate::holding;
use crate::memory::MemoryPorts;
use crate::ports::Clock;
use crate::runs::{self, Lane, Trigger, TriggerKind};
use crate::tick;
use std::sync::Arc;

impl Simulation {
    /// Has the processes do some operations, in an order of the dice.
    pub(super) fn work(&mut self, operations: u64, favourite: usize) {
        self.begin_ticks();
        for _ in 0..operations {
            let able: Vec<usize> = (0..self.processes.len())
                .filter(|index| {
                    let process = &self.processes[*index];
                    process.is_busy() && process.frozen_until <= self.step
                })
                .collect();
            if able.is_empty() {
                return;
            }
            let chosen = if able.contains(&favourite) && self.dice.per_mille(700) {
                favourite
            } else {
                self.dice.pick(&able)
            };
            if let Some(outcome) = self.processes[chosen].go_on() {
                self.finish(chosen, outcome);
            }
            self.doze(chosen);
        }
        self.processes
            .retain(|process| process.is_busy() || process.name.starts_with("worker"));
    }

    /// A visitor may sleep in the middle of the one thing that it does.
    fn doze(&mut self, process: usize) {
        let process = &mut self.processes[process];
        process.dozes_after = process.dozes_after.and_then(|left| left.checked_sub(1));
        if process.dozes_after == Some(0) {
            process.frozen_until = self.step + 1 + self.dice.below(60);
        }
    }

    fn begin_ticks(&mut self) {
        let now = self.world.ports.now();
        for worker in 0..2 {
            let process = &mut self.processes[worker];
            if process.is_busy() || process.frozen_until > self.step || now < self.next_tick[worker]
            {
                continue;
            }
            self.next_tick[worker] = now + jiff::SignedDuration::from_secs(60);
            self.tick_since[worker] = now;
            process.start(|ports| async move { Outcome::Ticked(tick::tick(&ports).await) });
        }
    }

    fn finish(&mut self, process: usize, outcome: Outcome) {
        let name = self.processes[process].name.clone();
        match outcome {
            Outcome::Asked(Ok(requested)) => {
                self.note(&format!(
                    "{name} was promised {} (joined: {})",
                    requested.run, requested.joined
                ));
                self.promised.insert(requested.run);
            }
            Outcome::ByHand(Ok(run)) => {
                self.note(&format!("{name} was promised {run}"));
                self.promised.insert(run);
            }
            Outcome::ByHand(Err(refused)) => self.note(&format!("{name} was refused: {refused}")),
            Outcome::Ticked(Ok(report)) => {
                let now = self.world.ports.now();
                self.note(&format!("{name} ticked at {now}: {report:?}"));
                if report.more {
                    self.next_tick[process] = now;
                }
                if report.failures.is_empty() {
                    self.healthy_ticks.push((self.tick_since[process], now));
                }
            }
            Outcome::Asked(Err(error)) | Outcome::Ticked(Err(error)) => {
                self.note(&format!("{name} failed: {error}"));
            }
            Outcome::Ordered(ordered) => self.note(&format!("{name} ordered: {ordered:?}")),
            Outcome::Decided(decided) => self.note(&format!("{name} decided: {decided:?}")),
        }
    }

    pub(super) fn ask(&mut self, lane: Lane, kind: TriggerKind, only: Option<usize>) {
        let tenant = self.world.tenant.clone();
        let only = only.map(|which| self.connection(which));
        self.visit(move |ports| async move {
            let trigger = Trigger {
                kind,
                by: "simulation".to_owned(),
            };
            let only = only.as_ref();
            Outcome::Asked(runs::request_in(&ports, &tenant, lane, trigger, only).await)
        });
    }

    /// Turns the order of the connections around.
    pub(super) fn reorder(&mut self) {
        let tenant = self.world.tenant.clone();
        self.visit(move |ports| async move {
            let turned = async {
                let mut order = connections::order(&ports, &tenant).await?;
                order.reverse();
                connections::set_order(&ports, &Actor::Operator, &tenant, &order).await
            };
            Outcome::Ordered(turned.await)
        });
    }

    /// Takes the second connection out of use, or puts it back.
    pub(super) fn toggle(&mut self) {
        let is_active = self.second_is_active();
        let state = if is_active {
            State::Revoked
        } else {
            State::Active
        };
        self.observer.second_was_out = Some(self.step);
        let change = |connection: &mut Connection| {
            connection.state = state;
            Ok(Change::Write)
        };
        let (ports, tenant) = (&self.world.ports, &self.world.tenant);
        let of = (&Actor::Operator, Action::ConnectionSaved);
        let changed = now(connections::modify(ports, tenant, &self.second, of, change));
        // Somebody may be writing at this moment: then it is not to be.
        self.note(&format!(
            "the second connection: {:?}",
            changed.map(|c| c.state)
        ));
    }

    pub(super) fn second_is_active(&self) -> bool {
        let (ports, tenant) = (&self.world.ports, &self.world.tenant);
        let found = now(connections::read(ports, tenant, &self.second));
        found.unwrap().unwrap().is_active()
    }

    pub(super) fn decide(&mut self, approve: bool) {
        let Some(id) = self.observer.newest_held() else {
            return;
        };
        let mut ledger = self.ledger.lock().unwrap();
        let decided = if approve {
            &mut ledger.approved
        } else {
            &mut ledger.discarded
        };
        decided.insert(id.clone());
        drop(ledger);
        let tenant = self.world.tenant.clone();
        self.visit(move |ports| async move {
            let decided = if approve {
                holding::approve(&ports, &tenant, &id).await
            } else {
                holding::discard(&ports, &tenant, &id).await
            };
            Outcome::Decided(decided.map(|run| run.state))
        });
    }

    /// Starts a process that does one thing and is gone.
    pub(super) fn visit<W>(&mut self, work: impl FnOnce(MemoryPorts) -> W)
    where
        W: Future<Output = Outcome> + 'static,
    {
        if self.processes.len() < 2 + VISITORS_MAX {
            let name = format!("visitor of step {}", self.step);
            let ledger = Arc::clone(&self.ledger);
            let mut visitor = Process::new(name, self.dice.fork(), &self.world.ports, ledger);
            if self.dice.per_mille(400) {
                visitor.dozes_after = Some(1 + self.dice.below(10));
            }
            visitor.start(work);
            self.processes.push(visitor);
        }
    }
}
