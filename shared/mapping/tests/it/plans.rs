//! A district in sync, one thing changed, and the smallest plan that follows.

use crate::district::{
    District, NOW_MS, connection, default_ids, external, group, link, person, school_rules,
};
use mapping::account::{Email, Field, Role, SourceLink, Status, UserType};
use mapping::evaluate::CompiledRules;
use mapping::ids::ConnectionId;
use mapping::plan::{BaseEntry, Change, is_unchanged, record_digest};
use mapping::source::SourceRecord;
use std::collections::BTreeSet;

fn email(name: &str) -> Email {
    Email::parse(&format!("{name}@maplegrove.example")).unwrap()
}

fn other_connection() -> SourceLink {
    SourceLink {
        connection: ConnectionId::parse("clever").unwrap(),
        external_id: external("c-1"),
    }
}

#[test]
fn a_first_run_makes_an_account_for_everybody_in_scope() {
    let people = vec![person("ana", "/Students"), person("vic", "/Visitors")];
    let mut district = District::new(school_rules(), people);
    insta::assert_snapshot!(district.run(), @"create account a-ana: covered by students, allowed by filter rule students-allow, placed by mapping set students-set");
    let account = district.account("ana");
    assert_eq!(account.email, Some(email("ana")));
    assert_eq!(account.user_type, Some(UserType::Student));
    assert_eq!(
        (account.created_at_ms, account.status),
        (NOW_MS, Status::Active)
    );
    assert!(account.sign_in_allowed);
}

#[test]
fn a_rename_changes_only_what_was_renamed() {
    let mut district = District::in_sync();
    district.record("ana").family_name = "Mosś".to_owned();
    district.record("ana").email = Some(email("ana.moss"));
    insta::assert_snapshot!(district.plan().lines(), @"update account a-ana (email, family name): covered by students, allowed by filter rule students-allow, placed by mapping set students-set");
}

#[test]
fn a_change_that_leads_to_the_same_account_changes_only_the_base() {
    let mut district = District::in_sync();
    district.record("ana").org_unit_path = Some("/Students/Grade 10".to_owned());
    let plan = district.plan();
    assert!(plan.changes.is_empty());
    assert_eq!(plan.base.len(), 1);
}

#[test]
fn a_move_between_links_changes_roles() {
    let mut district = District::in_sync();
    district.record("ben").org_unit_path = Some("/Teachers".to_owned());
    let plan = district.plan();
    assert!(plan.changes[0].role_change);
    insta::assert_snapshot!(plan.lines(), @"update account a-ben (memberships, roles, user type): covered by teachers, allowed by filter rule teachers-allow, placed by mapping set teachers-set");
}

#[test]
fn pinned_fields_win_over_the_source() {
    let mut district = District::in_sync();
    let account = district.account("ana");
    account.pinned = [Field::GivenName, Field::Email].into();
    account.given_name = "Anastasia".to_owned();
    district.record("ana").given_name = "Ann".to_owned();
    district.record("ana").email = Some(email("ann"));
    district.record("ana").family_name = "Fern".to_owned();
    insta::assert_snapshot!(district.run(), @"update account a-ana (family name): covered by students, allowed by filter rule students-allow, placed by mapping set students-set");
    assert_eq!(district.account("ana").given_name, "Anastasia");
    assert_eq!(district.account("ana").email, Some(email("ana")));
}

#[test]
fn a_teacher_role_taken_away_from_an_admin_is_not_given_back() {
    let mut rules = school_rules();
    rules
        .put_link(
            link("office", "/Office", Role::Admin),
            &default_ids("office"),
        )
        .unwrap();
    let mut district = District::new(rules, vec![person("dee", "/Office")]);
    district.run();
    assert_eq!(
        district.account("dee").roles,
        [Role::Admin, Role::Teacher].into()
    );
    let account = district.account("dee");
    account.roles = [Role::Admin].into();
    account.pinned.insert(Field::Roles);
    district.record("dee").family_name = "Fern".to_owned();
    district.run();
    assert_eq!(district.account("dee").roles, [Role::Admin].into());
    assert_eq!(district.account("dee").family_name, "Fern");
}

#[test]
fn a_connection_takes_no_role_away_that_another_may_have_given() {
    let mut district = District::in_sync();
    let account = district.account("tea");
    account.sources.insert(other_connection());
    account.roles.insert(Role::Staff);
    account.grade = Some("07".to_owned());
    district.record("tea").family_name = "Fern".to_owned();
    district.run();
    assert_eq!(
        district.account("tea").roles,
        [Role::Staff, Role::Teacher].into()
    );
    assert_eq!(district.account("tea").grade.as_deref(), Some("07"));
}

#[test]
fn a_bad_record_keeps_its_account_and_is_named() {
    let mut district = District::in_sync();
    district.record("ana").email = None;
    district.record("ben").given_name = " ".to_owned();
    district.record("ben").family_name = String::new();
    insta::assert_snapshot!(district.run(), @r"
    issue: record x-ana (account a-ana) has no email address
    issue: record x-ben (account a-ben) has no name
    ");
    assert_eq!(district.account("ben").given_name, "ben");
}

#[test]
fn a_base_entry_is_short_and_tells_an_unchanged_record() {
    let district = District::in_sync();
    let entry: &BaseEntry = &district.base[&external("x-ana")];
    insta::assert_json_snapshot!(entry, @r#"
    {
      "a": "a-ana",
      "d": "1e54c5ee15b9963b85cade1a23ffa396",
      "r": 2
    }
    "#);
    let record = &district.records[0];
    let version = CompiledRules::new(&district.rules).version();
    assert!(is_unchanged(entry, record_digest(record), version));
    assert!(!is_unchanged(
        entry,
        record_digest(&district.records[1]),
        version
    ));
}

#[test]
fn a_change_reads_back_as_it_was_written_and_its_sentence_names_nobody() {
    let mut district = District::in_sync();
    district.record("ana").family_name = "Fern".to_owned();
    let change = district.plan().changes.remove(0);
    let json = serde_json::to_string(&change).unwrap();
    assert_eq!(serde_json::from_str::<Change>(&json).unwrap(), change);
    let sentence = change.to_string();
    assert!(
        !sentence.contains("Fern") && !sentence.contains('@'),
        "{sentence}"
    );
    assert_eq!(
        change.before.unwrap().sources.first().unwrap().connection,
        connection()
    );
}

#[test]
fn every_field_of_a_record_counts_in_its_digest() {
    let record = person("ana", "/Students");
    let with = |edit: fn(&mut SourceRecord)| {
        let mut other = record.clone();
        edit(&mut other);
        record_digest(&other)
    };
    let digests = [
        with(|_| {}),
        with(|record| record.external_id = external("x-b")),
        with(|record| record.email = None),
        with(|record| record.email_verified = false),
        with(|record| record.username = Some("ana".to_owned())),
        with(|record| record.given_name = "anaM".to_owned()),
        with(|record| record.family_name = "Mos".to_owned()),
        with(|record| record.org_unit_path = None),
        with(|record| record.org_unit_path = Some(String::new())),
        with(|record| record.groups.extend([group("a", "b")])),
        with(|record| record.groups.extend([group("ab", "")])),
        with(|record| record.roles.extend([Role::Student])),
        with(|record| record.roles.extend([Role::Admin, Role::Teacher])),
        with(|record| record.grade = Some("09".to_owned())),
        with(|record| record.suspended = true),
    ];
    let different: BTreeSet<_> = digests.iter().collect();
    assert_eq!(different.len(), digests.len());
    assert_eq!(digests[0], record_digest(&record));
}
