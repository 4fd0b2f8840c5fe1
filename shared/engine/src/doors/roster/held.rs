//! What becomes of a held plan.

use super::{Answer, Asked};
use crate::audit::{self, Action};
use crate::doors::nudge::Nudge;
use crate::doors::{json, webhook};
use crate::ports::Ports;
use crate::problem::Problem;
use crate::runs::{self, Trigger, TriggerKind};
use crate::{holding, settings};
use http::StatusCode;
use mapping::ids::RunId;

/// Lets a held plan happen.
pub(super) async fn approve<P: Ports>(asked: &Asked<'_, P>, id: &RunId) -> Answer {
    note(asked, Action::RunApproved, id).await?;
    let run = holding::approve(asked.ports, &asked.tenant, id).await?;
    let mut response = json(StatusCode::OK, &run);
    response.extensions_mut().insert(Nudge {
        tenant: asked.tenant.clone(),
    });
    Ok(response)
}

/// Discards a held plan.
pub(super) async fn discard<P: Ports>(asked: &Asked<'_, P>, id: &RunId) -> Answer {
    note(asked, Action::RunDiscarded, id).await?;
    let run = holding::discard(asked.ports, &asked.tenant, id).await?;
    Ok(json(StatusCode::OK, &run))
}

/// Puts a held plan aside and schedules a run that plans anew, with the limits of now.
pub(super) async fn replan<P: Ports>(asked: &Asked<'_, P>, id: &RunId) -> Answer {
    let public_url = settings::public_url(asked.ports).await?;
    note(asked, Action::RunReplanned, id).await?;
    let trigger = Trigger {
        kind: TriggerKind::Api,
        by: asked.who.name().to_owned(),
    };
    let tenant = &asked.tenant;
    let requested = holding::replan(asked.ports, tenant, id, trigger).await?;
    let path = format!("/api/v1/tenants/{tenant}/runs/{}", requested.run);
    Ok(webhook::accepted(tenant, &requested, public_url.at(&path)))
}

async fn note<P: Ports>(asked: &Asked<'_, P>, what: Action, id: &RunId) -> Result<(), Problem> {
    let found = runs::read(asked.ports, &asked.tenant, id).await?;
    found.ok_or_else(Problem::not_found)?;
    audit::record(asked.ports, &asked.tenant, &asked.who, what, id.as_str()).await?;
    Ok(())
}
