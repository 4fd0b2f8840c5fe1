//! A receiver of alerts for tests of the engine. It checks what it is sent as a receiver has to.

use crate::memory::MemoryPorts;
use crate::ports::{Clock, TransportError};
use bytes::Bytes;
use hmac::{Hmac, Mac};
use serde_json::Value;
use sha2::Sha256;

/// Its host.
pub(crate) const HOST: &str = "alerts.example";

/// What the variables say of it.
pub(crate) const URL: &str = "https://alerts.example/rollcall?team=7";
pub(crate) const SECRET: &str = "secret-of-alerts-of-thirty-two-bytes";

/// What it has received, and what goes wrong.
#[derive(Clone, Default)]
pub(crate) struct FakeReceiver {
    /// The bodies it said yes to.
    pub(crate) received: Vec<Value>,
    /// How often it was asked.
    pub(crate) requests: u32,
    /// It answers with this status and receives nothing.
    pub(crate) refuses_with: Option<u16>,
    /// It can't be reached.
    pub(crate) is_down: bool,
}

impl FakeReceiver {
    pub(crate) fn answer(
        &mut self,
        ports: &MemoryPorts,
        request: &http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, TransportError> {
        self.requests += 1;
        if self.is_down {
            return Err(TransportError::Failed);
        }
        let status = self.refuses_with.unwrap_or(204);
        if self.refuses_with.is_none() {
            check(ports, request);
            let body = serde_json::from_slice(request.body()).unwrap();
            self.received.push(body);
        }
        let answer = http::Response::builder().status(status);
        Ok(answer.body(Bytes::new()).unwrap())
    }

    /// Each alert received, as `{cause} {state} {kind}`.
    pub(crate) fn told(&self) -> Vec<String> {
        let text = |alert: &Value, name: &str| alert[name].as_str().unwrap().to_owned();
        self.received
            .iter()
            .map(|alert| {
                format!(
                    "{} {} {}",
                    text(alert, "cause"),
                    text(alert, "state"),
                    text(alert, "kind")
                )
            })
            .collect()
    }
}

fn check(ports: &MemoryPorts, request: &http::Request<Bytes>) {
    assert_eq!(request.uri(), URL);
    assert_eq!(request.method(), http::Method::POST);
    assert_eq!(request.headers()["content-type"], "application/json");
    let header = |name: &str| request.headers()[name].to_str().unwrap();
    let timestamp = header("x-rollcall-timestamp");
    assert_eq!(timestamp, ports.now().as_second().to_string());
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{timestamp}.").as_bytes());
    mac.update(request.body());
    let hex = header("x-rollcall-signature").strip_prefix("v1=").unwrap();
    let digest: Vec<u8> = (0..hex.len() / 2)
        .map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
        .collect();
    mac.verify_slice(&digest).unwrap();
}
