//! What needs Google, asked of the component that reaches it.

use super::consent::{authorize, district};
use super::district::{District, problem};
use bytes::Bytes;
use engine::doors;
use engine::memory::block_on;
use engine::ports::TransportError;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;

const CONNECTION: &str = "/api/v1/tenants/maple/connections/google";

fn ask(district: &District, body: &Value) -> http::Response<Bytes> {
    let request = http::Request::post("http://oauth.spin.internal/connection")
        .header("content-type", "application/json")
        .body(Bytes::from(body.to_string()))
        .unwrap();
    block_on(doors::oauth::handle(&district.ports, request))
}

fn asking(operation: &str) -> Value {
    json!({"operation": operation, "tenant": "maple", "connection": "google",
        "actor": {"kind": "operator"}})
}

#[test]
fn a_test_through_the_api_is_kept_and_shown_as_the_api_shows_a_connection() {
    let (district, google) = district();
    authorize(&district, &google);
    let (status, tested) =
        district.post(&district.admin, &format!("{CONNECTION}/test"), &Value::Null);
    assert_eq!(
        (status, &tested["last_test"]["passed"]),
        (StatusCode::OK, &true.into())
    );
    assert_eq!(district.get(&district.viewer, CONNECTION).1, tested);
    let (_, audit) = district.get(&district.viewer, "/api/v1/tenants/maple/audit");
    let newest = &audit["items"][0];
    assert_eq!(newest["what"], "connection_tested");
    assert_eq!(newest["who"]["id"], "key-1");
}

#[test]
fn a_request_with_an_unknown_operation_or_field_changes_nothing() {
    let (district, _) = district();
    let before = district.dump();
    let mut extra = asking("delete");
    extra["force"] = true.into();
    for body in [asking("transfer"), extra, json!({"operation": "delete"})] {
        let response = ask(&district, &body);
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        problem(&response, status, &[], &body.to_string());
    }
    assert_eq!(district.dump(), before);
}

#[test]
fn an_unknown_connection_is_not_found_whatever_is_asked() {
    let (district, _) = district();
    let before = district.dump();
    for operation in ["check", "delete", "org_units", "revoke", "test"] {
        let mut body = asking(operation);
        body["connection"] = "other".into();
        problem(
            &ask(&district, &body),
            StatusCode::NOT_FOUND,
            &[],
            operation,
        );
    }
    assert_eq!(district.dump(), before);
}

#[test]
fn a_component_that_fails_or_answers_no_document_is_reported_as_unavailable() {
    let (district, _) = district();
    let silent: Vec<Result<(u16, &'static str), TransportError>> = vec![
        Err(TransportError::Failed),
        Ok((500, "text/plain")),
        Ok((404, "text/html")),
    ];
    for answer in silent {
        let ports = district.ports.with_handler(Arc::new(move |_, _| {
            let answer = answer.map(|(status, media_type)| {
                http::Response::builder()
                    .status(status)
                    .header("content-type", media_type)
                    .body(Bytes::from_static(b"trap at maple"))
                    .unwrap()
            });
            Box::pin(async move { answer })
        }));
        for (method, path) in [
            (Method::POST, "test"),
            (Method::POST, "revoke"),
            (Method::POST, "authorize"),
            (Method::GET, "org-units"),
        ] {
            let path = format!("{CONNECTION}/{path}");
            let request = super::district::request(method, &district.admin, &path, &Value::Null);
            let response = block_on(doors::api::handle(&ports, request));
            let status = StatusCode::SERVICE_UNAVAILABLE;
            problem(&response, status, &["trap"], &path);
        }
    }
}
