//! How far a rule set reaches: which groups and which org units a fetch must read.

use super::defaults::Coverage;
use super::{Attribute, Condition, RuleSet, Subject};
use crate::account::Email;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Which groups a fetch must read for the rules to be decidable.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupNeed {
    /// Every group with its members.
    All,
    /// Only these addresses, lower-cased.
    Named(BTreeSet<String>),
    /// No group at all: no group scope needs to be asked for.
    None,
}

/// One org unit that a fetch must read.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct UnitScope {
    /// The unit's full path, as the rules write it.
    pub path: String,
    /// True when the units below must be read as well.
    pub include_sub_units: bool,
}

/// Which org units a fetch must read.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitScopes {
    /// Everybody at the source: a group may have members anywhere.
    Everyone,
    /// Only these; no person is covered by two of them. Ordered by path, without regard to case.
    Units(Vec<UnitScope>),
}

impl RuleSet {
    /// Which groups a fetch must read.
    ///
    /// An exact comparison with an address needs that group alone. Every other comparison with
    /// groups may hit any group's name or address.
    pub fn group_need(&self) -> GroupNeed {
        let mut named = BTreeSet::new();
        for assignment in &self.assignments {
            if let Subject::Group { address } = &assignment.subject {
                named.insert(address.as_str().to_owned());
            }
        }
        let in_sets = self.mapping_sets.iter().flat_map(|set| &set.filters);
        for rule in self.filters.iter().chain(in_sets) {
            if rule.attribute != Attribute::GroupsMembership {
                continue;
            }
            if !is_exact_address(rule.condition, &rule.expression) {
                return GroupNeed::All;
            }
            named.insert(rule.expression.to_lowercase());
        }
        if named.is_empty() {
            GroupNeed::None
        } else {
            GroupNeed::Named(named)
        }
    }

    /// Which org units a fetch must read. With no mappings at all: none.
    pub fn unit_scopes(&self) -> UnitScopes {
        let mut scopes: Vec<(String, UnitScope)> = Vec::new();
        for owner in self.owners() {
            match owner.coverage {
                Coverage::Group(_) => return UnitScopes::Everyone,
                Coverage::Unit(unit, true) if unit.path == "/" => return UnitScopes::Everyone,
                Coverage::Unit(unit, include_sub_units) => {
                    let path = unit.path.clone();
                    scopes.push((
                        path.to_lowercase(),
                        UnitScope {
                            path,
                            include_sub_units,
                        },
                    ));
                }
            }
        }
        // A unit with its sub-units sorts before the same unit alone and makes it needless.
        scopes.sort_by(|(a, x), (b, y)| {
            (a, !x.include_sub_units, &x.path).cmp(&(b, !y.include_sub_units, &y.path))
        });
        scopes.dedup_by(|(b, _), (a, _)| a == b);
        let units = scopes
            .iter()
            .filter(|(path, scope)| {
                !scopes.iter().any(|(other, by)| {
                    by.include_sub_units && by != scope && covers_path(other, true, path)
                })
            })
            .map(|(_, scope)| scope.clone())
            .collect();
        UnitScopes::Units(units)
    }
}

/// True when a unit covers a path, both lower-cased; units below are told apart by whole segments.
pub(crate) fn covers_path(unit: &str, include_sub_units: bool, path: &str) -> bool {
    match path.strip_prefix(unit) {
        Some("") => true,
        Some(rest) => include_sub_units && (unit.ends_with('/') || rest.starts_with('/')),
        None => false,
    }
}

/// True for a comparison of groups that concerns one address and nothing else.
///
/// Such an expression is taken for the address of a group, never for a name that looks like one;
/// so the answer is the same whether all groups were read or only this one.
pub(crate) fn is_exact_address(condition: Condition, expression: &str) -> bool {
    matches!(condition, Condition::Is | Condition::IsNot) && Email::parse(expression).is_ok()
}
