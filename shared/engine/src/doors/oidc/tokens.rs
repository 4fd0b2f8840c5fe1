//! The token endpoint (RFC 6749 section 3.2) and the revocation endpoint (RFC 7009): forms in, JSON
//! out, errors in the form of RFC 6749 section 5.2.

use crate::doors::json;
use crate::oidc::signing::SigningError;
use crate::oidc::{self, Credentials, Parameters, TokenFault};
use crate::ports::{Ports, VariableError};
use crate::problem::{Kind, Problem};
use crate::settings::{self, Secret};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;

/// Longest `Authorization` header looked at, in bytes.
const HEADER_BYTES_MAX: usize = 1_024;

/// Serves `/oidc/token`.
pub(super) async fn exchange<P: Ports>(
    ports: &P,
    request: &http::Request<Bytes>,
) -> http::Response<Bytes> {
    let issued = async {
        let (credentials, parameters) = read(request)?;
        let issuer = settings::public_url(ports).await.map_err(unset)?;
        let seal_keys = settings::seal_keys(ports).await.map_err(unset)?;
        oidc::exchange(ports, (&issuer, &seal_keys), &credentials, &parameters).await
    };
    match issued.await {
        Ok(issued) => json(StatusCode::OK, &issued),
        Err(fault) => refused(&fault),
    }
}

/// Serves `/oidc/revoke`.
pub(super) async fn revoke<P: Ports>(
    ports: &P,
    request: &http::Request<Bytes>,
) -> http::Response<Bytes> {
    let revoked = async {
        let (credentials, parameters) = read(request)?;
        oidc::revoke(ports, &credentials, &parameters).await
    };
    match revoked.await {
        Ok(()) => json(StatusCode::OK, &serde_json::json!({})),
        Err(fault) => refused(&fault),
    }
}

fn unset(error: VariableError) -> TokenFault {
    crate::error::Error::from(error).into()
}

fn read(request: &http::Request<Bytes>) -> Result<(Credentials, Parameters), TokenFault> {
    let is_form = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|media| {
            media
                .trim()
                .eq_ignore_ascii_case("application/x-www-form-urlencoded")
        });
    if !is_form {
        let reason = "send a form: content-type application/x-www-form-urlencoded";
        return Err(TokenFault::Request(reason));
    }
    let parameters = Parameters::parse(request.body());
    let parameters = parameters.ok_or(TokenFault::Request("the form is too long"))?;
    let basic = basic(request.headers())?;
    Ok((Credentials { basic }, parameters))
}

/// Id and secret, which are each encoded as in a form before they are joined (RFC 6749 section
/// 2.3.1).
fn basic(headers: &HeaderMap) -> Result<Option<(String, Secret)>, TokenFault> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() || value.len() > HEADER_BYTES_MAX {
        return Err(TokenFault::Client);
    }
    let read = || {
        let (scheme, text) = value.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let bytes = STANDARD.decode(text.trim()).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let (id, secret) = text.split_once(':')?;
        Some((decode(id)?, Secret::new(decode(secret)?)))
    };
    read().map(Some).ok_or(TokenFault::Client)
}

fn decode(text: &str) -> Option<String> {
    let text = text.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&text).decode_utf8();
    decoded.ok().map(std::borrow::Cow::into_owned)
}

#[derive(Serialize)]
struct Refused {
    error: &'static str,
    error_description: String,
}

fn refused(fault: &TokenFault) -> http::Response<Bytes> {
    let (status, error) = match fault {
        TokenFault::Client => (StatusCode::UNAUTHORIZED, "invalid_client"),
        TokenFault::Grant(_) => (StatusCode::BAD_REQUEST, "invalid_grant"),
        TokenFault::GrantType => (StatusCode::BAD_REQUEST, "unsupported_grant_type"),
        TokenFault::Request(_) => (StatusCode::BAD_REQUEST, "invalid_request"),
        TokenFault::Scope => (StatusCode::BAD_REQUEST, "invalid_scope"),
        TokenFault::Signing(error) => failed(error),
    };
    let refused = Refused {
        error,
        error_description: fault.to_string(),
    };
    let mut response = json(status, &refused);
    if status == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static("Basic realm=\"rollcall\"");
        let headers = response.headers_mut();
        headers.insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

/// RFC 6749 has no words for our own faults here; those of the authorization endpoint fit.
fn failed(error: &SigningError) -> (StatusCode, &'static str) {
    let problem = Problem::from(error.clone());
    let error = if problem.kind == Kind::Unavailable {
        "temporarily_unavailable"
    } else {
        "server_error"
    };
    (problem.kind.status(), error)
}
