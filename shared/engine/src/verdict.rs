//! Whether a settled plan may go on by itself: the guard of `mapping` applied to a run.

use crate::error::Error;
use crate::planning::PlanProgress;
use crate::ports::Store;
use crate::roster::commit;
use crate::runs::Run;
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
    for verdict in [
        guard::check_snapshot(plan.seen, known),
        guard::check(&plan.counts, &parent.known, &Limits::default()),
    ] {
        match verdict {
            Verdict::Proceed => {}
            Verdict::Hold(more) => refusals.extend(more),
        }
    }
    Ok(refusals)
}
