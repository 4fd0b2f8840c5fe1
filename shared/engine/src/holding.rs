//! Held plans: an administrator looks at one and lets it happen, or discards it.
//!
//! A held plan was made from one roster. It is carried out as it was shown, or, when the roster has
//! moved on since, not at all.

use crate::error::Error;
use crate::fenced::Fenced;
use crate::keys;
use crate::lease::Lease;
use crate::ports::{Clock, Store};
use crate::record;
use crate::roster::commit;
use crate::runs::{self, Lane, Run, RunState};
use mapping::ids::{Generation, RunId, TenantId};

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
        run.enter(RunState::Discarded, fenced.now().as_millisecond());
        runs::write(&fenced, tenant, &run).await?;
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
    if run.state == RunState::Held {
        Ok(run)
    } else {
        Err(HoldError::NotHeld(id.clone()))
    }
}
