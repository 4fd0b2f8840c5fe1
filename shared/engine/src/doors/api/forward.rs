//! Questions that another component answers: its answer is the client's, byte for byte.

use super::call::Call;
use crate::doors::roster::ACTOR_HEADER;
use crate::ports::{Ports, Transport};
use crate::problem::{MEDIA_TYPE, Problem};
use crate::slices::{self, CallError};
use bytes::Bytes;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use serde::Serialize;

/// Longest answer of a component, in bytes: a district's tree of org units.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Hands a request over to a component, by its id, as it came, and passes on what it answers.
pub(super) async fn hand_over<P: Ports>(
    call: &Call<'_, P>,
    component: &str,
) -> Result<http::Response<Bytes>, Problem> {
    let from = call.request;
    let path = from
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str());
    let actor = serde_json::to_vec(&call.actor()?).unwrap_or_default();
    let mut request = http::Request::builder()
        .method(from.method())
        .uri(format!("http://{component}.spin.internal{path}"))
        .header(ACTOR_HEADER, actor)
        .body(from.body().clone())
        .map_err(|_| CallError::Malformed)?;
    if let Some(media_type) = from.headers().get(CONTENT_TYPE) {
        request
            .headers_mut()
            .insert(CONTENT_TYPE, media_type.clone());
    }
    answer(call.ports, request).await
}

/// Asks a component, by its id, and passes on what it answers.
pub(super) async fn pass_on<Q: Serialize>(
    transport: &impl Transport,
    component: &str,
    path: &str,
    question: &Q,
) -> Result<http::Response<Bytes>, Problem> {
    answer(transport, slices::request(component, path, question)?).await
}

/// What a component answers: what was asked for or a problem document. Anything else comes from
/// the platform and is of no use to a client.
async fn answer(
    transport: &impl Transport,
    request: http::Request<Bytes>,
) -> Result<http::Response<Bytes>, Problem> {
    let answer = transport.send(request, ANSWER_BYTES_MAX).await;
    let (parts, body) = answer.map_err(CallError::Unreachable)?.into_parts();
    let media_type = match parts.headers.get(CONTENT_TYPE) {
        Some(found) if found.as_bytes() == MEDIA_TYPE.as_bytes() => MEDIA_TYPE,
        _ if parts.status.is_success() => "application/json",
        _ => return Err(CallError::Status(parts.status.as_u16()).into()),
    };
    let mut response = http::Response::new(body);
    *response.status_mut() = parts.status;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    if let Some(location) = parts.headers.get(LOCATION) {
        headers.insert(LOCATION, location.clone());
    }
    Ok(response)
}
