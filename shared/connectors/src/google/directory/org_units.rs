//! Answers of `orgunits.list` (PROVIDERS 2.5).

use super::users::{Text, list, malformation};
use crate::fetch::{Malformation, OrgUnit};
use serde::Deserialize;
use std::collections::BTreeSet;

const KIND: &str = "admin#directory#orgUnits";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page<'a> {
    #[serde(borrow, default)]
    kind: Option<Text<'a>>,
    #[serde(default)]
    organization_units: Option<Vec<Unit>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Unit {
    org_unit_id: String,
    org_unit_path: String,
    #[serde(default)]
    parent_org_unit_path: Option<String>,
}

/// Reads the whole tree, in the order given. A unit that can't be read, a missing root or parent,
/// or a unit given twice makes it no tree.
pub fn parse_org_units(body: &[u8]) -> Result<Vec<OrgUnit>, Malformation> {
    let page: Page<'_> = serde_json::from_slice(body).map_err(|e| malformation(&e))?;
    let units = list(page.kind.as_ref(), KIND, page.organization_units, false)?;
    let units: Vec<OrgUnit> = units
        .into_iter()
        .map(to_org_unit)
        .collect::<Result<_, _>>()?;
    let paths: BTreeSet<String> = units.iter().map(|unit| unit.path.to_lowercase()).collect();
    let ids: BTreeSet<&str> = units.iter().map(|unit| unit.id.as_str()).collect();
    if paths.len() < units.len() || ids.len() < units.len() {
        return Err(Malformation::DuplicateRecord);
    }
    let is_whole = paths.contains("/")
        && units.iter().all(|unit| {
            unit.parent
                .as_ref()
                .is_none_or(|parent| paths.contains(&parent.to_lowercase()))
        });
    if is_whole {
        Ok(units)
    } else {
        Err(Malformation::PartialTree)
    }
}

fn to_org_unit(unit: Unit) -> Result<OrgUnit, Malformation> {
    let is_root = unit.org_unit_path == "/";
    let path = unit.org_unit_path;
    let has_path = path.starts_with('/') && (is_root || !path.ends_with('/'));
    // The parent that Google names must be the one that the path names.
    let parent = match path.rsplit_once('/') {
        _ if is_root => None,
        Some(("", _)) => Some("/".to_owned()),
        Some((above, _)) => Some(above.to_owned()),
        None => return Err(Malformation::Shape),
    };
    let agrees = match (&unit.parent_org_unit_path, &parent) {
        (Some(stated), Some(parent)) => stated.to_lowercase() == parent.to_lowercase(),
        (None, _) | (Some(_), None) => true,
    };
    if has_path && agrees && !unit.org_unit_id.is_empty() {
        Ok(OrgUnit {
            id: unit.org_unit_id,
            path,
            parent,
        })
    } else {
        Err(Malformation::Shape)
    }
}
