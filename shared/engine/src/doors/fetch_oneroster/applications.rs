//! Which districts share their roster with our key at ClassLink, for the operator; never the bearers.

use super::network;
use crate::connections::{District, DistrictId, Holder, holder, list_applications};
use crate::doors::{List, json};
use crate::ports::Ports;
use crate::problem::Problem;
use bytes::Bytes;
use http::StatusCode;
use serde::Serialize;

/// A district's application.
#[derive(Serialize)]
struct Shared {
    /// The district's id at ClassLink.
    tenant: DistrictId,
    #[serde(skip_serializing_if = "String::is_empty")]
    tenant_name: String,
    application: String,
    /// Whether the district lets us in now.
    is_approved: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    holder: Option<Holder>,
}

pub(super) async fn list<P: Ports>(ports: &P) -> Result<http::Response<Bytes>, Problem> {
    let network = network(ports).await?;
    let mut items = Vec::new();
    for found in list_applications(ports, &network.classlink).await? {
        // One that is no id of ClassLink's could not be claimed either.
        let Ok(tenant) = DistrictId::parse(found.tenant_id) else {
            continue;
        };
        items.push(Shared {
            holder: holder(ports, &District::Classlink(tenant.clone())).await?,
            tenant,
            tenant_name: found.tenant_name,
            application: found.application_id_escaped,
            is_approved: found.enabled && found.bearer.is_some(),
        });
    }
    Ok(json(StatusCode::OK, &List { items, next: None }))
}
