//! "Sync this person": a hint from an administrator.

use crate::audit::{self, Action, Actor};
use crate::connections;
use crate::doors::roster::ACTOR_HEADER;
use crate::doors::webhook;
use crate::hints;
use crate::ports::Ports;
use crate::problem::{Kind, Problem, parse_json};
use crate::runs::{self, Trigger, TriggerKind};
use crate::settings;
use bytes::Bytes;
use connectors::fetch::Whom;
use mapping::account::Email;
use mapping::ids::{ConnectionId, ExternalId, TenantId};
use serde::Deserialize;

/// Whom to look at: by one of the two.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonToSync {
    #[serde(default)]
    email: Option<Email>,
    #[serde(default)]
    id: Option<ExternalId>,
}

/// Schedules a look at one person, or joins the run that waits. `path` is that of the API from the
/// tenant on; the `api` component, which hands the request over, knows that who asks may.
pub(super) async fn sync<P: Ports>(
    ports: &P,
    path: &str,
    request: &http::Request<Bytes>,
) -> Result<http::Response<Bytes>, Problem> {
    let of: Vec<&str> = path.split('/').collect();
    let [tenant, "connections", connection, "people", "sync"] = of.as_slice() else {
        return Err(Problem::not_found());
    };
    let tenant = TenantId::parse(*tenant).map_err(|_| Problem::not_found())?;
    let connection = ConnectionId::parse(*connection).map_err(|_| Problem::not_found())?;
    let who: Actor = request
        .headers()
        .get(ACTOR_HEADER)
        .and_then(|header| serde_json::from_slice(header.as_bytes()).ok())
        .ok_or_else(Problem::not_found)?;
    let found = connections::read(ports, &tenant, &connection).await?;
    let found = found.ok_or_else(Problem::not_found)?;
    let person: PersonToSync = parse_json(request)?;
    let whom = match (person.email, person.id) {
        (Some(email), None) => Whom::Email(email),
        (None, Some(id)) => Whom::Id(id),
        _ => return Err(Problem::field("", "needs either email or id")),
    };
    if !found.is_in_use() || !found.provider.can_look() {
        let detail = "nobody can be looked at over this connection: it has to be authorised and \
                      saved, and its provider has to give single people";
        return Err(Problem::new(Kind::Conflict, detail));
    }
    let public_url = settings::public_url(ports).await?;
    let what = Action::PersonSyncRequested;
    audit::record(ports, &tenant, &who, what, connection.as_str()).await?;
    hints::add(ports, &tenant, &connection, &whom).await?;
    let trigger = Trigger {
        kind: TriggerKind::Api,
        by: who.name().to_owned(),
    };
    let requested = runs::request_look(ports, &tenant, trigger).await?;
    let path = format!("/api/v1/tenants/{tenant}/runs/{}", requested.run);
    Ok(webhook::accepted(&tenant, &requested, public_url.at(&path)))
}
