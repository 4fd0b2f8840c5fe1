//! Launches at the provider's portal: a code that nobody here asked for.

use super::browser::Browser;
use super::classlink::classlink_school;
use super::clever::{clever_school, to_clever};
use super::web::FOREIGN;
use http::StatusCode;
use serde_json::json;
use std::time::Duration;

fn launch() -> String {
    format!("/callback/clever?code={FOREIGN}&scope=read%3Auser_id")
}

fn come_back(browser: &mut Browser<'_>, state: &str) -> super::browser::Page {
    browser.get(&format!("/callback/clever?code=clever-code&state={state}"))
}

#[test]
fn a_launch_is_sent_on_a_way_of_its_own_and_finds_the_tenant_of_the_district() {
    let school = clever_school();
    let mut browser = school.browser();
    let state = to_clever(&mut browser, &launch(), None);
    assert_eq!(school.web.requests(), 0, "the foreign code was used");
    let done = come_back(&mut browser, &state);
    assert_eq!(done.location(), "/login/maple/signed-in");
    assert!(browser.session().is_some());
    // The next launch is one again.
    let state = to_clever(&mut browser, &launch(), None);
    assert_eq!(
        come_back(&mut browser, &state).location(),
        "/login/maple/signed-in"
    );
}

#[test]
fn a_launch_goes_on_to_the_application_of_the_tenant() {
    let school = clever_school();
    school.application(Some("https://app.example/login"));
    let mut browser = school.browser();
    let state = to_clever(&mut browser, &launch(), None);
    let (base, _) = come_back(&mut browser, &state).sent_to();
    assert_eq!(base, "https://app.example/login");
}

#[test]
fn a_launch_that_comes_back_as_one_is_not_sent_away_again() {
    let school = clever_school();
    let mut browser = school.browser();
    to_clever(&mut browser, &launch(), None);
    let page = browser.get(&launch());
    page.says(StatusCode::BAD_REQUEST, "twice without what was asked for");
    // Whoever tries again is not held up.
    let state = to_clever(&mut browser, &launch(), None);
    come_back(&mut browser, &state).location();
}

#[test]
fn a_launch_at_classlink_is_the_same() {
    let school = classlink_school();
    let mut browser = school.browser();
    let away = browser.get(&format!(
        "/callback/classlink?code={FOREIGN}&response_type=code"
    ));
    let (base, asked) = away.sent_to();
    assert_eq!(base, "https://launchpad.classlink.com/oauth2/v2/auth");
    let state = &asked["state"];
    let done = browser.get(&format!(
        "/callback/classlink?code=classlink-code&state={state}"
    ));
    assert_eq!(done.location(), "/login/maple/signed-in");
}

#[test]
fn somebody_who_lures_a_browser_here_with_a_code_of_theirs_signs_nobody_in() {
    let school = clever_school();
    let mut victim = school.browser();
    let state = to_clever(
        &mut victim,
        "/login/maple/clever",
        Some(super::web::CLEVER_DISTRICT),
    );
    come_back(&mut victim, &state).location();
    let before = victim.session().cloned();
    // The code of somebody else: it is not exchanged and the session is as it was.
    let requests = school.web.requests();
    to_clever(&mut victim, &launch(), None);
    assert_eq!(school.web.requests(), requests);
    assert_eq!(victim.session().cloned(), before);
    // A whole way of another browser does not end here either.
    let mut attacker = school.browser();
    let state = to_clever(&mut attacker, &launch(), None);
    come_back(&mut victim, &state).says(StatusCode::FORBIDDEN, "This browser did not start");
    assert_eq!(victim.session().cloned(), before);
}

#[test]
fn a_launch_of_a_district_that_nobody_has_ends_on_a_page() {
    let school = clever_school();
    school.set_districts(&json!({}));
    school.district.ports.advance(Duration::from_mins(2));
    let mut browser = school.browser();
    let state = to_clever(&mut browser, &launch(), None);
    let page = come_back(&mut browser, &state);
    page.says(StatusCode::FORBIDDEN, "does not use this application yet");
    school.nobody_entered();
    assert!(school.refusals().is_empty());
}

#[test]
fn a_launch_into_a_tenant_that_has_the_method_off_ends_on_a_page() {
    let school = clever_school();
    school.set(&json!({"methods": ["google"]}));
    let mut browser = school.browser();
    let state = to_clever(&mut browser, &launch(), None);
    come_back(&mut browser, &state).says(StatusCode::FORBIDDEN, "Signing in with Clever is off");
    school.nobody_entered();
}

#[test]
fn a_launch_without_the_operators_client_ends_on_a_page() {
    let school = clever_school();
    school.district.ports.set_variable("clever_client_id", "");
    let mut browser = school.browser();
    browser
        .get(&launch())
        .says(StatusCode::SERVICE_UNAVAILABLE, "is not set up");
}
