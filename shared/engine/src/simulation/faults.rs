//! A provider that misbehaves.

use super::dice::Dice;
use crate::memory::MemoryPorts;
use crate::ports::TransportError;
use crate::world::FakeGoogle;
use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// What the provider, or the way to it, does wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fault {
    /// The connection fails.
    Connection,
    /// A list ends though more pages follow.
    CutChain,
    /// A page has nobody on it, and the list ends.
    EmptyPage,
    /// 403: the account may not read this.
    Forbidden,
    /// 200 with a page of a proxy.
    Html,
    /// 404 with a page of a proxy.
    HtmlNotFound,
    /// A page is skipped.
    LostPage,
    /// 429 with a time to wait.
    RateLimited,
    /// The same page again.
    RepeatedPage,
    /// 500.
    ServerError,
    /// The answer takes half a minute.
    Slow,
    /// The answer ends in the middle.
    Truncated,
    /// 401: the access token is refused.
    Unauthorized,
}

impl Fault {
    pub(super) const ALL: [Self; 13] = [
        Fault::Connection,
        Fault::CutChain,
        Fault::EmptyPage,
        Fault::Forbidden,
        Fault::Html,
        Fault::HtmlNotFound,
        Fault::LostPage,
        Fault::RateLimited,
        Fault::RepeatedPage,
        Fault::ServerError,
        Fault::Slow,
        Fault::Truncated,
        Fault::Unauthorized,
    ];
}

/// The faults of the moment.
pub(super) struct Faults {
    dice: Dice,
    /// What goes wrong, and in how many of a thousand answers.
    pub(super) provider: Option<(Fault, u64)>,
    /// In how many of a thousand cases another component can't be reached.
    pub(super) chaining_per_mille: u64,
}

impl Faults {
    pub(super) fn new(dice: Dice) -> Self {
        Self {
            dice,
            provider: None,
            chaining_per_mille: 0,
        }
    }

    pub(super) fn breaks_chaining(&mut self) -> bool {
        self.dice.per_mille(self.chaining_per_mille)
    }

    /// Google's answer, or what becomes of it.
    pub(super) fn answer(
        &mut self,
        ports: &MemoryPorts,
        google: &mut FakeGoogle,
        request: &Request<Bytes>,
    ) -> Result<Response<Bytes>, TransportError> {
        let honest = google.answer(request);
        let Some((fault, share)) = self.provider else {
            return Ok(honest);
        };
        if !self.dice.per_mille(share) {
            return Ok(honest);
        }
        match fault {
            Fault::Connection => Err(TransportError::Failed),
            Fault::CutChain => Ok(edit(&honest, |list| {
                list.as_object_mut().unwrap().remove("nextPageToken");
            })),
            Fault::EmptyPage => Ok(edit(&honest, |list| {
                let kind = list["kind"].clone();
                *list = json!({"kind": kind});
            })),
            Fault::Forbidden => Ok(error(403, "forbidden", None)),
            Fault::Html => Ok(html(200)),
            Fault::HtmlNotFound => Ok(html(404)),
            Fault::LostPage => Ok(edit(&honest, |list| shift(list, 10))),
            Fault::RateLimited => Ok(error(429, "rateLimitExceeded", Some("3"))),
            Fault::RepeatedPage => Ok(edit(&honest, |list| shift(list, -10))),
            Fault::ServerError => Ok(error(500, "backendError", None)),
            Fault::Slow => {
                ports.advance(Duration::from_secs(30));
                Ok(honest)
            }
            Fault::Truncated => {
                let body = honest.body().slice(..honest.body().len() / 2);
                Ok(honest.map(|_| body))
            }
            Fault::Unauthorized => Ok(error(401, "authError", None)),
        }
    }
}

/// A list that is edited; anything else stays as it is.
fn edit(honest: &Response<Bytes>, change: impl FnOnce(&mut Value)) -> Response<Bytes> {
    let mut value: Value = serde_json::from_slice(honest.body()).unwrap();
    if value.get("users").is_some() || value.get("members").is_some() {
        change(&mut value);
    }
    let mut response = Response::new(Bytes::from(value.to_string()));
    *response.status_mut() = honest.status();
    *response.headers_mut() = honest.headers().clone();
    response
}

/// Moves the place of the next page, if there is one.
fn shift(list: &mut Value, by: i64) {
    if let Some(token) = list.get("nextPageToken").and_then(Value::as_str) {
        let place: i64 = token.parse().unwrap();
        list["nextPageToken"] = json!((place + by).max(1).to_string());
    }
}

fn html(status: u16) -> Response<Bytes> {
    Response::builder()
        .status(status)
        .header("content-type", "text/html")
        .body(Bytes::from_static(
            b"<html>Sign in to the guest network</html>",
        ))
        .unwrap()
}

fn error(status: u16, reason: &str, retry_after: Option<&str>) -> Response<Bytes> {
    let body = json!({"error": {"code": status, "message": reason,
        "errors": [{"domain": "global", "reason": reason, "message": reason}]}});
    let mut response = Response::builder()
        .status(status)
        .header("content-type", "application/json; charset=UTF-8");
    if let Some(seconds) = retry_after {
        response = response.header("retry-after", seconds);
    }
    response.body(Bytes::from(body.to_string())).unwrap()
}

/// The answer of Google's token endpoint: a refresh token names the access token that it is for.
pub(super) fn fresh_token(request: &Request<Bytes>) -> Response<Bytes> {
    let asked: BTreeMap<String, String> = form_urlencoded::parse(request.body())
        .into_owned()
        .collect();
    let access = asked["refresh_token"].strip_prefix("refresh-").unwrap();
    let body = json!({"access_token": access, "expires_in": 3599, "token_type": "Bearer",
        "scope": "https://www.googleapis.com/auth/admin.directory.user.readonly"});
    Response::builder()
        .status(200)
        .header("content-type", "application/json; charset=UTF-8")
        .body(Bytes::from(body.to_string()))
        .unwrap()
}
