//! Evaluation: compares a staged snapshot with the roster, bucket by bucket, and writes the plan.
//!
//! A person whose record and rules are as last time costs one comparison of digests; their account
//! is not even loaded. The clock of a plan is the start of its run, so evaluating again after a
//! crash writes the same plan.

use crate::connections;
use crate::error::Error;
use crate::fetching::{self, StagedSnapshot};
use crate::keys;
use crate::large;
use crate::looking::Sights;
use crate::planning::{BaseChange, PlanProgress, PlanWriter};
use crate::ports::{Clock, Store};
use crate::record::{self, RecordError};
use crate::resolutions::{self, Resolutions};
use crate::roster::shard::Range;
use crate::roster::{
    ACCOUNTS, ADDRESSES, BaseRow, Reader, base_map, derived_account_id, second_account_id,
};
use crate::runs::{Failure, Run, Work};
use crate::slices::SliceOutcome;
use crate::staging::{BUCKET_BITS, BUCKETS, Bucket, bucket_of_account};
use connectors::fetch::Doubt;
use jiff::Timestamp;
use mapping::account::Account;
use mapping::evaluate::{CompiledRules, Evaluation, Explanation, evaluate, explain};
use mapping::ids::{AccountId, ConnectionId, ExternalId, RunId, TenantId};
use mapping::issue::{Issue, IssueKind};
use mapping::matching;
use mapping::plan::{
    Absence, BaseEntry, BaseUpdate, Observation, Resolution, Scope, StepInput, StepOutcome,
    is_unchanged, record_digest, step,
};
use mapping::rules::{EditError, GroupNeed, RuleSet, SchoolPlaces};
use mapping::source::SourceRecord;
use std::collections::{BTreeMap, BTreeSet};

/// A rule set as one run uses it.
#[derive(Debug)]
pub struct RunRules {
    compiled: CompiledRules,
    group_need: GroupNeed,
}

impl RunRules {
    /// Prepares a rule set; `paths` are the present paths of org units by the provider's id, so
    /// that rules keep reaching a unit that was renamed or moved; `places` are what became of its schools. Following a unit is no change of
    /// rules: the version stays.
    pub fn new(
        rules: &RuleSet,
        paths: &BTreeMap<String, String>,
        places: Option<SchoolPlaces>,
    ) -> Result<Self, EditError> {
        let mut followed = rules.clone();
        followed.follow_units(paths)?;
        followed.version = rules.version;
        let compiled = CompiledRules::new(&followed);
        Ok(Self {
            compiled: match places {
                Some(places) => compiled.with_schools(places),
                None => compiled,
            },
            group_need: rules.group_need(),
        })
    }
}

impl RunRules {
    /// Shows what the rules make of a record, rule by rule.
    pub fn explain(&self, record: &SourceRecord) -> Explanation {
        explain(&self.compiled, record)
    }
}

/// Keeps the rules as they are for a run: an edit while it is under way concerns the next one. So
/// with what administrators said about single people.
pub async fn freeze_rules(
    store: &impl Store,
    tenant: &TenantId,
    run: &RunId,
    rules: &RuleSet,
) -> Result<(), Error> {
    large::write(store, &keys::run_progress(tenant, run, "rules"), rules).await
}

/// The rules of a run.
pub async fn frozen_rules(
    store: &impl Store,
    tenant: &TenantId,
    run: &RunId,
) -> Result<RuleSet, Error> {
    let key = keys::run_progress(tenant, run, "rules");
    Ok(large::read(store, &key)
        .await?
        .ok_or(RecordError::Absent { key })?)
}

/// What evaluation and settling work with.
pub(crate) struct Evaluator<'a> {
    pub(crate) tenant: &'a TenantId,
    pub(crate) run: &'a Run,
    pub(crate) connection: &'a ConnectionId,
    pub(crate) rules: &'a CompiledRules,
    /// Which groups the rules look at; a single look at a person does not show them all.
    pub(crate) group_need: &'a GroupNeed,
    pub(crate) reader: Reader,
    /// What administrators said about people of the connection.
    resolutions: Resolutions,
    /// The connections in the order in which their word counts.
    precedence: Vec<ConnectionId>,
    pub(crate) now_ms: i64,
}

