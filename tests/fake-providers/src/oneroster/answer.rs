//! From a request to its answer: faults, routes, access, compression, journal.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::{Method, Request, Response};

use super::call::Call;
use super::classlink::{self, launchpad};
use super::exchange::Exchange;
use super::failure::{Failure, Minor};
use super::list::{Counts, Reading};
use super::oauth2::Endpoint;
use super::quirks::Answers;
use super::render::{Style, Version, View};
use super::reply;
use super::{State, access, admin, discovery, rewrite};
use crate::faults::FaultKind;
use crate::journal::Entry;
use crate::lock::{lock, read};
use crate::reply::Reply;
use crate::server::Dropped;

/// Where version 1.1 is.
const V1P1: &str = "/ims/oneroster/v1p1/";
/// Where version 1.2 is.
const V1P2: &str = "/ims/oneroster/rostering/v1p2/";
/// Where tokens come from.
pub(super) const TOKEN: &str = "/oauth/token";

/// What may be asked of a list.
const LIST_PARAMETERS: [&str; 6] = ["fields", "filter", "limit", "offset", "orderBy", "sort"];

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
    let version = version_of(&exchange.path);
    let quirks = read(&state.quirks).clone();
    let replaced = faults
        .iter()
        .find_map(|fault| rewrite::replacement(fault, &exchange.path, version, &quirks));
    let mut reply = match replaced {
        Some(reply) => reply,
        None => rewrite::rewrite(route(state, &exchange, &faults, &mut entry), &faults),
    };
    if faults.contains(&FaultKind::CutText) {
        reply = reply.truncated();
    }
    if exchange.takes_gzip() {
        reply = reply.compressed();
    }
    if faults.contains(&FaultKind::TruncatedBody) {
        reply = reply.truncated();
    }
    entry.status = reply.status;
    entry.body_bytes = u64::try_from(reply.body.len()).unwrap_or(u64::MAX);
    state.journal.record(entry);
    Ok(reply.into_response())
}

fn version_of(path: &str) -> Version {
    if path.starts_with(V1P2) {
        Version::V1p2
    } else {
        Version::V1p1
    }
}

fn route(state: &State, exchange: &Exchange, faults: &[FaultKind], entry: &mut Entry) -> Reply {
    let path = exchange.path.as_str();
    match (&exchange.method, path) {
        (&Method::POST, TOKEN) if read(&state.security).takes_oauth2 => token(state, exchange),
        (&Method::GET, "/oauth2/v2/auth") => {
            entry.unknown_parameters = launchpad::unknown_parameters(&exchange.parameters);
            launchpad::show(state, exchange)
        }
        (&Method::POST, "/oauth2/v2/auth") => launchpad::post(state, exchange),
        (&Method::POST, "/oauth2/v2/token") => {
            entry.unknown_parameters = launchpad::unknown_fields(exchange);
            launchpad::token(state, exchange)
        }
        (&Method::GET, "/v2/my/info") => launchpad::info(state, exchange),
        (&Method::GET, _) => {
            let data = Data::of(state, path);
            if let Some(data) = data {
                return read_data(state, exchange, &data, faults, entry);
            }
            classlink::applications(state, exchange).unwrap_or_else(not_found)
        }
        _ if Data::of(state, path).is_some() => {
            reply::text(405, "Method not allowed").with("allow", "GET")
        }
        _ => not_found(),
    }
}

fn not_found() -> Reply {
    reply::page(404, "404 Not Found")
}

fn token(state: &State, exchange: &Exchange) -> Reply {
    Endpoint {
        clients: &state.config.clients,
        security: &read(&state.security),
        tokens: &mut lock(&state.tokens),
        seed: state.seed(),
        now_ms: state.now_ms(),
    }
    .answer(exchange)
}

/// Where a path of data leads.
struct Data<'a> {
    view: View,
    /// The application's id, as given, on the way through the proxy.
    application: Option<&'a str>,
    /// What lies below the base.
    path: &'a str,
}

impl<'a> Data<'a> {
    fn of(state: &State, path: &'a str) -> Option<Self> {
        if let Some(path) = path.strip_prefix(V1P2) {
            return Some(Self {
                view: View::V1p2,
                application: None,
                path,
            });
        }
        if let Some(path) = path.strip_prefix(V1P1) {
            let is_direct = read(&state.class_link).is_direct;
            return Some(Self {
                view: if is_direct {
                    View::RosterServer
                } else {
                    View::V1p1
                },
                application: None,
                path,
            });
        }
        let (application, path) = classlink::proxied(path)?;
        Some(Self {
            view: View::RosterServer,
            application: Some(application),
            path,
        })
    }
}

