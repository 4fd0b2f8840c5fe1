//! The signed webhook, forged, stale and replayed.

use super::district::{District, NOW, problem};
use bytes::Bytes;
use engine::doors::nudge::Nudge;
use engine::memory::block_on;
use engine::webhooks::{BODY_BYTES_MAX, sign};
use http::StatusCode;
use serde_json::Value;
use std::time::Duration;

fn district() -> (District, String) {
    let district = District::new();
    let path = "/api/v1/tenants/maple/webhook-secret";
    let (status, body) = district.post(&district.admin, path, &Value::Null);
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(body["url"], "https://sync.example/hooks/sync/maple");
    let secret = body["secret"].as_str().unwrap().to_owned();
    (district, secret)
}

fn signed(secret: &str, at: i64, body: &[u8]) -> http::Request<Bytes> {
    let signature = sign(secret.as_bytes(), &at.to_string(), body);
    http::Request::post("/hooks/sync/maple")
        .header("x-rollcall-timestamp", at)
        .header("x-rollcall-signature", format!("v1={signature}"))
        .body(Bytes::copy_from_slice(body))
        .unwrap()
}

fn send(district: &District, request: http::Request<Bytes>) -> http::Response<Bytes> {
    block_on(engine::doors::webhook::handle(&district.ports, request))
}

fn refuses(district: &District, request: http::Request<Bytes>, status: StatusCode, secret: &str) {
    let before = district.dump();
    let response = send(district, request);
    problem(&response, status, &[secret], "webhook");
    assert_eq!(district.dump(), before);
}

#[test]
fn a_signed_webhook_schedules_a_run_at_once() {
    let (district, secret) = district();
    let response = send(&district, signed(&secret, NOW, b"{}"));
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(body["message"], "sync has been scheduled");
    assert_eq!(
        response.headers()["location"],
        body["run_url"].as_str().unwrap()
    );
    assert!(response.extensions().get::<Nudge>().is_some());
    let path = body["run_url"]
        .as_str()
        .unwrap()
        .strip_prefix("https://sync.example")
        .unwrap();
    let (status, run) = district.get(&district.viewer, path);
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        (&run["trigger"]["kind"], &run["trigger"]["by"]),
        (&"webhook".into(), &"webhook".into())
    );
}

#[test]
fn a_forged_signature_is_refused() {
    let (district, secret) = district();
    refuses(
        &district,
        signed("whsec_guess", NOW, b"{}"),
        StatusCode::UNAUTHORIZED,
        &secret,
    );
    let mut moved = signed(&secret, NOW, b"{}");
    *moved.body_mut() = Bytes::from_static(b"{ }");
    refuses(&district, moved, StatusCode::UNAUTHORIZED, &secret);
    let mut later = signed(&secret, NOW, b"{}");
    later
        .headers_mut()
        .insert("x-rollcall-timestamp", (NOW + 1).into());
    refuses(&district, later, StatusCode::UNAUTHORIZED, &secret);
    for (name, value) in [
        ("x-rollcall-signature", "v1=00"),
        ("x-rollcall-signature", "v2=00"),
        ("x-rollcall-timestamp", "soon"),
    ] {
        let mut request = signed(&secret, NOW, b"{}");
        request.headers_mut().insert(name, value.parse().unwrap());
        refuses(&district, request, StatusCode::UNAUTHORIZED, &secret);
    }
}

#[test]
fn a_replayed_webhook_is_refused_and_asks_for_no_run() {
    let (district, secret) = district();
    assert_eq!(
        send(&district, signed(&secret, NOW, b"")).status(),
        StatusCode::ACCEPTED
    );
    let runs = |district: &District| {
        district
            .get(&district.viewer, "/api/v1/tenants/maple/runs")
            .1
    };
    let before = runs(&district);
    district.ports.advance(Duration::from_mins(4));
    let response = send(&district, signed(&secret, NOW, b""));
    problem(&response, StatusCode::CONFLICT, &[&secret], "replay");
    assert_eq!(runs(&district), before);
}

#[test]
fn a_timestamp_outside_five_minutes_is_refused() {
    let (district, secret) = district();
    for at in [NOW - 301, NOW + 301, i64::MIN, i64::MAX] {
        refuses(
            &district,
            signed(&secret, at, b"{}"),
            StatusCode::UNAUTHORIZED,
            &secret,
        );
    }
    assert_eq!(
        send(&district, signed(&secret, NOW - 300, b"{}")).status(),
        StatusCode::ACCEPTED
    );
}

#[test]
fn a_webhook_body_over_its_limit_is_refused() {
    let (district, secret) = district();
    let body = vec![b' '; BODY_BYTES_MAX + 1];
    refuses(
        &district,
        signed(&secret, NOW, &body),
        StatusCode::PAYLOAD_TOO_LARGE,
        &secret,
    );
}

#[test]
fn a_tenant_without_a_secret_is_not_told_from_one_with_another() {
    let (district, secret) = district();
    let answer = |path: &'static str| {
        let mut request = signed("whsec_guess", NOW, b"{}");
        *request.uri_mut() = path.parse().unwrap();
        send(&district, request).into_body()
    };
    assert_eq!(answer("/hooks/sync/maple"), answer("/hooks/sync/oak"));
    assert_eq!(answer("/hooks/sync/maple"), answer("/hooks/sync/nobody"));
    let dump = format!(
        "{:?}",
        district
            .dump()
            .values()
            .map(|v| String::from_utf8_lossy(v).into_owned())
            .collect::<Vec<_>>()
    );
    assert!(
        !dump.contains(&secret),
        "the secret stands unsealed in the store"
    );
}

#[test]
fn an_old_seal_key_can_be_taken_out_once_the_secret_was_used() {
    let (district, secret) = district();
    let old = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let new = "k2:HxwdHhsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA=";
    district
        .ports
        .set_variable("seal_keys", &format!("{new},{old}"));
    let used = send(&district, signed(&secret, NOW, b"1"));
    assert_eq!(used.status(), StatusCode::ACCEPTED);
    district.ports.set_variable("seal_keys", new);
    let again = send(&district, signed(&secret, NOW, b"2"));
    assert_eq!(again.status(), StatusCode::ACCEPTED);
    district.ports.set_variable("seal_keys", old);
    let request = signed(&secret, NOW, b"3");
    refuses(&district, request, StatusCode::SERVICE_UNAVAILABLE, &secret);
}
