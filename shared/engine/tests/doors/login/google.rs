//! Signing in with Google.

use super::browser::{Browser, Page};
use super::roster::account;
use super::{APP, School, asking, school};
use http::StatusCode;
use serde_json::{Value, json};
use std::time::Duration;

/// A school where Dana, who signs in with Google next, has the account `a1`.
pub(super) fn danas_school() -> School {
    let school = school(&["google"]);
    school.people(&[account("a1", "dana@maple.example", &json!({}))]);
    school
        .web
        .google_is("111", "dana@maple.example", Some("maple.example"));
    school
}

/// Goes to Google from a page that leads there; returns the way back.
pub(super) fn to_google(school: &School, browser: &mut Browser<'_>, path: &str) -> String {
    let away = browser.get(path);
    let (base, asked) = away.sent_to();
    assert_eq!(base, "https://accounts.google.com/o/oauth2/v2/auth");
    assert_eq!(
        asked["redirect_uri"],
        "https://sync.example/callback/google"
    );
    assert_eq!(asked["response_type"], "code");
    assert_eq!(asked["code_challenge_method"], "S256");
    assert!(!asked["scope"].contains("admin.directory"));
    let back = format!(
        "/callback/google?state={}&code=4%2F0A&scope=email&authuser=0&hd=evil.example",
        asked["state"]
    );
    school.web.google.lock().unwrap().asked = asked;
    back
}

pub(super) fn sign_in(school: &School, browser: &mut Browser<'_>, path: &str) -> Page {
    let back = to_google(school, browser, path);
    browser.get(&back)
}

#[test]
fn an_application_gets_a_code_for_whom_google_vouches() {
    let school = danas_school();
    let client = school.application(None);
    let mut browser = school.browser();
    let asked = browser.get(&asking(&client));
    let choose = asked.location();
    let (base, query) = asked.sent_to();
    assert_eq!(base, "/login/maple");
    let page = browser.get(&choose);
    page.says(StatusCode::OK, "Sign in to maple");
    page.says(StatusCode::OK, "to go on to Reader &lt;&amp;&gt;");
    let google = page.link("Sign in with Google");
    assert_eq!(
        google,
        format!("/login/maple/google?request={}", query["request"])
    );
    let done = sign_in(&school, &mut browser, &google);
    let (base, answer) = done.sent_to();
    assert_eq!(base, APP);
    assert_eq!(answer["state"], "app-state");
    assert_eq!(answer["iss"], "https://sync.example");
    assert!(answer["code"].starts_with("rc-code_"), "{answer:?}");
    assert!(browser.session().is_some());
    // The next application that asks is answered from the session.
    let again = browser.get(&asking(&client));
    assert_eq!(again.sent_to().0, APP);
    assert_eq!(school.refusals(), Vec::<Value>::new());
}

#[test]
fn a_direct_link_ends_at_the_only_application_that_begins_sign_ins_or_on_a_page() {
    let school = danas_school();
    let mut browser = school.browser();
    let done = sign_in(&school, &mut browser, "/login/maple/google");
    assert_eq!(done.location(), "/login/maple/signed-in");
    let page = browser.get("/login/maple/signed-in");
    page.says(StatusCode::OK, "You are signed in");
    let out = browser.submit(&page, &[]);
    assert_eq!(out.location(), "/login/maple/signed-out");
    assert_eq!(browser.session(), None);
    browser
        .get("/login/maple/signed-out")
        .says(StatusCode::OK, "You are signed out");
    assert_eq!(
        browser.get("/login/maple/signed-in").location(),
        "/login/maple"
    );
    school.application(Some("https://app.example/login"));
    let done = sign_in(&school, &mut browser, "/login/maple/google");
    let (base, query) = done.sent_to();
    assert_eq!(base, "https://app.example/login");
    assert_eq!(query["iss"], "https://sync.example");
}

