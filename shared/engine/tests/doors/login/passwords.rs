//! Signing in with a password, and choosing a new one.

use super::browser::{Browser, Page};
use super::roster::account;
use super::{APP, School, asking, school};
use http::StatusCode;
use serde_json::{Value, json};
use std::time::Duration;

pub(super) const RIGHT: &str = "a sentence of hers";

/// A school where Dana has the account `a1` and a password.
pub(super) fn password_school() -> School {
    let school = school(&["password"]);
    let dana = json!({"username": "dokafor"});
    school.people(&[
        account("a1", "dana@maple.example", &dana),
        account("a2", "leo@maple.example", &json!({})),
        account("a3", "made@maple.example", &json!({})),
    ]);
    school.password("a1", RIGHT, false, false);
    school.password("a3", "k7mw-p2hq-e9xn-4a", true, true);
    school
}

/// Opens the form and sends it.
pub(super) fn attempt(browser: &mut Browser<'_>, name: &str, password: &str) -> Page {
    let form = browser.get("/login/maple/password");
    browser.submit(&form, &[("name", name), ("password", password)])
}

#[test]
fn an_address_or_a_username_and_the_password_sign_in() {
    let school = password_school();
    for name in [
        "dana@maple.example",
        " DANA@Maple.example ",
        "dokafor",
        "DOkafor",
    ] {
        let mut browser = school.browser();
        let done = attempt(&mut browser, name, RIGHT);
        assert_eq!(done.location(), "/login/maple/signed-in", "{name}");
        assert!(browser.session().is_some());
    }
}

#[test]
fn an_application_that_waits_gets_its_code() {
    let school = password_school();
    let client = school.application(None);
    let mut browser = school.browser();
    let hint = format!("{}&login_hint=dana%40maple.example", asking(&client));
    let choose = browser.get(&hint).location();
    let page = browser.get(&choose);
    let form = browser.get(&page.link("Sign in with a password"));
    assert!(form.html.contains("value=\"dana@maple.example\""));
    let wrong = browser.submit(&form, &[("name", "dokafor"), ("password", "wrong")]);
    let done = browser.submit(&wrong, &[("name", "dokafor"), ("password", RIGHT)]);
    let (base, answer) = done.sent_to();
    assert_eq!(base, APP);
    assert!(answer.contains_key("code"), "{answer:?}");
}

#[test]
fn the_form_works_with_password_managers_and_screen_readers() {
    let school = password_school();
    let form = school.browser().get("/login/maple/password");
    for part in [
        "<label for=\"name\">",
        "<label for=\"password\">",
        "autocomplete=\"username\"",
        "autocomplete=\"current-password\"",
        "type=\"password\"",
    ] {
        assert!(form.html.contains(part), "{part}: {}", form.html);
    }
    for never in ["autocomplete=\"off\"", "onpaste", "readonly"] {
        assert!(!form.html.contains(never), "{never}");
    }
}

