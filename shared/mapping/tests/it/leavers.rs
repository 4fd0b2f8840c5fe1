//! People who leave, seem to leave, or come back.

use crate::district::{District, block_first, external, person, rule_id};
use mapping::account::{SourceLink, Status, StatusCause};
use mapping::ids::ConnectionId;
use mapping::plan::{Absence, Scope};
use mapping::rules::{Leaving, LeavingAction};
use mapping::source::SourceRecord;

fn other_connection() -> SourceLink {
    SourceLink {
        connection: ConnectionId::parse("clever").unwrap(),
        external_id: external("c-1"),
    }
}

fn leaving(deleted: LeavingAction, moved: LeavingAction) -> District {
    let mut district = District::in_sync();
    district
        .rules
        .set_leaving(Leaving { deleted, moved })
        .unwrap();
    district.run();
    district
}

#[test]
fn a_person_deleted_at_the_source_is_suspended_by_default_and_restored_on_return() {
    let mut district = District::in_sync();
    let record = district.record("ana").clone();
    district.remove("ana", Absence::Deleted);
    insta::assert_snapshot!(district.run(), @"suspend account a-ana: deleted at the source");
    assert_eq!(
        district.account("ana").status_cause,
        Some(StatusCause::DeletedAtSource)
    );
    assert_eq!(district.run(), "");
    district.records.push(record);
    insta::assert_snapshot!(district.run(), @"restore account a-ana: covered by students, allowed by filter rule students-allow, placed by mapping set students-set");
    assert_eq!(district.account("ana").status, Status::Active);
    assert_eq!(district.account("ana").status_cause, None);
}

#[test]
fn leaving_does_what_the_rules_say() {
    for (action, expected) in [
        (LeavingAction::Keep, (Status::Active, None)),
        (
            LeavingAction::Suspend,
            (Status::Suspended, Some(StatusCause::DeletedAtSource)),
        ),
        (
            LeavingAction::Delete,
            (Status::Deleted, Some(StatusCause::DeletedAtSource)),
        ),
    ] {
        let mut district = leaving(action, LeavingAction::Suspend);
        district.remove("ana", Absence::Deleted);
        district.run();
        let account = district.account("ana");
        assert_eq!((account.status, account.status_cause), expected);
        assert_eq!(
            account.deleted_at_ms.is_some(),
            action == LeavingAction::Delete
        );
        assert!(account.sources.is_empty());
        assert_eq!(district.run(), "");
    }
}

#[test]
fn moving_out_of_scope_does_what_the_rules_say_seen_or_unseen() {
    for (action, status) in [
        (LeavingAction::Keep, Status::Active),
        (LeavingAction::Suspend, Status::Suspended),
        (LeavingAction::Delete, Status::Deleted),
    ] {
        for seen in [true, false] {
            let mut district = leaving(LeavingAction::Keep, action);
            if seen {
                district.record("ana").org_unit_path = Some("/Alumni".to_owned());
            } else {
                district.remove("ana", Absence::MovedOutOfScope);
            }
            district.run();
            let account = district.account("ana");
            assert_eq!(account.status, status);
            assert_eq!(account.no_longer_in_scope, action == LeavingAction::Keep);
            assert_eq!(account.sources.len(), 1);
            assert_eq!(district.run(), "");
        }
    }
}

#[test]
fn a_person_moved_out_and_back_unchanged_is_restored() {
    let mut district = District::in_sync();
    let record = district.record("ana").clone();
    district.remove("ana", Absence::MovedOutOfScope);
    insta::assert_snapshot!(district.run(), @"suspend account a-ana: moved out of scope at the source");
    district.records.push(record);
    insta::assert_snapshot!(district.run(), @"restore account a-ana: covered by students, allowed by filter rule students-allow, placed by mapping set students-set");
}

#[test]
fn a_leaver_who_is_deleted_later_is_deleted_here_too() {
    let mut district = leaving(LeavingAction::Delete, LeavingAction::Suspend);
    district.remove("ana", Absence::MovedOutOfScope);
    district.run();
    assert_eq!(district.account("ana").status, Status::Suspended);
    district.remove("ana", Absence::Deleted);
    district.run();
    assert_eq!(district.account("ana").status, Status::Deleted);
}

