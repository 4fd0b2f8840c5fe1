//! From a request to its answer: faults, routes, limits, compression, journal.

use bytes::Bytes;
use http::{Method, Request, Response};

use super::api::{self, Context, Route};
use super::exchange::Exchange;
use super::reply::{Reply, no_such_path, unauthorized};
use super::{State, admin, oauth, rewrite};
use crate::faults::{FaultKind, Subject};
use crate::journal::Entry;
use crate::lock::{lock, read, write};
use crate::server::Dropped;

/// Answers a request.
pub(super) async fn answer(
    state: &State,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, Dropped> {
    let exchange = Exchange::read(request);
    if exchange.path.starts_with("/_fake/") {
        return Ok(admin::answer(state, &exchange).into_response());
    }
    let faults = state.faults.take(&Subject {
        method: exchange.method.as_str(),
        path: &exchange.path,
        parameters: &exchange.parameters,
        page: state.pages.number(&exchange),
    });
    for delay in faults.iter().filter_map(FaultKind::delay) {
        tokio::time::sleep(delay).await;
    }
    let mut entry = Entry {
        at_ms: state.now_ms(),
        method: exchange.method.to_string(),
        path: exchange.path.clone(),
        query: exchange.query.clone(),
        fault: faults.first().map(|fault| format!("{fault:?}")),
        ..Entry::default()
    };
    if faults.contains(&FaultKind::ConnectionReset) {
        state.journal.record(entry);
        return Err(Dropped);
    }
    let limit = state.config.requests_per_minute;
    let replacement = |fault| rewrite::replacement(fault, limit, state.now_ms());
    let right = || {
        let reply = route(state, &exchange, &mut entry);
        rewrite::rewrite(&exchange, reply, &faults, &state.made_up)
    };
    let replaced = faults.iter().find_map(replacement);
    let reply = replaced.unwrap_or_else(right);
    let cut = |reply: Reply, how: FaultKind| {
        if faults.contains(&how) {
            reply.truncated()
        } else {
            reply
        }
    };
    let reply = cut(reply, FaultKind::CutText);
    let reply = if exchange.takes_gzip() {
        reply.compressed()
    } else {
        reply
    };
    let reply = cut(reply, FaultKind::TruncatedBody);
    entry.status = reply.status;
    entry.body_bytes = u64::try_from(reply.body.len()).unwrap_or(u64::MAX);
    state.journal.record(entry);
    Ok(reply.into_response())
}

fn route(state: &State, exchange: &Exchange, entry: &mut Entry) -> Reply {
    let is_get = exchange.method == Method::GET;
    let is_post = exchange.method == Method::POST;
    match (exchange.path.as_str(), is_get, is_post) {
        ("/oauth/authorize", true, _) => {
            entry.unknown_parameters = oauth::unknown_parameters(&exchange.parameters);
            oauth::show(state, exchange, oauth::From::Application)
        }
        ("/oauth/instant-login", true, _) => oauth::show(state, exchange, oauth::From::Clever),
        ("/oauth/sign-in", _, true) => oauth::signed_in(state, exchange),
        ("/oauth/tokens", true, _) => oauth::district_tokens(state, exchange),
        ("/oauth/tokens", _, true) => {
            entry.unknown_parameters = oauth::unknown_fields(exchange);
            oauth::exchange(state, exchange)
        }
        ("/oauth/tokeninfo", true, _) => oauth::token_info(state, exchange),
        ("/oauth/certs", true, _) => oauth::certs(state),
        ("/.well-known/openid-configuration", true, _) => oauth::discovery(state),
        ("/userinfo", true, _) => oauth::user_info(state, exchange),
        (_, true, _) => data(state, exchange, entry),
        _ => no_such_path(),
    }
}

/// A request of the data host: what, who, how often, whether.
fn data(state: &State, exchange: &Exchange, entry: &mut Entry) -> Reply {
    let Some((version, route)) = Route::of(&exchange.path) else {
        return no_such_path();
    };
    entry.unknown_parameters = route.unknown_parameters(&exchange.parameters);
    let Some((token, grant)) = oauth::grant(state, exchange) else {
        return unauthorized();
    };
    entry.principal = Some(match &grant {
        api::Grant::District { .. } => "district".to_owned(),
        api::Grant::User(user) => user.to_string(),
    });
    let now_ms = state.now_ms();
    let left = state
        .quota
        .take(token, state.config.requests_per_minute, now_ms);
    if left.is_over {
        return left.tell(Reply::empty(429));
    }
    let switches = *lock(&state.switches);
    write(&state.events).forget(now_ms);
    let roster = read(&state.roster);
    let events = read(&state.events);
    let context = Context {
        roster: &roster,
        events: switches.events.then_some(&*events),
        exchange,
        grant: &grant,
        shape: switches.shape,
        pages: &state.pages,
    };
    left.tell(api::answer(&context, version, &route))
}
