//! Answers of the token and revoke endpoints.

use super::district::raw;
use bytes::Bytes;
use connectors::google::oauth::{
    DeadReason, Grant, OperatorFault, RevokeError, TokenError, parse_revoke_response,
    parse_token_response,
};
use http::Response;
use serde_json::{Value, json};
use std::time::Duration;

const JSON: &str = "application/json";

fn granted(change: impl FnOnce(&mut Value)) -> Response<Bytes> {
    let mut body = json!({
        "access_token": "ya29.a0", "expires_in": 3599, "refresh_token": "1//0r",
        "scope": "openid https://www.googleapis.com/auth/userinfo.email", "token_type": "Bearer",
        "id_token": "a.b.c", "refresh_token_expires_in": 604_799, "something_new": {}
    });
    change(&mut body);
    raw(200, JSON, &body.to_string())
}

fn refused(status: u16, error: &str, description: &str) -> Response<Bytes> {
    let body = json!({ "error": error, "error_description": description });
    raw(status, JSON, &body.to_string())
}

#[test]
fn a_grant_is_read_and_never_printed() {
    let tokens = parse_token_response(Grant::Code, &granted(|_| {})).unwrap();
    assert_eq!(tokens.access_token, "ya29.a0");
    assert_eq!(tokens.expires_in, Duration::from_secs(3_599));
    assert_eq!(tokens.refresh_token.as_deref(), Some("1//0r"));
    assert_eq!(
        tokens.refresh_token_expires_in,
        Some(Duration::from_secs(604_799))
    );
    assert_eq!(tokens.scopes.len(), 2);
    let printed = format!("{tokens:?}");
    assert!(!printed.contains("ya29") && !printed.contains("1//0r") && !printed.contains("a.b.c"));
}

#[test]
fn a_refresh_brings_no_refresh_token() {
    let answer = granted(|body| {
        body.as_object_mut().unwrap().remove("refresh_token");
    });
    let tokens = parse_token_response(Grant::Refresh, &answer).unwrap();
    assert_eq!(tokens.refresh_token, None);
}

#[test]
fn a_success_that_can_be_none_is_malformed() {
    let answers = [
        raw(200, "text/html", "<html></html>"),
        raw(200, JSON, "{}"),
        granted(|body| body["access_token"] = json!("")),
        granted(|body| body["access_token"] = json!("a\r\nX-Evil: 1")),
        granted(|body| body["access_token"] = json!("x".repeat(9_000))),
        granted(|body| body["expires_in"] = json!(0)),
        granted(|body| body["expires_in"] = json!(-5)),
        granted(|body| body["token_type"] = json!("mac")),
        granted(|body| body["refresh_token"] = json!("")),
        raw(400, "text/html", "<html></html>"),
        raw(400, JSON, "{\"error\":\"surprise\"}"),
    ];
    for answer in answers {
        let error = parse_token_response(Grant::Code, &answer);
        assert_eq!(error, Err(TokenError::Malformed), "{:?}", answer.body());
    }
}

#[test]
fn a_dead_connection_says_why() {
    let dead = |reason| Err(TokenError::ConnectionDead { reason });
    let cases = [
        (
            "Token has been expired or revoked.",
            DeadReason::ExpiredOrRevoked,
        ),
        ("Account has been deleted", DeadReason::AccountDeleted),
        (
            "reauth related error (invalid_rapt)",
            DeadReason::SessionPolicy,
        ),
        ("Bad Request", DeadReason::Unstated),
    ];
    for (description, reason) in cases {
        let answer = refused(400, "invalid_grant", description);
        assert_eq!(parse_token_response(Grant::Refresh, &answer), dead(reason));
    }
    let body = r#"{"error":"invalid_grant","error_subtype":"invalid_rapt"}"#;
    let answer = raw(400, JSON, body);
    assert_eq!(
        parse_token_response(Grant::Refresh, &answer),
        dead(DeadReason::SessionPolicy)
    );
}

#[test]
fn a_used_code_only_means_to_start_again() {
    for description in [
        "Bad Request",
        "Malformed auth code.",
        "Invalid code verifier.",
    ] {
        let answer = refused(400, "invalid_grant", description);
        assert_eq!(
            parse_token_response(Grant::Code, &answer),
            Err(TokenError::Restart)
        );
    }
}

#[test]
fn a_fault_of_the_operator_disconnects_nobody() {
    let cases = [
        (401, "invalid_client", OperatorFault::InvalidClient),
        (401, "deleted_client", OperatorFault::DeletedClient),
        (
            401,
            "unauthorized_client",
            OperatorFault::UnauthorizedClient,
        ),
        (
            400,
            "redirect_uri_mismatch",
            OperatorFault::RedirectUriMismatch,
        ),
        (400, "invalid_request", OperatorFault::InvalidRequest),
        (
            400,
            "unsupported_grant_type",
            OperatorFault::UnsupportedGrantType,
        ),
        (400, "invalid_scope", OperatorFault::InvalidScope),
    ];
    for (status, code, fault) in cases {
        let answer = refused(status, code, "x");
        let error = parse_token_response(Grant::Refresh, &answer).unwrap_err();
        assert_eq!(error, TokenError::Operator { fault });
        assert!(error.to_string().starts_with("the operator has to act: "));
    }
    let policy = refused(400, "admin_policy_enforced", "x");
    assert_eq!(
        parse_token_response(Grant::Code, &policy),
        Err(TokenError::PolicyEnforced)
    );
}

#[test]
fn trouble_at_google_is_tried_again() {
    let mut limited = raw(429, "text/html", "");
    limited
        .headers_mut()
        .insert("retry-after", "30".parse().unwrap());
    let after = |retry_after| Err(TokenError::Transient { retry_after });
    assert_eq!(
        parse_token_response(Grant::Refresh, &limited),
        after(Some(Duration::from_secs(30)))
    );
    for answer in [
        raw(500, "text/html", "<html></html>"),
        refused(503, "invalid_grant", "Token has been expired or revoked."),
        refused(400, "internal_failure", ""),
        refused(400, "temporarily_unavailable", ""),
    ] {
        assert_eq!(parse_token_response(Grant::Refresh, &answer), after(None));
    }
}

#[test]
fn what_was_withdrawn_before_is_withdrawn() {
    assert_eq!(parse_revoke_response(&raw(200, JSON, "")), Ok(()));
    let gone = refused(400, "invalid_token", "Token expired or revoked");
    assert_eq!(parse_revoke_response(&gone), Ok(()));
    let refusal = parse_revoke_response(&refused(400, "invalid_request", "x"));
    assert_eq!(refusal, Err(RevokeError::Refused { status: 400 }));
    let trouble = parse_revoke_response(&raw(503, "text/html", ""));
    assert_eq!(trouble, Err(RevokeError::Transient { retry_after: None }));
}
