//! Building requests: queries, forms and the headers that every request has.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// The unreserved characters of RFC 3986 stand for themselves, everything else is encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Google compresses only for a `User-Agent` that names gzip (PROVIDERS 2.9).
const USER_AGENT: &str = "Rollcall (gzip)";

/// A request could not be put together: an access token or an id has characters that no header or
/// address may have.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a request could not be built from the values given")]
pub struct RequestError;

/// One text as part of a path or query.
pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// `name=value` pairs as a query or a form body.
pub(crate) fn encode_pairs(pairs: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        if !text.is_empty() {
            text.push('&');
        }
        text.extend(utf8_percent_encode(name, ENCODED));
        text.push('=');
        text.extend(utf8_percent_encode(value, ENCODED));
    }
    text
}

/// Reads a query or form; each value is decoded exactly once. Bytes that are not UTF-8 are
/// replaced, so that a comparison with a real value fails.
pub(crate) fn decode_pairs(query: &str) -> impl Iterator<Item = (String, String)> + '_ {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
}

fn decode(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

/// A `GET` with a bearer token.
pub(crate) fn get(address: &str, access_token: &str) -> Result<Request<Bytes>, RequestError> {
    get_authorized(address, &format!("Bearer {access_token}"))
}

/// A `GET` with this text as its authorization.
pub(crate) fn get_authorized(
    address: &str,
    authorization: &str,
) -> Result<Request<Bytes>, RequestError> {
    Request::builder()
        .method(Method::GET)
        .uri(address)
        .header(header::AUTHORIZATION, authorization)
        .header(header::ACCEPT, "application/json")
        .header(header::ACCEPT_ENCODING, "gzip")
        .header(header::USER_AGENT, USER_AGENT)
        .body(Bytes::new())
        .map_err(|_| RequestError)
}

/// The authorization of a name and a password.
pub(crate) fn basic(name: &str, password: &str) -> String {
    let pair = STANDARD.encode(format!("{name}:{password}"));
    format!("Basic {pair}")
}

/// A `GET` with a name and a password.
pub(crate) fn get_basic(
    address: &str,
    name: &str,
    password: &str,
) -> Result<Request<Bytes>, RequestError> {
    Request::builder()
        .method(Method::GET)
        .uri(address)
        .header(header::AUTHORIZATION, basic(name, password))
        .header(header::ACCEPT, "application/json")
        .header(header::USER_AGENT, USER_AGENT)
        .body(Bytes::new())
        .map_err(|_| RequestError)
}

/// A `GET` that anybody may send.
pub(crate) fn get_public(address: &str) -> Result<Request<Bytes>, RequestError> {
    Request::builder()
        .method(Method::GET)
        .uri(address)
        .header(header::ACCEPT, "application/json")
        .header(header::USER_AGENT, USER_AGENT)
        .body(Bytes::new())
        .map_err(|_| RequestError)
}

/// A `POST` of JSON with a bearer token.
pub(crate) fn post_json(
    address: &str,
    access_token: &str,
    body: &serde_json::Value,
) -> Result<Request<Bytes>, RequestError> {
    Request::builder()
        .method(Method::POST)
        .uri(address)
        .header(header::AUTHORIZATION, format!("Bearer {access_token}"))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, "application/json")
        .header(header::USER_AGENT, USER_AGENT)
        .body(Bytes::from(body.to_string()))
        .map_err(|_| RequestError)
}

/// A `POST` of a form.
pub(crate) fn post_form(
    address: &str,
    pairs: &[(&str, &str)],
) -> Result<Request<Bytes>, RequestError> {
    post_form_with(address, pairs, None)
}

/// A `POST` of a form, perhaps with an authorization.
pub(crate) fn post_form_with(
    address: &str,
    pairs: &[(&str, &str)],
    authorization: Option<&str>,
) -> Result<Request<Bytes>, RequestError> {
    let mut request = Request::builder().method(Method::POST).uri(address);
    if let Some(authorization) = authorization {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    request
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, "application/json")
        .header(header::USER_AGENT, USER_AGENT)
        .body(Bytes::from(encode_pairs(pairs)))
        .map_err(|_| RequestError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_read_back_as_they_were_written() {
        let text = encode_pairs(&[("q", "orgUnitPath='/A & B/C+D'"), ("é", "=")]);
        assert_eq!(
            text,
            "q=orgUnitPath%3D%27%2FA%20%26%20B%2FC%2BD%27&%C3%A9=%3D"
        );
        let back: Vec<_> = decode_pairs(&text).collect();
        assert_eq!(
            back,
            [
                ("q".to_owned(), "orgUnitPath='/A & B/C+D'".to_owned()),
                ("é".to_owned(), "=".to_owned())
            ]
        );
    }

    #[test]
    fn a_code_with_a_slash_is_decoded_once() {
        let pairs: Vec<_> = decode_pairs("code=4%2F0A%252F&state=a+b&&flag").collect();
        assert_eq!(pairs[0].1, "4/0A%2F");
        assert_eq!(pairs[1].1, "a b");
        assert_eq!(pairs[2], ("flag".to_owned(), String::new()));
    }

    #[test]
    fn a_token_that_would_break_a_header_gives_no_request() {
        assert_eq!(
            get("https://a.example/", "x\r\ny").map(|_| ()),
            Err(RequestError)
        );
    }
}
