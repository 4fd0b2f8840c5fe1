//! Refresh tokens: turned at every use, and ended when one is used again.

use super::fixture::{App, encode, exchanging, form_request, settings_with};
use engine::memory::block_on;
use engine::signin::sessions;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

const OFFLINE: &str = "openid profile offline_access";

/// The refresh token of a sign-in.
fn offline(app: &App, cookie: &str) -> String {
    let tokens = app.tokens(cookie, &json!({"scope": OFFLINE}));
    tokens["refresh_token"].as_str().unwrap().to_owned()
}

fn gone(app: &App, token: &str) {
    let (status, refused) = app.refresh(token);
    assert_eq!(status, StatusCode::BAD_REQUEST, "{refused}");
    assert_eq!(refused["error"], "invalid_grant");
}

#[test]
fn each_use_brings_the_next_one_and_tells_who_it_is_now() {
    let app = App::new();
    let cookie = app.sign_in("maple", "dana");
    let mut token = offline(&app, &cookie);
    for turn in 0..20 {
        app.pass(Duration::from_mins(10));
        app.change_dana(&json!({"given_name": format!("Dana {turn}")}));
        let (status, tokens) = app.refresh(&token);
        assert_eq!(status, StatusCode::OK, "{tokens}");
        let (_, claims) = app.verified(tokens["id_token"].as_str().unwrap());
        assert_eq!(claims["given_name"], format!("Dana {turn}"));
        assert_eq!(claims["auth_time"], crate::district::NOW);
        assert_eq!(claims["sid"], app.held(&cookie).place.to_string());
        assert!(claims.get("nonce").is_none());
        let (_, info) = app.userinfo(tokens["access_token"].as_str().unwrap());
        assert_eq!(info["given_name"], format!("Dana {turn}"));
        token = tokens["refresh_token"].as_str().unwrap().to_owned();
    }
}

#[test]
fn a_used_token_ends_everything_that_came_from_it() {
    let app = App::new();
    let cookie = app.sign_in("maple", "dana");
    let first = offline(&app, &cookie);
    let (_, second) = app.refresh(&first);
    let (_, third) = app.refresh(second["refresh_token"].as_str().unwrap());
    gone(&app, &first);
    gone(&app, third["refresh_token"].as_str().unwrap());
    for tokens in [second, third] {
        let access = tokens["access_token"].as_str().unwrap();
        assert_eq!(app.userinfo(access).0, StatusCode::UNAUTHORIZED);
    }
}

#[test]
fn of_two_uses_at_the_same_time_none_is_left_with_tokens() {
    let app = App::new();
    let cookie = app.sign_in("maple", "dana");
    let token = offline(&app, &cookie);
    let form = encode(&[
        ("grant_type".to_owned(), "refresh_token".to_owned()),
        ("refresh_token".to_owned(), token),
    ]);
    let ports = app.ports().yielding();
    let ask = || {
        let request = form_request("/oidc/token", Some((&app.id, &app.secret)), &form);
        engine::doors::oidc::handle(&ports, request)
    };
    let (one, other) = block_on(async { futures::join!(ask(), ask()) });
    let mut granted = 0;
    for response in [one, other] {
        let body: Value = serde_json::from_slice(response.body()).unwrap();
        if response.status() == StatusCode::OK {
            granted += 1;
            gone(&app, body["refresh_token"].as_str().unwrap());
            let access = body["access_token"].as_str().unwrap();
            assert_eq!(app.userinfo(access).0, StatusCode::UNAUTHORIZED);
        }
    }
    assert!(granted <= 1);
}

#[test]
fn guessing_ends_nothing() {
    let app = App::new();
    let cookie = app.sign_in("maple", "dana");
    let token = offline(&app, &cookie);
    let (family, turn) = token.split_once('.').unwrap();
    let (place, _) = family.rsplit_once('_').unwrap();
    for guess in [
        family.to_owned(),
        turn.to_owned(),
        format!("{place}_{}.{turn}", "a".repeat(52)),
        format!("{place}_.{turn}"),
        format!(".{turn}"),
        String::from("."),
        "x".repeat(15_000),
    ] {
        gone(&app, &guess);
    }
    let (id, secret) = app.register(&settings_with(&json!({})));
    let form = format!("grant_type=refresh_token&refresh_token={token}");
    let response = app.token_as(Some((&id, &secret)), &form);
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(app.refresh(&token).0, StatusCode::OK);
}

#[test]
fn a_grant_lasts_thirty_days_however_often_it_is_used() {
    let app = App::new();
    let cookie = app.sign_in("maple", "dana");
    let mut token = offline(&app, &cookie);
    for _ in 0..29 {
        app.pass(Duration::from_hours(24));
        let (status, tokens) = app.refresh(&token);
        assert_eq!(status, StatusCode::OK);
        token = tokens["refresh_token"].as_str().unwrap().to_owned();
    }
    app.pass(Duration::from_hours(24));
    gone(&app, &token);
}

