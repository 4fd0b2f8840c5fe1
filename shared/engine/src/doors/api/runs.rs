//! Runs and previews.

use super::call::{Call, List};
use crate::audit::{self, Action};
use crate::connections;
use crate::doors::{json, webhook};
use crate::hints;
use crate::history;
use crate::ports::Ports;
use crate::problem::{Kind, Problem};
use crate::runs::{self, Lane, Trigger, TriggerKind};
use bytes::Bytes;
use connectors::google::look::Whom;
use http::StatusCode;
use mapping::account::Email;
use mapping::ids::{ConnectionId, ExternalId, RunId};
use serde::{Deserialize, Serialize};
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

/// Whom to look at: by one of the two.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonToSync {
    #[serde(default)]
    email: Option<Email>,
    #[serde(default)]
    id: Option<ExternalId>,
}

/// Schedules a look at one person, or joins the run that waits.
pub(super) async fn sync_person<P: Ports>(call: &Call<'_, P>) -> Answer {
    let connection: ConnectionId = call.id("connection")?;
    let (who, tenant) = (call.actor()?, call.tenant()?);
    let found = connections::read(call.ports, tenant, &connection).await?;
    found.ok_or_else(Problem::not_found)?;
    let person: PersonToSync = call.json()?;
    let whom = match (person.email, person.id) {
        (Some(email), None) => Whom::Email(email),
        (None, Some(id)) => Whom::Id(id),
        _ => return Err(Problem::field("", "needs either email or id")),
    };
    let in_use = connections::in_use(call.ports, tenant).await?;
    if in_use.is_none_or(|in_use| in_use.id != connection) {
        let detail = "runs do not read this connection: it has to be authorised and saved, and no \
                      other one may be active";
        return Err(Problem::new(Kind::Conflict, detail));
    }
    let what = Action::PersonSyncRequested;
    audit::record(call.ports, tenant, &who, what, connection.as_str()).await?;
    hints::add(call.ports, tenant, &connection, &whom).await?;
    let trigger = Trigger {
        kind: TriggerKind::Api,
        by: who.name().to_owned(),
    };
    let requested = runs::request_look(call.ports, tenant, trigger).await?;
    let path = format!("/api/v1/tenants/{tenant}/runs/{}", requested.run);
    let address = call.settings.public_url.at(&path);
    Ok(webhook::accepted(tenant, &requested, address))
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
