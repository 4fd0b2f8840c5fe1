//! Connections.

use super::call::{Call, List, made};
use super::forward::{hand_over, pass_on};
use crate::authorize as consent;
use crate::connections::{self, Connection, Edit, NewConnection, OneRosterEdit, Provider};
use crate::doors::asked::{ConnectionRequest, Operation};
use crate::doors::json;
use crate::doors::shown::show;
use crate::ports::Ports;
use crate::problem::{Kind, Problem};
use crate::settings;
use bytes::Bytes;
use http::StatusCode;
use mapping::ids::ConnectionId;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The component that reaches Clever.
pub(super) const CLEVER: &str = "fetch-clever";

/// The component that reaches Google for an administrator.
const GOOGLE: &str = "oauth";

/// The component that reaches OneRoster servers and ClassLink.
pub(super) const ONEROSTER: &str = "fetch-oneroster";

type Answer = Result<http::Response<Bytes>, Problem>;

async fn answer<P: Ports>(
    call: &Call<'_, P>,
    status: StatusCode,
    connection: Connection,
) -> Answer {
    let shown = show(call.ports, call.tenant()?, connection).await?;
    Ok(json(status, &shown))
}

pub(super) async fn list<P: Ports>(call: &Call<'_, P>) -> Answer {
    let tenant = call.tenant()?;
    let mut items = Vec::new();
    for connection in connections::list(call.ports, tenant).await? {
        items.push(show(call.ports, tenant, connection).await?);
    }
    Ok(json(StatusCode::OK, &List { items, next: None }))
}

/// The order of connections.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Order {
    connections: Vec<ConnectionId>,
}

pub(super) async fn read_order<P: Ports>(call: &Call<'_, P>) -> Answer {
    let connections = connections::order(call.ports, call.tenant()?).await?;
    Ok(json(StatusCode::OK, &Order { connections }))
}

pub(super) async fn set_order<P: Ports>(call: &Call<'_, P>) -> Answer {
    let (who, tenant, wanted) = (call.actor()?, call.tenant()?, call.json::<Order>()?);
    let connections = connections::set_order(call.ports, &who, tenant, &wanted.connections).await?;
    Ok(json(StatusCode::OK, &Order { connections }))
}

pub(super) async fn create<P: Ports>(call: &Call<'_, P>) -> Answer {
    let new: NewConnection = call.json()?;
    check_way(call, new.oneroster.as_ref()).await?;
    let (connection, is_new) =
        connections::create(call.ports, &call.actor()?, call.tenant()?, new).await?;
    answer(call, made(is_new), connection).await
}

pub(super) async fn read<P: Ports>(call: &Call<'_, P>) -> Answer {
    let id: ConnectionId = call.id("connection")?;
    let connection = connections::read(call.ports, call.tenant()?, &id).await?;
    let connection = connection.ok_or_else(Problem::not_found)?;
    answer(call, StatusCode::OK, connection).await
}

pub(super) async fn edit<P: Ports>(call: &Call<'_, P>) -> Answer {
    let id: ConnectionId = call.id("connection")?;
    let (who, tenant, edit): (_, _, Edit) = (call.actor()?, call.tenant()?, call.json()?);
    check_way(call, edit.oneroster.as_ref()).await?;
    let connection = connections::edit(call.ports, &who, tenant, &id, &edit).await?;
    answer(call, StatusCode::OK, connection).await
}

pub(super) async fn save<P: Ports>(call: &Call<'_, P>) -> Answer {
    let id: ConnectionId = call.id("connection")?;
    let (who, tenant) = (call.actor()?, call.tenant()?);
    if let Some(draft) = found(call).await?.draft {
        let hosts = settings::oneroster_hosts(call.ports).await?;
        connections::check_addresses(&draft.source, &hosts)?;
    }
    let connection = connections::save(call.ports, &who, tenant, &id).await?;
    answer(call, StatusCode::OK, connection).await
}

pub(super) async fn discard<P: Ports>(call: &Call<'_, P>) -> Answer {
    let id: ConnectionId = call.id("connection")?;
    let (who, tenant) = (call.actor()?, call.tenant()?);
    let connection = connections::discard(call.ports, &who, tenant, &id).await?;
    answer(call, StatusCode::OK, connection).await
}

