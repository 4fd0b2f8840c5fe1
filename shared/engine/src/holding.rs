//! Held plans: an administrator looks at one and lets it happen, or discards it.
//!
//! A held plan was made from one roster. It is carried out as it was shown, or, when the roster has
//! moved on since, not at all: then it is planned anew, by the next run or by one made for it. Of
//! a connection's full runs one at most is held at a time, since a later one knows everything that
//! an earlier one knew.

use crate::attention;
use crate::connections::{self, Connection, State};
use crate::error::Error;
use crate::fenced::Fenced;
use crate::keys;
use crate::lease::Lease;
use crate::ports::{Clock, Store};
use crate::record;
use crate::roster::commit;
use crate::runs::{self, Lane, Requested, Run, RunState, Trigger, TriggerKind, Work};
use mapping::ids::{ConnectionId, Generation, RunId, TenantId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How often a plan that keeps going stale is made anew, in milliseconds.
const RENEWED_EVERY_MS: i64 = 60 * 60 * 1_000;

/// Why a held plan was neither approved nor discarded. Nothing changed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum HoldError {
    /// Another run of the tenant is under way.
    #[error("another run of the tenant is under way: try again when it is finished")]
    Busy,
    /// The surroundings failed.
    #[error(transparent)]
    Engine(#[from] Error),
    /// The run is not held.
    #[error("the run {0} is not held, so there is nothing to decide")]
    NotHeld(RunId),
    /// The run was held, and a later run planned anew.
    #[error("a later run planned anew what the run {0} had planned: look at that one")]
    Superseded(RunId),
    /// No such run.
    #[error("there is no such run")]
    NotFound,
    /// The roster has moved on since the plan was made.
    #[error(
        "the roster has moved on from commit {planned_from} to {newest} since this plan was made: \
         discard it and sync again to see what is still to do"
    )]
    Stale {
        /// The commit the plan was made from.
        planned_from: Generation,
        /// The newest commit.
        newest: Generation,
    },
}

/// Lets a held plan happen; the next tick carries it out.
pub async fn approve<P: Store + Clock>(
    ports: &P,
    tenant: &TenantId,
    id: &RunId,
) -> Result<Run, HoldError> {
    let lease = Lease::take(ports, tenant).await?.ok_or(HoldError::Busy)?;
    let fenced = Fenced::new(ports, tenant, lease.fence);
    let approved = approve_under_lease(&fenced, tenant, id).await;
    lease.release(ports, tenant).await?;
    approved
}

/// Discards a held plan; the next run plans anew.
pub async fn discard<P: Store + Clock>(
    ports: &P,
    tenant: &TenantId,
    id: &RunId,
) -> Result<Run, HoldError> {
    let lease = Lease::take(ports, tenant).await?.ok_or(HoldError::Busy)?;
    let fenced = Fenced::new(ports, tenant, lease.fence);
    let discarded = async {
        let mut run = held(&fenced, tenant, id).await?;
        attention::note(&fenced, tenant).await?;
        run.enter(RunState::Discarded, fenced.now().as_millisecond());
        runs::write(&fenced, tenant, &run).await?;
        attention::note(&fenced, tenant).await?;
        Ok(run)
    }
    .await;
    lease.release(ports, tenant).await?;
    discarded
}

async fn approve_under_lease<P: Store + Clock>(
    ports: &P,
    tenant: &TenantId,
    id: &RunId,
) -> Result<Run, HoldError> {
    let mut run = held(ports, tenant, id).await?;
    if runs::active(ports, tenant, Lane::Run).await?.is_some() {
        return Err(HoldError::Busy);
    }
    let newest = commit::newest(ports, tenant).await?.generation;
    if newest != run.parent {
        return Err(HoldError::Stale {
            planned_from: run.parent,
            newest,
        });
    }
    // The pointer first: should the record not be written any more, the tick meets a held run,
    // which is finished, and leaves it held. Its series was gone through when it was held.
    runs::set_active(ports, tenant, Lane::Run, run.place(), true).await?;
    run.finished_at_ms = None;
    run.enter(RunState::Applying, ports.now().as_millisecond());
    runs::write(ports, tenant, &run).await?;
    // The end of the run notes it again: nothing depends on this one.
    attention::note(ports, tenant).await?;
    Ok(run)
}

async fn held(store: &impl Store, tenant: &TenantId, id: &RunId) -> Result<Run, HoldError> {
    let run = runs::read(store, tenant, id)
        .await?
        .ok_or(HoldError::NotFound)?;
    if run.state == RunState::Held {
        Ok(run)
    } else if run.state == RunState::Superseded {
        Err(HoldError::Superseded(id.clone()))
    } else {
        Err(HoldError::NotHeld(id.clone()))
    }
}

