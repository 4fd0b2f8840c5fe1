//! A run's plan as it is stored: changes by the bucket of their account, updates of what the
//! connection said, and claims on addresses; and how far its making is.
//!
//! The plan is immutable once the run is planned, complete (applying it leaves nothing to
//! choose), and at the same time the history of what the run did.

use crate::error::Error;
use crate::keys;
use crate::ports::{Store, StoreError};
use crate::record::{self, ListEncoder, PIECE_BYTES, RecordError};
use crate::roster::{AddressEntry, BaseRow, shard};
use crate::schooling::{SchoolingChange, SchoolingPlan};
use crate::staging::{bucket_of_account, write_all};
use connectors::fetch::Doubt;
use mapping::account::{Account, Status};
use mapping::ids::{AccountId, ExternalId, Generation, RunId, TenantId};
use mapping::issue::Issue;
use mapping::plan::Change;
use mapping::summary::Counts;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// By how many bits addresses are cut while a plan is settled and applied.
pub const ADDRESS_BITS: u8 = 5;

/// How many bytes of a plan are gathered before they are written.
const GATHERED_BYTES_MAX: usize = 2 * 1024 * 1024;

/// What becomes of what the connection said about a person.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum BaseChange {
    /// It is this from now on.
    #[serde(rename = "p")]
    Put(BaseRow),
    /// Nothing is known about the person any more.
    #[serde(rename = "r")]
    Remove(ExternalId),
}

impl BaseChange {
    /// Whether it goes with a change of one of these accounts. A removal goes with none.
    pub fn is_of(&self, accounts: &BTreeSet<AccountId>) -> bool {
        match self {
            BaseChange::Put(row) => accounts.contains(&row.entry.account),
            BaseChange::Remove(_) => false,
        }
    }
}

/// A plan's need of an address.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// The email address or username, lower-cased.
    #[serde(rename = "a")]
    pub address: String,
    /// The account.
    #[serde(rename = "i")]
    pub account: AccountId,
    /// True when the account takes the address, false when it gives it back.
    #[serde(rename = "t")]
    pub takes: bool,
}

/// How far the making of a plan is, and where its parts are.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct PlanProgress {
    /// The bucket that is evaluated next.
    pub next_bucket: u32,
    /// The bucket whose absent people are evaluated next.
    pub next_absent_bucket: u32,
    /// True when everything is checked: the plan is final.
    pub settled: bool,
    /// For each bucket of accounts, the buckets of people its changes come from and in how many
    /// pieces they are.
    pub changes: BTreeMap<u32, BTreeMap<u32, u32>>,
    /// For each bucket of people, in how many pieces the updates of what was said are.
    pub base: BTreeMap<u32, u32>,
    /// For each bucket of addresses, in how many parts the claims are.
    pub claims: BTreeMap<u32, u32>,
    /// How many parts the issues have, those of the fetch counted.
    pub issue_parts: u32,
    /// How many issues evaluation found.
    pub issues: u64,
    /// What the plan changes.
    pub counts: Counts,
    /// People whom the connection knew as in scope and who are in the snapshot.
    pub seen: u64,
    /// People whom the connection knew and who were not in the snapshot, by bucket.
    pub absent: BTreeMap<u32, u32>,
    /// How many people whom the connection knew as in scope are gone, as the source itself says.
    #[serde(default)]
    pub gone: u64,
    /// Why the source is not believed. Then nobody is absent or gone, and nothing is taken away.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub doubts: BTreeSet<Doubt>,
    /// What becomes of what is shown beside people.
    #[serde(default)]
    pub schooling: SchoolingPlan,
    /// The commit whose roster comes back, when the plan is an undo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back_to: Option<Generation>,
    /// True when the undo makes an account other than it is; whoever is as they would be is named
    /// all the same.
    #[serde(default)]
    pub alters: bool,
    /// How many entries what the connection said will have more than before.
    pub base_growth: i64,
    /// Buckets with a change of an account that was not made for the person it comes from.
    #[serde(default)]
    pub foreign: BTreeSet<u32>,
    /// Accounts whose claims lost; their changes are withdrawn.
    pub losers: BTreeSet<AccountId>,
    /// True when withdrawing them leaves nothing of the plan.
    #[serde(default)]
    pub is_withdrawn: bool,
}

