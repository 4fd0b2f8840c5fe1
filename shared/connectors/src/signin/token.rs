//! A code for a token, as Clever and ClassLink answer (PROVIDERS 4.2 and 5.1). Neither documents
//! its errors fully, so they are told by status, and by words where there are some.

use super::{ANSWER_BYTES_MAX, SignInError};
use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Map, Value};
use std::fmt;

/// Longest token accepted, in bytes. Those of both providers have some 40.
const TOKEN_BYTES_MAX: usize = 8 * 1_024;

/// A person's token, for a question about that person. Printing it does not show it.
#[derive(Clone, Eq, PartialEq)]
pub struct BearerToken(String);

impl BearerToken {
    /// The token as it goes into a header: visible ASCII, and not endless.
    fn parse(text: &str) -> Option<Self> {
        let is_usable = !text.is_empty()
            && text.len() <= TOKEN_BYTES_MAX
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_usable.then(|| Self(text.to_owned()))
    }

    /// The token as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BearerToken").finish_non_exhaustive()
    }
}

/// Reads the answer to a code.
pub(crate) fn parse_token_response(response: &Response<Bytes>) -> Result<BearerToken, SignInError> {
    if let Some(trouble) = SignInError::trouble(response) {
        return Err(trouble);
    }
    let status = response.status();
    let fields = fields(response);
    if status != StatusCode::OK {
        return Err(refusal(status, &fields.unwrap_or_default()));
    }
    let fields = fields.ok_or(SignInError::Malformed)?;
    if !text(&fields, "error").is_empty() {
        return Err(refusal(StatusCode::BAD_REQUEST, &fields));
    }
    let is_bearer = match fields.get("token_type") {
        None => true,
        Some(kind) => kind
            .as_str()
            .is_some_and(|kind| kind.eq_ignore_ascii_case("bearer")),
    };
    let token = BearerToken::parse(text(&fields, "access_token"));
    token.filter(|_| is_bearer).ok_or(SignInError::Malformed)
}

fn fields(response: &Response<Bytes>) -> Option<Map<String, Value>> {
    let body = response.body();
    let is_read = body.len() <= ANSWER_BYTES_MAX;
    is_read.then(|| serde_json::from_slice(body).ok()).flatten()
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> &'a str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// What a refusal means. A code that is not accepted is by far the most frequent one, so that is
/// what a bad request means unless it says otherwise.
fn refusal(status: StatusCode, fields: &Map<String, Value>) -> SignInError {
    // `invalid_grant` is written with a space too.
    let error = text(fields, "error").to_ascii_lowercase().replace('_', " ");
    let message = text(fields, "message").to_ascii_lowercase();
    let says = |words: &str| error.starts_with(words);
    let other = SignInError::Refused {
        status: status.as_u16(),
    };
    if says("invalid client") || says("unauthorized client") {
        return SignInError::Client;
    }
    if says("invalid grant") {
        return SignInError::Code;
    }
    let is_about_us = [
        "invalid request",
        "invalid scope",
        "redirect",
        "unsupported",
    ];
    if is_about_us.into_iter().any(says) {
        return other;
    }
    match status {
        StatusCode::BAD_REQUEST => SignInError::Code,
        StatusCode::UNAUTHORIZED if message.contains("code") => SignInError::Code,
        StatusCode::UNAUTHORIZED => SignInError::Client,
        _ => other,
    }
}
