//! Credentials to a OneRoster server, handed over by the component that knows who may and that does
//! not read them.

use crate::audit::Actor;
use crate::connections::{self, Credentials, put_credentials};
use crate::doors::roster::ACTOR_HEADER;
use crate::doors::{json, shown};
use crate::ports::Ports;
use crate::problem::{Problem, parse_json};
use crate::settings;
use bytes::Bytes;
use http::{Method, StatusCode};
use mapping::ids::{ConnectionId, TenantId};

/// Seals credentials. `path` is that of the API from the tenant on.
pub(super) async fn put<P: Ports>(
    ports: &P,
    path: &str,
    request: &http::Request<Bytes>,
) -> Result<http::Response<Bytes>, Problem> {
    let of: Vec<&str> = path.split('/').collect();
    let [tenant, "connections", connection, "credentials"] = of.as_slice() else {
        return Err(Problem::not_found());
    };
    if request.method() != Method::PUT {
        return Err(Problem::not_found());
    }
    let tenant = TenantId::parse(*tenant).map_err(|_| Problem::not_found())?;
    let connection = ConnectionId::parse(*connection).map_err(|_| Problem::not_found())?;
    let who: Actor = request
        .headers()
        .get(ACTOR_HEADER)
        .and_then(|header| serde_json::from_slice(header.as_bytes()).ok())
        .ok_or_else(Problem::not_found)?;
    let found = connections::read(ports, &tenant, &connection).await?;
    let found = found.ok_or_else(Problem::not_found)?;
    let credentials: Credentials = parse_json(request)?;
    let seal_keys = settings::seal_keys(ports).await?;
    let changed = put_credentials(ports, &seal_keys, &who, &found, &tenant, credentials).await?;
    Ok(json(
        StatusCode::OK,
        &shown::show(ports, &tenant, changed).await?,
    ))
}