impl<'a> Evaluator<'a> {
    /// Opens the roster that the run is planned from.
    pub(crate) async fn open(
        store: &impl Store,
        tenant: &'a TenantId,
        run: &'a Run,
        rules: &'a RunRules,
    ) -> Result<Result<Self, Failure>, Error> {
        let Some(connection) = run.connection.as_ref() else {
            return Ok(Err(internal("the run has no connection")));
        };
        let Some(reader) = Reader::open_at(store, tenant, run.parent).await? else {
            return Ok(Err(internal(
                "the roster that the run was planned from is gone",
            )));
        };
        Ok(Ok(Self {
            tenant,
            run,
            connection,
            rules: &rules.compiled,
            group_need: &rules.group_need,
            reader,
            resolutions: resolutions::frozen(store, tenant, &run.id).await?,
            precedence: connections::frozen_order(store, tenant, &run.id).await?,
            now_ms: run.started_at_ms.unwrap_or(run.requested_at_ms),
        }))
    }

    /// What the connection said last time about the people of a bucket.
    pub(crate) async fn base(
        &self,
        store: &impl Store,
        bucket: u32,
    ) -> Result<BTreeMap<ExternalId, BaseRow>, Error> {
        let range = Range {
            bits: BUCKET_BITS,
            index: bucket,
        };
        let rows: Vec<BaseRow> = self
            .reader
            .range(store, &base_map(self.connection), range)
            .await?;
        Ok(rows
            .into_iter()
            .map(|row| (row.external_id.clone(), row))
            .collect())
    }

    /// Takes the step of one person and adds what it yields to the plan.
    pub(crate) async fn step(
        &self,
        store: &impl Store,
        progress: &mut PlanProgress,
        writer: &mut PlanWriter<'_>,
        person: Person<'_>,
        accounts: &mut Accounts,
    ) -> Result<(), Error> {
        let (outcome, derived) = self.decide(store, person, accounts).await?;
        Self::keep(progress, writer, person, outcome, derived);
        Ok(())
    }

    /// Takes the step of one person. Beside what it yields, the account id that was derived for
    /// them.
    pub(crate) async fn decide(
        &self,
        store: &impl Store,
        person: Person<'_>,
        accounts: &mut Accounts,
    ) -> Result<(StepOutcome, AccountId), Error> {
        let derived = match person.base {
            Some(row) => row.derived.clone(),
            None => derived_account_id(self.tenant, self.connection, person.external_id),
        };
        let mut base = person.base;
        let mut new_account_id = derived.clone();
        let known = base.map_or(&derived, |row| &row.entry.account);
        let mut account = accounts.get(store, &self.reader, known).await?;
        let is_of_another = |account: &Account| {
            matching::is_of_another(self.connection, person.external_id, account)
        };
        if account.as_ref().is_some_and(is_of_another) {
            (base, account) = (None, None);
            new_account_id = second_account_id(self.tenant, self.connection, person.external_id);
        }
        let matched = match person.observation {
            Observation::Present(record) if account.is_none() => {
                match self.resolutions.get(person.external_id) {
                    Some(Resolution::Link { account }) => {
                        self.reader.account(store, account).await?
                    }
                    Some(Resolution::Ignore | Resolution::Separate) | None => {
                        self.matched(store, record).await?
                    }
                }
            }
            Observation::Present(_) | Observation::Absent { .. } => None,
        };
        let outcome = step(&StepInput {
            connection: self.connection,
            rules: self.rules,
            observation: person.observation,
            base: base.map(|row| &row.entry),
            account: account.as_ref(),
            matched: matched.as_ref(),
            // Two people of one snapshot with one address are found when the plan is settled.
            email_shared: false,
            resolution: self.resolutions.get(person.external_id),
            precedence: &self.precedence,
            new_account_id,
            now_ms: self.now_ms,
        });
        Ok((outcome, derived))
    }

