//! A connection as clients of the API see it.

use crate::attention::Glance;
use crate::connections::{Connection, Provider};
use crate::ports::Ports;
use crate::problem::Problem;
use crate::rules;
use crate::watching::{self, PushStatus};
use connectors::google::oauth::{Mode, missing_scopes, required_scopes};
use mapping::ids::TenantId;
use serde::Serialize;

/// A connection as it is shown.
#[derive(Serialize)]
pub(crate) struct Shown {
    #[serde(flatten)]
    connection: Connection,
    /// Scopes that the rules need by now and the authorisation lacks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing_scopes: Vec<String>,
    /// Whether something about it needs attention.
    needs_attention: bool,
    /// Whether Google tells of changes as they happen.
    #[serde(skip_serializing_if = "Option::is_none")]
    push: Option<PushStatus>,
}

/// Adds what the rules make of the authorisation.
pub(crate) async fn show<P: Ports>(
    ports: &P,
    tenant: &TenantId,
    connection: Connection,
) -> Result<Shown, Problem> {
    let rules = rules::read(ports, tenant, &connection.id).await?;
    let needed = required_scopes(Mode::Import, rules::uses_groups(&rules));
    let authorization = connection.authorization.as_ref();
    let of_google = authorization.filter(|_| connection.provider == Provider::Google);
    let missing_scopes = of_google.map(|authorization| {
        let missing = missing_scopes(&needed, &authorization.scopes);
        missing.iter().map(ToString::to_string).collect()
    });
    let needs_attention = Glance::read(ports, tenant).await?.names(&connection.id);
    let push = watching::status(ports, tenant, &connection.id).await?;
    Ok(Shown {
        push,
        connection,
        needs_attention,
        missing_scopes: missing_scopes.unwrap_or_default(),
    })
}
