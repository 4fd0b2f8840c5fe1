//! A running application in memory with two tenants, and requests to its doors.

use bytes::Bytes;
use engine::doors;
use engine::memory::{Handler, MemoryPorts, block_on};
use engine::ports::TransportError;
use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The operator's token.
pub(crate) const OPERATOR: &str = "operator-token-of-at-least-32-characters";

/// Now, in seconds since the Unix epoch.
pub(crate) const NOW: i64 = 1_788_230_000;

/// The application with the tenants `maple` and `oak`.
pub(crate) struct District {
    /// Its surroundings.
    pub(crate) ports: MemoryPorts,
    /// Maple's admin key.
    pub(crate) admin: String,
    /// Maple's viewer key.
    pub(crate) viewer: String,
    /// Oak's admin key.
    pub(crate) stranger: String,
}

/// Ports with every variable set.
pub(crate) fn configured() -> MemoryPorts {
    let ports = MemoryPorts::new();
    ports.set_now(Timestamp::from_second(NOW).unwrap());
    for (name, value) in [
        ("operator_token", OPERATOR),
        ("internal_token", "internal-token-of-at-least-32-characters"),
        (
            "seal_keys",
            "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        ),
        ("public_url", "https://sync.example"),
        ("google_client_id", super::google::CLIENT_ID),
        ("google_client_secret", "secret-of-the-google-client"),
    ] {
        ports.set_variable(name, value);
    }
    ports
}

impl District {
    pub(crate) fn new() -> Self {
        Self::on(configured())
    }

    pub(crate) fn on(ports: MemoryPorts) -> Self {
        let mut district = Self {
            ports,
            admin: String::new(),
            viewer: String::new(),
            stranger: String::new(),
        };
        for id in ["maple", "oak"] {
            let tenant = json!({"id": id, "name": id});
            let (status, _) = district.post(OPERATOR, "/api/v1/tenants", &tenant);
            assert_eq!(status, StatusCode::CREATED);
        }
        district.admin = district.mint("maple", "admin");
        district.viewer = district.mint("maple", "viewer");
        district.stranger = district.mint("oak", "admin");
        district
    }

    fn mint(&self, tenant: &str, role: &str) -> String {
        let path = format!("/api/v1/tenants/{tenant}/keys");
        let (_, key) = self.post(OPERATOR, &path, &json!({"role": role, "label": "test"}));
        key["secret"].as_str().unwrap().to_owned()
    }

    /// Makes the connection `google` of maple.
    pub(crate) fn connect(&self) {
        let connection = json!({"id": "google", "provider": "google",
            "domain": "maplegrove.example", "mode": "import"});
        let (status, body) = self.post(
            &self.admin,
            "/api/v1/tenants/maple/connections",
            &connection,
        );
        assert_eq!(status, StatusCode::CREATED, "{body}");
    }

    /// Sends a request to the API.
    pub(crate) fn send(&self, request: http::Request<Bytes>) -> http::Response<Bytes> {
        let ports = self.ports.with_handler(components(self.ports.clone()));
        block_on(doors::api::handle(&ports, request))
    }

    pub(crate) fn call(
        &self,
        method: Method,
        token: &str,
        path: &str,
        body: &Value,
    ) -> (StatusCode, Value) {
        let response = self.send(request(method, token, path, body));
        let body = serde_json::from_slice(response.body()).unwrap_or(Value::Null);
        (response.status(), body)
    }

    pub(crate) fn post(&self, token: &str, path: &str, body: &Value) -> (StatusCode, Value) {
        self.call(Method::POST, token, path, body)
    }

    pub(crate) fn get(&self, token: &str, path: &str) -> (StatusCode, Value) {
        self.call(Method::GET, token, path, &Value::Null)
    }

    /// Asserts that a request is refused with a problem document of this status, which repeats
    /// none of `secrets`, and that nothing in the store changed.
    pub(crate) fn refuses(
        &self,
        request: http::Request<Bytes>,
        status: StatusCode,
        secrets: &[&str],
    ) -> Value {
        let before = self.dump();
        let what = format!("{} {}", request.method(), request.uri());
        let response = self.send(request);
        assert_eq!(self.dump(), before, "{what} changed the store");
        problem(&response, status, secrets, &what)
    }

    pub(crate) fn dump(&self) -> BTreeMap<String, Vec<u8>> {
        self.ports.dump()
    }
}

/// What the `api` component reaches: other components, which reach more, and no server outside.
#[expect(
    clippy::arc_with_non_send_sync,
    reason = "the ports of a component live on one thread, and clones share the handler"
)]
pub(crate) fn components(ports: MemoryPorts) -> Handler {
    Arc::new(move |_, request| {
        let ports = ports.clone();
        Box::pin(async move {
            match request.uri().host() {
                Some("fetch-clever.spin.internal") => {
                    Ok(doors::fetch_clever::handle(&ports, request).await)
                }
                Some("fetch-google.spin.internal") => {
                    Ok(doors::fetch_google::handle(&ports, request).await)
                }
                Some("fetch-oneroster.spin.internal") => {
                    Ok(doors::fetch_oneroster::handle(&ports, request).await)
                }
                Some("oauth.spin.internal") => Ok(doors::oauth::handle(&ports, request).await),
                Some("alerts.spin.internal") => Ok(doors::alerts::handle(&ports, request).await),
                Some("watch-google.spin.internal") => {
                    Ok(doors::watch_google::handle(&ports, request).await)
                }
                Some("rules.spin.internal") => Ok(doors::rules::handle(&ports, request).await),
                Some("sync.spin.internal") => Ok(doors::sync::handle(&ports, request).await),
                _ => Err(TransportError::Denied),
            }
        })
    })
}

/// Asserts that an answer is a problem document of this status without these secrets.
pub(crate) fn problem(
    response: &http::Response<Bytes>,
    status: StatusCode,
    secrets: &[&str],
    what: &str,
) -> Value {
    let text = std::str::from_utf8(response.body()).unwrap();
    assert_eq!(response.status(), status, "{what}: {text}");
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    for secret in secrets {
        assert!(!text.contains(secret), "{what} leaks {secret}: {text}");
    }
    let document: Value = serde_json::from_str(text).unwrap();
    assert_eq!(document["status"], status.as_u16(), "{what}");
    document
}

/// A request with a JSON body, or none for `null`.
pub(crate) fn request(
    method: Method,
    token: &str,
    path: &str,
    body: &Value,
) -> http::Request<Bytes> {
    let body = if body.is_null() {
        Bytes::new()
    } else {
        Bytes::from(body.to_string())
    };
    http::Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .body(body)
        .unwrap()
}
