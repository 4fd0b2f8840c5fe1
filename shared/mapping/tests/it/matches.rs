//! People whom the connection did not know, and addresses that are taken.

use crate::district::{District, account_id, external, person, school_rules};
use mapping::account::{Account, Email, Role, Status, StatusCause};
use mapping::plan::Absence;
use mapping::source::SourceRecord;

fn email(name: &str) -> Email {
    Email::parse(&format!("{name}@maplegrove.example")).unwrap()
}

/// An account that no source holds, made from a person of the district.
fn loose_account(name: &str, roles: &[Role]) -> Account {
    let mut district = District::new(school_rules(), vec![person(name, "/Students")]);
    district.run();
    let mut account = district.accounts.pop_first().unwrap().1;
    account.id = account_id(&format!("loose-{name}"));
    account.roles = roles.iter().copied().collect();
    account.sources.clear();
    account
}

fn insert(district: &mut District, account: Account) {
    district.accounts.insert(account.id.clone(), account);
}

#[test]
fn a_person_made_anew_at_the_source_finds_the_old_account_by_address() {
    let mut district = District::in_sync();
    district.remove("ana", Absence::Deleted);
    district.run();
    let external_id = external("x-new");
    district.records.push(SourceRecord {
        external_id,
        ..person("ana", "/Students")
    });
    insta::assert_snapshot!(district.run(), @"restore account a-ana: matched by verified email, covered by students, allowed by filter rule students-allow, placed by mapping set students-set");
    assert_eq!(district.accounts.len(), 3);
    assert_eq!(district.run(), "");
}

#[test]
fn an_unknown_person_takes_over_the_account_with_their_verified_address() {
    let mut district = District::in_sync();
    insert(&mut district, loose_account("eve", &[Role::Student]));
    district.records.push(person("eve", "/Students"));
    insta::assert_snapshot!(district.run(), @"update account loose-eve: matched by verified email, covered by students, allowed by filter rule students-allow, placed by mapping set students-set");
    assert_eq!(district.accounts.len(), 4);
    assert_eq!(district.run(), "");
}

#[test]
fn doubtful_matches_are_issues_for_a_human() {
    let mut district = District::in_sync();
    insert(&mut district, loose_account("eve", &[Role::Teacher]));
    insert(&mut district, loose_account("kim", &[Role::Student]));
    district.records.push(person("eve", "/Students"));
    district.records.push(SourceRecord {
        email_verified: false,
        ..person("kim", "/Students")
    });
    for name in ["two", "too"] {
        district.records.push(SourceRecord {
            email: Some(email("two")),
            ..person(name, "/Students")
        });
    }
    let external_id = external("x-ben2");
    district.records.push(SourceRecord {
        external_id,
        email: Some(email("gone")),
        ..person("b", "/Students")
    });
    let id = account_id("a-ben");
    district.accounts.get_mut(&id).unwrap().email = Some(email("gone"));
    let plan = district.plan();
    assert!(plan.changes.is_empty());
    insta::assert_snapshot!(plan.lines(), @r"
    issue: record x-ben2 shares its email address with another record of the source
    issue: record x-eve shares its email address with account loose-eve, but one is a student and the other an adult
    issue: record x-kim shares an email address that the source does not vouch for with account loose-kim
    issue: record x-too shares its email address with another record of the source
    issue: record x-two shares its email address with another record of the source
    ");
}

#[test]
fn an_address_that_another_account_has_is_not_taken_but_the_rest_follows() {
    let mut district = District::in_sync();
    insert(&mut district, loose_account("eve", &[Role::Student]));
    district.record("ana").email = Some(email("eve"));
    district.record("ana").family_name = "Fern".to_owned();
    insta::assert_snapshot!(district.run(), @r"
    update account a-ana (family name): covered by students, allowed by filter rule students-allow, placed by mapping set students-set
    issue: record x-ana (account a-ana) has an email address that account loose-eve has already
    ");
    assert_eq!(district.account("ana").email, Some(email("ana")));
    // Nothing more happens until the address is free; then it is taken.
    assert!(district.plan().changes.is_empty());
    district.accounts.remove(&account_id("loose-eve"));
    insta::assert_snapshot!(district.run(), @"update account a-ana (email): covered by students, allowed by filter rule students-allow, placed by mapping set students-set");
}

#[test]
fn an_account_deleted_by_hand_does_not_keep_its_address() {
    let mut district = District::in_sync();
    let mut account = loose_account("eve", &[Role::Teacher]);
    account.status = Status::Deleted;
    account.status_cause = Some(StatusCause::ByHand);
    insert(&mut district, account);
    district.records.push(person("eve", "/Students"));
    district.run();
    assert_eq!(district.account("eve").email, Some(email("eve")));
}
