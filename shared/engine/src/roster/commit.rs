//! Commits: numbered, immutable, each naming the whole roster.
//!
//! A number is won by taking its ticket (`increment` gives 1 to exactly one taker), then the
//! commit is written, then `head` is moved. `head` is a hint: the newest commit is found by
//! looking on from it, past numbers whose ticket was taken by somebody who died. Two writers
//! never write one number; a crash in between burns a number and nothing else.

use super::map::MapRoot;
use crate::error::Error;
use crate::keys;
use crate::lease::Lease;
use crate::ports::{Clock, Store};
use crate::record;
use mapping::guard::Known;
use mapping::ids::{Generation, RunId, TenantId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How many burned numbers in a row a reader looks past before it gives up. Each stands for a
/// process killed in the same few milliseconds of its life, with no commit in between.
const BURNED_MAX: u64 = 1_000;

/// One state of the roster.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Commit {
    /// Its number; 0 is the empty roster that every tenant starts with.
    pub generation: Generation,
    /// The commit it was made from.
    pub parent: Generation,
    /// The run that made it; none for an edit by hand.
    pub run: Option<RunId>,
    /// When it was made, in milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// The fencing number of the lease under which it was made.
    pub fence: u64,
    /// How many accounts it has, without the deleted ones.
    #[serde(default)]
    pub known: Known,
    /// The maps, by name.
    pub maps: BTreeMap<String, MapRoot>,
}

/// Why a commit was not published. The roster is as it was.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PublishError {
    /// A failure of the surroundings.
    #[error(transparent)]
    Failed(#[from] Error),
    /// The lease is no longer ours.
    #[error("the lease on the tenant was lost")]
    LeaseLost,
    /// The roster has moved on since the draft was begun.
    #[error("the roster has moved on from commit {parent} to {newest}")]
    Stale {
        /// The commit the draft was made from.
        parent: Generation,
        /// The newest commit.
        newest: Generation,
    },
}

/// The newest commit of a tenant.
pub async fn newest(store: &impl Store, tenant: &TenantId) -> Result<Commit, Error> {
    let head: Option<Generation> = record::read(store, &keys::head(tenant)).await?;
    let head = head.unwrap_or_default();
    let mut newest = read(store, tenant, head).await?.unwrap_or_default();
    let mut number = head.next();
    let mut burned = 0;
    while burned < BURNED_MAX {
        if let Some(commit) = read(store, tenant, number).await? {
            newest = commit;
            burned = 0;
        } else if store.exists(&keys::ticket(tenant, number)).await? {
            burned += 1;
        } else {
            break;
        }
        number = number.next();
    }
    Ok(newest)
}

/// One commit, if it is still kept.
pub async fn read(
    store: &impl Store,
    tenant: &TenantId,
    generation: Generation,
) -> Result<Option<Commit>, Error> {
    if generation == Generation::default() {
        return Ok(Some(Commit::default()));
    }
    Ok(record::read(store, &keys::commit(tenant, generation)).await?)
}

/// Publishes a draft whose shards and pages are all written. Its `generation` and `fence` are
/// filled in here.
pub async fn publish<P: Store + Clock>(
    ports: &P,
    tenant: &TenantId,
    lease: &Lease,
    mut draft: Commit,
) -> Result<Generation, PublishError> {
    let newest = newest(ports, tenant).await?.generation;
    if newest != draft.parent {
        return Err(PublishError::Stale {
            parent: draft.parent,
            newest,
        });
    }
    let generation = take_number(ports, tenant, newest).await?;
    draft.generation = generation;
    draft.fence = lease.fence;
    // The check stands as close to the write as it can: what remains is a process that stalls
    // between these two lines for longer than its lease lasts.
    if !lease.is_held(ports, tenant).await? {
        return Err(PublishError::LeaseLost);
    }
    record::write(ports, &keys::commit(tenant, generation), &draft)
        .await
        .map_err(Error::from)?;
    record::write(ports, &keys::head(tenant), &generation)
        .await
        .map_err(Error::from)?;
    Ok(generation)
}

async fn take_number(
    store: &impl Store,
    tenant: &TenantId,
    newest: Generation,
) -> Result<Generation, PublishError> {
    let mut number = newest.next();
    for _ in 0..BURNED_MAX {
        let ticket = store
            .increment(&keys::ticket(tenant, number), 1)
            .await
            .map_err(Error::from)?;
        if ticket == 1 {
            return Ok(number);
        }
        if read(store, tenant, number).await?.is_some() {
            return Err(PublishError::Stale {
                parent: newest,
                newest: number,
            });
        }
        number = number.next();
    }
    Err(PublishError::Stale {
        parent: newest,
        newest: number,
    })
}
