use serde_json::{Value, json};

use crate::support::{World, answer, parameter};

async fn get(world: &World, path: &str) -> Value {
    let response = world.http.get(world.url(path)).send().await.unwrap();
    let (status, body) = answer(response).await;
    assert_eq!(status, 200, "{body}");
    body
}

#[tokio::test]
async fn everything_can_be_done_from_another_process() {
    let world = World::of(200).await;
    let state = get(&world, "/_fake/state").await;
    let student = state["first_of_role"]["student"].as_str().unwrap();
    let token = state["district_token"].as_str().unwrap();
    assert_eq!(state["schools"].as_array().unwrap().len(), 3);

    let change = json!({ "op": "set_email", "user": student, "email": "x" });
    let (status, changed) = world.post_json("/_fake/changes", &change).await;
    assert_eq!(
        (status, &changed["user"], &changed["events"]),
        (200, &json!(student), &json!(1))
    );
    let nobody = json!({ "op": "remove_user", "user": "nobody" });
    assert_eq!(world.post_json("/_fake/changes", &nobody).await.0, 409);
    let unknown = json!({ "op": "explode" });
    assert_eq!(world.post_json("/_fake/changes", &unknown).await.0, 400);
    let pause = json!({ "op": "set_state", "state": "paused" });
    assert_eq!(world.post_json("/_fake/changes", &pause).await.0, 200);

    let (_, launched) = world
        .post_json("/_fake/sign-in", &json!({ "user": student }))
        .await;
    assert!(parameter(launched["redirect"].as_str().unwrap(), "code").is_some());

    world
        .post_json("/_fake/switches", &json!({ "events": false }))
        .await;
    assert_eq!(world.get_as(token, "/v3.1/events").await.0, 403);

    let fault = json!({ "matching": { "path": "/v3.1/users" }, "fault": { "kind": "html", "status": 502 } });
    assert_eq!(world.post_json("/_fake/faults", &fault).await.0, 200);
    assert_eq!(world.get_as(token, "/v3.1/users").await.0, 502);
    assert_eq!(get(&world, "/_fake/faults").await["fired"], json!([1]));

    let before = state["now_ms"].as_i64().unwrap();
    let hour = json!({ "advance_seconds": 3_600 });
    let (_, clock) = world.post_json("/_fake/clock", &hour).await;
    assert!(clock["now_ms"].as_i64().unwrap() >= before + 3_600_000);

    let journal = get(&world, "/_fake/journal").await;
    assert_eq!(journal["entries"].as_array().unwrap().len(), 2);

    world.post_json("/_fake/token/rotate", &json!({})).await;
    assert_eq!(world.get_as(token, "/v3.1/districts").await.0, 401);
    world.post_json("/_fake/token/disconnect", &json!({})).await;
    assert_eq!(
        get(&world, "/_fake/state").await["district_token"],
        Value::Null
    );
    assert_eq!(world.post_json("/_fake/nothing", &json!({})).await.0, 404);
}

#[tokio::test]
async fn a_reset_puts_everything_back() {
    let world = World::of(200).await;
    let before = get(&world, "/_fake/state").await;
    let student = before["first_of_role"]["student"].clone();
    let leave = json!({ "op": "remove_user", "user": student });
    world.post_json("/_fake/changes", &leave).await;
    world.post_json("/_fake/token/disconnect", &json!({})).await;
    assert_eq!(world.post_json("/_fake/reset", &json!({})).await.0, 200);
    let mut after = get(&world, "/_fake/state").await;
    after["now_ms"] = before["now_ms"].clone();
    assert_eq!(after, before);
    assert!(world.fake.journal().is_empty());
}

#[tokio::test]
async fn the_fake_goes_down_and_comes_up_on_the_same_port() {
    let mut world = World::of(60).await;
    let port = world.fake.port();
    world.fake.go_down();
    let request = world
        .http
        .get(world.url("/v3.0/users"))
        .bearer_auth("TEST_TOKEN");
    assert!(request.send().await.is_err());
    world.fake.come_up().await.unwrap();
    assert_eq!(world.fake.port(), port);
    assert_eq!(world.get("/v3.0/users").await.0, 200);
}
