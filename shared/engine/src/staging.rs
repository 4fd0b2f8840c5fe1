//! The staged snapshot of a run: what the provider showed, cut into buckets.
//!
//! Pages come in any order and a person may be anywhere in them. Staging sorts people into
//! buckets by the place of the account they would get, so that evaluation can go bucket by
//! bucket in bounded memory, whatever the tenant's size. What was gathered is written together
//! with the state of the fetch, state last: a fetch that is killed goes on from the last write
//! and asks again only for the pages after it.
//!
//! What is shown beside people goes into the same buckets, a class together with whoever is in it.
//! Schools are apart from them: rules look at all of them at once.

use crate::error::Error;
use crate::keys;
use crate::ports::{BATCH_VALUES_MAX, Store, StoreError};
use crate::record::{self, ListEncoder, PIECE_BYTES};
use crate::roster::{derived_account_id, shard};
use crate::schooling::{self, Shown};
use connectors::fetch::Batch;
use mapping::ids::{ConnectionId, ExternalId, RunId, TenantId};
use mapping::issue::Issue;
use mapping::schooling::{ClassMember, School, Schooling};
use mapping::source::{Group, SourceRecord};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// By how many bits people are cut into buckets.
pub const BUCKET_BITS: u8 = 7;

/// How many buckets a snapshot has. At a million people a bucket has 8,000 of them, some
/// megabytes; at fifty thousand, 400.
pub const BUCKETS: u32 = 1 << BUCKET_BITS;

/// How much is gathered before it is written: 32 people for each bucket on average, so that a value
/// is worth its write, and few enough to lose when a fetch is killed.
const GATHERED_MAX: usize = 32 * BUCKETS as usize * PERSON_WEIGHT;

/// What an entry counts. Somebody's place in a class has a quarter of the bytes of a person.
const PERSON_WEIGHT: usize = 4;
const MEMBER_WEIGHT: usize = 1;

/// Most members that are staged with their class. More are staged beside it, so that no entry is
/// larger than a value.
const INLINE_MEMBERS_MAX: usize = 256;

/// One entry of a bucket.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Staged {
    /// The source says that the person is gone.
    #[serde(rename = "g")]
    Gone(ExternalId),
    /// A person belongs to a group.
    #[serde(rename = "m")]
    Member(ExternalId, Group),
    /// A record that could not be used: the person is there all the same.
    #[serde(rename = "p")]
    Present(ExternalId),
    /// A person.
    #[serde(rename = "r")]
    Record(SourceRecord),
    /// A class, course or session.
    #[serde(rename = "s")]
    Shown(Schooling),
    /// Somebody is in the class with this id.
    #[serde(rename = "t")]
    Taught(ExternalId, ClassMember),
}

/// How many parts a snapshot has of each kind.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Parts {
    /// Of buckets.
    pub staged: u32,
    /// Of issues.
    pub issues: u32,
    /// Of the list of schools.
    pub schools: u32,
}

/// What is gathered for one bucket, in pieces that fit into values.
#[derive(Debug, Default)]
struct Gathered {
    pieces: Vec<Vec<u8>>,
    open: ListEncoder,
}

