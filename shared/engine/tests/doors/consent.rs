//! Authorising at Google: done right, and in every wrong way.

use super::district::{District, configured, problem};
use super::google::{Shared, google, handler, pairs};
use bytes::Bytes;
use engine::memory::{CrashPoint, block_on};
use http::StatusCode;
use serde_json::{Value, json};
use std::time::Duration;

const CONNECTION: &str = "/api/v1/tenants/maple/connections/google";

/// A browser on its way: what Google was told and the cookie it keeps.
struct Browser {
    state: String,
    cookie: String,
}

pub(crate) fn district() -> (District, Shared) {
    let google = google();
    let district = District::on(configured().with_handler(handler(&google)));
    district.connect();
    (district, google)
}

fn visit(district: &District, path: &str, cookie: Option<&str>) -> http::Response<Bytes> {
    let mut request = http::Request::get(path);
    if let Some(cookie) = cookie {
        request = request.header("cookie", format!("other=1; {cookie}"));
    }
    let request = request.body(Bytes::new()).unwrap();
    block_on(engine::doors::oauth::handle(&district.ports, request))
}

fn begin(district: &District, google: &Shared) -> Browser {
    let (status, start) = district.post(
        &district.admin,
        &format!("{CONNECTION}/authorize"),
        &Value::Null,
    );
    assert_eq!(status, StatusCode::CREATED, "{start}");
    let path = start["url"]
        .as_str()
        .unwrap()
        .strip_prefix("https://sync.example")
        .unwrap();
    let page = visit(district, path, None);
    let text = String::from_utf8(page.body().to_vec()).unwrap();
    assert!(
        text.contains("admin_policy_enforced") && text.contains("?continue=1"),
        "{text}"
    );
    let away = visit(district, &format!("{path}?continue=1"), None);
    assert_eq!(away.status(), StatusCode::SEE_OTHER);
    let location = away.headers()["location"].to_str().unwrap().to_owned();
    let (base, query) = location.split_once('?').unwrap();
    assert_eq!(base, "https://accounts.google.com/o/oauth2/v2/auth");
    let asked = pairs(query);
    assert_eq!(
        asked["redirect_uri"],
        "https://sync.example/oauth/google/callback"
    );
    let cookie = away.headers()["set-cookie"].to_str().unwrap();
    assert!(
        cookie.starts_with("__Host-") && cookie.contains("; Secure"),
        "{cookie}"
    );
    let browser = Browser {
        state: asked["state"].clone(),
        cookie: cookie.split(';').next().unwrap().to_owned(),
    };
    google.lock().unwrap().asked = asked;
    browser
}

fn back(state: &str) -> String {
    format!("/oauth/google/callback?state={state}&code=4%2F0A&hd=maplegrove.example")
}

pub(crate) fn authorize(district: &District, google: &Shared) {
    let browser = begin(district, google);
    let done = visit(district, &back(&browser.state), Some(&browser.cookie));
    let text = String::from_utf8(done.body().to_vec()).unwrap();
    assert_eq!(done.status(), StatusCode::OK, "{text}");
    assert!(text.contains("test passed"), "{text}");
    assert!(!text.contains("it@maplegrove"), "{text}");
}

/// Asserts that the redirect is refused and the connection stays without authorisation.
fn refuses(district: &District, path: &str, cookie: Option<&str>, status: StatusCode) {
    let response = visit(district, path, cookie);
    problem(
        &response,
        status,
        &["4/0A", "ya29", "1//refresh", "it@maplegrove"],
        path,
    );
    let (_, connection) = district.get(&district.viewer, CONNECTION);
    assert_eq!(connection["state"], "draft");
    assert!(connection.get("authorization").is_none());
    assert!(
        !district
            .dump()
            .contains_key("connection/maple/google/tokens")
    );
}

#[test]
fn a_consent_is_tested_saved_and_sealed() {
    let (district, google) = district();
    authorize(&district, &google);
    let (_, connection) = district.get(&district.viewer, CONNECTION);
    assert_eq!(
        (&connection["state"], &connection["last_test"]["passed"]),
        (&"authorized".into(), &true.into())
    );
    let (status, saved) =
        district.post(&district.admin, &format!("{CONNECTION}/save"), &Value::Null);
    assert_eq!(
        (status, &saved["state"]),
        (StatusCode::OK, &"active".into())
    );
    for (key, value) in district.dump() {
        let text = String::from_utf8_lossy(&value).into_owned();
        for secret in ["ya29", "1//refresh", "it@maplegrove"] {
            assert!(!text.contains(secret), "{key} holds {secret}");
        }
    }
    let (status, units) = district.get(&district.viewer, &format!("{CONNECTION}/org-units"));
    assert_eq!(
        (status, &units["items"][1]["path"]),
        (StatusCode::OK, &"/Schools".into())
    );
}

