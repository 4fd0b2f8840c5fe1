//! Sessions are made for who signs in, and never taken from what a browser brings.

use super::google::{danas_school, sign_in, to_google};
use super::passwords::{attempt, password_school};
use super::roster::account;
use engine::memory::CrashPoint;
use serde_json::json;

/// The password that was made for an account.
const MADE: &str = "k7mw-p2hq-e9xn-4a";

const SESSION: &str = "__Host-rollcall-session";

#[test]
fn a_session_that_was_put_into_a_browser_is_not_the_one_that_signs_in() {
    let school = danas_school();
    let people = [
        account("a1", "dana@maple.example", &json!({})),
        account("a2", "leo@maple.example", &json!({})),
    ];
    school.people(&people);
    let mut attacker = school.browser();
    sign_in(&school, &mut attacker, "/login/maple/google").location();
    let planted = attacker.session().unwrap().clone();
    school
        .web
        .google_is("222", "leo@maple.example", Some("maple.example"));
    let mut victim = school.browser();
    victim.cookies.insert(SESSION.to_owned(), planted.clone());
    sign_in(&school, &mut victim, "/login/maple/google").location();
    assert_ne!(victim.session(), Some(&planted));
    // Whoever was signed in to that browser before is signed out.
    let page = attacker.get("/login/maple/signed-in");
    assert_eq!(page.location(), "/login/maple");
}

#[test]
fn signing_in_again_takes_the_old_cookie_out_of_use() {
    let school = danas_school();
    let mut browser = school.browser();
    sign_in(&school, &mut browser, "/login/maple/google").location();
    let old = browser.session().unwrap().clone();
    sign_in(&school, &mut browser, "/login/maple/google").location();
    assert_ne!(browser.session(), Some(&old));
    let mut thief = school.browser();
    thief.cookies.insert(SESSION.to_owned(), old);
    let page = thief.get("/login/maple/signed-in");
    assert_eq!(page.location(), "/login/maple");
}

#[test]
fn a_tampered_session_is_none() {
    let school = danas_school();
    let mut browser = school.browser();
    sign_in(&school, &mut browser, "/login/maple/google").location();
    let right = browser.session().unwrap().clone();
    let (place, _) = right.rsplit_once('_').unwrap();
    for tampered in [
        format!("{right}x"),
        right.to_uppercase(),
        place.to_owned(),
        format!("{place}_"),
        "x".repeat(8_000),
        String::new(),
    ] {
        browser.cookies.insert(SESSION.to_owned(), tampered);
        let page = browser.get("/login/maple/signed-in");
        assert_eq!(page.location(), "/login/maple");
    }
    browser.cookies.insert(SESSION.to_owned(), right);
    // A session of one tenant is none of another.
    assert_eq!(browser.get("/login/oak/signed-in").location(), "/login/oak");
}

#[test]
fn a_sign_out_that_the_page_did_not_send_signs_nobody_out() {
    let school = danas_school();
    let mut browser = school.browser();
    sign_in(&school, &mut browser, "/login/maple/google").location();
    let out = browser.post("/login/maple/sign-out", &[("token", "x")]);
    assert_eq!(out.location(), "/login/maple/signed-in");
    assert!(browser.session().is_some());
    let page = browser.get("/login/maple/signed-in");
    browser.origin = vec![("origin", "https://evil.example")];
    assert_eq!(
        browser.submit(&page, &[]).location(),
        "/login/maple/signed-in"
    );
    assert!(browser.session().is_some());
}

#[test]
fn a_sign_in_that_is_killed_anywhere_can_be_done_again() {
    let steps = {
        let school = danas_school();
        let mut browser = school.browser();
        let back = to_google(&school, &mut browser, "/login/maple/google");
        let before = school.district.ports.operations();
        browser.get(&back).location();
        school.district.ports.operations() - before
    };
    assert!(steps > 15);
    for step in 1..=steps {
        for point in [CrashPoint::Before, CrashPoint::After] {
            let school = danas_school();
            let mut browser = school.browser();
            let back = to_google(&school, &mut browser, "/login/maple/google");
            let at = school.district.ports.operations() + step;
            school.district.ports.crash_at(Some((at, point)));
            browser.get(&back);
            school.district.ports.crash_at(None);
            sign_in(&school, &mut browser, "/login/maple/google").location();
            let (_, shown) = school.admin("GET", "/accounts/a1", &json!(null));
            assert_eq!(shown["links"][0]["user_id"], "111", "step {step} {point:?}");
        }
    }
}

#[test]
fn a_change_of_password_that_is_killed_anywhere_locks_nobody_out() {
    let new = [("new", "a fine sentence"), ("again", "a fine sentence")];
    for step in 1.. {
        for point in [CrashPoint::Before, CrashPoint::After] {
            let school = password_school();
            let mut browser = school.browser();
            attempt(&mut browser, "made@maple.example", MADE).location();
            let form = browser.get("/login/maple/password/change");
            let at = school.district.ports.operations() + step;
            school.district.ports.crash_at(Some((at, point)));
            let done = browser.submit(&form, &new).status;
            school.district.ports.crash_at(None);
            let opens = |password: &str| {
                let mut later = school.browser();
                let page = attempt(&mut later, "made@maple.example", password);
                page.status == http::StatusCode::SEE_OTHER
            };
            let either = [opens(MADE), opens("a fine sentence")];
            assert_ne!(either[0], either[1], "step {step} {point:?}");
            if done == http::StatusCode::SEE_OTHER {
                return;
            }
        }
    }
}
