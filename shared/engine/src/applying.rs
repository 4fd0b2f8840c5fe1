//! Applies a plan: prepares the next state of each map range by range, then publishes all of them
//! with one commit. Killed anywhere before the commit, the roster is as it was, and doing it again
//! writes the same shards under the same names.

use crate::error::Error;
use crate::keys;
use crate::lease::Lease;
use crate::places;
use crate::planning::{
    self, ADDRESS_BITS, BaseChange, PlanProgress, read_base, read_changes, read_claims,
    read_schooling,
};
use crate::ports::{Clock, Store};
use crate::record;
use crate::roster::commit::{self, Commit, PublishError};
use crate::roster::shard::Range;
use crate::roster::{
    ACCOUNTS, ADDRESSES, AddressEntry, BaseRow, Entry, MapDraft, MapRoot, base_map,
};
use crate::runs::Run;
use crate::schooling::{self, SchoolingChange, SchoolingRow};
use crate::slices::SliceOutcome;
use crate::staging::BUCKET_BITS;
use jiff::Timestamp;
use mapping::account::Account;
use mapping::guard::Known;
use mapping::ids::{ConnectionId, Generation, RunId, TenantId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The maps that a plan changes, in the order in which they are prepared.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    #[default]
    Accounts,
    Base,
    Schooling,
    Addresses,
    Ready,
}

impl Stage {
    fn next(self) -> Self {
        match self {
            Stage::Accounts => Stage::Base,
            Stage::Base => Stage::Schooling,
            Stage::Schooling => Stage::Addresses,
            Stage::Addresses | Stage::Ready => Stage::Ready,
        }
    }

    /// By how many bits the parts of a plan are cut for this map.
    fn plan_bits(self) -> u8 {
        match self {
            Stage::Accounts | Stage::Base | Stage::Schooling | Stage::Ready => BUCKET_BITS,
            Stage::Addresses => ADDRESS_BITS,
        }
    }
}

/// How far the preparation of a commit is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct ApplyProgress {
    stage: Stage,
    next_range: u32,
    /// The maps prepared so far; the one of `stage` may be half done.
    maps: BTreeMap<String, MapRoot>,
    /// How many accounts the prepared ranges and the old rest have.
    known: Known,
}

impl ApplyProgress {
    /// Goes on to the next map.
    fn go_on(&mut self) {
        self.stage = self.stage.next();
        self.next_range = 0;
    }
}

/// A request for a bounded part of applying a run's plan.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplyRequest {
    /// Whose run it is.
    pub tenant: TenantId,
    /// The run.
    pub run: RunId,
    /// The fencing number of the driver's lease.
    pub fence: u64,
    /// For how long, in milliseconds.
    pub budget_ms: i64,
}

/// What applying a plan came to.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Applied {
    /// The commit that was to come back is not kept any more.
    Gone,
    /// It is published as this commit.
    Published(Generation),
    /// The roster has moved on: the plan has to be made anew.
    Stale,
    /// Not finished.
    Unfinished(SliceOutcome),
}

/// The key of a run's apply progress.
pub fn progress_key(tenant: &TenantId, run: &RunId) -> String {
    keys::run_progress(tenant, run, "apply")
}

/// Does a bounded part of applying a run's plan.
pub async fn slice<P: Store + Clock>(
    ports: &P,
    tenant: &TenantId,
    run: &Run,
    plan: &PlanProgress,
    lease: &Lease,
    deadline: Timestamp,
) -> Result<Applied, Error> {
    let parent = commit::newest(ports, tenant).await?;
    if parent.generation != run.parent {
        // Perhaps the process died after it published the commit and before it could say so.
        let published = published_by(ports, tenant, &run.id, (&parent, run.parent)).await?;
        return Ok(published.map_or(Applied::Stale, Applied::Published));
    }
    // An undo starts from what the roster was, any other plan from what it is.
    let source = match plan.back_to {
        Some(to) => match commit::read(ports, tenant, to).await? {
            Some(source) => source,
            None => return Ok(Applied::Gone),
        },
        None => parent.clone(),
    };
    let work = Work {
        tenant,
        run: &run.id,
        connection: run.connection.as_ref(),
        plan,
        source: &source,
        accounts_now: parent.maps.get(ACCOUNTS).map_or(0, |map| map.len),
    };
    let key = progress_key(tenant, &run.id);
    let stored: Option<ApplyProgress> = record::read(ports, &key).await?;
    let mut progress = stored.unwrap_or_else(|| ApplyProgress {
        known: source.known.clone(),
        ..Default::default()
    });
    while progress.stage != Stage::Ready {
        if ports.now() >= deadline {
            record::write(ports, &key, &progress).await?;
            return Ok(Applied::Unfinished(SliceOutcome::More));
        }
        work.prepare(ports, &mut progress, deadline).await?;
    }
    record::write(ports, &key, &progress).await?;
    places::make(ports, tenant, run).await?;
    let mut maps = source.maps;
    maps.append(&mut progress.maps);
    let draft = Commit {
        parent: parent.generation,
        run: Some(run.id.clone()),
        at_ms: ports.now().as_millisecond(),
        known: progress.known,
        maps,
        ..Commit::default()
    };
    match commit::publish(ports, tenant, lease, draft).await {
        Ok(generation) => Ok(Applied::Published(generation)),
        Err(PublishError::Stale { .. }) => Ok(Applied::Stale),
        Err(PublishError::LeaseLost) => Ok(Applied::Unfinished(SliceOutcome::More)),
        Err(PublishError::Failed(error)) => Err(error),
    }
}