/// Puts a held plan aside and asks for a run of its connection that plans anew.
pub async fn replan<P: Store + Clock>(
    ports: &P,
    tenant: &TenantId,
    id: &RunId,
    trigger: Trigger,
) -> Result<Requested, HoldError> {
    let lease = Lease::take(ports, tenant).await?.ok_or(HoldError::Busy)?;
    let superseded = async {
        let run = held(ports, tenant, id).await?;
        // The new run first: a crash in between leaves both, and the new run puts the old aside.
        let only = run.connection.as_ref();
        let requested = runs::request_in(ports, tenant, Lane::Run, trigger, only).await?;
        supersede(ports, tenant, run).await?;
        attention::note(ports, tenant).await?;
        Ok(requested)
    }
    .await;
    lease.release(ports, tenant).await?;
    superseded
}

/// Keeps the list of held plans: a run that was held comes into it, and a full run that planned anew
/// puts the older ones of its connection aside. Called before the run's record is written, under the lease.
pub(crate) async fn note_finished<P: Store + Clock>(
    ports: &P,
    tenant: &TenantId,
    run: &Run,
) -> Result<(), Error> {
    let has_planned = matches!(
        run.state,
        RunState::Applied | RunState::Held | RunState::Unchanged
    );
    if run.lane != Lane::Run || !has_planned {
        return Ok(());
    }
    let key = keys::held(tenant);
    let known: Option<BTreeSet<RunId>> = record::read(ports, &key).await?;
    let mut held = known.clone().unwrap_or_default();
    held.remove(&run.id);
    if run.work == Work::Full {
        for id in held.clone() {
            let older = runs::read(ports, tenant, &id).await?;
            match older.filter(|older| older.state == RunState::Held) {
                Some(older) if older.connection == run.connection => {
                    supersede(ports, tenant, older).await?;
                }
                Some(_) => continue,
                None => {}
            }
            held.remove(&id);
        }
        if let Some(connection) = run
            .connection
            .as_ref()
            .filter(|_| run.state != RunState::Held)
        {
            note_agreed(ports, tenant, connection).await?;
        }
    }
    if run.state == RunState::Held {
        held.insert(run.id.clone());
    }
    if known.unwrap_or_default() != held {
        record::write(ports, &key, &held).await?;
    }
    Ok(())
}

/// That an undo put the roster back, against what connections may still say.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct Undone {
    /// The commit that it was put back to.
    pub(crate) to: Generation,
    /// The connections with which the roster agrees again.
    #[serde(default)]
    pub(crate) agreed: BTreeSet<ConnectionId>,
}

/// Whether the roster was put back by an undo and did not agree with this connection since.
pub(crate) async fn is_undone(
    store: &impl Store,
    tenant: &TenantId,
    connection: Option<&ConnectionId>,
) -> Result<bool, Error> {
    let undone: Option<Undone> = record::read(store, &keys::undone(tenant)).await?;
    Ok(undone.is_some_and(|undone| connection.is_none_or(|id| !undone.agreed.contains(id))))
}

/// Notes that a connection and the roster agree again; once they all do, the undo is forgotten. One
/// that was never authorised has nothing to say.
async fn note_agreed(
    store: &impl Store,
    tenant: &TenantId,
    connection: &ConnectionId,
) -> Result<(), Error> {
    let key = keys::undone(tenant);
    let Some(mut undone) = record::read::<Undone>(store, &key).await? else {
        return Ok(());
    };
    undone.agreed.insert(connection.clone());
    let all = connections::list(store, tenant).await?;
    let says_more = |other: &Connection| {
        other.state != State::Draft
            && other.provider.is_read_by_runs()
            && !undone.agreed.contains(&other.id)
    };
    if all.iter().any(says_more) {
        Ok(record::write(store, &key, &undone).await?)
    } else {
        Ok(store.delete(&key).await?)
    }
}

/// Has held plans made anew when the roster has moved on since. Asked by every tick.
pub(crate) async fn renew_stale<P: Store + Clock>(
    ports: &P,
    tenant: &TenantId,
) -> Result<(), Error> {
    let held: Option<BTreeSet<RunId>> = record::read(ports, &keys::held(tenant)).await?;
    for id in held.unwrap_or_default() {
        let Some(run) = runs::read(ports, tenant, &id).await? else {
            continue;
        };
        // A roster that moves on all day long is no reason to read the provider all day long.
        let held_ms = ports.now().as_millisecond() - run.finished_at_ms.unwrap_or_default();
        let is_fresh = run.trigger.kind == TriggerKind::Replan && held_ms < RENEWED_EVERY_MS;
        if run.state != RunState::Held
            || is_fresh
            || commit::newest(ports, tenant).await?.generation == run.parent
        {
            continue;
        }
        let trigger = Trigger {
            kind: TriggerKind::Replan,
            by: "scheduler".to_owned(),
        };
        // If somebody else was faster, or is at work, the next tick looks again.
        if let Err(HoldError::Engine(error)) = replan(ports, tenant, &id, trigger).await {
            return Err(error);
        }
    }
    Ok(())
}

async fn supersede<P: Store + Clock>(
    ports: &P,
    tenant: &TenantId,
    mut run: Run,
) -> Result<(), Error> {
    run.enter(RunState::Superseded, ports.now().as_millisecond());
    runs::write(ports, tenant, &run).await
}
