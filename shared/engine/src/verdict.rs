//! Whether a settled plan may go on by itself: the guard of `mapping` applied to a run.

use crate::error::Error;
use crate::hints;
use crate::planning::PlanProgress;
use crate::ports::Store;
use crate::roster::commit;
use crate::runs::{Run, Work};
use mapping::guard::{self, Limits, Refusal, Verdict};
use mapping::ids::TenantId;

/// Why a run's plan may not go on, or nothing.
pub async fn refusals(
    store: &impl Store,
    tenant: &TenantId,
    run: &Run,
    plan: &PlanProgress,
) -> Result<Vec<Refusal>, Error> {
    let parent = commit::read(store, tenant, run.parent)
        .await?
        .unwrap_or_default();
    let mut refusals = Vec::new();
    let known = plan.seen + plan.absent_count();
    let mut counts = plan.counts.clone();
    let snapshot = match (run.work, &run.connection) {
        // It lists nobody, so it can't have collapsed. What looks did before counts with it.
        (Work::Look, Some(connection)) => {
            counts.merge(&hints::changed(store, tenant, connection).await?);
            Verdict::Proceed
        }
        (Work::Full | Work::Look, _) => guard::check_snapshot(plan.seen, known),
    };
    for verdict in [
        snapshot,
        guard::check(&counts, &parent.known, &Limits::default()),
    ] {
        match verdict {
            Verdict::Proceed => {}
            Verdict::Hold(more) => refusals.extend(more),
        }
    }
    Ok(refusals)
}
