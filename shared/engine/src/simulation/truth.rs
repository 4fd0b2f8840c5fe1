//! What the directory means under the rules, computed straight from both: the model that the
//! roster is compared with.

use super::directory::GROUP;
use crate::world::{FakeGoogle, FakeUser};
use mapping::account::Role;
use mapping::rules::{AccountType, Assignment, FilterStatus, RuleSet, Subject};
use std::collections::BTreeSet;

/// The roles that the rules give a person, or `None` when the person is out of scope. Knows the
/// kinds of rules that the simulation makes and no other.
pub(super) fn roles(
    rules: &RuleSet,
    google: &FakeGoogle,
    user: &FakeUser,
) -> Option<BTreeSet<Role>> {
    let covering: Vec<&Assignment> = rules
        .assignments
        .iter()
        .filter(|assignment| covers(assignment, google, user))
        .collect();
    let deciding = rules
        .filters
        .iter()
        .find(|filter| match &filter.default_of {
            Some(owner) => covering.iter().any(|assignment| assignment.id == *owner),
            None => filter.expression.to_lowercase() == user.unit.to_lowercase(),
        });
    if covering.is_empty() || deciding.is_none_or(|filter| filter.status == FilterStatus::Block) {
        return None;
    }
    let mut meant = BTreeSet::new();
    for assignment in covering {
        meant.insert(match assignment.account_type {
            AccountType::Admin => Role::Admin,
            AccountType::Student => Role::Student,
            AccountType::Teacher => Role::Teacher,
        });
    }
    if meant.contains(&Role::Admin) {
        meant.insert(Role::Teacher);
    }
    Some(meant)
}

fn covers(assignment: &Assignment, google: &FakeGoogle, user: &FakeUser) -> bool {
    match &assignment.subject {
        Subject::Group { address } => {
            assert_eq!(address.as_str(), GROUP);
            google.groups[GROUP].members.contains(&user.id)
        }
        Subject::OrgUnit { unit, .. } => {
            user.unit == unit.path || user.unit.starts_with(&format!("{}/", unit.path))
        }
    }
}
