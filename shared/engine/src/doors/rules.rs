//! The door of the `rules` component, reached over service chaining alone: evaluates a run's
//! snapshot and settles its plan.

use crate::connections::{self, Provider};
use crate::doors::json;
use crate::error::Error;
use crate::evaluation::{self, RunRules, frozen_rules, internal};
use crate::explaining::{self, Question};
use crate::fenced::Fenced;
use crate::fetching;
use crate::places;
use crate::ports::Ports;
use crate::problem::{Problem, parse_json};
use crate::runs::{self, Work};
use crate::settling;
use crate::slices::{self, SliceOutcome, SliceRequest, Task};
use bytes::Bytes;
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
                .map(|outcome| json(StatusCode::OK, &outcome))
                .map_err(Problem::from),
            Err(problem) => Err(problem),
        },
        "/explain" => match parse_json::<Question>(&request) {
            Ok(question) => explain(ports, &question)
                .await
                .map(|answer| json(StatusCode::OK, &answer))
                .map_err(Problem::from),
            Err(problem) => Err(problem),
        },
        _ => Err(Problem::not_found()),
    };
    answer.unwrap_or_else(|problem| problem.to_response())
}

async fn explain<P: Ports>(ports: &P, question: &Question) -> Result<explaining::Answer, Error> {
    let connection = connections::read(ports, &question.tenant, &question.connection).await?;
    let provider = connection.map_or(Provider::Google, |connection| connection.provider);
    let component = slices::fetch_component(provider, Work::Full);
    explaining::explain(ports, component, question).await
}

async fn slice<P: Ports>(ports: &P, asked: &SliceRequest) -> Result<SliceOutcome, Error> {
    let deadline = ports.now() + SignedDuration::from_millis(asked.budget_ms);
    let tenant = &asked.tenant;
    let ports = &Fenced::new(ports, tenant, asked.fence);
    let Some(run) = runs::read(ports, tenant, &asked.run).await? else {
        return Ok(SliceOutcome::Failed {
            failure: internal("there is no such run"),
        });
    };
    let rules = frozen_rules(ports, tenant, &asked.run).await?;
    let snapshot = fetching::staged_snapshot(ports, tenant, &asked.run)
        .await?
        .unwrap_or_default();
    let places = match places::settle(ports, tenant, &run, &rules).await? {
        Ok(places) => places,
        Err(failure) => return Ok(SliceOutcome::Failed { failure }),
    };
    let rules = match RunRules::new(&rules, &snapshot.unit_paths, places) {
        Ok(rules) => rules,
        Err(error) => {
            let failure = internal(&format!("the rules can't be used ({error})"));
            return Ok(SliceOutcome::Failed { failure });
        }
    };
    match asked.task {
        Task::Evaluate => evaluation::slice(ports, tenant, &run, &rules, deadline).await,
        Task::Settle => settling::slice(ports, tenant, &run, &rules, deadline).await,
        Task::Confirm | Task::Draft | Task::Fetch => Ok(SliceOutcome::Failed {
            failure: internal("this component does other work"),
        }),
    }
}
