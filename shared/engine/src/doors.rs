//! What each component answers: from a request to one call of the engine and back.
//!
//! A door decodes, calls and encodes; it decides nothing about data. Components are frames around
//! these functions, so that everything they do is tested without the platform.

pub mod alerts;
pub mod api;
pub(crate) mod asked;
pub mod fetch_clever;
pub mod fetch_csv;
pub mod fetch_google;
pub mod fetch_oneroster;
pub mod login;
pub mod nudge;
pub mod oauth;
pub mod oidc;
mod page;
mod reading;
pub mod roster;
pub mod rules;
mod shown;
pub mod sync;
pub mod uploads;
pub mod watch_google;
pub mod webhook;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

/// A JSON answer that nobody may keep: all of ours may hold data of people.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> http::Response<Bytes> {
    let body = serde_json::to_vec(value).unwrap_or_default();
    let mut response = http::Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A page of a list as it is sent.
#[derive(Serialize)]
pub(crate) struct List<T> {
    /// The entries.
    pub(crate) items: Vec<T>,
    /// What to ask for to go on; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}
