//! Runs and previews.

use super::call::{Call, List};
use crate::audit::{self, Action};
use crate::connections;
use crate::doors::{json, webhook};
use crate::history;
use crate::ports::Ports;
use crate::problem::{Kind, Problem};
use crate::runs::{self, Lane, Place, Trigger, TriggerKind};
use bytes::Bytes;
use http::StatusCode;
use mapping::ids::{ConnectionId, RunId};
use serde::{Deserialize, Serialize};
use std::fmt::Display;

type Answer = Result<http::Response<Bytes>, Problem>;

/// Runs of a lane, newest first; or those of one series, in their order.
pub(super) async fn list<P: Ports>(call: &Call<'_, P>) -> Answer {
    if let Some(first) = call.query("series") {
        let items = match RunId::parse(first) {
            Ok(first) => runs::series(call.ports, call.tenant()?, &first).await?,
            Err(_) => Vec::new(),
        };
        return Ok(json(StatusCode::OK, &List { items, next: None }));
    }
    let before = call.query("cursor").map(|text| {
        text.parse::<Place>().map_err(|_| Problem {
            kind: Kind::BadRequest,
            ..Problem::field("cursor", "must be one that this list gave")
        })
    });
    let (before, lane) = (before.transpose()?, lane(call)?);
    let page = runs::list(call.ports, call.tenant()?, lane, before, call.limit()?).await?;
    let list = List {
        items: page.runs,
        next: page.next.map(|place| place.to_string()),
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

/// What is said with a request for runs or previews.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Wanted {
    /// The one connection that they are about; all that are in use when absent.
    connection: Option<ConnectionId>,
}

/// The one connection that a request is about, if it names one: it has to be in use.
async fn only<P: Ports>(call: &Call<'_, P>) -> Result<Option<ConnectionId>, Problem> {
    if call.request.body().is_empty() {
        return Ok(None);
    }
    let Wanted { connection } = call.json()?;
    let Some(id) = connection else {
        return Ok(None);
    };
    let found = connections::read(call.ports, call.tenant()?, &id).await?;
    let found =
        found.ok_or_else(|| Problem::field("connection", "there is no connection with this id"))?;
    if !found.is_in_use() {
        let detail = "runs do not read this connection: it has to be authorised and saved";
        return Err(Problem::new(Kind::Conflict, detail));
    }
    Ok(Some(id))
}

/// Schedules runs, or joins the one that waits.
pub(super) async fn request<P: Ports>(call: &Call<'_, P>) -> Answer {
    let public_url = &call.settings.public_url;
    let (who, tenant, only) = (call.actor()?, call.tenant()?, only(call).await?);
    let what = (TriggerKind::Api, only.as_ref());
    webhook::schedule(call.ports, public_url, &who, tenant, what).await
}

/// Schedules previews: everything that runs do up to the plan. They are read as runs are. Each of a
/// series shows what its connection would change in the roster of now.
pub(super) async fn preview<P: Ports>(call: &Call<'_, P>) -> Answer {
    let (who, tenant, only) = (call.actor()?, call.tenant()?, only(call).await?);
    let what = Action::PreviewRequested;
    audit::record(call.ports, tenant, &who, what, tenant.as_str()).await?;
    let trigger = Trigger {
        kind: TriggerKind::Api,
        by: who.name().to_owned(),
    };
    let only = only.as_ref();
    let requested = runs::request_in(call.ports, tenant, Lane::Preview, trigger, only).await?;
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
