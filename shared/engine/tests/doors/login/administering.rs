//! What administrators and the operator may do, and nobody else.

use super::google::{danas_school, sign_in};
use super::passwords::password_school;
use super::school;
use super::web::CLEVER_DISTRICT;
use crate::district::{OPERATOR, problem, request};
use engine::doors::login::{Access, ROUTES};
use http::StatusCode;
use serde_json::{Value, json};

fn concrete(path: &str) -> String {
    path.replace("{tenant}", "maple")
        .replace("{refusal}", "1")
        .replace("{account}", "a1")
        .replace("{method}", "google")
}

#[test]
fn every_route_is_for_those_whom_the_table_names() {
    let school = school(&["google"]);
    let district = &school.district;
    for route in ROUTES {
        let path = concrete(route.path);
        let ask = |token: &str, path: &str| {
            let method = route.method.parse().unwrap();
            let mut request = request(method, token, path, &json!({}));
            request
                .headers_mut()
                .insert("if-match", "\"9\"".parse().unwrap());
            school.send(request)
        };
        let what = format!("{} {path}", route.method);
        let before = district.dump();
        problem(&ask("", &path), StatusCode::UNAUTHORIZED, &[], &what);
        problem(&ask("guess", &path), StatusCode::UNAUTHORIZED, &[], &what);
        let strange = ask(&district.stranger, &path);
        let known = problem(&strange, StatusCode::NOT_FOUND, &["maple"], &what);
        let unknown = ask(&district.stranger, &path.replace("maple", "nobody"));
        let unknown = problem(&unknown, StatusCode::NOT_FOUND, &[], &what);
        assert_eq!(known, unknown, "{what} tells which tenants exist");
        match route.access {
            Access::Operator => {
                let answer = ask(&district.admin, &path);
                problem(&answer, StatusCode::FORBIDDEN, &[], &what);
                let nobody = ask(OPERATOR, &path.replace("maple", "nobody"));
                problem(&nobody, StatusCode::NOT_FOUND, &[], &what);
            }
            Access::Read | Access::Write => {
                problem(&ask(OPERATOR, &path), StatusCode::FORBIDDEN, &[], &what);
            }
            Access::ReadOrOperator => {
                assert_eq!(ask(OPERATOR, &path).status(), StatusCode::OK, "{what}");
            }
        }
        if route.access == Access::Write {
            let answer = ask(&district.viewer, &path);
            problem(&answer, StatusCode::FORBIDDEN, &[], &what);
        }
        assert_eq!(district.dump(), before, "{what} changed the store");
    }
    let post = request(
        "PATCH".parse().unwrap(),
        &district.admin,
        super::SIGN_IN,
        &json!({}),
    );
    let answer = school.send(post);
    assert_eq!(answer.headers()["allow"], "GET, PUT");
}

