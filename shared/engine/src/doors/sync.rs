//! The door of the `sync` component: `POST /internal/tick` for schedulers, and `/drive/{tenant}`
//! and `/zone` for other components.
//!
//! Only `/internal/tick` has a route, so only it is reachable from outside and asks for the
//! internal token; the other paths are reached over service chaining alone.

use crate::doors::json;
use crate::doors::nudge::Nudge;
use crate::ports::Ports;
use crate::problem::{Kind, Problem, parse_json};
use crate::secrets;
use crate::settings;
use crate::tenants::ZoneName;
use crate::tick::{self, TickReport};
use bytes::Bytes;
use http::{Method, StatusCode};
use mapping::ids::TenantId;
use serde::{Deserialize, Serialize};

/// Whether there is a time zone of this name: asked of the one component that has the database.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ZoneQuestion {
    /// The name.
    pub(crate) name: ZoneName,
}

/// Whether there is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct ZoneAnswer {
    /// True when there is.
    pub(crate) known: bool,
}

/// Serves one request.
pub async fn handle<P: Ports>(ports: &P, request: http::Request<Bytes>) -> http::Response<Bytes> {
    let path = request.uri().path().to_owned();
    if request.method() != Method::POST {
        let mut problem = Problem::new(Kind::MethodNotAllowed, "this path takes POST alone");
        problem.allow = Some("POST".to_owned());
        return problem.to_response();
    }
    if path == "/internal/tick" {
        return match authorize(ports, &request).await {
            Ok(()) => answer(tick::tick(ports).await.map_err(Problem::from)),
            Err(problem) => problem.to_response(),
        };
    }
    if path == "/zone" {
        let known = parse_json::<ZoneQuestion>(&request).map(|question| ZoneAnswer {
            known: question.name.is_known(),
        });
        return known.map_or_else(
            |problem| problem.to_response(),
            |known| json(StatusCode::OK, &known),
        );
    }
    let tenant = path
        .strip_prefix("/drive/")
        .and_then(|text| TenantId::parse(text).ok());
    let Some(tenant) = tenant else {
        return Problem::not_found().to_response();
    };
    let driven = tick::drive_tenant(ports, &tenant)
        .await
        .map_err(Problem::from);
    let more = driven.as_ref().is_ok_and(|report| report.more);
    let mut response = answer(driven);
    if more {
        response.extensions_mut().insert(Nudge { tenant });
    }
    response
}

async fn authorize<P: Ports>(ports: &P, request: &http::Request<Bytes>) -> Result<(), Problem> {
    let token = settings::internal_token(ports).await?;
    let given = request
        .headers()
        .get(http::header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    match given {
        Some(given) if secrets::is_equal(given, token.expose()) => Ok(()),
        _ => Err(Problem::new(
            Kind::Unauthorized,
            "this path needs the internal token as a bearer token",
        )),
    }
}

fn answer(report: Result<TickReport, Problem>) -> http::Response<Bytes> {
    match report {
        Ok(report) => json(StatusCode::OK, &report),
        Err(problem) => problem.to_response(),
    }
}
