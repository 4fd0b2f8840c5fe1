//! From a request to its answer: faults, routes, conditions, compression, journal.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Method, Request, Response};

use super::api::{Call, Caller, Context};
use super::exchange::Exchange;
use super::oauth::{self, Outcome};
use super::reply::{ApiError, Reply};
use super::{State, admin, rewrite};
use crate::faults::FaultKind;
use crate::journal::Entry;
use crate::lock::read;
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
    let faults = state.faults.take(&exchange.subject());
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
    let reply = match faults.iter().find_map(rewrite::replacement) {
        Some(reply) => reply,
        None => rewrite::rewrite(
            state,
            &exchange,
            route(state, &exchange, &mut entry),
            &faults,
        ),
    };
    let cut = |reply: Reply, how: FaultKind| {
        if faults.contains(&how) {
            reply.truncated()
        } else {
            reply
        }
    };
    let reply = cut(conditional(reply, &exchange), FaultKind::CutText);
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
    if exchange.path.starts_with("/admin/directory/v1/")
        || exchange.path.starts_with("/admin/directory_v1/")
    {
        return directory(state, exchange, entry).unwrap_or_else(Reply::from);
    }
    let token = exchange.bearer();
    let is_get = exchange.method == Method::GET;
    match exchange.path.as_str() {
        "/o/oauth2/v2/auth" => {
            entry.unknown_parameters = oauth::unknown_parameters(&exchange.query);
        }
        "/token" => entry.unknown_parameters = oauth::unknown_fields(&exchange.body),
        _ => {}
    }
    match (is_get, exchange.path.as_str()) {
        (true, "/.well-known/openid-configuration") => {
            oauth::discovery(&state.config, &state.base_url)
        }
        (true, "/oauth2/v3/certs") => oauth::certs(&read(&state.keys)),
        (true, "/o/oauth2/v2/auth") => {
            state.with_oauth(|oauth| oauth::show(oauth, &exchange.query))
        }
        (false, "/o/oauth2/v2/auth/consent") => consent(state, exchange),
        (false, "/token") => state.with_oauth(|oauth| {
            let content_type = exchange.header("content-type").unwrap_or_default();
            oauth::exchange(
                oauth,
                content_type,
                exchange.header("authorization"),
                &exchange.body,
            )
        }),
        (false, "/revoke") => {
            state.with_oauth(|oauth| oauth::revoke(oauth, &exchange.query, &exchange.body))
        }
        (true, "/v1/userinfo" | "/oauth2/v3/userinfo") => {
            state.with_oauth(|oauth| oauth::user_info(oauth, token))
        }
        (true, "/oauth2/v2/userinfo") => {
            state.with_oauth(|oauth| oauth::user_info_v2(oauth, token))
        }
        (_, "/tokeninfo" | "/oauth2/v2/tokeninfo") => {
            state.with_oauth(|oauth| oauth::token_info(oauth, token))
        }
        _ => not_found(&exchange.path),
    }
}

/// The page of a path that is nothing: HTML, whatever was asked for.
fn not_found(path: &str) -> Reply {
    let path = path.replace('<', "&lt;");
    let page = format!(
        "<!DOCTYPE html><html lang=en><title>Error 404 (Not Found)!!1</title>\
         <p><b>404.</b> <ins>That's an error.</ins><p>The requested URL <code>{path}</code> was not found."
    );
    Reply::html(404, page)
}

/// The posted consent form.
fn consent(state: &State, exchange: &Exchange) -> Reply {
    let mut account = String::new();
    let mut other = String::new();
    let mut query = String::new();
    let mut outcome = String::new();
    let mut scopes = std::collections::BTreeSet::new();
    for (name, value) in url::form_urlencoded::parse(&exchange.body).into_owned() {
        match name.as_str() {
            "account" => account = value,
            "other_account" => other = value,
            "outcome" => outcome = value,
            "request" => query = value,
            "scope" => drop(scopes.insert(value)),
            _ => {}
        }
    }
    let account = if other.is_empty() { account } else { other };
    let outcome = match outcome.as_str() {
        "allow" => Outcome::AllowOnly { account, scopes },
        "deny" => Outcome::Deny,
        other => match other.strip_prefix("error:") {
            Some(code) => Outcome::Error {
                code: code.to_owned(),
            },
            None => return not_found(&exchange.path),
        },
    };
    state
        .with_oauth(|oauth| oauth::decide(oauth, &query, &outcome))
        .into()
}

/// A call of the Directory API: who, whether, how often, then what.
fn directory(state: &State, exchange: &Exchange, entry: &mut Entry) -> Result<Reply, ApiError> {
    let Some(call) = Call::of(&exchange.method, &exchange.path) else {
        return Ok(not_found(&exchange.path));
    };
    entry.unknown_parameters = call.unknown_parameters(&exchange.parameters);
    let caller = caller(state, exchange)?;
    entry.principal = Some(caller.email.clone());
    entry.scopes.clone_from(&caller.scopes);
    let now_ms = state.now_ms();
    state.quota.take(&caller, &state.config, now_ms)?;
    let directory = read(&state.directory);
    let public_view = public_view(&exchange.parameters);
    call.rights().check(&caller, &directory, public_view)?;
    call.answer(&Context {
        directory: &directory,
        caller: &caller,
        path: &exchange.path,
        parameters: &exchange.parameters,
        tokens: &state.page_tokens,
        listings: &state.listings,
        page_limit: state.page_limit(&call),
        channels: &state.channels,
        takes_http_channels: state.config.takes_http_channels,
        body: &exchange.body,
        now_ms,
    })
}

fn public_view(parameters: &BTreeMap<String, String>) -> bool {
    parameters
        .get("viewType")
        .is_some_and(|view| view == "domain_public")
}

fn caller(state: &State, exchange: &Exchange) -> Result<Caller, ApiError> {
    let token = exchange.bearer().ok_or_else(ApiError::login_required)?;
    let caller = state.with_oauth(|oauth| oauth.caller(token));
    caller.ok_or_else(ApiError::invalid_credentials)
}

/// 304 when the client has it already.
fn conditional(reply: Reply, exchange: &Exchange) -> Reply {
    let etag = reply.headers.iter().find(|(name, _)| *name == "etag");
    let Some((_, etag)) = etag.filter(|_| reply.status == 200 && exchange.method == Method::GET)
    else {
        return reply;
    };
    let wanted = exchange.header("if-none-match").unwrap_or_default();
    let is_same = wanted
        .split(", ")
        .any(|wanted| wanted == etag || wanted == "*");
    if is_same {
        Reply::empty(304).with("etag", etag.clone())
    } else {
        reply
    }
}