#[test]
fn a_copy_of_the_store_finishes_no_sign_in() {
    let school = danas_school();
    let client = school.application(None);
    let mut browser = school.browser();
    let choose = browser.get(&asking(&client)).location();
    let request = choose.split_once("request=").unwrap().1.to_owned();
    let google = choose.replace("maple?", "maple/google?");
    to_google(&school, &mut browser, &google);
    let asked = school.web.google.lock().unwrap().asked.clone();
    let (_, secret_of_state) = asked["state"].rsplit_once('_').unwrap();
    let (_, secret_of_request) = request.rsplit_once('_').unwrap();
    let mut secrets = vec![
        asked["nonce"].as_str(),
        &asked["code_challenge"],
        secret_of_state,
        secret_of_request,
    ];
    let kept: Vec<String> = browser.cookies.values().cloned().collect();
    for cookie in &kept {
        secrets.extend(cookie.split(['.', '_']).filter(|part| part.len() > 20));
    }
    for (key, value) in school.district.dump() {
        let text = format!("{key} {}", String::from_utf8_lossy(&value));
        for secret in &secrets {
            assert!(!text.contains(secret), "{key} holds {secret}");
        }
    }
}

#[test]
fn a_state_that_is_forged_old_used_or_another_browsers_is_not_taken() {
    let school = danas_school();
    let bad = StatusCode::BAD_REQUEST;
    let mut browser = school.browser();
    let back = to_google(&school, &mut browser, "/login/maple/google");
    let asked = school.web.google.lock().unwrap().asked.clone();
    let forged = back.replace(&asked["state"], "rc-state_495602-1_forged");
    browser.get(&forged).says(bad, "This took too long");
    let mut other = school.browser();
    other
        .get(&back)
        .says(StatusCode::FORBIDDEN, "This browser did not start");
    // A cookie of the right name that is not the right one.
    for (name, value) in browser.cookies.clone() {
        other.cookies.insert(name, format!("{value}x"));
    }
    other
        .get(&back)
        .says(StatusCode::FORBIDDEN, "This browser did not start");
    assert_eq!(school.web.requests(), 0, "nothing was sent to Google");
    school.nobody_entered();
    browser.get(&back).location();
    let used = browser.get(&back);
    used.says(bad, "This was used already");
    assert_eq!(used.link("Try again with Google"), "/login/maple/google");
    let late = to_google(&school, &mut browser, "/login/maple/google");
    school.district.ports.advance(Duration::from_mins(10));
    browser.get(&late).says(bad, "This took too long");
}

#[test]
fn two_tabs_do_not_meet() {
    let school = danas_school();
    let mut browser = school.browser();
    let first = to_google(&school, &mut browser, "/login/maple/google");
    let asked_first = school.web.google.lock().unwrap().asked.clone();
    let second = to_google(&school, &mut browser, "/login/maple/google");
    browser.get(&second).location();
    school.web.google.lock().unwrap().asked = asked_first;
    assert_eq!(browser.get(&first).location(), "/login/maple/signed-in");
}

#[test]
fn a_way_back_to_another_provider_is_not_taken() {
    let school = danas_school();
    let mut browser = school.browser();
    let back = to_google(&school, &mut browser, "/login/maple/google");
    for other in ["clever", "classlink"] {
        let mixed = back.replace("/callback/google", &format!("/callback/{other}"));
        browser
            .get(&mixed)
            .says(StatusCode::BAD_REQUEST, "another provider");
    }
    let issued = format!("{back}&iss=https%3A%2F%2Fclever.com");
    browser
        .get(&issued)
        .says(StatusCode::BAD_REQUEST, "another provider");
    for path in [
        "/callback/password",
        "/callback/other",
        "/callback/",
        "/callback",
    ] {
        browser
            .get(path)
            .says(StatusCode::NOT_FOUND, "There is no such page");
    }
    assert_eq!(school.web.requests(), 0);
    school.nobody_entered();
}

#[test]
fn an_id_token_that_is_not_for_this_sign_in_is_not_believed() {
    let school = danas_school();
    let now = crate::district::NOW;
    for (claim, value) in [
        ("aud", json!("another.apps.googleusercontent.com")),
        ("azp", json!("another.apps.googleusercontent.com")),
        ("iss", json!("https://accounts.example")),
        ("nonce", json!("another")),
        ("exp", json!(now - 3_600)),
        ("iat", json!(now + 3_600)),
        ("sub", json!("")),
        ("sub", json!(7)),
    ] {
        let right = school.web.google.lock().unwrap().claims.clone();
        school.web.google.lock().unwrap().claims[claim] = value;
        let mut browser = school.browser();
        let page = sign_in(&school, &mut browser, "/login/maple/google");
        assert!(
            page.status.is_client_error() || page.status.is_server_error(),
            "{claim}"
        );
        assert_eq!(browser.session(), None, "{claim}");
        school.web.google.lock().unwrap().claims = right;
    }
    school.web.google.lock().unwrap().key = 1;
    let mut browser = school.browser();
    let page = sign_in(&school, &mut browser, "/login/maple/google");
    page.says(StatusCode::BAD_REQUEST, "Signing in did not work");
    school.nobody_entered();
}

