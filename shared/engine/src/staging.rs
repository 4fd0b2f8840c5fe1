//! The staged snapshot of a run: what the provider showed, cut into buckets.
//!
//! Pages come in any order and a person may be anywhere in them. Staging sorts people into
//! buckets by the place of the account they would get, so that evaluation can go bucket by
//! bucket in bounded memory, whatever the tenant's size. What was gathered is written together
//! with the state of the fetch, state last: a fetch that is killed goes on from the last write
//! and asks again only for the pages after it.

use crate::error::Error;
use crate::keys;
use crate::ports::{BATCH_VALUES_MAX, Store, StoreError};
use crate::record::{self, ListEncoder};
use crate::roster::{derived_account_id, shard};
use connectors::fetch::Batch;
use mapping::ids::{ConnectionId, ExternalId, RunId, TenantId};
use mapping::issue::Issue;
use mapping::source::{Group, SourceRecord};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// By how many bits people are cut into buckets.
pub const BUCKET_BITS: u8 = 7;

/// How many buckets a snapshot has. At a million people a bucket has 8,000 of them, some
/// megabytes; at fifty thousand, 400.
pub const BUCKETS: u32 = 1 << BUCKET_BITS;

/// How many entries are gathered before they are written: 32 for each bucket on average, so that
/// a value is worth its write, and few enough to lose when a fetch is killed.
const GATHERED_MAX: usize = 32 * BUCKETS as usize;

/// One entry of a bucket.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Staged {
    /// A person belongs to a group.
    #[serde(rename = "m")]
    Member(ExternalId, Group),
    /// A record that could not be used: the person is there all the same.
    #[serde(rename = "p")]
    Present(ExternalId),
    /// A person.
    #[serde(rename = "r")]
    Record(SourceRecord),
}

impl Staged {
    fn external_id(&self) -> &ExternalId {
        match self {
            Staged::Member(id, _) | Staged::Present(id) => id,
            Staged::Record(record) => &record.external_id,
        }
    }
}

/// Gathers batches and writes them.
#[derive(Debug)]
pub struct Stage {
    tenant: TenantId,
    connection: ConnectionId,
    run: RunId,
    buckets: BTreeMap<u32, ListEncoder>,
    issues: Vec<Issue>,
    gathered: usize,
}

impl Stage {
    /// An empty stage.
    pub fn new(tenant: &TenantId, connection: &ConnectionId, run: &RunId) -> Self {
        Self {
            tenant: tenant.clone(),
            connection: connection.clone(),
            run: run.clone(),
            buckets: BTreeMap::new(),
            issues: Vec::new(),
            gathered: 0,
        }
    }

    /// Takes what a page brought.
    pub fn add(&mut self, batch: Batch) {
        for record in batch.records {
            self.put(&Staged::Record(record));
        }
        for (id, group) in batch.members {
            self.put(&Staged::Member(id, group));
        }
        for issue in batch.issues {
            if let Some(id) = &issue.external_id {
                self.put(&Staged::Present(id.clone()));
            }
            self.issues.push(issue);
        }
    }

    /// Whether it is time to [`Stage::flush`].
    pub fn is_full(&self) -> bool {
        self.gathered >= GATHERED_MAX
    }

    /// True when nothing is gathered.
    pub fn is_empty(&self) -> bool {
        self.gathered == 0 && self.issues.is_empty()
    }

    /// Writes what is gathered as part `part` of the snapshot and as parts from `issue_part` on
    /// of the issues; returns how many parts of issues that made.
    pub async fn flush(
        &mut self,
        store: &impl Store,
        part: u32,
        issue_part: u32,
    ) -> Result<u32, StoreError> {
        let mut values = Vec::new();
        for (bucket, mut entries) in std::mem::take(&mut self.buckets) {
            values.push((
                keys::staged(&self.tenant, &self.run, part, bucket),
                entries.take(),
            ));
        }
        let mut next_issue_part = issue_part;
        for piece in record::pieces(&std::mem::take(&mut self.issues)) {
            values.push((
                keys::issues(&self.tenant, &self.run, next_issue_part),
                piece,
            ));
            next_issue_part += 1;
        }
        self.gathered = 0;
        write_all(store, &values).await?;
        Ok(next_issue_part - issue_part)
    }

    fn put(&mut self, entry: &Staged) {
        let bucket = bucket_of(&self.tenant, &self.connection, entry.external_id());
        self.buckets.entry(bucket).or_default().push(entry);
        self.gathered += 1;
    }
}

/// The bucket of a person.
pub fn bucket_of(tenant: &TenantId, connection: &ConnectionId, id: &ExternalId) -> u32 {
    bucket_of_account(derived_account_id(tenant, connection, id).as_str())
}

/// The bucket of an account.
pub fn bucket_of_account(account: &str) -> u32 {
    shard::index_of_hash(shard::hash(account), BUCKET_BITS)
}

/// Writes values in batches that a store takes at once.
pub async fn write_all(store: &impl Store, values: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
    for batch in values.chunks(BATCH_VALUES_MAX) {
        store.set_many(batch).await?;
    }
    Ok(())
}

/// The people of one bucket of a whole snapshot.
#[derive(Debug, Default)]
pub struct Bucket {
    /// People, with their groups.
    pub records: BTreeMap<ExternalId, SourceRecord>,
    /// People whose records could not be used.
    pub present: BTreeSet<ExternalId>,
}

impl Bucket {
    /// Reads a bucket of a snapshot of `parts` parts. `everyone` are the groups of everybody.
    ///
    /// A person who was listed twice was moved while the provider was read; what was read later
    /// stands.
    pub async fn read(
        store: &impl Store,
        tenant: &TenantId,
        run: &RunId,
        bucket: u32,
        parts: u32,
        everyone: &BTreeSet<Group>,
    ) -> Result<Self, Error> {
        let mut people = Self::default();
        let mut members: BTreeMap<ExternalId, BTreeSet<Group>> = BTreeMap::new();
        for part in 0..parts {
            let key = keys::staged(tenant, run, part, bucket);
            let Some(bytes) = store.get(&key).await? else {
                continue;
            };
            for entry in record::decode::<Vec<Staged>>(&key, &bytes)? {
                match entry {
                    Staged::Member(id, group) => {
                        members.entry(id).or_default().insert(group);
                    }
                    Staged::Present(id) => {
                        people.present.insert(id);
                    }
                    Staged::Record(person) => {
                        people.records.insert(person.external_id.clone(), person);
                    }
                }
            }
        }
        for (id, record) in &mut people.records {
            record.groups.extend(everyone.iter().cloned());
            record.groups.extend(members.remove(id).unwrap_or_default());
        }
        Ok(people)
    }
}
