use serde_json::json;

use crate::support::{World, answer};

async fn get(world: &World, path: &str) -> serde_json::Value {
    let response = world.http.get(world.url(path)).send().await.unwrap();
    let (status, body) = answer(response).await;
    assert_eq!(status, 200, "{body}");
    body
}

#[tokio::test]
async fn everything_can_be_done_from_another_process() {
    let world = World::of(200).await;
    let state = get(&world, "/_fake/state").await;
    assert_eq!(state["users"], 200);
    let student = state["accounts"]["student"].as_str().unwrap();

    let suspend = json!({ "op": "set_suspended", "user": student, "suspended": true });
    let (status, changed) = world.post_json("/_fake/changes", &suspend).await;
    assert_eq!(status, 200);
    assert_eq!(changed["id"].as_str().unwrap().len(), 21);
    let (status, _) = world
        .post_json(
            "/_fake/changes",
            &json!({ "op": "delete_user", "user": "x@y" }),
        )
        .await;
    assert_eq!(status, 409);
    let (status, _) = world
        .post_json("/_fake/changes", &json!({ "op": "explode" }))
        .await;
    assert_eq!(status, 400);

    let consent = json!({
        "authorize_url": world.authorize_url("openid", &[]),
        "outcome": "allow", "account": state["accounts"]["super_admin"],
    });
    let (_, back) = world.post_json("/_fake/consent", &consent).await;
    assert!(back["redirect"].as_str().unwrap().contains("code=4%2F0A"));

    let fault =
        json!({ "matching": { "path": "/token" }, "fault": { "kind": "html", "status": 502 } });
    assert_eq!(world.post_json("/_fake/faults", &fault).await.0, 200);
    assert_eq!(world.exchange(&[]).await.0, 502);
    assert_eq!(get(&world, "/_fake/faults").await["fired"], json!([1]));

    let before = state["now_ms"].as_i64().unwrap();
    let (_, clock) = world
        .post_json("/_fake/clock", &json!({ "advance_seconds": 3_600 }))
        .await;
    assert!(clock["now_ms"].as_i64().unwrap() >= before + 3_600_000);

    let journal = get(&world, "/_fake/journal").await;
    let entry = &journal["entries"][0];
    assert_eq!(
        (&entry["path"], &entry["status"]),
        (&json!("/token"), &json!(502))
    );

    assert_eq!(world.post_json("/_fake/reset", &json!({})).await.0, 200);
    assert_eq!(get(&world, "/_fake/journal").await["entries"], json!([]));
    assert!(world.fake.faults().faults().is_empty());
    let student = student.to_owned();
    assert!(
        world
            .fake
            .with_directory(|directory| !directory.user(&student).unwrap().suspended)
    );
}

#[tokio::test]
async fn the_journal_tells_who_asked_for_what() {
    let world = World::of(50).await;
    let token = world.admin_token().await;
    world.fake.journal().clear();
    world
        .get(
            &token,
            "users",
            &[("customer", "my_customer"), ("maxResults", "5")],
        )
        .await;
    let entries = world.fake.journal().entries();
    assert_eq!(entries.len(), 1);
    let entry = &entries[0];
    assert_eq!((entry.method.as_str(), entry.status), ("GET", 200));
    assert_eq!(entry.parameters()["maxResults"], "5");
    assert_eq!(
        entry.principal.as_deref(),
        Some(world.fake.accounts().super_admin.as_str())
    );
    assert!(
        entry
            .scopes
            .iter()
            .any(|scope| scope.ends_with("user.readonly"))
    );
    assert!(entry.body_bytes > 500);
}

#[tokio::test]
async fn paths_that_google_does_not_have_are_html() {
    let world = World::of(10).await;
    let response = world
        .http
        .get(world.url("/admin/directory/v2/users"))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 404);
    assert!(
        response.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
}
