//! Held plans: an administrator looks at one and lets it happen, or discards it.
//!
//! A held plan was made from one roster. It is carried out as it was shown, or, when the roster has
//! moved on since, not at all: then it is planned anew, by the next run or by one made for it. One
//! plan at most is held at a time, since a later run knows everything that an earlier one knew.

use crate::error::Error;
use crate::keys;
use crate::lease::Lease;
use crate::ports::{Clock, Store};
use crate::record;
use crate::roster::commit;
use crate::runs::{self, Lane, Requested, Run, RunState, Trigger, TriggerKind};
use mapping::ids::{Generation, RunId, TenantId};

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
    let approved = approve_under_lease(ports, tenant, id).await;
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
    let discarded = async {
        let mut run = held(ports, tenant, id).await?;
        run.enter(RunState::Discarded, ports.now().as_millisecond());
        runs::write(ports, tenant, &run).await?;
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
    let active = keys::run_active(tenant, Lane::Run);
    if ports.exists(&active).await.map_err(Error::from)? {
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
    // which is finished, and leaves it held.
    record::write(ports, &active, &run.number)
        .await
        .map_err(Error::from)?;
    run.finished_at_ms = None;
    run.enter(RunState::Applying, ports.now().as_millisecond());
    runs::write(ports, tenant, &run).await?;
    Ok(run)
}

async fn held(store: &impl Store, tenant: &TenantId, id: &RunId) -> Result<Run, HoldError> {
    let run = runs::read(store, tenant, id)
        .await?
        .ok_or(HoldError::NotFound)?;
    match run.state {
        RunState::Held => Ok(run),
        RunState::Superseded => Err(HoldError::Superseded(id.clone())),
        _ => Err(HoldError::NotHeld(id.clone())),
    }
}

/// Puts a held plan aside and asks for a run that plans anew.
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
        let requested = runs::request(ports, tenant, trigger).await?;
        supersede(ports, tenant, run).await?;
        Ok(requested)
    }
    .await;
    lease.release(ports, tenant).await?;
    superseded
}

/// Keeps the pointer to the held plan: a run that was held takes it, and a run that planned anew
/// puts an older held plan aside. Called before the run's record is written, under the lease.
pub(crate) async fn note_finished<P: Store + Clock>(
    ports: &P,
    tenant: &TenantId,
    run: &Run,
) -> Result<(), Error> {
    if run.lane != Lane::Run {
        return Ok(());
    }
    if matches!(run.state, RunState::Applied | RunState::Unchanged)
        && ports.exists(&keys::undone(tenant)).await?
    {
        // The sources and the roster agree again.
        ports.delete(&keys::undone(tenant)).await?;
    }
    let planned_anew = matches!(
        run.state,
        RunState::Applied | RunState::Held | RunState::Unchanged
    );
    if !planned_anew {
        return Ok(());
    }
    let key = keys::held(tenant);
    let pointer: Option<RunId> = record::read(ports, &key).await?;
    if let Some(older) = pointer.filter(|older| *older != run.id)
        && let Some(older) = runs::read(ports, tenant, &older).await?
        && older.state == RunState::Held
    {
        supersede(ports, tenant, older).await?;
    }
    if run.state == RunState::Held {
        record::write(ports, &key, &run.id).await?;
    }
    Ok(())
}

/// Has a held plan made anew when the roster has moved on since. Asked by every tick.
pub(crate) async fn renew_stale<P: Store + Clock>(
    ports: &P,
    tenant: &TenantId,
) -> Result<(), Error> {
    let Some(id) = record::read::<RunId>(ports, &keys::held(tenant)).await? else {
        return Ok(());
    };
    let Some(run) = runs::read(ports, tenant, &id).await? else {
        return Ok(());
    };
    let is_settled = run.state != RunState::Held;
    if is_settled {
        return Ok(ports.delete(&keys::held(tenant)).await?);
    }
    // A roster that moves on all day long is no reason to read the provider all day long.
    let held_ms = ports.now().as_millisecond() - run.finished_at_ms.unwrap_or_default();
    let is_fresh = run.trigger.kind == TriggerKind::Replan && held_ms < RENEWED_EVERY_MS;
    if is_fresh || commit::newest(ports, tenant).await?.generation == run.parent {
        return Ok(());
    }
    let trigger = Trigger {
        kind: TriggerKind::Replan,
        by: "scheduler".to_owned(),
    };
    match replan(ports, tenant, &id, trigger).await {
        Ok(_) | Err(HoldError::Busy | HoldError::NotHeld(_) | HoldError::Superseded(_)) => Ok(()),
        Err(HoldError::Engine(error)) => Err(error),
        Err(HoldError::NotFound | HoldError::Stale { .. }) => Ok(()),
    }
}

async fn supersede<P: Store + Clock>(
    ports: &P,
    tenant: &TenantId,
    mut run: Run,
) -> Result<(), Error> {
    run.enter(RunState::Superseded, ports.now().as_millisecond());
    runs::write(ports, tenant, &run).await
}
