//! What must hold after every step. Each function is one promise.

mod guarding;
mod runs;

use super::directory::Directory;
use super::ledger::Ledger;
use super::truth;
use crate::evaluation::frozen_rules;
use crate::history;
use crate::memory::MemoryPorts;
use crate::planning;
use crate::roster::commit::{self, Commit};
use crate::roster::shard::Range;
use crate::roster::{ACCOUNTS, ADDRESSES, AddressEntry, BaseRow, Reader, base_map};
use crate::runs::{Lane, Run};
use crate::world::{FakeGoogle, World};
use futures::FutureExt;
use mapping::account::{Account, Status};
use mapping::guard::Known;
use mapping::ids::{AccountId, ConnectionId, RunId, TenantId};
use mapping::plan::{Change, ChangeKind};
use mapping::summary::RoleGroup;
use std::collections::BTreeMap;

/// What was seen of the application so far.
pub(super) struct Observer {
    pub(super) ports: MemoryPorts,
    pub(super) tenant: TenantId,
    connections: [ConnectionId; 2],
    /// The step in which the second connection went out of use, or came back into it, last.
    pub(super) second_was_out: Option<u64>,
    /// The newest commit.
    pub(super) newest: Commit,
    /// The accounts as the history makes them.
    pub(super) replayed: BTreeMap<AccountId, Account>,
    /// What became of each account, for the message of a failure.
    pub(super) stories: BTreeMap<AccountId, Vec<String>>,
    /// The step in which a run was first seen to have begun.
    started: BTreeMap<RunId, u64>,
    /// Finished runs as they were first seen so.
    finished: BTreeMap<RunId, Run>,
    /// The commit of each run that has one.
    committed: BTreeMap<RunId, Commit>,
    /// The series of each night.
    nights: BTreeMap<String, RunId>,
}

/// The world outside of the application.
pub(super) struct Outside<'a> {
    pub(super) google: &'a FakeGoogle,
    pub(super) directories: &'a [Directory; 2],
    pub(super) step: u64,
}

/// Waits for something that never has to wait: a read of the ports without a gate.
pub(super) fn now<T>(work: impl Future<Output = T>) -> T {
    work.now_or_never().unwrap()
}

fn holds(promise: bool, broken: impl FnOnce() -> String) -> Result<(), String> {
    if promise { Ok(()) } else { Err(broken()) }
}

impl Observer {
    pub(super) fn new(world: &World, second: &ConnectionId) -> Self {
        Self {
            ports: world.ports.clone(),
            tenant: world.tenant.clone(),
            connections: [world.connection.clone(), second.clone()],
            second_was_out: None,
            newest: Commit::default(),
            replayed: BTreeMap::new(),
            stories: BTreeMap::new(),
            started: BTreeMap::new(),
            finished: BTreeMap::new(),
            committed: BTreeMap::new(),
            nights: BTreeMap::new(),
        }
    }

    /// Looks at everything that this step may have changed.
    pub(super) fn check(
        &mut self,
        ledger: &mut Ledger,
        outside: &Outside<'_>,
    ) -> Result<(), String> {
        if let Some(broken) = ledger.broken.take() {
            return Err(broken);
        }
        if ledger.written.is_empty() {
            return Ok(());
        }
        no_commit_is_written_twice(ledger)?;
        for commit in self.new_commits()? {
            self.check_commit(&commit, ledger, outside)?;
            if let Some(run) = &commit.run {
                self.committed.insert(run.clone(), commit.clone());
            }
            self.newest = commit;
        }
        self.check_runs(ledger, outside.step)?;
        ledger.written.clear();
        Ok(())
    }

