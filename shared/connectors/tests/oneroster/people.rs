//! The same people whatever the version, and what becomes of each role.

use super::district::{district, stamped, user};
use super::driver::{Staged, id, plan, read, stage};
use super::server::Server;
use connectors::oneroster::Version;
use mapping::account::Role;
use mapping::schooling::{SchoolKind, Schooling, SessionKind};
use mapping::source::Placement;
use serde_json::{Value, json};

fn everything(server: &Server, guardians: bool) -> Staged {
    let mut plan = plan(server.version);
    plan.classes = true;
    plan.guardians = guardians;
    let (batches, end) = read(server, plan);
    let totals = end.unwrap().totals();
    let staged = stage(batches);
    assert_eq!(totals.records, staged.records.len() as u64);
    assert_eq!(totals.class_members, staged.class_members.len() as u64);
    assert_eq!(totals.gone, staged.gone.len() as u64);
    staged
}

/// One person beside the district's, as they were read.
fn one(version: Version, guardians: bool, row: Value) -> Staged {
    let mut server = Server::new(version, 1);
    server.users().push(row);
    everything(&server, guardians)
}

fn placement(school: &str, role: Role, grade: Option<&str>) -> Placement {
    Placement {
        school: id(school),
        role,
        grade: grade.map(str::to_owned),
    }
}

fn placements(staged: &Staged, person: &str) -> Vec<Placement> {
    let record = &staged.records[&id(person)];
    record.placements.iter().cloned().collect()
}

#[test]
fn both_versions_give_the_same_people_and_classes() {
    let first = everything(&Server::new(Version::V1_1, 25), true);
    let second = everything(&Server::new(Version::V1_2, 25), true);
    assert_eq!(first, second);
    assert_eq!(first.records.len(), 29);
    assert!(first.issues.is_empty(), "{:?}", first.issues);
}

#[test]
fn a_person_is_read_with_name_address_grade_and_places() {
    let staged = everything(&Server::new(Version::V1_2, 1), false);
    let student = &staged.records[&id("u-00000")];
    assert_eq!(
        student.email.as_ref().unwrap().as_str(),
        "u-00000@maplegrove.example"
    );
    assert!(student.email_verified && !student.suspended);
    assert_eq!(student.username.as_deref(), Some("name-u-00000"));
    assert_eq!(
        (&*student.given_name, &*student.family_name),
        ("Given u-00000", "O'Neil")
    );
    assert_eq!(student.grade.as_deref(), Some("09"));
    assert_eq!(
        placements(&staged, "u-00000"),
        [placement("HS-01", Role::Student, Some("09"))]
    );
    assert_eq!(
        placements(&staged, "t-1"),
        [
            placement("HS-01", Role::Teacher, None),
            placement("MS-02", Role::Teacher, None)
        ]
    );
    assert_eq!(
        placements(&staged, "x-1"),
        [placement("MS-02", Role::Staff, None)]
    );
    assert_eq!(
        placements(&staged, "a-1"),
        [placement("D-1", Role::Admin, None)]
    );
    assert!(!staged.records.contains_key(&id("p-1")));
}

#[test]
fn each_role_has_a_meaning() {
    for (role, expected) in [
        ("student", Role::Student),
        ("teacher", Role::Teacher),
        ("aide", Role::Staff),
        ("proctor", Role::Staff),
        ("counselor", Role::Staff),
        ("administrator", Role::Admin),
        ("principal", Role::Admin),
        ("siteAdministrator", Role::Admin),
        ("districtAdministrator", Role::Admin),
        ("systemAdministrator", Role::Admin),
        ("parent", Role::Parent),
        ("guardian", Role::Parent),
        ("relative", Role::Parent),
        ("Teacher", Role::Teacher),
        ("ext:counselor", Role::Staff),
    ] {
        for version in [Version::V1_1, Version::V1_2] {
            let staged = one(version, true, user(version, "n", role, &["HS-01"]));
            let is_district = role.starts_with("district") || role.starts_with("system");
            assert_eq!(placements(&staged, "n")[0].role, expected, "{role}");
            assert_eq!(
                staged.records[&id("n")].roles.contains(&Role::Admin),
                is_district,
                "{role}"
            );
        }
    }
}

