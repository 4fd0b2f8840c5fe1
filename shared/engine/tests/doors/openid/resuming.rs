//! How a sign-in comes back to the application that waits for it.

use super::fixture::{App, answer_in, exchanging, location, settings_with, tenant};
use engine::memory::block_on;
use engine::oidc::{self, Refusal, Resumed};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

/// Has the application ask, and returns the handle of what it asked for.
fn ask(app: &App, with: &Value) -> String {
    let location = location(&app.authorize(None, with));
    let (_, handle) = location.split_once("?request=").unwrap();
    handle.to_owned()
}

fn resume(app: &App, request: Option<&str>, cookie: &str) -> Resumed {
    block_on(oidc::resume(app.ports(), request, &app.held(cookie))).unwrap()
}

fn told(resumed: Resumed) -> std::collections::BTreeMap<String, String> {
    match resumed {
        Resumed::Redirect(location) => answer_in(&location),
        Resumed::NoRequest => panic!("no request"),
    }
}

#[test]
fn a_sign_in_brings_the_code_that_was_asked_for_once() {
    let app = App::new();
    let request = ask(&app, &json!({"login_hint": "dana@maplegrove.example"}));
    let asking = block_on(oidc::asking(app.ports(), &request))
        .unwrap()
        .unwrap();
    assert_eq!(asking.application, "Reader");
    assert_eq!(
        asking.login_hint.as_deref(),
        Some("dana@maplegrove.example")
    );
    assert_eq!(asking.tenant, Some(tenant("maple")));
    app.pass(Duration::from_mins(9));
    let cookie = app.sign_in("maple", "dana");
    let answer = told(resume(&app, Some(&request), &cookie));
    assert_eq!(answer["state"], "s1");
    let (status, tokens) = app.token(&exchanging(&answer["code"], &json!({})));
    assert_eq!(status, StatusCode::OK, "{tokens}");
    let (_, claims) = app.verified(tokens["id_token"].as_str().unwrap());
    assert_eq!(claims["nonce"], "n1");
    assert_eq!(resume(&app, Some(&request), &cookie), Resumed::NoRequest);
    assert_eq!(block_on(oidc::asking(app.ports(), &request)).unwrap(), None);
}

#[test]
fn without_a_request_that_waits_there_is_nothing_to_go_back_to() {
    let app = App::new();
    let cookie = app.sign_in("maple", "dana");
    let late = ask(&app, &json!({}));
    app.pass(Duration::from_mins(10));
    let (_, session) = cookie.split_once('=').unwrap();
    for request in [
        None,
        Some(""),
        Some("x"),
        Some(late.as_str()),
        Some(session),
    ] {
        assert_eq!(resume(&app, request, &cookie), Resumed::NoRequest);
        let refused = oidc::refuse(app.ports(), request, Refusal::AccessDenied);
        assert_eq!(block_on(refused).unwrap(), None);
    }
}

#[test]
fn a_sign_in_elsewhere_or_of_before_is_not_what_was_asked_for() {
    let app = App::registered(&json!({"tenants": null}));
    let olga = app.sign_in("oak", "olga");
    let request = ask(&app, &json!({"tenant": "maple"}));
    assert_eq!(
        told(resume(&app, Some(&request), &olga))["error"],
        "access_denied"
    );
    let dana = app.sign_in("maple", "dana");
    app.pass(Duration::from_secs(1));
    let request = ask(&app, &json!({"tenant": "maple", "prompt": "login"}));
    assert_eq!(
        told(resume(&app, Some(&request), &dana))["error"],
        "access_denied"
    );
    let request = ask(
        &app,
        &json!({"tenant": "maple", "prompt": "login", "max_age": "0"}),
    );
    app.pass(Duration::from_mins(1));
    let dana = app.sign_in("maple", "dana");
    app.pass(Duration::from_secs(1));
    assert!(told(resume(&app, Some(&request), &dana)).contains_key("code"));
}

#[test]
fn who_may_not_be_signed_in_brings_a_refusal() {
    let app = App::new();
    let request = ask(&app, &json!({}));
    let cookie = app.sign_in("maple", "dana");
    app.change_dana(&json!({"status": "suspended"}));
    let answer = told(resume(&app, Some(&request), &cookie));
    assert_eq!(answer["error"], "access_denied");
    assert!(!answer.contains_key("code"));
}

#[test]
fn a_sign_in_that_does_not_come_is_told_of_once() {
    let app = App::new();
    let request = ask(&app, &json!({}));
    let refuse = || {
        block_on(oidc::refuse(
            app.ports(),
            Some(&request),
            Refusal::AccessDenied,
        ))
    };
    let location = refuse().unwrap().unwrap();
    assert_eq!(answer_in(&location)["error"], "access_denied");
    assert_eq!(answer_in(&location)["state"], "s1");
    assert_eq!(refuse().unwrap(), None);
}

#[test]
fn a_client_that_changed_meanwhile_is_looked_at_anew() {
    let app = App::new();
    let path = format!("/api/v1/clients/{}", app.id);
    let request = ask(&app, &json!({}));
    let moved = settings_with(&json!({"redirect_uris": ["https://app.example/new"]}));
    app.operator(Method::PUT, &path, &moved);
    let cookie = app.sign_in("maple", "dana");
    assert_eq!(resume(&app, Some(&request), &cookie), Resumed::NoRequest);
    app.operator(Method::PUT, &path, &settings_with(&json!({})));
    let request = ask(&app, &json!({}));
    app.operator(Method::DELETE, &path, &Value::Null);
    assert_eq!(resume(&app, Some(&request), &cookie), Resumed::NoRequest);
}

#[test]
fn the_only_application_that_begins_sign_ins_is_where_people_go_who_were_not_sent() {
    let app = App::new();
    let home = || block_on(oidc::home(app.ports(), &tenant("maple"))).unwrap();
    assert_eq!(home(), None);
    let begins = json!({"initiate_login_uri": "https://app.example/start?x=1"});
    let (first, _) = app.register(&settings_with(&begins));
    let expected = "https://app.example/start?x=1&iss=https%3A%2F%2Fsync.example";
    assert_eq!(home().as_deref(), Some(expected));
    assert_eq!(
        block_on(oidc::home(app.ports(), &tenant("oak"))).unwrap(),
        None
    );
    app.register(&settings_with(&begins));
    assert_eq!(home(), None);
    let path = format!("/api/v1/clients/{first}");
    app.operator(Method::DELETE, &path, &Value::Null);
    assert_eq!(home().as_deref(), Some(expected));
}
