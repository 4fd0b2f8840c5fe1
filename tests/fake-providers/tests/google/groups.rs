use fake_providers::google::{Change, MemberRole};
use serde_json::Value;

use crate::support::{World, reason};

const ALL: (&str, &str) = ("customer", "my_customer");
const ALL_STAFF: &str = "groups/all-staff@maplegrove.example";

#[tokio::test]
async fn groups_are_listed_and_found() {
    let world = World::of(500).await;
    let token = world.admin_token().await;
    let groups = world
        .all(&token, "groups", "groups", &[ALL, ("maxResults", "2")])
        .await;
    let emails: Vec<_> = groups
        .iter()
        .map(|group| group["email"].as_str().unwrap())
        .collect();
    assert!(emails.is_sorted() && emails.contains(&"admins@maplegrove.example"));
    assert!(
        groups
            .iter()
            .all(|group| group["directMembersCount"].is_string())
    );
    let (_, by_id) = world
        .get(
            &token,
            &format!("groups/{}", groups[0]["id"].as_str().unwrap()),
            &[],
        )
        .await;
    assert_eq!(by_id["email"], groups[0]["email"]);
    let (_, found) = world
        .get(&token, "groups", &[ALL, ("query", "email:everyone*")])
        .await;
    assert_eq!(found["groups"].as_array().unwrap().len(), 1);
    let (status, body) = world
        .get(&token, "groups", &[ALL, ("maxResults", "201")])
        .await;
    assert_eq!((status, reason(&body)), (400, "invalidParameter"));
    let (status, body) = world
        .get(&token, "groups/nobody@maplegrove.example", &[])
        .await;
    assert_eq!(
        (status, body["error"]["message"].as_str()),
        (404, Some("Resource Not Found: groupKey"))
    );
}

#[tokio::test]
async fn derived_membership_mixes_people_and_groups() {
    let world = World::of(3_000).await;
    let token = world.admin_token().await;
    let path = format!("{ALL_STAFF}/members");
    let direct = world.all(&token, &path, "members", &[]).await;
    assert!(direct.iter().all(|member| member["type"] == "GROUP"));
    let derived = world
        .all(
            &token,
            &path,
            "members",
            &[("includeDerivedMembership", "true")],
        )
        .await;
    let people = derived
        .iter()
        .filter(|member| member["type"] == "USER")
        .count();
    assert!(
        people > 200 && derived.len() == people + direct.len(),
        "{people}"
    );
    assert!(
        world
            .fake
            .journal()
            .entries_under("/admin/directory/v1/groups")
            .len()
            > 2,
        "one page only"
    );
    let managers = world
        .all(
            &token,
            &path,
            "members",
            &[
                ("includeDerivedMembership", "true"),
                ("roles", "OWNER,MANAGER"),
            ],
        )
        .await;
    assert!(!managers.is_empty() && managers.len() < derived.len());
}

#[tokio::test]
async fn the_customer_has_no_address_and_strangers_are_external() {
    let world = World::of(100).await;
    let token = world.admin_token().await;
    let (_, everyone) = world
        .get(&token, "groups/everyone@maplegrove.example/members", &[])
        .await;
    let member = &everyone["members"][0];
    assert_eq!(member["type"], "CUSTOMER");
    assert!(member.get("email").is_none() && member["id"].is_string());
    let (_, partners) = world
        .get(
            &token,
            "groups/athletics-partners@maplegrove.example/members",
            &[],
        )
        .await;
    assert_eq!(partners["members"][0]["type"], "EXTERNAL");
    let (_, empty) = world
        .get(
            &token,
            "groups/science-fair-2027@maplegrove.example/members",
            &[],
        )
        .await;
    assert!(empty.get("members").is_none());
}

#[tokio::test]
async fn has_member_counts_nested_groups_and_refuses_strangers() {
    let world = World::of(500).await;
    let token = world.admin_token().await;
    let admin = world.fake.accounts().super_admin;
    let student = world.fake.accounts().student.unwrap();
    let ask = async |member: &str| {
        world
            .get(&token, &format!("{ALL_STAFF}/hasMember/{member}"), &[])
            .await
    };
    assert_eq!(ask(&admin).await.1["isMember"], true);
    assert_eq!(ask(&student).await.1["isMember"], false);
    let (status, body) = ask("coach@riverbend.example").await;
    assert_eq!((status, reason(&body)), (400, "invalid"));
    assert_eq!(ask("nobody@maplegrove.example").await.0, 404);
}

#[tokio::test]
async fn membership_changes_show_and_cycles_are_refused() {
    let world = World::of(500).await;
    let token = world.admin_token().await;
    let student = world.fake.accounts().student.unwrap();
    let fair = "science-fair-2027@maplegrove.example".to_owned();
    let add = |group: &str, member: &str| Change::AddMember {
        group: group.to_owned(),
        member: member.to_owned(),
        role: MemberRole::Member,
    };
    world.fake.change(&add(&fair, &student)).unwrap();
    assert!(
        world.fake.change(&add(&fair, &student)).is_err(),
        "already a member"
    );
    let (_, member) = world
        .get(&token, &format!("groups/{fair}/members/{student}"), &[])
        .await;
    assert_eq!(
        (&member["role"], &member["status"]),
        (&Value::from("MEMBER"), &Value::from("ACTIVE"))
    );
    let (_, groups) = world.get(&token, "groups", &[("userKey", &student)]).await;
    assert_eq!(groups["groups"][0]["email"], fair.as_str());
    let cycle = add("admins@maplegrove.example", "all-staff@maplegrove.example");
    assert!(world.fake.change(&cycle).is_err());
    let leave = Change::RemoveMember {
        group: fair.clone(),
        member: student.clone(),
    };
    world.fake.change(&leave).unwrap();
    assert!(world.fake.change(&leave).is_err());
}
