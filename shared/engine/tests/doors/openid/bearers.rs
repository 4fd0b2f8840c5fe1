//! Access tokens: what they open, and until when; and revoking tokens.

use super::fixture::{App, form_request, settings_with, tenant};
use crate::district::request;
use engine::memory::block_on;
use engine::signin::{sessions, standing};
use http::{Method, StatusCode, header};
use serde_json::{Value, json};
use std::time::Duration;

fn access(app: &App, cookie: &str) -> String {
    let tokens = app.tokens(cookie, &json!({}));
    tokens["access_token"].as_str().unwrap().to_owned()
}

#[test]
fn claims_are_read_and_posted_for_alike() {
    let app = App::new();
    let cookie = app.sign_in("maple", "dana");
    let token = access(&app, &cookie);
    for method in [Method::GET, Method::POST] {
        let response = app.send(request(method, &token, "/oidc/userinfo", &Value::Null));
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        let body: Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(body["given_name"], "Dana");
    }
}

#[test]
fn a_request_without_a_usable_token_gets_the_challenge_of_rfc_6750() {
    let app = App::new();
    let cookie = app.sign_in("maple", "dana");
    let token = access(&app, &cookie);
    let with = |values: &[&str]| {
        let mut request = http::Request::get("/oidc/userinfo");
        for value in values {
            request = request.header(header::AUTHORIZATION, *value);
        }
        let response = app.send(request.body(bytes::Bytes::new()).unwrap());
        let challenge = response.headers()[header::WWW_AUTHENTICATE].clone();
        (response.status(), challenge.to_str().unwrap().to_owned())
    };
    let bare = (
        StatusCode::UNAUTHORIZED,
        "Bearer realm=\"rollcall\"".to_owned(),
    );
    assert_eq!(with(&[]), bare);
    assert_eq!(with(&["Basic eA=="]), bare);
    let bearer = format!("Bearer {token}");
    for values in [
        vec!["Bearer"],
        vec!["Bearer a b"],
        vec![bearer.as_str(), bearer.as_str()],
    ] {
        let (status, challenge) = with(&values);
        assert_eq!(status, StatusCode::BAD_REQUEST, "{values:?}");
        assert!(
            challenge.contains("error=\"invalid_request\""),
            "{challenge}"
        );
    }
    let long = format!("Bearer {}", "x".repeat(600));
    assert_eq!(with(&[&long]).0, StatusCode::BAD_REQUEST);
    for token in ["x", "rc-access_1-1_x", &cookie[25..]] {
        let (status, challenge) = with(&[&format!("Bearer {token}")]);
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
    }
    let query = format!("/oidc/userinfo?access_token={token}");
    let asked = http::Request::get(query).body(bytes::Bytes::new()).unwrap();
    assert_eq!(app.send(asked).status(), StatusCode::UNAUTHORIZED);
}

#[test]
fn other_tokens_are_no_access_tokens() {
    let app = App::new();
    let cookie = app.sign_in("maple", "dana");
    let tokens = app.tokens(&cookie, &json!({"scope": "openid offline_access"}));
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let (family, _) = refresh.split_once('.').unwrap();
    let code = app.code(&cookie, &json!({}));
    for token in [refresh, family, &code] {
        assert_eq!(app.userinfo(token).0, StatusCode::UNAUTHORIZED);
    }
}

#[test]
fn an_access_token_works_for_ten_minutes() {
    let app = App::new();
    let cookie = app.sign_in("maple", "dana");
    let token = access(&app, &cookie);
    app.pass(Duration::from_secs(599));
    assert_eq!(app.userinfo(&token).0, StatusCode::OK);
    app.pass(Duration::from_secs(1));
    assert_eq!(app.userinfo(&token).0, StatusCode::UNAUTHORIZED);
}

/// Something that ends the sign-in of a cookie.
type End<'a> = &'a dyn Fn(&App, &str);

