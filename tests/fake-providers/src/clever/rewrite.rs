//! Faults that put another answer in place of the right one, or change it.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use super::exchange::Exchange;
use super::id::ObjectId;
use super::quota::Left;
use super::reply::{Reply, message, not_found, out_of_scope, page, unauthorized};
use crate::faults::{FaultKind, change_field};

/// The answer that a fault gives instead of the right one.
pub(super) fn replacement(fault: &FaultKind, limit: u32, now_ms: i64) -> Option<Reply> {
    match fault {
        FaultKind::Error {
            status,
            reason,
            retry_after_seconds,
        } => {
            let reply = error(*status, reason.as_deref(), limit, now_ms);
            Some(match retry_after_seconds {
                Some(seconds) => reply.with("retry-after", seconds.to_string()),
                None => reply,
            })
        }
        FaultKind::Html { status } => Some(page(*status, "Something went wrong")),
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

/// Clever's error of a status, with the usual message or the one given.
fn error(status: u16, reason: Option<&str>, limit: u32, now_ms: i64) -> Reply {
    match (status, reason) {
        (429, _) => Left::none(limit, now_ms).tell(Reply::empty(429)),
        (status, Some(reason)) => message(status, reason),
        (401, None) => unauthorized(),
        (403, None) => out_of_scope(),
        (404, None) => not_found(),
        (400, None) => message(400, "Bad request"),
        (501, None) => Reply::empty(501),
        (status, None) => message(status, "Internal server error"),
    }
}

/// Applies the faults that change a right answer.
pub(super) fn rewrite(
    exchange: &Exchange,
    reply: Reply,
    faults: &[FaultKind],
    made_up: &AtomicU64,
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
        apply(exchange, fault, &mut body, made_up);
    }
    Reply {
        body: body.to_string().into_bytes(),
        ..reply
    }
}

fn apply(exchange: &Exchange, fault: &FaultKind, body: &mut Value, made_up: &AtomicU64) {
    let is_list = body.get("data").is_some_and(Value::is_array);
    match fault {
        FaultKind::ChangeAnswer { field, value } => change_field(body, field, value.as_ref()),
        FaultKind::ChangeField {
            index,
            field,
            value,
        } => {
            let record = match body.get_mut("data") {
                Some(list) if is_list => list.get_mut(index).and_then(|item| item.get_mut("data")),
                record => record,
            };
            if let Some(record) = record {
                change_field(record, field, value.as_ref());
            }
        }
        FaultKind::EmptyLists => {
            truncate(body, 0);
            set_next(body, None);
        }
        FaultKind::EmptyPage => truncate(body, 0),
        FaultKind::FirstRecords { count } => truncate(body, *count),
        FaultKind::MissingNextPageToken => set_next(body, None),
        FaultKind::DuplicatePage => set_next(body, Some(exchange.own_uri())),
        FaultKind::RepeatedPageToken => {
            if exchange.parameter("starting_after").is_some() {
                set_next(body, Some(exchange.own_uri()));
            }
        }
        FaultKind::EndlessPages if is_list && !has_next(body) => {
            // Before every id, so that it leads to the first page; events refuse unknown ids.
            let number = made_up.fetch_add(1, Ordering::Relaxed);
            let before_all = ("starting_after", ObjectId::new(0, number));
            let place = (!exchange.path.ends_with("/events")).then_some(before_all);
            set_next(body, Some(exchange.uri_at(place)));
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

fn truncate(body: &mut Value, count: usize) {
    if let Some(list) = body.get_mut("data").and_then(Value::as_array_mut) {
        list.truncate(count);
    }
}

fn is_next(link: &Value) -> bool {
    link.get("rel").and_then(Value::as_str) == Some("next")
}

fn has_next(body: &Value) -> bool {
    let links = body.get("links").and_then(Value::as_array);
    links.is_some_and(|links| links.iter().any(is_next))
}

fn set_next(body: &mut Value, uri: Option<String>) {
    if let Some(links) = body.get_mut("links").and_then(Value::as_array_mut) {
        links.retain(|link| !is_next(link));
        links.extend(uri.map(|uri| json!({ "rel": "next", "uri": uri })));
    }
}