#[test]
fn it_goes_on_after_the_session_and_not_past_what_the_account_may() {
    let app = App::new();
    let cookie = app.sign_in("maple", "dana");
    let mut token = offline(&app, &cookie);
    block_on(sessions::end(app.ports(), app.held(&cookie).place)).unwrap();
    let (status, tokens) = app.refresh(&token);
    assert_eq!(status, StatusCode::OK, "{tokens}");
    tokens["refresh_token"]
        .as_str()
        .unwrap()
        .clone_into(&mut token);
    app.change_dana(&json!({"status": "suspended"}));
    gone(&app, &token);
    app.change_dana(&json!({}));
    gone(&app, &token);
}

#[test]
fn every_way_of_ending_a_sign_in_ends_it() {
    let ends: [&dyn Fn(&App); 6] = [
        &|app| app.change_dana(&json!({"sign_in_allowed": false})),
        &|app| app.publish("maple", Vec::new()),
        &|app| app.set_methods("maple", &["password"]),
        &|app| {
            let (tenant, dana) = (
                super::fixture::tenant("maple"),
                super::fixture::account_id("dana"),
            );
            block_on(engine::signin::standing::sign_out(
                app.ports(),
                &tenant,
                &dana,
            ))
            .unwrap();
        },
        &|app| set(app, &json!({"offline_access": false})),
        &|app| set(app, &json!({"tenants": ["oak"]})),
    ];
    for end in ends {
        let app = App::new();
        let cookie = app.sign_in("maple", "dana");
        let token = offline(&app, &cookie);
        end(&app);
        gone(&app, &token);
    }
    let app = App::new();
    let cookie = app.sign_in("maple", "dana");
    let token = offline(&app, &cookie);
    let path = format!("/api/v1/clients/{}", app.id);
    app.operator(Method::DELETE, &path, &Value::Null);
    let (status, refused) = app.refresh(&token);
    assert_eq!(
        (status, &refused["error"]),
        (StatusCode::UNAUTHORIZED, &json!("invalid_client"))
    );
}

fn set(app: &App, with: &Value) {
    let path = format!("/api/v1/clients/{}", app.id);
    let (status, body) = app.operator(Method::PUT, &path, &settings_with(with));
    assert_eq!(status, StatusCode::OK, "{body}");
}

#[test]
fn an_application_that_may_not_have_refresh_tokens_gets_none() {
    let app = App::registered(&json!({"offline_access": false}));
    let cookie = app.sign_in("maple", "dana");
    let tokens = app.tokens(&cookie, &json!({"scope": OFFLINE}));
    assert!(tokens.get("refresh_token").is_none());
    assert_eq!(tokens["scope"], "openid profile");
}

#[test]
fn less_may_be_asked_for_and_not_more() {
    let app = App::new();
    let cookie = app.sign_in("maple", "dana");
    let token = offline(&app, &cookie);
    let ask = |token: &str, scope: &str| {
        app.token(&[
            ("grant_type".to_owned(), "refresh_token".to_owned()),
            ("refresh_token".to_owned(), token.to_owned()),
            ("scope".to_owned(), scope.to_owned()),
        ])
    };
    let (status, refused) = ask(&token, "openid roster");
    assert_eq!(
        (status, &refused["error"]),
        (StatusCode::BAD_REQUEST, &json!("invalid_scope"))
    );
    let (status, tokens) = ask(&token, "openid");
    assert_eq!(
        (status, &tokens["scope"]),
        (StatusCode::OK, &json!("openid"))
    );
    let (_, info) = app.userinfo(tokens["access_token"].as_str().unwrap());
    assert_eq!(info, json!({"sub": "dana"}));
    let (_, tokens) = app.refresh(tokens["refresh_token"].as_str().unwrap());
    assert_eq!(tokens["scope"], "offline_access openid profile");
}

#[test]
fn a_public_client_turns_its_tokens_too() {
    let app = App::registered(&json!({"token_endpoint_auth_method": "none"}));
    let cookie = app.sign_in("maple", "dana");
    let code = app.code(&cookie, &json!({"scope": OFFLINE}));
    let form = encode(&exchanging(&code, &json!({"client_id": app.id})));
    let tokens: Value = serde_json::from_slice(app.token_as(None, &form).body()).unwrap();
    let token = tokens["refresh_token"].as_str().unwrap();
    let form = format!(
        "grant_type=refresh_token&refresh_token={token}&client_id={}",
        app.id
    );
    assert_eq!(app.token_as(None, &form).status(), StatusCode::OK);
    assert_eq!(app.token_as(None, &form).status(), StatusCode::BAD_REQUEST);
}
