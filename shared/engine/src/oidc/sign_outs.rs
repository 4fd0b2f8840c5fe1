//! Finding out who is signed out: accounts that could be used and no longer can.
//!
//! The roster is compared with that of the commit up to which this was done, shard by shard; shards
//! that are the same are not read. For each application that may have such an account signed in, a
//! [notice](super::notices) is put into the outbox, and only then the comparison moves on.
//!
//! What ends a sign-in otherwise (a method that is switched off, a role that has to use another) is
//! met when an application asks next; nobody is told of it.

use super::clients::{self, Client};
use super::notices;
use crate::ephemeral::Place;
use crate::error::Error;
use crate::keys;
use crate::ports::{Clock, Store};
use crate::record;
use crate::roster::shard::{self, Range};
use crate::roster::{ACCOUNTS, Reader};
use crate::signin::sessions::Held;
use jiff::Timestamp;
use mapping::account::{Account, Status};
use mapping::ids::{AccountId, Generation, TenantId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Up to where a tenant's roster was compared.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
struct Compared {
    /// The commit up to which everything is done.
    upto: Generation,
    /// The commit that is compared with it, and the range that is next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    towards: Option<(Generation, u32)>,
}

/// Has the tenant's roster followed from now on, before the first application learns of somebody.
pub(super) async fn begin(store: &impl Store, tenant: &TenantId) -> Result<(), Error> {
    let key = keys::sign_outs(tenant);
    if store.exists(&key).await? {
        return Ok(());
    }
    let reader = Reader::open(store, tenant).await?;
    let compared = Compared {
        upto: reader.commit().generation,
        towards: None,
    };
    Ok(record::write(store, &key, &compared).await?)
}

/// Whether the roster has moved on. Costs a read where nobody of a tenant ever signed in.
pub(super) async fn is_due(store: &impl Store, tenant: &TenantId) -> Result<Option<bool>, Error> {
    let found: Option<Compared> = record::read(store, &keys::sign_outs(tenant)).await?;
    let Some(compared) = found else {
        return Ok(None);
    };
    let newest = Reader::open(store, tenant).await?;
    Ok(Some(newest.commit().generation != compared.upto))
}

/// Compares the roster as far as time allows. True when there is more to do.
pub(super) async fn compare(
    ports: &(impl Store + Clock),
    tenant: &TenantId,
    deadline: Timestamp,
) -> Result<bool, Error> {
    let key = keys::sign_outs(tenant);
    let found: Option<Compared> = record::read(ports, &key).await?;
    let Some(compared) = found else {
        return Ok(false);
    };
    let newest = Reader::open(ports, tenant).await?;
    let (new, first) = match compared.towards {
        None => (newest, 0),
        Some((towards, next)) => match Reader::open_at(ports, tenant, towards).await? {
            Some(new) => (new, next),
            None => (newest, 0),
        },
    };
    if new.commit().generation == compared.upto {
        return Ok(false);
    }
    // A commit that is kept no longer could have had anybody.
    let old = Reader::open_at(ports, tenant, compared.upto).await?;
    let told = told(ports, tenant).await?;
    let bits = new.map(ACCOUNTS).bits;
    let alike = match &old {
        Some(old) => Some(new.likeness(ports, old, ACCOUNTS).await?),
        None => None,
    };
    for index in first..shard::count(bits) {
        let range = Range { bits, index };
        if alike.as_ref().is_some_and(|alike| alike.covers(range)) {
            continue;
        }
        for account in ended(ports, (old.as_ref(), &new), range).await? {
            notices::add(ports, &told, (tenant, &account), None).await?;
        }
        // Not before the first one, so that every look gets on.
        if ports.now() >= deadline {
            let towards = Some((new.commit().generation, index + 1));
            record::write(
                ports,
                &key,
                &Compared {
                    towards,
                    ..compared
                },
            )
            .await?;
            return Ok(true);
        }
    }
    let upto = new.commit().generation;
    let done = Compared {
        upto,
        towards: None,
    };
    record::write(ports, &key, &done).await?;
    is_due(ports, tenant).await.map(|due| due == Some(true))
}

/// The accounts of a range that could be used and no longer can.
async fn ended(
    store: &impl Store,
    (old, new): (Option<&Reader>, &Reader),
    range: Range,
) -> Result<BTreeSet<AccountId>, Error> {
    let is_usable = |account: &Account| account.status == Status::Active && account.sign_in_allowed;
    let now: Vec<Account> = new.range(store, ACCOUNTS, range).await?;
    let Some(old) = old else {
        let unusable = now.into_iter().filter(|account| !is_usable(account));
        return Ok(unusable.map(|account| account.id).collect());
    };
    let before: Vec<Account> = old.range(store, ACCOUNTS, range).await?;
    let usable: BTreeSet<AccountId> = now
        .into_iter()
        .filter(is_usable)
        .map(|account| account.id)
        .collect();
    let was_usable = before.into_iter().filter(is_usable);
    let ids = was_usable.map(|account| account.id);
    Ok(ids.filter(|id| !usable.contains(id)).collect())
}

/// The applications of a tenant that want to be told.
async fn told(store: &impl Store, tenant: &TenantId) -> Result<Vec<Client>, Error> {
    let mut all = clients::all(store).await?;
    all.retain(|client| client.settings.backchannel_logout_uri.is_some() && client.has(tenant));
    Ok(all)
}

/// Has every application told that an account is signed out everywhere: to be called with
/// [`sign_out`](crate::signin::standing::sign_out).
pub async fn tell_all(
    ports: &(impl Store + Clock),
    tenant: &TenantId,
    account: &AccountId,
) -> Result<(), Error> {
    let told = told(ports, tenant).await?;
    notices::add(ports, &told, (tenant, account), None).await
}

/// Has the applications told that a browser's session is over, which were signed in to from it.
pub async fn tell_session(ports: &(impl Store + Clock), held: &Held) -> Result<(), Error> {
    let session = &held.session;
    let told = told(ports, &session.tenant).await?;
    let sid: Option<Place> = Some(held.place);
    notices::add(ports, &told, (&session.tenant, &session.account), sid).await
}
