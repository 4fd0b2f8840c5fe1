//! O13: token endpoints differ in how they want to be asked and in what they answer.

use super::server::raw;
use bytes::Bytes;
use connectors::base_url::BaseUrl;
use connectors::oneroster::Version;
use connectors::oneroster::token::{
    CredentialPlace, TokenError, TokenStyle, parse_token_response, token_request,
};
use http::Request;
use std::collections::BTreeMap;
use std::time::Duration;

fn ask(style: &TokenStyle) -> (Request<Bytes>, String) {
    let url = BaseUrl::parse("https://sis.example/oauth/token").unwrap();
    let request = token_request(&url, "client", "s3cr&t", style).unwrap();
    let body = String::from_utf8(request.body().to_vec()).unwrap();
    (request, body)
}

#[test]
fn the_standard_way_is_basic_with_the_scopes_of_a_read() {
    let (request, body) = ask(&TokenStyle::standard(Version::V1_2));
    assert_eq!(request.method(), "POST");
    assert_eq!(
        request.headers()["authorization"],
        "Basic Y2xpZW50OnMzY3ImdA=="
    );
    assert_eq!(
        body,
        "grant_type=client_credentials&scope=https%3A%2F%2Fpurl.imsglobal.org%2Fspec%2For%2Fv1p2%2Fscope%2Froster-core.readonly%20https%3A%2F%2Fpurl.imsglobal.org%2Fspec%2For%2Fv1p2%2Fscope%2Froster.readonly"
    );
    assert!(ask(&TokenStyle::standard(Version::V1_1)).1.contains("v1p1"));
}

#[test]
fn each_switch_moves_what_it_says() {
    let extra = BTreeMap::from([("appName".to_owned(), "rollcall".to_owned())]);
    let style = |place| TokenStyle {
        place,
        scopes: None,
        extra: extra.clone(),
    };
    let all =
        "grant_type=client_credentials&client_id=client&client_secret=s3cr%26t&appName=rollcall";
    let (request, body) = ask(&style(CredentialPlace::Body));
    assert!(!request.headers().contains_key("authorization"));
    assert_eq!((request.uri().query(), body.as_str()), (None, all));
    let (request, body) = ask(&style(CredentialPlace::Query));
    assert!(!request.headers().contains_key("authorization"));
    assert_eq!((request.uri().query(), body.as_str()), (Some(all), ""));
    let (request, body) = ask(&style(CredentialPlace::Basic));
    assert!(request.headers().contains_key("authorization"));
    assert_eq!(body, "grant_type=client_credentials&appName=rollcall");
}

#[test]
fn a_token_is_read_however_it_is_written() {
    for (body, seconds) in [
        (
            r#"{"access_token":"t","token_type":"bearer","expires_in":3600}"#,
            Some(3_600),
        ),
        (
            r#"{"access_token":"t","token_type":"Bearer","expires_in":"21600"}"#,
            Some(21_600),
        ),
        (
            r#"{"access_token":"t","token_type":"BEARER","expires_in":99999999999}"#,
            Some(86_400),
        ),
        (r#"{"access_token":"t"}"#, None),
        (r#"{"access_token":"t","expires_in":-1}"#, None),
        (r#"{"access_token":"t","expires_in":"soon"}"#, None),
    ] {
        for kind in ["application/json", "text/plain"] {
            let token = parse_token_response(&raw(200, kind, body)).unwrap();
            assert_eq!(token.access_token, "t");
            assert_eq!(token.expires_in, seconds.map(Duration::from_secs), "{body}");
            assert!(!format!("{token:?}").contains("\"t\""));
        }
    }
}

#[test]
fn each_failure_has_a_name() {
    let transient = TokenError::Transient { retry_after: None };
    for (status, body, error) in [
        (
            401,
            r#"{"error":"invalid_client"}"#,
            TokenError::WrongCredentials,
        ),
        (
            400,
            r#"{"error":"invalid_client","error_description":""}"#,
            TokenError::WrongCredentials,
        ),
        (
            200,
            r#"{"error":"invalid_client"}"#,
            TokenError::WrongCredentials,
        ),
        (401, "", TokenError::WrongCredentials),
        (400, r#"{"error":"invalid_scope"}"#, TokenError::Scope),
        (
            400,
            r#"{"error":"unsupported_grant_type"}"#,
            TokenError::Unsupported,
        ),
        (
            400,
            r#"{"error":"invalid_request"}"#,
            TokenError::Refused { status: 400 },
        ),
        (404, "nothing", TokenError::Refused { status: 404 }),
        (404, "<html>", TokenError::NotJson),
        (200, "<html>Sign in</html>", TokenError::NotJson),
        (302, "", TokenError::Refused { status: 302 }),
        (200, "", TokenError::Malformed),
        (200, "{}", TokenError::Malformed),
        (200, "[]", TokenError::Malformed),
        (200, r#"{"access_token":""}"#, TokenError::Malformed),
        (200, r#"{"access_token":"a b"}"#, TokenError::Malformed),
        (200, r#"{"access_token":"a\r\nb"}"#, TokenError::Malformed),
        (
            200,
            r#"{"access_token":"t","token_type":"mac"}"#,
            TokenError::Malformed,
        ),
        (500, "<html>", transient),
        (429, "", transient),
    ] {
        let response = raw(status, "text/plain", body);
        assert_eq!(
            parse_token_response(&response),
            Err(error),
            "{status} {body}"
        );
    }
    let long = format!("{{\"access_token\":\"{}\"}}", "x".repeat(9_000));
    assert_eq!(
        parse_token_response(&raw(200, "application/json", &long)),
        Err(TokenError::Malformed)
    );
}