/// The commit that a run made since a commit, if it made one. A run of another lane may have gone on
/// from it meanwhile.
async fn published_by(
    store: &impl Store,
    tenant: &TenantId,
    run: &RunId,
    (newest, since): (&Commit, Generation),
) -> Result<Option<Generation>, Error> {
    let mut next = Some(newest.clone());
    while let Some(commit) = next.filter(|commit| commit.generation > since) {
        if commit.run.as_ref() == Some(run) {
            return Ok(Some(commit.generation));
        }
        next = commit::read(store, tenant, commit.parent).await?;
    }
    Ok(None)
}

struct Work<'a> {
    tenant: &'a TenantId,
    run: &'a RunId,
    connection: Option<&'a ConnectionId>,
    plan: &'a PlanProgress,
    source: &'a Commit,
    accounts_now: u64,
}

impl Work<'_> {
    /// Prepares one map from where the progress says until it is done or time is up.
    async fn prepare<P: Store + Clock>(
        &self,
        ports: &P,
        progress: &mut ApplyProgress,
        deadline: Timestamp,
    ) -> Result<(), Error> {
        let name = match progress.stage {
            Stage::Accounts => ACCOUNTS.to_owned(),
            Stage::Base => {
                if let Some(connection) = self.connection {
                    base_map(connection)
                } else {
                    progress.go_on();
                    return Ok(());
                }
            }
            Stage::Schooling => match self.connection {
                Some(connection) if !self.plan.schooling.pieces.is_empty() => {
                    schooling::map_of(connection)
                }
                _ => {
                    progress.go_on();
                    return Ok(());
                }
            },
            // What comes back with an undo has its addresses already.
            Stage::Addresses if self.plan.back_to.is_some() => {
                progress.go_on();
                return Ok(());
            }
            Stage::Addresses => ADDRESSES.to_owned(),
            Stage::Ready => return Ok(()),
        };
        let old = self.source.maps.get(&name).cloned().unwrap_or_default();
        let mut draft = if let Some(saved) = progress.maps.get(&name) {
            MapDraft::resume(ports, self.tenant, old, saved).await?
        } else {
            let expected = self.entries_expected(progress.stage, old.len);
            MapDraft::begin(ports, self.tenant, old, expected).await?
        };
        // A range holds whole shards of the new state and whole buckets of the plan.
        let bits = draft.bits().min(progress.stage.plan_bits());
        while progress.next_range < 1 << bits {
            if ports.now() >= deadline {
                progress.maps.insert(name, draft.save(ports).await?);
                return Ok(());
            }
            let range = Range {
                bits,
                index: progress.next_range,
            };
            match progress.stage {
                Stage::Accounts => {
                    let known = &mut progress.known;
                    self.prepare_accounts(ports, &mut draft, range, known)
                        .await?;
                }
                Stage::Base => self.prepare_base(ports, &mut draft, range).await?,
                Stage::Schooling => self.prepare_schooling(ports, &mut draft, range).await?,
                Stage::Addresses => self.prepare_addresses(ports, &mut draft, range).await?,
                Stage::Ready => {}
            }
            progress.next_range += 1;
        }
        progress.maps.insert(name, draft.save(ports).await?);
        progress.go_on();
        Ok(())
    }

    fn entries_expected(&self, stage: Stage, old: u64) -> u64 {
        let created = self.plan.counts.total.creates;
        match stage {
            // An undo keeps, deleted, whoever came since.
            Stage::Accounts if self.plan.back_to.is_some() => old.max(self.accounts_now),
            Stage::Accounts | Stage::Addresses | Stage::Ready => old + created,
            Stage::Base => old.saturating_add_signed(self.plan.base_growth),
            // Its rows are larger than those of the other maps, so it is cut finer.
            Stage::Schooling => schooling::rows_like(self.plan.schooling.size),
        }
    }

    async fn prepare_accounts<P: Store>(
        &self,
        ports: &P,
        draft: &mut MapDraft,
        range: Range,
        known: &mut Known,
    ) -> Result<(), Error> {
        let mut changes = Vec::new();
        for bucket in buckets(range, BUCKET_BITS) {
            for (from, pieces) in self.plan.changes.get(&bucket).into_iter().flatten() {
                let read = read_changes(ports, self.tenant, self.run, bucket, *from, *pieces);
                changes.extend(read.await?);
            }
        }
        changes.retain(|change| !self.plan.losers.contains(&change.account));
        // What comes back with an undo is counted already, and the rest of it is deleted.
        if self.plan.back_to.is_none() {
            for change in &changes {
                known.count(change.before.as_ref(), &change.after);
            }
        }
        update(
            ports,
            draft,
            range,
            !changes.is_empty(),
            |accounts: &mut Entries<Account>| {
                for change in changes {
                    accounts.insert(change.account.to_string(), change.after);
                }
            },
        )
        .await
    }

    async fn prepare_base<P: Store>(
        &self,
        ports: &P,
        draft: &mut MapDraft,
        range: Range,
    ) -> Result<(), Error> {
        let mut changes = Vec::new();
        for bucket in buckets(range, BUCKET_BITS) {
            if let Some(pieces) = self.plan.base.get(&bucket) {
                changes.extend(read_base(ports, self.tenant, self.run, bucket, *pieces).await?);
            }
        }
        // A loser is left as they are: the next run has to meet them as new again.
        changes.retain(|change| !change.is_of(&self.plan.losers));
        update(
            ports,
            draft,
            range,
            !changes.is_empty(),
            |rows: &mut Entries<BaseRow>| {
                for change in changes {
                    match change {
                        BaseChange::Put(row) => {
                            rows.insert(row.external_id.to_string(), row);
                        }
                        BaseChange::Remove(id) => {
                            rows.remove(id.as_str());
                        }
                    }
                }
            },
        )
        .await
    }

    async fn prepare_schooling<P: Store>(
        &self,
        ports: &P,
        draft: &mut MapDraft,
        range: Range,
    ) -> Result<(), Error> {
        let mut changes = Vec::new();
        let schools = schooling::schools_range().is_within(range);
        let schools = schools.then_some(schooling::SCHOOLS_BUCKET);
        for bucket in buckets(range, BUCKET_BITS).chain(schools) {
            if let Some(pieces) = self.plan.schooling.pieces.get(&bucket) {
                let read = read_schooling(ports, self.tenant, self.run, bucket, *pieces);
                changes.extend(read.await?);
            }
        }
        update(
            ports,
            draft,
            range,
            !changes.is_empty(),
            |rows: &mut Entries<SchoolingRow>| {
                for change in changes {
                    match change {
                        SchoolingChange::Put(row) => {
                            rows.insert(row.key.clone(), *row);
                        }
                        SchoolingChange::Remove(key) => {
                            rows.remove(&key);
                        }
                    }
                }
            },
        )
        .await
    }

    async fn prepare_addresses<P: Store>(
        &self,
        ports: &P,
        draft: &mut MapDraft,
        range: Range,
    ) -> Result<(), Error> {
        let mut claims = Vec::new();
        for bucket in buckets(range, ADDRESS_BITS) {
            claims.extend(read_claims(ports, self.tenant, self.run, bucket, self.plan).await?);
        }
        update(
            ports,
            draft,
            range,
            !claims.is_empty(),
            |held: &mut Entries<AddressEntry>| {
                // Settling has withdrawn every claim that could lose.
                planning::apply_claims(held, claims);
            },
        )
        .await
    }
}

