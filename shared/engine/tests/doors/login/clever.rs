//! Signing in with Clever.

use super::browser::Browser;
use super::roster::account;
use super::web::{CLEVER_DISTRICT, CLEVER_ID};
use super::{School, school};
use http::StatusCode;
use serde_json::json;
use std::time::Duration;

/// A school of Clever's district where Dana has the account `a1`.
pub(super) fn clever_school() -> School {
    let school = school(&["clever"]);
    school.people(&[account("a1", "dana@maple.example", &json!({}))]);
    school.set_districts(&json!({"clever": [CLEVER_DISTRICT]}));
    school
}

/// Goes to Clever; returns the state.
pub(super) fn to_clever(browser: &mut Browser<'_>, path: &str, district: Option<&str>) -> String {
    let (base, asked) = browser.get(path).sent_to();
    assert_eq!(base, "https://clever.com/oauth/authorize");
    assert_eq!(asked["client_id"], CLEVER_ID);
    assert_eq!(
        asked["redirect_uri"],
        "https://sync.example/callback/clever"
    );
    assert_eq!(asked["response_type"], "code");
    assert_eq!(asked.get("district_id").map(String::as_str), district);
    asked["state"].clone()
}

#[test]
fn a_teacher_signs_in_with_clever_and_is_known_by_id_from_then_on() {
    let school = clever_school();
    let mut browser = school.browser();
    let page = browser.get("/login/maple");
    let there = page.link("Sign in with Clever");
    let state = to_clever(&mut browser, &there, Some(CLEVER_DISTRICT));
    let back = format!("/callback/clever?code=clever-code&scope=&state={state}");
    assert_eq!(browser.get(&back).location(), "/login/maple/signed-in");
    let (_, shown) = school.admin("GET", "/accounts/a1", &json!(null));
    assert_eq!(shown["links"][0]["user_id"], "5f3a9c0e1d2b4c0011aa0001");
    assert_eq!(shown["links"][0]["is_confirmed"], false);
    // The address changes, the person does not.
    school.web.answers.lock().unwrap().clever.1["data"]["email"] = json!("x@maple.example");
    let state = to_clever(&mut browser, &there, Some(CLEVER_DISTRICT));
    let back = format!("/callback/clever?code=clever-code&state={state}");
    assert_eq!(browser.get(&back).location(), "/login/maple/signed-in");
}

#[test]
fn somebody_of_another_district_is_not_signed_in_and_not_shown_to_this_one() {
    let school = clever_school();
    school.set_districts(&json!({"clever": ["5f3a000000000000000000ff"]}));
    school.district.ports.advance(Duration::from_mins(2));
    let mut browser = school.browser();
    let state = to_clever(
        &mut browser,
        "/login/maple/clever",
        Some("5f3a000000000000000000ff"),
    );
    let back = format!("/callback/clever?code=clever-code&state={state}");
    let page = browser.get(&back);
    page.says(StatusCode::FORBIDDEN, "Your district is not known here");
    page.says(StatusCode::FORBIDDEN, CLEVER_DISTRICT);
    school.nobody_entered();
    assert!(school.refusals().is_empty());
}

#[test]
fn a_code_that_clever_does_not_take_any_more_leads_to_a_page() {
    let school = clever_school();
    let mut browser = school.browser();
    let state = to_clever(&mut browser, "/login/maple/clever", Some(CLEVER_DISTRICT));
    let page = browser.get(&format!("/callback/clever?code=old&state={state}"));
    page.says(StatusCode::BAD_REQUEST, "took too long or was used already");
    assert_eq!(page.link("Try again with Clever"), "/login/maple/clever");
    let again = browser.get(&format!("/callback/clever?code=clever-code&state={state}"));
    again.says(StatusCode::BAD_REQUEST, "This was used already");
}

#[test]
fn without_a_district_nobody_is_sent_to_clever() {
    let school = school(&["clever", "classlink"]);
    let mut browser = school.browser();
    for method in ["clever", "classlink"] {
        browser
            .get(&format!("/login/maple/{method}"))
            .says(StatusCode::SERVICE_UNAVAILABLE, "is not set up");
    }
    let (_, shown) = school.admin("GET", "", &json!(null));
    assert_eq!(shown["methods"], json!(["classlink", "clever"]));
    assert_eq!(shown["ready"], json!([]));
}

#[test]
fn a_student_at_clever_does_not_become_a_teacher_until_an_administrator_says_so() {
    let school = clever_school();
    school.web.answers.lock().unwrap().clever.1["data"]["roles"] =
        json!({"student": {"sis_id": "S-1", "school": "s-1", "schools": ["s-1"], "grade": "9"}});
    let mut browser = school.browser();
    let mut attempt = || {
        let state = to_clever(&mut browser, "/login/maple/clever", Some(CLEVER_DISTRICT));
        browser.get(&format!("/callback/clever?code=clever-code&state={state}"))
    };
    attempt().says(
        StatusCode::FORBIDDEN,
        "do not agree whether you are a student",
    );
    attempt().says(StatusCode::FORBIDDEN, "This account may be somebody else");
    let refusals = school.refusals();
    assert_eq!(refusals.len(), 1);
    assert_eq!(refusals[0]["cause"], "boundary");
    assert_eq!(refusals[0]["count"], 2);
    assert_eq!(refusals[0]["accounts"], json!(["a1"]));
    assert_eq!(refusals[0]["somebody"]["is_student"], true);
    assert_eq!(refusals[0]["somebody"]["email"], "dana@maple.example");
    let path = format!("/refusals/{}/confirm", refusals[0]["id"].as_str().unwrap());
    let (status, link) = school.admin("POST", &path, &json!({"account": "a1"}));
    assert_eq!(
        (status, &link["is_confirmed"]),
        (StatusCode::OK, &json!(true))
    );
    assert!(school.refusals().is_empty());
    assert_eq!(attempt().location(), "/login/maple/signed-in");
}