    /// Adds what a step yielded to the plan.
    pub(crate) fn keep(
        progress: &mut PlanProgress,
        writer: &mut PlanWriter<'_>,
        person: Person<'_>,
        outcome: StepOutcome,
        derived: AccountId,
    ) {
        let home = derived.clone();
        match outcome.base {
            BaseUpdate::Keep => {}
            BaseUpdate::Put(entry) => {
                let external_id = person.external_id.clone();
                progress.base_growth += i64::from(person.base.is_none());
                let row = BaseRow {
                    external_id,
                    derived,
                    entry,
                };
                writer.base(progress, person.bucket, &BaseChange::Put(row));
            }
            BaseUpdate::Remove => {
                progress.base_growth -= i64::from(person.base.is_some());
                let change = BaseChange::Remove(person.external_id.clone());
                writer.base(progress, person.bucket, &change);
            }
        }
        for issue in outcome.issues {
            writer.issue(progress, issue);
        }
        if let Some(change) = outcome.change {
            if change.account != home {
                let bucket = bucket_of_account(change.account.as_str());
                progress.foreign.insert(bucket);
            }
            writer.change(progress, person.bucket, &change);
        }
    }

    /// The account that has the address of a person whom the connection never showed. Whether a
    /// known person may take another address is found when the plan is settled: its holder may
    /// give it back in the same run.
    async fn matched(
        &self,
        store: &impl Store,
        record: &SourceRecord,
    ) -> Result<Option<Account>, Error> {
        match &record.email {
            Some(email) if self.reader.map(ADDRESSES).len > 0 => {
                self.reader.account_by_address(store, email.as_str()).await
            }
            _ => Ok(None),
        }
    }
}

/// One person in one run.
#[derive(Clone, Copy)]
pub(crate) struct Person<'a> {
    pub(crate) bucket: u32,
    pub(crate) external_id: &'a ExternalId,
    pub(crate) observation: Observation<'a>,
    pub(crate) base: Option<&'a BaseRow>,
}

/// The accounts of a bucket, loaded when the first one is needed.
#[derive(Debug)]
pub(crate) struct Accounts {
    bucket: u32,
    loaded: Option<BTreeMap<AccountId, Account>>,
}

impl Accounts {
    pub(crate) fn of_bucket(bucket: u32) -> Self {
        Self {
            bucket,
            loaded: None,
        }
    }

    async fn get(
        &mut self,
        store: &impl Store,
        reader: &Reader,
        id: &AccountId,
    ) -> Result<Option<Account>, Error> {
        let range = Range {
            bits: BUCKET_BITS,
            index: self.bucket,
        };
        if !range.contains(id.as_str()) {
            return reader.account(store, id).await;
        }
        if self.loaded.is_none() {
            let accounts: Vec<Account> = reader.range(store, ACCOUNTS, range).await?;
            let by_id = accounts
                .into_iter()
                .map(|account| (account.id.clone(), account));
            self.loaded = Some(by_id.collect());
        }
        Ok(self
            .loaded
            .as_ref()
            .and_then(|accounts| accounts.get(id))
            .cloned())
    }
}

