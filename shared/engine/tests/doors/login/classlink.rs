//! Signing in with `ClassLink`.

use super::browser::{Browser, Page};
use super::roster::account;
use super::web::{CLASSLINK_ID, CLASSLINK_TENANT};
use super::{School, school};
use http::StatusCode;
use serde_json::json;

/// A school of the tenant at `ClassLink` where Dana has the account `a1`.
pub(super) fn classlink_school() -> School {
    let school = school(&["classlink"]);
    let dana = json!({"username": "dokafor"});
    school.people(&[account("a1", "dana@maple.example", &dana)]);
    school.set_districts(&json!({"classlink": [CLASSLINK_TENANT]}));
    school
}

fn attempt(browser: &mut Browser<'_>) -> Page {
    let (base, asked) = browser.get("/login/maple/classlink").sent_to();
    assert_eq!(base, "https://launchpad.classlink.com/oauth2/v2/auth");
    assert_eq!(asked["client_id"], CLASSLINK_ID);
    assert_eq!(
        asked["redirect_uri"],
        "https://sync.example/callback/classlink"
    );
    let state = &asked["state"];
    browser.get(&format!(
        "/callback/classlink?code=classlink-code&response_type=code&state={state}"
    ))
}

#[test]
fn a_teacher_signs_in_by_the_name_that_the_districts_directory_has() {
    let school = classlink_school();
    let mut browser = school.browser();
    assert_eq!(attempt(&mut browser).location(), "/login/maple/signed-in");
    let (_, shown) = school.admin("GET", "/accounts/a1", &json!(null));
    assert_eq!(shown["links"][0]["user_id"], "1203344");
    assert_eq!(shown["links"][0]["district"], CLASSLINK_TENANT);
}

#[test]
fn an_address_that_people_may_have_written_themselves_opens_nothing() {
    let school = classlink_school();
    school.web.answers.lock().unwrap().classlink["LoginId"] = json!("somebody");
    let mut browser = school.browser();
    attempt(&mut browser).says(StatusCode::FORBIDDEN, "We can&#39;t tell who you are");
    assert_eq!(school.refusals()[0]["cause"], "unverified_email");
    school.set(&json!({"methods": ["classlink"], "classlink_emails": true}));
    assert_eq!(attempt(&mut browser).location(), "/login/maple/signed-in");
}

#[test]
fn somebody_of_another_tenant_at_classlink_is_not_signed_in() {
    let school = classlink_school();
    school.web.answers.lock().unwrap().classlink["TenantId"] = json!(9022);
    let mut browser = school.browser();
    attempt(&mut browser).says(StatusCode::FORBIDDEN, "Your district is not known here");
    school.nobody_entered();
}

#[test]
fn an_answer_that_makes_no_sense_signs_nobody_in() {
    let school = classlink_school();
    for (field, value) in [
        ("UserId", json!(null)),
        ("UserId", json!([1])),
        ("TenantId", json!("")),
        ("TenantId", json!("../9021")),
        ("SourcedId", json!({})),
    ] {
        let before = school.web.answers.lock().unwrap().classlink.clone();
        school.web.answers.lock().unwrap().classlink[field] = value;
        let mut browser = school.browser();
        let page = attempt(&mut browser);
        assert!(page.status.is_client_error(), "{field}: {}", page.html);
        school.web.answers.lock().unwrap().classlink = before;
    }
    school.nobody_entered();
}
