//! `/_fake/…`: what the handle does, over HTTP, for tests in other processes.
//!
//! | request | body |
//! |---|---|
//! | `GET /_fake/state` | |
//! | `GET /_fake/journal`, `DELETE /_fake/journal` | |
//! | `GET /_fake/faults`, `POST /_fake/faults`, `DELETE /_fake/faults` | a [`Fault`] |
//! | `POST /_fake/changes` | a [`Change`](super::Change) |
//! | `POST /_fake/consent` | `{"authorize_url": …, "outcome": "allow", "account": …}` |
//! | `POST /_fake/outsiders` | an [`Outsider`], added or changed |
//! | `POST /_fake/id-tokens` | `{"fault": …, "hd_claim": true}`, an [`IdTokenFault`]; without it they are right |
//! | `POST /_fake/clock` | `{"advance_seconds": 60}` |
//! | `POST /_fake/keys/rotate`, `POST /_fake/reset` | |

use std::time::Duration;

use http::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::exchange::Exchange;
use super::oauth::{IdTokenFault, Outcome};
use super::reply::Reply;
use super::{Change, Outsider, State};
use crate::faults::Fault;
use crate::lock::{lock, read, write};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_seconds: u64,
}

#[derive(Deserialize)]
struct Consent {
    authorize_url: String,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IdTokens {
    #[serde(default)]
    fault: Option<IdTokenFault>,
    #[serde(default = "usually")]
    hd_claim: bool,
}

fn usually() -> bool {
    true
}

pub(super) fn answer(state: &State, exchange: &Exchange) -> Reply {
    let method = &exchange.method;
    let path = exchange.path.strip_prefix("/_fake/").unwrap_or_default();
    let done = || Reply::json(200, &json!({}));
    match (path, method) {
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
        ("changes", &Method::POST) => {
            with_body(exchange, |change: Change| match state.change(&change) {
                Ok(changed) => Reply::json(200, &json!(changed)),
                Err(refused) => refuse(409, &refused.to_string()),
            })
        }
        ("consent", &Method::POST) => with_body(exchange, |consent: Consent| {
            match state.consent(&consent.authorize_url, &consent.outcome) {
                Ok(redirect) => Reply::json(200, &json!({ "redirect": redirect })),
                Err(page) => Reply::json(409, &json!({ "page": page })),
            }
        }),
        ("outsiders", &Method::POST) => with_body(exchange, |outsider: Outsider| {
            state.add_outsider(outsider);
            done()
        }),
        ("id-tokens", &Method::POST) => with_body(exchange, |id_tokens: IdTokens| {
            let mut switches = lock(&state.switches);
            switches.id_token_fault = id_tokens.fault;
            switches.hd_claim = id_tokens.hd_claim;
            done()
        }),
        ("clock", &Method::POST) => with_body(exchange, |advance: Advance| {
            state
                .config
                .clock
                .advance(Duration::from_secs(advance.advance_seconds));
            Reply::json(200, &json!({ "now_ms": state.now_ms() }))
        }),
        ("keys/rotate", &Method::POST) => {
            write(&state.keys).rotate();
            done()
        }
        ("reset", &Method::POST) => {
            state.reset();
            done()
        }
        _ => refuse(404, "no such request"),
    }
}

fn describe(state: &State) -> Reply {
    let accounts = state.accounts();
    let directory = read(&state.directory);
    let summary = json!({
        "now_ms": state.now_ms(),
        "domains": directory.domains(),
        "users": directory.user_count(),
        "org_units": directory.org_units().iter().count(),
        "groups": directory.groups().count(),
        "accounts": accounts,
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
