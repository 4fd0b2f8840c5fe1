//! From an answer to a body worth reading: what every call to the Directory API has in common.

use super::errors::{ApiError, Reason, RetryAdvice};
use crate::fetch::lanes::Lanes;
use crate::fetch::{Asking, Cause, ChainId, FetchError, Malformation, TransportFailure};
use bytes::Bytes;
use http::{Response, StatusCode, header};
use jiff::Timestamp;

/// What an answer turned out to be.
pub(crate) enum Answer<'a> {
    /// A success in JSON.
    Body(&'a [u8]),
    /// It was seen to: another attempt will come, or the conversation has failed, or nobody waits
    /// for it.
    Handled,
    /// A refusal which the caller may understand.
    Refused(ApiError),
}

/// Sees to everything that does not depend on what was asked.
pub(crate) fn receive<'a>(
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
        Err(failure) => {
            transport_failed(lanes, chain, now, asking, failure);
            return Answer::Handled;
        }
    };
    if response.status() == StatusCode::OK {
        lanes.token_accepted(token_number);
        if is_json(response) {
            return Answer::Body(response.body());
        }
        let cause = Cause::Malformed(Malformation::NotJson);
        lanes.retry(chain, now, asking, cause, None);
        return Answer::Handled;
    }
    let error = ApiError::parse(response);
    match error.retry {
        RetryAdvice::Refresh => lanes.token_refused(token_number),
        RetryAdvice::After(after) => {
            let cause = if error.reason == Reason::RateLimited {
                Cause::RateLimited
            } else {
                Cause::ServerError {
                    status: error.status,
                }
            };
            lanes.retry(chain, now, asking, cause, after);
        }
        RetryAdvice::No => return Answer::Refused(error),
    }
    Answer::Handled
}

/// A success whose body can't be what it says.
pub(crate) fn malformed(
    lanes: &mut Lanes,
    chain: ChainId,
    now: Timestamp,
    asking: Asking,
    malformation: Malformation,
) {
    lanes.retry(chain, now, asking, Cause::Malformed(malformation), None);
}

fn transport_failed(
    lanes: &mut Lanes,
    chain: ChainId,
    now: Timestamp,
    asking: Asking,
    failure: TransportFailure,
) {
    match failure {
        TransportFailure::BodyTooLarge { limit } => {
            lanes.fail(FetchError::AnswerTooLarge { asking, limit });
        }
        TransportFailure::Denied => lanes.fail(FetchError::Blocked),
        TransportFailure::Encoding => {
            malformed(lanes, chain, now, asking, Malformation::Truncated);
        }
        TransportFailure::Failed => lanes.retry(chain, now, asking, Cause::Connection, None),
    }
}

fn is_json(response: &Response<Bytes>) -> bool {
    response
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}
