//! What holds of the guard whatever the counts, the known accounts and the limits are.

use mapping::guard::{
    Known, Limit, LimitSet, Limits, PROMOTIONS_MAX, Refusal, Verdict, check, check_snapshot,
};
use mapping::summary::{Counts, RoleGroup, Tally};
use proptest::prelude::*;
use std::collections::BTreeMap;

const GROUPS: [RoleGroup; 3] = [RoleGroup::Parents, RoleGroup::Staff, RoleGroup::Students];

/// Numbers where something happens: small ones, and those near the end of what counts.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => 0..40_u64,
        2 => 0..100_000_u64,
        1 => Just(u64::MAX / 8),
    ]
}

fn limit() -> impl Strategy<Value = Limit> {
    let share = prop_oneof![3 => 0..=100_u64, 1 => Just(0), 1 => Just(100)];
    (share, number()).prop_map(|(share_percent, count)| Limit {
        share_percent,
        count,
    })
}

fn limits() -> impl Strategy<Value = Limits> {
    (limit(), limit(), limit(), limit()).prop_map(
        |(deletions, role_changes, suspensions, updates)| Limits {
            deletions,
            role_changes,
            suspensions,
            updates,
        },
    )
}

fn tally() -> impl Strategy<Value = Tally> {
    (number(), number(), number(), number(), 0..12_u64).prop_map(
        |(deletions, role_changes, suspensions, updates, promotions)| Tally {
            creates: 3,
            deletions,
            role_changes,
            suspensions,
            updates,
            promotions,
            ..Tally::default()
        },
    )
}

/// Counts of the role groups, and their sum.
fn counts() -> impl Strategy<Value = Counts> {
    prop::collection::vec(tally(), 3).prop_map(|tallies| {
        let mut counts = Counts::default();
        for (group, tally) in GROUPS.into_iter().zip(tallies) {
            counts.total.merge(&tally);
            counts.by_group.insert(group, tally);
        }
        counts
    })
}

fn known() -> impl Strategy<Value = Known> {
    prop::collection::vec(number(), 3).prop_map(|numbers| Known {
        by_group: GROUPS.into_iter().zip(numbers).collect(),
        by_organization: BTreeMap::new(),
    })
}

fn is_held(counts: &Counts, known: &Known, limits: Limits) -> bool {
    check(counts, known, &LimitSet::from(limits)) != Verdict::Proceed
}

