//! Whether a settled plan may go on by itself: the guard of `mapping` applied to a run.

use crate::error::Error;
use crate::guarding;
use crate::hints;
use crate::holding;
use crate::planning::PlanProgress;
use crate::ports::Store;
use crate::roster::commit;
use crate::runs::{Run, Work};
use crate::tenants;
use jiff::Timestamp;
use mapping::guard::{self, Refusal, Verdict};
use mapping::ids::TenantId;

/// Why a run's plan may not go on, or nothing. A run by hand is what an administrator decided
/// already.
pub async fn refusals(
    store: &impl Store,
    tenant: &TenantId,
    run: &Run,
    plan: &PlanProgress,
) -> Result<Vec<Refusal>, Error> {
    if run.lane.is_by_hand() {
        return Ok(Vec::new());
    }
    let parent = commit::read(store, tenant, run.parent)
        .await?
        .unwrap_or_default();
    let guard = guarding::read(store, tenant).await?;
    let zone = tenants::read(store, tenant)
        .await?
        .map(|tenant| tenant.time_zone);
    let at_ms = run.started_at_ms.unwrap_or(run.requested_at_ms);
    let day = Timestamp::from_millisecond(at_ms)
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .to_zoned(zone.unwrap_or_default().zone())
        .date();
    let mut refusals = Vec::new();
    if !plan.is_empty() && holding::is_undone(store, tenant, run.connection.as_ref()).await? {
        refusals.push(Refusal::AfterUndo);
    }
    if plan.schooling.schools_gone > 0 {
        refusals.push(Refusal::SchoolsGone {
            count: plan.schooling.schools_gone,
            ids: plan.schooling.schools_gone_ids.clone(),
        });
    }
    let known = plan.seen + plan.absent_count() + plan.gone;
    let mut counts = plan.counts.clone();
    let snapshot = match (run.work, &run.connection) {
        // It lists nobody, so it can't have collapsed. What looks did before counts with it.
        (Work::Look, Some(connection)) => {
            counts.merge(&hints::changed(store, tenant, connection).await?);
            Verdict::Proceed
        }
        // Nothing of the plan comes from anybody's absence.
        (Work::Full | Work::Look, _) if !plan.removes_missing() => Verdict::Proceed,
        (Work::Full | Work::Look, _) => guard::check_snapshot(plan.seen, known),
    };
    for verdict in [
        snapshot,
        guard::check(&counts, &parent.known, &guard.limits_on(day)),
    ] {
        match verdict {
            Verdict::Proceed => {}
            Verdict::Hold(more) => refusals.extend(more),
        }
    }
    Ok(refusals)
}
