//! What holds whatever the district, the rules and the perturbations are.

use crate::district::{block_first, rule_id, school_rules};
use crate::nights::{PATHS, district, event, leaving, nights, perturb};
use mapping::account::{Field, Status};
use mapping::guard::{Known, Limits, Verdict, check};
use mapping::plan::ChangeKind;
use mapping::rules::FilterList;
use mapping::summary::{Counts, RoleGroup};
use proptest::prelude::*;
use std::collections::BTreeSet;

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_that_was_carried_out_leaves_nothing_to_do(leaving in leaving(), nights in nights()) {
        let mut district = district(leaving, &nights);
        // Addresses that were freed by the last run may be taken by the next ones.
        for _ in 0..12 {
            district.run();
        }
        let plan = district.plan();
        prop_assert!(plan.changes.is_empty(), "{}", plan.lines());
        prop_assert!(plan.base.is_empty(), "{:?}", plan.base);
    }

    #[test]
    fn the_order_of_records_does_not_matter(
        leaving in leaving(),
        nights in nights(),
        last in prop::collection::vec(event(), 1..8),
        turn in 0..8_usize,
    ) {
        let mut district = district(leaving, &nights);
        for event in &last {
            perturb(&mut district, event);
        }
        let plan = district.plan();
        let length = district.records.len().max(1);
        district.records.rotate_left(turn % length);
        district.records.reverse();
        prop_assert_eq!(plan, district.plan());
    }

    #[test]
    fn a_change_of_rules_alone_never_suspends_or_deletes(
        leaving in leaving(),
        nights in nights(),
        blocked in 0..PATHS.len(),
        removed in any::<bool>(),
    ) {
        let mut district = district(leaving, &nights);
        for _ in 0..12 {
            district.run();
        }
        block_first(&mut district.rules, "block", PATHS[blocked]);
        if removed {
            district.rules.remove_link(&rule_id("teachers")).unwrap();
        }
        let plan = district.plan();
        for change in &plan.changes {
            let kind = change.kind;
            prop_assert!(kind != ChangeKind::Delete && kind != ChangeKind::Suspend, "{change}");
        }
    }

    #[test]
    fn pins_protection_and_unique_addresses_hold_over_any_nights(
        leaving in leaving(),
        nights in nights(),
        last in prop::collection::vec(event(), 1..8),
    ) {
        let mut district = district(leaving, &nights);
        for event in &last {
            perturb(&mut district, event);
        }
        let plan = district.plan();
        for change in &plan.changes {
            let Some(before) = &change.before else { continue };
            if before.pinned.contains(&Field::GivenName) {
                prop_assert_eq!(&change.after.given_name, "by hand");
            }
            if before.protected {
                prop_assert!(change.kind != ChangeKind::Delete && change.kind != ChangeKind::Suspend);
            }
        }
        district.carry_out(&plan);
        let mut addresses = BTreeSet::new();
        for account in district.accounts.values().filter(|account| account.status != Status::Deleted) {
            prop_assert!(addresses.insert(account.email.clone()), "two accounts have one address");
        }
    }

    #[test]
    fn the_guard_never_passes_a_plan_over_a_limit(
        leaving in leaving(),
        nights in nights(),
        last in prop::collection::vec(event(), 1..24),
        count in 0..6_u64,
        share_percent in 0..60_u64,
    ) {
        let mut district = district(leaving, &nights);
        let mut known = Known::default();
        for account in district.accounts.values().filter(|account| account.status != Status::Deleted) {
            *known.by_group.entry(RoleGroup::of(account)).or_default() += 1;
        }
        for event in &last {
            perturb(&mut district, event);
        }
        let mut counts = Counts::default();
        for change in &district.plan().changes {
            counts.add(change);
        }
        let mut limits = Limits::default();
        limits.deletions.count = count;
        limits.deletions.share_percent = share_percent;
        if check(&counts, &known, &limits.into()) == Verdict::Proceed {
            let over_count = counts.total.deletions > count;
            let over_share = counts.total.deletions * 100 > share_percent * known.total();
            prop_assert!(!(over_count && over_share));
        }
    }

    #[test]
    fn reordering_is_a_permutation(seed in prop::collection::vec(0..100_usize, 0..20)) {
        let mut rules = school_rules();
        for n in 0..4 {
            block_first(&mut rules, &format!("b{n}"), "/x");
        }
        let ids: Vec<_> = rules.filters.iter().map(|rule| rule.id.clone()).collect();
        let mut order = ids.clone();
        for (at, other) in seed.iter().enumerate() {
            order.swap(at % ids.len(), other % ids.len());
        }
        rules.reorder_filters(&FilterList::Top, &order).unwrap();
        let after: Vec<_> = rules.filters.iter().map(|rule| rule.id.clone()).collect();
        prop_assert_eq!(after, order);
        prop_assert!(rules.validate().is_ok());
    }
}
