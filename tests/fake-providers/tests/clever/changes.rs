use std::collections::BTreeSet;

use fake_providers::clever::{Change, ChangeRefused, Role};
use serde_json::{Value, json};

use crate::support::{World, id, ids};

async fn user(world: &World, id: &str) -> Value {
    world.ok(&format!("/v3.1/users/{id}")).await["data"].clone()
}

#[tokio::test]
async fn a_field_of_a_user_changes_with_one_event() {
    let world = World::of(400).await;
    let student = world.first(Role::Student).id.to_string();
    let email = |email: Option<&str>| Change::SetEmail {
        user: student.clone(),
        email: email.map(str::to_owned),
    };
    assert_eq!(world.change(&email(Some("new@maplegrove.example"))), 1);
    assert_eq!(world.change(&email(Some("new@maplegrove.example"))), 0);
    assert_eq!(world.change(&email(None)), 1);
    assert_eq!(user(&world, &student).await["email"], Value::Null);
    let grade = Change::SetGrade {
        user: student.clone(),
        grade: Some("Ungraded".to_owned()),
    };
    assert_eq!(world.change(&grade), 1);
    assert_eq!(
        user(&world, &student).await["roles"]["student"]["grade"],
        "Ungraded"
    );
}

#[tokio::test]
async fn a_user_may_change_schools() {
    let world = World::of(400).await;
    let student = world.first(Role::Student).id.to_string();
    let old = world.school();
    let other = world.fake.with_roster(|roster| {
        let other = roster.schools().find(|school| school.id.to_string() != old);
        other.unwrap().code.clone()
    });
    let change = Change::SetSchools {
        user: student.clone(),
        schools: vec![other],
    };
    assert_eq!(world.change(&change), 1);
    let new = user(&world, &student).await["roles"]["student"]["school"].clone();
    assert_ne!(new, json!(old));
    let at = async |school: &str| ids(&world.all(&format!("/v3.1/schools/{school}/users")).await);
    assert!(!at(&old).await.contains(&student));
    assert!(at(new.as_str().unwrap()).await.contains(&student));
}

#[tokio::test]
async fn a_user_gains_and_loses_roles() {
    let world = World::of(400).await;
    let teacher = world.user(|user| user.has(Role::Teacher) && user.roles.len() == 1);
    let teacher = teacher.id.to_string();
    let set = |roles: &[Role]| Change::SetRoles {
        user: teacher.clone(),
        roles: roles.iter().copied().collect::<BTreeSet<_>>(),
    };
    let listed = async |role: &str| {
        let path = format!("/v3.1/users?limit=10000&role={role}");
        ids(&world.all(&path).await).contains(&teacher)
    };
    let schools = user(&world, &teacher).await["roles"]["teacher"]["schools"].clone();
    world.change(&set(&[Role::Teacher, Role::Staff]));
    assert!(listed("teacher").await && listed("staff").await);
    assert_eq!(
        user(&world, &teacher).await["roles"]["staff"]["schools"],
        schools
    );
    world.change(&set(&[Role::DistrictAdmin]));
    assert!(!listed("teacher").await && !listed("staff").await && listed("district_admin").await);
    assert_eq!(world.fake.change(&set(&[])), Err(ChangeRefused::NoRole));
}

#[tokio::test]
async fn who_leaves_is_gone_everywhere() {
    let world = World::of(400).await;
    let contact = world
        .user(|user| user.has(Role::Contact) && user.roles[&Role::Contact].students.len() == 1);
    let student = contact.roles[&Role::Contact].students[0].to_string();
    let leave = Change::RemoveUser {
        user: student.clone(),
    };
    world.change(&leave);
    assert_eq!(world.get(&format!("/v3.1/users/{student}")).await.0, 404);
    assert_eq!(
        world.get(&format!("/v3.1/users/{}", contact.id)).await.0,
        404
    );
    let sections = world.all("/v3.1/sections?limit=10000").await;
    assert!(!json!(sections).to_string().contains(&student));
    let counts = world.fake.event_counts();
    assert!(counts["users.deleted"] >= 2);
    let of_sections =
        ["sections.updated", "sections.deleted"].map(|name| counts.get(name).unwrap_or(&0));
    assert_eq!(of_sections[0] + of_sections[1], 4);
    let events = world.all("/v3.1/events?record_type=users").await;
    let gone: BTreeSet<_> = events
        .iter()
        .map(|event| id(&event["data"]["object"]))
        .collect();
    assert!(gone.contains(&student));
    assert_eq!(world.fake.change(&leave), Err(ChangeRefused::NoSuchUser));
}

#[tokio::test]
async fn somebody_new_comes_last_in_the_lists() {
    let world = World::of(400).await;
    let join = |last: &str| Change::AddUser {
        role: Role::Student,
        first: "Leo".to_owned(),
        last: last.to_owned(),
        email: Some("leo@maplegrove.example".to_owned()),
        number: None,
        school: Some(world.school()),
        grade: Some("9".to_owned()),
    };
    let mut added = Vec::new();
    for name in ["One", "Two"] {
        added.push(world.fake.change(&join(name)).unwrap().user.unwrap());
    }
    let all = world.all("/v3.1/users?limit=10000&role=student").await;
    let last: Vec<_> = all[all.len() - 2..].iter().map(id).collect();
    assert_eq!(last, added);
    assert_eq!(world.fake.event_counts()["users.created"], 2);
    let mut elsewhere = join("Three");
    if let Change::AddUser { school, .. } = &mut elsewhere {
        *school = Some("nowhere".to_owned());
    }
    assert_eq!(
        world.fake.change(&elsewhere),
        Err(ChangeRefused::NoSuchSchool)
    );
}

