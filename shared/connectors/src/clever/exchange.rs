//! From an answer of Clever's to a body worth reading.

use super::errors::{ApiError, exhausted_until};
use crate::fetch::exchange;
use crate::fetch::lanes::Lanes;
use crate::fetch::{Asking, ChainId, TransportFailure};
use bytes::Bytes;
use http::Response;
use jiff::Timestamp;

pub(super) use crate::fetch::exchange::{Answer, malformed};

/// Sees to everything that does not depend on what was asked. The last answer that Clever allows
/// before its limit holds every chain, so that the limit is not met (PROVIDERS 4.6).
pub(super) fn receive<'a>(
    lanes: &mut Lanes,
    chain: ChainId,
    now: Timestamp,
    asking: Asking,
    response: Result<&'a Response<Bytes>, TransportFailure>,
) -> Answer<'a, ApiError> {
    if let Some(until) = response.ok().and_then(|one| exhausted_until(one, now)) {
        lanes.pause(now, until);
    }
    exchange::receive(lanes, chain, now, asking, response)
}
