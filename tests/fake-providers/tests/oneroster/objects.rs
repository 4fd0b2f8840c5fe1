//! Objects look as each version has them.

use std::collections::BTreeSet;

use fake_providers::district::{PersonKind, PersonState};
use fake_providers::oneroster::Quirks;
use serde_json::{Value, json};

use crate::support::{V1p1, V1p2, World};

fn fields(object: &Value) -> BTreeSet<&str> {
    object
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[tokio::test]
async fn every_collection_has_its_envelope_and_its_single_objects() {
    let world = World::of(400).await;
    for (path, many, one) in [
        ("academicSessions", "academicSessions", "academicSession"),
        ("terms", "academicSessions", "academicSession"),
        ("gradingPeriods", "academicSessions", "academicSession"),
        ("orgs", "orgs", "org"),
        ("schools", "orgs", "org"),
        ("courses", "courses", "course"),
        ("classes", "classes", "class"),
        ("users", "users", "user"),
        ("students", "users", "user"),
        ("teachers", "users", "user"),
        ("enrollments", "enrollments", "enrollment"),
        ("demographics", "demographics", "demographics"),
    ] {
        for version in [V1p1, V1p2] {
            let list = world.get(version, path, &[("limit", "2")]).await;
            assert_eq!(list.status, 200);
            let records = list.list(many);
            assert_eq!(records.len(), 2, "{path}");
            let id = records[0]["sourcedId"].as_str().unwrap();
            let single = world.get(version, &format!("{path}/{id}"), &[]).await;
            assert_eq!(single.body, json!({ one: records[0] }), "{path}");
        }
        let nobody = world.get(V1p2, &format!("{path}/nothing-here"), &[]).await;
        assert_eq!((nobody.status, nobody.minor()), (404, "unknownobject"));
    }
}

#[tokio::test]
async fn a_user_has_one_role_and_orgs_in_1_1_and_roles_in_1_2() {
    let world = World::of(2_000).await;
    let district = world.fake.district();
    let person = district
        .people()
        .iter()
        .find(|person| person.second_school.is_some())
        .unwrap();
    let school = &district.school(person.school.unwrap()).unwrap().code;
    let second = &district.school(person.second_school.unwrap()).unwrap().code;
    let path = format!("users/u-{}", person.number);
    let old = world.get(V1p1, &path, &[]).await.body["user"].take();
    let reference = |base: &str, id: &str| json!({ "href": format!("{base}/orgs/{id}"), "sourcedId": id, "type": "org" });
    let base = world.fake.v1p1_url();
    assert_eq!(old["role"], "teacher");
    assert_eq!(
        old["orgs"],
        json!([reference(&base, school), reference(&base, second)])
    );
    assert_eq!(
        old["enabledUser"],
        (person.state == PersonState::Active).to_string()
    );
    assert_eq!(old["email"], district.address_of(person));
    assert_eq!(old["identifier"], person.number.to_string());
    let absent = ["roles", "primaryOrg", "userMasterIdentifier", "password"];
    assert!(absent.iter().all(|field| !fields(&old).contains(field)));

    let new = world.get(V1p2, &path, &[]).await.body["user"].take();
    let base = world.fake.v1p2_url();
    assert_eq!(
        new["roles"],
        json!([
            { "roleType": "primary", "role": "teacher", "org": reference(&base, school) },
            { "roleType": "secondary", "role": "teacher", "org": reference(&base, second) },
        ])
    );
    assert_eq!(new["primaryOrg"], reference(&base, school));
    assert!(
        ["role", "orgs"]
            .iter()
            .all(|field| !fields(&new).contains(field))
    );
    assert_eq!(new["dateLastModified"], old["dateLastModified"]);
}

#[tokio::test]
async fn administrators_are_called_by_the_words_of_the_version() {
    let world = World::of(200).await;
    let person = &world.fake.district().people()[0];
    assert_eq!(person.kind, PersonKind::Administrator);
    let path = format!("users/u-{}", person.number);
    let old = world.get(V1p1, &path, &[]).await;
    assert_eq!(old.body["user"]["role"], "administrator");
    assert_eq!(old.body["user"]["orgs"][0]["sourcedId"], "D-1");
    let new = world.get(V1p2, &path, &[]).await;
    assert_eq!(
        new.body["user"]["roles"][0]["role"],
        "districtAdministrator"
    );
}

#[tokio::test]
async fn everybody_of_the_district_is_there_but_devices() {
    let world = World::of(1_500).await;
    let district = world.fake.district();
    let people = district.people().iter();
    let people = people.filter(|person| person.kind != PersonKind::ServiceAccount);
    let expected: BTreeSet<String> = people
        .map(|person| person.number)
        .chain(district.guardians().iter().map(|guardian| guardian.number))
        .map(|number| format!("u-{number}"))
        .collect();
    let users = world.all(V1p1, "users", "users").await;
    let shown: BTreeSet<String> = crate::support::ids(&users).into_iter().collect();
    assert_eq!(shown, expected);
    let of_role = |role: &str| users.iter().filter(|user| user["role"] == role).count();
    assert!(of_role("parent") > 100 && of_role("relative") > 0 && of_role("aide") > 0);
    let archived = users.iter().filter(|user| user["status"] == "tobedeleted");
    assert!(archived.count() > 0);
}

#[tokio::test]
async fn guardians_and_students_name_each_other() {
    let world = World::of(500).await;
    let guardian = world
        .get(
            V1p2,
            "users",
            &[("filter", "roles.role='parent'"), ("limit", "1")],
        )
        .await;
    let guardian = &guardian.list("users")[0];
    let student = guardian["agents"][0]["sourcedId"].as_str().unwrap();
    let student = world.get(V1p2, &format!("students/{student}"), &[]).await;
    let agents = student.body["user"]["agents"].as_array().unwrap();
    assert!(
        agents
            .iter()
            .any(|agent| agent["sourcedId"] == guardian["sourcedId"])
    );
    let not_a_student = format!("students/{}", guardian["sourcedId"].as_str().unwrap());
    assert_eq!(world.get(V1p2, &not_a_student, &[]).await.status, 404);
}

#[tokio::test]
async fn sessions_courses_classes_and_enrollments_fit_together() {
    let world = World::of(400).await;
    let base = world.fake.v1p1_url();
    let term = world.get(V1p1, "terms/T-2026-S1", &[]).await;
    assert_eq!(
        term.body["academicSession"]["parent"],
        json!({ "href": format!("{base}/academicSessions/T-2026-FY"), "sourcedId": "T-2026-FY", "type": "academicSession" })
    );
    assert_eq!(term.body["academicSession"]["type"], "term");
    assert_eq!(term.body["academicSession"]["schoolYear"], "2027");
    assert_eq!(world.get(V1p1, "terms/T-2026-FY", &[]).await.status, 404);

    let class = world.first_id("classes", "classes").await;
    let class = world.get(V1p1, &format!("classes/{class}"), &[]).await.body["class"].take();
    for (field, path) in [("course", "courses"), ("school", "schools")] {
        let id = class[field]["sourcedId"].as_str().unwrap();
        assert_eq!(
            world.get(V1p1, &format!("{path}/{id}"), &[]).await.status,
            200
        );
    }
    assert!(!class["terms"].as_array().unwrap().is_empty());
    let enrollments = world.all(V1p1, "enrollments", "enrollments").await;
    let own = enrollments
        .iter()
        .filter(|enrollment| enrollment["class"]["sourcedId"] == class["sourcedId"]);
    let primary: Vec<(&Value, &Value)> = own
        .map(|enrollment| (&enrollment["role"], &enrollment["primary"]))
        .collect();
    assert_eq!(
        primary
            .iter()
            .filter(|(_, primary)| *primary == "true")
            .count(),
        1
    );
    assert!(primary.contains(&(&json!("teacher"), &json!("true"))));
    let href = enrollments[0]["school"]["href"].as_str().unwrap();
    assert!(href.starts_with(&format!("{base}/schools/")), "{href}");
}

#[tokio::test]
async fn demographics_have_the_ids_of_their_users() {
    let world = World::of(200).await;
    let one = world.get(V1p1, "demographics", &[("limit", "1")]).await;
    let one = &one.list("demographics")[0];
    let user = format!("students/{}", one["sourcedId"].as_str().unwrap());
    assert_eq!(world.get(V1p1, &user, &[]).await.status, 200);
    assert!(matches!(one["asian"].as_str(), Some("true" | "false")));
    assert_eq!(one["birthDate"].as_str().unwrap().len(), 10);
}

#[tokio::test]
async fn passwords_are_shown_only_by_careless_servers_of_1_1() {
    let quirks = Quirks {
        passwords: true,
        ..Quirks::default()
    };
    let world = World::quirky(100, quirks).await;
    let student = world.first_id("students", "users").await;
    let old = world.get(V1p1, &format!("users/{student}"), &[]).await;
    assert!(
        old.body["user"]["password"]
            .as_str()
            .unwrap()
            .starts_with("Sunshine-")
    );
    let new = world.get(V1p2, &format!("users/{student}"), &[]).await;
    assert!(new.body["user"].get("password").is_none());
}
