//! What becomes of a user object.

use super::district::{District, adult, id, school, student};
use super::driver::{Staged, plan, read, stage};
use mapping::account::Role;
use mapping::source::SourceRecord;
use serde_json::{Value, json};

fn read_district(district: &District) -> Staged {
    let (batches, end) = read(plan(), |request| Ok(district.answer(request)));
    end.unwrap();
    stage(batches)
}

/// The one person with these roles, changed so.
fn person(roles: &Value, change: impl Fn(&mut Value)) -> (SourceRecord, Vec<String>) {
    let mut district = District::new(0, 3);
    let number = district.add_user(roles);
    change(&mut district.users[number]);
    let mut staged = read_district(&district);
    let key = mapping::ids::ExternalId::parse(id("aa", number)).unwrap();
    (staged.records.remove(&key).unwrap(), staged.issues)
}

fn placements(record: &SourceRecord) -> Vec<(String, Role, Option<&str>)> {
    (record.placements.iter())
        .map(|one| {
            (
                one.school.as_str().to_owned(),
                one.role,
                one.grade.as_deref(),
            )
        })
        .collect()
}

#[test]
fn a_student_is_in_each_of_their_schools_with_their_grade() {
    let mut roles = json!({ "student": student(0, "Kindergarten"), "teacher": null });
    roles["student"]["schools"] = json!([school(1)]);
    let (record, issues) = person(&roles, |_| {});
    let both = [
        (school(0), Role::Student, Some("KG")),
        (school(1), Role::Student, Some("KG")),
    ];
    assert_eq!(placements(&record), both);
    assert!(record.roles.is_empty() && issues.is_empty());
    assert_eq!(record.grade.as_deref(), Some("KG"));
    assert_eq!(record.username.as_deref(), Some("leomarsh30"));
    assert_eq!(record.given_name, "Given3");
    assert_eq!(record.family_name, "O'Neil");
    assert!(!record.suspended && record.org_unit_path.is_none());
}

#[test]
fn a_person_with_several_roles_is_one_person_with_all_of_them() {
    let roles = json!({ "teacher": adult(&[0]), "staff": adult(&[0, 1]),
        "district_admin": { "legacy_id": "x" } });
    let (record, issues) = person(&roles, |_| {});
    let all = [
        (school(0), Role::Staff, None),
        (school(0), Role::Teacher, None),
        (school(1), Role::Staff, None),
    ];
    assert_eq!(placements(&record), all);
    assert_eq!(
        record.roles.iter().copied().collect::<Vec<_>>(),
        [Role::Admin]
    );
    assert!(issues.is_empty());
}

#[test]
fn a_role_without_a_school_counts_for_the_district() {
    for (name, role) in [
        ("staff", Role::Staff),
        ("student", Role::Student),
        ("teacher", Role::Teacher),
        ("contact", Role::Parent),
        ("district_admin", Role::Admin),
    ] {
        let mut object = json!({ "legacy_id": "x", "schools": [] });
        if name == "student" {
            object["school"] = json!("");
        }
        let (record, issues) = person(&json!({ name: object }), |_| {});
        assert_eq!(record.roles.iter().copied().collect::<Vec<_>>(), [role]);
        assert!(record.placements.is_empty() && issues.is_empty());
    }
}

#[test]
fn an_address_is_verified_by_its_domain_alone() {
    let roles = json!({ "teacher": adult(&[0]) });
    for (address, parsed, is_verified) in [
        (
            json!(" Dana@MapleGrove.Example "),
            Some("dana@maplegrove.example"),
            true,
        ),
        (json!("dana@home.example"), Some("dana@home.example"), false),
        (
            json!("dana@sub.maplegrove.example"),
            Some("dana@sub.maplegrove.example"),
            false,
        ),
        (json!(null), None, false),
        (json!(""), None, false),
        (json!("  "), None, false),
    ] {
        let (record, issues) = person(&roles, |user| user["email"] = address.clone());
        assert_eq!(
            record.email.as_ref().map(mapping::account::Email::as_str),
            parsed
        );
        assert_eq!(record.email_verified, is_verified, "{address}");
        assert!(issues.is_empty());
    }
}

#[test]
fn a_bad_address_is_noted_once_and_the_person_kept() {
    let roles = json!({ "teacher": adult(&[0]), "staff": adult(&[0]) });
    let (record, issues) = person(&roles, |user| user["email"] = json!("no address"));
    assert_eq!(record.email, None);
    let sentence = format!(
        "record {} has an email address that can't be used",
        id("aa", 3)
    );
    assert_eq!(issues, [sentence]);
}

