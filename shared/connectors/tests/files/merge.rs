//! All rows of a person as one record.

use connectors::files::merge::{Merged, fold};
use connectors::files::roster::{PersonRow, PlacementRow, RowReason};
use mapping::account::{Email, Role};

fn person(sheet: &str, line: u32, role: Role, email: &str) -> PersonRow {
    PersonRow {
        sheet: Some(sheet.to_owned()),
        line,
        role,
        email: Email::parse(email).unwrap(),
        given: "Dana".to_owned(),
        family: "Okafor".to_owned(),
        username: None,
        school: None,
        grade: None,
        id: None,
        password: None,
    }
}

fn placement(line: u32, email: &str, school: &str, role: Option<Role>) -> PlacementRow {
    PlacementRow {
        sheet: Some("Multi-school".to_owned()),
        line,
        email: Email::parse(email).unwrap(),
        school: school.to_owned(),
        role,
    }
}

fn sentences(merged: &Merged) -> Vec<String> {
    merged.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn a_person_of_several_sheets_and_schools_is_one_record() {
    let mut teacher = person("Teacher", 2, Role::Teacher, "dana@maple.example");
    teacher.school = Some("Maple High".to_owned());
    let admin = person("Admin", 5, Role::Admin, "dana@maple.example");
    let further = placement(2, "dana@maple.example", "MAPLE middle", Some(Role::Teacher));
    let merged = fold([teacher, admin], [further]);
    assert_eq!(sentences(&merged), [""; 0]);
    insta::assert_snapshot!(
        serde_json::to_string(&merged.records[0]).unwrap(),
        @r#"{"i":"dana@maple.example","e":"dana@maple.example","v":true,"g":"Dana","f":"Okafor","r":["admin"],"p":[{"s":"maple high","r":"teacher"},{"s":"maple middle","r":"teacher"}]}"#
    );
    let schools: Vec<&str> = merged
        .schools
        .iter()
        .map(|school| school.name.as_str())
        .collect();
    assert_eq!(schools, ["Maple High", "MAPLE middle"]);
}

#[test]
fn f4_the_same_address_in_another_case_is_the_same_person_with_both_lines() {
    let mut again = person("Student", 7, Role::Student, "DANA@maple.example");
    again.school = Some("Oak".to_owned());
    let merged = fold(
        [
            again,
            person("Student", 3, Role::Student, "dana@maple.example"),
        ],
        [],
    );
    assert_eq!(merged.records.len(), 1);
    assert_eq!(
        sentences(&merged),
        ["Student, line 7 is about the same email address as line 3, and was joined with it"]
    );
}

#[test]
fn two_rows_that_contradict_each_other_are_both_refused() {
    let mut other = person("Student", 7, Role::Student, "dana@maple.example");
    other.given = "Diana".to_owned();
    let first = person("Student", 3, Role::Student, "dana@maple.example");
    let placed = placement(2, "dana@maple.example", "Oak", None);
    let merged = fold([first, other], [placed]);
    assert!(merged.records.is_empty());
    assert_eq!(merged.refused.len(), 2);
    assert_eq!(
        sentences(&merged),
        [
            "Student, line 3 says something else about the first name than line 7 of the sheet \
             \"Student\", for the same email address",
            "Student, line 7 says something else about the first name than line 3 of the sheet \
             \"Student\", for the same email address",
            "Multi-school, line 2 belongs to a person whose own rows contradict each other",
        ]
    );
}

#[test]
fn nobody_is_a_student_and_an_adult() {
    let student = person("Student", 3, Role::Student, "dana@maple.example");
    let teacher = person("Teacher", 4, Role::Teacher, "dana@maple.example");
    let merged = fold([student.clone(), teacher], []);
    assert!(merged.records.is_empty());
    let is_both = |reason: &RowReason| matches!(reason, RowReason::StudentAndAdult { .. });
    assert!(
        merged
            .problems
            .iter()
            .all(|problem| is_both(&problem.reason))
    );
    let placed = placement(2, "dana@maple.example", "Oak", Some(Role::Teacher));
    let merged = fold([student], [placed]);
    assert_eq!(merged.records.len(), 1);
    assert_eq!(merged.refused_placements.len(), 1);
    assert!(is_both(&merged.problems[0].reason));
}

#[test]
fn a_placement_of_nobody_is_refused() {
    let merged = fold([], [placement(9, "x@maple.example", "Oak", None)]);
    assert_eq!(
        sentences(&merged),
        ["Multi-school, line 9 names an email address that no other sheet of this file has"]
    );
}

#[test]
fn a_placement_without_a_role_has_the_persons_and_a_students_has_the_grade() {
    let mut student = person("Student", 3, Role::Student, "dana@maple.example");
    student.grade = Some("09".to_owned());
    let merged = fold([student], [placement(2, "dana@maple.example", "Oak", None)]);
    let record = &merged.records[0];
    let placement = record.placements.first().unwrap();
    assert_eq!(
        (placement.role, placement.grade.as_deref()),
        (Role::Student, Some("09"))
    );
    assert!(record.roles.is_empty());
}

#[test]
fn the_order_of_rows_does_not_matter() {
    let rows = [
        person("Teacher", 4, Role::Teacher, "a@maple.example"),
        person("Admin", 2, Role::Admin, "a@maple.example"),
        person("Student", 2, Role::Student, "b@maple.example"),
    ];
    let mut turned = rows.clone();
    turned.reverse();
    assert_eq!(fold(rows, []), fold(turned, []));
}
