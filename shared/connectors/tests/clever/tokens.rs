//! District tokens.

use super::district::{DISTRICT, raw};
use bytes::Bytes;
use connectors::base_url::BaseUrl;
use connectors::clever::tokens::{
    OAUTH_URL, TokenError, parse_tokens_response, token_of, tokens_request,
};
use http::Response;
use serde_json::{Value, json};
use std::time::Duration;

fn token(district: &str, token: &str, created: &str, scopes: &Value) -> Value {
    json!({ "id": "x", "created": created, "owner": { "type": "district", "id": district },
        "access_token": token, "scopes": scopes })
}

fn answer(tokens: &[Value]) -> Response<Bytes> {
    let body = json!({ "data": tokens, "links": [{ "rel": "self", "uri": "x" }] });
    raw(200, "application/json", &body.to_string())
}

fn roster() -> Value {
    json!(["read:district_admins", "read:students", "read:user_id"])
}

#[test]
fn the_list_is_asked_for_with_the_clients_own_secret() {
    let url = BaseUrl::parse(OAUTH_URL).unwrap();
    let request = tokens_request(&url, "id", "s:é", Some("5f&x")).unwrap();
    assert_eq!(
        request.uri().to_string(),
        "https://clever.com/oauth/tokens?owner_type=district&district=5f%26x"
    );
    assert_eq!(request.headers()["authorization"], "Basic aWQ6czrDqQ==");
    let all = tokens_request(&url, "id", "s", None).unwrap();
    assert_eq!(all.uri().query(), Some("owner_type=district"));
}

#[test]
fn the_newest_token_of_the_district_is_the_one() {
    let tokens = parse_tokens_response(&answer(&[
        token("other", "t0", "2026-08-02T15:04:05.000Z", &roster()),
        token(DISTRICT, "t1", "2026-07-02T15:04:05.000Z", &roster()),
        token(DISTRICT, "t2", "2026-08-01T15:04:05.000Z", &roster()),
        token(DISTRICT, "t3", "not a time", &roster()),
        json!({ "owner": { "type": "school", "id": DISTRICT }, "access_token": "t4" }),
    ]));
    let tokens = tokens.unwrap();
    assert_eq!(tokens.len(), 4);
    assert_eq!(token_of(&tokens, DISTRICT).unwrap().access_token, "t2");
    assert_eq!(
        token_of(&tokens, "third"),
        Err(TokenError::DistrictNotShared)
    );
    assert_eq!(token_of(&[], DISTRICT), Err(TokenError::DistrictNotShared));
}

#[test]
fn c9_a_token_without_secure_sync_is_none() {
    for (scopes, is_enough) in [
        (json!(["read:user_id"]), false),
        (json!([]), false),
        (json!(["openid"]), false),
        (json!(["read:user_id", "read:sis"]), true),
        (json!(null), true),
    ] {
        let tokens = parse_tokens_response(&answer(&[token(DISTRICT, "t", "x", &scopes)])).unwrap();
        let found = token_of(&tokens, DISTRICT);
        if is_enough {
            assert!(found.is_ok(), "{scopes}");
        } else {
            assert_eq!(found, Err(TokenError::NoSecureSync), "{scopes}");
        }
    }
}

#[test]
fn a_token_is_never_printed() {
    let tokens = answer(&[token(DISTRICT, "secret", "x", &roster())]);
    let printed = format!("{:?}", parse_tokens_response(&tokens).unwrap());
    assert!(
        printed.contains(DISTRICT) && !printed.contains("secret"),
        "{printed}"
    );
}

#[test]
fn c14_an_answer_that_can_not_be_read_is_not_a_district_that_left() {
    let no_header = token(DISTRICT, "a\nb", "x", &roster());
    for response in [
        raw(200, "text/html", "<html></html>"),
        raw(200, "application/json", "{\"data\":["),
        raw(200, "application/json", "{}"),
        raw(200, "application/json", "[]"),
        answer(&[json!({})]),
        answer(&[token(DISTRICT, "t", "x", &roster()), json!(null)]),
        answer(&[no_header]),
        answer(&[token(DISTRICT, "", "x", &roster())]),
        answer(&[token("", "t", "x", &roster())]),
    ] {
        assert_eq!(parse_tokens_response(&response), Err(TokenError::Malformed));
    }
}

#[test]
fn errors_say_whose_turn_it_is() {
    let mut slow = raw(429, "text/plain", "");
    slow.headers_mut()
        .insert("retry-after", "30".parse().unwrap());
    let retry_after = Some(Duration::from_secs(30));
    for (response, error) in [
        (raw(401, "text/html", ""), TokenError::InvalidClient),
        (slow, TokenError::Transient { retry_after }),
        (
            raw(502, "text/html", "<html>"),
            TokenError::Transient { retry_after: None },
        ),
        (
            raw(404, "text/html", "<html>"),
            TokenError::Refused { status: 404 },
        ),
        (
            raw(302, "text/html", ""),
            TokenError::Refused { status: 302 },
        ),
    ] {
        assert_eq!(parse_tokens_response(&response), Err(error));
    }
}
