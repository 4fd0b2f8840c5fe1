//! The tick: looks at every tenant, schedules the nights that are due, and drives what waits, for
//! a bounded time. Several ticks may run at once; the lease of each tenant keeps them apart.

use crate::attention;
use crate::changing;
use crate::connections;
use crate::driving::{self, Driven};
use crate::ephemeral;
use crate::error::Error;
use crate::fenced::Fenced;
use crate::holding;
use crate::lease::Lease;
use crate::oidc;
use crate::ports::Ports;
use crate::runs::{self, Lane, RunState, Work};
use crate::schedule::{self, Nights};
use crate::series;
use crate::slices::{self, Done};
use crate::tenants::{self, Tenant};
use crate::uploads;
use crate::watching;
use jiff::{SignedDuration, Timestamp};
use mapping::ids::{ConnectionId, RunId, TenantId};
use serde::{Deserialize, Serialize};

/// For how long a tick works, in milliseconds. Some hosts end a request after 30 s, and the last
/// slice may be under way when the time is up.
pub const TICK_MS: i64 = 10_000;

/// For how long of that expired records are removed, in milliseconds.
const SWEEP_MS: i64 = 1_000;

/// The lanes in the order in which a tick serves them: changes by hand first, and those that had to
/// wait for a run right after it.
const SERVED: [Lane; 5] = [
    Lane::Edit,
    Lane::Run,
    Lane::Edit,
    Lane::Upload,
    Lane::Preview,
];

/// How many tenants are read at once from the list.
const TENANTS_PER_PAGE: usize = 100;

/// The component that keeps push channels open.
const WATCH_COMPONENT: &str = "watch-google";

/// What a tick did for one run.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct TickedRun {
    /// Whose run it is.
    pub tenant: TenantId,
    /// The run.
    pub run: RunId,
    /// How far it is now.
    pub state: RunState,
}

/// What a tick did.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct TickReport {
    /// Runs that were driven.
    pub runs: Vec<TickedRun>,
    /// True when there is more to do at once: call again.
    pub more: bool,
    /// Tenants for whom something failed for a reason of our own surroundings.
    pub failures: Vec<TickFailure>,
    /// Why what is not of a tenant could not be looked after: the signing keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// A tenant that could not be looked after.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct TickFailure {
    /// The tenant.
    pub tenant: TenantId,
    /// Why.
    pub reason: String,
}

/// Looks after all tenants until there is nothing to do or time is up.
pub async fn tick<P: Ports>(ports: &P) -> Result<TickReport, Error> {
    let deadline = ports.now() + SignedDuration::from_millis(TICK_MS);
    let mut report = TickReport::default();
    let sweep_until = ports.now() + SignedDuration::from_millis(SWEEP_MS);
    report.more = ephemeral::sweep(ports, sweep_until).await?;
    report.problem = oidc::attend_keys(ports).await?;
    let mut after = 0;
    loop {
        let page = tenants::list(ports, after, TENANTS_PER_PAGE).await?;
        for tenant in &page.tenants {
            if ports.now() >= deadline {
                report.more = true;
                return Ok(report);
            }
            // One tenant's trouble must not keep the others from their night.
            if let Err(error) = look_after(ports, tenant, deadline, &mut report).await {
                let reason = error.to_string();
                report.failures.push(TickFailure {
                    tenant: tenant.id.clone(),
                    reason,
                });
            }
        }
        match page.next {
            Some(next) => after = next,
            None => return Ok(report),
        }
    }
}

/// Drives what waits for one tenant until there is nothing to do or time is up.
pub async fn drive_tenant<P: Ports>(ports: &P, tenant: &TenantId) -> Result<TickReport, Error> {
    let deadline = ports.now() + SignedDuration::from_millis(TICK_MS);
    let mut report = TickReport::default();
    if let Some(tenant) = tenants::read(ports, tenant).await? {
        look_after(ports, &tenant, deadline, &mut report).await?;
    }
    Ok(report)
}

async fn look_after<P: Ports>(
    ports: &P,
    tenant: &Tenant,
    deadline: Timestamp,
    report: &mut TickReport,
) -> Result<(), Error> {
    schedule::schedule_due(ports, &tenant.id, &nights(tenant)).await?;
    holding::renew_stale(ports, &tenant.id).await?;
    let driven = drive_lanes(ports, tenant, deadline, report).await;
    report.more |= uploads::attend(ports, &tenant.id, deadline).await?;
    // Whatever became of the runs: somebody may have to be told.
    match oidc::attend(ports, &tenant.id).await? {
        Ok(more) => report.more |= more,
        Err(reason) => report.failures.push(TickFailure {
            tenant: tenant.id.clone(),
            reason,
        }),
    }
    if let Some(reason) = attention::attend(ports, &tenant.id).await? {
        report.failures.push(TickFailure {
            tenant: tenant.id.clone(),
            reason,
        });
    }
    driven
}

