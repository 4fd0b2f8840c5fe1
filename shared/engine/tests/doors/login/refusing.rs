//! People whose account does not open: a page for them, an entry for their administrator.

use super::google::{danas_school, sign_in};
use super::roster::account;
use http::StatusCode;
use serde_json::{Value, json};

/// What becomes of Dana when her account is different by this: a page with this text.
fn meets(changes: &Value, text: &str, cause: &str) {
    let school = danas_school();
    school.people(&[account("a1", "dana@maple.example", changes)]);
    let mut browser = school.browser();
    let page = sign_in(&school, &mut browser, "/login/maple/google");
    page.says(StatusCode::FORBIDDEN, text);
    assert_eq!(page.link("Try again with Google"), "/login/maple/google");
    let refusals = school.refusals();
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    assert_eq!(refusals[0]["cause"], cause);
    assert_eq!(refusals[0]["method"], "google");
    assert_eq!(refusals[0]["somebody"]["user_id"], "111");
    assert_eq!(browser.session(), None);
    school.nobody_entered();
}

#[test]
fn each_cause_has_its_own_page_and_entry() {
    let suspended = json!({"status": "suspended"});
    meets(&suspended, "Your account is suspended", "suspended");
    let off = json!({"sign_in_allowed": false});
    meets(&off, "switched off signing in for your account", "off");
    let other = json!({"email": "other@maple.example"});
    meets(&other, "There is no account for you", "no_account");
}

#[test]
fn roles_that_have_to_sign_in_in_another_way_are_told() {
    let school = danas_school();
    school.set(&json!({"methods": ["google", "password"],
        "enforced": {"teacher": ["password"]}}));
    let mut browser = school.browser();
    let page = sign_in(&school, &mut browser, "/login/maple/google");
    page.says(StatusCode::FORBIDDEN, "Sign in in another way");
    assert_eq!(school.refusals()[0]["cause"], "method");
}

#[test]
fn an_address_that_changed_hands_is_told_to_the_administrator() {
    let school = danas_school();
    let mut browser = school.browser();
    sign_in(&school, &mut browser, "/login/maple/google").location();
    school
        .web
        .google_is("222", "dana@maple.example", Some("maple.example"));
    let mut other = school.browser();
    let page = sign_in(&school, &mut other, "/login/maple/google");
    page.says(
        StatusCode::FORBIDDEN,
        "This account belongs to another person",
    );
    let refusals = school.refusals();
    assert_eq!(refusals[0]["cause"], "recycled");
    let confirm = format!("/refusals/{}/confirm", refusals[0]["id"].as_str().unwrap());
    let (status, _) = school.admin("POST", &confirm, &json!({"account": "a1"}));
    assert_eq!(status, StatusCode::OK);
    let page = sign_in(&school, &mut other, "/login/maple/google");
    assert_eq!(page.location(), "/login/maple/signed-in");
    // The one before is linked no more.
    school
        .web
        .google_is("111", "dana@maple.example", Some("maple.example"));
    sign_in(&school, &mut browser, "/login/maple/google").says(
        StatusCode::FORBIDDEN,
        "This account belongs to another person",
    );
}

#[test]
fn somebody_of_another_tenant_has_no_account_here() {
    let school = danas_school();
    let mut browser = school.browser();
    school.web.google_is("333", "dana@oak.example", None);
    sign_in(&school, &mut browser, "/login/maple/google")
        .says(StatusCode::FORBIDDEN, "There is no account for you");
    browser
        .get("/login/oak/google")
        .says(StatusCode::FORBIDDEN, "is off");
}

#[test]
fn what_a_provider_says_of_a_person_is_shown_to_the_administrator_and_in_no_page() {
    let school = danas_school();
    {
        let mut google = school.web.google.lock().unwrap();
        google.claims["sub"] = json!("999");
        google.claims["email"] = json!("nobody@maple.example");
        google.claims["given_name"] = json!("<script>alert(1)</script>");
    }
    let mut browser = school.browser();
    let page = sign_in(&school, &mut browser, "/login/maple/google");
    assert!(!page.html.contains("nobody@"), "{}", page.html);
    let refusals = school.refusals();
    let somebody = &refusals[0]["somebody"];
    assert_eq!(somebody["given_name"], "<script>alert(1)</script>");
    assert_eq!(somebody["email"], "nobody@maple.example");
    let viewer = &school.district.viewer;
    let (status, _, _) = school.ask(viewer, "GET", "/refusals", &Value::Null, None);
    assert_eq!(status, StatusCode::OK);
}

#[test]
fn a_tenants_name_can_not_break_out_of_a_page() {
    let school = danas_school();
    let name = json!({"name": "<script>alert(1)</script>\"'&"});
    let admin = &school.district.admin;
    let path = "/api/v1/tenants/maple";
    let (status, _) = school
        .district
        .call(http::Method::PATCH, admin, path, &name);
    assert_eq!(status, StatusCode::OK);
    school.people(&[]);
    let mut browser = school.browser();
    sign_in(&school, &mut browser, "/login/maple/google").says(
        StatusCode::FORBIDDEN,
        "&lt;script&gt;alert(1)&lt;/script&gt;",
    );
    browser
        .get("/login/maple")
        .says(StatusCode::OK, "&lt;script&gt;alert(1)&lt;/script&gt;");
}
