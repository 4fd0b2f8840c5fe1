//! Connections.

use super::call::{Call, List, made};
use super::forward::pass_on;
use crate::authorize as consent;
use crate::connections::{self, Connection};
use crate::doors::json;
use crate::doors::oauth::{ConnectionRequest, Operation};
use crate::doors::shown::show;
use crate::ports::Ports;
use crate::problem::Problem;
use bytes::Bytes;
use http::StatusCode;
use mapping::ids::ConnectionId;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The component that reaches the one provider there is so far.
const OAUTH_COMPONENT: &str = "oauth";

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
    let new = call.json()?;
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
    let (who, tenant, edit) = (call.actor()?, call.tenant()?, call.json()?);
    let connection = connections::edit(call.ports, &who, tenant, &id, &edit).await?;
    answer(call, StatusCode::OK, connection).await
}

pub(super) async fn save<P: Ports>(call: &Call<'_, P>) -> Answer {
    let id: ConnectionId = call.id("connection")?;
    let (who, tenant) = (call.actor()?, call.tenant()?);
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
    // The consent can only go on with Google's credentials: say so now rather than in a browser.
    let checked = forward(call, Operation::Check).await?;
    if checked.status() != StatusCode::OK {
        return Ok(checked);
    }
    let started = consent::start(call.ports, &call.settings.public_url, &who, at).await?;
    let body = json!({"url": started.address.expose(), "expires_at_ms": started.until_ms});
    Ok(json(StatusCode::CREATED, &body))
}

/// Has the component that reaches Google do it, and passes its answer on.
pub(super) async fn forward<P: Ports>(call: &Call<'_, P>, operation: Operation) -> Answer {
    let asked = ConnectionRequest {
        operation,
        tenant: call.tenant()?.clone(),
        connection: call.id("connection")?,
        actor: call.actor()?,
    };
    pass_on(call.ports, OAUTH_COMPONENT, "/connection", &asked).await
}
