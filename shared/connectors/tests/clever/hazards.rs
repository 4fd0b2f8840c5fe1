//! One test for each of Clever's known hazards (PROVIDERS 9.2) that no other module has by its
//! number: C4, C7, C9, C10 and C14 stand with lookups, events, tokens, pages and retries. C6 and
//! C8 concern signing in, and C11 a list that is not read.

use super::district::{District, adult, id, school, student};
use super::driver::{Staged, plan, read, stage};
use connectors::fetch::{CompleteRead, Doubt};
use mapping::account::Role;
use mapping::schooling::Schooling;
use mapping::source::SourceRecord;
use serde_json::json;

fn read_district(district: &District) -> (Staged, CompleteRead) {
    let (batches, end) = read(plan(), |request| Ok(district.answer(request)));
    (stage(batches), end.unwrap())
}

fn person(staged: &Staged, number: usize) -> &SourceRecord {
    let key = mapping::ids::ExternalId::parse(id("aa", number)).unwrap();
    &staged.records[&key]
}

#[test]
fn c1_somebody_on_several_lists_is_one_record() {
    let mut district = District::new(3, 2);
    let roles = json!({ "teacher": adult(&[0]), "staff": adult(&[1]), "district_admin": {} });
    let number = district.add_user(&roles);
    let (staged, complete) = read_district(&district);
    assert_eq!(staged.records.len(), district.users.len());
    assert_eq!(person(&staged, number).placements.len(), 2);
    let on_lists: u64 = complete.chains().iter().map(|chain| chain.records).sum();
    assert_eq!(on_lists, staged.records.len() as u64 + 2);
}

#[test]
fn c2_a_shared_address_joins_nobody() {
    let mut district = District::new(3, 2);
    let child = district.add_user(&json!({ "student": student(0, "4") }));
    let parent = district.add_user(&json!({ "contact": {} }));
    for number in [child, parent] {
        district.users[number]["email"] = json!("family@home.example");
    }
    let (staged, _) = read_district(&district);
    assert_eq!(person(&staged, child).email, person(&staged, parent).email);
    assert!(person(&staged, child).roles.is_empty());
    assert!(person(&staged, parent).roles.contains(&Role::Parent));
    assert!(staged.issues.is_empty());
}

#[test]
fn c3_a_student_needs_no_address() {
    let mut district = District::new(1, 2);
    district.users[0]["email"] = json!(null);
    let (staged, _) = read_district(&district);
    let record = person(&staged, 0);
    assert_eq!((&record.email, record.email_verified), (&None, false));
    assert_eq!(record.username.as_deref(), Some("leomarsh30"));
}

#[test]
fn c5_a_paused_sync_proves_nobodys_absence() {
    let mut district = District::new(3, 2);
    district.about["pause_start"] = json!("2026-06-20");
    district.about["pause_end"] = json!("2026-09-05");
    district.users.truncate(1);
    let (_, complete) = read_district(&district);
    assert_eq!(
        complete.doubts().iter().collect::<Vec<_>>(),
        [&Doubt::Paused]
    );
}

#[test]
fn c11_secondary_schools_count() {
    let mut district = District::new(1, 2);
    district.users[0]["roles"]["student"]["schools"] = json!([school(1), school(0)]);
    let (staged, _) = read_district(&district);
    assert_eq!(person(&staged, 0).placements.len(), 2);
}

#[test]
fn c12_a_whole_name_in_one_field_stays_there() {
    let mut district = District::new(1, 2);
    let number = district.add_user(&json!({ "contact": { "phone": "call Jo", "sis_id": null } }));
    district.users[number]["name"] = json!({ "first": null, "middle": null, "last": "Jo Marsh" });
    let (staged, _) = read_district(&district);
    let record = person(&staged, number);
    assert_eq!(
        (record.given_name.as_str(), record.family_name.as_str()),
        ("", "Jo Marsh")
    );
}

#[test]
fn c13_texts_of_any_length_and_references_to_nothing_are_taken() {
    let mut district = District::new(1, 2);
    district.sections[0]["name"] = json!("Ω".repeat(4_000));
    district.sections[0]["course"] = json!("a course of last year");
    let (staged, _) = read_district(&district);
    let Schooling::Class(class) = &staged.schooling[&id("05", 1)] else {
        panic!("a class")
    };
    assert_eq!(class.title.len(), 256);
    assert_eq!(
        class.course.as_ref().unwrap().as_str(),
        "a course of last year"
    );
}

#[test]
fn c15_staff_without_sis_id_and_admins_without_schools_are_people() {
    let mut district = District::new(0, 2);
    let staff = district.add_user(&json!({ "staff": { "staff_id": "20417", "roles": [],
        "schools": [school(0)] } }));
    let admin = district.add_user(&json!({ "district_admin": { "title": null } }));
    let (staged, _) = read_district(&district);
    assert_eq!(
        person(&staged, staff).placements.first().unwrap().role,
        Role::Staff
    );
    assert!(person(&staged, admin).roles.contains(&Role::Admin));
}

#[test]
fn c16_people_with_one_sis_id_stay_two() {
    let mut district = District::new(0, 2);
    let pupil = district.add_user(&json!({ "student": { "sis_id": "7", "school": school(0) } }));
    let teacher = district.add_user(&json!({ "teacher": { "sis_id": "7", "school": school(0) } }));
    let (staged, _) = read_district(&district);
    assert_ne!(
        person(&staged, pupil).external_id,
        person(&staged, teacher).external_id
    );
}
