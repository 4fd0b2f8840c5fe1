//! Error answers of Google's APIs (PROVIDERS 2.11 and A.1).

use crate::fetch::exchange::{Advice, ErrorAnswer};
use crate::fetch::{Cause, Refusal};
use bytes::Bytes;
use http::{Response, header};
use jiff::Timestamp;
use serde::Deserialize;
use std::fmt;
use std::time::Duration;

/// Error bodies longer than this are not read for a reason, in bytes.
const ERROR_BODY_BYTES_MAX: usize = 64 * 1024;

/// What Google means, whatever the shape of the answer.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Reason {
    /// The Admin SDK API is not enabled in the operator's cloud project.
    ApiDisabled,
    /// The access token is expired or revoked.
    AuthError,
    /// Google is in trouble.
    Backend,
    /// The request is malformed.
    BadRequest,
    /// A condition does not hold: etag, cyclic membership, licence.
    ConditionNotMet,
    /// Somebody else changed the same thing at the same moment.
    Conflict,
    /// The district switched off API access.
    DomainApisOff,
    /// The domain is not one of the customer's.
    DomainUnknown,
    /// The address is taken.
    Duplicate,
    /// The authorising account lacks the administrator privilege.
    Forbidden,
    /// A value is not acceptable.
    Invalid,
    /// The district has no room for another user.
    LimitReached,
    /// The authorisation lacks a scope.
    MissingScope,
    /// What was asked for does not exist.
    NotFound,
    /// Too many requests.
    RateLimited,
    /// A user that was just created is not ready yet.
    Settling,
    /// Nothing that is known.
    Unknown,
}

/// What may help.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RetryAdvice {
    /// The same request, after this long if Google said so, else after a backoff.
    After(Option<Duration>),
    /// Nothing: the same request will fail again.
    No,
    /// The same request with a fresh access token, once.
    Refresh,
}

/// An error answer. It never holds the answer's body: texts of Google may name persons.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// What it means.
    pub reason: Reason,
    /// What may help.
    pub retry: RetryAdvice,
    /// Whether the body was an error envelope of Google's.
    is_from_google: bool,
}

impl ApiError {
    /// Reads an answer whose status is not a success.
    pub fn parse(response: &Response<Bytes>) -> Self {
        let status = response.status().as_u16();
        let body = response.body();
        let reason = if body.len() > ERROR_BODY_BYTES_MAX {
            by_status(status)
        } else {
            by_body(status, body).unwrap_or_else(|| by_status(status))
        };
        let retry = match reason {
            Reason::AuthError => RetryAdvice::Refresh,
            Reason::Backend | Reason::Conflict | Reason::RateLimited | Reason::Settling => {
                RetryAdvice::After(retry_after(response))
            }
            Reason::ApiDisabled
            | Reason::BadRequest
            | Reason::ConditionNotMet
            | Reason::DomainApisOff
            | Reason::DomainUnknown
            | Reason::Duplicate
            | Reason::Forbidden
            | Reason::Invalid
            | Reason::LimitReached
            | Reason::MissingScope
            | Reason::NotFound
            | Reason::Unknown => RetryAdvice::No,
        };
        Self {
            status,
            reason,
            retry,
            is_from_google: serde_json::from_slice::<Envelope>(body).is_ok(),
        }
    }

    /// True when Google itself says that a user does not exist: not a 404 of a proxy, and not one
    /// about the domain.
    pub fn is_user_missing(&self) -> bool {
        self.status == 404 && self.reason == Reason::NotFound && self.is_from_google
    }