/// Gathers batches and writes them.
#[derive(Debug)]
pub struct Stage {
    tenant: TenantId,
    connection: ConnectionId,
    run: RunId,
    buckets: BTreeMap<u32, Gathered>,
    issues: Vec<Issue>,
    schools: Vec<School>,
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
            schools: Vec::new(),
            gathered: 0,
        }
    }

    /// Takes what a page brought.
    pub fn add(&mut self, batch: Batch) {
        for record in batch.records {
            let bucket = self.bucket_of(&record.external_id);
            self.put(bucket, PERSON_WEIGHT, &Staged::Record(record));
        }
        for (id, group) in batch.members {
            let bucket = self.bucket_of(&id);
            self.put(bucket, PERSON_WEIGHT, &Staged::Member(id, group));
        }
        for id in batch.gone {
            let bucket = self.bucket_of(&id);
            self.put(bucket, MEMBER_WEIGHT, &Staged::Gone(id));
        }
        for shown in batch.schooling {
            self.add_shown(shown);
        }
        for (class, member) in batch.class_members {
            self.add_member(class, member);
        }
        for issue in batch.issues {
            // An issue may be about a class: then nobody has the id, and nothing comes of it.
            if let Some(id) = &issue.external_id {
                self.put(
                    self.bucket_of(id),
                    PERSON_WEIGHT,
                    &Staged::Present(id.clone()),
                );
            }
            self.issues.push(issue);
        }
    }

    fn add_shown(&mut self, shown: Schooling) {
        let mut shown = match shown {
            Schooling::School(school) => {
                self.gathered += MEMBER_WEIGHT;
                return self.schools.push(school);
            }
            shown @ (Schooling::Class(_) | Schooling::Course(_) | Schooling::Session(_)) => shown,
        };
        if let Schooling::Class(class) = &mut shown
            && class.members.len() > INLINE_MEMBERS_MAX
        {
            for member in std::mem::take(&mut class.members) {
                self.add_member(class.id.clone(), member);
            }
        }
        let members = match &shown {
            Schooling::Class(class) => class.members.len(),
            Schooling::Course(_) | Schooling::School(_) | Schooling::Session(_) => 0,
        };
        let weight = PERSON_WEIGHT + members * MEMBER_WEIGHT;
        let bucket = schooling::bucket_of(&shown);
        self.put(bucket, weight, &Staged::Shown(shown));
    }

    fn add_member(&mut self, class: ExternalId, member: ClassMember) {
        let bucket = schooling::bucket_of_class(&class);
        self.put(bucket, MEMBER_WEIGHT, &Staged::Taught(class, member));
    }

    /// Forgets what is gathered.
    pub fn clear(&mut self) {
        self.buckets.clear();
        self.issues.clear();
        self.schools.clear();
        self.gathered = 0;
    }

    /// Whether it is time to [`Stage::flush`].
    pub fn is_full(&self) -> bool {
        self.gathered >= GATHERED_MAX
    }

    /// True when nothing is gathered.
    pub fn is_empty(&self) -> bool {
        self.gathered == 0 && self.issues.is_empty()
    }

    /// Writes what is gathered after the parts that are there; returns how many there are then.
    pub async fn flush(&mut self, store: &impl Store, there: Parts) -> Result<Parts, StoreError> {
        let (tenant, run) = (&self.tenant, &self.run);
        let (mut values, mut parts) = (Vec::new(), there);
        for (bucket, mut gathered) in std::mem::take(&mut self.buckets) {
            if !gathered.open.is_empty() {
                gathered.pieces.push(gathered.open.take());
            }
            for (part, piece) in (there.staged..).zip(gathered.pieces) {
                values.push((keys::staged(tenant, run, part, bucket), piece));
                parts.staged = parts.staged.max(part + 1);
            }
        }
        for piece in record::pieces(&std::mem::take(&mut self.issues)) {
            values.push((keys::issues(tenant, run, parts.issues), piece));
            parts.issues += 1;
        }
        for piece in record::pieces(&std::mem::take(&mut self.schools)) {
            values.push((keys::staged_schools(tenant, run, parts.schools), piece));
            parts.schools += 1;
        }
        self.gathered = 0;
        write_all(store, &values).await?;
        Ok(parts)
    }

    fn bucket_of(&self, person: &ExternalId) -> u32 {
        bucket_of(&self.tenant, &self.connection, person)
    }

    fn put(&mut self, bucket: u32, weight: usize, entry: &Staged) {
        let gathered = self.buckets.entry(bucket).or_default();
        gathered.open.push(entry);
        if gathered.open.len() >= PIECE_BYTES {
            gathered.pieces.push(gathered.open.take());
        }
        self.gathered += weight;
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

/// One bucket of a whole snapshot.
#[derive(Debug, Default)]
pub struct Bucket {
    /// People, with their groups.
    pub records: BTreeMap<ExternalId, SourceRecord>,
    /// People whose records could not be used.
    pub present: BTreeSet<ExternalId>,
    /// People of whom the source says that they are gone.
    pub gone: BTreeSet<ExternalId>,
    /// What is shown beside people.
    pub shown: Shown,
}

impl Bucket {
    /// Reads a bucket of a snapshot of these parts. `everyone` are the groups of everybody.
    ///
    /// Whoever was listed twice was moved while the provider was read; what was read later stands.
    pub async fn read(
        store: &impl Store,
        tenant: &TenantId,
        run: &RunId,
        bucket: u32,
        parts: Range<u32>,
        everyone: &BTreeSet<Group>,
    ) -> Result<Self, Error> {
        let mut people = Self::default();
        let mut members: BTreeMap<ExternalId, BTreeSet<Group>> = BTreeMap::new();
        for part in parts {
            let key = keys::staged(tenant, run, part, bucket);
            let Some(bytes) = store.get(&key).await? else {
                continue;
            };
            for entry in record::decode::<Vec<Staged>>(&key, &bytes)? {
                match entry {
                    Staged::Gone(id) => {
                        people.gone.insert(id);
                    }
                    Staged::Member(id, group) => {
                        members.entry(id).or_default().insert(group);
                    }
                    Staged::Present(id) => {
                        people.present.insert(id);
                    }
                    Staged::Record(person) => {
                        people.records.insert(person.external_id.clone(), person);
                    }
                    Staged::Shown(shown) => people.shown.put(shown),
                    Staged::Taught(class, member) => people.shown.put_member(class, member),
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