#[test]
fn a_parent_is_read_only_when_parents_are_wanted() {
    for version in [Version::V1_1, Version::V1_2] {
        let server = Server::new(version, 1);
        assert!(!everything(&server, false).records.contains_key(&id("p-1")));
        assert!(everything(&server, true).records.contains_key(&id("p-1")));
    }
}

#[test]
fn a_teacher_who_is_a_parent_too_is_a_teacher() {
    let mut both = user(Version::V1_2, "n", "parent", &["HS-01"]);
    let teacher = user(Version::V1_2, "n", "teacher", &["MS-02"])["roles"][0].clone();
    both["roles"].as_array_mut().unwrap().push(teacher);
    for guardians in [false, true] {
        let staged = one(Version::V1_2, guardians, both.clone());
        assert_eq!(
            placements(&staged, "n"),
            [placement("MS-02", Role::Teacher, None)]
        );
    }
}

#[test]
fn schools_terms_courses_classes_and_places_are_read() {
    let staged = everything(&Server::new(Version::V1_1, 1), false);
    assert_eq!(staged.schooling.len(), 6);
    let Schooling::School(district) = &staged.schooling["school D-1"] else {
        panic!("a school")
    };
    assert_eq!(district.kind, SchoolKind::District);
    let Schooling::Session(session) = &staged.schooling["session T-1"] else {
        panic!("a session")
    };
    assert_eq!(session.kind, SessionKind::Semester);
    assert_eq!(session.ends_on, Some("2026-12-20".parse().unwrap()));
    let Schooling::Class(class) = &staged.schooling["class c-1"] else {
        panic!("a class")
    };
    assert_eq!(class.course, Some(id("crs-bio")));
    assert_eq!(class.sessions.iter().collect::<Vec<_>>(), [&id("T-1")]);
    assert_eq!(class.grades.iter().collect::<Vec<_>>(), ["09"]);
    let roles: Vec<_> = (staged.class_members.iter())
        .map(|(_, member)| (member.person.as_str(), member.role, member.primary))
        .collect();
    assert_eq!(
        roles,
        [
            ("t-1", Role::Teacher, true),
            ("u-00000", Role::Student, false),
            ("x-1", Role::Staff, false)
        ]
    );
}

#[test]
fn a_person_with_odd_values_is_read_as_far_as_it_goes() {
    let odd = json!({
        "sourcedId": 4711, "status": "ACTIVE", "enabledUser": false, "givenName": "x".repeat(300), "familyName": null,
        "username": 12, "role": "Student", "orgs": "HS-01", "grades": "K", "email": "not an address",
    });
    let staged = one(Version::V1_1, false, odd);
    let record = &staged.records[&id("4711")];
    assert!(record.suspended && record.email.is_none());
    assert_eq!(record.given_name.len(), 256);
    assert_eq!(record.username.as_deref(), Some("12"));
    assert_eq!(
        placements(&staged, "4711"),
        [placement("HS-01", Role::Student, Some("KG"))]
    );
    assert_eq!(staged.issues.len(), 2);
}

#[test]
fn a_row_that_is_no_person_is_an_issue_and_no_stop() {
    let rows = [
        json!({ "status": "active", "role": "student" }),
        json!({ "sourcedId": "x".repeat(257), "role": "student" }),
        json!({ "sourcedId": { "a": 1 } }),
        json!([1, 2]),
        json!("text"),
    ];
    for row in rows {
        let staged = one(Version::V1_1, false, row.clone());
        assert_eq!((staged.records.len(), staged.issues.len()), (4, 1), "{row}");
    }
}

#[test]
fn what_is_no_person_counts_as_nobody_in_issues() {
    let mut server = Server::new(Version::V1_1, 1);
    let broken = stamped(
        "e-9",
        json!({ "role": "student", "class": { "sourcedId": "c-1" } }),
    );
    server.lists.get_mut("enrollments").unwrap().push(broken);
    let staged = everything(&server, false);
    let issues: Vec<_> = staged.issues.into_iter().collect();
    assert_eq!(
        issues,
        ["a record has a field that can't be read: user, at enrollments e-9"]
    );
}

#[test]
fn o15_nothing_of_a_password_is_kept() {
    let server = Server::new(Version::V1_1, 3);
    assert!(district(Version::V1_1, 1)["users"][0]["password"].is_string());
    let (batches, _) = read(&server, plan(Version::V1_1));
    assert!(!serde_json::to_string(&batches).unwrap().contains("hunter2"));
}