    /// The same in words that do not depend on the provider.
    pub fn refusal(&self) -> Refusal {
        match self.reason {
            Reason::ApiDisabled => Refusal::ApiDisabled,
            Reason::BadRequest | Reason::Invalid => Refusal::BadRequest,
            Reason::ConditionNotMet | Reason::Settling => Refusal::Precondition,
            Reason::DomainApisOff => Refusal::DomainApisOff,
            Reason::DomainUnknown => Refusal::DomainUnknown,
            Reason::Forbidden => Refusal::MissingPrivilege,
            Reason::MissingScope => Refusal::MissingScope,
            Reason::NotFound => Refusal::NotFound,
            Reason::AuthError
            | Reason::Backend
            | Reason::Conflict
            | Reason::Duplicate
            | Reason::LimitReached
            | Reason::RateLimited
            | Reason::Unknown => Refusal::Unexpected {
                status: self.status,
            },
        }
    }
}

impl ErrorAnswer for ApiError {
    fn read(response: &Response<Bytes>, _: Timestamp) -> Self {
        Self::parse(response)
    }

    fn advice(&self) -> Advice {
        match self.retry {
            RetryAdvice::After(after) if self.reason == Reason::RateLimited => {
                Advice::Retry(Cause::RateLimited, after)
            }
            RetryAdvice::After(after) => {
                let status = self.status;
                Advice::Retry(Cause::ServerError { status }, after)
            }
            RetryAdvice::No => Advice::Final,
            RetryAdvice::Refresh => Advice::Refresh,
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sentence = match self.reason {
            Reason::ApiDisabled => {
                "the Admin SDK API is not enabled in the operator's Google Cloud project: the operator must enable it"
            }
            Reason::AuthError => "Google does not accept the access token: it is renewed by itself",
            Reason::Backend => "Google is in trouble: it is tried again by itself",
            Reason::BadRequest | Reason::Invalid => {
                "Google does not accept a value of the request: check the connection's settings"
            }
            Reason::ConditionNotMet => "Google says that a condition does not hold",
            Reason::Conflict => {
                "something else was changed at the same moment: it is tried again by itself"
            }
            Reason::DomainApisOff => {
                "the district does not allow API access: enable it in the Google Admin console under Security, API controls"
            }
            Reason::DomainUnknown => {
                "Google does not know the domain: correct the domain of the connection"
            }
            Reason::Duplicate => {
                "the address is taken by a user, an alias, a group or a recently deleted user"
            }
            Reason::Forbidden => {
                "the account that authorised the connection lacks an administrator privilege: give it a role that may read users and organizational units, or authorise with another account"
            }
            Reason::LimitReached => {
                "the district has no room for another user: remove users or add licences in the Google Admin console"
            }
            Reason::MissingScope => {
                "the authorisation does not cover this: authorise again and tick every box"
            }
            Reason::NotFound => "Google says that it does not exist",
            Reason::RateLimited => "Google allows fewer requests: it is tried again by itself",
            Reason::Settling => {
                "a user that was just created is not ready yet: it is tried again by itself"
            }
            Reason::Unknown => {
                "Google gave an answer without a known meaning: report this if it stays"
            }
        };
        write!(f, "{sentence} (status {})", self.status)
    }
}

impl std::error::Error for ApiError {}

#[derive(Deserialize)]
struct Envelope {
    error: Inner,
}

#[derive(Deserialize)]
struct Inner {
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    errors: Option<Vec<Detail>>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    details: Option<Vec<Detail>>,
}

#[derive(Deserialize)]
struct Detail {
    #[serde(default)]
    reason: Option<String>,
}

/// In the order of PROVIDERS 2.11: the first error's reason, the status name, and, where these say
/// nothing, the text.
fn by_body(status: u16, body: &[u8]) -> Option<Reason> {
    let Ok(Envelope { error }) = serde_json::from_slice::<Envelope>(body) else {
        return by_text(status, std::str::from_utf8(body).ok()?);
    };
    let message = error.message.unwrap_or_default();
    let first = |list: Option<Vec<Detail>>| list?.into_iter().find_map(|detail| detail.reason);
    first(error.errors)
        .and_then(|reason| by_reason(status, &reason, &message))
        .or_else(|| by_reason(status, &first(error.details)?, &message))
        .or_else(|| by_text(status, &message))
        .or_else(|| Some(by_status_name(status, &error.status?)))
}

fn by_reason(status: u16, reason: &str, message: &str) -> Option<Reason> {
    Some(match reason {
        "accessNotConfigured" | "SERVICE_DISABLED" => Reason::ApiDisabled,
        "authError" => Reason::AuthError,
        "required" if status == 401 => Reason::AuthError,
        "badRequest" | "required" => Reason::BadRequest,
        "backendError" | "internalError" | "badGateway" | "gatewayTimeout" | "transientError" => {
            Reason::Backend
        }
        "conditionNotMet" if message.contains("creation is not complete") => Reason::Settling,
        "conditionNotMet" => Reason::ConditionNotMet,
        "conflict" | "aborted" => Reason::Conflict,
        "domainCannotUseApis" => Reason::DomainApisOff,
        "domainNotFound" => Reason::DomainUnknown,
        "duplicate" => Reason::Duplicate,
        "forbidden" => by_text(status, message).unwrap_or(Reason::Forbidden),
        "insufficientPermissions" | "ACCESS_TOKEN_SCOPE_INSUFFICIENT" => Reason::MissingScope,
        "invalid" | "invalidInput" | "invalidParameter" => Reason::Invalid,
        "limitExceeded" => Reason::LimitReached,
        "notFound" => by_text(status, message).unwrap_or(Reason::NotFound),
        "rateLimitExceeded" | "userRateLimitExceeded" | "quotaExceeded" | "RATE_LIMIT_EXCEEDED" => {
            Reason::RateLimited
        }
        _ => return None,
    })
}

fn by_status_name(status: u16, name: &str) -> Reason {
    match name {
        "UNAUTHENTICATED" => Reason::AuthError,
        "PERMISSION_DENIED" => Reason::Forbidden,
        "RESOURCE_EXHAUSTED" => Reason::RateLimited,
        "ABORTED" => Reason::Conflict,
        "INTERNAL" | "UNAVAILABLE" | "DEADLINE_EXCEEDED" => Reason::Backend,
        "INVALID_ARGUMENT" => Reason::Invalid,
        "NOT_FOUND" => Reason::NotFound,
        "ALREADY_EXISTS" => Reason::Duplicate,
        "FAILED_PRECONDITION" => Reason::ConditionNotMet,
        _ => by_status(status),
    }
}

/// Texts that mean the same with every envelope and without one.
fn by_text(status: u16, text: &str) -> Option<Reason> {
    let is = |part: &str| text.contains(part);
    match status {
        403 if is("Domain cannot use apis") => Some(Reason::DomainApisOff),
        403 if is("Invalid domain") => Some(Reason::DomainUnknown),
        403 if is("insufficient authentication scopes") || is("Insufficient Permission") => {
            Some(Reason::MissingScope)
        }
        403 if is("has not been used in project") => Some(Reason::ApiDisabled),
        403 if is("Quota exceeded") || is("Request rate higher") => Some(Reason::RateLimited),
        404 if is("Domain not found") || is("Resource Not Found: domain") => {
            Some(Reason::DomainUnknown)
        }
        _ => None,
    }
}

fn by_status(status: u16) -> Reason {
    match status {
        400 => Reason::BadRequest,
        401 => Reason::AuthError,
        403 => Reason::Forbidden,
        404 | 410 => Reason::NotFound,
        408 | 500..=599 => Reason::Backend,
        409 => Reason::Conflict,
        412 => Reason::ConditionNotMet,
        429 => Reason::RateLimited,
        _ => Reason::Unknown,
    }
}

/// `Retry-After` in seconds. The form with a date is not used by Google; it counts as absent and
/// the backoff decides.
pub(crate) fn retry_after(response: &Response<Bytes>) -> Option<Duration> {
    let text = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}
