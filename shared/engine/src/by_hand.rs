//! What an administrator does by hand: edits and restores one account, or undoes commits. Each is
//! a run of its own lane, so that a crash leaves it waiting and the next tick finishes it, and
//! each has its plan and its place in the history as any run has.

mod drafting;

pub use drafting::slice;

use crate::audit::{self, Action, Actor};
use crate::error::Error;
use crate::keys;
use crate::ports::{Clock, Store};
use crate::roster::Reader;
use crate::roster::commit::{self, Commit};
use crate::runs::{self, Lane, Trigger, TriggerKind};
use jiff::{SignedDuration, Timestamp};
use mapping::ids::{AccountId, ConnectionId, Generation, RunId, TenantId};
use mapping::plan::{self, AccountEdit, ByHandError};
use serde::{Deserialize, Serialize};

/// For how long a commit can be undone.
pub const UNDOABLE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What is done.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(tag = "work", rename_all = "snake_case")]
pub enum ByHand {
    /// One account is edited.
    Edit {
        /// The account.
        account: AccountId,
        /// What changes.
        edit: Box<AccountEdit>,
        /// The connection that is to be compared again, when a field is unpinned: the first that
        /// knows the person.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        connection: Option<ConnectionId>,
    },
    /// One deleted account is restored.
    Restore {
        /// The account.
        account: AccountId,
    },
    /// The roster goes back to an earlier commit.
    Undo {
        /// That commit.
        to: Generation,
        /// The newest commit when this was asked for. Should there be a newer one, nothing is
        /// done: nobody has seen what would be undone.
        newest: Generation,
    },
}

/// Why something was not done by hand. Nothing changed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RefusedByHand {
    /// Another change by hand waits.
    #[error("another change by hand is under way: try again in a few seconds")]
    Busy,
    /// The value or the state of the account does not allow it.
    #[error(transparent)]
    ByHand(#[from] ByHandError),
    /// The surroundings failed.
    #[error(transparent)]
    Engine(#[from] Error),
    /// There are commits after the one that is to be undone.
    #[error(
        "{later} commits came after commit {generation}, and undoing it undoes them too: look at \
         them and ask again with \"with_later\": true"
    )]
    Later {
        /// The commit.
        generation: Generation,
        /// How many.
        later: u64,
    },
    /// No such account or commit.
    #[error("there is no such account or commit")]
    NotFound,
    /// The commit, or what it was made from, is too old.
    #[error("commit {0} is older than 30 days, or what it was made from is not kept any more")]
    TooOld(Generation),
}

/// Asks for an edit of an account.
pub async fn request_edit(
    ports: &(impl Store + Clock),
    who: &Actor,
    tenant: &TenantId,
    id: &AccountId,
    edit: AccountEdit,
) -> Result<RunId, RefusedByHand> {
    let account = Reader::open(ports, tenant)
        .await?
        .account(ports, id)
        .await?;
    let account = account.ok_or(RefusedByHand::NotFound)?;
    plan::edit(&account, &edit, ports.now().as_millisecond())?;
    let link = account.sources.first().filter(|_| !edit.unpin.is_empty());
    let work = ByHand::Edit {
        account: id.clone(),
        connection: link.map(|link| link.connection.clone()),
        edit: Box::new(edit),
    };
    request(
        ports,
        tenant,
        who,
        (Action::AccountEdited, id.as_str()),
        &work,
    )
    .await
}

/// Asks for the restoration of a deleted account.
pub async fn request_restore(
    ports: &(impl Store + Clock),
    who: &Actor,
    tenant: &TenantId,
    id: &AccountId,
) -> Result<RunId, RefusedByHand> {
    let account = Reader::open(ports, tenant)
        .await?
        .account(ports, id)
        .await?;
    let account = account.ok_or(RefusedByHand::NotFound)?;
    plan::restore(&account, ports.now().as_millisecond())?;
    let work = ByHand::Restore {
        account: id.clone(),
    };
    request(
        ports,
        tenant,
        who,
        (Action::AccountRestored, id.as_str()),
        &work,
    )
    .await
}

/// Asks for the undo of a commit: the roster goes back to what it was before it, as a new commit.
/// Commits after it are undone with it, and only when `with_later` says so.
pub async fn request_undo(
    ports: &(impl Store + Clock),
    who: &Actor,
    tenant: &TenantId,
    generation: Generation,
    with_later: bool,
) -> Result<RunId, RefusedByHand> {
    let newest = commit::newest(ports, tenant).await?;
    let undone = undoable(ports, tenant, &newest, generation).await?;
    let later = later_than(ports, tenant, &newest, generation).await?;
    if later > 0 && !with_later {
        return Err(RefusedByHand::Later { generation, later });
    }
    if commit::read(ports, tenant, undone.parent).await?.is_none() {
        return Err(RefusedByHand::TooOld(generation));
    }
    let work = ByHand::Undo {
        to: undone.parent,
        newest: newest.generation,
    };
    let subject = generation.to_string();
    request(ports, tenant, who, (Action::UndoRequested, &subject), &work).await
}

async fn request(
    ports: &(impl Store + Clock),
    tenant: &TenantId,
    who: &Actor,
    (what, subject): (Action, &str),
    work: &ByHand,
) -> Result<RunId, RefusedByHand> {
    let trigger = Trigger {
        kind: TriggerKind::Api,
        by: who.name().to_owned(),
    };
    if runs::has_work(ports, tenant, Lane::Edit).await? {
        return Err(RefusedByHand::Busy);
    }
    audit::record(ports, tenant, who, what, subject).await?;
    let run = runs::request_alone(ports, tenant, Lane::Edit, trigger, work).await?;
    run.ok_or(RefusedByHand::Busy)
}

/// The commit with this number, if it may still be undone.
async fn undoable(
    ports: &(impl Store + Clock),
    tenant: &TenantId,
    newest: &Commit,
    generation: Generation,
) -> Result<Commit, RefusedByHand> {
    if generation == Generation::default() || generation > newest.generation {
        return Err(RefusedByHand::NotFound);
    }
    let Some(found) = commit::read(ports, tenant, generation).await? else {
        // A number that was burned names nothing; one that was kept once is too old.
        let ticket = keys::ticket(tenant, generation);
        return Err(if ports.exists(&ticket).await.map_err(Error::from)? {
            RefusedByHand::TooOld(generation)
        } else {
            RefusedByHand::NotFound
        });
    };
    let made = Timestamp::from_millisecond(found.at_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    if ports.now().duration_since(made) > UNDOABLE {
        return Err(RefusedByHand::TooOld(generation));
    }
    Ok(found)
}

/// How many commits came after one.
async fn later_than(
    store: &impl Store,
    tenant: &TenantId,
    newest: &Commit,
    generation: Generation,
) -> Result<u64, Error> {
    let (mut later, mut parent) = (0, newest.clone());
    while parent.generation > generation {
        later += 1;
        match commit::read(store, tenant, parent.parent).await? {
            Some(before) => parent = before,
            None => break,
        }
    }
    Ok(later)
}
