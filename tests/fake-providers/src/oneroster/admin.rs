//! `/_fake/…`: what the handle does, over HTTP, for tests in other processes.
//!
//! | request | body |
//! |---|---|
//! | `GET /_fake/state` | |
//! | `GET /_fake/journal`, `DELETE /_fake/journal` | |
//! | `GET /_fake/faults`, `POST /_fake/faults`, `DELETE /_fake/faults` | a [`Fault`] |
//! | `GET /_fake/quirks`, `PUT /_fake/quirks` | [`Quirks`] |
//! | `GET /_fake/security`, `PUT /_fake/security` | [`Security`] |
//! | `GET /_fake/classlink`, `PUT /_fake/classlink` | [`ClassLink`] |
//! | `POST /_fake/classlink/bearer` | `{"to": "rotate"}`, a [`BearerChange`] |
//! | `POST /_fake/classlink/sign-in` | `{"authorize_url": …, "account": …}`, without account to deny |
//! | `POST /_fake/classlink/launch` | `{"redirect_uri": …, "account": …}` |
//! | `POST /_fake/changes` | a [`Change`] |
//! | `POST /_fake/scheduled` | `{"after": 1, "change": …}` |
//! | `POST /_fake/clock` | `{"advance_seconds": 60}` |
//! | `POST /_fake/tokens/expire`, `POST /_fake/classlink/tokens/end`, `POST /_fake/reset` | |

use std::time::Duration;

use http::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, json};

use super::classlink::{BearerChange, ClassLink, launchpad};
use super::config::Security;
use super::dataset::{Change, Kind};
use super::exchange::Exchange;
use super::quirks::Quirks;
use super::{SignIn, State};
use crate::faults::Fault;
use crate::lock::{lock, read};
use crate::reply::Reply;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_seconds: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Schedule {
    after: u64,
    change: Change,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeBearer {
    to: BearerChange,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GoThrough {
    authorize_url: String,
    #[serde(default)]
    account: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Launch {
    redirect_uri: String,
    account: String,
}

pub(super) fn answer(state: &State, exchange: &Exchange) -> Reply {
    let path = exchange.path.strip_prefix("/_fake/").unwrap_or_default();
    if let Some(path) = path.strip_prefix("classlink") {
        return class_link(state, exchange, path);
    }
    let done = || Reply::json(200, &json!({}));
    match (path, &exchange.method) {
        ("state", &Method::GET) => describe(state),
        ("journal", &Method::GET) => {
            Reply::json(200, &json!({ "entries": state.journal.entries() }))
        }
        ("journal", &Method::DELETE) => {
            state.journal.clear();
            done()
        }
        ("faults", &Method::GET) => {
            let faults = json!({ "faults": state.faults.faults(), "fired": state.faults.fired() });
            Reply::json(200, &faults)
        }
        ("faults", &Method::DELETE) => {
            state.faults.clear();
            done()
        }
        ("faults", &Method::POST) => with_body(exchange, |fault: Fault| {
            state.faults.add(fault);
            done()
        }),
        ("quirks", &Method::GET) => Reply::json(200, &json!(*read(&state.quirks))),
        ("quirks", &Method::PUT) => with_body(exchange, |quirks: Quirks| {
            state.set_quirks(quirks);
            done()
        }),
        ("security", &Method::GET) => Reply::json(200, &json!(*read(&state.security))),
        ("security", &Method::PUT) => with_body(exchange, |security: Security| {
            state.set_security(security);
            done()
        }),
        ("changes", &Method::POST) => {
            with_body(exchange, |change: Change| match state.change(&change) {
                Ok(changed) => Reply::json(200, &json!(changed)),
                Err(refused) => refuse(409, &refused.to_string()),
            })
        }
        ("scheduled", &Method::POST) => with_body(exchange, |schedule: Schedule| {
            state.schedule(schedule.after, schedule.change);
            done()
        }),
        ("clock", &Method::POST) => with_body(exchange, |advance: Advance| {
            let by = Duration::from_secs(advance.advance_seconds);
            state.config.clock.advance(by);
            Reply::json(200, &json!({ "now_ms": state.now_ms() }))
        }),
        ("tokens/expire", &Method::POST) => {
            lock(&state.tokens).expire();
            done()
        }
        ("reset", &Method::POST) => {
            state.reset();
            done()
        }
        _ => refuse(404, "no such request"),
    }
}

fn class_link(state: &State, exchange: &Exchange, path: &str) -> Reply {
    let done = || Reply::json(200, &json!({}));
    let redirect = |result: Result<String, super::SignInRefused>| match result {
        Ok(redirect) => Reply::json(200, &json!({ "redirect": redirect })),
        Err(refused) => refuse(409, &refused.to_string()),
    };
    match (path, &exchange.method) {
        ("", &Method::GET) => Reply::json(200, &json!(*read(&state.class_link))),
        ("", &Method::PUT) => with_body(exchange, |class_link: ClassLink| {
            state.set_class_link(class_link);
            done()
        }),
        ("/bearer", &Method::POST) => with_body(exchange, |change: ChangeBearer| {
            lock(&state.bearer).change(change.to);
            done()
        }),
        ("/sign-in", &Method::POST) => with_body(exchange, |go: GoThrough| {
            let choice = go.account.map_or(SignIn::Deny, SignIn::As);
            redirect(state.sign_in(&go.authorize_url, &choice))
        }),
        ("/tokens/end", &Method::POST) => {
            lock(&state.launchpad).end_tokens();
            done()
        }
        ("/launch", &Method::POST) => with_body(exchange, |launch: Launch| {
            redirect(launchpad::launch(
                state,
                &launch.redirect_uri,
                &launch.account,
            ))
        }),
        _ => refuse(404, "no such request"),
    }
}

fn describe(state: &State) -> Reply {
    let dataset = read(&state.dataset);
    let counts: Map<String, serde_json::Value> = Kind::ALL
        .iter()
        .map(|kind| {
            let name = json!(kind).as_str().unwrap_or_default().to_owned();
            (name, json!(dataset.count(*kind)))
        })
        .collect();
    let summary = json!({
        "now_ms": state.now_ms(),
        "revision": dataset.revision(),
        "counts": counts,
        "scheduled": lock(&state.scheduled).len(),
    });
    Reply::json(200, &summary)
}

fn refuse(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({ "error": message }))
}

fn with_body<T: DeserializeOwned>(exchange: &Exchange, work: impl FnOnce(T) -> Reply) -> Reply {
    match serde_json::from_slice(&exchange.body) {
        Ok(value) => work(value),
        Err(error) => refuse(400, &error.to_string()),
    }
}
