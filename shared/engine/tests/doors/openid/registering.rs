//! The operator's list of applications.

use super::fixture::{App, encode, exchanging, form_request, settings_with};
use crate::district::{OPERATOR, problem, request};
use engine::doors::oidc::ROUTES;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

#[test]
fn an_application_is_registered_listed_changed_and_removed() {
    let app = App::new();
    let path = format!("/api/v1/clients/{}", app.id);
    let (_, read) = app.operator(Method::GET, &path, &Value::Null);
    assert_eq!(read["name"], "Reader");
    assert_eq!(read["token_endpoint_auth_method"], "client_secret_basic");
    assert!(read.get("secret").is_none());
    let minimal = json!({"name": " Sums ", "redirect_uris": ["http://localhost:4000/cb"]});
    let (sums, secret) = app.register(&minimal);
    assert!(secret.starts_with("rcs_") && sums.starts_with("app-"));
    let (_, list) = app.operator(Method::GET, "/api/v1/clients", &Value::Null);
    let names: Vec<&Value> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| &c["name"])
        .collect();
    assert_eq!(names, ["Reader", "Sums"]);
    assert!(!list.to_string().contains("secret\""));
    let changed = settings_with(&json!({"name": "Reader 2"}));
    let (status, body) = app.operator(Method::PUT, &path, &changed);
    assert_eq!(
        (status, &body["name"]),
        (StatusCode::OK, &json!("Reader 2"))
    );
    assert_eq!(
        app.operator(Method::DELETE, &path, &Value::Null).0,
        StatusCode::OK
    );
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(
            app.operator(method, &path, &Value::Null).0,
            StatusCode::NOT_FOUND
        );
    }
    assert_eq!(
        app.operator(Method::PUT, &path, &changed).0,
        StatusCode::NOT_FOUND
    );
    let (_, list) = app.operator(Method::GET, "/api/v1/clients", &Value::Null);
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
}

#[test]
fn what_is_done_stands_in_the_audit_log_of_the_tenants_that_it_concerns() {
    let app = App::new();
    let path = format!("/api/v1/clients/{}", app.id);
    let changed = settings_with(&json!({"tenants": ["oak"]}));
    app.operator(Method::PUT, &path, &changed);
    app.operator(Method::PUT, &path, &changed);
    app.operator(Method::POST, &format!("{path}/secret"), &Value::Null);
    app.operator(Method::DELETE, &path, &Value::Null);
    let whats = |key: &str, tenant: &str| {
        let (_, audit) = app
            .district
            .get(key, &format!("/api/v1/tenants/{tenant}/audit"));
        let items = audit["items"].as_array().unwrap().clone();
        let of_client = items
            .into_iter()
            .filter(|entry| entry["subject"] == app.id.as_str());
        let whats = of_client.map(|entry| {
            assert_eq!(entry["who"]["kind"], "operator");
            entry["what"].as_str().unwrap().to_owned()
        });
        whats.collect::<Vec<_>>()
    };
    assert_eq!(
        whats(&app.district.admin, "maple"),
        ["client_changed", "client_registered"]
    );
    assert_eq!(
        whats(&app.district.stranger, "oak"),
        ["client_removed", "client_secret_rotated", "client_changed"]
    );
}