    /// The commits since the last look, oldest first. **Promise:** each was made from the one
    /// before it: there is one line, and it never goes back.
    fn new_commits(&self) -> Result<Vec<Commit>, String> {
        let mut commit = now(commit::newest(&self.ports, &self.tenant)).unwrap();
        let mut new = Vec::new();
        while commit.generation > self.newest.generation {
            let parent = commit.parent;
            holds(parent < commit.generation, || {
                format!("commit {} was made from {parent}", commit.generation)
            })?;
            new.push(commit);
            commit = now(commit::read(&self.ports, &self.tenant, parent))
                .unwrap()
                .ok_or_else(|| format!("commit {parent} is missing"))?;
        }
        holds(commit == self.newest, || {
            format!(
                "commit {} is not followed by the newer ones, which begin at {}",
                self.newest.generation, commit.generation
            )
        })?;
        new.reverse();
        Ok(new)
    }

    fn check_commit(
        &mut self,
        commit: &Commit,
        ledger: &Ledger,
        outside: &Outside<'_>,
    ) -> Result<(), String> {
        let number = commit.generation;
        holds(commit.fence >= self.newest.fence, || {
            format!("commit {number} was made under an older lease than its parent")
        })?;
        holds(commit.maps != self.newest.maps, || {
            let id = commit.run.as_ref().unwrap();
            let plan: Option<planning::PlanProgress> =
                super::ledger::peek(&self.ports, &planning::PlanProgress::key(&self.tenant, id));
            format!(
                "commit {number} changes nothing: {plan:?} {:?}",
                self.changes(id)
            )
        })?;
        let id = commit.run.as_ref().ok_or("a commit without a run")?;
        let twice = self.committed.get(id).map(|other| other.generation);
        holds(twice.is_none(), || {
            format!("run {id} made the commits {twice:?} and {number}")
        })?;
        let run = now(crate::runs::read(&self.ports, &self.tenant, id))
            .unwrap()
            .ok_or_else(|| format!("run {id} of commit {number} has no record"))?;
        let changes = self.changes(id);
        let before = self.replayed.clone();
        self.replay(id, &changes)?;
        self.roster_is_what_the_history_makes(commit)?;
        if run.lane == Lane::Edit {
            // An administrator may do what a run may not.
            return Ok(());
        }
        guarding::guard_was_not_passed(&run, &changes, &before, ledger)?;
        self.nobody_who_is_there_was_removed(&run, &changes, outside)
    }

    /// The stored changes of a run.
    fn changes(&self, run: &RunId) -> Vec<Change> {
        let all = history::changes(&self.ports, &self.tenant, run, None, usize::MAX);
        now(all).unwrap().0
    }

    /// **Promise:** the history says of every account what it was before, so that it can be
    /// undone.
    fn replay(&mut self, run: &RunId, changes: &[Change]) -> Result<(), String> {
        for change in changes {
            let before = self.replayed.get(&change.account);
            holds(before == change.before.as_ref(), || {
                format!(
                    "run {run}: {change} began from {:?}, not from {before:?}",
                    change.before
                )
            })?;
            let story = self.stories.entry(change.account.clone()).or_default();
            story.push(format!("{run}: {change}"));
            self.replayed
                .insert(change.account.clone(), change.after.clone());
        }
        Ok(())
    }