#[test]
fn an_absence_that_nobody_confirmed_changes_nothing_and_is_told() {
    let mut district = District::in_sync();
    district.remove("ana", Absence::Unconfirmed);
    district.remove("ben", Absence::UnitNotRead);
    let plan = district.plan();
    assert!(plan.changes.is_empty() && plan.base.is_empty());
    insta::assert_snapshot!(plan.lines(), @r"
    issue: record x-ana (account a-ana) is missing, but the source did not confirm that it is gone
    issue: record x-ben (account a-ben) is missing, but its org unit could not be read
    ");
}

#[test]
fn a_change_of_rules_marks_and_never_suspends() {
    let mut district = District::in_sync();
    block_first(&mut district.rules, "no-students", "/Students");
    district.remove("ben", Absence::MovedOutOfScope);
    insta::assert_snapshot!(district.run(), @r"
    update account a-ana: no longer in scope since the rules changed (blocked by filter rule no-students)
    update account a-ben: no longer in scope since the rules changed
    ");
    assert!(district.account("ana").no_longer_in_scope);
    assert_eq!(district.account("ana").status, Status::Active);
    assert_eq!(district.base[&external("x-ana")].scope, Scope::NoLonger);
    assert_eq!(district.run(), "");

    // They stay even if they move about outside, and come back with the rules.
    district.record("ana").org_unit_path = Some("/Students/Grade 12".to_owned());
    assert_eq!(district.run(), "");
    district
        .rules
        .remove_filter(&mapping::rules::FilterList::Top, &rule_id("no-students"))
        .unwrap();
    insta::assert_snapshot!(district.run(), @"update account a-ana: covered by students, allowed by filter rule students-allow, placed by mapping set students-set");
    assert!(!district.account("ana").no_longer_in_scope);
}

#[test]
fn a_person_suspended_at_the_source_is_suspended_here_and_never_imported_new() {
    let mut district = District::in_sync();
    district.record("ana").suspended = true;
    district.records.push(SourceRecord {
        suspended: true,
        ..person("new", "/Students")
    });
    insta::assert_snapshot!(district.run(), @"suspend account a-ana: suspended at the source");
    assert_eq!(district.accounts.len(), 3);
    assert_eq!(district.run(), "");
    district.record("ana").suspended = false;
    insta::assert_snapshot!(district.run(), @"restore account a-ana: covered by students, allowed by filter rule students-allow, placed by mapping set students-set");
}

#[test]
fn a_change_of_rules_does_not_suspend_again_whom_somebody_restored() {
    let mut district = District::in_sync();
    district.record("ana").suspended = true;
    district.run();
    let account = district.account("ana");
    account.status = Status::Active;
    account.status_cause = None;
    district.rules.set_leaving(Leaving::default()).unwrap();
    assert_eq!(district.run(), "");
}

#[test]
fn protected_accounts_are_never_suspended_or_deleted() {
    for absence in [Absence::Deleted, Absence::MovedOutOfScope] {
        let mut district = leaving(LeavingAction::Delete, LeavingAction::Delete);
        district.account("tea").protected = true;
        district.remove("tea", absence);
        district.run();
        assert_eq!(district.account("tea").status, Status::Active);
    }
    let mut district = District::in_sync();
    district.account("tea").protected = true;
    district.record("tea").suspended = true;
    district.run();
    assert_eq!(district.account("tea").status, Status::Active);
}

#[test]
fn what_was_suspended_or_deleted_by_hand_stays_so() {
    for status in [Status::Suspended, Status::Deleted] {
        let mut district = District::in_sync();
        let account = district.account("ana");
        account.status = status;
        account.status_cause = Some(StatusCause::ByHand);
        district.record("ana").family_name = "Fern".to_owned();
        district.run();
        assert_eq!(district.account("ana").status, status);
        district.remove("ana", Absence::Deleted);
        district.run();
        district.records.push(person("ana", "/Students"));
        district.run();
        assert_eq!(district.account("ana").status, status);
        assert_eq!(
            district.account("ana").status_cause,
            Some(StatusCause::ByHand)
        );
    }
}

#[test]
fn an_account_that_another_connection_holds_only_loses_a_link() {
    for absence in [Absence::Deleted, Absence::MovedOutOfScope] {
        let mut district = leaving(LeavingAction::Delete, LeavingAction::Delete);
        district.account("ana").sources.insert(other_connection());
        district.remove("ana", absence);
        let plan = district.plan();
        assert!(plan.changes[0].fields.is_empty());
        district.carry_out(&plan);
        let account = district.account("ana");
        assert_eq!(account.status, Status::Active);
        assert_eq!(account.sources, [other_connection()].into());
    }
}