#[test]
fn a_missing_name_is_empty_and_an_endless_one_is_cut() {
    let roles = json!({ "teacher": adult(&[0]) });
    let (record, issues) = person(&roles, |user| {
        user["name"] = json!({ "first": null, "last": "é".repeat(400) });
    });
    assert_eq!(
        (record.given_name.as_str(), record.family_name.len()),
        ("", 256)
    );
    let sentence = format!(
        "record {} has a field that can't be read: name.last",
        id("aa", 3)
    );
    assert_eq!(issues, [sentence]);
    let (record, issues) = person(&roles, |user| {
        drop(user.as_object_mut().unwrap().remove("name"));
    });
    assert_eq!(
        (record.given_name.as_str(), record.family_name.as_str()),
        ("", "")
    );
    assert!(issues.is_empty());
}

#[test]
fn the_username_is_that_of_the_first_role_that_has_one() {
    let mut roles = json!({ "teacher": adult(&[0]), "staff": adult(&[0]) });
    roles["staff"]["credentials"]["district_username"] = json!("second");
    let username = |roles: &Value| person(roles, |_| {}).0.username;
    assert_eq!(username(&roles).as_deref(), Some("dokafor"));
    roles["teacher"]["credentials"] = json!({ "district_username": "" });
    assert_eq!(username(&roles).as_deref(), Some("second"));
    roles["staff"]["credentials"] = json!({ "district_username": "x".repeat(400) });
    assert_eq!(username(&roles), None);
    roles["staff"]["credentials"] = json!(null);
    assert_eq!(username(&roles), None);
}

#[test]
fn one_bad_record_never_stops_the_others() {
    let mut district = District::new(7, 20);
    let wrong: [(usize, &str, Value); 6] = [
        (0, "/email", json!(17)),
        (1, "/name", json!("not an object")),
        (2, "/roles/student/schools", json!("one")),
        (4, "/roles/teacher/credentials", json!([])),
        (5, "/name/first", json!({})),
        (6, "/roles/student/school", json!("a\u{0}b")),
    ];
    for (number, path, value) in wrong {
        *district.users[number].pointer_mut(path).unwrap() = value;
    }
    district.users[7]["roles"]["staff"] = json!("yes");
    district.schools[0]["name"] = json!(1);
    district.terms[0]["end_date"] = json!("next winter");
    district.sections[0]["students"] = json!({});
    let staged = read_district(&district);
    assert_eq!(staged.records.len(), district.users.len() - 7);
    insta::assert_debug_snapshot!(staged.issues, @r#"
    [
        "record 5f3a9c0e1d2b4c0011050001 has a field that can't be read: students, at sections",
        "record 5f3a9c0e1d2b4c0011070001 has a field that can't be read: end_date, at terms",
        "record 5f3a9c0e1d2b4c00110c0000 has a field that can't be read: name, at schools",
        "record 5f3a9c0e1d2b4c0011aa0000 has a field that can't be read: email, at users",
        "record 5f3a9c0e1d2b4c0011aa0001 has a field that can't be read: name, at users",
        "record 5f3a9c0e1d2b4c0011aa0002 has a field that can't be read: roles.student.schools, at users",
        "record 5f3a9c0e1d2b4c0011aa0004 has a field that can't be read: roles.teacher.credentials, at users",
        "record 5f3a9c0e1d2b4c0011aa0005 has a field that can't be read: name.first, at users",
        "record 5f3a9c0e1d2b4c0011aa0006 has a field that can't be read: roles.student.school, at users",
        "record 5f3a9c0e1d2b4c0011aa0007 has a field that can't be read: roles.staff, at users",
        "record 5f3a9c0e1d2b4c0011aa0007 has a field that can't be read: roles.staff, at users",
    ]
    "#);
}

#[test]
fn records_without_an_id_are_noted() {
    let mut district = District::new(1, 20);
    district.users[0]["id"] = json!(17);
    district.users[1].as_object_mut().unwrap().remove("id");
    district.schools[0]["id"] = json!(null);
    let staged = read_district(&district);
    assert_eq!(staged.records.len(), district.users.len() - 2);
    insta::assert_debug_snapshot!(staged.issues, @r#"
    [
        "a record has a field that can't be read: id, at users",
        "a record has no id, at schools",
        "a record has no id, at users",
    ]
    "#);
}

#[test]
fn somebody_whose_roles_are_all_unknown_is_noted_and_left_out() {
    let district = District::new(1, 20);
    let answer = |request: &http::Request<bytes::Bytes>| {
        let asked = super::district::asked_for(request);
        let mut answer = district.answer(request);
        if asked == "student" {
            let stranger = json!({ "data": [{ "data": { "id": id("aa", 0),
                "roles": { "librarian": {}, "student": null } } }], "links": [] });
            answer = super::district::ok(&stranger);
        }
        Ok(answer)
    };
    let (batches, end) = read(plan(), answer);
    assert_eq!(end.unwrap().totals().issues, 1);
    let staged = stage(batches);
    let place = "has a field that can't be read: roles, at users";
    assert_eq!(staged.issues, [format!("record {} {place}", id("aa", 0))]);
}
