//! The end of a simulation: nothing fails any more, everything comes to rest, and the roster must
//! be what the directory and the rules mean.

use super::by_hand::is_decided;
use super::invariants::now;
use super::processes::Outcome;
use super::{Simulation, hold, truth};
use crate::holding;
use crate::keys;
use crate::ports::Clock;
use crate::rules;
use crate::runs::{self, Lane, Run, RunState, Trigger, TriggerKind};
use crate::schedule::CATCH_UP;
use crate::simulation::ledger::peek;
use crate::tenants;
use crate::tick::{self, TickReport};
use crate::world::{FakeGoogle, FakeUser};
use jiff::SignedDuration;
use mapping::account::{Account, Status};
use mapping::ids::ConnectionId;
use std::collections::BTreeMap;
use std::time::Duration;

/// How many runs it may take until one has nothing to do: addresses that one run frees are taken
/// by the next.
const RUNS_MAX: usize = 8;

/// How many undisturbed ticks within its time a night needs to be made: a worker may have died
/// while it was making it.
const TICKS_PER_NIGHT: usize = 8;

impl Simulation {
    pub(super) fn end(&mut self) {
        self.note("the end: nothing fails any more");
        self.world.ports.advance(Duration::from_secs(90));
        for process in &mut self.processes {
            process.kill();
            process.set_skew(0);
        }
        let mut faults = self.faults.lock().unwrap();
        (faults.provider, faults.chaining_per_mille) = (None, 0);
        drop(faults);
        self.ledger.lock().unwrap().store_failures_per_mille = 0;
        if !self.second_is_active() {
            self.world.ports.advance(Duration::from_mins(1));
            self.toggle();
        }
        self.rest();
        let finished = self.observer.every_run_is_finished();
        hold(finished);
        for run in &self.promised {
            hold(self.observer.run_is_finished(run));
        }
        self.no_night_was_skipped();
        self.settle_addresses();
        self.run_until_unchanged();
        self.roster_is_the_truth();
    }

    /// Ticks until nothing is under way.
    fn rest(&mut self) {
        for _ in 0..2_000 {
            let report = self.tick();
            self.check();
            assert_eq!(report.failures, [], "a tick failed");
            let busy = Lane::ALL.map(|lane| {
                now(runs::has_work(&self.world.ports, &self.world.tenant, lane)).unwrap()
            });
            if !report.more && !busy.contains(&true) {
                return;
            }
            self.world.ports.advance(Duration::from_secs(10));
        }
        panic!("the runs do not come to an end");
    }

    fn tick(&mut self) -> TickReport {
        let worker = &mut self.processes[0];
        worker.start(|ports| async move { Outcome::Ticked(tick::tick(&ports).await) });
        loop {
            if let Some(Outcome::Ticked(report)) = worker.go_on() {
                return report.unwrap();
            }
        }
    }

    /// **Promise:** a night is not skipped, if anybody was awake in its time.
    fn no_night_was_skipped(&self) {
        let tenant = now(tenants::read(&self.world.ports, &self.world.tenant))
            .unwrap()
            .unwrap();
        let nights = tick::nights(&tenant);
        let margin = SignedDuration::from_secs(10);
        let mut date = nights.since.to_zoned(nights.zone.clone()).date();
        while let Some(instant) = nights
            .instant(date)
            .filter(|at| *at < self.world.ports.now())
        {
            let awake = self.healthy_ticks.iter().filter(|(since, until)| {
                *since > instant + margin && *until < instant + CATCH_UP - margin
            });
            let night = date.to_string();
            let number: Option<u64> = peek(
                &self.world.ports,
                &keys::night_run(&self.world.tenant, &night),
            );
            let run = number.map(|number| Lane::Run.run_id(number).unwrap());
            if instant >= nights.since && awake.count() >= TICKS_PER_NIGHT {
                assert!(run.is_some(), "the night {night} was skipped");
            }
            if let Some(run) = run {
                hold(self.observer.run_is_finished(&run));
                let record: Run =
                    peek(&self.world.ports, &keys::run(&self.world.tenant, &run)).unwrap();
                let late = record
                    .started_at_ms
                    .is_none_or(|ms| ms >= (instant - margin).as_millisecond());
                assert!(late, "run {run} of the night {night} began before it");
            }
            date = date.tomorrow().unwrap();
        }
    }

    /// Gives an address of their own to all people whose address is not theirs alone, or is that
    /// of an account which another person left behind: what becomes of those is for a person to
    /// say, and not what is compared here.
    fn settle_addresses(&mut self) {
        for which in 0..2 {
            self.settle_addresses_of(which);
        }
    }

