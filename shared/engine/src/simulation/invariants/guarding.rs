//! Counting again what a run was allowed to do.

use super::holds;
use crate::runs::Run;
use crate::simulation::ledger::Ledger;
use mapping::account::{Account, Role, Status};
use mapping::guard::{Limit, Limits, PROMOTIONS_MAX};
use mapping::ids::AccountId;
use mapping::plan::{Change, ChangeKind};
use mapping::summary::RoleGroup;
use std::collections::BTreeMap;

/// **Promise:** the guard is never passed. A published run whose plan was held was approved; one
/// that was not held is within the limits, for all accounts and for each role group, counted from
/// its changes and from the roster before it.
pub(super) fn guard_was_not_passed(
    run: &Run,
    changes: &[Change],
    before: &BTreeMap<AccountId, Account>,
    ledger: &Ledger,
) -> Result<(), String> {
    if !run.refusals.is_empty() {
        return holds(ledger.approved.contains(&run.id), || {
            format!("run {} was held and published without approval", run.id)
        });
    }
    let known: Vec<&Account> = before
        .values()
        .filter(|account| account.status != Status::Deleted)
        .collect();
    let groups = [
        None,
        Some(RoleGroup::Parents),
        Some(RoleGroup::Staff),
        Some(RoleGroup::Students),
    ];
    for group in groups {
        let belongs = |account: &Account| group.is_none_or(|group| RoleGroup::of(account) == group);
        let known = known.iter().filter(|account| belongs(account)).count() as u64;
        let count = |matches: &dyn Fn(&Change) -> bool| {
            let concerned = changes
                .iter()
                .filter(|change| change.before.as_ref().is_some_and(belongs) && matches(change));
            concerned.count() as u64
        };
        let limits = Limits::default();
        for (kind, count, limit) in [
            (
                "deletions",
                count(&|c| c.kind == ChangeKind::Delete),
                limits.deletions,
            ),
            (
                "suspensions",
                count(&|c| c.kind == ChangeKind::Suspend),
                limits.suspensions,
            ),
            ("role changes", count(&has_other_roles), limits.role_changes),
            (
                "updates",
                count(&|c| c.kind == ChangeKind::Update && !c.fields.is_empty()),
                limits.updates,
            ),
        ] {
            holds(!before.is_empty() || count == 0, || {
                "a first run changed accounts".to_owned()
            })?;
            holds(is_within(limit, count, known), || {
                format!(
                    "run {} had {count} {kind} among {known} of {group:?}, unseen",
                    run.id
                )
            })?;
        }
    }
    let promotions = changes.iter().filter(|change| is_promotion(change)).count() as u64;
    holds(promotions <= PROMOTIONS_MAX, || {
        format!(
            "run {} made adults of {promotions} students, unseen",
            run.id
        )
    })
}

fn is_within(limit: Limit, count: u64, known: u64) -> bool {
    count <= limit.count || count * 100 <= limit.share_percent * known
}

fn has_other_roles(change: &Change) -> bool {
    (change.before.as_ref()).is_some_and(|before| before.roles != change.after.roles)
}

fn is_promotion(change: &Change) -> bool {
    let is_adult = |account: &Account| {
        account.roles.contains(&Role::Teacher) || account.roles.contains(&Role::Admin)
    };
    change.before.as_ref().is_some_and(|before| {
        before.roles.contains(&Role::Student) && !is_adult(before) && is_adult(&change.after)
    })
}
