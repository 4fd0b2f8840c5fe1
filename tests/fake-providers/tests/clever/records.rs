use std::collections::BTreeMap;

use fake_providers::clever::{Config, EmailRates, Role};
use serde_json::Value;

use crate::support::{World, id};

/// The fields that v3.1 adds to users and students.
const LATER: [&str; 8] = [
    "preferred_name",
    "frl_status",
    "iep_status",
    "section_504_status",
    "gifted_status",
    "home_language",
    "home_language_code",
    "disability",
];

#[tokio::test]
async fn the_later_version_adds_fields_and_nothing_else() {
    let world = World::of(200).await;
    let student = world.first(Role::Student).id;
    let old = world.ok(&format!("/v3.0/users/{student}")).await;
    let mut new = world.ok(&format!("/v3.1/users/{student}")).await;
    assert_eq!(old["data"].get("lms_status"), None);
    let user = new["data"].as_object_mut().unwrap();
    assert_eq!(user.remove("lms_status"), Some(Value::Null));
    let student = user["roles"]["student"].as_object_mut().unwrap();
    for field in LATER {
        assert_eq!(old["data"]["roles"]["student"].get(field), None, "{field}");
        assert!(student.remove(field).is_some(), "{field}");
    }
    assert_eq!(new["data"], old["data"]);
}

#[tokio::test]
async fn each_role_has_its_own_fields() {
    let world = World::of(400).await;
    for (role, there, absent) in [
        (
            Role::Student,
            &["sis_id", "school", "schools", "grade", "enrollments"][..],
            &["staff_id"][..],
        ),
        (
            Role::Teacher,
            &["sis_id", "school", "schools", "credentials"],
            &["grade"],
        ),
        (
            Role::Staff,
            &["staff_id", "schools", "department", "credentials"],
            &["sis_id", "school"],
        ),
        (Role::DistrictAdmin, &["title"], &["schools", "sis_id"]),
        (
            Role::Contact,
            &["phone", "student_relationships", "sis_id"],
            &["schools"],
        ),
    ] {
        let user = world
            .user(|user| user.has(role) && user.roles.len() == 1)
            .id;
        let body = world.ok(&format!("/v3.1/users/{user}")).await;
        let part = &body["data"]["roles"][role.name()];
        assert_eq!(part["legacy_id"].as_str().unwrap().len(), 24);
        assert_ne!(part["legacy_id"], body["data"]["id"]);
        for field in there {
            assert!(part.get(field).is_some(), "{role:?} has no {field}");
        }
        for field in absent {
            assert!(part.get(field).is_none(), "{role:?} has {field}");
        }
    }
}

#[tokio::test]
async fn roles_that_do_not_apply_are_absent_or_null() {
    let world = World::of(300).await;
    let users = world.all("/v3.0/users?role=student").await;
    let is_null = |user: &Value| user["roles"].get("teacher") == Some(&Value::Null);
    assert!(users.iter().any(is_null));
    assert!(
        users
            .iter()
            .any(|user| user["roles"].get("teacher").is_none())
    );
}

#[tokio::test]
async fn addresses_are_odd_as_often_as_configured_and_the_same_every_time() {
    let emails = EmailRates {
        null: 100,
        empty: 100,
        without_at: 100,
        shared: 100,
    };
    let config = || Config {
        emails,
        ..Config::default()
    };
    let world = World::with(1_000, config()).await;
    let users = world.all("/v3.0/users?limit=10000&role=student").await;
    let count =
        |odd: &dyn Fn(&Value) -> bool| users.iter().filter(|user| odd(&user["email"])).count();
    let near = 50..130;
    assert!(near.contains(&count(&Value::is_null)));
    assert!(near.contains(&count(&|email| email == "")));
    assert!(near.contains(&count(&|email| {
        email
            .as_str()
            .is_some_and(|email| !email.is_empty() && !email.contains('@'))
    })));
    let mut holders: BTreeMap<&str, usize> = BTreeMap::new();
    for email in users.iter().filter_map(|user| user["email"].as_str()) {
        *holders.entry(email).or_default() += 1;
    }
    let shared = holders
        .iter()
        .filter(|(email, count)| !email.is_empty() && **count > 1);
    assert!(shared.count() > 20);
    let again = World::with(1_000, config()).await;
    assert_eq!(
        again.all("/v3.0/users?limit=10000&role=student").await,
        users
    );
}

#[tokio::test]
async fn nobody_is_odd_unless_asked_for() {
    let config = Config {
        emails: EmailRates::NONE,
        contacts: false,
        ..Config::default()
    };
    let world = World::with(300, config).await;
    let users = world.all("/v3.0/users").await;
    assert!(
        users
            .iter()
            .all(|user| user["email"].as_str().unwrap().contains('@'))
    );
    assert!(world.all("/v3.0/users?role=contact").await.is_empty());
}

#[tokio::test]
async fn a_contact_may_have_the_whole_name_as_family_name() {
    let world = World::of(300).await;
    let contacts = world.all("/v3.0/users?role=contact").await;
    assert!(contacts.iter().any(|user| user["name"]["first"].is_null()));
    assert!(
        contacts
            .iter()
            .any(|user| user["name"]["first"].is_string())
    );
    for contact in &contacts {
        let relation = &contact["roles"]["contact"]["student_relationships"][0];
        let student = relation["student"].as_str().unwrap();
        assert_eq!(
            world.get(&format!("/v3.0/users/{student}")).await.0,
            200,
            "{}",
            id(contact)
        );
    }
}

#[tokio::test]
async fn sections_name_people_who_are_there() {
    let world = World::of(300).await;
    let users = crate::support::ids(&world.all("/v3.1/users?limit=10000").await);
    let sections = world.all("/v3.1/sections").await;
    for section in &sections {
        assert!(!section["students"].as_array().unwrap().is_empty());
        assert_eq!(section["teacher"], section["teachers"][0]);
        for list in ["students", "teachers"] {
            for user in section[list].as_array().unwrap() {
                assert!(users.contains(user.as_str().unwrap()));
            }
        }
    }
}
