//! One way to change a connection: read, change, claim, record in the audit log, write.

use super::districts::{self, named};
use super::{Connection, ConnectionError, Holder};
use crate::attention;
use crate::audit::{self, Action, Actor};
use crate::keys;
use crate::ports::{Clock, Store};
use crate::versioned::{self, Versioned};
use mapping::ids::{ConnectionId, TenantId};
use std::time::Duration;

/// How often a change is tried when others write at the same moment. Edits by hand and a token
/// that dies meet seldom, and each write takes milliseconds.
const ATTEMPTS_MAX: u32 = 5;

/// Pause between attempts.
const PAUSE: Duration = Duration::from_millis(20);

/// Whether a change has anything to write.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Change {
    /// The connection is already as asked.
    Nothing,
    /// Write it.
    Write,
}

/// Changes a connection; `change` sees it as it is and may be called again when somebody else was
/// faster.
pub(crate) async fn modify(
    ports: &(impl Store + Clock),
    tenant: &TenantId,
    id: &ConnectionId,
    (who, what): (&Actor, Action),
    change: impl Fn(&mut Connection) -> Result<Change, ConnectionError>,
) -> Result<Connection, ConnectionError> {
    let key = keys::connection(tenant, id);
    for _ in 0..ATTEMPTS_MAX {
        let found: Option<Versioned<Connection>> = versioned::read(ports, &key).await?;
        let record = found.ok_or(ConnectionError::NotFound)?;
        let before = record.value;
        let mut connection = before.clone();
        if change(&mut connection)? == Change::Nothing {
            return Ok(connection);
        }
        let at = (tenant, key.as_str(), record.version);
        match write(ports, at, (who, what), &before, connection).await? {
            Some(written) => return Ok(written),
            None => ports.sleep(PAUSE).await,
        }
    }
    Err(ConnectionError::Changed)
}

/// Claims the next version, records the change and writes it; nothing when somebody else was
/// faster. A function of its own, so that it is there once and not once for each change.
async fn write(
    ports: &(impl Store + Clock),
    (tenant, key, version): (&TenantId, &str, u64),
    (who, what): (&Actor, Action),
    before: &Connection,
    connection: Connection,
) -> Result<Option<Connection>, ConnectionError> {
    let holder = Holder {
        tenant: tenant.clone(),
        connection: connection.id.clone(),
    };
    let (named_before, named_after) = (named(before), named(&connection));
    for district in named_after.difference(&named_before) {
        districts::claim(ports, district, &holder).await?;
    }
    match versioned::claim_newest(ports, key, version).await {
        Ok(()) => {}
        Err(versioned::ReplaceError::Changed) => return Ok(None),
        Err(versioned::ReplaceError::Engine(error)) => return Err(error.into()),
    }
    audit::record(ports, tenant, who, what, connection.id.as_str()).await?;
    let moves = connection.state != before.state;
    if moves {
        attention::note(ports, tenant).await?;
    }
    let written = versioned::write(ports, key, version, connection).await?;
    if moves {
        attention::note(ports, tenant).await?;
    }
    for district in named_before.difference(&named_after) {
        districts::release(ports, district, &holder).await?;
    }
    Ok(Some(written.value))
}
