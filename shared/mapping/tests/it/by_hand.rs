//! Edits, restorations and undo by an administrator, and what a sync makes of them.

use crate::district::District;
use mapping::account::{Account, Field, Role, Status, StatusCause};
use mapping::ids::Generation;
use mapping::plan::{
    Absence, AccountEdit, ByHandError, ChangeKind, RESTORABLE_MS, Reason, apply, edit, restore,
    undo,
};
use mapping::rules::{Leaving, LeavingAction};

fn edited(account: &Account, json: &str) -> Account {
    let change: AccountEdit = serde_json::from_str(json).unwrap();
    edit(account, &change, 9).unwrap().unwrap().after
}

fn put(district: &mut District, account: Account) {
    district.accounts.insert(account.id.clone(), account);
}

#[test]
fn a_field_edited_by_hand_survives_the_next_sync_until_it_is_unpinned() {
    let mut district = District::in_sync();
    let account = edited(
        district.account("ana"),
        r#"{"given_name":"Annie","grade":null}"#,
    );
    assert_eq!(account.pinned, [Field::GivenName, Field::Grade].into());
    put(&mut district, account);
    district.record("ana").given_name = "Anastasia".to_owned();
    district.record("ana").family_name = "New".to_owned();
    district.run();
    let account = district.account("ana").clone();
    assert_eq!(
        (account.given_name.as_str(), account.family_name.as_str()),
        ("Annie", "New")
    );
    let account = edited(&account, r#"{"unpin":["given_name"]}"#);
    put(&mut district, account);
    district.record("ana").family_name = "Newer".to_owned();
    district.run();
    assert_eq!(district.account("ana").given_name, "Anastasia");
}

#[test]
fn a_status_set_by_hand_stays_and_is_released_by_unpinning() {
    let mut district = District::in_sync();
    let account = edited(district.account("ana"), r#"{"status":"suspended"}"#);
    assert_eq!(account.status_cause, Some(StatusCause::ByHand));
    put(&mut district, account);
    district.record("ana").given_name = "Anastasia".to_owned();
    district.run();
    assert_eq!(district.account("ana").status, Status::Suspended);
    let account = edited(district.account("ana"), r#"{"unpin":["status"]}"#);
    put(&mut district, account);
    district.record("ana").given_name = "Ana".to_owned();
    district.run();
    assert_eq!(district.account("ana").status, Status::Active);
}

#[test]
fn a_protected_account_is_never_touched() {
    let mut district = District::in_sync();
    let account = edited(district.account("ana"), r#"{"protected":true}"#);
    put(&mut district, account.clone());
    district.record("ana").given_name = "Anastasia".to_owned();
    district.record("ana").suspended = true;
    district.run();
    let found = district.account("ana").clone();
    assert_eq!(
        (found.given_name, found.status),
        (account.given_name, Status::Active)
    );
    district.remove("ana", Absence::Deleted);
    district.run();
    assert_eq!(district.account("ana").status, Status::Active);
}

#[test]
fn an_admin_loses_teacher_by_hand_for_good() {
    let mut district = District::in_sync();
    let account = edited(district.account("tea"), r#"{"roles":["admin"]}"#);
    put(&mut district, account);
    district.record("tea").given_name = "Teodora".to_owned();
    district.run();
    assert_eq!(district.account("tea").roles, [Role::Admin].into());
}

#[test]
fn a_deleted_account_is_restored_for_thirty_days_and_stays() {
    let mut district = District::in_sync();
    let leaving = Leaving {
        deleted: LeavingAction::Delete,
        moved: LeavingAction::Delete,
    };
    district.rules.set_leaving(leaving).unwrap();
    assert_eq!(
        restore(district.account("ana"), 5),
        Err(ByHandError::NotDeleted)
    );
    district.remove("ana", Absence::Deleted);
    district.run();
    let deleted = district.account("ana").clone();
    assert_eq!(deleted.status, Status::Deleted);
    let at = deleted.deleted_at_ms.unwrap();
    assert_eq!(
        restore(&deleted, at + RESTORABLE_MS + 1),
        Err(ByHandError::TooLate)
    );
    let change = restore(&deleted, at + RESTORABLE_MS).unwrap();
    assert_eq!(
        (change.kind, &change.cause),
        (ChangeKind::Restore, &Reason::RestoredByHand)
    );
    put(&mut district, change.after);
    district.run();
    assert_eq!(district.account("ana").status, Status::Active);
}

#[test]
fn who_is_restored_where_no_rule_reaches_is_listed_as_kept() {
    let mut district = District::in_sync();
    let leaving = Leaving {
        deleted: LeavingAction::Delete,
        moved: LeavingAction::Delete,
    };
    district.rules.set_leaving(leaving).unwrap();
    district.run();
    district.record("ana").org_unit_path = Some("/Elsewhere".to_owned());
    district.run();
    let deleted = district.account("ana").clone();
    assert_eq!(deleted.status_cause, Some(StatusCause::MovedOutOfScope));
    let restored = restore(&deleted, deleted.deleted_at_ms.unwrap()).unwrap();
    assert!(restored.after.no_longer_in_scope);
    put(&mut district, restored.after);
    district.run();
    let found = district.account("ana");
    assert_eq!(
        (found.status, found.no_longer_in_scope),
        (Status::Active, true)
    );
}

#[test]
fn values_that_can_not_be_are_refused_by_field() {
    let district = District::in_sync();
    let account = district.accounts.values().next().unwrap();
    for (json, field) in [
        (
            format!(r#"{{"given_name":"{}"}}"#, "x".repeat(201)),
            "given_name",
        ),
        (r#"{"family_name":"a\u0007b"}"#.to_owned(), "family_name"),
        (r#"{"username":""}"#.to_owned(), "username"),
        (r#"{"grade":""}"#.to_owned(), "grade"),
    ] {
        let change: AccountEdit = serde_json::from_str(&json).unwrap();
        let refused = edit(account, &change, 9).unwrap_err();
        assert!(refused.to_string().starts_with(field), "{refused}");
    }
    assert!(serde_json::from_str::<AccountEdit>(r#"{"id":"x"}"#).is_err());
    assert_eq!(edit(account, &AccountEdit::default(), 9), Ok(None));
}

#[test]
fn an_undo_returns_every_account_and_loses_none() {
    let mut district = District::in_sync();
    let then = district.accounts.clone();
    district.record("ana").given_name = "Anastasia".to_owned();
    district.remove("ben", Absence::Deleted);
    district
        .records
        .push(crate::district::person("new", "/Teachers"));
    district.run();
    let to = Generation(1);
    let ids: Vec<_> = district.accounts.keys().cloned().collect();
    let changes: Vec<_> = ids
        .iter()
        .filter_map(|id| undo(district.accounts.get(id), then.get(id), to, 9))
        .collect();
    assert_eq!(changes.len(), 3);
    apply(&changes, &mut district.accounts);
    for (id, account) in &district.accounts {
        if let Some(known) = then.get(id) {
            assert_eq!(account, known);
        } else {
            assert_eq!(account.status, Status::Deleted);
            assert_eq!(account.status_cause, Some(StatusCause::Undone));
        }
    }
}
