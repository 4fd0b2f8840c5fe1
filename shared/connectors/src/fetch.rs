//! Reading a provider whole, page by page, without doing I/O (DESIGN sections 3 and 4).
//!
//! A [`Connector`] says what to send and reads what came back. Its driver loops: [`poll`], send
//! every request it is given (as many at a time as it is given before [`Poll::Busy`]), hand each
//! answer to [`handle_response`], keep the batch and then the state, until [`Poll::Done`].
//!
//! What is under way is not part of a stored state: a restored connector asks again for the pages
//! whose answers it has not seen. Keep a batch under its chain and page number, and asking twice
//! changes nothing.
//!
//! [`poll`]: Connector::poll
//! [`handle_response`]: Connector::handle_response

mod batch;
mod complete;
mod error;
pub(crate) mod exchange;
pub(crate) mod lanes;
mod look;
mod presence;
pub(crate) mod seen;

pub use batch::{Batch, OrgUnit};
pub use complete::{ChainCount, CompleteRead, Doubt, Totals};
pub use error::{Asking, Cause, FetchError, Loop, Malformation, Refusal};
pub use lanes::{
    ATTEMPTS_MAX, MALFORMED_ATTEMPTS_MAX, RETRY_AFTER_MAX, WINDOW_DEFAULT, WINDOW_MAX,
};
pub use look::{ById, Sight, Sighting, Whom};
pub use presence::Presence;

use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One chain of pages within a fetch; chains are independent of each other.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChainId(pub u32);

impl fmt::Display for ChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What the driver of a connector has to do next.
#[derive(Debug)]
// On 32 bits, as in a component, the variants are not that different.
#[cfg_attr(
    target_pointer_width = "64",
    expect(
        clippy::large_enum_variant,
        reason = "a poll is looked at once and dropped; most of them are the large variant"
    )
)]
pub enum Poll<C> {
    /// Everything that may be sent is under way: wait for an answer.
    Busy,
    /// It is finished. Polling again says so again.
    Done(C),
    /// It has failed for good. Polling again says so again.
    Failed(FetchError),
    /// The provider did not accept the access given: get it afresh, then call
    /// [`Connector::token_refreshed`].
    NeedsToken,
    /// Send this and hand the answer to [`Connector::handle_response`].
    Send {
        /// Where the answer belongs.
        chain: ChainId,
        /// What to send; it carries the access token.
        request: Request<Bytes>,
        /// Refuse a larger answer, in bytes after decompression.
        body_bytes_max: usize,
    },
    /// Nothing is under way and nothing may be sent before this time.
    WaitUntil(Timestamp),
}

/// Why there is no answer to a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TransportFailure {
    /// The answer was larger than allowed.
    #[error("the answer was larger than {limit} bytes")]
    BodyTooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The host is not on the list that may be reached.
    #[error("the address may not be reached from here")]
    Denied,
    /// The answer could not be decompressed.
    #[error("the answer could not be decompressed")]
    Encoding,
    /// Connecting, sending or receiving failed, or took too long.
    #[error("the connection failed")]
    Failed,
}

/// A conversation with a provider as a state machine.
pub trait Connector {
    /// What the provider wants to see with each request: the text of an access token, or whatever
    /// else requests are made with. Never part of the stored state.
    type Access: ?Sized;
    /// What one answer yields.
    type Batch;
    /// What the whole conversation yields.
    type Complete;

    /// What to do next. `access` is used only for a request that is returned.
    fn poll(&mut self, now: Timestamp, access: &Self::Access) -> Poll<Self::Complete>;

    /// Reads the answer to the request of this chain. Everything that went wrong shows at the
    /// next [`Connector::poll`]; the batch is then empty. An answer that nobody waits for is
    /// ignored.
    fn handle_response(
        &mut self,
        chain: ChainId,
        now: Timestamp,
        response: Result<&Response<Bytes>, TransportFailure>,
    ) -> Self::Batch;

    /// From now on `poll` is given fresh access.
    fn token_refreshed(&mut self);
}