/// Does a bounded part of a run's evaluation.
pub async fn slice<P: Store + Clock>(
    ports: &P,
    tenant: &TenantId,
    run: &Run,
    rules: &RunRules,
    deadline: Timestamp,
) -> Result<SliceOutcome, Error> {
    let is_look = run.work == Work::Look;
    let snapshot = fetching::staged_snapshot(ports, tenant, &run.id).await?;
    let Some(snapshot) = snapshot.filter(|snapshot| is_look || snapshot.complete.is_some()) else {
        return Ok(SliceOutcome::Failed {
            failure: internal("the snapshot is not complete"),
        });
    };
    let evaluator = match Evaluator::open(ports, tenant, run, rules).await? {
        Ok(evaluator) => evaluator,
        Err(failure) => return Ok(SliceOutcome::Failed { failure }),
    };
    let sights = if is_look {
        let of = (tenant, evaluator.connection);
        Some(Sights::read(ports, of, &run.id, snapshot.parts).await?)
    } else {
        None
    };
    if snapshot.doubts().contains(&Doubt::Obfuscated) {
        return Ok(SliceOutcome::Failed {
            failure: obfuscated(),
        });
    }
    let schools = fetching::schools_of(ports, tenant, &run.id, &snapshot).await?;
    let key = PlanProgress::key(tenant, &run.id);
    let mut progress: PlanProgress = record::read(ports, &key).await?.unwrap_or_default();
    if progress.next_bucket == 0 {
        progress.issue_parts = snapshot.issue_parts;
        progress.doubts = snapshot.doubts();
    }
    let school_ids = schools.iter().map(|school| school.id.clone()).collect();
    let mut writer = PlanWriter::new(tenant, &run.id);
    while progress.next_bucket < BUCKETS {
        let bucket = progress.next_bucket;
        if let Some(sights) = &sights {
            evaluator
                .looked_at(ports, &mut progress, &mut writer, sights, bucket)
                .await?;
        } else {
            evaluator
                .bucket(
                    ports,
                    &mut progress,
                    &mut writer,
                    (&snapshot, &school_ids),
                    bucket,
                )
                .await?;
        }
        progress.next_bucket += 1;
        if writer.is_full() || ports.now() >= deadline {
            writer.save(ports, &mut progress).await?;
        }
        if ports.now() >= deadline && progress.next_bucket < BUCKETS {
            return Ok(SliceOutcome::More);
        }
    }
    if !is_look && !progress.schooling.is_compared {
        let removes_missing = progress.removes_missing();
        evaluator
            .compare_schools(ports, &mut progress, &mut writer, schools, removes_missing)
            .await?;
        progress.schooling.is_compared = true;
    }
    writer.save(ports, &mut progress).await?;
    Ok(SliceOutcome::Done)
}

