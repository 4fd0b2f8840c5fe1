//! How the `sync` component has other components do a bounded part of a run's phase.
//!
//! A slice is asked for over service chaining and answered with how it ended. Everything it did
//! is in the store by then; asking twice is harmless.

use crate::connections::Provider;
use crate::ports::{Transport, TransportError};
use crate::runs::{Failure, Work};
use bytes::Bytes;
use http::{Method, StatusCode};
use mapping::ids::{RunId, TenantId};
use serde::{Deserialize, Serialize};

/// Longest answer to a request for a slice, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// A part of a run's work that a component of its own does.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Ask the provider about people who were not in the listing.
    Confirm,
    /// Plan what an administrator did by hand.
    Draft,
    /// Compare the snapshot with the roster.
    Evaluate,
    /// Read the provider.
    Fetch,
    /// Check addresses and absences and finish the plan.
    Settle,
}

/// A request for a slice.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SliceRequest {
    /// Whose run it is.
    pub tenant: TenantId,
    /// The run.
    pub run: RunId,
    /// The fencing number of the lease under which the run is driven.
    pub fence: u64,
    /// What to do for it.
    pub task: Task,
    /// For how long, in milliseconds.
    pub budget_ms: i64,
}

/// How a slice of work ended.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum SliceOutcome {
    /// The phase is over.
    Done,
    /// It has failed for good.
    Failed {
        /// Why.
        failure: Failure,
    },
    /// There is more to do, at once.
    More,
    /// There is more to do, not before a time.
    Wait {
        /// That time, in milliseconds since the Unix epoch.
        until_ms: i64,
    },
}

/// The component that reads people of a provider for a run.
pub fn fetch_component(provider: Provider, work: Work) -> &'static str {
    match (provider, work) {
        (Provider::Clever, _) => "fetch-clever",
        (Provider::Csv, _) => "fetch-csv",
        (Provider::Google, Work::Full) => "fetch-google",
        (Provider::Google, Work::Look) => "watch-google",
        (Provider::Oneroster, _) => "fetch-oneroster",
    }
}

/// The answer of a component that has nothing to say but that it did what it was asked for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Done {}

/// Why a component did not answer a request for a slice.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CallError {
    /// Its answer is not one.
    #[error("the component gave an answer that is not one")]
    Malformed,
    /// It answered with an error.
    #[error("the component answered {0}")]
    Status(u16),
    /// It could not be reached.
    #[error("the component could not be reached: {0}")]
    Unreachable(TransportError),
}

/// Asks a component, by its id, for something over service chaining.
pub async fn call<Q: Serialize, A: serde::de::DeserializeOwned>(
    transport: &impl Transport,
    component: &str,
    path: &str,
    question: &Q,
) -> Result<A, CallError> {
    let request = request(component, path, question)?;
    let answer = transport
        .send(request, ANSWER_BYTES_MAX)
        .await
        .map_err(CallError::Unreachable)?;
    if answer.status() != StatusCode::OK {
        return Err(CallError::Status(answer.status().as_u16()));
    }
    serde_json::from_slice(answer.body()).map_err(|_| CallError::Malformed)
}

/// A question to a component, by its id.
pub(crate) fn request<Q: Serialize>(
    component: &str,
    path: &str,
    question: &Q,
) -> Result<http::Request<Bytes>, CallError> {
    let body = serde_json::to_vec(question).map_err(|_| CallError::Malformed)?;
    http::Request::builder()
        .method(Method::POST)
        .uri(format!("http://{component}.spin.internal{path}"))
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(Bytes::from(body))
        .map_err(|_| CallError::Malformed)
}
