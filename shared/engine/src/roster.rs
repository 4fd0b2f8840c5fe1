//! The roster as git keeps a tree: immutable shards named by their content, index pages that name
//! the shards, and numbered commits that name the pages (DESIGN section 3).
//!
//! A reader opens the newest commit and sees one whole roster, whatever is written meanwhile.
//! A writer prepares new shards in a [`MapDraft`] per map and publishes them all with one
//! [`commit::publish`]; a shard that did not change is never written again.

pub mod blob;
pub mod commit;
pub mod map;
pub mod shard;

pub use commit::{Commit, PublishError};
pub use map::{Entry, Likeness, MapDraft, MapRoot};

use crate::error::Error;
use crate::ports::Store;
use mapping::account::Account;
use mapping::ids::{AccountId, ConnectionId, ExternalId, Generation, TenantId};
use mapping::plan::BaseEntry;
use serde::{Deserialize, Serialize};
use shard::Range;

/// Name of the map from account id to [`Account`].
pub const ACCOUNTS: &str = "accounts";

/// Name of the map from email address or username to account id.
pub const ADDRESSES: &str = "addresses";

/// Name of the map of what a connection said last time.
pub fn base_map(connection: &ConnectionId) -> String {
    format!("base/{connection}")
}

impl Entry for Account {
    fn placement(&self) -> &str {
        self.id.as_str()
    }

    fn key(&self) -> &str {
        self.id.as_str()
    }
}

/// An email address or username and whose it is.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct AddressEntry {
    /// The address, lower-cased.
    #[serde(rename = "a")]
    pub address: String,
    /// The account that has it.
    #[serde(rename = "i")]
    pub account: AccountId,
}

impl Entry for AddressEntry {
    fn placement(&self) -> &str {
        &self.address
    }

    fn key(&self) -> &str {
        &self.address
    }
}

/// What a connection said about one person last time, under the person's external id.
///
/// It is placed beside the account that the person would get if new ([`derived_account_id`]), so
/// that a run which works range by range finds a person's base entry and account together.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct BaseRow {
    /// The person's id at the provider.
    #[serde(rename = "x")]
    pub external_id: ExternalId,
    /// The placement, see above.
    #[serde(rename = "p")]
    pub derived: AccountId,
    /// What was said.
    #[serde(rename = "b")]
    pub entry: BaseEntry,
}

impl Entry for BaseRow {
    fn placement(&self) -> &str {
        self.derived.as_str()
    }

    fn key(&self) -> &str {
        self.external_id.as_str()
    }
}

/// The id of the account that a person gets when first seen: a digest of where they were seen.
///
/// Deriving it makes creation repeatable: a run that is killed and done again makes the same
/// account, not a second one.
pub fn derived_account_id(
    tenant: &TenantId,
    connection: &ConnectionId,
    external_id: &ExternalId,
) -> AccountId {
    account_id(&[
        tenant.as_str().as_bytes(),
        connection.as_str().as_bytes(),
        external_id.as_str().as_bytes(),
    ])
}

/// The id of the account that a person gets whose first one is another person's by now.
pub fn second_account_id(
    tenant: &TenantId,
    connection: &ConnectionId,
    external_id: &ExternalId,
) -> AccountId {
    account_id(&[
        tenant.as_str().as_bytes(),
        connection.as_str().as_bytes(),
        external_id.as_str().as_bytes(),
        b"second",
    ])
}

fn account_id(parts: &[&[u8]]) -> AccountId {
    let digest = blob::digest_parts(parts);
    let short: String = digest.chars().take(30).collect();
    match AccountId::parse(format!("a{short}")) {
        Ok(id) => id,
        // A hexadecimal digest has only characters that an id may have.
        Err(_) => unreachable!("a digest is a valid id"),
    }
}

/// One whole roster, open for reading.
#[derive(Clone, Debug)]
pub struct Reader {
    tenant: TenantId,
    commit: Commit,
}

impl Reader {
    /// Opens the newest roster of a tenant; a tenant without one has the empty roster.
    pub async fn open(store: &impl Store, tenant: &TenantId) -> Result<Self, Error> {
        let commit = commit::newest(store, tenant).await?;
        Ok(Self {
            tenant: tenant.clone(),
            commit,
        })
    }

    /// Opens the roster of one commit, if it is still kept.
    pub async fn open_at(
        store: &impl Store,
        tenant: &TenantId,
        generation: Generation,
    ) -> Result<Option<Self>, Error> {
        let commit = commit::read(store, tenant, generation).await?;
        Ok(commit.map(|commit| Self {
            tenant: tenant.clone(),
            commit,
        }))
    }