#[test]
fn what_breaks_a_rule_is_refused_by_field() {
    let app = App::new();
    let before = app.district.dump();
    let many: Vec<String> = (0..21)
        .map(|n| format!("https://app.example/{n}"))
        .collect();
    for (with, field) in [
        (json!({"name": " "}), "name"),
        (json!({"redirect_uris": []}), "redirect_uris"),
        (json!({"redirect_uris": many}), "redirect_uris"),
        (
            json!({"redirect_uris": ["http://app.example/"]}),
            "redirect_uris[0]",
        ),
        (
            json!({"redirect_uris": ["https://app.example/*"]}),
            "redirect_uris[0]",
        ),
        (
            json!({"post_logout_redirect_uris": ["https://a.example/#x"]}),
            "post_logout_redirect_uris[0]",
        ),
        (
            json!({"initiate_login_uri": "ftp://app.example/"}),
            "initiate_login_uri",
        ),
        (
            json!({"backchannel_logout_uri": "app.example"}),
            "backchannel_logout_uri",
        ),
        (json!({"tenants": []}), "tenants"),
        (json!({"tenants": ["elm"]}), "tenants[0]"),
        (json!({"tenants": ["../x"]}), "tenants[0]"),
        (
            json!({"token_endpoint_auth_method": "private_key_jwt"}),
            "token_endpoint_auth_method",
        ),
        (json!({"offline_access": "yes"}), "offline_access"),
        (json!({"grant_types": ["implicit"]}), "grant_types"),
    ] {
        let settings = settings_with(&with);
        for (method, path) in [
            (Method::POST, "/api/v1/clients".to_owned()),
            (Method::PUT, format!("/api/v1/clients/{}", app.id)),
        ] {
            let (status, body) = app.operator(method, &path, &settings);
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{with} {body}");
            assert_eq!(body["errors"][0]["field"], field, "{with} {body}");
        }
    }
    assert_eq!(app.district.dump(), before);
}

#[test]
fn only_the_operator_may() {
    let app = App::new();
    let before = app.district.dump();
    for route in ROUTES {
        let path = route.path.replace("{client}", &app.id);
        let method: Method = route.method.parse().unwrap();
        for (token, status) in [
            ("", StatusCode::UNAUTHORIZED),
            ("guess", StatusCode::UNAUTHORIZED),
            (app.district.admin.as_str(), StatusCode::FORBIDDEN),
            (app.district.viewer.as_str(), StatusCode::FORBIDDEN),
        ] {
            let body = settings_with(&json!({}));
            let response = app.send(request(method.clone(), token, &path, &body));
            problem(&response, status, &[OPERATOR], &path);
        }
    }
    let response = app.send(request(
        Method::PATCH,
        OPERATOR,
        "/api/v1/clients",
        &Value::Null,
    ));
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()["allow"], "GET, HEAD, POST");
    assert_eq!(app.district.dump(), before);
}

/// Whether a secret is the application's.
fn is_known(app: &App, secret: &str) -> bool {
    let form = encode(&exchanging("rc-code_1-1_x", &json!({})));
    let request = form_request("/oidc/token", Some((&app.id, secret)), &form);
    let body: Value = serde_json::from_slice(app.send(request).body()).unwrap();
    body["error"] == "invalid_grant"
}

#[test]
fn a_new_secret_takes_the_place_of_the_old_one_at_once_or_after_a_while() {
    let app = App::new();
    let path = format!("/api/v1/clients/{}/secret", app.id);
    let rotate = |body: &Value| {
        let (status, body) = app.operator(Method::POST, &path, body);
        assert_eq!(status, StatusCode::OK, "{body}");
        body["secret"].as_str().unwrap().to_owned()
    };
    assert!(is_known(&app, &app.secret));
    let second = rotate(&Value::Null);
    assert!(is_known(&app, &second) && !is_known(&app, &app.secret));
    let third = rotate(&json!({"overlap_s": 60}));
    assert!(is_known(&app, &third) && is_known(&app, &second));
    app.pass(Duration::from_mins(1));
    assert!(is_known(&app, &third) && !is_known(&app, &second));
    let (status, _) = app.operator(Method::POST, &path, &json!({"overlap_s": 86_401}));
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[test]
fn a_client_without_a_secret_gets_none_and_one_that_loses_it_has_none() {
    let app = App::registered(&json!({"token_endpoint_auth_method": "none"}));
    assert!(app.secret.is_empty());
    let path = format!("/api/v1/clients/{}", app.id);
    let rotated = app.operator(Method::POST, &format!("{path}/secret"), &Value::Null);
    assert_eq!(rotated.0, StatusCode::CONFLICT);
    let app = App::new();
    let path = format!("/api/v1/clients/{}", app.id);
    let public = settings_with(&json!({"token_endpoint_auth_method": "none"}));
    app.operator(Method::PUT, &path, &public);
    app.operator(Method::PUT, &path, &settings_with(&json!({})));
    assert!(!is_known(&app, &app.secret) && !is_known(&app, ""));
}