async fn drive_lanes<P: Ports>(
    ports: &P,
    tenant: &Tenant,
    deadline: Timestamp,
    report: &mut TickReport,
) -> Result<(), Error> {
    for lane in SERVED {
        // A change by hand goes before a run that is still reading, and after one that is planning:
        // the plan would have to be made anew.
        if lane == Lane::Edit && runs::is_planning(ports, &tenant.id).await? {
            continue;
        }
        while runs::has_work(ports, &tenant.id, lane).await? {
            let Some(lease) = Lease::take(ports, &tenant.id).await? else {
                return Ok(());
            };
            let fenced = Fenced::new(ports, &tenant.id, lease.fence);
            let driven = drive_lane(&fenced, &tenant.id, lane, &lease, deadline, report).await;
            if driven.as_ref().is_err_and(Error::is_lease_lost) {
                return Ok(());
            }
            lease.release(&fenced, &tenant.id).await?;
            match driven? {
                Driven::Finished => {}
                Driven::More => {
                    report.more = true;
                    return Ok(());
                }
                Driven::LeaseLost | Driven::Wait { .. } => break,
            }
        }
    }
    watch(ports, tenant, report).await?;
    ask_for_changes(ports, tenant, report).await
}

/// Has a provider asked who changed, if that is due for one of the tenant's connections.
async fn ask_for_changes<P: Ports>(
    ports: &P,
    tenant: &Tenant,
    report: &mut TickReport,
) -> Result<(), Error> {
    let is_paused = nights(tenant).is_paused_at(ports.now());
    let Some(turn) = changing::due(ports, &tenant.id, is_paused).await? else {
        return Ok(());
    };
    let found = connections::read(ports, &turn.tenant, &turn.connection).await?;
    let Some(lease) = Lease::take(ports, &tenant.id).await? else {
        return Ok(());
    };
    let component = found.map(|found| slices::fetch_component(found.provider, Work::Full));
    let done: Result<Done, _> = if let Some(component) = component {
        slices::call(ports, component, "/changes", &turn).await
    } else {
        // Deleted: there is nobody to ask, and nothing to follow any more.
        changing::place(ports, &turn).await?;
        Ok(Done {})
    };
    lease.release(ports, &tenant.id).await?;
    if let Err(error) = done {
        report.failures.push(TickFailure {
            tenant: tenant.id.clone(),
            reason: format!("changes between nights: {error}"),
        });
    }
    Ok(())
}

/// Has a tenant's push channels looked after, if something is due for them.
async fn watch<P: Ports>(ports: &P, tenant: &Tenant, report: &mut TickReport) -> Result<(), Error> {
    let is_paused = nights(tenant).is_paused_at(ports.now());
    let Some(turn) = watching::due(ports, &tenant.id, is_paused).await? else {
        return Ok(());
    };
    let Some(lease) = Lease::take(ports, &tenant.id).await? else {
        return Ok(());
    };
    let done: Result<Done, _> = slices::call(ports, WATCH_COMPONENT, "/watch", &turn).await;
    lease.release(ports, &tenant.id).await?;
    if let Err(error) = done {
        report.failures.push(TickFailure {
            tenant: tenant.id.clone(),
            reason: format!("push channels: {error}"),
        });
    }
    Ok(())
}

async fn drive_lane<P: Ports>(
    ports: &P,
    tenant: &TenantId,
    lane: Lane,
    lease: &Lease,
    deadline: Timestamp,
    report: &mut TickReport,
) -> Result<Driven, Error> {
    let Some(mut run) = runs::current(ports, tenant, lane).await? else {
        return Ok(Driven::Finished);
    };
    let driven = driving::drive(ports, tenant, &mut run, lease, deadline).await?;
    if driven == Driven::Finished {
        driving::tidy(ports, tenant, &run).await?;
        // Before the run leaves: it stays current, and all this is done again, until it is noted.
        if lane == Lane::Run {
            attention::note(ports, tenant).await?;
        }
        let is_in_use = async |id: &ConnectionId| series::is_in_use(ports, tenant, id).await;
        runs::leave(ports, tenant, &run, is_in_use).await?;
    }
    report.runs.push(TickedRun {
        tenant: tenant.clone(),
        run: run.id,
        state: run.state,
    });
    Ok(driven)
}

/// When a tenant's nights are.
pub fn nights(tenant: &Tenant) -> Nights {
    Nights {
        zone: tenant.time_zone.zone(),
        at: tenant.nightly_at.time(),
        since: Timestamp::from_millisecond(tenant.created_at_ms).unwrap_or(Timestamp::UNIX_EPOCH),
        pauses: tenant
            .pauses
            .iter()
            .map(|pause| (pause.from, pause.until))
            .collect(),
    }
}