pub(super) async fn authorize<P: Ports>(call: &Call<'_, P>) -> Answer {
    let id: ConnectionId = call.id("connection")?;
    let (who, at) = (call.actor()?, (call.tenant()?, &id));
    let connection = found(call).await?;
    if connection.provider != Provider::Google {
        return Err(consent::not_in_a_browser(connection.provider).into());
    }
    // The consent can only go on with Google's credentials: say so now rather than in a browser.
    let checked = forward(call, Operation::Check).await?;
    if checked.status() != StatusCode::OK {
        return Ok(checked);
    }
    let started = consent::start(call.ports, &call.settings.public_url, &who, at).await?;
    let body = json!({"url": started.address.expose(), "expires_at_ms": started.until_ms});
    Ok(json(StatusCode::CREATED, &body))
}

/// Refuses a server that the operator's list does not cover.
async fn check_way<P: Ports>(
    call: &Call<'_, P>,
    edit: Option<&OneRosterEdit>,
) -> Result<(), Problem> {
    let Some(way) = edit.and_then(|edit| edit.way.as_ref()) else {
        return Ok(());
    };
    let hosts = settings::oneroster_hosts(call.ports).await?;
    Ok(connections::check_way(way, &hosts)?)
}

/// What an administrator does at the provider, by the component that reaches it.
async fn forward<P: Ports>(call: &Call<'_, P>, operation: Operation) -> Answer {
    let connection = found(call).await?;
    let component = match connection.provider {
        Provider::Clever => CLEVER,
        Provider::Google => GOOGLE,
        Provider::Oneroster => ONEROSTER,
        Provider::Csv => {
            let detail = "this connection is for files and reaches no provider";
            return Err(Problem::new(Kind::Conflict, detail));
        }
    };
    let asked = ConnectionRequest {
        operation,
        tenant: call.tenant()?.clone(),
        connection: connection.id,
        actor: call.actor()?,
    };
    pass_on(call.ports, component, "/connection", &asked).await
}

async fn found<P: Ports>(call: &Call<'_, P>) -> Result<Connection, Problem> {
    let id: ConnectionId = call.id("connection")?;
    let connection = connections::read(call.ports, call.tenant()?, &id).await?;
    connection.ok_or_else(Problem::not_found)
}

pub(super) async fn test<P: Ports>(call: &Call<'_, P>) -> Answer {
    forward(call, Operation::Test).await
}

pub(super) async fn org_units<P: Ports>(call: &Call<'_, P>) -> Answer {
    if found(call).await?.provider != Provider::Google {
        let detail = "only Google has org units";
        return Err(Problem::new(Kind::Conflict, detail));
    }
    forward(call, Operation::OrgUnits).await
}

pub(super) async fn revoke<P: Ports>(call: &Call<'_, P>) -> Answer {
    let connection = found(call).await?;
    if connection.provider == Provider::Google {
        return forward(call, Operation::Revoke).await;
    }
    // Nobody has to be told: what is kept here is forgotten.
    let (who, at) = (call.actor()?, (call.tenant()?, &connection.id));
    let revoked = connections::forget(call.ports, &who, at).await?;
    Ok(json(StatusCode::OK, &revoked))
}

pub(super) async fn delete<P: Ports>(call: &Call<'_, P>) -> Answer {
    let connection = found(call).await?;
    if connection.provider == Provider::Google {
        return forward(call, Operation::Delete).await;
    }
    let (who, at) = (call.actor()?, (call.tenant()?, &connection.id));
    let revoked = connections::forget(call.ports, &who, at).await?;
    connections::remove(call.ports, &who, at).await?;
    Ok(json(StatusCode::OK, &revoked))
}

/// Hands credentials over as they came: nothing here reads them.
pub(super) async fn put_credentials<P: Ports>(call: &Call<'_, P>) -> Answer {
    if found(call).await?.provider != Provider::Oneroster {
        let detail = "this connection takes no credentials: only those to a OneRoster server do";
        return Err(Problem::new(Kind::Conflict, detail));
    }
    hand_over(call, ONEROSTER).await
}

/// The districts that approved us, as the component that has our key sees them.
pub(super) async fn list_districts<P: Ports>(call: &Call<'_, P>, component: &str) -> Answer {
    pass_on(call.ports, component, "/districts", &json!({})).await
}