    fn settle_addresses_of(&mut self, which: usize) {
        let mut google = self.world.google.lock().unwrap();
        let google = google.of_mut(which);
        let mut count: BTreeMap<String, usize> = BTreeMap::new();
        for user in google.users.values() {
            *count.entry(user.email.to_lowercase()).or_default() += 1;
        }
        let accounts = &self.observer.replayed;
        let contested: Vec<String> = google
            .users
            .values()
            .filter(|user| {
                let email = user.email.to_lowercase();
                let holder = accounts.values().find(|account| {
                    account
                        .email
                        .as_ref()
                        .is_some_and(|own| own.as_str() == email)
                });
                count[&email] > 1 || holder.is_some_and(|account| !is_of(account, user))
            })
            .map(|user| user.id.clone())
            .collect();
        self.directories[which].rename_all(google, &contested);
    }

    /// Syncs and approves until there is nothing to do.
    fn run_until_unchanged(&mut self) {
        for _ in 0..RUNS_MAX {
            let trigger = Trigger {
                kind: TriggerKind::Api,
                by: "the end".to_owned(),
            };
            let ports = self.world.ports.clone();
            let asked = now(runs::request(&ports, &self.world.tenant, trigger)).unwrap();
            self.rest();
            let series = now(runs::series(&ports, &self.world.tenant, &asked.run)).unwrap();
            for run in &series {
                self.note(&format!(
                    "run {} is {:?} with {:?}",
                    run.id, run.state, run.counts.total
                ));
                let failure = &run.failure;
                assert_ne!(run.state, RunState::Failed, "the last run: {failure:?}");
            }
            if series.len() == 2 && series.iter().all(|run| run.state == RunState::Unchanged) {
                return;
            }
            self.approve_what_is_held();
        }
        panic!("there is always something left to do");
    }

    /// Approves held plans until there is none. Each that is carried out makes the others stale:
    /// they are made anew once they are an hour old.
    fn approve_what_is_held(&mut self) {
        while let Some(id) = self.observer.newest_held() {
            let approved = now(holding::approve(&self.world.ports, &self.world.tenant, &id));
            if approved.is_ok() {
                self.ledger.lock().unwrap().approved.insert(id);
            } else {
                self.world.ports.advance(Duration::from_mins(61));
            }
            self.rest();
        }
    }

    /// **Promise:** when the runs have nothing left to do, the roster is what the directory means
    /// under the rules.
    fn roster_is_the_truth(&self) {
        let google = self.world.google.lock().unwrap();
        for which in 0..2 {
            self.roster_is_what_one_means(&self.connection(which), google.of(which));
        }
    }

    fn roster_is_what_one_means(&self, connection: &ConnectionId, google: &FakeGoogle) {
        let rules = rules::read(&self.world.ports, &self.world.tenant, connection);
        let rules = now(rules).unwrap();
        let accounts: Vec<&Account> = self.observer.replayed.values().collect();
        for user in google.users.values() {
            let linked: Vec<&Account> = accounts
                .iter()
                .copied()
                .filter(|account| is_of(account, user))
                .collect();
            assert!(
                linked.len() <= 1,
                "{user:?} has several accounts: {linked:?}"
            );
            let meant = truth::roles(&rules, google, user);
            match (linked.first(), meant) {
                (Some(account), _) if is_decided(account) => {}
                (Some(account), Some(_)) if user.suspended => {
                    let story = &self.observer.stories[&account.id];
                    // Whoever was restored although suspended at the provider stays so.
                    let is_restored = story.iter().any(|line| line.ends_with("by hand"));
                    let is_active = account.status == Status::Active;
                    assert!(!is_active || is_restored, "{user:?} {story:#?}");
                }
                (Some(account), Some(meant)) => {
                    assert_eq!(account.status, Status::Active, "{user:?} {account:?}");
                    assert_eq!(
                        account.email.as_ref().map_or("", |email| email.as_str()),
                        user.email.to_lowercase(),
                        "{user:?}"
                    );
                    assert_eq!(account.given_name, user.given_name, "{user:?}");
                    assert_eq!(account.roles, meant, "{user:?}");
                    assert!(!account.no_longer_in_scope, "{user:?} {account:?}");
                }
                (Some(account), None) => {
                    let story = &self.observer.stories[&account.id];
                    assert_kept_for_a_reason(account, user, story);
                }
                (None, Some(_)) => {
                    let email = user.email.to_lowercase();
                    let holder = accounts.iter().find(|account| {
                        account
                            .email
                            .as_ref()
                            .is_some_and(|own| own.as_str() == email)
                    });
                    assert!(
                        user.suspended,
                        "{user:?} has no account, {holder:?} has the address"
                    );
                }
                (None, None) => {}
            }
        }
    }
}

/// Whether an account is this person's.
fn is_of(account: &Account, user: &FakeUser) -> bool {
    account
        .sources
        .iter()
        .any(|link| link.external_id.as_str() == user.id)
}

/// An account whose person no rule reaches is active only if it was kept.
fn assert_kept_for_a_reason(account: &Account, user: &FakeUser, story: &[String]) {
    let is_kept = account.no_longer_in_scope || account.status != Status::Active;
    assert!(
        is_kept,
        "{user:?} is out of scope with {account:?}: {story:#?}"
    );
}
