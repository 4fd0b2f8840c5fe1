//! The door of the `fetch-csv` component, reached over service chaining alone: reads files that
//! administrators sent, and makes the passwords of the people in them.
//!
//! Variables: `seal_keys`. It reaches nothing.

use crate::doors::json;
use crate::error::Error;
use crate::evaluation::internal;
use crate::fenced::Fenced;
use crate::ports::Ports;
use crate::problem::{Problem, parse_json};
use crate::runs;
use crate::settings;
use crate::slices::{SliceOutcome, SliceRequest, Task};
use crate::uploads::{self, CredentialRequest};
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
            Ok(asked) => slice(ports, &asked).await.map_err(Problem::from),
            Err(problem) => Err(problem),
        },
        "/credentials" => match parse_json::<CredentialRequest>(&request) {
            Ok(asked) => credentials(ports, &asked).await,
            Err(problem) => Err(problem),
        },
        _ => Err(Problem::not_found()),
    };
    match answer {
        Ok(outcome) => json(StatusCode::OK, &outcome),
        Err(problem) => problem.to_response(),
    }
}

async fn slice<P: Ports>(ports: &P, asked: &SliceRequest) -> Result<SliceOutcome, Error> {
    let deadline = ports.now() + SignedDuration::from_millis(asked.budget_ms);
    let seal_keys = settings::seal_keys(ports).await?;
    let ports = &Fenced::new(ports, &asked.tenant, asked.fence);
    let run = runs::read(ports, &asked.tenant, &asked.run).await?;
    match (run, asked.task) {
        (Some(run), Task::Fetch) => {
            uploads::slice(ports, &seal_keys, &asked.tenant, &run, deadline).await
        }
        _ => Ok(SliceOutcome::Failed {
            failure: internal("this component reads files and nothing else"),
        }),
    }
}

async fn credentials<P: Ports>(
    ports: &P,
    asked: &CredentialRequest,
) -> Result<SliceOutcome, Problem> {
    let deadline = uploads::deadline_of(asked, ports);
    let seal_keys = settings::seal_keys(ports).await?;
    let ports = &Fenced::new(ports, &asked.tenant, asked.fence);
    let made = uploads::make(ports, &seal_keys, &asked.tenant, &asked.upload, deadline).await?;
    Ok(made)
}