impl PlanProgress {
    /// The key of a run's plan progress.
    pub fn key(tenant: &TenantId, run: &RunId) -> String {
        keys::run_progress(tenant, run, "plan")
    }

    /// True when applying the plan would change nothing at all.
    pub fn is_empty(&self) -> bool {
        let changes_nothing =
            self.changes.is_empty() && self.base.is_empty() && self.back_to.is_none();
        self.schooling.pieces.is_empty() && (self.is_withdrawn || changes_nothing)
    }

    /// Whether what the snapshot does not show may be taken away.
    pub fn removes_missing(&self) -> bool {
        self.doubts.is_empty()
    }

    /// How many people were not in the snapshot.
    pub fn absent_count(&self) -> u64 {
        self.absent.values().map(|count| u64::from(*count)).sum()
    }
}

/// Gathers the parts of a plan and writes them together with the progress.
#[derive(Debug)]
pub struct PlanWriter<'a> {
    tenant: &'a TenantId,
    run: &'a RunId,
    changes: BTreeMap<(u32, u32), ListEncoder>,
    base: BTreeMap<u32, ListEncoder>,
    claims: BTreeMap<u32, ListEncoder>,
    issues: Vec<Issue>,
    ready: Vec<(String, Vec<u8>)>,
    bytes: usize,
}

impl<'a> PlanWriter<'a> {
    /// A writer with nothing gathered.
    pub fn new(tenant: &'a TenantId, run: &'a RunId) -> Self {
        Self {
            tenant,
            run,
            changes: BTreeMap::new(),
            base: BTreeMap::new(),
            claims: BTreeMap::new(),
            issues: Vec::new(),
            ready: Vec::new(),
            bytes: 0,
        }
    }

    /// Adds a change that comes from a person of the bucket `from`, with its claims.
    pub fn change(&mut self, progress: &mut PlanProgress, from: u32, change: &Change) {
        let to = bucket_of_account(change.account.as_str());
        progress.counts.add(change);
        self.put_change(progress, to, from, change);
        let before = change.before.as_ref().map(addresses).unwrap_or_default();
        let after = addresses(&change.after);
        for address in before.difference(&after) {
            self.claim(progress, address, &change.account, false);
        }
        for address in after.difference(&before) {
            self.claim(progress, address, &change.account, true);
        }
    }

    /// Adds a change without counting it and without claims.
    pub fn put_change(&mut self, progress: &mut PlanProgress, to: u32, from: u32, change: &Change) {
        let encoder = self.changes.entry((to, from)).or_default();
        let before = encoder.len();
        encoder.push(change);
        self.bytes += encoder.len() - before;
        if encoder.len() >= PIECE_BYTES {
            let pieces = progress
                .changes
                .entry(to)
                .or_default()
                .entry(from)
                .or_default();
            let key = keys::planned(self.tenant, self.run, to, from, *pieces);
            self.ready.push((key, encoder.take()));
            *pieces += 1;
        }
    }

    /// Adds an update of what the connection said, for a person of this bucket.
    pub fn base(&mut self, progress: &mut PlanProgress, bucket: u32, change: &BaseChange) {
        let encoder = self.base.entry(bucket).or_default();
        let before = encoder.len();
        encoder.push(change);
        self.bytes += encoder.len() - before;
        if encoder.len() >= PIECE_BYTES {
            let pieces = progress.base.entry(bucket).or_default();
            let key = keys::planned_base(self.tenant, self.run, bucket, *pieces);
            self.ready.push((key, encoder.take()));
            *pieces += 1;
        }
    }

