//! The door of the `webhook` component: `POST /hooks/sync/{tenant}`, the signed manual resync, and
//! `POST /hooks/google/users`, what Google pushes.
//!
//! Variables: `seal_keys`, `public_url`. It reaches no other host.

pub(crate) mod push;

use crate::audit::{self, Action, Actor};
use crate::doors::json;
use crate::doors::nudge::Nudge;
use crate::ports::Ports;
use crate::problem::{Kind, Problem};
use crate::runs::{self, Lane, Trigger, TriggerKind};
use crate::{settings, webhooks};
use bytes::Bytes;
use http::{Method, StatusCode, header};
use mapping::ids::{ConnectionId, TenantId};
use serde::Serialize;

/// The answer to a request for a run.
#[derive(Serialize)]
pub(crate) struct Scheduled {
    message: &'static str,
    run: String,
    run_url: String,
    joined: bool,
}

/// Serves one request.
pub async fn handle<P: Ports>(ports: &P, request: http::Request<Bytes>) -> http::Response<Bytes> {
    match serve(ports, &request).await {
        Ok(response) => response,
        Err(problem) => problem.to_response(),
    }
}

async fn serve<P: Ports>(
    ports: &P,
    request: &http::Request<Bytes>,
) -> Result<http::Response<Bytes>, Problem> {
    let path = request.uri().path();
    let tenant = path
        .strip_prefix("/hooks/sync/")
        .and_then(|text| TenantId::parse(text).ok());
    if tenant.is_none() && path != push::PATH {
        return Err(Problem::not_found());
    }
    if request.method() != Method::POST {
        let mut problem = Problem::new(Kind::MethodNotAllowed, "this path takes POST alone");
        problem.allow = Some("POST".to_owned());
        return Err(problem);
    }
    let Some(tenant) = tenant else {
        return push::take(ports, request).await;
    };
    let seal_keys = settings::seal_keys(ports).await?;
    let public_url = settings::public_url(ports).await?;
    webhooks::verify(
        ports,
        &seal_keys,
        &tenant,
        request.headers(),
        request.body(),
    )
    .await?;
    schedule(
        ports,
        &public_url,
        &Actor::Webhook,
        &tenant,
        (TriggerKind::Webhook, None),
    )
    .await
}

/// Asks for runs, about one connection or all, and answers 202 with the address of the first.
pub(crate) async fn schedule<P: Ports>(
    ports: &P,
    public_url: &settings::PublicUrl,
    who: &Actor,
    tenant: &TenantId,
    (kind, only): (TriggerKind, Option<&ConnectionId>),
) -> Result<http::Response<Bytes>, Problem> {
    audit::record(ports, tenant, who, Action::RunRequested, tenant.as_str()).await?;
    let trigger = Trigger {
        kind,
        by: who.name().to_owned(),
    };
    let requested = runs::request_in(ports, tenant, Lane::Run, trigger, only).await?;
    let run_url = public_url.at(&format!("/api/v1/tenants/{tenant}/runs/{}", requested.run));
    Ok(accepted(tenant, &requested, run_url))
}

/// The 202 answer for a run or preview, with a nudge to start it now.
pub(crate) fn accepted(
    tenant: &TenantId,
    requested: &runs::Requested,
    run_url: String,
) -> http::Response<Bytes> {
    let location = run_url.parse();
    let mut response = json(
        StatusCode::ACCEPTED,
        &Scheduled {
            message: "sync has been scheduled",
            run: requested.run.to_string(),
            run_url,
            joined: requested.joined,
        },
    );
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response.extensions_mut().insert(Nudge {
        tenant: tenant.clone(),
    });
    response
}
