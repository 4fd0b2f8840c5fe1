//! Organizations.

use super::call::{Call, List, made, nothing};
use crate::doors::json;
use crate::ports::Ports;
use crate::problem::Problem;
use crate::{organizations, rules};
use bytes::Bytes;
use http::StatusCode;
use mapping::ids::OrganizationId;
use serde::Deserialize;

type Answer = Result<http::Response<Bytes>, Problem>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rename {
    name: String,
}

pub(super) async fn list<P: Ports>(call: &Call<'_, P>) -> Answer {
    let all = organizations::read(call.ports, call.tenant()?).await?;
    let items: Vec<_> = all.into_values().collect();
    Ok(json(StatusCode::OK, &List { items, next: None }))
}

pub(super) async fn create<P: Ports>(call: &Call<'_, P>) -> Answer {
    let new = call.json()?;
    let made_now = organizations::create(call.ports, &call.actor()?, call.tenant()?, new).await?;
    Ok(json(made(made_now.1), &made_now.0))
}

pub(super) async fn rename<P: Ports>(call: &Call<'_, P>) -> Answer {
    let id: OrganizationId = call.id("organization")?;
    let Rename { name } = call.json()?;
    let tenant = call.tenant()?;
    let renamed = organizations::rename(call.ports, &call.actor()?, tenant, &id, &name).await?;
    Ok(json(StatusCode::OK, &renamed))
}

pub(super) async fn delete<P: Ports>(call: &Call<'_, P>) -> Answer {
    let id: OrganizationId = call.id("organization")?;
    let tenant = call.tenant()?;
    let user = rules::user_of(call.ports, tenant, &id).await?;
    let user = user.map(String::from);
    organizations::delete(call.ports, &call.actor()?, tenant, &id, user).await?;
    Ok(nothing())
}
