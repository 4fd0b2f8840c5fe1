//! Which applications somebody may be signed in to, for telling them when that is over.

use crate::ephemeral::Place;
use crate::error::Error;
use crate::keys;
use crate::ports::{Clock, Store};
use crate::record;
use mapping::ids::{AccountId, ClientId, TenantId};
use serde::{Deserialize, Serialize};

/// How long an application is thought to keep somebody signed in, in milliseconds: 30 days, as long
/// as a refresh token lasts. Its own sessions may be longer than ours.
const MARKED_MS: i64 = 30 * 86_400_000;

/// How many sessions of one account a mark names: the newest.
const SESSIONS_MAX: usize = 8;

/// That an account may be signed in to an application.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
struct Mark {
    until_ms: i64,
    /// The sessions it was signed in from, the newest last.
    sids: Vec<Place>,
}

/// Notes that an account is about to be signed in to an application.
pub(super) async fn set(
    ports: &(impl Store + Clock),
    (tenant, account): (&TenantId, &AccountId),
    client: &ClientId,
    sid: Place,
) -> Result<(), Error> {
    let key = keys::signed_in_to(tenant, account, client);
    let found: Option<Mark> = record::read(ports, &key).await?;
    let mut mark = found.unwrap_or_default();
    mark.until_ms = ports.now().as_millisecond().saturating_add(MARKED_MS);
    mark.sids.retain(|known| *known != sid);
    mark.sids.push(sid);
    let surplus = mark.sids.len().saturating_sub(SESSIONS_MAX);
    mark.sids.drain(..surplus);
    Ok(record::write(ports, &key, &mark).await?)
}

/// Whether an account may be signed in to an application: from this session, or from any.
pub(super) async fn is_set(
    ports: &(impl Store + Clock),
    (tenant, account): (&TenantId, &AccountId),
    client: &ClientId,
    sid: Option<Place>,
) -> Result<bool, Error> {
    let key = keys::signed_in_to(tenant, account, client);
    let found: Option<Mark> = record::read(ports, &key).await?;
    let now_ms = ports.now().as_millisecond();
    Ok(found.is_some_and(|mark| {
        now_ms < mark.until_ms && sid.is_none_or(|sid| mark.sids.contains(&sid))
    }))
}
