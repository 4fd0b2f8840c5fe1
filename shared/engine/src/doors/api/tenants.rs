//! Tenants, their keys, their audit log and their webhook secret.

use super::call::{Call, List, made, nothing};
use super::forward::pass_on;
use crate::access::{self, ApiKey};
use crate::attention::{self, Glance, Question};
use crate::audit;
use crate::doors::json;
use crate::doors::sync::{ZoneAnswer, ZoneQuestion};
use crate::ports::Ports;
use crate::problem::Problem;
use crate::tenants::{self, Edit, NewTenant, Tenant, ZoneError, ZoneName};
use crate::{slices, webhooks};
use bytes::Bytes;
use http::StatusCode;
use serde::Serialize;
use serde_json::json;

/// The component that has the database of time zones.
const SYNC: &str = "sync";

type Answer = Result<http::Response<Bytes>, Problem>;

#[derive(Serialize)]
struct MintedKey {
    #[serde(flatten)]
    key: ApiKey,
    secret: String,
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    tenant: Tenant,
    needs_attention: bool,
}

/// Adds whether anything of the tenant needs attention.
async fn show<P: Ports>(ports: &P, tenant: Tenant) -> Result<Shown, Problem> {
    let needs_attention = Glance::read(ports, &tenant.id).await?.needs_attention();
    Ok(Shown {
        tenant,
        needs_attention,
    })
}

#[derive(Serialize)]
struct AuditEntry {
    number: u64,
    #[serde(flatten)]
    entry: audit::Entry,
}

pub(super) async fn list<P: Ports>(call: &Call<'_, P>) -> Answer {
    let after = call.number("cursor")?.unwrap_or(0);
    let page = tenants::list(call.ports, after, call.limit()?).await?;
    let mut items = Vec::new();
    for tenant in page.tenants {
        items.push(show(call.ports, tenant).await?);
    }
    let list = List {
        items,
        next: page.next.map(|number| number.to_string()),
    };
    Ok(json(StatusCode::OK, &list))
}

pub(super) async fn create<P: Ports>(call: &Call<'_, P>) -> Answer {
    let new: NewTenant = call.json()?;
    check_zone(call, Some(&new.time_zone)).await?;
    let (tenant, is_new) = tenants::create(call.ports, &call.actor()?, new).await?;
    Ok(json(made(is_new), &show(call.ports, tenant).await?))
}

pub(super) async fn read<P: Ports>(call: &Call<'_, P>) -> Answer {
    let tenant = tenants::read(call.ports, call.tenant()?).await?;
    let tenant = tenant.ok_or_else(Problem::not_found)?;
    Ok(json(StatusCode::OK, &show(call.ports, tenant).await?))
}

pub(super) async fn edit<P: Ports>(call: &Call<'_, P>) -> Answer {
    let edit: Edit = call.json()?;
    check_zone(call, edit.time_zone.as_ref()).await?;
    let tenant = tenants::update(call.ports, &call.actor()?, call.tenant()?, edit).await?;
    Ok(json(StatusCode::OK, &show(call.ports, tenant).await?))
}

/// Refuses a time zone that does not exist. The default does.
async fn check_zone<P: Ports>(call: &Call<'_, P>, zone: Option<&ZoneName>) -> Result<(), Problem> {
    let Some(name) = zone.filter(|zone| **zone != ZoneName::default()) else {
        return Ok(());
    };
    let question = ZoneQuestion { name: name.clone() };
    let answer: ZoneAnswer = slices::call(call.ports, SYNC, "/zone", &question).await?;
    if answer.known {
        Ok(())
    } else {
        Err(Problem::field("time_zone", ZoneError.to_string()))
    }
}

pub(super) async fn list_keys<P: Ports>(call: &Call<'_, P>) -> Answer {
    let items = access::list(call.ports, call.tenant()?).await?;
    Ok(json(StatusCode::OK, &List { items, next: None }))
}

pub(super) async fn mint_key<P: Ports>(call: &Call<'_, P>) -> Answer {
    let new = call.json()?;
    let minted = access::mint(call.ports, &call.actor()?, call.tenant()?, new).await?;
    let minted = MintedKey {
        key: minted.key,
        secret: minted.secret.expose().to_owned(),
    };
    Ok(json(StatusCode::CREATED, &minted))
}

pub(super) async fn revoke_key<P: Ports>(call: &Call<'_, P>) -> Answer {
    let id = call.parameters.text("key").unwrap_or_default();
    let key = access::revoke(call.ports, &call.actor()?, call.tenant()?, id).await?;
    Ok(json(StatusCode::OK, &key))
}

pub(super) async fn list_audit<P: Ports>(call: &Call<'_, P>) -> Answer {
    let before = call.number("cursor")?;
    let page = audit::read(call.ports, call.tenant()?, before, call.limit()?).await?;
    let items = page.entries.into_iter();
    let list = List {
        items: items
            .map(|(number, entry)| AuditEntry { number, entry })
            .collect(),
        next: page.next.map(|number| number.to_string()),
    };
    Ok(json(StatusCode::OK, &list))
}

/// What needs attention, as the component that looks finds it now.
pub(super) async fn list_attention<P: Ports>(call: &Call<'_, P>) -> Answer {
    let question = Question {
        tenant: call.tenant()?.clone(),
    };
    pass_on(call.ports, attention::COMPONENT, "/attention", &question).await
}

pub(super) async fn read_webhook_secret<P: Ports>(call: &Call<'_, P>) -> Answer {
    let is_set = webhooks::has_secret(call.ports, call.tenant()?).await?;
    Ok(json(StatusCode::OK, &json!({"is_set": is_set})))
}

pub(super) async fn mint_webhook_secret<P: Ports>(call: &Call<'_, P>) -> Answer {
    let tenant = call.tenant()?;
    let seal_keys = &call.settings.seal_keys;
    let secret = webhooks::mint_secret(call.ports, seal_keys, &call.actor()?, tenant).await?;
    let address = call
        .settings
        .public_url
        .at(&format!("/hooks/sync/{tenant}"));
    let body = json!({"secret": secret.expose(), "url": address});
    Ok(json(StatusCode::CREATED, &body))
}

pub(super) async fn remove_webhook_secret<P: Ports>(call: &Call<'_, P>) -> Answer {
    webhooks::remove_secret(call.ports, &call.actor()?, call.tenant()?).await?;
    Ok(nothing())
}
