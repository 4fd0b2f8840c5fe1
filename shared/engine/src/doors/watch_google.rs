//! The door of the `watch-google` component, reached over service chaining alone: keeps push
//! channels of a Google Workspace open, and looks at the few people of whom something is known to
//! have changed.

mod people;

use crate::doors::fetch_google::{Access, unit_ids, unit_scopes};
use crate::doors::webhook::push;
use crate::doors::{json, reading};
use crate::evaluation::frozen_rules;
use crate::fenced::Fenced;
use crate::fetching::FetchScope;
use crate::looking::{self, group_look};
use crate::ports::Ports;
use crate::problem::{Problem, parse_json};
use crate::runs::Work;
use crate::settings;
use crate::slices::{Done, SliceOutcome, SliceRequest, Task};
use crate::watching::{self, Turn};
use bytes::Bytes;
use connectors::fetch::WINDOW_DEFAULT;
use connectors::google::look::{Look, LookPlan};
use http::{Method, StatusCode};
use mapping::ids::{ConnectionId, TenantId};
use serde::{Deserialize, Serialize};

/// Serves one request.
pub async fn handle<P: Ports>(ports: &P, request: http::Request<Bytes>) -> http::Response<Bytes> {
    if request.method() != Method::POST {
        return Problem::not_found().to_response();
    }
    let answer = match request.uri().path() {
        "/slice" => match parse_json::<SliceRequest>(&request) {
            Ok(asked) => slice(ports, &asked)
                .await
                .map(|outcome| json(StatusCode::OK, &outcome)),
            Err(problem) => Err(problem),
        },
        "/watch" => match parse_json::<Turn>(&request) {
            Ok(asked) => watch(ports, &asked).await,
            Err(problem) => Err(problem),
        },
        "/close" => match parse_json::<Close>(&request) {
            Ok(asked) => close(ports, &asked).await,
            Err(problem) => Err(problem),
        },
        path => match path.strip_prefix("/api/v1/tenants/") {
            Some(path) => people::sync(ports, path, &request).await,
            None => Err(Problem::not_found()),
        },
    };
    answer.unwrap_or_else(|problem| problem.to_response())
}

/// A request to close the channels of a connection.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Close {
    /// Whose connection it is.
    pub(crate) tenant: TenantId,
    /// The connection.
    pub(crate) connection: ConnectionId,
}

/// Opens, renews or closes channels, whatever is due.
async fn watch<P: Ports>(ports: &P, asked: &Turn) -> Result<http::Response<Bytes>, Problem> {
    let access = Access::open(ports, &asked.tenant, &asked.connection).await?;
    let address = settings::public_url(ports).await?.at(push::PATH);
    let token = async |fresh: bool| access.token(fresh).await;
    watching::turn(ports, asked, &access.directory()?, &address, token).await?;
    Ok(json(StatusCode::OK, &Done {}))
}

async fn close<P: Ports>(ports: &P, asked: &Close) -> Result<http::Response<Bytes>, Problem> {
    let at = (&asked.tenant, &asked.connection);
    let access = Access::open(ports, at.0, at.1).await?;
    let token = async |fresh: bool| access.token(fresh).await;
    watching::close(ports, at, &access.directory()?, token).await?;
    Ok(json(StatusCode::OK, &Done {}))
}

/// Looks at the people of a run until the request's time is up.
async fn slice<P: Ports>(ports: &P, asked: &SliceRequest) -> Result<SliceOutcome, Problem> {
    let found = match reading::begin(ports, asked).await? {
        Ok(found) => found,
        Err(outcome) => return Ok(outcome),
    };
    let (run, connection, deadline) = (&found.run, &found.connection, found.deadline);
    if run.work != Work::Look || asked.task != Task::Fetch {
        let what = "this component looks at single people and does nothing else";
        return Ok(reading::failed(what));
    }
    let access = Access::open(ports, &asked.tenant, connection).await?;
    let rules = frozen_rules(ports, &asked.tenant, &asked.run).await?;
    let scope = FetchScope {
        tenant: &asked.tenant,
        connection,
        run: &run.id,
    };
    let directory = access.directory()?;
    let begin = async || {
        Ok(Look::start(LookPlan {
            directory,
            whom: looking::people(ports, scope, run.parent).await?,
            units: unit_scopes(&rules),
            groups: group_look(rules.group_need()),
            window: WINDOW_DEFAULT,
            seed: run.number,
        }))
    };
    let token = async |fresh: bool| access.slice_token(fresh).await;
    let fenced = Fenced::new(ports, &asked.tenant, asked.fence);
    Ok(looking::slice(&fenced, scope, unit_ids(&rules), begin, token, deadline).await?)
}
