//! Which chains cover the linked units, and which people of a chain are in scope.

use super::chain::Task;
use super::plan::{UnitScope, UnitScopes};
use crate::fetch::{FetchError, OrgUnit};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Which of the units that a chain lists are in scope. Paths are lower-cased.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reach {
    /// Everybody.
    All,
    /// Some.
    Units {
        /// Units whose own people are in scope.
        own: BTreeSet<String>,
        /// Units whose people are in scope, and those of every unit below.
        deep: BTreeSet<String>,
    },
}

impl Reach {
    /// Whether people of the unit with this path are in scope.
    pub(super) fn covers(&self, path: &str) -> bool {
        let Reach::Units { own, deep } = self else {
            return true;
        };
        let path = path.to_lowercase();
        own.contains(&path) || ancestry(&path).any(|above| deep.contains(above))
    }
}

/// The path itself and those above it, up to `/`.
fn ancestry(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| match path.rsplit_once('/') {
        Some(("", "")) | None => None,
        Some(("", _)) => Some("/"),
        Some((above, _)) => Some(above),
    })
}

/// One chain for each linked unit that is below no other linked unit. The units are looked up in
/// the tree by id, or by path where the id is not known.
pub(super) fn user_tasks(scopes: &UnitScopes, tree: &[OrgUnit]) -> Result<Vec<Task>, FetchError> {
    let scopes = match scopes {
        UnitScopes::Everyone => return Ok(vec![Task::users(None, Reach::All)]),
        UnitScopes::Units(scopes) => scopes,
    };
    let mut linked: BTreeMap<String, (&OrgUnit, bool)> = BTreeMap::new();
    for scope in scopes {
        let unit = find(scope, tree).ok_or_else(|| FetchError::UnitMissing {
            path: scope.path.clone(),
        })?;
        let entry = linked
            .entry(unit.path.to_lowercase())
            .or_insert((unit, false));
        entry.1 |= scope.include_sub_units;
    }
    let mut chains: BTreeMap<&str, (BTreeSet<String>, BTreeSet<String>)> = BTreeMap::new();
    for (path, (_, is_deep)) in &linked {
        let top = ancestry(path)
            .filter(|above| linked.contains_key(*above))
            .last();
        let (own, deep) = chains.entry(top.unwrap_or(path)).or_default();
        if *is_deep { deep } else { own }.insert(path.clone());
    }
    Ok(chains
        .into_iter()
        .map(|(top, (own, deep))| {
            let unit = linked.get(top).map_or(top, |(unit, _)| unit.path.as_str());
            let unit = (unit != "/").then(|| unit.to_owned());
            Task::users(unit, Reach::Units { own, deep })
        })
        .collect())
}

/// The path of a linked unit that is not in the tree, if there is one.
pub(crate) fn missing_unit(scopes: &UnitScopes, tree: &[OrgUnit]) -> Option<String> {
    let UnitScopes::Units(scopes) = scopes else {
        return None;
    };
    let missing = scopes.iter().find(|scope| find(scope, tree).is_none());
    missing.map(|scope| scope.path.clone())
}

fn find<'a>(scope: &UnitScope, tree: &'a [OrgUnit]) -> Option<&'a OrgUnit> {
    let path = scope.path.to_lowercase();
    match &scope.id {
        Some(id) => tree.iter().find(|unit| unit.id == *id),
        None => tree.iter().find(|unit| unit.path.to_lowercase() == path),
    }
}
