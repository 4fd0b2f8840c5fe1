//! A user and their roles as one source record.

use super::{RoleRow, RoleWord, UserRow};
use jiff::civil::Date;
use mapping::account::Role;
use mapping::ids::ExternalId;
use mapping::schooling::SchoolKind;
use mapping::source::{Placement, SourceRecord};
use std::collections::BTreeSet;

/// Makes a record of a user and of every role that is theirs. `kind_of` says what an org is; one
/// that is not shown counts as a school. Roles that have ended by `today`, or have not begun, are
/// none.
///
/// A package is sent by the administrator, so its addresses count as verified.
pub fn fold(
    user: UserRow,
    roles: &[RoleRow],
    kind_of: impl Fn(&ExternalId) -> Option<SchoolKind>,
    today: Date,
) -> SourceRecord {
    let mut folding = Folding {
        grade: user.grade.clone(),
        ..Folding::default()
    };
    let kind_of = |org: &ExternalId| kind_of(org).unwrap_or_default();
    if let Some(role) = user.role {
        for org in &user.orgs {
            folding.add(role, org, kind_of(org), None);
        }
        if user.orgs.is_empty() {
            folding.nowhere.insert(role.role);
        }
    }
    for role in roles {
        let has_begun = role.begins_on.is_none_or(|day| day <= today);
        let has_ended = role.ends_on.is_some_and(|day| day <= today);
        if has_begun && !has_ended {
            folding.add(
                role.role,
                &role.org,
                kind_of(&role.org),
                role.grade.as_deref(),
            );
        }
    }
    let placed: BTreeSet<Role> = folding
        .placements
        .iter()
        .map(|placement| placement.role)
        .collect();
    let unplaced = folding.nowhere.difference(&placed);
    folding.roles.extend(unplaced);
    SourceRecord {
        external_id: user.id,
        email_verified: user.email.is_some(),
        email: user.email,
        username: user.username,
        given_name: user.given,
        family_name: user.family,
        org_unit_path: None,
        groups: BTreeSet::new(),
        roles: folding.roles,
        placements: folding.placements,
        grade: folding.grade,
        suspended: user.is_disabled,
    }
}

#[derive(Default)]
struct Folding {
    grade: Option<String>,
    placements: BTreeSet<Placement>,
    /// Roles in the whole district.
    roles: BTreeSet<Role>,
    /// Roles that are stated in no school. They are the district's only for who has no school: a
    /// 1.1 export names the district beside the schools of a person.
    nowhere: BTreeSet<Role>,
}

impl Folding {
    fn add(&mut self, word: RoleWord, org: &ExternalId, kind: SchoolKind, grade: Option<&str>) {
        let role = word.role;
        if word.is_placed_in(kind) {
            let grade = grade.map(str::to_owned).or_else(|| self.grade.clone());
            let grade = grade.filter(|_| role == Role::Student);
            if self.grade.is_none() {
                self.grade.clone_from(&grade);
            }
            self.placements.insert(Placement {
                school: org.clone(),
                role,
                grade,
            });
        } else if role == Role::Admin || role == Role::Parent {
            self.roles.insert(role);
        } else {
            self.nowhere.insert(role);
        }
    }
}
