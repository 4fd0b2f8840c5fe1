//! The userinfo endpoint (OpenID Connect Core section 5.3), which takes a bearer token in the header
//! alone (RFC 6750 section 2.1).

use crate::doors::json;
use crate::oidc::{self, BearerFault};
use crate::ports::Ports;
use crate::problem::Problem;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};

/// Longest `Authorization` header looked at, in bytes.
const HEADER_BYTES_MAX: usize = 512;

/// Serves `/oidc/userinfo`.
pub(super) async fn serve<P: Ports>(
    ports: &P,
    request: &http::Request<Bytes>,
) -> http::Response<Bytes> {
    let token = match bearer(request.headers()) {
        Ok(Some(token)) => token,
        Ok(None) => return challenge(StatusCode::UNAUTHORIZED, None, "an access token is needed"),
        Err(reason) => return challenge(StatusCode::BAD_REQUEST, Some("invalid_request"), reason),
    };
    match oidc::claims_of(ports, token).await {
        Ok(claims) => json(StatusCode::OK, &claims),
        Err(fault @ BearerFault::Token) => {
            let text = fault.to_string();
            challenge(StatusCode::UNAUTHORIZED, Some("invalid_token"), &text)
        }
        Err(BearerFault::Engine(error)) => Problem::from(error).to_response(),
    }
}

/// The token, if a usable one is sent. Somebody who sends none is not told of an error (RFC 6750
/// section 3.1).
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, &'static str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err("the header authorization is there twice");
    }
    let text = value
        .to_str()
        .ok()
        .filter(|_| value.len() <= HEADER_BYTES_MAX);
    let text = text.ok_or("the header authorization can't be read")?;
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Ok(None);
    }
    let token = token.trim();
    if token.is_empty() || token.contains(' ') {
        return Err("the header authorization has no token");
    }
    Ok(Some(token))
}

fn challenge(status: StatusCode, error: Option<&str>, text: &str) -> http::Response<Bytes> {
    let body = serde_json::json!({"error": error, "error_description": text});
    let mut response = json(status, &body);
    let challenge = match error {
        None => "Bearer realm=\"rollcall\"".to_owned(),
        Some(error) => {
            format!("Bearer realm=\"rollcall\", error=\"{error}\", error_description=\"{text}\"")
        }
    };
    if let Ok(challenge) = HeaderValue::from_str(&challenge) {
        let headers = response.headers_mut();
        headers.insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}
