//! Error answers of Clever's API (PROVIDERS 4.6).

use crate::fetch::exchange::{Advice, ErrorAnswer};
use crate::fetch::{Cause, Refusal};
use crate::google::errors::retry_after;
use bytes::Bytes;
use http::Response;
use jiff::Timestamp;
use serde::Deserialize;
use std::time::Duration;

/// Error bodies longer than this are not read for a reason, in bytes.
const ERROR_BODY_BYTES_MAX: usize = 64 * 1024;

/// A smaller number can't be a time in seconds since 1970 but may be a number of seconds.
const UNIX_SECONDS_MIN: i64 = 1_000_000_000;

/// What Clever means.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Reason {
    /// The token is old, or for something else.
    AuthError,
    /// Clever is in trouble.
    Backend,
    /// A parameter is not accepted.
    BadRequest,
    /// The district does not allow it.
    Forbidden,
    /// The token is not one of Secure Sync, or what was asked for is not shared.
    MissingScope,
    /// The path does not exist: Clever answers with a page for people.
    NoSuchPath,
    /// The record is gone or not shared.
    NotFound,
    /// Clever does not do this.
    NotSupported,
    /// The page asked for is too large.
    PageTooLarge,
    /// Too many requests.
    RateLimited,
    /// Nothing that is known.
    Unknown,
}

impl Reason {
    /// What an answer means whose status is not a success.
    pub(super) fn of(response: &Response<Bytes>) -> Self {
        let message = message(response.body());
        let about_scopes = message
            .as_ref()
            .is_some_and(|message| message.to_lowercase().contains("token's scopes"));
        match response.status().as_u16() {
            401 | 403 if about_scopes => Reason::MissingScope,
            400 => Reason::BadRequest,
            401 => Reason::AuthError,
            403 => Reason::Forbidden,
            404 | 410 if message.is_some() => Reason::NotFound,
            404 => Reason::NoSuchPath,
            413 => Reason::PageTooLarge,
            429 => Reason::RateLimited,
            501 => Reason::NotSupported,
            408 | 500..=599 => Reason::Backend,
            _ => Reason::Unknown,
        }
    }
}

/// An error answer. It never holds the answer's body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// What it means.
    pub reason: Reason,
    /// How long Clever asks to wait.
    pub wait: Option<Duration>,
}

/// Clever's envelope of an error.
#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    error: Option<String>,
}

impl ApiError {
    /// Reads an answer whose status is not a success.
    pub fn parse(response: &Response<Bytes>, now: Timestamp) -> Self {
        let status = response.status().as_u16();
        let reason = Reason::of(response);
        let wait = retry_after(response);
        let reset = (reason == Reason::RateLimited)
            .then(|| reset_at(response, now))
            .flatten()
            .and_then(|reset| Duration::try_from(reset.duration_since(now)).ok());
        Self {
            status,
            reason,
            wait: wait.max(reset),
        }
    }

    /// The same in words that do not depend on the provider.
    pub fn refusal(&self) -> Refusal {
        match self.reason {
            Reason::BadRequest | Reason::PageTooLarge => Refusal::BadRequest,
            Reason::Forbidden => Refusal::MissingPrivilege,
            Reason::MissingScope => Refusal::MissingScope,
            Reason::NotFound => Refusal::NotFound,
            Reason::AuthError
            | Reason::Backend
            | Reason::NoSuchPath
            | Reason::NotSupported
            | Reason::RateLimited
            | Reason::Unknown => Refusal::Unexpected {
                status: self.status,
            },
        }
    }

    /// True when this is how Clever answers while Events are not switched on for the application.
    pub fn are_events_off(&self) -> bool {
        matches!(
            self.reason,
            Reason::Forbidden
                | Reason::MissingScope
                | Reason::NoSuchPath
                | Reason::NotFound
                | Reason::NotSupported
        )
    }
}

impl ErrorAnswer for ApiError {
    fn read(response: &Response<Bytes>, now: Timestamp) -> Self {
        Self::parse(response, now)
    }

    fn advice(&self) -> Advice {
        match self.reason {
            Reason::AuthError => Advice::Refresh,
            Reason::Backend => {
                let status = self.status;
                Advice::Retry(Cause::ServerError { status }, self.wait)
            }
            Reason::RateLimited => Advice::Retry(Cause::RateLimited, self.wait),
            Reason::BadRequest
            | Reason::Forbidden
            | Reason::MissingScope
            | Reason::NoSuchPath
            | Reason::NotFound
            | Reason::NotSupported
            | Reason::PageTooLarge
            | Reason::Unknown => Advice::Final,
        }
    }
}

/// The text of Clever's own envelope; `None` for anything else, such as a page for people.
fn message(body: &[u8]) -> Option<String> {
    if body.len() > ERROR_BODY_BYTES_MAX {
        return None;
    }
    let envelope: Envelope = serde_json::from_slice(body).ok()?;
    envelope.message.or(envelope.error)
}

/// When requests are allowed again, if this answer was the last one allowed.
pub(super) fn exhausted_until(response: &Response<Bytes>, now: Timestamp) -> Option<Timestamp> {
    (number(response, "x-ratelimit-remaining")? <= 0)
        .then(|| reset_at(response, now))
        .flatten()
}

/// When a new minute of requests begins.
fn reset_at(response: &Response<Bytes>, now: Timestamp) -> Option<Timestamp> {
    let seconds = number(response, "x-ratelimit-reset")?;
    let unix = if seconds < UNIX_SECONDS_MIN {
        now.as_second().checked_add(seconds)?
    } else {
        seconds
    };
    Timestamp::from_second(unix).ok()
}

fn number(response: &Response<Bytes>, name: &str) -> Option<i64> {
    let text = response.headers().get(name)?.to_str().ok()?;
    text.trim().parse().ok()
}
