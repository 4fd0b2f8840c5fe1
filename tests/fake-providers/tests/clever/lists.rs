use std::collections::BTreeSet;

use fake_providers::clever::{Change, Role, Roster, SyncState};
use serde_json::{Value, json};

use crate::support::{World, data, id, ids, is_html, link};

#[tokio::test]
async fn pages_follow_each_other_by_id() {
    let world = World::of(400).await;
    let first = world.ok("/v3.0/users?limit=50").await;
    assert_eq!(data(&first).len(), 50);
    assert_eq!(link(&first, "self").unwrap(), "/v3.0/users?limit=50");
    assert_eq!(link(&first, "prev"), None);
    let last = id(&data(&first)[49]);
    let next = format!("/v3.0/users?limit=50&starting_after={last}");
    assert_eq!(link(&first, "next"), Some(next.clone()));
    assert_eq!(first["data"][49]["uri"], format!("/v3.0/users/{last}"));

    let all = world.all("/v3.0/users?limit=50").await;
    assert_eq!(ids(&all).len(), world.fake.with_roster(Roster::user_count));
    assert!(all.is_sorted_by_key(id));
    let default = world.ok("/v3.0/users").await;
    assert_eq!(data(&default).len(), 100);
}

#[tokio::test]
async fn pages_lead_back() {
    let world = World::of(400).await;
    let first = world.ok("/v3.0/users?limit=50").await;
    let second = world.ok(&link(&first, "next").unwrap()).await;
    let back = world.ok(&link(&second, "prev").unwrap()).await;
    assert_eq!(back["data"], first["data"]);
    assert_eq!(link(&back, "prev"), None);
    let last = world.ok("/v3.0/users?limit=7&ending_before=last").await;
    let all = world.all("/v3.0/users").await;
    assert_eq!(data(&last), all[all.len() - 7..]);
    assert_eq!(link(&last, "next"), None);
}

#[tokio::test]
async fn a_place_need_not_be_the_id_of_a_record() {
    let world = World::of(200).await;
    let body = world
        .ok("/v3.0/users?limit=5&starting_after=000000000000000000000000")
        .await;
    assert_eq!(body["data"], world.ok("/v3.0/users?limit=5").await["data"]);
    let body = world
        .ok("/v3.0/users?starting_after=ffffffffffffffffffffffff")
        .await;
    assert_eq!((&body["data"], link(&body, "next")), (&json!([]), None));
}