fn read_data(
    state: &State,
    exchange: &Exchange,
    data: &Data<'_>,
    faults: &[FaultKind],
    entry: &mut Entry,
) -> Reply {
    let quirks = read(&state.quirks).clone();
    match quirks.answers {
        Answers::Data => {}
        Answers::LoginPage => return reply::sign_in_page(200),
        Answers::Nothing => return Reply::empty(200),
    }
    let version = data.view.version();
    if version == Version::V1p2 && data.path == discovery::PATH {
        let base = format!("{}{}", state.base_url, V1P2.trim_end_matches('/'));
        return Reply::json(200, &discovery::document(&base, &state.token_url()));
    }
    let reply = match admit(state, exchange, data, entry) {
        Ok(call) => lists(state, exchange, data, &call, faults),
        Err(failure) => Err(failure),
    };
    let reply = match reply {
        Ok(reply) => reply,
        Err(failure) => failure.reply(version, &quirks),
    };
    state.count_read();
    reply
}

/// The call of a request that is allowed.
fn admit(
    state: &State,
    exchange: &Exchange,
    data: &Data<'_>,
    entry: &mut Entry,
) -> Result<Call, Failure> {
    let version = data.view.version();
    let caller = match data.application {
        None => Some(access::caller(state, exchange, version)?),
        Some(application) if classlink::admits(state, exchange, application) => None,
        Some(_) => return Err(Failure::new(Minor::Unauthorised, "Unauthorized")),
    };
    entry.principal = Some(
        caller
            .as_ref()
            .map_or("proxy", |caller| &caller.name)
            .to_owned(),
    );
    let call = Call::of(data.path);
    let call = call.ok_or_else(|| Failure::new(Minor::UnknownObject, "Unknown path"))?;
    let known: &[&str] = match call {
        Call::One(..) => &["fields"],
        Call::All(_) | Call::Within { .. } => &LIST_PARAMETERS,
    };
    let unknown = exchange.parameters.keys();
    let unknown = unknown.filter(|name| !known.contains(&name.as_str()));
    entry.unknown_parameters = unknown.cloned().collect();
    if let Some(caller) = caller {
        let scopes = caller.scopes.as_ref().into_iter().flatten();
        entry.scopes = scopes.cloned().collect::<BTreeSet<_>>();
        caller.check(&call, version)?;
    }
    Ok(call)
}

fn lists(
    state: &State,
    exchange: &Exchange,
    data: &Data<'_>,
    call: &Call,
    faults: &[FaultKind],
) -> Result<Reply, Failure> {
    let is_roster_server = data.view == View::RosterServer;
    let mut quirks = read(&state.quirks).clone();
    let mut is_obfuscated = false;
    if is_roster_server {
        let class_link = read(&state.class_link);
        is_obfuscated = class_link.is_obfuscated;
        let limit = exchange
            .parameter("limit")
            .and_then(|limit| limit.parse().ok());
        let is_too_much = |most: usize| limit.is_some_and(|limit: usize| limit > most);
        if class_link.bad_gateway_above.is_some_and(is_too_much) {
            return Ok(reply::page(502, "502 Bad Gateway"));
        }
        let limit = quirks.page_limit.unwrap_or(usize::MAX);
        quirks.page_limit = Some(limit.min(classlink::PAGE_LIMIT));
    }
    let direct_base = match data.view {
        View::V1p2 => format!("{}{}", state.base_url, V1P2.trim_end_matches('/')),
        View::RosterServer | View::V1p1 => {
            format!("{}{}", state.base_url, V1P1.trim_end_matches('/'))
        }
    };
    let dataset = read(&state.dataset);
    let reading = Reading {
        dataset: &dataset,
        style: Style {
            view: data.view,
            base: if is_roster_server {
                classlink::FOREIGN_BASE
            } else {
                &direct_base
            },
            quirks: &quirks,
            is_obfuscated,
            now_ms: state.now_ms(),
        },
        exchange,
        address: format!("{}{}", state.base_url, exchange.path),
        wrong: rewrite::wrong(faults),
    };
    let (reply, counts): (Reply, Option<Counts>) = reading.answer(call)?;
    Ok(if is_roster_server {
        let endpoint = call.set().word();
        classlink::with_headers(state, reply, counts, endpoint, dataset.revision())
    } else {
        reply
    })
}
