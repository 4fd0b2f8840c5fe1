//! What administrators say about people whom nobody else can tell apart.

use super::call::{Call, List, nothing};
use crate::doors::json;
use crate::ports::Ports;
use crate::problem::Problem;
use crate::{connections, resolutions};
use bytes::Bytes;
use http::StatusCode;
use mapping::ids::{ConnectionId, ExternalId};
use mapping::plan::Resolution;
use serde::{Deserialize, Serialize};

type Answer = Result<http::Response<Bytes>, Problem>;

/// A person and what was said about them, as it is sent both ways.
#[derive(Deserialize, Serialize)]
struct Resolved {
    /// The person's id at the provider, as an issue names it.
    person: ExternalId,
    #[serde(flatten)]
    resolution: Resolution,
}

pub(super) async fn list<P: Ports>(call: &Call<'_, P>) -> Answer {
    let connection: ConnectionId = call.id("connection")?;
    let tenant = call.tenant()?;
    let found = connections::read(call.ports, tenant, &connection).await?;
    found.ok_or_else(Problem::not_found)?;
    let all = resolutions::read(call.ports, tenant, &connection).await?;
    let items = all
        .into_iter()
        .map(|(person, resolution)| Resolved { person, resolution });
    let list = List {
        items: items.collect(),
        next: None,
    };
    Ok(json(StatusCode::OK, &list))
}

pub(super) async fn set<P: Ports>(call: &Call<'_, P>) -> Answer {
    let connection: ConnectionId = call.id("connection")?;
    let Resolved { person, resolution } = call.json()?;
    let of = (call.tenant()?, &connection);
    let said = Some(resolution.clone());
    resolutions::set(call.ports, &call.actor()?, of, &person, said).await?;
    Ok(json(StatusCode::OK, &Resolved { person, resolution }))
}

pub(super) async fn take_back<P: Ports>(call: &Call<'_, P>) -> Answer {
    let connection: ConnectionId = call.id("connection")?;
    let person = call.query("person").unwrap_or_default();
    let person =
        ExternalId::parse(person).map_err(|error| Problem::field("person", error.to_string()))?;
    let of = (call.tenant()?, &connection);
    resolutions::set(call.ports, &call.actor()?, of, &person, None).await?;
    Ok(nothing())
}
