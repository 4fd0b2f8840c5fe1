//! Faults that put another answer in place of the right one, or change it.

use serde_json::{Value, json};

use super::State;
use super::api::request_of;
use super::exchange::Exchange;
use super::page::{PageStart, PageTokens};
use super::reply::{ApiError, Reply};
use crate::faults::{FaultKind, change_field};

/// The names under which answers hold their lists.
const LISTS: [&str; 5] = ["users", "organizationUnits", "groups", "members", "domains"];

/// The answer that a fault gives instead of the right one.
pub(super) fn replacement(fault: &FaultKind) -> Option<Reply> {
    match fault {
        FaultKind::Error {
            status,
            reason,
            retry_after_seconds,
        } => {
            let reply = error(*status, reason.as_deref());
            Some(match retry_after_seconds {
                Some(seconds) => reply.with("retry-after", seconds.to_string()),
                None => reply,
            })
        }
        FaultKind::Html { status } => {
            let page = "<!DOCTYPE html><html lang=en><meta charset=utf-8><title>Error</title>\
                        <p>The server encountered a temporary error and could not complete your request.";
            Some(Reply::html(*status, page.to_owned()))
        }
        FaultKind::ChangeAnswer { .. }
        | FaultKind::ChangeField { .. }
        | FaultKind::ConnectionReset
        | FaultKind::CutText
        | FaultKind::DuplicatePage
        | FaultKind::EmptyLists
        | FaultKind::EmptyPage
        | FaultKind::EndlessPages
        | FaultKind::FirstRecords { .. }
        | FaultKind::Latency { .. }
        | FaultKind::MissingNextPageToken
        | FaultKind::RepeatedPageToken
        | FaultKind::Stall { .. }
        | FaultKind::TruncatedBody => None,
    }
}

/// Google's error of a status, with the usual reason and message or the reason given.
fn error(status: u16, reason: Option<&str>) -> Reply {
    let (usual, message) = match status {
        400 => ("invalid", "Invalid Input"),
        401 => return ApiError::invalid_credentials().into(),
        403 => ("forbidden", "Not Authorized to access this resource/api"),
        404 => ("notFound", "Resource Not Found: userKey"),
        409 => ("duplicate", "Entity already exists."),
        412 => ("conditionNotMet", "User creation is not complete."),
        429 => ("rateLimitExceeded", "Rate Limit Exceeded"),
        502 => ("badGateway", "Bad Gateway"),
        503 => ("backendError", "The service is currently unavailable."),
        _ => ("backendError", "Backend Error"),
    };
    let message = match reason {
        Some("userRateLimitExceeded" | "rateLimitExceeded") if status == 403 => {
            "Request rate higher than configured."
        }
        Some("quotaExceeded") => "Quota exceeded for quota metric 'Queries'.",
        Some("insufficientPermissions") => {
            return ApiError::insufficient_scope("DirectoryUsers.List", "").into();
        }
        Some("accessNotConfigured") => {
            "Admin SDK API has not been used in project 100000000001 before or it is disabled."
        }
        Some("domainCannotUseApis") => "Domain cannot use apis.",
        Some("limitExceeded") => "Domain user limit reached.",
        _ => message,
    };
    ApiError::new(status, reason.unwrap_or(usual), message).into()
}

/// Applies the faults that change a right answer.
pub(super) fn rewrite(
    state: &State,
    exchange: &Exchange,
    reply: Reply,
    faults: &[FaultKind],
) -> Reply {
    let changes = faults.iter().any(|fault| {
        !matches!(
            fault,
            FaultKind::CutText
                | FaultKind::Latency { .. }
                | FaultKind::Stall { .. }
                | FaultKind::TruncatedBody
        )
    });
    if !changes || reply.status != 200 {
        return reply;
    }
    let Ok(mut body) = serde_json::from_slice::<Value>(&reply.body) else {
        return reply;
    };
    for fault in faults {
        apply(state, exchange, fault, &mut body);
    }
    let mut rewritten = Reply {
        body: body.to_string().into_bytes(),
        ..reply
    };
    // The tag belongs to the right answer.
    rewritten.headers.retain(|(name, _)| *name != "etag");
    rewritten
}

fn apply(state: &State, exchange: &Exchange, fault: &FaultKind, body: &mut Value) {
    let Value::Object(fields) = body else { return };
    match fault {
        FaultKind::ChangeAnswer { field, value } => change_field(body, field, value.as_ref()),
        FaultKind::ChangeField {
            index,
            field,
            value,
        } => {
            let list = LISTS.iter().find(|name| fields.contains_key(**name));
            let record = match list.and_then(|name| fields.get_mut(*name)) {
                Some(list) => list.get_mut(index),
                None => Some(body),
            };
            if let Some(record) = record {
                change_field(record, field, value.as_ref());
            }
        }
        FaultKind::EmptyLists => {
            fields.retain(|name, _| !LISTS.contains(&name.as_str()) && name != "nextPageToken");
        }
        FaultKind::FirstRecords { count } => {
            let list = LISTS.iter().find(|name| fields.contains_key(**name));
            let list = list.and_then(|name| fields.get_mut(*name)?.as_array_mut());
            if let Some(list) = list {
                list.truncate(*count);
            }
        }
        FaultKind::EmptyPage => fields.retain(|name, _| !LISTS.contains(&name.as_str())),
        FaultKind::MissingNextPageToken => drop(fields.remove("nextPageToken")),
        FaultKind::DuplicatePage => {
            let token = token_to(state, exchange, this_page(exchange));
            fields.insert("nextPageToken".to_owned(), json!(token));
        }
        FaultKind::EndlessPages if !fields.contains_key("nextPageToken") => {
            let token = token_to(state, exchange, PageStart::first());
            fields.insert("nextPageToken".to_owned(), json!(token));
        }
        FaultKind::RepeatedPageToken => {
            let same = exchange.parameters.get("pageToken").cloned();
            let token = same.or_else(|| fields.get("nextPageToken")?.as_str().map(str::to_owned));
            fields.extend(token.map(|token| ("nextPageToken".to_owned(), json!(token))));
        }
        FaultKind::ConnectionReset
        | FaultKind::CutText
        | FaultKind::EndlessPages
        | FaultKind::Error { .. }
        | FaultKind::Html { .. }
        | FaultKind::Latency { .. }
        | FaultKind::Stall { .. }
        | FaultKind::TruncatedBody => {}
    }
}

/// Where the page asked for starts.
fn this_page(exchange: &Exchange) -> PageStart {
    let token = exchange.parameters.get("pageToken");
    token
        .and_then(|token| PageTokens::start_of(token))
        .unwrap_or_else(PageStart::first)
}

fn token_to(state: &State, exchange: &Exchange, start: PageStart) -> String {
    let token = exchange.parameters.get("pageToken");
    let caller = exchange
        .bearer()
        .and_then(|token| state.with_oauth(|oauth| oauth.caller(token)));
    let email = caller.map(|caller| caller.email).unwrap_or_default();
    let of_this = || request_of(&exchange.path, &email, &exchange.parameters);
    let request = token
        .and_then(|token| PageTokens::request_of(token))
        .unwrap_or_else(of_this);
    state.page_tokens.issue(start, request, state.now_ms())
}