/// Entries of a range by their keys.
type Entries<T> = BTreeMap<String, T>;

/// Rewrites a range if something in it changes or the map is cut anew.
async fn update<T: Entry>(
    store: &impl Store,
    draft: &mut MapDraft,
    range: Range,
    changes: bool,
    work: impl FnOnce(&mut Entries<T>),
) -> Result<(), Error> {
    if !changes && !draft.is_recut() {
        return Ok(());
    }
    let old: Vec<T> = draft.load(store, range).await?;
    let old_len = old.len();
    let mut entries: Entries<T> = old
        .into_iter()
        .map(|entry| (entry.key().to_owned(), entry))
        .collect();
    work(&mut entries);
    draft
        .store(store, range, entries.into_values().collect(), old_len)
        .await
}

/// The plan's buckets that make up a range.
fn buckets(range: Range, plan_bits: u8) -> std::ops::Range<u32> {
    let shift = plan_bits.saturating_sub(range.bits);
    range.index << shift..(range.index + 1) << shift
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys;
    use crate::memory::{MemoryPorts, block_on};

    #[test]
    fn a_commit_of_a_run_is_known_though_another_run_went_on_from_it() {
        let ports = MemoryPorts::new();
        let tenant = TenantId::parse("maple").unwrap();
        let run = |number| RunId::parse(format!("r{number}")).unwrap();
        let mut newest = Commit::default();
        // A number that nobody used is passed over.
        for (generation, parent) in [(1, 0), (2, 1), (4, 2)] {
            newest = Commit {
                generation: Generation(generation),
                parent: Generation(parent),
                run: Some(run(generation)),
                ..Commit::default()
            };
            let key = keys::commit(&tenant, newest.generation);
            block_on(record::write(&ports, &key, &newest)).unwrap();
        }
        let since = |number, since| {
            let run = run(number);
            let found = published_by(&ports, &tenant, &run, (&newest, Generation(since)));
            block_on(found).unwrap().map(|generation| generation.0)
        };
        assert_eq!(since(4, 2), Some(4));
        assert_eq!(since(2, 1), Some(2));
        assert_eq!(since(1, 0), Some(1));
        assert_eq!(since(2, 2), None, "that was before");
        assert_eq!(since(3, 0), None);
    }
}