#[test]
fn it_ends_with_the_account_the_session_and_the_client() {
    let ends: [End<'_>; 8] = [
        &|app, _| app.change_dana(&json!({"status": "suspended"})),
        &|app, _| app.change_dana(&json!({"status": "deleted"})),
        &|app, _| app.change_dana(&json!({"sign_in_allowed": false})),
        &|app, _| app.set_methods("maple", &[]),
        &|app, _| {
            let dana = super::fixture::account_id("dana");
            block_on(standing::sign_out(app.ports(), &tenant("maple"), &dana)).unwrap();
        },
        &|app, cookie| block_on(sessions::end(app.ports(), app.held(cookie).place)).unwrap(),
        &|app, _| {
            let path = format!("/api/v1/clients/{}", app.id);
            app.operator(Method::DELETE, &path, &Value::Null);
        },
        &|app, _| {
            let path = format!("/api/v1/clients/{}", app.id);
            app.operator(
                Method::PUT,
                &path,
                &settings_with(&json!({"tenants": ["oak"]})),
            );
        },
    ];
    for end in ends {
        let app = App::new();
        let cookie = app.sign_in("maple", "dana");
        let token = access(&app, &cookie);
        assert_eq!(app.userinfo(&token).0, StatusCode::OK);
        end(&app, &cookie);
        assert_eq!(app.userinfo(&token).0, StatusCode::UNAUTHORIZED);
    }
}

/// Asks for a token to be revoked.
fn revoke(app: &App, own: (&str, &str), token: &str) -> (StatusCode, Value) {
    let form = format!("token={token}&token_type_hint=nothing_known");
    let response = app.send(form_request("/oidc/revoke", Some(own), &form));
    let body = serde_json::from_slice(response.body()).unwrap();
    (response.status(), body)
}

#[test]
fn a_revoked_access_token_ends_alone_and_a_refresh_token_with_all_that_came_from_it() {
    let app = App::new();
    let own = (app.id.as_str(), app.secret.as_str());
    let cookie = app.sign_in("maple", "dana");
    let tokens = app.tokens(&cookie, &json!({"scope": "openid offline_access"}));
    let access = tokens["access_token"].as_str().unwrap();
    assert_eq!(revoke(&app, own, access).0, StatusCode::OK);
    assert_eq!(app.userinfo(access).0, StatusCode::UNAUTHORIZED);
    let (status, tokens) = app.refresh(tokens["refresh_token"].as_str().unwrap());
    assert_eq!(status, StatusCode::OK);
    let refresh = tokens["refresh_token"].as_str().unwrap();
    assert_eq!(revoke(&app, own, refresh).0, StatusCode::OK);
    assert_eq!(app.refresh(refresh).0, StatusCode::BAD_REQUEST);
    let access = tokens["access_token"].as_str().unwrap();
    assert_eq!(app.userinfo(access).0, StatusCode::UNAUTHORIZED);
    for unknown in ["x", refresh, access, "rc-refresh_1-1_x.y"] {
        assert_eq!(revoke(&app, own, unknown).0, StatusCode::OK);
    }
}

#[test]
fn nobody_revokes_anothers_token_or_without_saying_who_they_are() {
    let app = App::new();
    let (id, secret) = app.register(&settings_with(&json!({})));
    let cookie = app.sign_in("maple", "dana");
    let tokens = app.tokens(&cookie, &json!({"scope": "openid offline_access"}));
    let access = tokens["access_token"].as_str().unwrap();
    let refresh = tokens["refresh_token"].as_str().unwrap();
    for token in [access, refresh] {
        let (status, refused) = revoke(&app, (&id, &secret), token);
        assert_eq!(
            (status, &refused["error"]),
            (StatusCode::BAD_REQUEST, &json!("invalid_grant"))
        );
        let (status, refused) = revoke(&app, (&app.id, "wrong"), token);
        let expected = (StatusCode::UNAUTHORIZED, &json!("invalid_client"));
        assert_eq!((status, &refused["error"]), expected);
    }
    let own = Some((app.id.as_str(), app.secret.as_str()));
    let response = app.send(form_request("/oidc/revoke", own, "token="));
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(app.userinfo(access).0, StatusCode::OK);
    assert_eq!(app.refresh(refresh).0, StatusCode::OK);
}

#[test]
fn pages_of_applications_may_ask() {
    let app = App::new();
    for path in [
        "/oidc/userinfo",
        "/oidc/token",
        "/oidc/jwks",
        "/oidc/revoke",
    ] {
        let response = app.send(request(Method::OPTIONS, "", path, &Value::Null));
        assert_eq!(response.status(), StatusCode::NO_CONTENT, "{path}");
        assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    }
    for path in ["/keys", "/sign-outs"] {
        let response = app.send(request(Method::OPTIONS, "", path, &Value::Null));
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    }
    let response = app.send(request(Method::GET, "", "/oidc/nothing", &Value::Null));
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
}
