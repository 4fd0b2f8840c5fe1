//! `/_fake/…`: what the handle does, over HTTP, for tests in other processes.
//!
//! | request | body |
//! |---|---|
//! | `GET /_fake/state` | |
//! | `GET /_fake/journal`, `DELETE /_fake/journal` | |
//! | `GET /_fake/faults`, `POST /_fake/faults`, `DELETE /_fake/faults` | a [`Fault`] |
//! | `POST /_fake/changes` | a [`Change`](super::Change) |
//! | `POST /_fake/sign-in` | `{"authorize_url": …, "user": …}`; without the user to deny, without the address a launch |
//! | `POST /_fake/switches` | `{"events": true, "secure_sync": true, "trailing_empty_page": false, "codes_refused_in_words": true}`, any of them |
//! | `POST /_fake/clock` | `{"advance_seconds": 60}` |
//! | `POST /_fake/token/rotate`, `POST /_fake/token/disconnect`, `POST /_fake/users/end`, `POST /_fake/reset` | |

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::exchange::Exchange;
use super::reply::Reply;
use super::{Change, Role, SignIn, State, oauth};
use crate::faults::Fault;
use crate::lock::{lock, read};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_seconds: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GoThrough {
    authorize_url: Option<String>,
    user: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Turned {
    events: Option<bool>,
    secure_sync: Option<bool>,
    trailing_empty_page: Option<bool>,
    codes_refused_in_words: Option<bool>,
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
        ("sign-in", &Method::POST) => {
            with_body(exchange, |asked: GoThrough| sign_in(state, &asked))
        }
        ("switches", &Method::POST) => with_body(exchange, |turned: Turned| {
            turn(state, &turned);
            done()
        }),
        ("clock", &Method::POST) => with_body(exchange, |advance: Advance| {
            let by = Duration::from_secs(advance.advance_seconds);
            state.config.clock.advance(by);
            Reply::json(200, &json!({ "now_ms": state.now_ms() }))
        }),
        ("token/rotate", &Method::POST) => {
            lock(&state.tokens).connect();
            done()
        }
        ("token/disconnect", &Method::POST) => {
            lock(&state.tokens).disconnect();
            done()
        }
        ("users/end", &Method::POST) => {
            lock(&state.tokens).end_users();
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
    let roster = read(&state.roster);
    let events = read(&state.events).len();
    let first = |role: Role| {
        let user = roster.users().find(|user| user.has(role))?;
        Some((role.name(), user.id))
    };
    let first_of_role: BTreeMap<_, _> = Role::ALL.into_iter().filter_map(first).collect();
    let summary = json!({
        "now_ms": state.now_ms(),
        "district": roster.district().id,
        "district_token": lock(&state.tokens).district(),
        "users": roster.user_count(),
        "schools": roster.schools().map(|school| school.id).collect::<Vec<_>>(),
        "sections": roster.sections().count(),
        "events": events,
        "first_of_role": first_of_role,
    });
    Reply::json(200, &summary)
}

fn sign_in(state: &State, asked: &GoThrough) -> Reply {
    let redirect = match (&asked.authorize_url, &asked.user) {
        (None, None) => return refuse(400, "an address or a user is needed"),
        (None, Some(user)) => oauth::launch(state, user),
        (Some(url), None) => state.sign_in(url, &SignIn::Deny),
        (Some(url), Some(user)) => state.sign_in(url, &SignIn::As(user.clone())),
    };
    match redirect {
        Ok(redirect) => Reply::json(200, &json!({ "redirect": redirect })),
        Err(refused) => refuse(409, &refused.to_string()),
    }
}

fn turn(state: &State, turned: &Turned) {
    if let Some(shared) = turned.secure_sync {
        lock(&state.tokens).secure_sync = shared;
    }
    let mut switches = lock(&state.switches);
    switches.events = turned.events.unwrap_or(switches.events);
    let in_words = &mut switches.codes_refused_in_words;
    *in_words = turned.codes_refused_in_words.unwrap_or(*in_words);
    let trailing = &mut switches.shape.trailing_empty_page;
    *trailing = turned.trailing_empty_page.unwrap_or(*trailing);
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
