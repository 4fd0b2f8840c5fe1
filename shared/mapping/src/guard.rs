//! The guard: whether a plan may be carried out without anybody looking at it (SPEC section 7,
//! step 5).
//!
//! A limit is exceeded only when the count **and** the share are over it, so that neither three
//! leavers in a school of twenty nor fifty in a district of fifty thousand hold the night up.
//! Limits hold for everybody together, for each role group and for each organization alone: half
//! of the staff gone is not hidden by the many students, nor a whole school by the district.
//! Nothing is known before the first run, so the first run can't trip it, with one exception that
//! needs no comparison: students who become teachers or admins.

mod limits;

pub use limits::{COUNT_MAX, Limit, LimitError, LimitSet, Limits, Overrides};

use crate::account::{Account, Status};
use crate::ids::{ExternalId, OrganizationId};
use crate::summary::{Counts, RoleGroup, Tally};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Most students who may become teachers or admins in one plan. Not adjustable: a mapping that
/// does this to more of them is nearly always a mistake, and it shows student data to students.
pub const PROMOTIONS_MAX: u64 = 5;

/// Fewest known people for whom a collapse of the snapshot can be told from a small school's
/// ordinary change.
pub const COLLAPSE_KNOWN_MIN: u64 = 20;

/// A snapshot with less than this share of the known people has collapsed, in percent.
pub const COLLAPSE_PRESENT_PERCENT: u64 = 50;

/// Most ids that one refusal names.
pub const IDS_NAMED_MAX: usize = 20;

/// The accounts that were there before the run, without the deleted ones.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Known {
    /// How many in each role group.
    pub by_group: BTreeMap<RoleGroup, u64>,
    /// How many in each organization; who belongs to several counts in each.
    #[serde(default)]
    pub by_organization: BTreeMap<OrganizationId, u64>,
}

impl Known {
    /// How many in all.
    pub fn total(&self) -> u64 {
        self.by_group.values().sum()
    }

    /// Counts an account as it becomes another: `None` before it was made.
    pub fn count(&mut self, before: Option<&Account>, after: &Account) {
        let is_kept = |account: &&Account| account.status != Status::Deleted;
        if let Some(before) = before.filter(is_kept) {
            let group = self.by_group.entry(RoleGroup::of(before)).or_default();
            *group = group.saturating_sub(1);
            for organization in organizations_of(before) {
                if let Some(count) = self.by_organization.remove(organization).filter(|n| *n > 1) {
                    self.by_organization.insert(organization.clone(), count - 1);
                }
            }
        }
        if let Some(after) = Some(after).filter(is_kept) {
            *self.by_group.entry(RoleGroup::of(after)).or_default() += 1;
            for organization in organizations_of(after) {
                *self
                    .by_organization
                    .entry(organization.clone())
                    .or_default() += 1;
            }
        }
    }
}

fn organizations_of(account: &Account) -> BTreeSet<&OrganizationId> {
    (account.memberships.iter())
        .map(|membership| &membership.organization)
        .collect()
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
    /// Commits were undone since the last run, and the sources may still say what was undone.
    #[error("the roster was put back by an undo, and this plan may do again what was undone")]
    AfterUndo,
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
        among(*.group, .organization.as_ref()), .limit.count, .limit.share_percent
    )]
    OverLimit {
        /// The kind.
        kind: LimitedKind,
        /// The role group, or all accounts.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        group: Option<RoleGroup>,
        /// The organization, or all of them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        organization: Option<OrganizationId>,
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
    /// Schools of people in scope are not shown any more: a school that is no longer shared must
    /// never look like its people leaving.
    #[error(
        "the source does not show {count} of the schools whose people are in scope any more: {}",
        named(.ids, *.count)
    )]
    SchoolsGone {
        /// How many.
        count: u64,
        /// The provider's ids of some of them, see [`IDS_NAMED_MAX`].
        ids: Vec<ExternalId>,
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

fn among(group: Option<RoleGroup>, organization: Option<&OrganizationId>) -> String {
    match (group, organization) {
        (Some(group), _) => group.to_string(),
        (None, Some(organization)) => format!("accounts of {organization}"),
        (None, None) => "accounts".to_owned(),
    }
}

fn named(ids: &[ExternalId], count: u64) -> String {
    let mut text: String = ids
        .iter()
        .map(ExternalId::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    if count > ids.len() as u64 {
        text.push_str(", …");
    }
    text
}

/// Judges a whole plan by its counts.
pub fn check(counts: &Counts, known: &Known, limits: &LimitSet) -> Verdict {
    let mut refusals = Vec::new();
    if counts.total.promotions > PROMOTIONS_MAX {
        refusals.push(Refusal::Promotions {
            count: counts.total.promotions,
        });
    }
    let everybody = limits.everybody;
    check_tally(
        &counts.total,
        (None, None),
        known.total(),
        &everybody,
        &mut refusals,
    );
    for (group, tally) in &counts.by_group {
        let known = known.by_group.get(group).copied().unwrap_or_default();
        let limits = limits.of_group(*group);
        check_tally(tally, (Some(*group), None), known, &limits, &mut refusals);
    }
    for (organization, tally) in &counts.by_organization {
        let known = known.by_organization.get(organization).copied();
        let whose = (None, Some(organization));
        let limits = limits.of_schools();
        check_tally(
            tally,
            whose,
            known.unwrap_or_default(),
            &limits,
            &mut refusals,
        );
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
    (group, organization): (Option<RoleGroup>, Option<&OrganizationId>),
    known: u64,
    limits: &Limits,
    refusals: &mut Vec<Refusal>,
) {
    if known == 0 {
        return;
    }
    let counts = [
        (LimitedKind::Deletions, tally.deletions),
        (LimitedKind::Suspensions, tally.suspensions),
        (LimitedKind::RoleChanges, tally.role_changes),
        (LimitedKind::Updates, tally.updates),
    ];
    for (kind, count) in counts {
        let limit = limits.of(kind);
        if limit.is_exceeded(count, known) {
            refusals.push(Refusal::OverLimit {
                kind,
                group,
                organization: organization.cloned(),
                count,
                known,
                limit,
            });
        }
    }
}
