//! Edits and restorations: asked for, carried out at once where nothing is in the way, and
//! answered with the account.

use super::{Answer, Asked};
use crate::by_hand;
use crate::doors::{json, webhook};
use crate::ports::Ports;
use crate::problem::{Kind, Problem, parse_json};
use crate::roster::Reader;
use crate::runs::{self, Failure, Requested, RunState};
use crate::{settings, slices};
use http::StatusCode;
use jiff::SignedDuration;
use mapping::ids::{AccountId, RunId};
use serde::de::IgnoredAny;
use std::time::Duration;

/// How long an answer waits for the change to be carried out.
const WAITED_MAX: SignedDuration = SignedDuration::from_secs(8);

/// How long it waits between two looks.
const PAUSE: Duration = Duration::from_millis(250);

/// Edits an account and pins what is edited.
pub(super) async fn edit<P: Ports>(asked: &Asked<'_, P>, id: &AccountId) -> Answer {
    let edit = parse_json(asked.request)?;
    let run = by_hand::request_edit(asked.ports, &asked.who, &asked.tenant, id, edit).await?;
    finish(asked, id, run).await
}

/// Restores a deleted account.
pub(super) async fn restore<P: Ports>(asked: &Asked<'_, P>, id: &AccountId) -> Answer {
    let run = by_hand::request_restore(asked.ports, &asked.who, &asked.tenant, id).await?;
    finish(asked, id, run).await
}

/// Has the `sync` component carry it out, and answers with the account as it is then; with 202 and
/// the run when something else is in the way for longer.
async fn finish<P: Ports>(asked: &Asked<'_, P>, id: &AccountId, run: RunId) -> Answer {
    let (ports, tenant) = (asked.ports, &asked.tenant);
    let until = ports.now() + WAITED_MAX;
    loop {
        // Whatever becomes of the call, the run says how far it is, and the tick goes on with it.
        let path = format!("/drive/{tenant}");
        let _: Result<IgnoredAny, _> = slices::call(ports, "sync", &path, &()).await;
        let found = runs::read(ports, tenant, &run).await?;
        match found.map(|found| (found.state, found.failure)) {
            Some((RunState::Applied | RunState::Unchanged, _)) => {
                let account = Reader::open(ports, tenant)
                    .await?
                    .account(ports, id)
                    .await?;
                return Ok(json(
                    StatusCode::OK,
                    &account.ok_or_else(Problem::not_found)?,
                ));
            }
            Some((RunState::Failed, failure)) => return Err(refusal(failure)),
            _ if ports.now() >= until => break,
            _ => ports.sleep(PAUSE).await,
        }
    }
    let public_url = settings::public_url(ports).await?;
    let address = public_url.at(&format!("/api/v1/tenants/{tenant}/runs/{run}"));
    let requested = Requested { run, joined: false };
    Ok(webhook::accepted(tenant, &requested, address))
}

fn refusal(failure: Option<Failure>) -> Problem {
    match failure {
        Some(failure) if failure.code == "unknown_organization" => {
            Problem::field("memberships", failure.message)
        }
        Some(failure) if failure.code == "not_found" => Problem::not_found(),
        Some(failure) if failure.code == "internal" => {
            Problem::new(Kind::Internal, failure.message)
        }
        Some(failure) => Problem::new(Kind::Conflict, failure.message),
        None => Problem::new(Kind::Internal, "the change failed without a reason"),
    }
}