#[test]
fn keys_that_google_changed_are_read_anew_once() {
    let school = danas_school();
    let asked_for_keys = || {
        let answers = school.web.answers.lock().unwrap();
        let keys = answers
            .journal
            .iter()
            .filter(|entry| entry.contains("certs"));
        keys.count()
    };
    let mut browser = school.browser();
    sign_in(&school, &mut browser, "/login/maple/google").location();
    sign_in(&school, &mut browser, "/login/maple/google").location();
    assert_eq!(asked_for_keys(), 1);
    {
        let mut google = school.web.google.lock().unwrap();
        google.is_rotated = true;
        google.key = 1;
    }
    sign_in(&school, &mut browser, "/login/maple/google").location();
    sign_in(&school, &mut browser, "/login/maple/google").location();
    assert_eq!(asked_for_keys(), 2);
}

#[test]
fn whatever_a_provider_answers_the_person_gets_a_page() {
    let school = danas_school();
    for (status, body) in [
        (200, "<html>sign in to the wifi</html>".to_owned()),
        (200, "{}".to_owned()),
        (200, "[]".to_owned()),
        (
            200,
            format!("{{\"access_token\":\"{}\"}}", "x".repeat(70_000)),
        ),
        (200, "x".repeat(200_000)),
        (302, String::new()),
        (400, json!({"error": "invalid_grant"}).to_string()),
        (400, json!({"error": "admin_policy_enforced"}).to_string()),
        (401, json!({"error": "invalid_client"}).to_string()),
        (429, String::new()),
        (500, "<html>".to_owned()),
        (503, "dana@maple.example".to_owned()),
    ] {
        school.web.answers.lock().unwrap().instead = Some((status, body));
        let mut browser = school.browser();
        let page = sign_in(&school, &mut browser, "/login/maple/google");
        assert!(page.status.is_client_error() || page.status.is_server_error());
        assert!(page.html.contains("role=\"alert\""), "{}", page.html);
        assert!(!page.html.contains("dana@"), "{}", page.html);
        assert_eq!(page.link("All ways to sign in"), "/login/maple");
    }
    school.nobody_entered();
}

#[test]
fn whoever_presses_cancel_can_try_again_or_go_back() {
    let school = danas_school();
    let client = school.application(None);
    let mut browser = school.browser();
    let choose = browser.get(&asking(&client)).location();
    let google = choose.replace("maple?", "maple/google?");
    to_google(&school, &mut browser, &google);
    let state = school.web.google.lock().unwrap().asked["state"].clone();
    let page = browser.get(&format!(
        "/callback/google?error=access_denied&state={state}"
    ));
    page.says(StatusCode::FORBIDDEN, "You did not sign in");
    assert_eq!(page.link("Try again with Google"), google);
    let back = browser.get(&page.link("Back to the application"));
    let (base, answer) = back.sent_to();
    assert_eq!(base, APP);
    assert_eq!(answer["error"], "access_denied");
    assert_eq!(answer["state"], "app-state");
    // The request has its answer.
    let again = browser.get(&page.link("Back to the application"));
    assert_eq!(again.location(), "/login/maple");
    browser
        .get("/callback/google?error=access_denied")
        .says(StatusCode::FORBIDDEN, "open the application");
}

#[test]
fn a_method_that_is_switched_off_meanwhile_signs_nobody_in() {
    let school = danas_school();
    let mut browser = school.browser();
    let back = to_google(&school, &mut browser, "/login/maple/google");
    school.set(&json!({"methods": ["password"]}));
    browser
        .get(&back)
        .says(StatusCode::FORBIDDEN, "Signing in with Google is off");
    browser
        .get("/login/maple/google")
        .says(StatusCode::FORBIDDEN, "Signing in with Google is off");
    school.nobody_entered();
}

#[test]
fn without_the_operators_client_nobody_is_sent_to_google() {
    let school = danas_school();
    school
        .district
        .ports
        .set_variable("google_client_secret", "");
    let mut browser = school.browser();
    browser
        .get("/login/maple/google")
        .says(StatusCode::SERVICE_UNAVAILABLE, "is not set up");
    browser
        .get("/login/maple")
        .says(StatusCode::FORBIDDEN, "Nobody can sign in here yet");
}