    /// Adds the updates of one bucket of what the connection shows beside people. A large class is
    /// larger than a piece, so they are cut anywhere.
    pub fn schooling(
        &mut self,
        progress: &mut PlanProgress,
        bucket: u32,
        changes: &[SchoolingChange],
    ) {
        let bytes = record::encode(&changes);
        self.bytes += bytes.len();
        let mut pieces = 0;
        for piece in bytes.chunks(PIECE_BYTES) {
            let key = keys::planned_schooling(self.tenant, self.run, bucket, pieces);
            self.ready.push((key, piece.to_vec()));
            pieces += 1;
        }
        progress.schooling.pieces.insert(bucket, pieces);
    }

    /// Adds an issue.
    pub fn issue(&mut self, progress: &mut PlanProgress, issue: Issue) {
        progress.issues += 1;
        self.bytes += 128;
        self.issues.push(issue);
    }

    fn claim(
        &mut self,
        progress: &mut PlanProgress,
        address: &str,
        account: &AccountId,
        takes: bool,
    ) {
        let claim = Claim {
            address: address.to_owned(),
            account: account.clone(),
            takes,
        };
        let bucket = address_bucket(address);
        let encoder = self.claims.entry(bucket).or_default();
        let before = encoder.len();
        encoder.push(&claim);
        self.bytes += encoder.len() - before;
        if encoder.len() >= PIECE_BYTES {
            let parts = progress.claims.entry(bucket).or_default();
            let key = keys::claims(self.tenant, self.run, bucket, *parts);
            self.ready.push((key, encoder.take()));
            *parts += 1;
        }
    }

    /// Whether it is time to [`PlanWriter::save`].
    pub fn is_full(&self) -> bool {
        self.bytes >= GATHERED_BYTES_MAX
    }

    /// Writes what is gathered, then the progress that counts it.
    pub async fn save(
        &mut self,
        store: &impl Store,
        progress: &mut PlanProgress,
    ) -> Result<(), StoreError> {
        for ((to, from), mut encoder) in std::mem::take(&mut self.changes) {
            if !encoder.is_empty() {
                let pieces = progress
                    .changes
                    .entry(to)
                    .or_default()
                    .entry(from)
                    .or_default();
                let key = keys::planned(self.tenant, self.run, to, from, *pieces);
                self.ready.push((key, encoder.take()));
                *pieces += 1;
            }
        }
        for (bucket, mut encoder) in std::mem::take(&mut self.base) {
            if !encoder.is_empty() {
                let pieces = progress.base.entry(bucket).or_default();
                let key = keys::planned_base(self.tenant, self.run, bucket, *pieces);
                self.ready.push((key, encoder.take()));
                *pieces += 1;
            }
        }
        for (bucket, mut encoder) in std::mem::take(&mut self.claims) {
            if !encoder.is_empty() {
                let parts = progress.claims.entry(bucket).or_default();
                let key = keys::claims(self.tenant, self.run, bucket, *parts);
                self.ready.push((key, encoder.take()));
                *parts += 1;
            }
        }
        for piece in record::pieces(&std::mem::take(&mut self.issues)) {
            let key = keys::issues(self.tenant, self.run, progress.issue_parts);
            self.ready.push((key, piece));
            progress.issue_parts += 1;
        }
        self.bytes = 0;
        let key = PlanProgress::key(self.tenant, self.run);
        self.ready.push((key, record::encode(progress)));
        write_all(store, &std::mem::take(&mut self.ready)).await
    }
}

/// What an account needs of the tenant's addresses: nothing once it is deleted, so that another
/// person may have them.
pub fn addresses(account: &Account) -> BTreeSet<String> {
    if account.status == Status::Deleted {
        return BTreeSet::new();
    }
    let username = account.username.iter().map(|name| name.to_lowercase());
    let email = (account.email.iter()).map(|email| email.as_str().to_owned());
    username.chain(email).collect()
}