    /// Whose roster it is.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// The commit that is open.
    pub fn commit(&self) -> &Commit {
        &self.commit
    }

    /// The root of one of its maps.
    pub fn map(&self, name: &str) -> MapRoot {
        self.commit.maps.get(name).cloned().unwrap_or_default()
    }

    /// All entries of a map whose placement falls into the range.
    pub async fn range<T: Entry>(
        &self,
        store: &impl Store,
        map: &str,
        range: Range,
    ) -> Result<Vec<T>, Error> {
        map::load_range(store, &self.tenant, &self.map(map), range).await
    }

    /// Where a map names the same shards as in another roster.
    pub async fn likeness(
        &self,
        store: &impl Store,
        other: &Self,
        map: &str,
    ) -> Result<Likeness, Error> {
        let roots = (&self.map(map), &other.map(map));
        Likeness::load(store, &self.tenant, roots).await
    }

    /// An account by its id.
    pub async fn account(
        &self,
        store: &impl Store,
        id: &AccountId,
    ) -> Result<Option<Account>, Error> {
        self.entry(store, ACCOUNTS, id.as_str(), id.as_str()).await
    }

    /// What this connection last said about a person.
    pub async fn base(
        &self,
        store: &impl Store,
        connection: &ConnectionId,
        external_id: &ExternalId,
    ) -> Result<Option<BaseRow>, Error> {
        let derived = derived_account_id(&self.tenant, connection, external_id);
        self.entry(
            store,
            &base_map(connection),
            derived.as_str(),
            external_id.as_str(),
        )
        .await
    }

    /// The account that has this email address or username.
    pub async fn account_by_address(
        &self,
        store: &impl Store,
        address: &str,
    ) -> Result<Option<Account>, Error> {
        let address = address.trim().to_lowercase();
        match self
            .entry::<AddressEntry>(store, ADDRESSES, &address, &address)
            .await?
        {
            Some(found) => self.account(store, &found.account).await,
            None => Ok(None),
        }
    }

    /// Up to `limit` accounts in the order of the roster's shards, from `cursor` on, and the
    /// cursor of the rest. A cursor is good for any later roster too: at worst a page is longer.
    pub async fn accounts(
        &self,
        store: &impl Store,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Account>, Option<String>), Error> {
        self.page(store, ACCOUNTS, cursor, limit, |_| true).await
    }

    /// Up to `limit` entries of a map, as [`Reader::accounts`]: of those that are wanted, whose key
    /// is their placement.
    pub(crate) async fn page<T: Entry>(
        &self,
        store: &impl Store,
        map: &str,
        cursor: Option<&str>,
        limit: usize,
        is_wanted: impl Fn(&T) -> bool,
    ) -> Result<(Vec<T>, Option<String>), Error> {
        let root = self.map(map);
        let mut found: Vec<T> = Vec::new();
        let start = cursor.map_or(0, shard::hash);
        let first = shard::index_of_hash(start, root.bits);
        for index in first..shard::count(root.bits) {
            let range = Range {
                bits: root.bits,
                index,
            };
            let mut entries: Vec<T> = map::load_range(store, &self.tenant, &root, range).await?;
            entries.retain(&is_wanted);
            entries.sort_by(|a, b| position(a.key()).cmp(&position(b.key())));
            for entry in entries {
                let after = cursor.is_none_or(|key| position(entry.key()) > position(key));
                if !after {
                    continue;
                }
                if found.len() == limit {
                    let next = found.last().map(|last| last.key().to_owned());
                    return Ok((found, next));
                }
                found.push(entry);
            }
        }
        Ok((found, None))
    }

    pub(crate) async fn entry<T: Entry>(
        &self,
        store: &impl Store,
        map: &str,
        placement: &str,
        key: &str,
    ) -> Result<Option<T>, Error> {
        let root = self.map(map);
        if root.len == 0 {
            return Ok(None);
        }
        let range = Range {
            bits: root.bits,
            index: shard::index_of_hash(shard::hash(placement), root.bits),
        };
        let entries: Vec<T> = map::load_range(store, &self.tenant, &root, range).await?;
        Ok(entries.into_iter().find(|entry| entry.key() == key))
    }
}

/// Where an id stands in the order of the shards.
fn position(id: &str) -> (u32, &str) {
    (shard::hash(id), id)
}
