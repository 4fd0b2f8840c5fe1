//! The door of the `roster` component, reached over service chaining alone: carries out plans, makes
//! those of what administrators do by hand, and keeps what they decide about plans and the guard.
//!
//! The `api` component knows who may and hands the request over as it came, with the actor in a
//! header. Variables: `public_url`. It reaches the `sync` component.

mod by_hand;
mod commits;
mod held;

use crate::applying::{self, Applied, ApplyRequest};
use crate::audit::Actor;
use crate::doors::json;
use crate::error::Error;
use crate::evaluation::internal;
use crate::fenced::Fenced;
use crate::guarding::{self, Guard};
use crate::lease::Lease;
use crate::planning::PlanProgress;
use crate::ports::Ports;
use crate::problem::{Kind, Problem, parse_json};
use crate::record;
use crate::runs;
use crate::slices::{SliceOutcome, SliceRequest, Task};
use bytes::Bytes;
use http::{Method, StatusCode};
use jiff::SignedDuration;
use mapping::ids::{IdError, TenantId};

/// The header in which the `api` component says who asks.
pub(crate) const ACTOR_HEADER: &str = "rollcall-actor";

type Answer = Result<http::Response<Bytes>, Problem>;

/// A request that was let in by the `api` component.
struct Asked<'a, P> {
    ports: &'a P,
    request: &'a http::Request<Bytes>,
    tenant: TenantId,
    who: Actor,
}

impl<P> Asked<'_, P> {
    /// A number from the query.
    fn number(&self, name: &str) -> Result<Option<u64>, Problem> {
        let query = self.request.uri().query().unwrap_or_default();
        let value = form_urlencoded::parse(query.as_bytes())
            .find_map(|(found, value)| (found == name).then(|| value.into_owned()));
        let parse = |text: String| {
            text.parse::<u64>().map_err(|_| Problem {
                kind: Kind::BadRequest,
                ..Problem::field(name, "must be a whole number")
            })
        };
        value.map(parse).transpose()
    }
}

/// Serves one request.
pub async fn handle<P: Ports>(ports: &P, request: http::Request<Bytes>) -> http::Response<Bytes> {
    let answer = if request.uri().path() == "/slice" {
        match parse_json::<SliceRequest>(&request) {
            Ok(asked) => slice(ports, &asked)
                .await
                .map(|outcome| json(StatusCode::OK, &outcome))
                .map_err(Problem::from),
            Err(problem) => Err(problem),
        }
    } else if request.uri().path() == "/apply" {
        match parse_json::<ApplyRequest>(&request) {
            Ok(asked) => apply(ports, &asked)
                .await
                .map(|applied| json(StatusCode::OK, &applied))
                .map_err(Problem::from),
            Err(problem) => Err(problem),
        }
    } else {
        serve(ports, &request).await
    };
    answer.unwrap_or_else(|problem| problem.to_response())
}

async fn slice<P: Ports>(ports: &P, asked: &SliceRequest) -> Result<SliceOutcome, Error> {
    let deadline = ports.now() + SignedDuration::from_millis(asked.budget_ms);
    let ports = &Fenced::new(ports, &asked.tenant, asked.fence);
    let run = runs::read(ports, &asked.tenant, &asked.run).await?;
    match (run, asked.task) {
        (Some(run), Task::Draft) => {
            crate::by_hand::slice(ports, &asked.tenant, &run, deadline).await
        }
        _ => Ok(SliceOutcome::Failed {
            failure: internal("this component plans what was done by hand and nothing else"),
        }),
    }
}

async fn apply<P: Ports>(ports: &P, asked: &ApplyRequest) -> Result<Applied, Error> {
    let deadline = ports.now() + SignedDuration::from_millis(asked.budget_ms);
    let ports = &Fenced::new(ports, &asked.tenant, asked.fence);
    let Some(run) = runs::read(ports, &asked.tenant, &asked.run).await? else {
        return Ok(Applied::Stale);
    };
    let key = PlanProgress::key(&asked.tenant, &asked.run);
    let plan: PlanProgress = record::read(ports, &key).await?.unwrap_or_default();
    let lease = Lease::from_fence(asked.fence);
    applying::slice(ports, &asked.tenant, &run, &plan, &lease, deadline).await
}

async fn serve<P: Ports>(ports: &P, request: &http::Request<Bytes>) -> Answer {
    let path = request.uri().path().strip_prefix("/api/v1/tenants/");
    let mut segments = path.unwrap_or_default().split('/');
    let tenant = segments.next().unwrap_or_default();
    let asked = Asked {
        ports,
        request,
        tenant: TenantId::parse(tenant).map_err(|_| Problem::not_found())?,
        who: actor(request)?,
    };
    let rest: Vec<&str> = segments.collect();
    match (request.method(), rest.as_slice()) {
        (&Method::GET, ["guard"]) => {
            let guard = guarding::read(ports, &asked.tenant).await?;
            Ok(json(StatusCode::OK, &guard))
        }
        (&Method::PUT, ["guard"]) => {
            let guard: Guard = parse_json(request)?;
            let guard = guarding::replace(ports, &asked.who, &asked.tenant, guard).await?;
            Ok(json(StatusCode::OK, &guard))
        }
        (&Method::GET, ["commits"]) => commits::list(&asked).await,
        (&Method::POST, ["commits", generation, "undo"]) => commits::undo(&asked, generation).await,
        (&Method::PATCH, ["accounts", account]) => by_hand::edit(&asked, &id(account)?).await,
        (&Method::POST, ["accounts", account, "restore"]) => {
            by_hand::restore(&asked, &id(account)?).await
        }
        (&Method::POST, ["runs", run, "approve"]) => held::approve(&asked, &id(run)?).await,
        (&Method::POST, ["runs", run, "discard"]) => held::discard(&asked, &id(run)?).await,
        (&Method::POST, ["runs", run, "replan"]) => held::replan(&asked, &id(run)?).await,
        _ => Err(Problem::not_found()),
    }
}

/// Who asks. Nobody but the `api` component reaches this door, so what it says is so.
fn actor(request: &http::Request<Bytes>) -> Result<Actor, Problem> {
    let header = request.headers().get(ACTOR_HEADER);
    header
        .and_then(|value| serde_json::from_slice(value.as_bytes()).ok())
        .ok_or_else(|| Problem::new(Kind::Internal, "the request does not say who asks"))
}

/// An id from the path. One that can't be an id names nothing.
fn id<T: TryFrom<String, Error = IdError>>(text: &str) -> Result<T, Problem> {
    T::try_from(text.to_owned()).map_err(|_| Problem::not_found())
}
