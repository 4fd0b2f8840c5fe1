//! What holds of every plan, whatever the district and its nights were.

use crate::nights::{Event, FIELDS, district, event, leaving, nights, perturb, shuffle};
use mapping::plan::ChangeKind;
use proptest::prelude::*;
use std::collections::BTreeSet;

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn any_shuffle_of_the_records_and_of_the_changes_makes_the_same_roster(
        leaving in leaving(),
        nights in nights(),
        last in prop::collection::vec(event(), 1..8),
        order in Just((0..24_usize).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let mut district = district(leaving, &nights);
        for event in &last {
            perturb(&mut district, event);
        }
        let plan = district.plan();
        let mut shuffled = district.clone();
        shuffle(&mut shuffled.records, &order);
        let mut other = shuffled.plan();
        prop_assert_eq!(&plan, &other);
        shuffle(&mut other.changes, &order);
        district.carry_out(&plan);
        district.carry_out(&plan);
        shuffled.carry_out(&other);
        prop_assert_eq!(district.accounts, shuffled.accounts);
        prop_assert_eq!(district.base, shuffled.base);
    }

    #[test]
    fn one_plan_changes_an_account_once(
        leaving in leaving(),
        nights in nights(),
        last in prop::collection::vec(event(), 1..12),
    ) {
        let mut district = district(leaving, &nights);
        for event in &last {
            perturb(&mut district, event);
        }
        let mut changed = BTreeSet::new();
        for change in &district.plan().changes {
            prop_assert!(changed.insert(change.account.clone()), "{change}");
            prop_assert_eq!(change.before.as_ref(), district.accounts.get(&change.account));
        }
    }

    #[test]
    fn nobody_is_removed_while_the_source_does_not_say(
        leaving in leaving(),
        nights in nights(),
        gone in prop::collection::vec((0..12_usize, 2..4_usize), 1..12),
    ) {
        let mut district = district(leaving, &nights);
        for _ in 0..12 {
            district.run();
        }
        let before = district.plan();
        for (who, how) in gone {
            perturb(&mut district, &Event::Disappear(who, how));
        }
        let is_removal =
            |kind: ChangeKind| kind == ChangeKind::Delete || kind == ChangeKind::Suspend;
        for change in &district.plan().changes {
            let was_planned = before.changes.contains(change);
            prop_assert!(was_planned || !is_removal(change.kind), "{change}");
        }
    }

    #[test]
    fn a_protected_account_is_never_removed_and_a_pinned_field_never_changes(
        leaving in leaving(),
        nights in nights(),
        last in prop::collection::vec(event(), 1..12),
        field in 0..FIELDS.len(),
    ) {
        let mut district = district(leaving, &nights);
        for account in district.accounts.values_mut() {
            account.protected = true;
            account.pinned.insert(FIELDS[field]);
        }
        for event in &last {
            perturb(&mut district, event);
        }
        for change in &district.plan().changes {
            let Some(before) = &change.before else { continue };
            let kind = change.kind;
            prop_assert!(kind != ChangeKind::Delete && kind != ChangeKind::Suspend, "{change}");
            prop_assert!(!change.fields.contains(&FIELDS[field]), "{change}");
            prop_assert_eq!(&before.pinned, &change.after.pinned);
            prop_assert!(change.after.protected);
        }
    }
}
