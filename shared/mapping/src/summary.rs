//! Counting a plan: by kind, by role group, by organization and by grade.

use crate::account::{Account, Role};
use crate::ids::OrganizationId;
use crate::plan::{Change, ChangeKind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Which kind of people an account counts with.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoleGroup {
    /// Accounts with no role but parent.
    Parents,
    /// Accounts with a role at work, and accounts without any role.
    Staff,
    /// Accounts with the student role.
    Students,
}

impl RoleGroup {
    /// The group an account counts with.
    pub fn of(account: &Account) -> Self {
        if account.roles.contains(&Role::Student) {
            Self::Students
        } else if !account.roles.is_empty()
            && account.roles.iter().all(|role| *role == Role::Parent)
        {
            Self::Parents
        } else {
            Self::Staff
        }
    }
}

impl std::fmt::Display for RoleGroup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            RoleGroup::Parents => "parents",
            RoleGroup::Staff => "staff",
            RoleGroup::Students => "students",
        })
    }
}

/// How many changes of each kind.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tally {
    /// Accounts that are made.
    pub creates: u64,
    /// Accounts that are soft-deleted.
    pub deletions: u64,
    /// Updates of nothing but links to sources and the mark "no longer in scope".
    pub marks: u64,
    /// Students who become teachers or admins, whatever else changes.
    pub promotions: u64,
    /// Accounts that become active again.
    pub restorations: u64,
    /// Accounts that get other roles, whatever else changes.
    pub role_changes: u64,
    /// Accounts that are suspended.
    pub suspensions: u64,
    /// Accounts whose fields change.
    pub updates: u64,
}

impl Tally {
    /// The tally of one change.
    pub fn of(change: &Change) -> Self {
        let mut tally = Self {
            role_changes: u64::from(change.role_change),
            promotions: u64::from(is_promotion(change)),
            ..Self::default()
        };
        match change.kind {
            ChangeKind::Create => tally.creates = 1,
            ChangeKind::Delete => tally.deletions = 1,
            ChangeKind::Restore => tally.restorations = 1,
            ChangeKind::Suspend => tally.suspensions = 1,
            ChangeKind::Update if change.fields.is_empty() => tally.marks = 1,
            ChangeKind::Update => tally.updates = 1,
        }
        tally
    }

    /// Adds another tally.
    pub fn merge(&mut self, other: &Self) {
        self.creates += other.creates;
        self.deletions += other.deletions;
        self.marks += other.marks;
        self.promotions += other.promotions;
        self.restorations += other.restorations;
        self.role_changes += other.role_changes;
        self.suspensions += other.suspensions;
        self.updates += other.updates;
    }

    /// True when nothing was counted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The changes of a plan, counted. Parts of a plan counted apart can be merged in any order.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// All changes.
    pub total: Tally,
    /// By the group that the account counted with before the change.
    pub by_group: BTreeMap<RoleGroup, Tally>,
    /// By each organization that the account belongs to before or after the change.
    pub by_organization: BTreeMap<OrganizationId, Tally>,
    /// By the account's grade before the change; accounts without one are left out.
    pub by_grade: BTreeMap<String, Tally>,
}

impl Counts {
    /// Counts one change.
    pub fn add(&mut self, change: &Change) {
        let tally = Tally::of(change);
        let known = change.before.as_ref().unwrap_or(&change.after);
        self.total.merge(&tally);
        self.by_group
            .entry(RoleGroup::of(known))
            .or_default()
            .merge(&tally);
        let mut organizations: Vec<&OrganizationId> = (change.before.iter())
            .chain([&change.after])
            .flat_map(|account| &account.memberships)
            .map(|membership| &membership.organization)
            .collect();
        organizations.sort();
        organizations.dedup();
        for organization in organizations {
            merge_into(&mut self.by_organization, organization, &tally);
        }
        if let Some(grade) = &known.grade {
            merge_into(&mut self.by_grade, grade, &tally);
        }
    }

    /// Adds the counts of another part of the plan.
    pub fn merge(&mut self, other: &Self) {
        self.total.merge(&other.total);
        for (group, tally) in &other.by_group {
            merge_into(&mut self.by_group, group, tally);
        }
        for (organization, tally) in &other.by_organization {
            merge_into(&mut self.by_organization, organization, tally);
        }
        for (grade, tally) in &other.by_grade {
            merge_into(&mut self.by_grade, grade, tally);
        }
    }
}

fn merge_into<K: Clone + Ord>(map: &mut BTreeMap<K, Tally>, key: &K, tally: &Tally) {
    map.entry(key.clone()).or_default().merge(tally);
}

/// True when a student gets a role that shows other students' data.
fn is_promotion(change: &Change) -> bool {
    let Some(before) = &change.before else {
        return false;
    };
    before.roles.contains(&Role::Student)
        && [Role::Admin, Role::Teacher]
            .iter()
            .any(|role| change.after.roles.contains(role) && !before.roles.contains(role))
}
