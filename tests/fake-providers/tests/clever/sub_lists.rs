use fake_providers::clever::{Change, ObjectId, Role};
use serde_json::{Value, json};

use crate::support::{World, data, ids};

/// A student with a second school, and both schools.
async fn in_two_schools() -> (World, String, [String; 2]) {
    let world = World::of(400).await;
    let student = world.first(Role::Student);
    let primary = student.roles[&Role::Student].schools[0];
    let other = world.fake.with_roster(|roster| {
        let other = roster.schools().find(|school| school.id != primary);
        other.unwrap().id
    });
    let schools = [primary, other].map(|id: ObjectId| id.to_string());
    let user = student.id.to_string();
    world.change(&Change::SetSchools {
        user: user.clone(),
        schools: schools.to_vec(),
    });
    (world, user, schools)
}

#[tokio::test]
async fn who_is_at_a_school_includes_those_for_whom_it_is_the_second() {
    let (world, user, [primary, other]) = in_two_schools().await;
    for (school, query, expected) in [
        (&primary, "", true),
        (&primary, "&primary=true", true),
        (&other, "", true),
        (&other, "&primary=false", true),
        (&other, "&primary=true", false),
        (&other, "&role=student", true),
        (&other, "&role=teacher", false),
    ] {
        let path = format!("/v3.0/schools/{school}/users?limit=20{query}");
        assert_eq!(
            ids(&world.all(&path).await).contains(&user),
            expected,
            "{path}"
        );
    }
    let path = format!("/v3.0/schools/{other}/users?role=contact");
    assert_eq!(world.get(&path).await.0, 400);
    let path = format!("/v3.0/schools/{other}/users?primary=maybe");
    assert_eq!(world.get(&path).await.0, 400);
}

#[tokio::test]
async fn the_schools_of_a_user_are_all_or_the_primary_one() {
    let (world, user, schools) = in_two_schools().await;
    let all = world.all(&format!("/v3.0/users/{user}/schools")).await;
    assert_eq!(ids(&all), schools.clone().into());
    let primary = world
        .all(&format!("/v3.0/users/{user}/schools?primary=true"))
        .await;
    assert_eq!(ids(&primary), [schools[0].clone()].into());
}

#[tokio::test]
async fn sections_list_their_users_and_users_their_sections() {
    let world = World::of(400).await;
    let section = &world.all("/v3.0/sections").await[0];
    let id = section["id"].as_str().unwrap();
    let listed = |records: Vec<Value>| json!(ids(&records));
    let sorted = |field: &str| {
        let mut ids: Vec<_> = section[field].as_array().unwrap().clone();
        ids.sort_by_key(|id| id.as_str().map(str::to_owned));
        json!(ids)
    };
    let students = world
        .all(&format!("/v3.0/sections/{id}/users?role=student"))
        .await;
    assert_eq!(listed(students.clone()), sorted("students"));
    let teachers = world
        .all(&format!("/v3.0/sections/{id}/users?role=teacher"))
        .await;
    assert_eq!(listed(teachers.clone()), sorted("teachers"));
    let all = world.all(&format!("/v3.0/sections/{id}/users")).await;
    assert_eq!(all.len(), students.len() + teachers.len());
    assert_eq!(
        world
            .get(&format!("/v3.0/sections/{id}/users?role=staff"))
            .await
            .0,
        400
    );

    let student = students[0]["id"].as_str().unwrap();
    let sections = world.all(&format!("/v3.0/users/{student}/sections")).await;
    assert_eq!(sections.len(), 4);
    assert!(ids(&sections).contains(id));
    let teachers_of = ids(&world
        .all(&format!("/v3.0/users/{student}/myteachers"))
        .await);
    let teacher = teachers[0]["id"].as_str().unwrap();
    assert!(teachers_of.contains(teacher));
    let students_of = ids(&world
        .all(&format!("/v3.0/users/{teacher}/mystudents"))
        .await);
    assert!(students_of.contains(student));
}

#[tokio::test]
async fn contacts_and_their_students_list_each_other() {
    let world = World::of(400).await;
    let contact = world.first(Role::Contact).id.to_string();
    let students = world
        .all(&format!("/v3.0/users/{contact}/mystudents"))
        .await;
    let student = students[0]["id"].as_str().unwrap();
    let contacts = world
        .all(&format!("/v3.0/users/{student}/mycontacts"))
        .await;
    assert!(ids(&contacts).contains(&contact));
}

#[tokio::test]
async fn what_a_record_belongs_to_comes_alone() {
    let world = World::of(400).await;
    let section = &world.all("/v3.0/sections").await[0];
    let id = section["id"].as_str().unwrap();
    for (sub, field) in [
        ("course", "course"),
        ("district", "district"),
        ("school", "school"),
        ("term", "term_id"),
    ] {
        let body = world.ok(&format!("/v3.0/sections/{id}/{sub}")).await;
        assert_eq!(body["data"]["id"], section[field], "{sub}");
    }
}

#[tokio::test]
async fn schools_courses_and_terms_list_what_they_hold() {
    let world = World::of(400).await;
    let section = &world.all("/v3.0/sections").await[0];
    let (id, school) = (
        section["id"].as_str().unwrap(),
        section["school"].as_str().unwrap(),
    );
    let (course, term) = (
        section["course"].as_str().unwrap(),
        section["term_id"].as_str().unwrap(),
    );
    for (path, expected) in [
        (format!("schools/{school}/sections"), id),
        (format!("schools/{school}/courses"), course),
        (format!("schools/{school}/terms"), term),
        (format!("courses/{course}/sections"), id),
        (format!("courses/{course}/schools"), school),
        (format!("terms/{term}/sections"), id),
        (format!("terms/{term}/schools"), school),
    ] {
        let listed = ids(&world.all(&format!("/v3.1/{path}?limit=2")).await);
        assert!(listed.contains(expected), "{path}");
    }
    let resources = world.ok(&format!("/v3.1/sections/{id}/resources")).await;
    assert!(data(&resources).is_empty());
    let unknown = "/v3.1/schools/5f3a9c0e1d2b4c0011aa0001/users";
    assert_eq!(world.get(unknown).await.0, 404);
}
