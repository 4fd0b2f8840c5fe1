//! Which tenant reads which district, where one key of ours opens all of them: one connection at
//! most, and the first that claims it.
//!
//! A claim is a versioned record of the district that names its holder. It counts while the
//! holder's connection names the district, and for a minute after it was written, when the
//! connection may be about to. So a claim whose writer died, or whose release was lost, is free
//! again by itself.

use super::{Connection, ConnectionError, District, read};
use crate::error::Error;
use crate::keys;
use crate::ports::{Clock, Store};
use crate::versioned::{self, ReplaceError, Versioned};
use mapping::ids::{ConnectionId, TenantId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

/// For how long, in milliseconds, a claim counts without a connection that names its district.
/// Longer than any request lives.
const UNSEEN_MS_MAX: i64 = 60_000;

/// How often a claim is tried when others write at the same moment.
const ATTEMPTS_MAX: u32 = 5;

/// Pause between attempts.
const PAUSE: Duration = Duration::from_millis(20);

/// Whose a district is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Holder {
    /// The tenant.
    pub tenant: TenantId,
    /// The connection that reads it.
    pub connection: ConnectionId,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Claim {
    holder: Holder,
    at_ms: i64,
}

type Record = Versioned<Option<Claim>>;

/// The districts that a connection names, in its settings and in its unsaved edits.
pub(super) fn named(connection: &Connection) -> BTreeSet<District> {
    let drafted = connection.draft.as_ref();
    std::iter::once(&connection.settings)
        .chain(drafted)
        .filter_map(|settings| settings.source.district())
        .collect()
}

/// Whose a district is, if anybody's.
pub async fn holder(
    ports: &(impl Store + Clock),
    district: &District,
) -> Result<Option<Holder>, Error> {
    let found: Option<Record> = versioned::read(ports, &keys::district(district)).await?;
    match found.and_then(|record| record.value) {
        Some(claim) if counts(ports, district, &claim).await? => Ok(Some(claim.holder)),
        _ => Ok(None),
    }
}

async fn counts(
    ports: &(impl Store + Clock),
    district: &District,
    claim: &Claim,
) -> Result<bool, Error> {
    let age_ms = ports.now().as_millisecond().saturating_sub(claim.at_ms);
    if age_ms < UNSEEN_MS_MAX {
        return Ok(true);
    }
    let Holder { tenant, connection } = &claim.holder;
    let connection = read(ports, tenant, connection).await?;
    Ok(connection.is_some_and(|connection| named(&connection).contains(district)))
}

/// Claims a district for a connection that is about to name it.
pub(super) async fn claim(
    ports: &(impl Store + Clock),
    district: &District,
    holder: &Holder,
) -> Result<(), ConnectionError> {
    let key = keys::district(district);
    for _ in 0..ATTEMPTS_MAX {
        let found: Option<Record> = versioned::read(ports, &key).await?;
        let record = found.unwrap_or_default();
        if let Some(known) = &record.value
            && known.holder != *holder
            && counts(ports, district, known).await?
        {
            return Err(ConnectionError::Taken);
        }
        let signed_in_to = crate::signin::districts::claimant(ports, district).await?;
        if signed_in_to.is_some_and(|tenant| tenant != holder.tenant) {
            return Err(ConnectionError::Taken);
        }
        let claim = Claim {
            holder: holder.clone(),
            at_ms: ports.now().as_millisecond(),
        };
        match versioned::claim_newest(ports, &key, record.version).await {
            Ok(()) => {
                versioned::write(ports, &key, record.version, Some(claim)).await?;
                return Ok(());
            }
            Err(ReplaceError::Changed) => ports.sleep(PAUSE).await,
            Err(ReplaceError::Engine(error)) => return Err(error.into()),
        }
    }
    Err(ConnectionError::Changed)
}

/// Gives a district back that a connection does not name any more. One that somebody else claims
/// at the same moment is left: their claim says whose it is.
pub(super) async fn release(
    ports: &(impl Store + Clock),
    district: &District,
    holder: &Holder,
) -> Result<(), ConnectionError> {
    let key = keys::district(district);
    let found: Option<Record> = versioned::read(ports, &key).await?;
    let Some(record) = found else {
        return Ok(());
    };
    let is_held = record.value.is_some_and(|claim| claim.holder == *holder);
    if !is_held {
        return Ok(());
    }
    match versioned::claim_newest(ports, &key, record.version).await {
        Ok(()) => {
            versioned::write(ports, &key, record.version, None::<Claim>).await?;
            Ok(())
        }
        Err(ReplaceError::Changed) => Ok(()),
        Err(ReplaceError::Engine(error)) => Err(error.into()),
    }
}