#[test]
fn an_import_asks_for_groups_only_when_a_rule_needs_them() {
    let (district, google) = district();
    begin(&district, &google);
    assert!(!google.lock().unwrap().asked["scope"].contains("group"));
    let body = json!({"subject": {"kind": "group", "address": "staff@maplegrove.example"}, "account_type": "teacher"});
    let (status, rules) = district.post(
        &district.admin,
        &format!("{CONNECTION}/rules/assignments"),
        &body,
    );
    assert_eq!(status, StatusCode::CREATED, "{rules}");
    begin(&district, &google);
    assert!(google.lock().unwrap().asked["scope"].contains("group.member.readonly"));
}

#[test]
fn a_state_that_is_forged_expired_used_or_of_another_browser_is_refused() {
    let (district, google) = district();
    let browser = begin(&district, &google);
    let bad = StatusCode::BAD_REQUEST;
    refuses(&district, &back("state_forged"), Some(&browser.cookie), bad);
    refuses(
        &district,
        "/oauth/google/callback?code=4%2F0A",
        Some(&browser.cookie),
        bad,
    );
    refuses(
        &district,
        &back(&browser.state),
        None,
        StatusCode::FORBIDDEN,
    );
    let other = "__Host-rollcall-oauth=browser_other";
    refuses(
        &district,
        &back(&browser.state),
        Some(other),
        StatusCode::FORBIDDEN,
    );
    let denied = format!(
        "/oauth/google/callback?state={}&error=access_denied",
        browser.state
    );
    refuses(&district, &denied, Some(&browser.cookie), bad);
    refuses(&district, &back(&browser.state), Some(&browser.cookie), bad);
    let late = begin(&district, &google);
    district.ports.advance(Duration::from_mins(10));
    refuses(&district, &back(&late.state), Some(&late.cookie), bad);
    assert!(
        google.lock().unwrap().journal.is_empty(),
        "nothing was sent to Google"
    );
}

#[test]
fn a_state_works_once() {
    let (district, google) = district();
    let browser = begin(&district, &google);
    assert_eq!(
        visit(&district, &back(&browser.state), Some(&browser.cookie)).status(),
        StatusCode::OK
    );
    let before = district.dump();
    let again = visit(&district, &back(&browser.state), Some(&browser.cookie));
    problem(&again, StatusCode::BAD_REQUEST, &[], "again");
    assert_eq!(district.dump(), before);
}

#[test]
fn an_id_token_that_is_not_ours_is_refused() {
    let (district, google) = district();
    for (claim, value) in [
        ("aud", json!("another.apps.googleusercontent.com")),
        ("iss", json!("https://accounts.example")),
        ("hd", json!("elsewhere.example")),
        ("hd", Value::Null),
        ("nonce", json!("another")),
        ("exp", json!(super::district::NOW - 3_600)),
        ("email_verified", json!(false)),
    ] {
        let right = google.lock().unwrap().claims.clone();
        google.lock().unwrap().claims[claim] = value;
        if claim == "hd" {
            google.lock().unwrap().claims["email"] = json!("it@elsewhere.example");
        }
        let browser = begin(&district, &google);
        refuses(
            &district,
            &back(&browser.state),
            Some(&browser.cookie),
            StatusCode::FORBIDDEN,
        );
        google.lock().unwrap().claims = right;
    }
    google.lock().unwrap().key = 1;
    let browser = begin(&district, &google);
    refuses(
        &district,
        &back(&browser.state),
        Some(&browser.cookie),
        StatusCode::FORBIDDEN,
    );
}

#[test]
fn a_grant_that_lacks_a_scope_or_a_refresh_token_is_refused() {
    let (district, google) = district();
    google.lock().unwrap().scopes = Some("openid email".to_owned());
    let browser = begin(&district, &google);
    refuses(
        &district,
        &back(&browser.state),
        Some(&browser.cookie),
        StatusCode::FORBIDDEN,
    );
    google.lock().unwrap().scopes = None;
    google.lock().unwrap().gives_refresh_token = false;
    let browser = begin(&district, &google);
    refuses(
        &district,
        &back(&browser.state),
        Some(&browser.cookie),
        StatusCode::FORBIDDEN,
    );
}

#[test]
fn a_consent_killed_anywhere_can_be_done_again() {
    let operations = {
        let (district, google) = district();
        let browser = begin(&district, &google);
        let before = district.ports.operations();
        visit(&district, &back(&browser.state), Some(&browser.cookie));
        district.ports.operations() - before
    };
    assert!(operations > 10);
    for step in 1..=operations {
        for point in [CrashPoint::Before, CrashPoint::After] {
            let (district, google) = district();
            let browser = begin(&district, &google);
            let at = district.ports.operations() + step;
            district.ports.crash_at(Some((at, point)));
            visit(&district, &back(&browser.state), Some(&browser.cookie));
            district.ports.crash_at(None);
            district.ports.advance(Duration::from_mins(1));
            authorize(&district, &google);
            let (_, connection) = district.get(&district.viewer, CONNECTION);
            assert_eq!(connection["state"], "authorized", "step {step} {point:?}");
        }
    }
}
