//! Requests to other servers and to other components.

use crate::Platform;
use bytes::Bytes;
use engine::ports::{Transport, TransportError};
use flate2::read::GzDecoder;
use futures::future::{Either, select};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http_body_util::BodyExt;
use spin_sdk::http::{FullBody, IncomingMessage};
use spin_sdk::wasip3::http::types::ErrorCode;
use std::io::Read;
use std::pin::pin;
use std::time::Duration;

/// How long a whole exchange may take. Some hosts end a request of ours after 30 s; a slice has
/// to note where it is before that.
const EXCHANGE_FOR_MAX: Duration = Duration::from_secs(20);

impl Transport for Platform {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        body_bytes_max: usize,
    ) -> Result<http::Response<Bytes>, TransportError> {
        send(request, body_bytes_max).await
    }
}

/// Sends a request and reads the whole answer, decompressed.
pub async fn send(
    request: http::Request<Bytes>,
    body_bytes_max: usize,
) -> Result<http::Response<Bytes>, TransportError> {
    let exchange = pin!(exchange(request, body_bytes_max));
    let timeout = pin!(spin_sdk::time::sleep(EXCHANGE_FOR_MAX));
    match select(exchange, timeout).await {
        Either::Left((answer, _)) => answer,
        Either::Right(((), _)) => Err(TransportError::Failed),
    }
}

async fn exchange(
    request: http::Request<Bytes>,
    body_bytes_max: usize,
) -> Result<http::Response<Bytes>, TransportError> {
    let response = spin_sdk::http::send(request.map(FullBody::new))
        .await
        .map_err(|code| to_error(&code))?;
    let (mut parts, mut body) = response.into_parts();
    let body = read_limited(&mut body, body_bytes_max).await?;
    let body = match parts.headers.remove(CONTENT_ENCODING) {
        Some(encoding) if encoding.as_bytes().eq_ignore_ascii_case(b"gzip") => {
            parts.headers.remove(CONTENT_LENGTH);
            inflate(&body, body_bytes_max)?
        }
        Some(encoding) if !encoding.as_bytes().eq_ignore_ascii_case(b"identity") => {
            return Err(TransportError::Encoding);
        }
        _ => body,
    };
    Ok(http::Response::from_parts(parts, body))
}

/// Reads a body, refusing one that is larger than the limit as soon as that shows.
pub(crate) async fn read_limited<T: IncomingMessage>(
    body: &mut spin_sdk::wasip3::http_compat::IncomingBody<T>,
    body_bytes_max: usize,
) -> Result<Bytes, TransportError> {
    let mut all = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|code| to_error(&code))?;
        if let Ok(data) = frame.into_data() {
            if all.len() + data.len() > body_bytes_max {
                return Err(TransportError::BodyTooLarge {
                    limit: body_bytes_max,
                });
            }
            all.extend_from_slice(&data);
        }
    }
    Ok(Bytes::from(all))
}

/// Reads the rest of a body and forgets it, up to so many bytes.
pub(crate) async fn drain<T: IncomingMessage>(
    body: &mut spin_sdk::wasip3::http_compat::IncomingBody<T>,
    bytes_max: usize,
) {
    let mut drained = 0;
    while let Some(Ok(frame)) = body.frame().await {
        drained += frame.into_data().map_or(0, |data| data.len());
        if drained > bytes_max {
            return;
        }
    }
}

/// How much larger than its compressed bytes an answer is taken to be at most, before it shows.
const INFLATION_EXPECTED: usize = 16;

fn inflate(body: &[u8], body_bytes_max: usize) -> Result<Bytes, TransportError> {
    // The last four bytes say how large it is; room made at once is not made again and again.
    let said = body
        .last_chunk()
        .map_or(0, |size| u32::from_le_bytes(*size));
    let expected = body.len().saturating_mul(INFLATION_EXPECTED);
    let room = usize::try_from(said).unwrap_or(usize::MAX).min(expected);
    let mut inflated = Vec::with_capacity(room.min(body_bytes_max) + 1);
    let limit = body_bytes_max as u64 + 1;
    GzDecoder::new(body)
        .take(limit)
        .read_to_end(&mut inflated)
        .map_err(|_| TransportError::Encoding)?;
    if inflated.len() > body_bytes_max {
        return Err(TransportError::BodyTooLarge {
            limit: body_bytes_max,
        });
    }
    Ok(Bytes::from(inflated))
}

fn to_error(code: &ErrorCode) -> TransportError {
    let is_denied = matches!(
        code,
        ErrorCode::HttpRequestDenied
            | ErrorCode::HttpRequestUriInvalid
            | ErrorCode::DestinationIpProhibited
            | ErrorCode::HttpRequestMethodInvalid
    );
    if is_denied {
        TransportError::Denied
    } else {
        TransportError::Failed
    }
}