    /// **Promise:** every account is accounted for. The roster is what the history makes, so
    /// nobody is missing and nobody is there without a run that put them there; whoever is not
    /// active has a cause; the addresses are those of the accounts that are not deleted; what a
    /// connection said is about accounts that exist.
    fn roster_is_what_the_history_makes(&self, commit: &Commit) -> Result<(), String> {
        let number = commit.generation;
        let reader = now(Reader::open_at(&self.ports, &self.tenant, number))
            .unwrap()
            .unwrap();
        let accounts: Vec<Account> = now(reader.range(&self.ports, ACCOUNTS, Range::ALL)).unwrap();
        let len = accounts.len() as u64;
        let accounts: BTreeMap<AccountId, Account> = accounts
            .into_iter()
            .map(|account| (account.id.clone(), account))
            .collect();
        holds(
            len == reader.map(ACCOUNTS).len && len == accounts.len() as u64,
            || format!("commit {number} has a wrong number of accounts"),
        )?;
        for (id, account) in &self.replayed {
            let found = accounts.get(id);
            holds(found == Some(account), || {
                format!("commit {number} has {found:?} where the history made {account:?}")
            })?;
        }
        holds(accounts.len() == self.replayed.len(), || {
            format!("commit {number} has accounts that no run made")
        })?;
        let mut known = Known::default();
        let mut addresses = BTreeMap::new();
        for account in accounts.values() {
            let id = &account.id;
            let is_explained = (account.status == Status::Active) == account.status_cause.is_none();
            holds(is_explained, || {
                format!("account {id} is {account:?} without a cause")
            })?;
            if account.status != Status::Deleted {
                *known.by_group.entry(RoleGroup::of(account)).or_default() += 1;
            }
            for address in planning::addresses(account) {
                let other = addresses.insert(address, id.clone());
                holds(other.is_none(), || {
                    format!("{id} and {other:?} have one address")
                })?;
            }
        }
        known.by_group.retain(|_, count| *count > 0);
        let mut counted = commit.known.clone();
        counted.by_group.retain(|_, count| *count > 0);
        holds(known == counted, || {
            format!("commit {number} counts {counted:?} where there are {known:?}")
        })?;
        let held: Vec<AddressEntry> =
            now(reader.range(&self.ports, ADDRESSES, Range::ALL)).unwrap();
        let held: BTreeMap<String, AccountId> = held
            .into_iter()
            .map(|entry| (entry.address, entry.account))
            .collect();
        holds(held == addresses, || {
            format!("commit {number} holds the addresses {held:?}, the accounts have {addresses:?}")
        })?;
        for connection in &self.connections {
            let base = base_map(connection);
            let rows: Vec<BaseRow> = now(reader.range(&self.ports, &base, Range::ALL)).unwrap();
            for row in rows {
                let person = &row.external_id;
                holds(accounts.contains_key(&row.entry.account), || {
                    format!("commit {number} knows {person} by an account that does not exist")
                })?;
            }
        }
        Ok(())
    }

    /// **Promise:** nobody is suspended or deleted without a complete read and the provider's own
    /// word. A person who was at the provider, in scope and not suspended all the time since the
    /// run began is never removed by it, whatever the lists showed; and nobody of another connection.
    fn nobody_who_is_there_was_removed(
        &self,
        run: &Run,
        changes: &[Change],
        outside: &Outside<'_>,
    ) -> Result<(), String> {
        let rules = now(frozen_rules(&self.ports, &self.tenant, &run.id)).unwrap();
        let started = self.started.get(&run.id).copied().unwrap_or(outside.step);
        let removals = changes
            .iter()
            .filter(|change| matches!(change.kind, ChangeKind::Delete | ChangeKind::Suspend));
        let own = |connection: &ConnectionId| run.connection.as_ref() == Some(connection);
        let which = usize::from(own(&self.connections[1]));
        let (google, directory) = (outside.google.of(which), &outside.directories[which]);
        for change in removals {
            let links = change.before.iter().flat_map(|account| &account.sources);
            for link in links {
                holds(own(&link.connection), || {
                    format!(
                        "run {} removed somebody of another connection: {change}",
                        run.id
                    )
                })?;
                let id = link.external_id.as_str();
                let Some(user) = google.users.get(id) else {
                    continue;
                };
                let was_touched = directory.touched(id) >= started;
                let is_there = !user.suspended && truth::roles(&rules, google, user).is_some();
                holds(was_touched || !is_there, || {
                    format!("run {} removed {user:?}, who is there: {change}", run.id)
                })?;
            }
        }
        Ok(())
    }
}

/// **Promise:** no number is committed twice.
fn no_commit_is_written_twice(ledger: &Ledger) -> Result<(), String> {
    let twice = ledger.commit_writes.iter().find(|(_, writes)| **writes > 1);
    holds(twice.is_none(), || format!("{twice:?} was written again"))
}
