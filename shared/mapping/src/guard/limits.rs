//! The limits of the guard, and how an administrator states them.

use super::LimitedKind;
use crate::summary::RoleGroup;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Highest number that a limit may have.
pub const COUNT_MAX: u64 = 10_000_000;

/// How much of one kind may happen unseen.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// Share of the known accounts, in percent; 100 is no limit.
    pub share_percent: u64,
    /// Number that is always fine.
    pub count: u64,
}

impl Limit {
    const fn new(share_percent: u64, count: u64) -> Self {
        Self {
            share_percent,
            count,
        }
    }

    pub(super) fn is_exceeded(self, count: u64, known: u64) -> bool {
        count > self.count
            && u128::from(count) * 100 > u128::from(self.share_percent) * u128::from(known)
    }

    fn raised(self, other: Self) -> Self {
        Self {
            share_percent: self.share_percent.max(other.share_percent),
            count: self.count.max(other.count),
        }
    }
}

/// The limits by kind. New accounts are never limited.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// For deletions.
    pub deletions: Limit,
    /// For changes of roles.
    pub role_changes: Limit,
    /// For suspensions.
    pub suspensions: Limit,
    /// For updates of fields.
    pub updates: Limit,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deletions: Limit::new(5, 10),
            role_changes: Limit::new(5, 20),
            suspensions: Limit::new(10, 20),
            updates: Limit::new(50, 200),
        }
    }
}

impl Limits {
    /// For each school alone, unless stated otherwise: wider than for everybody, since a school is
    /// small and changes more at a time.
    pub const SCHOOLS: Self = Self {
        deletions: Limit::new(15, 10),
        role_changes: Limit::new(15, 20),
        suspensions: Limit::new(25, 20),
        updates: Limit::new(100, 0),
    };

    /// For everybody in roll-over weeks, unless stated otherwise: a class leaves, and every grade
    /// changes.
    pub const ROLL_OVER: Self = Self {
        deletions: Limit::new(30, 10),
        role_changes: Limit::new(10, 20),
        suspensions: Limit::new(40, 20),
        updates: Limit::new(100, 0),
    };

    /// For each school in roll-over weeks, unless stated otherwise: the last grade of a school is
    /// a large part of it, or all who move on to the next school.
    pub const ROLL_OVER_SCHOOLS: Self = Self {
        deletions: Limit::new(60, 10),
        role_changes: Limit::new(20, 20),
        suspensions: Limit::new(60, 20),
        updates: Limit::new(100, 0),
    };

    /// The limit of one kind.
    pub fn of(&self, kind: LimitedKind) -> Limit {
        match kind {
            LimitedKind::Deletions => self.deletions,
            LimitedKind::RoleChanges => self.role_changes,
            LimitedKind::Suspensions => self.suspensions,
            LimitedKind::Updates => self.updates,
        }
    }

    fn raised(&self, other: &Self) -> Self {
        Self {
            deletions: self.deletions.raised(other.deletions),
            role_changes: self.role_changes.raised(other.role_changes),
            suspensions: self.suspensions.raised(other.suspensions),
            updates: self.updates.raised(other.updates),
        }
    }
}

/// Limits that state some kinds and leave the others as they are.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Overrides {
    /// For deletions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletions: Option<Limit>,
    /// For changes of roles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_changes: Option<Limit>,
    /// For suspensions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspensions: Option<Limit>,
    /// For updates of fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updates: Option<Limit>,
}

impl Overrides {
    fn over(&self, limits: &Limits) -> Limits {
        Limits {
            deletions: self.deletions.unwrap_or(limits.deletions),
            role_changes: self.role_changes.unwrap_or(limits.role_changes),
            suspensions: self.suspensions.unwrap_or(limits.suspensions),
            updates: self.updates.unwrap_or(limits.updates),
        }
    }
}

impl From<Limits> for Overrides {
    fn from(limits: Limits) -> Self {
        Self {
            deletions: Some(limits.deletions),
            role_changes: Some(limits.role_changes),
            suspensions: Some(limits.suspensions),
            updates: Some(limits.updates),
        }
    }
}

/// A limit that can't be.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct LimitError {
    /// Which, as a path: `groups.students.deletions.share_percent`.
    pub field: String,
    /// Which rule it breaks.
    pub reason: String,
}

/// All limits of a tenant: for everybody, for role groups where they differ, for each school.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitSet {
    /// For all accounts together, and for each role group that states nothing else.
    pub everybody: Limits,
    /// For one role group alone, where it differs from everybody's.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<RoleGroup, Overrides>,
    /// For each organization alone; what is absent is [`Limits::SCHOOLS`].
    pub schools: Overrides,
}

impl From<Limits> for LimitSet {
    /// The same for everybody and each role group, the usual for schools.
    fn from(everybody: Limits) -> Self {
        Self {
            everybody,
            ..Self::default()
        }
    }
}

impl LimitSet {
    /// The usual limits of roll-over weeks.
    pub fn roll_over() -> Self {
        Self {
            everybody: Limits::ROLL_OVER,
            groups: BTreeMap::new(),
            schools: Limits::ROLL_OVER_SCHOOLS.into(),
        }
    }

    /// The limits of a role group.
    pub fn of_group(&self, group: RoleGroup) -> Limits {
        let own = self.groups.get(&group);
        own.map_or(self.everybody, |own| own.over(&self.everybody))
    }

    /// The limits of each school.
    pub fn of_schools(&self) -> Limits {
        self.schools.over(&Limits::SCHOOLS)
    }

    /// These limits, raised where `other` is higher and lowered nowhere.
    #[must_use]
    pub fn raised(&self, other: &Self) -> Self {
        let groups = self.groups.keys().chain(other.groups.keys());
        Self {
            everybody: self.everybody.raised(&other.everybody),
            groups: groups
                .map(|group| {
                    let raised = self.of_group(*group).raised(&other.of_group(*group));
                    (*group, raised.into())
                })
                .collect(),
            schools: self.of_schools().raised(&other.of_schools()).into(),
        }
    }

    /// Refuses shares over 100 % and numbers over [`COUNT_MAX`].
    pub fn validate(&self) -> Result<(), LimitError> {
        let everybody = Overrides::from(self.everybody);
        check("everybody", &everybody)?;
        for (group, own) in &self.groups {
            check(&format!("groups.{group}"), own)?;
        }
        check("schools", &self.schools)
    }
}

fn check(whose: &str, limits: &Overrides) -> Result<(), LimitError> {
    for (kind, limit) in [
        ("deletions", limits.deletions),
        ("role_changes", limits.role_changes),
        ("suspensions", limits.suspensions),
        ("updates", limits.updates),
    ] {
        let Some(limit) = limit else { continue };
        let refuse = |field: &str, reason: String| {
            let field = format!("{whose}.{kind}.{field}");
            Err(LimitError { field, reason })
        };
        if limit.share_percent > 100 {
            return refuse("share_percent", "must be from 0 to 100".to_owned());
        }
        if limit.count > COUNT_MAX {
            return refuse("count", format!("may be at most {COUNT_MAX}"));
        }
    }
    Ok(())
}
