//! A code for a token: both providers answer alike, and neither says all it could.

use super::{JSON, json, raw};
use bytes::Bytes;
use connectors::signin::{ANSWER_BYTES_MAX, BearerToken, Remedy, SignInError};
use connectors::{classlink, clever};
use http::Response;
use serde_json::{Value, json};
use std::time::Duration;

fn parse(response: &Response<Bytes>) -> Result<BearerToken, SignInError> {
    let clever = clever::signin::parse_token(response);
    assert_eq!(clever, classlink::parse_token(response));
    clever
}

fn given(change: impl FnOnce(&mut Value)) -> Response<Bytes> {
    let mut body = json!({ "access_token": "ilDEMO0a1b2c3d4e5f", "token_type": "bearer" });
    change(&mut body);
    json(200, &body)
}

#[test]
fn a_token_is_read_and_never_printed() {
    let token = parse(&given(|_| {})).unwrap();
    assert!(!format!("{token:?}").contains("DEMO"));
    let others = [
        given(|body| body["token_type"] = json!("Bearer")),
        given(|body| drop(body.as_object_mut().unwrap().remove("token_type"))),
        given(|body| {
            body["response_type"] = json!("code");
            body["id_token"] = json!("a.b.c");
            body["error"] = json!(null);
        }),
    ];
    for answer in others {
        assert_eq!(parse(&answer).as_ref(), Ok(&token));
    }
}

#[test]
fn a_success_that_can_be_none_is_malformed() {
    let long = format!(
        "{{\"access_token\":\"t\",\"x\":\"{}\"}}",
        "x".repeat(ANSWER_BYTES_MAX)
    );
    let deep = format!(
        "{{\"access_token\":\"t\",\"x\":{}{}}}",
        "[".repeat(5_000),
        "]".repeat(5_000)
    );
    let answers = [
        raw(200, "text/html", "<html><body>Sign in</body></html>"),
        raw(200, JSON, ""),
        raw(200, JSON, "{}"),
        raw(200, JSON, "null"),
        raw(200, JSON, "[\"ilDEMO\",\"bearer\"]"),
        raw(200, JSON, "{\"access_token\":\"il"),
        raw(200, JSON, &long),
        raw(200, JSON, &deep),
        given(|body| body["access_token"] = json!("")),
        given(|body| body["access_token"] = json!(7)),
        given(|body| body["access_token"] = json!("a\r\nX-Evil: 1")),
        given(|body| body["access_token"] = json!("ä")),
        given(|body| body["access_token"] = json!("x".repeat(8 * 1_024 + 1))),
        given(|body| body["token_type"] = json!("mac")),
        given(|body| body["token_type"] = json!(["bearer"])),
    ];
    for answer in answers {
        let error = parse(&answer).unwrap_err();
        assert_eq!(error, SignInError::Malformed, "{:.80?}", answer.body());
        assert_eq!(error.remedy(), Remedy::StartAgain);
    }
}

#[test]
fn a_code_that_is_not_accepted_means_to_start_again() {
    let answers = [
        json(400, &json!({ "error": "invalid grant: invalid code" })),
        json(
            400,
            &json!({ "error": "invalid_grant", "error_description": "x" }),
        ),
        json(400, &json!({ "message": "Invalid code" })),
        json(401, &json!({ "error": "invalid_grant" })),
        json(401, &json!({ "message": "The code has expired" })),
        json(200, &json!({ "error": "Invalid code" })),
        raw(400, "text/html", "<html></html>"),
        raw(400, JSON, "{\"error\":"),
        raw(400, JSON, ""),
    ];
    for answer in answers {
        let error = parse(&answer).unwrap_err();
        assert_eq!(error, SignInError::Code, "{:?}", answer.body());
        assert_eq!(error.remedy(), Remedy::StartAgain);
    }
}

#[test]
fn a_fault_of_the_operator_is_told_from_one_of_the_person() {
    let refused = |status| SignInError::Refused { status };
    for (answer, expected) in [
        (
            json(401, &json!({ "error": "invalid_client" })),
            SignInError::Client,
        ),
        (
            json(400, &json!({ "error": "invalid_client" })),
            SignInError::Client,
        ),
        (
            json(403, &json!({ "error": "unauthorized_client" })),
            SignInError::Client,
        ),
        (
            json(401, &json!({ "message": "Unauthorized" })),
            SignInError::Client,
        ),
        (raw(401, "text/html", "<html>"), SignInError::Client),
        (
            json(400, &json!({ "error": "invalid_request" })),
            refused(400),
        ),
        (
            json(400, &json!({ "error": "unsupported_grant_type" })),
            refused(400),
        ),
        (
            json(400, &json!({ "error": "redirect_uri_mismatch" })),
            refused(400),
        ),
        (
            json(200, &json!({ "error": "invalid_request" })),
            refused(400),
        ),
        (raw(404, "text/html", "<html>"), refused(404)),
        (raw(302, "text/html", ""), refused(302)),
        (raw(204, JSON, ""), refused(204)),
    ] {
        let error = parse(&answer).unwrap_err();
        assert_eq!(error, expected, "{:?}", answer.body());
        assert_eq!(error.remedy(), Remedy::Operator);
    }
}

#[test]
fn trouble_at_the_provider_is_nobodys_fault() {
    let mut limited = raw(429, JSON, "");
    let headers = limited.headers_mut();
    headers.insert("retry-after", "30".parse().unwrap());
    let after = Some(Duration::from_secs(30));
    assert_eq!(
        parse(&limited).unwrap_err().remedy(),
        Remedy::Retry { after }
    );
    for status in [408, 429, 500, 502, 503, 504] {
        let error = parse(&json(status, &json!({ "error": "invalid_grant" }))).unwrap_err();
        assert_eq!(error.remedy(), Remedy::Retry { after: None }, "{status}");
    }
}
