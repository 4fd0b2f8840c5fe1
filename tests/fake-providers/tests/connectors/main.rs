//! Signing in with the connectors of the application, against the fakes: what the connectors send
//! is what the fakes know, and what the fakes answer is understood, right or wrong.
#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in the functions that tests share too"
)]

mod classlink;
mod clever;
mod google;

use bytes::Bytes;
use connectors::signin::Client;
use fake_providers::district::District;
use http::{Request, header};

const REDIRECT: &str = "http://127.0.0.1:3000/login/callback";

fn district() -> District {
    District::maple_grove(42, 1_000)
}

fn client(id: &str, secret: &str) -> Client {
    Client {
        id: id.to_owned(),
        secret: secret.to_owned(),
        redirect_uri: REDIRECT.to_owned(),
    }
}

/// The query of the address to which a browser is sent back.
fn query(back: &str) -> &str {
    assert!(back.starts_with(REDIRECT), "{back}");
    back.split_once('?').unwrap().1
}

/// A request as the platform sends it, except that nothing is compressed.
fn plain(mut request: Request<Bytes>) -> Request<Bytes> {
    request.headers_mut().remove(header::ACCEPT_ENCODING);
    request
}
