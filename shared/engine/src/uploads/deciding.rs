//! What an administrator says about the plan of a file.

use super::{Upload, UploadState, UploadWork, note_run, read, report, runs_of, show};
use crate::audit::{self, Action, Actor};
use crate::error::Error;
use crate::keys;
use crate::ports::{Clock, Store};
use crate::record;
use crate::runs::{self, Lane, Run, Trigger, TriggerKind};
use mapping::ids::{RunId, TenantId, UploadId};
use serde::{Deserialize, Serialize};

/// Which rows are accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rows {
    /// All of them, or none when one can't be taken.
    All,
    /// Those that can be taken.
    Good,
}

/// What an administrator accepts.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Which rows.
    pub rows: Rows,
    /// True to let a plan happen that the guard would hold.
    #[serde(default)]
    pub despite_guard: bool,
}

/// What was accepted, and on the strength of which plan.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Acceptance {
    /// What the administrator said.
    pub decision: Decision,
    /// The run whose plan they saw.
    pub shown: RunId,
}

/// Why a file was neither accepted nor discarded. Nothing changed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DecisionError {
    /// Some rows can't be taken.
    #[error(
        "{count} rows can't be taken: accept the good ones with \"rows\": \"good\", or discard the file, mend it and send it again"
    )]
    BadRows {
        /// How many.
        count: u64,
    },
    /// Another file is waiting.
    #[error("another file is waiting to be read: try again in a minute")]
    Busy,
    /// The guard would hold the plan.
    #[error(
        "the plan changes more than the guard allows: look at its refusals, and accept it with \"despite_guard\": true if that is right"
    )]
    Guard,
    /// No such upload.
    #[error("there is no such upload")]
    NotFound,
    /// It is not waiting for a decision.
    #[error("the upload is {}, so there is nothing to decide", .0.as_str())]
    State(UploadState),
    /// The surroundings failed.
    #[error(transparent)]
    Engine(#[from] Error),
}

impl UploadState {
    fn as_str(self) -> &'static str {
        match self {
            UploadState::Accepted => "accepted already",
            UploadState::Applied => "applied already",
            UploadState::Discarded => "discarded",
            UploadState::Failed => "one that failed",
            UploadState::Planned => "planned",
            UploadState::Reading => "still being read",
        }
    }
}

/// Lets the plan of a file happen. The run that carries it out reads the file again, and stops to
/// be looked at once more should the plan not be the one that was shown.
pub async fn accept(
    ports: &(impl Store + Clock),
    who: &Actor,
    tenant: &TenantId,
    id: &UploadId,
    decision: Decision,
) -> Result<RunId, DecisionError> {
    let (_, run) = planned(ports, tenant, id).await?;
    let bad_rows = report(ports, tenant, &run.id).await?.map_or(0, |report| report.bad_rows);
    if decision.rows == Rows::All && bad_rows > 0 {
        return Err(DecisionError::BadRows { count: bad_rows });
    }
    if !run.refusals.is_empty() && !decision.despite_guard {
        return Err(DecisionError::Guard);
    }
    audit::record(ports, tenant, who, Action::FileAccepted, id.as_str()).await?;
    let work = UploadWork {
        upload: id.clone(),
        acceptance: Some(Acceptance {
            decision,
            shown: run.id,
        }),
    };
    let trigger = Trigger {
        kind: TriggerKind::Upload,
        by: who.name().to_owned(),
    };
    let next = runs::request_alone(ports, tenant, Lane::Upload, trigger, &work).await?;
    let next = next.ok_or(DecisionError::Busy)?;
    note_run(ports, tenant, id, &next).await?;
    Ok(next)
}

/// Discards a file with everything in it; the next tick forgets its bytes.
pub async fn discard(
    ports: &(impl Store + Clock),
    who: &Actor,
    tenant: &TenantId,
    id: &UploadId,
) -> Result<(), DecisionError> {
    planned(ports, tenant, id).await?;
    audit::record(ports, tenant, who, Action::FileDiscarded, id.as_str()).await?;
    Ok(set_discarded(ports, tenant, id).await?)
}

pub(super) async fn set_discarded(
    store: &impl Store,
    tenant: &TenantId,
    id: &UploadId,
) -> Result<(), Error> {
    let mut known = runs_of(store, tenant, id).await?;
    known.discarded = true;
    Ok(record::write(store, &keys::upload(tenant, id, "runs"), &known).await?)
}

/// An upload whose plan waits for a decision, and the run that made it.
async fn planned(
    store: &impl Store,
    tenant: &TenantId,
    id: &UploadId,
) -> Result<(Upload, Run), DecisionError> {
    let shown = show(store, tenant, id).await?.ok_or(DecisionError::NotFound)?;
    if shown.state != UploadState::Planned {
        return Err(DecisionError::State(shown.state));
    }
    let run = match &shown.run {
        Some(run) => runs::read(store, tenant, run).await?,
        None => None,
    };
    let upload = read(store, tenant, id).await?;
    match (upload, run) {
        (Some(upload), Some(run)) => Ok((upload, run)),
        _ => Err(DecisionError::NotFound),
    }
}

/// Whether a plan made anew is the one that was accepted.
pub(crate) async fn is_as_accepted(
    store: &impl Store,
    tenant: &TenantId,
    acceptance: &Acceptance,
    run: &Run,
) -> Result<bool, Error> {
    let shown = runs::read(store, tenant, &acceptance.shown).await?;
    let is_same = shown.is_some_and(|shown| shown.counts == run.counts);
    let is_allowed = run.refusals.is_empty() || acceptance.decision.despite_guard;
    Ok(is_same && is_allowed)
}