/// The guard said once more, in the words of its promise and with numbers that can't overflow.
fn is_over(tally: &Tally, known: u64, limits: &Limits) -> bool {
    [
        (tally.deletions, limits.deletions),
        (tally.role_changes, limits.role_changes),
        (tally.suspensions, limits.suspensions),
        (tally.updates, limits.updates),
    ]
    .into_iter()
    .any(|(count, limit)| {
        let share = u128::from(count) * 100;
        known > 0
            && count > limit.count
            && share > u128::from(known) * u128::from(limit.share_percent)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_is_held_exactly_when_everybody_or_a_group_is_over_a_limit(
        counts in counts(),
        known in known(),
        limits in limits(),
    ) {
        let mut expected = counts.total.promotions > PROMOTIONS_MAX
            || is_over(&counts.total, known.total(), &limits);
        for (group, tally) in &counts.by_group {
            expected |= is_over(tally, known.by_group[group], &limits);
        }
        prop_assert_eq!(is_held(&counts, &known, limits), expected);
    }

    #[test]
    fn more_changes_never_let_a_held_plan_go(
        counts in counts(),
        known in known(),
        limits in limits(),
        more in tally(),
        group in 0..GROUPS.len(),
    ) {
        let mut larger = counts.clone();
        larger.total.merge(&more);
        larger.by_group.get_mut(&GROUPS[group]).unwrap().merge(&more);
        if is_held(&counts, &known, limits) {
            prop_assert!(is_held(&larger, &known, limits));
        }
    }

    #[test]
    fn tighter_limits_never_let_a_held_plan_go(
        counts in counts(),
        known in known(),
        one in limits(),
        other in limits(),
    ) {
        let tight = |a: Limit, b: Limit| Limit {
            share_percent: a.share_percent.min(b.share_percent),
            count: a.count.min(b.count),
        };
        let tighter = Limits {
            deletions: tight(one.deletions, other.deletions),
            role_changes: tight(one.role_changes, other.role_changes),
            suspensions: tight(one.suspensions, other.suspensions),
            updates: tight(one.updates, other.updates),
        };
        if is_held(&counts, &known, one) {
            prop_assert!(is_held(&counts, &known, tighter));
        }
    }

    #[test]
    fn what_holds_one_group_holds_beside_any_others(
        counts in counts(),
        known in known(),
        limits in limits(),
        group in 0..GROUPS.len(),
    ) {
        let group = GROUPS[group];
        let alone = counts.by_group[&group];
        if is_over(&alone, known.by_group[&group], &limits) {
            let Verdict::Hold(refusals) = check(&counts, &known, &LimitSet::from(limits)) else {
                return Err(TestCaseError::fail("not held"));
            };
            let names_it = refusals.iter().any(|refusal| {
                matches!(refusal, Refusal::OverLimit { group: Some(named), .. } if *named == group)
            });
            prop_assert!(names_it, "{refusals:?}");
        }
    }

    #[test]
    fn a_first_run_is_held_for_nothing_but_promotions(counts in counts(), limits in limits()) {
        let held = is_held(&counts, &Known::default(), limits);
        prop_assert_eq!(held, counts.total.promotions > PROMOTIONS_MAX);
    }

    #[test]
    fn a_share_of_all_is_no_limit_while_no_more_changes_than_there_are(
        known in known(),
        kind in 0..4_usize,
    ) {
        let none = Limit { share_percent: 100, count: 0 };
        let limits = Limits { deletions: none, role_changes: none, suspensions: none, updates: none };
        let mut counts = Counts::default();
        for (group, known) in &known.by_group {
            let mut tally = Tally::default();
            *[&mut tally.deletions, &mut tally.role_changes, &mut tally.suspensions, &mut tally.updates][kind] = *known;
            counts.total.merge(&tally);
            counts.by_group.insert(*group, tally);
        }
        prop_assert!(!is_held(&counts, &known, limits));
    }

    #[test]
    fn a_share_of_nothing_leaves_the_count_alone_to_decide(
        count in number(),
        deletions in number(),
        known in 1..1_000_000_u64,
    ) {
        let limits = Limits {
            deletions: Limit { share_percent: 0, count },
            ..Limits::default()
        };
        let tally = Tally { deletions, ..Tally::default() };
        let counts = Counts {
            total: tally,
            by_group: [(RoleGroup::Staff, tally)].into(),
            ..Counts::default()
        };
        let known = Known {
            by_group: [(RoleGroup::Staff, known)].into(),
            by_organization: BTreeMap::new(),
        };
        prop_assert_eq!(is_held(&counts, &known, limits), deletions > count);
    }

    #[test]
    fn a_snapshot_collapses_only_below_half_and_more_people_never_make_it_worse(
        present in any::<u64>(),
        known in any::<u64>(),
        more in any::<u64>(),
    ) {
        let proceeds = check_snapshot(present, known) == Verdict::Proceed;
        prop_assert_eq!(proceeds, known < 20 || present >= known.div_ceil(2));
        if proceeds {
            prop_assert_eq!(check_snapshot(present.saturating_add(more), known), Verdict::Proceed);
        }
    }
}

#[test]
fn the_largest_numbers_do_not_overflow() {
    let all = Limit {
        share_percent: u64::MAX,
        count: u64::MAX - 1,
    };
    let limits = Limits {
        deletions: all,
        role_changes: all,
        suspensions: all,
        updates: all,
    };
    let tally = Tally {
        deletions: u64::MAX,
        suspensions: u64::MAX,
        role_changes: u64::MAX,
        updates: u64::MAX,
        ..Tally::default()
    };
    let counts = Counts {
        total: tally,
        by_group: [(RoleGroup::Students, tally)].into(),
        ..Counts::default()
    };
    let known = |number| Known {
        by_group: [(RoleGroup::Students, number)].into(),
        by_organization: BTreeMap::new(),
    };
    assert!(!is_held(&counts, &known(u64::MAX), limits));
    let mut none = limits;
    none.deletions.share_percent = 0;
    assert!(is_held(&counts, &known(u64::MAX), none));
    assert!(is_held(&counts, &known(1), none));
}
