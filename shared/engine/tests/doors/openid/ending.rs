//! Signing out: who is asked first, where the browser goes, and what is over then.

use super::fixture::{App, GOODBYE, location, settings_with, text};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use engine::doors::nudge::Nudge;
use engine::memory::block_on;
use engine::signin::sessions;
use http::{Method, StatusCode, header};
use serde_json::{Value, json};
use std::time::Duration;

fn is_open(app: &App, cookie: &str) -> bool {
    let (_, handle) = cookie.split_once('=').unwrap();
    let drawer = engine::ephemeral::Drawer::Session;
    let found = engine::ephemeral::find::<sessions::Session>(app.ports(), drawer, handle);
    block_on(found).unwrap().is_some()
}

fn id_token(app: &App, cookie: &str) -> String {
    let tokens = app.tokens(cookie, &json!({}));
    tokens["id_token"].as_str().unwrap().to_owned()
}

/// Whether a browser's cookie is taken away.
fn clears(response: &http::Response<Bytes>) -> bool {
    let cookie = response.headers().get(header::SET_COOKIE);
    cookie.is_some_and(|value| {
        let value = value.to_str().unwrap();
        value.starts_with("__Host-rollcall-session=;") && value.contains("Max-Age=0")
    })
}

#[test]
fn an_application_that_shows_an_id_token_signs_its_person_out() {
    let app = App::new();
    let cookie = app.sign_in("maple", "dana");
    let hint = id_token(&app, &cookie);
    let access = app.tokens(&cookie, &json!({}))["access_token"].clone();
    app.pass(Duration::from_hours(1));
    let asked = json!({"id_token_hint": hint, "post_logout_redirect_uri": GOODBYE, "state": "a&b"});
    let response = app.end_session(Method::GET, Some(&cookie), &asked);
    assert_eq!(location(&response), format!("{GOODBYE}?state=a%26b"));
    assert!(clears(&response));
    assert!(response.extensions().get::<Nudge>().is_some());
    assert!(!is_open(&app, &cookie));
    assert_eq!(
        app.userinfo(access.as_str().unwrap()).0,
        StatusCode::UNAUTHORIZED
    );
    let again = app.end_session(Method::GET, Some(&cookie), &asked);
    assert_eq!(location(&again), format!("{GOODBYE}?state=a%26b"));
}

#[test]
fn without_an_id_token_the_person_is_asked() {
    let app = App::new();
    let cookie = app.sign_in("maple", "dana");
    let asked = json!({"client_id": app.id, "post_logout_redirect_uri": GOODBYE});
    let page = app.end_session(Method::GET, Some(&cookie), &asked);
    assert_eq!(page.status(), StatusCode::OK);
    let html = text(&page);
    assert!(html.contains("Do you want to sign out?"), "{html}");
    let policy = page.headers()[header::CONTENT_SECURITY_POLICY]
        .to_str()
        .unwrap();
    assert!(
        policy.contains("form-action 'self' https://app.example;"),
        "{policy}"
    );
    assert!(is_open(&app, &cookie));
    let proof = html.split("name=\"confirm\" value=\"").nth(1).unwrap();
    let proof = proof.split('"').next().unwrap();
    let mut confirmed = asked.clone();
    confirmed["confirm"] = json!(proof);
    let by_link = app.end_session(Method::GET, Some(&cookie), &confirmed);
    assert!(text(&by_link).contains("Do you want to sign out?"));
    assert!(is_open(&app, &cookie));
    let response = app.end_session(Method::POST, Some(&cookie), &confirmed);
    assert_eq!(location(&response), GOODBYE);
    assert!(clears(&response) && !is_open(&app, &cookie));
}

#[test]
fn a_proof_of_another_session_or_none_signs_nobody_out() {
    let app = App::new();
    let mine = app.sign_in("maple", "tess");
    let page = app.end_session(Method::GET, Some(&mine), &json!({}));
    let html = text(&page);
    let proof = html.split("name=\"confirm\" value=\"").nth(1).unwrap();
    let proof = proof.split('"').next().unwrap().to_owned();
    let cookie = app.sign_in("maple", "dana");
    for confirm in [proof.as_str(), "x", "1"] {
        let asked = json!({"confirm": confirm});
        let response = app.end_session(Method::POST, Some(&cookie), &asked);
        assert!(text(&response).contains("Do you want to sign out?"));
        assert!(is_open(&app, &cookie));
    }
}

