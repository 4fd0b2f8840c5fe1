//! Questions that another component answers: its answer is the client's, byte for byte.

use crate::ports::Transport;
use crate::problem::{MEDIA_TYPE, Problem};
use crate::slices::{self, CallError};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

/// Longest answer of a component, in bytes: a district's tree of org units.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Asks a component, by its id, and passes on what it answers: what was asked for or a problem
/// document. Anything else comes from the platform and is of no use to a client.
pub(super) async fn pass_on<Q: Serialize>(
    transport: &impl Transport,
    component: &str,
    path: &str,
    question: &Q,
) -> Result<http::Response<Bytes>, Problem> {
    let request = slices::request(component, path, question)?;
    let answer = transport.send(request, ANSWER_BYTES_MAX).await;
    let (parts, body) = answer.map_err(CallError::Unreachable)?.into_parts();
    let media_type = match parts.headers.get(CONTENT_TYPE) {
        Some(found) if found.as_bytes() == MEDIA_TYPE.as_bytes() => MEDIA_TYPE,
        _ if parts.status == StatusCode::OK => "application/json",
        _ => return Err(CallError::Status(parts.status.as_u16()).into()),
    };
    let mut response = http::Response::new(body);
    *response.status_mut() = parts.status;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    Ok(response)
}
