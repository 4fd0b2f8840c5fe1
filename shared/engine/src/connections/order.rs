//! The order of a tenant's connections: in it series go from one to the next, and of two sources
//! that know one person the earlier decides.
//!
//! A new order has to be met by people who did not change. So the rule set of every connection gets
//! a new version: that is left to the next run that begins, which is the only one at that time, and
//! until it was done the record says that it is still to do.

use super::{Connection, ConnectionError, list};
use crate::audit::{self, Action, Actor};
use crate::error::Error;
use crate::keys;
use crate::ports::{Clock, Store};
use crate::record;
use crate::rules;
use crate::versioned::{self, ReplaceError, Versioned};
use mapping::ids::{ConnectionId, RunId, TenantId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The order as it is stored.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
struct Order {
    connections: Vec<ConnectionId>,
    /// False until every rule set has a new version.
    is_settled: bool,
}

/// All connections of a tenant in their order; those that the order does not name come last, as
/// they were made.
pub async fn ordered(store: &impl Store, tenant: &TenantId) -> Result<Vec<Connection>, Error> {
    let order = stored(store, tenant).await?.value.connections;
    let mut all = list(store, tenant).await?;
    let place = |connection: &Connection| {
        let place = order.iter().position(|id| *id == connection.id);
        place.unwrap_or(usize::MAX)
    };
    all.sort_by_key(place);
    Ok(all)
}

/// The ids of all connections of a tenant in their order.
pub async fn order(store: &impl Store, tenant: &TenantId) -> Result<Vec<ConnectionId>, Error> {
    let all = ordered(store, tenant).await?;
    Ok(all.into_iter().map(|connection| connection.id).collect())
}

/// Sets the order: all of it or nothing. Connections that are not named come last. Returns the
/// order of all.
pub async fn set_order(
    ports: &(impl Store + Clock),
    who: &Actor,
    tenant: &TenantId,
    wanted: &[ConnectionId],
) -> Result<Vec<ConnectionId>, ConnectionError> {
    let invalid = |reason: String| ConnectionError::Invalid {
        field: "connections",
        reason,
    };
    let known = order(ports, tenant).await?;
    let mut named = BTreeSet::new();
    for id in wanted {
        if !known.contains(id) {
            return Err(invalid(format!("there is no connection {id}")));
        }
        if !named.insert(id) {
            return Err(invalid(format!("names the connection {id} twice")));
        }
    }
    let rest = known.iter().filter(|id| !named.contains(id));
    let next: Vec<ConnectionId> = wanted.iter().chain(rest).cloned().collect();
    if next == known {
        return Ok(next);
    }
    let key = keys::connection_order(tenant);
    let version = stored(ports, tenant).await?.version;
    versioned::claim_newest(ports, &key, version).await?;
    let what = Action::ConnectionsOrdered;
    audit::record(ports, tenant, who, what, tenant.as_str()).await?;
    let order = Order {
        connections: next.clone(),
        is_settled: false,
    };
    versioned::write(ports, &key, version, order).await?;
    Ok(next)
}

/// Gives every rule set a new version if the order is new, so that nobody counts as unchanged. When
/// somebody edits rules or the order at the same moment, the next run does it again.
///
/// Only the holder of the tenant's lease may call this.
pub(crate) async fn settle_order(
    ports: &(impl Store + Clock),
    tenant: &TenantId,
) -> Result<(), Error> {
    let Versioned { version, value } = stored(ports, tenant).await?;
    if version == 0 || value.is_settled {
        return Ok(());
    }
    for connection in list(ports, tenant).await? {
        if !rules::renew(ports, tenant, &connection.id).await? {
            return Ok(());
        }
    }
    let key = keys::connection_order(tenant);
    match versioned::claim_newest(ports, &key, version).await {
        Ok(()) => {}
        Err(ReplaceError::Changed) => return Ok(()),
        Err(ReplaceError::Engine(error)) => return Err(error),
    }
    let settled = Order {
        is_settled: true,
        ..value
    };
    versioned::write(ports, &key, version, settled).await?;
    Ok(())
}

/// Keeps the order beside a run that begins: all of the run is decided by one order.
pub(crate) async fn freeze_order(
    store: &impl Store,
    tenant: &TenantId,
    run: &RunId,
) -> Result<(), Error> {
    let order = order(store, tenant).await?;
    Ok(record::write(store, &frozen_key(tenant, run), &order).await?)
}

/// The order of connections that a run works by.
pub async fn frozen_order(
    store: &impl Store,
    tenant: &TenantId,
    run: &RunId,
) -> Result<Vec<ConnectionId>, Error> {
    let found = record::read(store, &frozen_key(tenant, run)).await?;
    Ok(found.unwrap_or_default())
}

fn frozen_key(tenant: &TenantId, run: &RunId) -> String {
    keys::run_progress(tenant, run, "order")
}

async fn stored(store: &impl Store, tenant: &TenantId) -> Result<Versioned<Order>, Error> {
    let found = versioned::read(store, &keys::connection_order(tenant)).await?;
    Ok(found.unwrap_or_default())
}