#[test]
fn nobody_can_tell_who_has_an_account() {
    let school = password_school();
    let mut seen = Vec::new();
    for name in [
        "dana@maple.example",
        "dokafor",
        "leo@maple.example",
        "made@maple.example",
        "nobody@maple.example",
        "dana@oak.example",
        "",
        "' or 1=1 --",
        &"x".repeat(400),
    ] {
        let mut browser = school.browser();
        let page = attempt(&mut browser, name, "wrong password");
        page.says(StatusCode::FORBIDDEN, "do not belong together");
        let shown = page.html.replace(&crate_escape(name), "NAME");
        let token = shown.split("name=\"token\" value=\"").nth(1).unwrap();
        let token = token.split('"').next().unwrap().to_owned();
        seen.push(
            shown
                .replace(&token, "TOKEN")
                .replace("value=\"\"", "value=\"NAME\""),
        );
        school.nobody_entered();
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:#?}");
}

fn crate_escape(text: &str) -> String {
    if text.is_empty() {
        "no text is empty".to_owned()
    } else {
        text.replace('\'', "&#39;")
    }
}

#[test]
fn a_name_that_was_typed_can_not_break_out_of_the_page() {
    let school = password_school();
    let mut browser = school.browser();
    let page = attempt(&mut browser, "\"><script>alert(1)</script>", "x");
    page.says(
        StatusCode::FORBIDDEN,
        "value=\"&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;\"",
    );
    assert!(
        !page.html.contains(">x<"),
        "the password is not shown again"
    );
}

#[test]
fn what_is_far_too_long_is_refused_and_nothing_breaks() {
    let school = password_school();
    let mut browser = school.browser();
    attempt(&mut browser, "dokafor", &"x".repeat(2_000))
        .says(StatusCode::FORBIDDEN, "do not belong together");
    attempt(&mut browser, "dokafor", &"x".repeat(20_000))
        .says(StatusCode::FORBIDDEN, "was open for too long");
    let form = browser.get("/login/maple/password");
    let nul = [("name", "dokafor\0"), ("password", RIGHT)];
    browser
        .submit(&form, &nul)
        .says(StatusCode::FORBIDDEN, "do not belong together");
    school.nobody_entered();
}

#[test]
fn a_form_that_no_page_of_ours_showed_is_not_taken() {
    let school = password_school();
    let right = [("name", "dokafor"), ("password", RIGHT)];
    let mut browser = school.browser();
    let post = |browser: &mut Browser<'_>| {
        browser
            .post("/login/maple/password", &right)
            .says(StatusCode::FORBIDDEN, "was open for too long");
    };
    post(&mut browser);
    let form = browser.get("/login/maple/password");
    post(&mut browser);
    for origin in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "https://sync.example.evil.example"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        browser.origin = vec![origin];
        browser
            .submit(&form, &right)
            .says(StatusCode::FORBIDDEN, "was open for too long");
    }
    // The token of another browser, and one for another purpose.
    let mut other = school.browser();
    other.get("/login/maple/password");
    other
        .submit(&form, &right)
        .says(StatusCode::FORBIDDEN, "was open for too long");
    let elsewhere = [("content-type", "text/plain")];
    let request =
        http::Request::post("/login/maple/password").header(elsewhere[0].0, elsewhere[0].1);
    let response = school.send(request.body("name=dokafor".into()).unwrap());
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    school.nobody_entered();
    // A browser that says nothing has the token, and the right one goes through.
    browser.origin = Vec::new();
    assert_eq!(
        browser.submit(&form, &right).location(),
        "/login/maple/signed-in"
    );
}

#[test]
fn a_right_password_of_an_account_that_may_not_be_used_is_told_and_a_wrong_one_is_not() {
    let school = password_school();
    for (changes, text) in [
        (json!({"status": "suspended"}), "Your account is suspended"),
        (json!({"sign_in_allowed": false}), "switched off signing in"),
    ] {
        school.people(&[account("a1", "dana@maple.example", &changes)]);
        let mut browser = school.browser();
        attempt(&mut browser, "dana@maple.example", RIGHT).says(StatusCode::FORBIDDEN, text);
        attempt(&mut browser, "dana@maple.example", "wrong")
            .says(StatusCode::FORBIDDEN, "do not belong together");
    }
    let causes: Vec<Value> = school
        .refusals()
        .into_iter()
        .map(|refusal| refusal["cause"].clone())
        .collect();
    assert_eq!(causes, [json!("off"), json!("suspended")]);
    assert!(!school.refusals()[0].to_string().contains("somebody"));
    school.nobody_entered();
}

#[test]
fn a_password_that_was_handed_out_has_to_be_changed() {
    let school = password_school();
    let client = school.application(None);
    let mut browser = school.browser();
    let choose = browser.get(&asking(&client)).location();
    let form = browser.get(&choose.replace("maple?", "maple/password?"));
    let typed = [
        ("name", "made@maple.example"),
        ("password", "k7mw-p2hq-e9xn-4a"),
    ];
    let change = browser.submit(&form, &typed).location();
    assert!(change.starts_with("/login/maple/password/change?request="));
    assert_eq!(browser.session(), None);
    let form = browser.get(&change);
    for part in [
        "autocomplete=\"new-password\"",
        "autocomplete=\"username\" readonly",
        "value=\"made@maple.example\"",
    ] {
        assert!(form.html.contains(part), "{part}: {}", form.html);
    }
    for (new, again, text) in [
        ("short", "short", "needs at least 8 characters"),
        ("password123", "password123", "everybody tries first"),
        (
            "made-it-myself",
            "made-it-myself",
            "email address or username",
        ),
        (
            "k7mw-p2hq-e9xn-4a",
            "k7mw-p2hq-e9xn-4a",
            "the password that you had",
        ),
        ("a fine sentence", "another sentence", "not alike"),
    ] {
        browser
            .submit(&form, &[("new", new), ("again", again)])
            .says(StatusCode::UNPROCESSABLE_ENTITY, text);
    }
    let new = [("new", "a fine sentence"), ("again", "a fine sentence")];
    let (base, answer) = browser.submit(&form, &new).sent_to();
    assert_eq!(base, APP);
    assert!(answer.contains_key("code"));
    assert!(browser.session().is_some());
    browser
        .submit(&form, &new)
        .says(StatusCode::BAD_REQUEST, "This took too long");
    let mut later = school.browser();
    attempt(&mut later, "made@maple.example", "k7mw-p2hq-e9xn-4a")
        .says(StatusCode::FORBIDDEN, "do not belong together");
    let done = attempt(&mut later, "made@maple.example", "a fine sentence");
    assert_eq!(done.location(), "/login/maple/signed-in");
}

