//! Signing in at Clever and ClassLink: what is sent, and what answers come to, friendly and
//! hostile.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking, in the functions that tests share too"
)]

mod classlink;
mod clever;
mod hostile;
mod tokens;

use bytes::Bytes;
use connectors::signin::Client;
use http::{Request, Response};
use serde_json::Value;

const JSON: &str = "application/json";

fn client() -> Client {
    Client {
        id: "client&1".to_owned(),
        secret: "s&cret:é".to_owned(),
        redirect_uri: "https://app.example/login/callback".to_owned(),
    }
}

fn raw(status: u16, kind: &str, body: &str) -> Response<Bytes> {
    Response::builder()
        .status(status)
        .header("content-type", kind)
        .body(Bytes::copy_from_slice(body.as_bytes()))
        .unwrap()
}

fn json(status: u16, body: &Value) -> Response<Bytes> {
    raw(status, JSON, &body.to_string())
}

fn form(request: &Request<Bytes>) -> String {
    let body = std::str::from_utf8(request.body()).unwrap();
    body.replace('&', "\n&")
}

#[test]
fn the_client_secret_is_never_printed() {
    let printed = format!("{:?}", client());
    assert!(printed.contains("client&1") && !printed.contains("s&cret"));
}
