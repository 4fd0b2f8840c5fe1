//! The frame of a component: reads the request, calls the door, encodes the answer.

use crate::outbound::{drain, read_limited};
use crate::{Platform, send};
use bytes::Bytes;
use engine::doors::nudge::{Delivery, Nudge};
use engine::ports::{Chunks, TransportError};
use engine::problem::{Kind, Problem};
use http_body_util::BodyExt;
use spin_sdk::http::{FullBody, Request};
use spin_sdk::wasip3::http_compat::IncomingBody;

/// What a component answers.
pub type Handled = http::Response<FullBody<Bytes>>;

/// Longest answer of a nudged component that is looked at.
const NUDGE_BYTES_MAX: usize = 64 * 1024;

/// How much of a body over the limit is read and forgotten before the answer.
const DRAINED_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Reads a request of at most `body_bytes_max` bytes, calls the door with it, and answers.
///
/// A door that wants work to start sooner than the next tick leaves a [`Nudge`] in the answer's
/// extensions; it is carried out after the answer. Should it be lost, the tick does the work. So
/// is a [`Delivery`].
pub async fn serve(
    request: Request,
    body_bytes_max: usize,
    door: impl AsyncFnOnce(&Platform, http::Request<Bytes>) -> http::Response<Bytes>,
) -> Handled {
    let (parts, mut body) = request.into_parts();
    let response = match read_limited(&mut body, body_bytes_max).await {
        Ok(body) => door(&Platform::new(), http::Request::from_parts(parts, body)).await,
        Err(TransportError::BodyTooLarge { limit }) => {
            // A server that stops reading closes the connection, and a client that is still
            // sending would never see the answer.
            drain(&mut body, DRAINED_BYTES_MAX).await;
            let detail = format!("the request may have at most {limit} bytes");
            Problem::new(Kind::TooLarge, detail).to_response()
        }
        Err(_) => {
            Problem::new(Kind::BadRequest, "the request's body could not be read").to_response()
        }
    };
    respond(response)
}

/// Serves a request whose body the door reads as it comes; nothing of it is held here.
pub async fn serve_streaming(
    request: Request,
    door: impl AsyncFnOnce(&Platform, http::request::Parts, Body<'_>) -> http::Response<Bytes>,
) -> Handled {
    let (parts, mut body) = request.into_parts();
    respond(door(&Platform::new(), parts, Body(&mut body)).await)
}

/// A request's body on its way in.
pub struct Body<'a>(&'a mut IncomingBody<spin_sdk::wasip3::http::types::Request>);

impl Chunks for Body<'_> {
    async fn next(&mut self) -> Option<Result<Bytes, TransportError>> {
        loop {
            let Ok(frame) = self.0.frame().await? else {
                return Some(Err(TransportError::Failed));
            };
            // Trailers say nothing to us.
            if let Ok(data) = frame.into_data() {
                return Some(Ok(data));
            }
        }
    }
}

/// Starts what the door wants to happen after the answer, and answers.
fn respond(mut response: http::Response<Bytes>) -> Handled {
    let extensions = response.extensions_mut();
    let nudge = extensions.remove::<Nudge>().map(Nudge::into_request);
    let delivery = extensions.remove::<Delivery>().map(Delivery::into_request);
    for request in nudge.into_iter().chain(delivery) {
        spin_sdk::wasip3::spawn(async move {
            // A lost nudge costs a minute at most, until the next tick.
            let _ = send(request, NUDGE_BYTES_MAX).await;
        });
    }
    response.map(FullBody::new)
}
