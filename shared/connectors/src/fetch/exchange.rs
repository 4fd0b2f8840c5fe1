//! From an answer to a body worth reading: what every call to a provider has in common.

use super::lanes::Lanes;
use super::{Asking, Cause, ChainId, FetchError, Malformation, TransportFailure};
use bytes::Bytes;
use http::{Response, StatusCode, header};
use jiff::Timestamp;
use std::time::Duration;

/// What may help after an error answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Advice {
    /// Nothing: the same request will fail again.
    Final,
    /// The same request with fresh access, once.
    Refresh,
    /// The same request, after this long if the provider said so, else after a backoff.
    Retry(Cause, Option<Duration>),
}

/// An error answer, as each provider writes its own.
pub(crate) trait ErrorAnswer {
    /// Reads an answer whose status is not a success.
    fn read(response: &Response<Bytes>, now: Timestamp) -> Self;
    /// What may help.
    fn advice(&self) -> Advice;
}

/// What an answer turned out to be.
pub(crate) enum Answer<'a, E> {
    /// A success in JSON.
    Body(&'a [u8]),
    /// It was seen to: another attempt will come, or the conversation has failed, or nobody waits
    /// for it.
    Handled,
    /// A refusal which the caller may understand.
    Refused(E),
}

/// Sees to everything that does not depend on what was asked.
pub(crate) fn receive<'a, E: ErrorAnswer>(
    lanes: &mut Lanes,
    chain: ChainId,
    now: Timestamp,
    asking: Asking,
    response: Result<&'a Response<Bytes>, TransportFailure>,
) -> Answer<'a, E> {
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
    let error = E::read(response, now);
    match error.advice() {
        Advice::Final => return Answer::Refused(error),
        Advice::Refresh => lanes.token_refused(token_number),
        Advice::Retry(cause, after) => lanes.retry(chain, now, asking, cause, after),
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
