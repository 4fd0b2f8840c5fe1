//! Faults that put another answer in place of the right one, or change it.

use serde_json::{Value, json};

use super::answer::TOKEN;
use super::failure::Failure;
use super::list::Wrong;
use super::quirks::Quirks;
use super::render::Version;
use super::reply;
use crate::faults::{FaultKind, change_field};
use crate::reply::Reply;

/// The answer that a fault gives instead of the right one.
pub(super) fn replacement(
    fault: &FaultKind,
    path: &str,
    version: Version,
    quirks: &Quirks,
) -> Option<Reply> {
    match fault {
        FaultKind::Error {
            status,
            reason,
            retry_after_seconds,
        } => {
            let reply = match status {
                // What stands before the server answers these.
                502..=504 => reply::page(*status, "Bad Gateway"),
                _ if path == TOKEN => {
                    let error = reason.as_deref().unwrap_or("server_error");
                    let body = json!({ "error": error, "error_description": "" });
                    Reply::json(*status, &body)
                }
                _ => Failure::of_status(*status).reply(version, quirks),
            };
            Some(match retry_after_seconds {
                Some(seconds) => reply.with("retry-after", seconds.to_string()),
                None => reply,
            })
        }
        FaultKind::Html { status } => Some(reply::sign_in_page(*status)),
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

/// How lists go wrong by these faults.
pub(super) fn wrong(faults: &[FaultKind]) -> Wrong {
    Wrong {
        repeats_page: faults.contains(&FaultKind::DuplicatePage),
        is_endless: faults.contains(&FaultKind::EndlessPages),
        links_to_itself: faults.contains(&FaultKind::RepeatedPageToken),
    }
}

/// Applies the faults that change a right answer.
pub(super) fn rewrite(mut reply: Reply, faults: &[FaultKind]) -> Reply {
    if reply.status != 200 {
        return reply;
    }
    for fault in faults {
        match fault {
            FaultKind::ChangeAnswer { .. }
            | FaultKind::ChangeField { .. }
            | FaultKind::EmptyPage
            | FaultKind::FirstRecords { .. } => change_body(&mut reply, fault),
            FaultKind::EmptyLists => {
                change_body(&mut reply, fault);
                reply.headers.retain(|(name, _)| *name != "link");
                for (name, value) in &mut reply.headers {
                    if *name == "x-total-count" {
                        "0".clone_into(value);
                    }
                }
            }
            FaultKind::MissingNextPageToken => {
                let without_next = |links: &str| {
                    let links = links.split(", ");
                    let kept = links.filter(|link| !link.ends_with("rel=\"next\""));
                    kept.collect::<Vec<_>>().join(", ")
                };
                for (name, value) in &mut reply.headers {
                    if *name == "link" {
                        *value = without_next(value);
                    }
                }
            }
            FaultKind::ConnectionReset
            | FaultKind::CutText
            | FaultKind::DuplicatePage
            | FaultKind::EndlessPages
            | FaultKind::Error { .. }
            | FaultKind::Html { .. }
            | FaultKind::Latency { .. }
            | FaultKind::RepeatedPageToken
            | FaultKind::Stall { .. }
            | FaultKind::TruncatedBody => {}
        }
    }
    reply
}

fn change_body(reply: &mut Reply, fault: &FaultKind) {
    let Ok(mut body) = serde_json::from_slice::<Value>(&reply.body) else {
        return;
    };
    apply(fault, &mut body);
    reply.body = body.to_string().into_bytes();
}

fn apply(fault: &FaultKind, body: &mut Value) {
    if let FaultKind::ChangeAnswer { field, value } = fault {
        change_field(body, field, value.as_ref());
        return;
    }
    let Value::Object(fields) = body else { return };
    // The only list beside the records is that of warnings.
    let mut lists = fields
        .iter_mut()
        .filter(|(name, _)| *name != "statusInfoSet");
    let list = lists.find_map(|(_, value)| value.as_array_mut());
    match (fault, list) {
        (
            FaultKind::ChangeField {
                index,
                field,
                value,
            },
            Some(list),
        ) => {
            if let Some(record) = list.get_mut(*index) {
                change_field(record, field, value.as_ref());
            }
        }
        (FaultKind::ChangeField { field, value, .. }, None) => {
            if let Some(record) = fields.values_mut().next() {
                change_field(record, field, value.as_ref());
            }
        }
        (FaultKind::EmptyLists | FaultKind::EmptyPage, Some(list)) => list.clear(),
        (FaultKind::FirstRecords { count }, Some(list)) => list.truncate(*count),
        _ => {}
    }
}