impl Evaluator<'_> {
    async fn bucket(
        &self,
        store: &impl Store,
        progress: &mut PlanProgress,
        writer: &mut PlanWriter<'_>,
        (snapshot, schools): (&StagedSnapshot, &BTreeSet<ExternalId>),
        bucket: u32,
    ) -> Result<(), Error> {
        let run = &self.run.id;
        let parts = snapshot.part_range();
        let everyone = &snapshot.everyone;
        let mut people = Bucket::read(store, self.tenant, run, bucket, parts, everyone).await?;
        let shown = (bucket, std::mem::take(&mut people.shown));
        let removes_missing = progress.removes_missing();
        self.compare_shown(store, progress, writer, shown, removes_missing)
            .await?;
        let base = self.base(store, bucket).await?;
        let mut accounts = Accounts::of_bucket(bucket);
        let mut doubted = BTreeSet::new();
        for (external_id, record) in &people.records {
            let known = base.get(external_id);
            let entry = known.map(|row| &row.entry);
            if people.gone.contains(external_id) {
                // Nobody can say which of the two is so: they stay as they are.
                let is_known = entry.is_some_and(|entry| entry.scope == Scope::In);
                progress.seen += u64::from(is_known);
                note_schools(progress, schools, is_known, record);
                let account = entry.map(|entry| entry.account.clone());
                let issue = Issue::new(IssueKind::GoneAndShown, Some(external_id.clone()), account);
                writer.issue(progress, issue);
                continue;
            }
            let digest = record_digest(record);
            let is_same =
                entry.is_some_and(|entry| is_unchanged(entry, digest, self.rules.version()));
            if !is_same && self.is_doubted(entry, record) {
                doubted.insert(external_id);
                continue;
            }
            let was_in_scope = entry.is_some_and(|entry| entry.scope == Scope::In);
            progress.seen += u64::from(was_in_scope);
            if is_same {
                note_schools(progress, schools, was_in_scope, record);
                continue;
            }
            let observation = Observation::Present(record);
            let person = Person {
                bucket,
                external_id,
                observation,
                base: known,
            };
            let (outcome, derived) = self.decide(store, person, &mut accounts).await?;
            let is_in_scope = match &outcome.base {
                BaseUpdate::Keep => was_in_scope,
                BaseUpdate::Put(entry) => entry.scope == Scope::In,
                BaseUpdate::Remove => false,
            };
            note_schools(progress, schools, is_in_scope, record);
            Self::keep(progress, writer, person, outcome, derived);
        }
        let missing = base
            .values()
            .filter(|row| row.entry.scope == Scope::In)
            .filter(|row| {
                !people.records.contains_key(&row.external_id) || doubted.contains(&row.external_id)
            })
            .filter(|row| !people.present.contains(&row.external_id));
        // Of whom the source itself says that they are gone, nobody needs to be asked about.
        let is_gone = |row: &&BaseRow| {
            progress.removes_missing()
                && people.gone.contains(&row.external_id)
                && !people.records.contains_key(&row.external_id)
        };
        let (gone, absent): (Vec<&BaseRow>, Vec<&BaseRow>) = missing.partition(is_gone);
        progress.gone += gone.len() as u64;
        for row in gone {
            let person = Person {
                bucket,
                external_id: &row.external_id,
                observation: Observation::Absent {
                    external_id: &row.external_id,
                    absence: Absence::Deleted,
                },
                base: Some(row),
            };
            self.step(store, progress, writer, person, &mut accounts)
                .await?;
        }
        if !absent.is_empty() {
            let count = u32::try_from(absent.len()).unwrap_or(u32::MAX);
            progress.absent.insert(bucket, count);
            for (piece, bytes) in record::pieces(&absent).into_iter().enumerate() {
                let piece = u32::try_from(piece).unwrap_or(u32::MAX);
                store
                    .set(&keys::absent(self.tenant, run, bucket, piece), &bytes)
                    .await?;
            }
        }
        Ok(())
    }
}

impl Evaluator<'_> {
    /// Whether somebody is listed but only leaves scope by what lists of groups and members say.
    /// Such a list may have been cut short: they are asked about like somebody who is missing.
    fn is_doubted(&self, entry: Option<&BaseEntry>, record: &SourceRecord) -> bool {
        *self.group_need != GroupNeed::None
            && entry.is_some_and(|entry| {
                entry.scope == Scope::In && entry.rules == self.rules.version()
            })
            && matches!(evaluate(self.rules, record), Evaluation::OutOfScope(_))
    }
}

/// Notes the schools of somebody in scope.
fn note_schools(
    progress: &mut PlanProgress,
    schools: &BTreeSet<ExternalId>,
    is_in_scope: bool,
    record: &SourceRecord,
) {
    for placement in record.placements.iter().filter(|_| is_in_scope) {
        let school = &placement.school;
        if schools.contains(school) && !progress.schooling.peopled.contains(school) {
            progress.schooling.peopled.insert(school.clone());
        }
    }
}

fn obfuscated() -> Failure {
    Failure {
        code: "obfuscated".to_owned(),
        message: "the provider shows invented people in the place of the real ones, and they must \
                  not come into the roster: nothing was changed; switch the obfuscation off at the \
                  provider, then sync again"
            .to_owned(),
    }
}

/// A failure that no administrator can mend.
pub(crate) fn internal(what: &str) -> Failure {
    Failure {
        code: "internal".to_owned(),
        message: format!(
            "{what}: nothing was changed; the next run starts afresh, report this if it stays"
        ),
    }
}