#[test]
fn a_tampered_or_foreign_id_token_is_refused_and_signs_nobody_out() {
    let app = App::new();
    let cookie = app.sign_in("maple", "dana");
    let hint = id_token(&app, &cookie);
    let tess = app.sign_in("maple", "tess");
    let theirs = id_token(&app, &tess);
    let parts: Vec<&str> = hint.split('.').collect();
    let [head, claims, signature] = parts[..] else {
        panic!("{hint}");
    };
    let forge = |head: Value| URL_SAFE_NO_PAD.encode(head.to_string());
    let theirs_claims = theirs.split('.').nth(1).unwrap();
    for wrong in [
        format!("{head}.{theirs_claims}.{signature}"),
        format!("{head}.{claims}."),
        format!("{head}.{claims}"),
        format!(
            "{}.{claims}.",
            forge(json!({"alg": "none", "typ": "JWT", "kid": "x"}))
        ),
        format!(
            "{}.{claims}.{signature}",
            forge(json!({"alg": "HS256", "typ": "JWT"}))
        ),
        "a.b.c".to_owned(),
        "x".repeat(10_000),
    ] {
        let asked = json!({"id_token_hint": wrong, "post_logout_redirect_uri": GOODBYE});
        let response = app.end_session(Method::GET, Some(&cookie), &asked);
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{wrong}");
        assert!(is_open(&app, &cookie));
    }
    let other = App::new();
    other
        .ports()
        .set_variable("public_url", "https://other.example");
    let foreign = json!({"id_token_hint": hint});
    let response = other.end_session(Method::GET, None, &foreign);
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let (id, _) = app.register(&settings_with(&json!({})));
    let mixed = json!({"id_token_hint": hint, "client_id": id});
    let response = app.end_session(Method::GET, Some(&cookie), &mixed);
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert!(is_open(&app, &cookie));
    let asked = json!({"id_token_hint": theirs});
    let response = app.end_session(Method::GET, Some(&cookie), &asked);
    assert!(text(&response).contains("Do you want to sign out?"));
    assert!(is_open(&app, &cookie));
}

#[test]
fn the_browser_goes_to_no_address_that_is_not_registered_for_it() {
    let app = App::new();
    for address in [
        "https://app.example/callback",
        "https://app.example/goodbye/",
        "https://app.example/goodbye?x=y",
        "https://evil.example/",
        "//evil.example",
    ] {
        let cookie = app.sign_in("maple", "dana");
        let hint = id_token(&app, &cookie);
        let asked = json!({"id_token_hint": hint, "post_logout_redirect_uri": address});
        let response = app.end_session(Method::GET, Some(&cookie), &asked);
        assert_eq!(response.status(), StatusCode::OK, "{address}");
        assert!(!response.headers().contains_key(header::LOCATION));
        assert!(text(&response).contains("You are signed out"));
        assert!(!is_open(&app, &cookie));
    }
    let (id, _) = app.register(&settings_with(&json!({
        "post_logout_redirect_uris": ["https://other.example/"]})));
    let asked = json!({"client_id": id, "post_logout_redirect_uri": GOODBYE});
    let response = app.end_session(Method::GET, None, &asked);
    assert!(!response.headers().contains_key(header::LOCATION));
    let asked = json!({"post_logout_redirect_uri": GOODBYE});
    let response = app.end_session(Method::GET, None, &asked);
    assert!(!response.headers().contains_key(header::LOCATION));
}

#[test]
fn another_sites_form_is_sent_on_so_that_the_cookie_comes_along() {
    let app = App::new();
    let cookie = app.sign_in("maple", "dana");
    let asked = json!({"id_token_hint": id_token(&app, &cookie), "state": "s"});
    let response = app.end_session(Method::POST, Some(&cookie), &asked);
    let location = location(&response);
    assert!(
        location.starts_with("https://sync.example/oidc/logout?"),
        "{location}"
    );
    assert!(!clears(&response) && is_open(&app, &cookie));
}

#[test]
fn what_can_not_be_read_is_refused() {
    let app = App::new();
    let cookie = app.sign_in("maple", "dana");
    let long = "x".repeat(20_000);
    let response = app.end_session(Method::GET, Some(&cookie), &json!({"state": long}));
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    for query in ["state=a&state=b", "id_token_hint=a&id_token_hint=b"] {
        let path = format!("/oidc/logout?{query}");
        let asked = super::fixture::browser(Method::GET, &path, Some(&cookie), "");
        let response = block_on(engine::doors::oidc::end_session(app.ports(), &asked));
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    }
    assert!(is_open(&app, &cookie));
    let asked = super::fixture::browser(Method::PUT, "/oidc/logout", None, "");
    let response = block_on(engine::doors::oidc::end_session(app.ports(), &asked));
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
}
