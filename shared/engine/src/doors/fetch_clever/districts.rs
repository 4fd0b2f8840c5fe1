//! Which districts approved our application at Clever, for the operator; never their tokens.

use crate::connections::{District, DistrictId, Holder, holder, list_tokens};
use crate::doors::{List, json};
use crate::ports::Ports;
use crate::problem::Problem;
use crate::settings;
use bytes::Bytes;
use http::StatusCode;
use serde::Serialize;
use std::collections::BTreeMap;

/// A district that approved us.
#[derive(Serialize)]
struct Approved {
    district: DistrictId,
    /// Whether it shares more than who signs in.
    shares_people: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    holder: Option<Holder>,
}

pub(super) async fn list<P: Ports>(ports: &P) -> Result<http::Response<Bytes>, Problem> {
    let app = settings::clever(ports).await?;
    let mut districts: BTreeMap<DistrictId, bool> = BTreeMap::new();
    for token in list_tokens(ports, &app, None).await? {
        // One that is no id of Clever's could not be claimed either.
        if let Ok(id) = DistrictId::parse(token.district.as_str()) {
            *districts.entry(id).or_default() |= token.has_secure_sync();
        }
    }
    let mut items = Vec::new();
    for (district, shares_people) in districts {
        let holder = holder(ports, &District::Clever(district.clone())).await?;
        items.push(Approved {
            district,
            shares_people,
            holder,
        });
    }
    Ok(json(StatusCode::OK, &List { items, next: None }))
}