#[tokio::test]
async fn a_limit_above_ten_thousand_is_refused_with_413_and_other_bad_values_with_400() {
    let world = World::of(200).await;
    assert_eq!(world.get("/v3.0/users?limit=10000").await.0, 200);
    assert_eq!(world.get("/v3.0/users?limit=10001").await.0, 413);
    for query in [
        "limit=0",
        "limit=-1",
        "limit=many",
        "starting_after=last",
        "starting_after=xyz",
        "ending_before=xyz",
        "starting_after=000000000000000000000000&ending_before=last",
        "role=janitor",
        "role=students",
        "count=yes",
    ] {
        let (status, body) = world.get(&format!("/v3.0/users?{query}")).await;
        assert_eq!(
            (status, body["message"].is_string()),
            (400, true),
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_count_is_given_when_asked_for() {
    let world = World::of(200).await;
    let body = world
        .ok("/v3.0/users?limit=1&count=true&role=student")
        .await;
    let students = world.all("/v3.0/users?role=student").await.len();
    assert_eq!(body["count"], students);
    assert_eq!(world.ok("/v3.0/users?limit=1").await.get("count"), None);
}

#[tokio::test]
async fn the_last_page_may_have_a_next_one_that_is_empty() {
    let world = World::of(200).await;
    world.fake.set_trailing_empty_page(true);
    let schools = world.ok("/v3.0/schools").await;
    let next = world.ok(&link(&schools, "next").unwrap()).await;
    assert_eq!((&next["data"], link(&next, "next")), (&json!([]), None));
    let all = world.all("/v3.0/users?limit=60").await;
    assert_eq!(ids(&all).len(), world.fake.with_roster(Roster::user_count));
}

#[tokio::test]
async fn a_user_with_several_roles_is_in_the_list_of_each_with_all_of_them() {
    let world = World::of(3_000).await;
    let both = world.user(|user| user.has(Role::Teacher) && user.has(Role::Staff));
    let mut seen = Vec::new();
    for role in ["teacher", "staff"] {
        let all = world
            .all(&format!("/v3.0/users?limit=10000&role={role}"))
            .await;
        let user = all
            .iter()
            .find(|user| id(user) == both.id.to_string())
            .unwrap();
        assert!(user["roles"]["teacher"].is_object() && user["roles"]["staff"].is_object());
        seen.push(user.clone());
    }
    assert_eq!(seen[0], seen[1]);
    let mut together = BTreeSet::new();
    for role in ["contact", "district_admin", "staff", "student", "teacher"] {
        let of_role = world
            .all(&format!("/v3.0/users?limit=10000&role={role}"))
            .await;
        assert!(of_role.iter().all(|user| user["roles"][role].is_object()));
        assert!(!of_role.is_empty(), "{role}");
        together.extend(ids(&of_role));
    }
    assert_eq!(together, ids(&world.all("/v3.0/users?limit=10000").await));
}

#[tokio::test]
async fn the_district_comes_whole_with_its_state_and_pauses() {
    let world = World::of(60).await;
    let body = world.ok("/v3.0/districts?limit=0").await;
    let district = &data(&body)[0];
    assert_eq!(district["state"], "running");
    assert_eq!(district["name"], "#DEMO Maple Grove (Sandbox)");
    assert_eq!(
        (link(&body, "next"), district.get("lms_type")),
        (None, None)
    );
    assert!(world.fake.journal().unknown_parameters().contains("limit"));

    let before = district["last_sync"].clone();
    world.fake.advance(std::time::Duration::from_mins(1));
    world.change(&Change::Sync);
    world.change(&Change::SetState {
        state: SyncState::Paused,
    });
    world.change(&Change::SetPause {
        start: Some("2026-07-01T00:00:00.000Z".to_owned()),
        end: Some("2026-08-01T00:00:00.000Z".to_owned()),
    });
    let district = data(&world.ok("/v3.1/districts").await).remove(0);
    assert_eq!(
        (&district["state"], &district["lms_type"]),
        (&json!("paused"), &json!(""))
    );
    assert_eq!(district["pause_end"], "2026-08-01T00:00:00.000Z");
    assert!(district["last_sync"].as_str() > before.as_str());
    assert_eq!(world.fake.event_counts()["districts.updated"], 3);
}

#[tokio::test]
async fn every_list_is_there_and_every_record_alone() {
    let world = World::of(300).await;
    for version in ["v3.0", "v3.1"] {
        for kind in [
            "users",
            "schools",
            "sections",
            "courses",
            "terms",
            "districts",
        ] {
            let all = world.all(&format!("/{version}/{kind}")).await;
            let first: &Value = all.first().unwrap();
            let path = format!("/{version}/{kind}/{}", id(first));
            let single = world.ok(&path).await;
            assert_eq!(&single["data"], first);
            assert_eq!(link(&single, "self"), Some(path));
        }
        assert_eq!(
            world.all(&format!("/{version}/resources")).await,
            [] as [Value; 0]
        );
    }
    for path in ["/v3.0/users/5f3a9c0e1d2b4c0011aa0001", "/v3.0/users/x"] {
        let (status, body) = world.get(path).await;
        assert_eq!(
            (status, &body["message"]),
            (404, &json!("Resource not found"))
        );
    }
}

#[tokio::test]
async fn paths_that_clever_does_not_have_are_html() {
    let world = World::of(60).await;
    for path in [
        "/v3.0/students",
        "/v2.1/users",
        "/v3.0/users/x/friends",
        "/users",
    ] {
        let response = world.get_raw("TEST_TOKEN", path).await;
        assert_eq!(response.status(), 404, "{path}");
        assert!(is_html(&response), "{path}");
    }
    let post = world
        .http
        .post(world.url("/v3.0/users"))
        .send()
        .await
        .unwrap();
    assert_eq!(post.status(), 404);
}

#[tokio::test]
async fn unknown_parameters_are_ignored_and_noted() {
    let world = World::of(60).await;
    world.ok("/v3.0/users?where=x&role=student&page=2").await;
    world.ok("/v3.0/schools?role=student").await;
    let unknown: Vec<_> = world
        .fake
        .journal()
        .unknown_parameters()
        .into_iter()
        .collect();
    assert_eq!(unknown, ["page", "role", "where"]);
    let principal = world.fake.journal().entries().pop().unwrap().principal;
    assert_eq!(principal.as_deref(), Some("district"));
}
