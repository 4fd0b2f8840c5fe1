use fake_providers::clever::{CLIENT_SECRET, Config};
use serde_json::json;

use crate::support::World;

const OWNER: &str = "owner_type=district";

#[tokio::test]
async fn the_right_secret_lists_the_district_and_the_wrong_one_nothing() {
    let world = World::of(60).await;
    let (status, body) = world.tokens(CLIENT_SECRET, OWNER).await;
    assert_eq!(status, 200);
    let entry = &body["data"][0];
    assert_eq!(entry["owner"]["type"], "district");
    assert_eq!(entry["owner"]["id"], world.fake.district_id().to_string());
    assert_eq!(entry["access_token"], world.fake.district_token().unwrap());
    assert_eq!(entry["access_token"].as_str().unwrap().len(), 40);
    assert_eq!(entry["scopes"].as_array().unwrap().len(), 6);

    let (status, body) = world.tokens("guessed", OWNER).await;
    assert_eq!((status, &body["error"]), (401, &json!("invalid_client")));
    let bare = world
        .http
        .get(world.url("/oauth/tokens?owner_type=district"));
    assert_eq!(bare.send().await.unwrap().status(), 401);
    assert_eq!(world.tokens(CLIENT_SECRET, "").await.0, 400);
}

#[tokio::test]
async fn the_list_can_be_asked_for_one_district() {
    let world = World::of(60).await;
    let own = format!("{OWNER}&district={}", world.fake.district_id());
    let (_, body) = world.tokens(CLIENT_SECRET, &own).await;
    assert_eq!(body["data"].as_array().unwrap().len(), 1);
    let other = format!("{OWNER}&district=5f3a9c0e1d2b4c0011aa00d1");
    assert_eq!(
        world.tokens(CLIENT_SECRET, &other).await.1["data"],
        json!([])
    );
}

#[tokio::test]
async fn a_rotated_token_takes_the_place_of_the_old_one() {
    let world = World::of(60).await;
    let old = world.fake.district_token().unwrap();
    world.fake.rotate_token();
    assert_eq!(world.get_as(&old, "/v3.0/users").await.0, 401);
    assert_eq!(world.get("/v3.0/users").await.0, 200);
}

#[tokio::test]
async fn a_district_that_leaves_vanishes_from_the_list_and_may_come_back() {
    let world = World::of(60).await;
    let old = world.fake.district_token().unwrap();
    world.fake.disconnect();
    assert_eq!(
        world.tokens(CLIENT_SECRET, OWNER).await.1["data"],
        json!([])
    );
    assert_eq!(world.get_as(&old, "/v3.0/districts").await.0, 401);
    world.fake.rotate_token();
    let (_, body) = world.tokens(CLIENT_SECRET, OWNER).await;
    assert_eq!(
        body["data"][0]["owner"]["id"],
        world.fake.district_id().to_string()
    );
    assert_eq!(world.get("/v3.0/districts").await.0, 200);
}

#[tokio::test]
async fn without_secure_sync_only_the_district_can_be_read() {
    let config = Config {
        secure_sync: false,
        ..Config::default()
    };
    let world = World::with(60, config).await;
    let (_, body) = world.tokens(CLIENT_SECRET, OWNER).await;
    assert_eq!(body["data"][0]["scopes"], json!(["read:user_id"]));
    assert_eq!(world.get("/v3.0/districts").await.0, 200);
    let district = world.fake.district_id();
    assert_eq!(
        world.get(&format!("/v3.0/districts/{district}")).await.0,
        200
    );
    for path in [
        "/v3.0/users",
        "/v3.0/schools",
        "/v3.0/sections",
        "/v3.0/events",
    ] {
        let (status, body) = world.get(path).await;
        let message = json!("Resource not in token's scopes");
        assert_eq!((status, &body["message"]), (403, &message), "{path}");
    }
    world.fake.set_secure_sync(true);
    assert_eq!(world.get("/v3.0/users").await.0, 200);
}

#[tokio::test]
async fn token_info_tells_the_client_and_the_scopes() {
    let world = World::of(60).await;
    let info = world.ok("/oauth/tokeninfo").await;
    assert_eq!(info["client_id"], fake_providers::clever::CLIENT_ID);
    assert!(
        info["scopes"]
            .as_array()
            .unwrap()
            .contains(&json!("read:sis"))
    );
    assert_eq!(world.get_as("guessed", "/oauth/tokeninfo").await.0, 401);
}

#[tokio::test]
async fn a_wrong_token_and_none_are_refused() {
    let world = World::of(60).await;
    let (status, body) = world.get_as("guessed", "/v3.0/users").await;
    assert_eq!((status, body["message"].is_string()), (401, true));
    let bare = world
        .http
        .get(world.url("/v3.0/users"))
        .send()
        .await
        .unwrap();
    assert_eq!(bare.status(), 401);
}

#[tokio::test]
async fn the_public_demonstration_tokens_work() {
    let world = World::of(300).await;
    assert_eq!(world.get_as("TEST_TOKEN", "/v3.1/users").await.0, 200);
    for role in ["STUDENT", "TEACHER", "SCHOOL_ADMIN", "DISTRICT_ADMIN"] {
        let token = format!("ilc_DEMO_{role}_TOKEN");
        assert_eq!(world.get_as(&token, "/v3.1/me").await.0, 200, "{role}");
        assert_eq!(world.get_as(&token, "/v3.1/users").await.0, 403, "{role}");
    }
}
