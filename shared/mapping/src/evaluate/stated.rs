//! What the source itself says that a person is, as far as the rules take it over.

use super::compiled::CompiledRules;
use crate::account::{Membership, Role, UserType};
use crate::ids::RuleId;
use crate::rules::SchoolPlace;
use crate::source::SourceRecord;
use std::collections::BTreeSet;

/// Roles and memberships that come from the source's own words.
#[derive(Debug, Default)]
pub(super) struct Stated {
    /// Roles in schools that are taken over, and in the whole district.
    pub(super) roles: BTreeSet<Role>,
    /// Places in the organizations that stand for schools.
    pub(super) memberships: BTreeSet<Membership>,
    /// The school links that were used, in the order of the schools.
    pub(super) links: Vec<RuleId>,
}

impl Stated {
    pub(super) fn new(rules: &CompiledRules, record: &SourceRecord) -> Self {
        let Some(places) = &rules.schools else {
            return Self::default();
        };
        let mut stated = Self {
            roles: record.roles.clone(),
            ..Self::default()
        };
        for placement in &record.placements {
            match places.schools.get(&placement.school) {
                Some(SchoolPlace::District) => {
                    stated.roles.insert(placement.role);
                }
                Some(SchoolPlace::Organization { id, link }) => {
                    stated.roles.insert(placement.role);
                    let is_student = placement.role == Role::Student;
                    stated.memberships.insert(Membership {
                        organization: id.clone(),
                        role: placement.role,
                        grade: placement.grade.clone().filter(|_| is_student),
                    });
                    if let Some(link) = link.as_ref().filter(|link| !stated.links.contains(link)) {
                        stated.links.push(link.clone());
                    }
                }
                None if places.takes_unshown => {
                    stated.roles.insert(placement.role);
                }
                None => {}
            }
        }
        stated
    }

    /// True when the source's words put the person in scope.
    pub(super) fn is_covered(&self) -> bool {
        !self.roles.is_empty()
    }

    /// The kind of person that the roles make.
    pub(super) fn user_type(&self) -> Option<UserType> {
        let is = |role| self.roles.contains(&role);
        if is(Role::Student) {
            Some(UserType::Student)
        } else if is(Role::Admin) || is(Role::Staff) || is(Role::Teacher) {
            Some(UserType::Staff)
        } else {
            is(Role::Parent).then_some(UserType::Parent)
        }
    }
}
