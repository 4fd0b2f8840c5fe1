//! Runs and previews.

use super::call::{Call, List};
use crate::audit::{self, Action};
use crate::doors::{json, webhook};
use crate::history;
use crate::ports::Ports;
use crate::problem::{Kind, Problem};
use crate::runs::{self, Lane, Trigger, TriggerKind};
use bytes::Bytes;
use http::StatusCode;
use mapping::ids::RunId;
use serde::Serialize;
use std::fmt::Display;

type Answer = Result<http::Response<Bytes>, Problem>;

pub(super) async fn list<P: Ports>(call: &Call<'_, P>) -> Answer {
    let before = call.number("cursor")?;
    let lane = lane(call)?;
    let page = runs::list(call.ports, call.tenant()?, lane, before, call.limit()?).await?;
    let list = List {
        items: page.entries.into_iter().map(|(_, run)| run).collect(),
        next: page.next.map(|number| number.to_string()),
    };
    Ok(json(StatusCode::OK, &list))
}

/// The lane that the client asks for; runs when it does not say.
fn lane<P>(call: &Call<'_, P>) -> Result<Lane, Problem> {
    let asked = call.query("lane");
    let asked = asked.as_deref().unwrap_or(Lane::Run.as_str());
    let found = Lane::ALL.into_iter().find(|lane| lane.as_str() == asked);
    found.ok_or_else(|| Problem {
        kind: Kind::BadRequest,
        ..Problem::field("lane", "must be run, edit or preview")
    })
}

/// Something with its sentence for people: the same words in the API, the console and tests.
#[derive(Serialize)]
struct Told<T> {
    sentence: String,
    #[serde(flatten)]
    what: T,
}

fn tell<T: Display>(items: Vec<T>) -> Vec<Told<T>> {
    items
        .into_iter()
        .map(|what| Told {
            sentence: what.to_string(),
            what,
        })
        .collect()
}

/// Schedules a run, or joins the one that waits.
pub(super) async fn request<P: Ports>(call: &Call<'_, P>) -> Answer {
    let public_url = &call.settings.public_url;
    let (who, tenant) = (call.actor()?, call.tenant()?);
    webhook::schedule(call.ports, public_url, &who, tenant, TriggerKind::Api).await
}

/// Schedules a preview: everything that a run does up to the plan. It is read as a run is.
pub(super) async fn preview<P: Ports>(call: &Call<'_, P>) -> Answer {
    let (who, tenant) = (call.actor()?, call.tenant()?);
    let what = Action::PreviewRequested;
    audit::record(call.ports, tenant, &who, what, tenant.as_str()).await?;
    let trigger = Trigger {
        kind: TriggerKind::Api,
        by: who.name().to_owned(),
    };
    let requested = runs::request_in(call.ports, tenant, Lane::Preview, trigger, None).await?;
    let path = format!("/api/v1/tenants/{tenant}/runs/{}", requested.run);
    let address = call.settings.public_url.at(&path);
    Ok(webhook::accepted(tenant, &requested, address))
}

pub(super) async fn read<P: Ports>(call: &Call<'_, P>) -> Answer {
    let id: RunId = call.id("run")?;
    let run = runs::read(call.ports, call.tenant()?, &id).await?;
    Ok(json(StatusCode::OK, &run.ok_or_else(Problem::not_found)?))
}

pub(super) async fn changes<P: Ports>(call: &Call<'_, P>) -> Answer {
    let id = known_run(call).await?;
    let cursor = call.query("cursor");
    let limit = call.limit()?;
    let tenant = call.tenant()?;
    let (items, next) = history::changes(call.ports, tenant, &id, cursor.as_deref(), limit).await?;
    Ok(json(
        StatusCode::OK,
        &List {
            items: tell(items),
            next,
        },
    ))
}

pub(super) async fn issues<P: Ports>(call: &Call<'_, P>) -> Answer {
    let id = known_run(call).await?;
    let cursor = call.query("cursor");
    let limit = call.limit()?;
    let tenant = call.tenant()?;
    let (items, next) = history::issues(call.ports, tenant, &id, cursor.as_deref(), limit).await?;
    Ok(json(
        StatusCode::OK,
        &List {
            items: tell(items),
            next,
        },
    ))
}

async fn known_run<P: Ports>(call: &Call<'_, P>) -> Result<RunId, Problem> {
    let id: RunId = call.id("run")?;
    let run = runs::read(call.ports, call.tenant()?, &id).await?;
    run.map(|_| id).ok_or_else(Problem::not_found)
}
