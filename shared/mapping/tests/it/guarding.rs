//! What the guard lets through.

use crate::district::{District, person, school_rules};
use mapping::account::Role;
use mapping::guard::{COUNT_MAX, Known, LimitSet, Limits, Refusal, Verdict, check, check_snapshot};
use mapping::ids::OrganizationId;
use mapping::plan::Absence;
use mapping::rules::{Leaving, LeavingAction};
use mapping::summary::{Counts, RoleGroup, Tally};

fn counts(tally: Tally) -> Counts {
    Counts {
        total: tally,
        by_group: [(RoleGroup::Students, tally)].into(),
        ..Counts::default()
    }
}

fn students(number: u64) -> Known {
    Known {
        by_group: [(RoleGroup::Students, number)].into(),
        ..Known::default()
    }
}

fn deletions(number: u64) -> Counts {
    counts(Tally {
        deletions: number,
        ..Tally::default()
    })
}

fn is_held(counts: &Counts, known: &Known) -> bool {
    check(counts, known, &LimitSet::default()) != Verdict::Proceed
}

#[test]
fn a_limit_is_exceeded_only_by_share_and_count_together() {
    assert!(!is_held(&deletions(10), &students(20)), "few in number");
    assert!(!is_held(&deletions(50), &students(1_000)), "a small share");
    assert!(is_held(&deletions(51), &students(1_000)));
    assert!(is_held(&deletions(11), &students(20)));
}

#[test]
fn the_first_run_and_new_accounts_never_trip_the_guard() {
    let creates = counts(Tally {
        creates: 100_000,
        ..Tally::default()
    });
    assert!(!is_held(&creates, &Known::default()));
    assert!(!is_held(&creates, &students(10)));
    assert!(!is_held(&deletions(100), &Known::default()));
}

#[test]
fn half_of_the_staff_is_not_hidden_by_the_many_students() {
    let tally = Tally {
        suspensions: 50,
        ..Tally::default()
    };
    let counts = Counts {
        total: tally,
        by_group: [(RoleGroup::Staff, tally)].into(),
        ..Counts::default()
    };
    let known = Known {
        by_group: [(RoleGroup::Staff, 100), (RoleGroup::Students, 10_000)].into(),
        ..Known::default()
    };
    let Verdict::Hold(refusals) = check(&counts, &known, &LimitSet::default()) else {
        panic!("not held");
    };
    let sentences: Vec<String> = refusals.iter().map(Refusal::to_string).collect();
    assert_eq!(
        sentences,
        ["50 suspensions among 100 known staff, more than 20 and than 10%"]
    );
}

#[test]
fn each_kind_has_its_own_limit() {
    for (tally, fine, held) in [
        (
            |n| Tally {
                updates: n,
                ..Tally::default()
            },
            500,
            501,
        ),
        (
            |n| Tally {
                suspensions: n,
                ..Tally::default()
            },
            100,
            101,
        ),
        (
            |n| Tally {
                role_changes: n,
                ..Tally::default()
            },
            50,
            51,
        ),
        (
            |n| Tally {
                deletions: n,
                ..Tally::default()
            },
            50,
            51,
        ),
    ] as [(fn(u64) -> Tally, u64, u64); 4]
    {
        assert!(!is_held(&counts(tally(fine)), &students(1_000)));
        assert!(is_held(&counts(tally(held)), &students(1_000)));
    }
}

#[test]
fn students_who_become_teachers_in_bulk_are_always_held() {
    let mut district = District::new(school_rules(), Vec::new());
    for n in 0..6 {
        district.records.push(person(&format!("s{n}"), "/Students"));
    }
    district.run();
    for record in &mut district.records {
        record.org_unit_path = Some("/Teachers".to_owned());
    }
    let mut counts = Counts::default();
    for change in &district.plan().changes {
        counts.add(change);
    }
    assert_eq!((counts.total.promotions, counts.total.role_changes), (6, 6));
    assert!(is_held(&counts, &students(1_000_000)));
    counts.total.promotions = 5;
    assert!(!is_held(&counts, &students(1_000_000)));
}

#[test]
fn a_collapsed_snapshot_is_held_but_not_a_small_schools() {
    assert_eq!(check_snapshot(10, 20), Verdict::Proceed);
    assert_eq!(check_snapshot(0, 19), Verdict::Proceed);
    assert_eq!(check_snapshot(0, 0), Verdict::Proceed);
    let refusal = Refusal::Collapse {
        present: 9,
        known: 20,
    };
    assert_eq!(check_snapshot(9, 20), Verdict::Hold(vec![refusal]));
}

#[test]
fn counts_go_by_role_group_organization_and_grade_and_merge_in_any_order() {
    let mut district = District::in_sync();
    let leaving = Leaving {
        deleted: LeavingAction::Delete,
        moved: LeavingAction::Suspend,
    };
    district.rules.set_leaving(leaving).unwrap();
    district.remove("ana", Absence::Deleted);
    district.record("ben").grade = Some("09".to_owned());
    district.records.push(person("new", "/Teachers"));
    let changes = district.plan().changes;
    let mut whole = Counts::default();
    let mut merged = Counts::default();
    for change in &changes {
        whole.add(change);
    }
    for change in changes.iter().rev() {
        let mut part = Counts::default();
        part.add(change);
        merged.merge(&part);
    }
    assert_eq!(whole, merged);
    assert_eq!(whole.by_group[&RoleGroup::Students].deletions, 1);
    assert_eq!(whole.by_group[&RoleGroup::Students].updates, 1);
    assert_eq!(whole.by_group[&RoleGroup::Staff].creates, 1);
    assert_eq!(whole.by_organization.len(), 1);
    assert!(whole.by_grade.is_empty(), "nobody had a grade before");
    let account = district.account("tea");
    account.roles = [Role::Parent].into();
    assert_eq!(RoleGroup::of(account), RoleGroup::Parents);
}

