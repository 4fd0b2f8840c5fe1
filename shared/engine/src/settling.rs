//! Settling: what has to be known of all people before a plan is final. People who are absent are
//! dealt with as the provider confirmed, addresses that two people want are found, and the guard
//! says whether the plan may go on by itself.

use crate::error::Error;
use crate::evaluation::{Accounts, Evaluator, Person, RunRules};
use crate::fetching::{self, StagedSnapshot};
use crate::keys;
use crate::planning::{
    ADDRESS_BITS, PlanProgress, PlanWriter, apply_claims, read_base, read_changes, read_claims,
};
use crate::ports::{Clock, Store};
use crate::record;
use crate::roster::shard::Range;
use crate::roster::{ADDRESSES, AddressEntry, BaseRow};
use crate::runs::{Failure, Run};
use crate::slices::SliceOutcome;
use crate::staging::Bucket;
use connectors::fetch::Presence;
use jiff::Timestamp;
use mapping::evaluate::{Evaluation, evaluate};
use mapping::ids::{AccountId, ExternalId, RunId, TenantId};
use mapping::issue::{Issue, IssueKind};
use mapping::plan::{Absence, Observation};
use mapping::rules::GroupNeed;
use mapping::source::SourceRecord;
use mapping::summary::Counts;
use std::collections::{BTreeMap, BTreeSet};

/// Most accounts whose claims on addresses may lose in one plan. More are no accident but two
/// sources that show the same people without a way to match them.
const LOSERS_MAX: usize = 5_000;

/// Does a bounded part of settling a run's plan.
pub async fn slice<P: Store + Clock>(
    ports: &P,
    tenant: &TenantId,
    run: &Run,
    rules: &RunRules,
    deadline: Timestamp,
) -> Result<SliceOutcome, Error> {
    let evaluator = match Evaluator::open(ports, tenant, run, rules).await? {
        Ok(evaluator) => evaluator,
        Err(failure) => return Ok(SliceOutcome::Failed { failure }),
    };
    let snapshot = fetching::staged_snapshot(ports, tenant, &run.id)
        .await?
        .unwrap_or_default();
    let key = PlanProgress::key(tenant, &run.id);
    let mut progress: PlanProgress = record::read(ports, &key).await?.unwrap_or_default();
    if progress.settled {
        return Ok(SliceOutcome::Done);
    }
    let mut writer = PlanWriter::new(tenant, &run.id);
    let left = progress.absent.range(progress.next_absent_bucket..);
    let buckets: Vec<u32> = left.map(|(bucket, _)| *bucket).collect();
    for bucket in buckets {
        evaluator
            .absences(ports, &mut progress, &mut writer, &snapshot, bucket)
            .await?;
        progress.next_absent_bucket = bucket + 1;
        if writer.is_full() || ports.now() >= deadline {
            writer.save(ports, &mut progress).await?;
        }
        if ports.now() >= deadline {
            return Ok(SliceOutcome::More);
        }
    }
    writer.save(ports, &mut progress).await?;
    find_shared_accounts(ports, tenant, &run.id, &mut progress).await?;
    if !settle_addresses(ports, &evaluator, &mut progress).await? {
        return Ok(SliceOutcome::Failed {
            failure: too_many_losers(),
        });
    }
    if !progress.losers.is_empty() {
        let withdrawn = withdraw(ports, tenant, run, &mut progress).await?;
        for account in &progress.losers.clone() {
            let withdrawn = withdrawn.get(account);
            let person = withdrawn.and_then(|change| change.person.clone());
            // An account that would have been made is none that anybody could look at.
            let is_there = withdrawn.is_none_or(|change| !change.is_new);
            let account = is_there.then(|| account.clone());
            let issue = Issue::new(IssueKind::MatchNotUnique, person, account);
            writer.issue(&mut progress, issue);
        }
    }
    progress.settled = true;
    writer.save(ports, &mut progress).await?;
    Ok(SliceOutcome::Done)
}

/// Finds accounts that two people would change: one who comes back to the account, and one made
/// anew with its address. Nobody can say whose it is, so neither gets it.
async fn find_shared_accounts(
    store: &impl Store,
    tenant: &TenantId,
    run: &RunId,
    progress: &mut PlanProgress,
) -> Result<(), Error> {
    for to in progress.foreign.clone() {
        let mut changed = BTreeSet::new();
        for (from, pieces) in progress.changes.get(&to).into_iter().flatten() {
            for change in read_changes(store, tenant, run, to, *from, *pieces).await? {
                if !changed.insert(change.account.clone()) {
                    progress.losers.insert(change.account);
                }
            }
        }
    }
    Ok(())
}

/// Finds the accounts whose claims lose, until withdrawing them makes no other claim lose.
/// False when they are too many.
async fn settle_addresses(
    store: &impl Store,
    evaluator: &Evaluator<'_>,
    progress: &mut PlanProgress,
) -> Result<bool, Error> {
    loop {
        let before = progress.losers.len();
        let buckets: Vec<u32> = progress.claims.keys().copied().collect();
        for bucket in buckets {
            let claims =
                read_claims(store, evaluator.tenant, &evaluator.run.id, bucket, progress).await?;
            let range = Range {
                bits: ADDRESS_BITS,
                index: bucket,
            };
            let held: Vec<AddressEntry> = evaluator.reader.range(store, ADDRESSES, range).await?;
            let mut held = held
                .into_iter()
                .map(|entry| (entry.address.clone(), entry))
                .collect();
            progress.losers.append(&mut apply_claims(&mut held, claims));
            if progress.losers.len() > LOSERS_MAX {
                return Ok(false);
            }
        }
        if progress.losers.len() == before {
            return Ok(true);
        }
    }
}