#[tokio::test]
async fn another_id_of_the_same_person_is_a_leaver_and_a_newcomer() {
    let world = World::of(400).await;
    let student = world.first(Role::Student);
    let old = student.id.to_string();
    let change = Change::RegenerateId { user: old.clone() };
    let new = world.fake.change(&change).unwrap().user.unwrap();
    assert_ne!(new, old);
    assert_eq!(world.get(&format!("/v3.1/users/{old}")).await.0, 404);
    let moved = user(&world, &new).await;
    assert_eq!(moved["roles"]["student"]["sis_id"], student.number);
    let sections = world.all(&format!("/v3.1/users/{new}/sections")).await;
    assert_eq!(sections.len(), 4);
    assert!(!json!(sections).to_string().contains(&old));
    let counts = world.fake.event_counts();
    assert_eq!((counts["users.created"], counts["users.deleted"]), (1, 1));
    assert_eq!(counts["sections.updated"], 4);
}

#[tokio::test]
async fn a_school_that_is_no_longer_shared_takes_its_people_along_and_brings_them_back() {
    let world = World::of(600).await;
    let school = world.school();
    let all = async || {
        let mut all = Vec::new();
        for kind in ["users", "schools", "sections"] {
            all.push(world.all(&format!("/v3.1/{kind}?limit=10000")).await);
        }
        all
    };
    let before = all().await;
    let teacher = world.user(|user| {
        let part = user.roles.get(&Role::Teacher);
        part.is_some_and(|part| part.schools[0].to_string() == school)
    });
    let here = ids(&world
        .all(&format!("/v3.1/schools/{school}/users?limit=10000"))
        .await);
    let share = |shared| Change::SetShared {
        school: school.clone(),
        shared,
    };
    world.change(&share(false));
    assert_eq!(world.get(&format!("/v3.1/schools/{school}")).await.0, 404);
    assert_eq!(
        world.get(&format!("/v3.1/schools/{school}/users")).await.0,
        404
    );
    assert_eq!(
        world.get(&format!("/v3.1/users/{}", teacher.id)).await.0,
        404
    );
    let without = all().await;
    assert!(!json!(without).to_string().contains(&school));
    assert!(without[0].len() < before[0].len());
    let counts = world.fake.event_counts();
    assert_eq!(counts["schools.deleted"], 1);
    let gone = before[0].len() - without[0].len();
    assert_eq!(counts["users.deleted"], gone);
    assert!(gone * 10 >= here.len() * 9);
    assert_eq!(
        counts["sections.deleted"],
        before[2].len() - without[2].len()
    );
    let last = world.ok("/v3.1/events?ending_before=last&limit=1").await;
    let checkpoint = last["data"][0]["data"]["id"].as_str().unwrap();

    world.change(&share(true));
    assert_eq!(ids(&all().await[0]), ids(&before[0]));
    assert_eq!(world.fake.event_counts()["users.created"], gone);
    let back = world
        .all(&format!(
            "/v3.1/events?limit=1000&starting_after={checkpoint}"
        ))
        .await;
    assert_eq!(back[0]["type"], "schools.created");
    assert!(back.iter().all(|event| event["type"] != "users.deleted"));
}

#[tokio::test]
async fn who_is_in_another_shared_school_stays_without_the_school() {
    let world = World::of(400).await;
    let student = world.first(Role::Student).id.to_string();
    let schools: Vec<_> = world.fake.with_roster(|roster| {
        let schools = roster.schools().take(2);
        schools.map(|school| school.id.to_string()).collect()
    });
    world.change(&Change::SetSchools {
        user: student.clone(),
        schools: schools.clone(),
    });
    world.change(&Change::SetShared {
        school: schools[0].clone(),
        shared: false,
    });
    let shown = user(&world, &student).await;
    assert_eq!(shown["roles"]["student"]["schools"], json!([schools[1]]));
    assert_eq!(shown["roles"]["student"]["school"], json!(schools[1]));
}

#[tokio::test]
async fn students_enter_and_leave_sections_and_the_last_one_ends_it() {
    let world = World::of(400).await;
    let section = world.all("/v3.1/sections").await.remove(0);
    let student = world.user(|user| {
        let is_in = section["students"].as_array().unwrap();
        user.has(Role::Student) && !is_in.contains(&json!(user.id.to_string()))
    });
    let attends = |user: &str, attends| Change::SetAttends {
        user: user.to_owned(),
        section: id(&section),
        attends,
    };
    assert_eq!(world.change(&attends(&student.number, true)), 1);
    let sections = world
        .all(&format!("/v3.1/users/{}/sections", student.id))
        .await;
    assert!(ids(&sections).contains(&id(&section)));
    assert_eq!(world.change(&attends(&student.number, false)), 1);
    for student in section["students"].as_array().unwrap() {
        world.change(&attends(student.as_str().unwrap(), false));
    }
    assert_eq!(
        world
            .get(&format!("/v3.1/sections/{}", id(&section)))
            .await
            .0,
        404
    );
    assert_eq!(world.fake.event_counts()["sections.deleted"], 1);
}
