//! The commits of the roster, and their undo.

use super::{Answer, Asked};
use crate::by_hand::{self, UNDOABLE};
use crate::doors::{List, json, webhook};
use crate::ports::Ports;
use crate::problem::{Problem, parse_json};
use crate::roster::commit::{self, Commit};
use crate::runs::Requested;
use crate::settings;
use http::StatusCode;
use mapping::guard::Known;
use mapping::ids::{Generation, RunId};
use serde::{Deserialize, Serialize};

/// Commits of a page when the client does not say, and the most it can ask for.
const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 200;

/// A commit as it is shown.
#[derive(Serialize)]
struct Shown {
    generation: Generation,
    parent: Generation,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<RunId>,
    at_ms: i64,
    accounts: u64,
    known: Known,
    /// Until when it can be undone, in milliseconds since the Unix epoch.
    undoable_until_ms: i64,
}

impl From<Commit> for Shown {
    fn from(commit: Commit) -> Self {
        Self {
            generation: commit.generation,
            parent: commit.parent,
            run: commit.run,
            at_ms: commit.at_ms,
            accounts: commit.known.total(),
            known: commit.known,
            undoable_until_ms: commit
                .at_ms
                .saturating_add(i64::try_from(UNDOABLE.as_millis()).unwrap_or(i64::MAX)),
        }
    }
}

/// What is said with a request for an undo.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct UndoBody {
    /// Whether commits after this one may be undone with it.
    with_later: bool,
}

/// Commits, newest first: each is the parent of the one before.
pub(super) async fn list<P: Ports>(asked: &Asked<'_, P>) -> Answer {
    let (ports, tenant) = (asked.ports, &asked.tenant);
    let cursor = asked.number("cursor")?;
    let limit = asked.number("limit")?.map_or(LIMIT_DEFAULT, |limit| {
        usize::try_from(limit)
            .unwrap_or(LIMIT_MAX)
            .clamp(1, LIMIT_MAX)
    });
    let mut next = match cursor {
        Some(cursor) => commit::read(ports, tenant, Generation(cursor)).await?,
        None => Some(commit::newest(ports, tenant).await?),
    };
    let mut items = Vec::new();
    while let Some(commit) = next.take() {
        if commit.generation == Generation::default() {
            break;
        }
        if items.len() == limit {
            next = Some(commit);
            break;
        }
        next = commit::read(ports, tenant, commit.parent).await?;
        items.push(Shown::from(commit));
    }
    let next = next.map(|commit| commit.generation.to_string());
    Ok(json(StatusCode::OK, &List { items, next }))
}

/// Schedules the undo of a commit.
pub(super) async fn undo<P: Ports>(asked: &Asked<'_, P>, generation: &str) -> Answer {
    let generation = generation.parse().map_err(|_| Problem::not_found())?;
    let body: UndoBody = if asked.request.body().is_empty() {
        UndoBody::default()
    } else {
        parse_json(asked.request)?
    };
    let public_url = settings::public_url(asked.ports).await?;
    let tenant = &asked.tenant;
    let run = by_hand::request_undo(
        asked.ports,
        &asked.who,
        tenant,
        Generation(generation),
        body.with_later,
    )
    .await?;
    let address = public_url.at(&format!("/api/v1/tenants/{tenant}/runs/{run}"));
    let requested = Requested { run, joined: false };
    Ok(webhook::accepted(tenant, &requested, address))
}
