//! The guard: whether a plan may be carried out without anybody looking at it (SPEC section 7,
//! step 5).
//!
//! A limit is exceeded only when the count **and** the share are over it, so that neither three
//! leavers in a school of twenty nor fifty in a district of fifty thousand hold the night up.
//! Limits hold for everybody together and for each role group alone: half of the staff gone is
//! not hidden by the many students. Nothing is known before the first run, so the first run can't
//! trip it, with one exception that needs no comparison: students who become teachers or admins.

use crate::summary::{Counts, RoleGroup, Tally};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Most students who may become teachers or admins in one plan. Not adjustable: a mapping that
/// does this to more of them is nearly always a mistake, and it shows student data to students.
pub const PROMOTIONS_MAX: u64 = 5;

/// Fewest known people for whom a collapse of the snapshot can be told from a small school's
/// ordinary change.
pub const COLLAPSE_KNOWN_MIN: u64 = 20;

/// A snapshot with less than this share of the known people has collapsed, in percent.
pub const COLLAPSE_PRESENT_PERCENT: u64 = 50;

/// How much of one kind may happen unseen.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// Share of the known accounts, in percent; 100 or more is no limit.
    pub share_percent: u64,
    /// Number that is always fine.
    pub count: u64,
}

impl Limit {
    fn is_exceeded(self, count: u64, known: u64) -> bool {
        count > self.count
            && u128::from(count) * 100 > u128::from(self.share_percent) * u128::from(known)
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
        let limit = |share_percent, count| Limit {
            share_percent,
            count,
        };
        Self {
            deletions: limit(5, 10),
            role_changes: limit(5, 20),
            suspensions: limit(10, 20),
            updates: limit(50, 200),
        }
    }
}

/// The accounts that were there before the run, without the deleted ones.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Known {
    /// How many in each role group.
    pub by_group: BTreeMap<RoleGroup, u64>,
}

impl Known {
    /// How many in all.
    pub fn total(&self) -> u64 {
        self.by_group.values().sum()
    }
}

/// A kind of change that has a limit.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitedKind {
    /// Deletions.
    Deletions,
    /// Changes of roles.
    RoleChanges,
    /// Suspensions.
    Suspensions,
    /// Updates of fields.
    Updates,
}

impl fmt::Display for LimitedKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LimitedKind::Deletions => "deletions",
            LimitedKind::RoleChanges => "role changes",
            LimitedKind::Suspensions => "suspensions",
            LimitedKind::Updates => "updates",
        })
    }
}

/// Why a plan is held.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "refusal", rename_all = "snake_case")]
pub enum Refusal {
    /// The snapshot shows far fewer people than are known.
    #[error("the source shows {present} people where {known} were known")]
    Collapse {
        /// People in the snapshot.
        present: u64,
        /// People known before.
        known: u64,
    },
    /// More changes of one kind than may happen unseen.
    #[error(
        "{count} {kind} among {known} known {}, more than {} and than {}%",
        .group.map_or_else(|| "accounts".to_owned(), |group| group.to_string()), .limit.count,
        .limit.share_percent
    )]
    OverLimit {
        /// The kind.
        kind: LimitedKind,
        /// The role group, or all accounts.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        group: Option<RoleGroup>,
        /// How many the plan has.
        count: u64,
        /// How many accounts were known.
        known: u64,
        /// The limit.
        limit: Limit,
    },
    /// Too many students become teachers or admins.
    #[error(
        "{count} students would become teachers or admins; at most {PROMOTIONS_MAX} may unseen"
    )]
    Promotions {
        /// How many.
        count: u64,
    },
}

/// What the guard says.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing is written until an administrator approves.
    Hold(Vec<Refusal>),
    /// Carry it out.
    Proceed,
}

impl Verdict {
    fn of(refusals: Vec<Refusal>) -> Self {
        if refusals.is_empty() {
            Self::Proceed
        } else {
            Self::Hold(refusals)
        }
    }
}

/// Judges a whole plan by its counts.
pub fn check(counts: &Counts, known: &Known, limits: &Limits) -> Verdict {
    let mut refusals = Vec::new();
    if counts.total.promotions > PROMOTIONS_MAX {
        refusals.push(Refusal::Promotions {
            count: counts.total.promotions,
        });
    }
    if known.total() > 0 {
        check_tally(&counts.total, None, known.total(), limits, &mut refusals);
        for (group, tally) in &counts.by_group {
            let known = known.by_group.get(group).copied().unwrap_or_default();
            check_tally(tally, Some(*group), known, limits, &mut refusals);
        }
    }
    Verdict::of(refusals)
}

/// Judges a snapshot by its size alone, before anything is made of it.
pub fn check_snapshot(present: u64, known: u64) -> Verdict {
    let collapsed = known >= COLLAPSE_KNOWN_MIN
        && u128::from(present) * 100 < u128::from(known) * u128::from(COLLAPSE_PRESENT_PERCENT);
    Verdict::of(if collapsed {
        vec![Refusal::Collapse { present, known }]
    } else {
        Vec::new()
    })
}

fn check_tally(
    tally: &Tally,
    group: Option<RoleGroup>,
    known: u64,
    limits: &Limits,
    refusals: &mut Vec<Refusal>,
) {
    for (kind, count, limit) in [
        (LimitedKind::Deletions, tally.deletions, limits.deletions),
        (
            LimitedKind::Suspensions,
            tally.suspensions,
            limits.suspensions,
        ),
        (
            LimitedKind::RoleChanges,
            tally.role_changes,
            limits.role_changes,
        ),
        (LimitedKind::Updates, tally.updates, limits.updates),
    ] {
        if limit.is_exceeded(count, known) {
            refusals.push(Refusal::OverLimit {
                kind,
                group,
                count,
                known,
                limit,
            });
        }
    }
}