#[test]
fn settings_are_replaced_by_whoever_knows_their_version() {
    let school = school(&["google"]);
    let admin = &school.district.admin;
    let (status, version, shown) = school.ask(admin, "GET", "", &Value::Null, None);
    assert_eq!(
        (status, version.as_deref()),
        (StatusCode::OK, Some("\"1\""))
    );
    assert_eq!(
        shown,
        json!({"methods": ["google"], "enforced": {}, "google_domains": [], "email_domains": [],
            "classlink_emails": false, "ready": ["google"]})
    );
    let next = json!({"methods": ["google", "password"],
        "enforced": {"student": ["google"], "parent": []},
        "google_domains": ["Maple.example"]});
    for (version, expected) in [
        (None, StatusCode::PRECONDITION_REQUIRED),
        (Some("\"0\""), StatusCode::PRECONDITION_FAILED),
        (Some("1"), StatusCode::BAD_REQUEST),
        (Some("*"), StatusCode::BAD_REQUEST),
    ] {
        let (status, _, _) = school.ask(admin, "PUT", "", &next, version);
        assert_eq!(status, expected, "{version:?}");
    }
    let (status, version, shown) = school.ask(admin, "PUT", "", &next, Some("\"1\""));
    assert_eq!(
        (status, version.as_deref()),
        (StatusCode::OK, Some("\"2\""))
    );
    assert_eq!(shown["google_domains"], json!(["maple.example"]));
    for (body, field) in [
        (json!({"methods": ["facebook"]}), "methods[0]"),
        (json!({"enforced": {"students": []}}), "enforced.students"),
        (
            json!({"google_domains": ["no domain"]}),
            "google_domains[0]",
        ),
        (json!({"googel_domains": []}), "googel_domains"),
    ] {
        let (status, _, problem) = school.ask(admin, "PUT", "", &body, Some("\"2\""));
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    let (_, audit) = school
        .district
        .get(&school.district.viewer, "/api/v1/tenants/maple/audit");
    assert_eq!(audit["items"][0]["what"], "sign_in_changed");
    assert_eq!(audit["items"][0]["who"]["id"], "key-1");
}

#[test]
fn a_district_is_one_tenants() {
    let school = school(&["clever"]);
    school.set_districts(&json!({"clever": [CLEVER_DISTRICT]}));
    let path = "/api/v1/tenants/oak/sign-in/districts";
    let mut other = request(
        "PUT".parse().unwrap(),
        OPERATOR,
        path,
        &json!({"clever": [CLEVER_DISTRICT]}),
    );
    other
        .headers_mut()
        .insert("if-match", "\"0\"".parse().unwrap());
    problem(&school.send(other), StatusCode::CONFLICT, &["maple"], path);
    let (_, shown) = school.admin("GET", "/districts", &Value::Null);
    assert_eq!(shown["all"]["clever"], json!([CLEVER_DISTRICT]));
    let (_, shown) = school.admin("GET", "", &Value::Null);
    assert_eq!(shown["ready"], json!(["clever"]));
    let (status, version, _) = school.ask(OPERATOR, "PUT", "/districts", &json!({}), None);
    assert_eq!(
        (status, version.as_deref()),
        (StatusCode::OK, Some("\"2\""))
    );
    let stale = school.ask(OPERATOR, "PUT", "/districts", &json!({}), Some("\"1\""));
    assert_eq!(stale.0, StatusCode::PRECONDITION_FAILED);
    let many: Vec<String> = (0..21).map(|n| format!("d{n}")).collect();
    let version = Some("\"2\"");
    let many = json!({"classlink": many});
    let (status, _, _) = school.ask(OPERATOR, "PUT", "/districts", &many, version);
    assert_eq!(status, StatusCode::CONFLICT);
}

#[test]
fn a_link_that_is_removed_ends_what_it_opened() {
    let school = danas_school();
    let mut browser = school.browser();
    sign_in(&school, &mut browser, "/login/maple/google").location();
    school
        .district
        .ports
        .advance(std::time::Duration::from_secs(1));
    let (_, shown) = school.admin("GET", "/accounts/a1", &Value::Null);
    assert_eq!(shown["links"][0]["user_id"], "111");
    assert!(shown.get("password").is_none());
    let gone = || school.admin("DELETE", "/accounts/a1/links/google", &Value::Null);
    assert_eq!(gone().0, StatusCode::NO_CONTENT);
    assert_eq!(gone().0, StatusCode::NOT_FOUND);
    assert_eq!(
        browser.get("/login/maple/signed-in").location(),
        "/login/maple"
    );
    let (_, shown) = school.admin("GET", "/accounts/a1", &Value::Null);
    assert_eq!(shown["links"], json!([]));
}

#[test]
fn everything_that_an_account_is_signed_in_to_can_be_ended() {
    let school = danas_school();
    let mut browser = school.browser();
    sign_in(&school, &mut browser, "/login/maple/google").location();
    school
        .district
        .ports
        .advance(std::time::Duration::from_secs(1));
    let (status, _) = school.admin("POST", "/accounts/a1/sign-out", &Value::Null);
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(
        browser.get("/login/maple/signed-in").location(),
        "/login/maple"
    );
    school
        .district
        .ports
        .advance(std::time::Duration::from_secs(1));
    sign_in(&school, &mut browser, "/login/maple/google").location();
    browser
        .get("/login/maple/signed-in")
        .says(StatusCode::OK, "You are signed in");
}

#[test]
fn codes_are_for_accounts_that_have_a_password_or_came_from_a_file() {
    let school = password_school();
    school.district.connect();
    let google = json!({"sources": [{"connection": "google", "external_id": "1"}]});
    school.people(&[
        super::roster::account("a1", "dana@maple.example", &json!({})),
        super::roster::account("a2", "leo@maple.example", &google),
        super::roster::account("a4", "gone@maple.example", &json!({"status": "deleted"})),
        super::roster::account("a5", "new@maple.example", &json!({})),
    ]);
    for (id, expected) in [
        ("a1", StatusCode::CREATED),
        ("a2", StatusCode::CONFLICT),
        ("a4", StatusCode::CONFLICT),
        ("a5", StatusCode::CREATED),
        ("nobody", StatusCode::NOT_FOUND),
        ("A/../B", StatusCode::NOT_FOUND),
    ] {
        let (status, body) =
            school.admin("POST", &format!("/accounts/{id}/password"), &json!(null));
        assert_eq!(status, expected, "{id}: {body}");
    }
    let (_, shown) = school.admin("GET", "/accounts/a5", &Value::Null);
    assert_eq!(shown["password"]["must_change"], true);
    assert!(shown["password"]["code_until_ms"].is_i64());
}

#[test]
fn an_entry_is_confirmed_for_an_account_that_exists_or_dismissed() {
    let school = danas_school();
    school.people(&[super::roster::account(
        "a2",
        "leo@maple.example",
        &json!({}),
    )]);
    let mut browser = school.browser();
    sign_in(&school, &mut browser, "/login/maple/google");
    let confirm = |body: &Value| school.admin("POST", "/refusals/1/confirm", body).0;
    assert_eq!(
        confirm(&json!({"account": "nobody"})),
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert_eq!(confirm(&json!({})), StatusCode::UNPROCESSABLE_ENTITY);
    let dismiss = |id: &str| {
        school
            .admin("DELETE", &format!("/refusals/{id}"), &Value::Null)
            .0
    };
    assert_eq!(dismiss("2"), StatusCode::NOT_FOUND);
    assert_eq!(dismiss("x"), StatusCode::NOT_FOUND);
    assert_eq!(dismiss("1"), StatusCode::NO_CONTENT);
    assert_eq!(confirm(&json!({"account": "a2"})), StatusCode::NOT_FOUND);
    sign_in(&school, &mut browser, "/login/maple/google");
    let path = format!(
        "/refusals/{}/confirm",
        school.refusals()[0]["id"].as_str().unwrap()
    );
    let (status, link) = school.admin("POST", &path, &json!({"account": "a2"}));
    assert_eq!(status, StatusCode::OK, "{link}");
    assert_eq!(link["account"], "a2");
    sign_in(&school, &mut browser, "/login/maple/google").location();
    let (_, audit) = school
        .district
        .get(&school.district.viewer, "/api/v1/tenants/maple/audit");
    assert!(audit.to_string().contains("link_confirmed"));
    assert!(!audit.to_string().contains("dana@"), "{audit}");
}
