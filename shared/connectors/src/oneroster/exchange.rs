//! From an answer to a body worth reading: what every call to a service has in common.

use super::errors::{ApiError, Dislike, Reason};
use crate::fetch::lanes::Lanes;
use crate::fetch::{Asking, Cause, ChainId, FetchError, Malformation, TransportFailure};
use bytes::Bytes;
use http::{Response, StatusCode, header};
use jiff::Timestamp;
use std::time::Duration;

/// What an answer turned out to be.
pub(super) enum Answer<'a> {
    /// A success that does not say that it is anything but JSON.
    Body(&'a Response<Bytes>),
    /// It was seen to: another attempt will come, or the conversation has failed, or nobody waits
    /// for it.
    Handled,
    /// A refusal which the caller may understand.
    Refused(ApiError),
    /// The server, or what carries its answers, could not bear so much at once (PROVIDERS O14).
    TooMuch(Burden),
}

/// What could not be borne.
#[derive(Clone, Copy, Debug)]
pub(super) enum Burden {
    /// The answer was larger than so many bytes.
    Bytes(usize),
    /// A gateway gave up waiting, with this status.
    Gateway(u16, Option<Duration>),
}

/// Sees to everything that does not depend on what was asked.
pub(super) fn receive<'a>(
    lanes: &mut Lanes,
    chain: ChainId,
    now: Timestamp,
    asking: Asking,
    response: Result<&'a Response<Bytes>, TransportFailure>,
) -> Answer<'a> {
    let Some(token_number) = lanes.land(chain) else {
        return Answer::Handled;
    };
    let response = match response {
        Ok(response) => response,
        Err(TransportFailure::BodyTooLarge { limit }) => {
            return Answer::TooMuch(Burden::Bytes(limit));
        }
        Err(TransportFailure::Denied) => {
            lanes.fail(FetchError::Blocked);
            return Answer::Handled;
        }
        Err(TransportFailure::Encoding) => {
            malformed(lanes, chain, now, asking, Malformation::Truncated);
            return Answer::Handled;
        }
        Err(TransportFailure::Failed) => {
            lanes.retry(chain, now, asking, Cause::Connection, None);
            return Answer::Handled;
        }
    };
    if response.status() == StatusCode::OK {
        lanes.token_accepted(token_number);
        if is_page(response) {
            malformed(lanes, chain, now, asking, Malformation::NotJson);
            return Answer::Handled;
        }
        return Answer::Body(response);
    }
    let error = ApiError::parse(response);
    match error.reason {
        Reason::Unauthorized => lanes.token_refused(token_number),
        Reason::RateLimited => {
            lanes.retry(chain, now, asking, Cause::RateLimited, error.retry_after);
        }
        Reason::Backend if matches!(error.status, 502 | 504) => {
            return Answer::TooMuch(Burden::Gateway(error.status, error.retry_after));
        }
        Reason::Backend if matches!(error.dislike, Some(Dislike::Filter | Dislike::Sort)) => {
            return Answer::Refused(error);
        }
        Reason::Backend => {
            let status = error.status;
            let cause = Cause::ServerError { status };
            lanes.retry(chain, now, asking, cause, error.retry_after);
        }
        Reason::BadRequest | Reason::Forbidden | Reason::NotFound | Reason::Unknown => {
            return Answer::Refused(error);
        }
    }
    Answer::Handled
}

/// A success whose body can't be what it says.
pub(super) fn malformed(
    lanes: &mut Lanes,
    chain: ChainId,
    now: Timestamp,
    asking: Asking,
    malformation: Malformation,
) {
    lanes.retry(chain, now, asking, Cause::Malformed(malformation), None);
}

/// Tries again what could not be borne, where nothing smaller can be asked for.
pub(super) fn retry(
    lanes: &mut Lanes,
    chain: ChainId,
    now: Timestamp,
    asking: Asking,
    burden: Burden,
) {
    match burden {
        Burden::Bytes(limit) => lanes.fail(FetchError::AnswerTooLarge { asking, limit }),
        Burden::Gateway(status, after) => {
            lanes.retry(chain, now, asking, Cause::ServerError { status }, after);
        }
    }
}

/// A page for people to look at: that of a sign-in, as a rule (PROVIDERS O3). Servers name JSON in
/// several ways or not at all, so that anything else is left to its reader.
fn is_page(response: &Response<Bytes>) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|value| value.to_str().ok()).unwrap_or("");
    kind.to_ascii_lowercase().contains("html")
}
