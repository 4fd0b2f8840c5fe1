//! The door of the `watch-google` component, reached over service chaining alone: looks at the few
//! people of a Google Workspace of whom something is known to have changed.

use crate::doors::fetch_google::{Access, unit_ids, unit_scopes};
use crate::doors::json;
use crate::evaluation::{frozen_rules, internal};
use crate::fenced::Fenced;
use crate::fetching::FetchScope;
use crate::looking::{self, group_look};
use crate::ports::Ports;
use crate::problem::{Problem, parse_json};
use crate::runs::{self, Work};
use crate::slices::{SliceOutcome, SliceRequest, Task};
use bytes::Bytes;
use connectors::fetch::WINDOW_DEFAULT;
use connectors::google::look::LookPlan;
use http::{Method, StatusCode};
use jiff::SignedDuration;

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
        _ => Err(Problem::not_found()),
    };
    answer.unwrap_or_else(|problem| problem.to_response())
}

/// Looks at the people of a run until the request's time is up.
async fn slice<P: Ports>(ports: &P, asked: &SliceRequest) -> Result<SliceOutcome, Problem> {
    let failed = |what: &str| {
        Ok(SliceOutcome::Failed {
            failure: internal(what),
        })
    };
    let deadline = ports.now() + SignedDuration::from_millis(asked.budget_ms);
    let Some(run) = runs::read(ports, &asked.tenant, &asked.run).await? else {
        return failed("there is no such run");
    };
    let Some(connection) = run.connection.as_ref() else {
        return failed("the run has no connection");
    };
    if run.work != Work::Look || asked.task != Task::Fetch {
        return failed("this component looks at single people and does nothing else");
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
        Ok(LookPlan {
            directory,
            whom: looking::people(ports, scope, run.parent).await?,
            units: unit_scopes(&rules),
            groups: group_look(rules.group_need()),
            window: WINDOW_DEFAULT,
            seed: run.number,
        })
    };
    let token = async |fresh: bool| access.slice_token(fresh).await;
    let fenced = Fenced::new(ports, &asked.tenant, asked.fence);
    Ok(looking::slice(&fenced, scope, unit_ids(&rules), begin, token, deadline).await?)
}