#[test]
fn a_change_is_only_for_the_browser_that_proved_the_old_password_and_for_ten_minutes() {
    let school = password_school();
    let mut browser = school.browser();
    attempt(&mut browser, "made@maple.example", "k7mw-p2hq-e9xn-4a").location();
    let form = browser.get("/login/maple/password/change");
    let mut other = school.browser();
    other
        .get("/login/maple/password/change")
        .says(StatusCode::BAD_REQUEST, "This took too long");
    let new = [("new", "a fine sentence"), ("again", "a fine sentence")];
    other
        .submit(&form, &new)
        .says(StatusCode::BAD_REQUEST, "This took too long");
    browser.origin = vec![("origin", "https://evil.example")];
    browser
        .submit(&form, &new)
        .says(StatusCode::FORBIDDEN, "was open for too long");
    browser.origin = Vec::new();
    school.district.ports.advance(Duration::from_mins(10));
    browser
        .submit(&form, &new)
        .says(StatusCode::BAD_REQUEST, "This took too long");
    school.nobody_entered();
}

#[test]
fn whoever_wants_to_can_choose_a_new_password() {
    let school = password_school();
    let mut browser = school.browser();
    let page = browser.get("/login/maple/password");
    let form = browser.get(&page.link("Change your password"));
    form.says(StatusCode::OK, "First, your present password");
    let typed = [("name", "dokafor"), ("password", RIGHT)];
    let change = browser.submit(&form, &typed).location();
    let form = browser.get(&change);
    let new = [("new", "another sentence"), ("again", "another sentence")];
    assert_eq!(
        browser.submit(&form, &new).location(),
        "/login/maple/signed-in"
    );
    assert_eq!(
        attempt(&mut school.browser(), "dokafor", "another sentence").location(),
        "/login/maple/signed-in"
    );
}

#[test]
fn a_code_works_once_for_a_day_and_ends_what_was_signed_in_to() {
    let school = password_school();
    let mut browser = school.browser();
    attempt(&mut browser, "dokafor", RIGHT).location();
    let (status, code) = school.admin("POST", "/accounts/a1/password", &Value::Null);
    assert_eq!(status, StatusCode::CREATED, "{code}");
    let code = code["code"].as_str().unwrap();
    assert_eq!(
        browser.get("/login/maple/signed-in").location(),
        "/login/maple"
    );
    attempt(&mut browser, "dokafor", RIGHT).says(StatusCode::FORBIDDEN, "do not belong");
    for (key, value) in school.district.dump() {
        assert!(!String::from_utf8_lossy(&value).contains(code), "{key}");
    }
    let change = attempt(&mut browser, "dokafor", code).location();
    assert_eq!(change, "/login/maple/password/change");
    attempt(&mut school.browser(), "dokafor", code).says(StatusCode::FORBIDDEN, "do not belong");
    let form = browser.get(&change);
    let new = [("new", "another sentence"), ("again", "another sentence")];
    let done = browser.submit(&form, &new);
    assert_eq!(done.location(), "/login/maple/signed-in");
    browser
        .get("/login/maple/signed-in")
        .says(StatusCode::OK, "You are signed in");
    let (_, code) = school.admin("POST", "/accounts/a1/password", &Value::Null);
    school.district.ports.advance(Duration::from_hours(24));
    let code = code["code"].as_str().unwrap();
    attempt(&mut browser, "dokafor", code).says(StatusCode::FORBIDDEN, "do not belong");
}

#[test]
fn passwords_that_are_off_are_not_looked_at() {
    let school = password_school();
    let mut browser = school.browser();
    let form = browser.get("/login/maple/password");
    school.set(&json!({"methods": ["google"]}));
    browser
        .submit(&form, &[("name", "dokafor"), ("password", RIGHT)])
        .says(StatusCode::FORBIDDEN, "Signing in with a password is off");
    school.nobody_entered();
}