/// What was withdrawn from a plan.
struct Withdrawn {
    /// The person's id at the source, if the plan knows it.
    person: Option<ExternalId>,
    /// Whether the account would have been made.
    is_new: bool,
}

/// Counts a plan without its losers, and notes whether anything of it is left. Returns what the
/// losers lose.
async fn withdraw(
    store: &impl Store,
    tenant: &TenantId,
    of: &Run,
    progress: &mut PlanProgress,
) -> Result<BTreeMap<AccountId, Withdrawn>, Error> {
    let run = &of.id;
    let mut counts = Counts::default();
    let mut is_withdrawn = true;
    let mut withdrawn = BTreeMap::new();
    for (to, sources) in &progress.changes {
        for (from, pieces) in sources {
            for change in read_changes(store, tenant, run, *to, *from, *pieces).await? {
                if !progress.losers.contains(&change.account) {
                    counts.add(&change);
                    is_withdrawn = false;
                    continue;
                }
                let mut links = change.after.sources.into_iter();
                let own = links.find(|link| of.connection.as_ref() == Some(&link.connection));
                let lost = Withdrawn {
                    person: own.map(|link| link.external_id),
                    is_new: change.before.is_none(),
                };
                withdrawn.insert(change.account, lost);
            }
        }
    }
    for (bucket, pieces) in &progress.base {
        let base = read_base(store, tenant, run, *bucket, *pieces).await?;
        is_withdrawn &= base.iter().all(|change| change.is_of(&progress.losers));
    }
    progress.counts = counts;
    progress.is_withdrawn = is_withdrawn;
    Ok(withdrawn)
}

impl Evaluator<'_> {
    /// Deals with the absent people of one bucket.
    async fn absences(
        &self,
        store: &impl Store,
        progress: &mut PlanProgress,
        writer: &mut PlanWriter<'_>,
        snapshot: &StagedSnapshot,
        bucket: u32,
    ) -> Result<(), Error> {
        let key = keys::confirmed(self.tenant, &self.run.id, bucket);
        let confirmed: BTreeMap<ExternalId, Presence> =
            record::read(store, &key).await?.unwrap_or_default();
        let listed = self.listed(store, snapshot, bucket).await?;
        let mut accounts = Accounts::of_bucket(bucket);
        for row in read_absent(store, self.tenant, &self.run.id, bucket).await? {
            let absence = self.absence(confirmed.get(&row.external_id), &snapshot.everyone);
            let observation = match listed.get(&row.external_id) {
                Some(record) if absence == Absence::MovedOutOfScope => Observation::Present(record),
                Some(_) | None => Observation::Absent {
                    external_id: &row.external_id,
                    absence,
                },
            };
            let person = Person {
                bucket,
                external_id: &row.external_id,
                observation,
                base: Some(&row),
            };
            self.step(store, progress, writer, person, &mut accounts)
                .await?;
        }
        Ok(())
    }

    /// The people of a bucket as they were listed, some of whom are doubted; none where nobody can
    /// be.
    async fn listed(
        &self,
        store: &impl Store,
        snapshot: &StagedSnapshot,
        bucket: u32,
    ) -> Result<BTreeMap<ExternalId, SourceRecord>, Error> {
        if *self.group_need == GroupNeed::None {
            return Ok(BTreeMap::new());
        }
        let (run, parts) = (&self.run.id, snapshot.part_range());
        let everyone = &snapshot.everyone;
        let people = Bucket::read(store, self.tenant, run, bucket, parts, everyone).await?;
        Ok(people.records)
    }

    /// What it means that somebody was not listed, given what the provider says when asked for
    /// them. Whoever is still there and in scope was missed by a listing that lags behind: nothing
    /// is known about them tonight.
    fn absence(
        &self,
        presence: Option<&Presence>,
        everyone: &BTreeSet<mapping::source::Group>,
    ) -> Absence {
        match presence {
            Some(Presence::Deleted) => Absence::Deleted,
            Some(Presence::Present(record)) => {
                let mut record = record.clone();
                record.groups.extend(everyone.iter().cloned());
                match evaluate(self.rules, &record) {
                    Evaluation::OutOfScope(_) => Absence::MovedOutOfScope,
                    Evaluation::InScope(_) | Evaluation::Unusable(_) => Absence::Unconfirmed,
                }
            }
            None => Absence::Unconfirmed,
        }
    }
}

/// The people of one bucket who were not in the snapshot.
pub(crate) async fn read_absent(
    store: &impl Store,
    tenant: &TenantId,
    run: &RunId,
    bucket: u32,
) -> Result<Vec<BaseRow>, Error> {
    let mut rows = Vec::new();
    let mut piece = 0;
    loop {
        let key = keys::absent(tenant, run, bucket, piece);
        let Some(more) = record::read::<Vec<BaseRow>>(store, &key).await? else {
            return Ok(rows);
        };
        rows.extend(more);
        piece += 1;
    }
}

fn too_many_losers() -> Failure {
    Failure {
        code: "addresses_taken".to_owned(),
        message: format!(
            "more than {LOSERS_MAX} people have addresses that other accounts have: nothing was \
             changed; check whether two connections show the same people"
        ),
    }
}
