//! A receiver of the operator's alerts, as an operator would write one: it believes nothing that
//! is not signed, and knows an alert that comes twice by its id.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use serde_json::Value;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::clock::VirtualClock;
use crate::lock::lock;
use crate::server::{Answer, Dropped, Server};

/// How far the time of signing may be from now, in seconds.
const WINDOW_SECONDS: u64 = 300;

/// How long a receiver that is too slow takes: longer than anybody waits for it.
const SLOW: Duration = Duration::from_mins(1);

/// Where it listens.
const PATH: &str = "/alerts";

/// How a receiver takes what it is sent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Mood {
    /// It takes what is signed and refuses the rest.
    #[default]
    Takes,
    /// It closes the connection without an answer.
    Drops,
    /// It answers with this status and takes nothing.
    Refuses(u16),
    /// It sends the client elsewhere, to its own address, and takes nothing.
    Redirects,
    /// It takes its time.
    Slow,
}

/// What a receiver has seen.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The alerts taken, in order; one that came twice stands here twice.
    pub taken: Vec<Value>,
    /// How many requests came, whatever became of them.
    pub requests: usize,
    /// Why requests were not believed.
    pub refused: Vec<String>,
}

/// A receiver on a loopback port; stops when dropped.
pub struct AlertReceiver {
    state: Arc<State>,
    server: Server,
}

struct State {
    secret: String,
    clock: Arc<VirtualClock>,
    address: String,
    mood: Mutex<Mood>,
    seen: Mutex<Seen>,
}

impl AlertReceiver {
    /// Starts one that knows this secret and lives in the present of this clock.
    pub async fn start(secret: &str, clock: Arc<VirtualClock>) -> std::io::Result<Self> {
        let (listener, address) = Server::listen(0).await?;
        let state = Arc::new(State {
            secret: secret.to_owned(),
            clock,
            address: format!("http://{address}"),
            mood: Mutex::default(),
            seen: Mutex::default(),
        });
        let server = Server::start(listener, address, Arc::clone(&state));
        Ok(Self { state, server })
    }

    /// Its scheme and host.
    pub fn host(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// The address to send alerts to.
    pub fn url(&self) -> String {
        format!("{}{PATH}", self.host())
    }

    /// Changes how it takes what it is sent from now on.
    pub fn set_mood(&self, mood: Mood) {
        *lock(&self.state.mood) = mood;
    }

    /// What it has seen so far.
    pub fn seen(&self) -> Seen {
        lock(&self.state.seen).clone()
    }
}

impl Answer for State {
    async fn answer(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Dropped> {
        lock(&self.seen).requests += 1;
        let mood = *lock(&self.mood);
        match mood {
            Mood::Takes => Ok(empty(self.take(&request))),
            Mood::Drops => Err(Dropped),
            Mood::Refuses(status) => Ok(empty(
                StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            )),
            Mood::Redirects => {
                let mut response = empty(StatusCode::TEMPORARY_REDIRECT);
                if let Ok(elsewhere) = format!("{}/elsewhere", self.address).parse() {
                    response
                        .headers_mut()
                        .insert(http::header::LOCATION, elsewhere);
                }
                Ok(response)
            }
            Mood::Slow => {
                tokio::time::sleep(SLOW).await;
                Ok(empty(StatusCode::NO_CONTENT))
            }
        }
    }
}

impl State {
    fn take(&self, request: &Request<Bytes>) -> StatusCode {
        match self.verify(request) {
            Ok(alert) => {
                lock(&self.seen).taken.push(alert);
                StatusCode::NO_CONTENT
            }
            Err(reason) => {
                lock(&self.seen).refused.push(reason);
                StatusCode::UNAUTHORIZED
            }
        }
    }

    fn verify(&self, request: &Request<Bytes>) -> Result<Value, String> {
        if request.method() != Method::POST || request.uri().path() != PATH {
            return Err(format!("{} {}", request.method(), request.uri()));
        }
        let header = |name: &str| {
            let value = request.headers().get(name).and_then(|v| v.to_str().ok());
            value.ok_or_else(|| format!("no {name}"))
        };
        let timestamp = header("x-rollcall-timestamp")?;
        let signed_at: i64 = timestamp.parse().map_err(|_| "not a time".to_owned())?;
        let age = signed_at.abs_diff(self.clock.now().as_second());
        if age > WINDOW_SECONDS {
            return Err(format!("signed {age} s from now"));
        }
        let mut signed = format!("{timestamp}.").into_bytes();
        signed.extend_from_slice(request.body());
        let expected = format!("v1={}", hex(&hmac(self.secret.as_bytes(), &signed)));
        let given = header("x-rollcall-signature")?;
        if !bool::from(expected.as_bytes().ct_eq(given.as_bytes())) {
            return Err("not signed with the secret".to_owned());
        }
        serde_json::from_slice(request.body()).map_err(|_| "not JSON".to_owned())
    }
}

fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

/// HMAC-SHA256 (RFC 2104), written out: the application's is another.
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    const BLOCK: usize = 64;
    let mut block = [0_u8; BLOCK];
    let hashed;
    let key = if key.len() > BLOCK {
        hashed = Sha256::digest(key);
        hashed.as_slice()
    } else {
        key
    };
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    let inner = Sha256::new()
        .chain_update(block.map(|byte| byte ^ 0x36))
        .chain_update(message)
        .finalize();
    Sha256::new()
        .chain_update(block.map(|byte| byte ^ 0x5c))
        .chain_update(inner)
        .finalize()
        .into()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hmac_is_that_of_the_rfc() {
        // RFC 4231, test cases 2 and 6.
        assert_eq!(
            hex(&hmac(b"Jefe", b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        let message = b"Test Using Larger Than Block-Size Key - Hash Key First";
        assert_eq!(
            hex(&hmac(&[0xaa; 131], message)),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }

    #[tokio::test]
    async fn only_what_is_signed_now_is_taken() {
        let clock = Arc::new(VirtualClock::new());
        let receiver = AlertReceiver::start("secret", Arc::clone(&clock))
            .await
            .unwrap();
        let client = reqwest::Client::new();
        let send = async |secret: &str, age_s: i64, body: &'static str| {
            let timestamp = clock.now().as_second() - age_s;
            let signed = format!("{timestamp}.{body}");
            let signature = hex(&hmac(secret.as_bytes(), signed.as_bytes()));
            let request = client
                .post(receiver.url())
                .header("x-rollcall-timestamp", timestamp.to_string())
                .header("x-rollcall-signature", format!("v1={signature}"))
                .body(body);
            request.send().await.unwrap().status().as_u16()
        };
        assert_eq!(send("secret", 0, r#"{"id":"a"}"#).await, 204);
        assert_eq!(send("another", 0, r#"{"id":"b"}"#).await, 401);
        assert_eq!(send("secret", 400, r#"{"id":"c"}"#).await, 401);
        receiver.set_mood(Mood::Refuses(500));
        assert_eq!(send("secret", 0, r#"{"id":"d"}"#).await, 500);
        let seen = receiver.seen();
        assert_eq!(seen.requests, 4);
        assert_eq!(seen.taken, [serde_json::json!({"id": "a"})]);
        assert_eq!(seen.refused.len(), 2, "{:?}", seen.refused);
    }
}
