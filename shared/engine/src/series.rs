//! Series: what one request makes. A run is about one connection; a request is about all that are
//! in use, and so it makes a run for each of them, one after the other, in the tenant's order of
//! connections.
//!
//! ```text
//! request ── r000012 (staff) ── r000012-002 (students) ── r000012-003 (transport)
//! ```
//!
//! What the series is about is settled when its first run begins, and is in the record of that run:
//! a connection that is new since then waits for the next series. One that is not in use any more
//! when its turn comes is left out. Whatever becomes of a run (applied, held, failed), the next one
//! follows, before anything else that waits in the lane. The lane's pointer to the run that is under
//! way is all that moves, so a series goes on where it was after a crash.
//!
//! A look is a series of those connections that have hints.

use crate::connections::{self, Connection, State};
use crate::error::Error;
use crate::hints;
use crate::ports::Store;
use crate::runs::{self, Failure, Run, Work};
use mapping::ids::{ConnectionId, TenantId};

/// The failure of a run that has nothing to read.
pub(crate) const NO_CONNECTION: &str = "no_connection";

/// The failure of a run whose connection's authorisation died.
pub(crate) const RECONNECT_NEEDED: &str = "reconnect_needed";

/// The connection that a run which begins is about, or why there is none. Of the first run of a
/// series, settles what the series is about.
pub async fn begin(
    store: &impl Store,
    tenant: &TenantId,
    run: &mut Run,
) -> Result<Result<ConnectionId, Failure>, Error> {
    if run.step > 0 {
        let connection = match &run.connection {
            Some(id) => connections::read(store, tenant, id).await?,
            None => None,
        };
        return Ok(match connection {
            Some(found) if found.is_in_use() => Ok(found.id),
            found => Err(none(found.as_slice(), run.connection.as_ref())),
        });
    }
    runs::settle(store, tenant, run).await?;
    let mut all = connections::ordered(store, tenant).await?;
    if let Some(only) = &run.only {
        all.retain(|connection| connection.id == *only);
    }
    let mut members: Vec<ConnectionId> = Vec::new();
    for connection in all.iter().filter(|connection| connection.is_in_use()) {
        if run.work == Work::Full || hints::are_waiting(store, tenant, &connection.id).await? {
            members.push(connection.id.clone());
        }
    }
    if members.is_empty() {
        // When a full run served the requests that came with the hints, there may be none left:
        // the look finds that out for some connection.
        let some = all.iter().find(|connection| connection.is_in_use());
        members.extend(some.map(|connection| connection.id.clone()));
    }
    let Some(first) = members.first().cloned() else {
        run.connection = None;
        return Ok(Err(none(&all, run.only.as_ref())));
    };
    run.connection = Some(first.clone());
    run.connections = if members.len() > 1 {
        members
    } else {
        Vec::new()
    };
    Ok(Ok(first))
}

/// Whether a connection is still to be read when its turn comes.
pub async fn is_in_use(
    store: &impl Store,
    tenant: &TenantId,
    connection: &ConnectionId,
) -> Result<bool, Error> {
    let found = connections::read(store, tenant, connection).await?;
    Ok(found.is_some_and(|connection| connection.is_in_use()))
}

/// Why none of these connections can be read; `only` if the run is about that one.
fn none(connections: &[Connection], only: Option<&ConnectionId>) -> Failure {
    let dead = connections
        .iter()
        .find(|connection| connection.state == State::ReconnectNeeded);
    let (code, message) = match (dead, only) {
        (Some(dead), _) => (
            RECONNECT_NEEDED,
            format!(
                "the provider no longer accepts the authorisation of connection {}: an \
                 administrator has to authorise it again; nothing was changed",
                dead.id
            ),
        ),
        (None, Some(only)) => (
            NO_CONNECTION,
            format!(
                "the connection {only} is not authorised and saved, or is gone: nothing was changed"
            ),
        ),
        (None, None) => (
            NO_CONNECTION,
            "no connection is authorised and saved: connect a provider, then sync again".to_owned(),
        ),
    };
    Failure {
        code: code.to_owned(),
        message,
    }
}
