//! Files that administrators send: spreadsheets, CSV and OneRoster packages (SPEC section 6).
//!
//! The bytes are sealed as they arrive, since they may hold passwords in clear, and a run in a lane
//! of its own reads them and makes a plan. Nothing changes until an administrator accepts what the
//! plan shows; then a second run reads the file again, makes the plan anew and carries it out if it
//! is still the same. What becomes of an upload is derived from its runs; nothing is said twice.

mod bytes;
mod credentials;
mod deciding;
mod folding;
mod reading;
mod receiving;
mod report;

pub use bytes::{BytesError, Sent};
pub(crate) use credentials::deadline_of;
pub use credentials::{CredentialError, CredentialRequest, attend, hand_out, make};
pub(crate) use deciding::is_as_accepted;
pub use deciding::{Acceptance, Decision, DecisionError, Rows, accept, discard};
pub use reading::slice;
pub use receiving::{NewUpload, Receiver, UPLOAD_BYTES_MAX, UploadError};
pub use report::{BadRow, Report, bad_rows_file, problems, report};

use crate::audit::Actor;
use crate::error::Error;
use crate::keys;
use crate::log::{Log, Page};
use crate::ports::Store;
use crate::record;
use crate::runs::{self, Failure, Run, RunState};
use connectors::files::csv::Hints;
use mapping::account::Role;
use mapping::ids::{ConnectionId, RunId, TenantId, UploadId};
use mapping::summary::Counts;
use serde::{Deserialize, Serialize};

/// For how long a file waits for a decision, in milliseconds: two weeks. Then it is discarded with
/// everything in it.
pub const KEPT_MS: i64 = 14 * 24 * 60 * 60 * 1_000;

/// A file as it was sent. Written once.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Upload {
    /// Ours.
    pub id: UploadId,
    /// The connection whose people it lists.
    pub connection: ConnectionId,
    /// The file's name, as the browser gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
    /// What everybody in it is, for a CSV file of one role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// True when it lists everybody: who is not in it, is gone.
    pub complete: bool,
    /// How it is written, as far as the sender said so.
    #[serde(default)]
    pub hints: Hints,
    /// Its size, in bytes.
    pub bytes: u64,
    /// Who sent it.
    pub by: Actor,
    /// When, in milliseconds since the Unix epoch.
    pub sent_at_ms: i64,
}

/// Where an upload stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UploadState {
    /// Accepted, and on its way.
    Accepted,
    /// Carried out.
    Applied,
    /// Discarded, by an administrator or because nobody decided.
    Discarded,
    /// It could not be read, or its plan could not be carried out.
    Failed,
    /// Its plan waits for a decision.
    Planned,
    /// It is being read.
    Reading,
}

/// Passwords that an upload made.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum CredentialState {
    /// They are being made.
    Making,
    /// There are none.
    #[default]
    None,
    /// They can be fetched, once.
    Ready {
        /// How many.
        count: u64,
    },
    /// They were fetched.
    Taken,
}

/// An upload with what became of it.
#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    /// What was sent.
    #[serde(flatten)]
    pub upload: Upload,
    /// Where it stands.
    pub state: UploadState,
    /// The run whose plan counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// What it found in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<Report>,
    /// What the plan would change, or changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counts>,
    /// Why the guard would hold the plan.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<mapping::guard::Refusal>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Passwords that were made.
    pub credentials: CredentialState,
}

/// The runs of an upload: the first reads it, the others carry it out.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct UploadRuns {
    /// The newest one.
    pub(crate) newest: Option<RunId>,
    /// All of them, oldest first.
    #[serde(default)]
    pub(crate) all: Vec<RunId>,
    /// True once an administrator or time discarded it.
    #[serde(default)]
    pub(crate) discarded: bool,
}

/// What a run of the upload lane is to do.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct UploadWork {
    /// The upload.
    pub upload: UploadId,
    /// What was accepted; `None` for a run that only makes the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acceptance: Option<Acceptance>,
}

/// Reads what was sent.
pub async fn read(
    store: &impl Store,
    tenant: &TenantId,
    id: &UploadId,
) -> Result<Option<Upload>, Error> {
    Ok(record::read(store, &keys::upload(tenant, id, "sent")).await?)
}

pub(crate) async fn runs_of(
    store: &impl Store,
    tenant: &TenantId,
    id: &UploadId,
) -> Result<UploadRuns, Error> {
    let found = record::read(store, &keys::upload(tenant, id, "runs")).await?;
    Ok(found.unwrap_or_default())
}

/// Notes that a run is about an upload. Doing it again changes nothing.
pub(crate) async fn note_run(
    store: &impl Store,
    tenant: &TenantId,
    id: &UploadId,
    run: &RunId,
) -> Result<(), Error> {
    let known = runs_of(store, tenant, id).await?;
    if known.newest.as_ref() == Some(run) {
        return Ok(());
    }
    let mut next = known;
    next.newest = Some(run.clone());
    next.all.push(run.clone());
    Ok(record::write(store, &keys::upload(tenant, id, "runs"), &next).await?)
}

/// An upload with what became of it.
pub async fn show(
    store: &impl Store,
    tenant: &TenantId,
    id: &UploadId,
) -> Result<Option<Shown>, Error> {
    let Some(upload) = read(store, tenant, id).await? else {
        return Ok(None);
    };
    let known = runs_of(store, tenant, id).await?;
    let run = match &known.newest {
        Some(run) => runs::read(store, tenant, run).await?,
        None => None,
    };
    let report = match &run {
        Some(run) => report(store, tenant, &run.id).await?,
        None => None,
    };
    let has_plan = (run.as_ref()).filter(|run| {
        matches!(
            run.state,
            RunState::Applied | RunState::Applying | RunState::Planned | RunState::Unchanged
        )
    });
    let state = state(&known, run.as_ref());
    Ok(Some(Shown {
        state,
        report,
        counts: has_plan.map(|run| run.counts.clone()),
        refusals: has_plan.map_or_else(Vec::new, |run| run.refusals.clone()),
        failure: run.as_ref().and_then(|run| run.failure.clone()),
        credentials: credentials::state(store, tenant, id, state).await?,
        run: known.newest,
        upload,
    }))
}

fn state(known: &UploadRuns, run: Option<&Run>) -> UploadState {
    if known.discarded {
        return UploadState::Discarded;
    }
    match run.map(|run| run.state) {
        None
        | Some(
            RunState::Scheduled | RunState::Fetching | RunState::Evaluating | RunState::Settling,
        ) => UploadState::Reading,
        Some(RunState::Applied | RunState::Unchanged) => UploadState::Applied,
        Some(RunState::Applying | RunState::Confirming) => UploadState::Accepted,
        Some(RunState::Planned | RunState::Held) => UploadState::Planned,
        Some(RunState::Discarded | RunState::Failed | RunState::Superseded) => UploadState::Failed,
    }
}

/// Uploads of a tenant, newest first, with numbers below `before`.
pub async fn list(
    store: &impl Store,
    tenant: &TenantId,
    before: Option<u64>,
    limit: usize,
) -> Result<Page<UploadId>, Error> {
    let list = Log::new(keys::uploads(tenant));
    Ok(list.page_before(store, before, limit).await?)
}
