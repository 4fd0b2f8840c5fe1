//! Requests that are not what they should be.

use super::district::{District, OPERATOR, request};
use bytes::Bytes;
use engine::doors::api;
use engine::memory::block_on;
use http::{Method, StatusCode};
use serde_json::{Value, json};

fn raw(body: &[u8]) -> http::Request<Bytes> {
    let mut request = request(Method::POST, OPERATOR, "/api/v1/tenants", &Value::Null);
    *request.body_mut() = Bytes::copy_from_slice(body);
    request
}

#[test]
fn a_body_that_does_not_fit_is_refused_by_field() {
    let district = District::new();
    let invalid = StatusCode::UNPROCESSABLE_ENTITY;
    for (body, status, field) in [
        (&b"{\"id\":\"x\""[..], StatusCode::BAD_REQUEST, None),
        (b"\xff{}", StatusCode::BAD_REQUEST, None),
        (
            br#"{"id":"x","name":"dana","extra":1}"#,
            invalid,
            Some("extra"),
        ),
        (br#"{"id":"x","name":7}"#, invalid, Some("name")),
        (br#"{"id":"X!","name":"dana"}"#, invalid, Some("id")),
        (br#"{"id":"x","name":" "}"#, invalid, Some("name")),
        (
            br#"{"id":"x","name":"dana","time_zone":"Mars"}"#,
            invalid,
            Some("time_zone"),
        ),
        (
            br#"{"id":"x","name":"dana","time_zone":"Mars Base"}"#,
            invalid,
            Some("time_zone"),
        ),
        (
            br#"{"id":"x","name":"dana","nightly_at":"25:00"}"#,
            invalid,
            Some("nightly_at"),
        ),
        (br#"{"name":"dana"}"#, invalid, Some("id")),
    ] {
        let document = district.refuses(raw(body), status, &["dana", "Mars", "25:00"]);
        assert_eq!(document["errors"][0]["field"].as_str(), field, "{document}");
    }
}

#[test]
fn a_body_of_ten_mebibytes_is_refused() {
    let district = District::new();
    let body = vec![b' '; 10 * 1024 * 1024];
    district.refuses(raw(&body), StatusCode::PAYLOAD_TOO_LARGE, &[]);
}

#[test]
fn another_media_type_is_refused() {
    let district = District::new();
    let mut request = raw(b"id=x&name=y");
    let form = "application/x-www-form-urlencoded".parse().unwrap();
    request.headers_mut().insert("content-type", form);
    district.refuses(request, StatusCode::UNSUPPORTED_MEDIA_TYPE, &[]);
}

#[test]
fn unknown_paths_and_methods_are_told_apart() {
    let district = District::new();
    for path in [
        "/",
        "/api/v1",
        "/api/v1/tenants/",
        "/api/v1/tenants/maple/none",
        "/api/v2/tenants",
    ] {
        let request = request(Method::GET, OPERATOR, path, &Value::Null);
        district.refuses(request, StatusCode::NOT_FOUND, &[]);
    }
    let wrong = request(Method::DELETE, OPERATOR, "/api/v1/tenants", &Value::Null);
    let response = district.send(wrong);
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()["allow"], "GET, HEAD, POST");
    let head = district.send(request(
        Method::HEAD,
        OPERATOR,
        "/api/v1/tenants",
        &Value::Null,
    ));
    assert_eq!((head.status(), head.body().len()), (StatusCode::OK, 0));
}

#[test]
fn a_mode_that_is_not_there_yet_is_refused_as_such() {
    let district = District::new();
    for mode in ["export", "import_export"] {
        let body = json!({"provider": "google", "domain": "maplegrove.example", "mode": mode});
        let path = "/api/v1/tenants/maple/connections";
        let request = request(Method::POST, &district.admin, path, &body);
        let document = district.refuses(request, StatusCode::NOT_IMPLEMENTED, &[]);
        assert!(
            document["detail"]
                .as_str()
                .unwrap()
                .contains("not available yet")
        );
    }
}

#[test]
fn a_time_zone_is_taken_when_the_component_with_the_database_knows_it() {
    let district = District::new();
    let path = "/api/v1/tenants/maple";
    let edit = |zone: &str| {
        request(
            Method::PATCH,
            &district.admin,
            path,
            &json!({"time_zone": zone}),
        )
    };
    let chosen = district.send(edit("America/Chicago"));
    assert_eq!(chosen.status(), StatusCode::OK);
    let invalid = StatusCode::UNPROCESSABLE_ENTITY;
    let document = district.refuses(edit("America/Chicago_Loop"), invalid, &["Loop"]);
    assert_eq!(document["errors"][0]["field"], "time_zone");
    let tenant = district.get(&district.admin, path).1;
    assert_eq!(tenant["time_zone"], "America/Chicago");
    // Without an answer nothing is changed.
    let before = district.dump();
    let response = block_on(api::handle(&district.ports, edit("America/Denver")));
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(district.dump(), before);
}
