//! Org units: list and get (PROVIDERS 2.5).

use super::access::{check_customer, visible_units};
use super::call::Context;
use super::{known, render};
use crate::google::directory::{OrgUnit, OrgUnitSlot, OrgUnits};
use crate::google::json::Object;
use crate::google::reply::{ApiError, Reply};

fn not_found() -> ApiError {
    ApiError::new(404, "notFound", "Org unit not found")
}

pub(super) fn list(context: &Context<'_>, customer: &str) -> Result<Reply, ApiError> {
    check_customer(customer)?;
    let mask = context.mask(&known::ORG_UNITS)?;
    let kind = context.choice("type", &["children", "all", "allIncludingParent"])?;
    let units = context.directory.org_units();
    let start = match context.parameter("orgUnitPath").unwrap_or_default() {
        "" => OrgUnits::ROOT,
        path => find(units, path).ok_or_else(not_found)?,
    };
    let mut slots = match kind {
        "children" => units.children(start),
        _ => units.subtree(start),
    };
    if kind == "all" {
        slots.retain(|slot| *slot != start);
    }
    if let Some(visible) = visible_units(context.caller, context.directory) {
        slots.retain(|slot| visible.contains(slot));
    }
    let listed: Vec<&OrgUnit> = slots.iter().filter_map(|slot| units.get(*slot)).collect();
    let etag = format!("\"ous-demo/{:x}\"", context.directory.generation());
    let mut body = Vec::new();
    Object::write(&mut body, &mask, |object| {
        object.string("kind", "admin#directory#orgUnits");
        object.string("etag", &etag);
        object.objects("organizationUnits", &listed, |object, unit| {
            render::org_unit(object, unit, context.directory);
        });
    });
    Ok(Reply::bytes(200, body).with("etag", etag))
}

pub(super) fn get(context: &Context<'_>, customer: &str, path: &str) -> Result<Reply, ApiError> {
    check_customer(customer)?;
    let mask = context.mask(&known::ORG_UNIT)?;
    let units = context.directory.org_units();
    let slot = find(units, path).ok_or_else(not_found)?;
    let visible = visible_units(context.caller, context.directory);
    if visible.is_some_and(|visible| !visible.contains(&slot)) {
        return Err(ApiError::forbidden());
    }
    let unit = units.get(slot).ok_or_else(not_found)?;
    let mut body = Vec::new();
    Object::write(&mut body, &mask, |object| {
        render::org_unit(object, unit, context.directory);
    });
    Ok(Reply::bytes(200, body).with("etag", render::org_unit_etag(unit)))
}

/// Finds a unit by id or by path, which may lack its leading slash.
fn find(units: &OrgUnits, key: &str) -> Option<OrgUnitSlot> {
    if key.starts_with("id:") || key.starts_with('/') {
        return units.find(key);
    }
    units.find(&format!("/{key}"))
}
