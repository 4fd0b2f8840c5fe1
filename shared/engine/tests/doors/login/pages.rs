//! Pages: where they are, what they may do, and what can't be smuggled through them.

use super::roster::account;
use super::{asking, school};
use http::{Method, StatusCode};
use serde_json::json;

#[test]
fn a_district_that_does_not_exist_has_a_page_that_says_so() {
    let school = school(&["google"]);
    let mut browser = school.browser();
    for path in [
        "/login/nobody",
        "/login/nobody/google",
        "/login/M%C3%A4ple",
        "/login/",
    ] {
        browser.get(path).says(
            StatusCode::NOT_FOUND,
            "There is no district at this address",
        );
    }
    for path in [
        "/login",
        "/login/maple/other",
        "/login/maple/google/x",
        "/",
        "/oidc/x",
    ] {
        browser
            .get(path)
            .says(StatusCode::NOT_FOUND, "There is no such page");
    }
}

#[test]
fn a_tenant_without_any_way_to_sign_in_says_so() {
    let school = school(&[]);
    let mut browser = school.browser();
    browser.get("/login/maple").says(
        StatusCode::FORBIDDEN,
        "has not switched on any way to sign in",
    );
    for method in ["google", "clever", "classlink", "password"] {
        let page = browser.get(&format!("/login/maple/{method}"));
        page.says(StatusCode::FORBIDDEN, "is off");
        assert_eq!(page.link("All ways to sign in"), "/login/maple");
    }
}

#[test]
fn the_ways_that_are_on_have_buttons_in_a_landmark() {
    let school = school(&["google", "password"]);
    let mut browser = school.browser();
    let page = browser.get("/login/maple");
    assert!(page.html.contains("<nav aria-label=\"Ways to sign in\">"));
    assert_eq!(page.link("Sign in with Google"), "/login/maple/google");
    assert_eq!(
        page.link("Sign in with a password"),
        "/login/maple/password"
    );
    assert!(!page.html.contains("Clever"));
    assert!(page.html.contains("color-scheme:light dark"));
    assert!(page.html.contains(":focus-visible"));
    let head = browser.open(Method::HEAD, "/login/maple", None);
    assert_eq!((head.status, head.html.as_str()), (StatusCode::OK, ""));
}

#[test]
fn nothing_but_a_handle_of_ours_is_carried_through() {
    let school = school(&["google", "password"]);
    school.people(&[account("a1", "dana@maple.example", &json!({}))]);
    let mut browser = school.browser();
    for smuggled in [
        "//evil.example",
        "%2F%2Fevil.example",
        "https:%2F%2Fevil.example",
        "%5C%5Cevil.example",
        "javascript:alert(1)",
        "%22%3E%3Cscript%3E",
        "a%0d%0aset-cookie:x=1",
        "a;b",
    ] {
        let query = format!("request={smuggled}&next={smuggled}&redirect_uri={smuggled}");
        let page = browser.get(&format!("/login/maple?{query}"));
        assert_eq!(page.link("Sign in with Google"), "/login/maple/google");
        let page = browser.get(&format!("/login/maple/password?{query}"));
        assert!(!page.html.contains("evil"), "{}", page.html);
        assert!(!page.html.contains("javascript"), "{}", page.html);
        let away = browser.get(&format!("/login/maple/google?{query}"));
        assert!(!away.location().contains("evil"), "{}", away.location());
        let back = browser.get(&format!("/login/maple/cancel?{query}"));
        assert_eq!(back.location(), "/login/maple");
    }
}

#[test]
fn what_is_far_too_long_ends_on_a_page() {
    let school = school(&["google", "clever", "classlink", "password"]);
    let mut browser = school.browser();
    let long = "x".repeat(20_000);
    for method in ["google", "clever", "classlink"] {
        for query in [
            format!("state={long}&code=a"),
            format!("state=s&code={long}"),
            format!("code={long}"),
            format!("error={long}&state=s"),
            "state=a&state=b&code=c".to_owned(),
            "code=a&code=b".to_owned(),
            "%ff%fe=%00".to_owned(),
            "&&==&".to_owned(),
        ] {
            let page = browser.get(&format!("/callback/{method}?{query}"));
            assert!(page.status.is_client_error(), "{method} {query:.60}");
            assert!(page.html.contains("role=\"alert\""));
            assert!(!page.html.contains(&long));
        }
    }
    browser
        .get(&format!("/login/{long}"))
        .says(StatusCode::NOT_FOUND, "There is no district");
    browser.get(&format!("/login/maple?request={long}"));
    browser.get(&format!("/login/maple/password?request={long}"));
    browser
        .cookies
        .insert("__Host-rollcall-known".to_owned(), long.clone());
    browser
        .cookies
        .insert("__Host-rollcall-form".to_owned(), long);
    browser
        .get("/login/maple/password")
        .says(StatusCode::OK, "Sign in to maple");
}

#[test]
fn only_the_methods_that_a_page_has_open_it() {
    let school = school(&["google", "password"]);
    let mut browser = school.browser();
    for (method, path) in [
        (Method::POST, "/login/maple"),
        (Method::POST, "/login/maple/google"),
        (Method::POST, "/callback/google"),
        (Method::PUT, "/login/maple/password"),
        (Method::GET, "/login/maple/sign-out"),
        (Method::HEAD, "/callback/google"),
        (Method::PUT, "/oidc/authorize"),
    ] {
        let request = http::Request::builder().method(method.clone()).uri(path);
        let response = school.send(request.body(bytes::Bytes::new()).unwrap());
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert!(response.headers().contains_key("allow"), "{method} {path}");
    }
    browser.get("/login/maple").link("Sign in with Google");
}

#[test]
fn a_form_may_lead_to_the_application_that_waits_and_no_further() {
    let school = school(&["password"]);
    let client = school.application(None);
    let mut browser = school.browser();
    let choose = browser.get(&asking(&client)).location();
    let password = choose.replace("maple?", "maple/password?");
    let page = browser.get(&password);
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(
        policy.contains("form-action 'self' https://app.example;"),
        "{policy}"
    );
    // Without it browsers would not say where the form comes from.
    assert_eq!(page.headers["referrer-policy"], "same-origin");
    let page = browser.get("/login/maple/password");
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("form-action 'self';"), "{policy}");
    let page = browser.get("/login/maple");
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("form-action 'none';"), "{policy}");
}

#[test]
fn a_missing_variable_is_named_on_a_page() {
    let school = school(&["google"]);
    school.district.ports.set_variable("operator_token", "");
    let request = http::Request::get("/login/maple").body(bytes::Bytes::new());
    let response = school.send(request.unwrap());
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let text = String::from_utf8(response.body().to_vec()).unwrap();
    assert!(text.contains("operator_token"), "{text}");
}
