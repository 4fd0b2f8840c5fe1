//! Connections.

use super::call::{Call, List, made};
use crate::connections::{self, Connection};
use crate::doors::json;
use crate::ports::Ports;
use crate::problem::Problem;
use crate::{authorize as consent, rules, settings};
use bytes::Bytes;
use connectors::google::oauth::{Mode, missing_scopes, required_scopes};
use http::StatusCode;
use mapping::ids::{ConnectionId, TenantId};
use serde::Serialize;
use serde_json::json;

type Answer = Result<http::Response<Bytes>, Problem>;

/// A connection as it is shown.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    connection: Connection,
    /// Scopes that the rules need by now and the authorisation lacks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing_scopes: Vec<String>,
}

async fn show<P: Ports>(
    ports: &P,
    tenant: &TenantId,
    connection: Connection,
) -> Result<Shown, Problem> {
    let rules = rules::read(ports, tenant, &connection.id).await?;
    let needed = required_scopes(Mode::Import, rules::uses_groups(&rules));
    let missing_scopes = connection.authorization.as_ref().map(|authorization| {
        let missing = missing_scopes(&needed, &authorization.scopes);
        missing.iter().map(ToString::to_string).collect()
    });
    Ok(Shown {
        connection,
        missing_scopes: missing_scopes.unwrap_or_default(),
    })
}

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
    settings::google(call.ports).await?;
    let started = consent::start(call.ports, &call.settings.public_url, &who, at).await?;
    let body = json!({"url": started.address.expose(), "expires_at_ms": started.until_ms});
    Ok(json(StatusCode::CREATED, &body))
}

pub(super) async fn test<P: Ports>(call: &Call<'_, P>) -> Answer {
    let id: ConnectionId = call.id("connection")?;
    let (who, at) = (call.actor()?, (call.tenant()?, &id));
    let exists = connections::read(call.ports, at.0, at.1).await?.is_some();
    if !exists {
        return Err(Problem::not_found());
    }
    let google = settings::google(call.ports).await?;
    let seal_keys = &call.settings.seal_keys;
    let connection = connections::test(call.ports, &google, seal_keys, &who, at).await?;
    answer(call, StatusCode::OK, connection).await
}

pub(super) async fn revoke<P: Ports>(call: &Call<'_, P>) -> Answer {
    let id: ConnectionId = call.id("connection")?;
    let (who, at) = (call.actor()?, (call.tenant()?, &id));
    let google = settings::google(call.ports).await?;
    let seal_keys = &call.settings.seal_keys;
    let revoked = connections::revoke(call.ports, &google, seal_keys, &who, at).await?;
    Ok(json(StatusCode::OK, &revoked))
}

pub(super) async fn delete<P: Ports>(call: &Call<'_, P>) -> Answer {
    let id: ConnectionId = call.id("connection")?;
    let (who, at) = (call.actor()?, (call.tenant()?, &id));
    let google = settings::google(call.ports).await?;
    let seal_keys = &call.settings.seal_keys;
    let revoked = connections::delete(call.ports, &google, seal_keys, &who, at).await?;
    Ok(json(StatusCode::OK, &revoked))
}

pub(super) async fn list_org_units<P: Ports>(call: &Call<'_, P>) -> Answer {
    let id: ConnectionId = call.id("connection")?;
    let tenant = call.tenant()?;
    let exists = connections::read(call.ports, tenant, &id).await?.is_some();
    if !exists {
        return Err(Problem::not_found());
    }
    let google = settings::google(call.ports).await?;
    let seal_keys = &call.settings.seal_keys;
    let items = connections::org_units(call.ports, &google, seal_keys, (tenant, &id)).await?;
    Ok(json(StatusCode::OK, &List { items, next: None }))
}