/// The bucket of an address.
pub fn address_bucket(address: &str) -> u32 {
    shard::index_of_hash(shard::hash(address), ADDRESS_BITS)
}

/// Applies claims to the addresses held, give-backs first, and returns the accounts whose claims
/// lost: to a holder who keeps the address, or to each other. Nobody can say which of two people
/// with one address is the right one, so neither gets it.
pub fn apply_claims(
    held: &mut BTreeMap<String, AddressEntry>,
    claims: Vec<Claim>,
) -> BTreeSet<AccountId> {
    let mut takers: BTreeMap<String, BTreeSet<AccountId>> = BTreeMap::new();
    for claim in claims {
        if claim.takes {
            takers
                .entry(claim.address)
                .or_default()
                .insert(claim.account);
        } else if held
            .get(&claim.address)
            .is_some_and(|entry| entry.account == claim.account)
        {
            held.remove(&claim.address);
        }
    }
    let mut losers = BTreeSet::new();
    for (address, accounts) in takers {
        let others_hold = held
            .get(&address)
            .is_some_and(|entry| !accounts.contains(&entry.account));
        match accounts.first() {
            Some(account) if accounts.len() == 1 && !others_hold => {
                let entry = AddressEntry {
                    address: address.clone(),
                    account: account.clone(),
                };
                held.insert(address, entry);
            }
            _ => losers.extend(accounts),
        }
    }
    losers
}

/// The changes of a plan to accounts of the bucket `to` that come from people of `from`.
pub async fn read_changes(
    store: &impl Store,
    tenant: &TenantId,
    run: &RunId,
    to: u32,
    from: u32,
    pieces: u32,
) -> Result<Vec<Change>, Error> {
    let mut changes = Vec::new();
    for piece in 0..pieces {
        let key = keys::planned(tenant, run, to, from, piece);
        changes.extend(
            record::read::<Vec<Change>>(store, &key)
                .await?
                .unwrap_or_default(),
        );
    }
    Ok(changes)
}

/// The updates of what the connection said about people of one bucket.
pub async fn read_base(
    store: &impl Store,
    tenant: &TenantId,
    run: &RunId,
    bucket: u32,
    pieces: u32,
) -> Result<Vec<BaseChange>, Error> {
    let mut changes = Vec::new();
    for piece in 0..pieces {
        let key = keys::planned_base(tenant, run, bucket, piece);
        changes.extend(
            record::read::<Vec<BaseChange>>(store, &key)
                .await?
                .unwrap_or_default(),
        );
    }
    Ok(changes)
}

/// The updates of one bucket of what the connection shows beside people.
pub async fn read_schooling(
    store: &impl Store,
    tenant: &TenantId,
    run: &RunId,
    bucket: u32,
    pieces: u32,
) -> Result<Vec<SchoolingChange>, Error> {
    let mut bytes = Vec::new();
    for piece in 0..pieces {
        let key = keys::planned_schooling(tenant, run, bucket, piece);
        match store.get(&key).await? {
            Some(more) => bytes.extend(more),
            None => return Err(RecordError::Absent { key }.into()),
        }
    }
    let key = keys::planned_schooling(tenant, run, bucket, 0);
    Ok(record::decode(&key, &bytes)?)
}

/// The claims on addresses of one bucket, without those of the plan's losers.
pub async fn read_claims(
    store: &impl Store,
    tenant: &TenantId,
    run: &RunId,
    bucket: u32,
    progress: &PlanProgress,
) -> Result<Vec<Claim>, Error> {
    let mut claims = Vec::new();
    for part in 0..progress.claims.get(&bucket).copied().unwrap_or(0) {
        let key = keys::claims(tenant, run, bucket, part);
        claims.extend(
            record::read::<Vec<Claim>>(store, &key)
                .await?
                .unwrap_or_default(),
        );
    }
    claims.retain(|claim| !progress.losers.contains(&claim.account));
    Ok(claims)
}