#[test]
fn limits_read_from_json_keep_defaults_and_refuse_unknown_fields() {
    let limits: Limits =
        serde_json::from_str(r#"{"deletions":{"share_percent":1,"count":2}}"#).unwrap();
    assert_eq!(limits.deletions.count, 2);
    assert_eq!(limits.updates, Limits::default().updates);
    assert!(serde_json::from_str::<Limits>(r#"{"creates":{}}"#).is_err());
}

#[test]
fn a_whole_school_is_not_hidden_by_the_district() {
    let oak = OrganizationId::parse("oak").unwrap();
    let tally = Tally {
        deletions: 61,
        ..Tally::default()
    };
    let mut counts = counts(tally);
    counts.by_organization.insert(oak.clone(), tally);
    let mut known = students(50_000);
    assert!(
        !is_held(&counts, &known),
        "a school of which nothing is known"
    );
    known.by_organization.insert(oak.clone(), 400);
    let Verdict::Hold(refusals) = check(&counts, &known, &LimitSet::default()) else {
        panic!("not held");
    };
    let sentences: Vec<String> = refusals.iter().map(Refusal::to_string).collect();
    assert_eq!(
        sentences,
        ["61 deletions among 400 known accounts of oak, more than 10 and than 15%"]
    );
}

#[test]
fn a_role_group_may_have_limits_of_its_own() {
    let limits: LimitSet = serde_json::from_str(
        r#"{"groups":{"staff":{"suspensions":{"share_percent":0,"count":0}}}}"#,
    )
    .unwrap();
    let tally = Tally {
        suspensions: 1,
        ..Tally::default()
    };
    let mut counts = counts(tally);
    let known = Known {
        by_group: [(RoleGroup::Staff, 100), (RoleGroup::Students, 100)].into(),
        ..Known::default()
    };
    assert_eq!(check(&counts, &known, &limits), Verdict::Proceed);
    counts.by_group = [(RoleGroup::Staff, tally)].into();
    assert_ne!(check(&counts, &known, &limits), Verdict::Proceed);
    assert_eq!(
        limits.of_group(RoleGroup::Staff).deletions,
        Limits::default().deletions
    );
}

#[test]
fn roll_over_weeks_raise_limits_and_lower_none() {
    let mut usual = LimitSet::default();
    usual.everybody.suspensions.share_percent = 90;
    let raised = usual.raised(&LimitSet::roll_over());
    assert_eq!(raised.everybody.suspensions.share_percent, 90);
    assert_eq!(raised.everybody.updates.share_percent, 100);
    assert_eq!(raised.of_schools(), Limits::ROLL_OVER_SCHOOLS);
    let mut strict = LimitSet::roll_over();
    strict
        .groups
        .insert(RoleGroup::Staff, Limits::default().into());
    let raised = usual.raised(&strict);
    assert_eq!(
        raised.of_group(RoleGroup::Staff).suspensions.share_percent,
        90
    );
    assert_eq!(
        raised.of_group(RoleGroup::Students).updates.share_percent,
        100
    );
}

#[test]
fn limits_out_of_range_are_refused_by_name() {
    let mut limits = LimitSet::default();
    assert_eq!(limits.validate(), Ok(()));
    limits.everybody.updates.share_percent = 101;
    let refused = limits.validate().unwrap_err().to_string();
    assert_eq!(
        refused,
        "everybody.updates.share_percent: must be from 0 to 100"
    );
    let mut limits = LimitSet::roll_over();
    let mut own = Limits::default();
    own.deletions.count = COUNT_MAX + 1;
    limits.groups.insert(RoleGroup::Students, own.into());
    let refused = limits.validate().unwrap_err();
    assert_eq!(refused.field, "groups.students.deletions.count");
}

#[test]
fn the_known_accounts_are_counted_as_changes_move_them() {
    let mut district = District::in_sync();
    let changes = |district: &District| district.plan().changes;
    let mut known = Known::default();
    for account in district.accounts.values() {
        known.count(None, account);
    }
    let before = known.clone();
    assert_eq!(known.total(), district.accounts.len() as u64);
    let leaving = Leaving {
        deleted: LeavingAction::Delete,
        moved: LeavingAction::Suspend,
    };
    district.rules.set_leaving(leaving).unwrap();
    district.remove("ana", Absence::Deleted);
    for change in changes(&district) {
        known.count(change.before.as_ref(), &change.after);
    }
    assert_eq!(known.total(), before.total() - 1);
    for change in changes(&district) {
        known.count(Some(&change.after), change.before.as_ref().unwrap());
    }
    assert_eq!(known, before);
}
