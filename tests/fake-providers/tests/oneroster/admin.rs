//! The fake from another process.

use fake_providers::oneroster::{APPLICATION_ID, BearerChange, Change, ChangeRefused, Kind};
use reqwest::Method;
use serde_json::{Value, json};

use crate::paging::newcomer;
use crate::support::{V1p1, V1p2, World};

async fn post(world: &World, path: &str, body: Value) -> (u16, Value) {
    world.admin(Method::POST, path, &body).await
}

async fn state(world: &World) -> Value {
    world.admin(Method::GET, "state", &Value::Null).await.1
}

#[tokio::test]
async fn records_can_be_changed_from_another_process() {
    let world = World::of(200).await;
    let before = state(&world).await;
    let put = json!({ "op": "put", "sourced_id": "u-new", "record": newcomer() });
    let (status, changed) = post(&world, "changes", put).await;
    assert_eq!((status, &changed["records"]), (200, &json!(1)));
    let edit = json!({ "op": "edit", "kind": "user", "sourced_id": "u-new", "fields": { "email": "a@b.example" } });
    assert_eq!(post(&world, "changes", edit).await.0, 200);
    let got = world.get(V1p2, "users/u-new", &[]).await;
    assert_eq!(got.body["user"]["email"], "a@b.example");
    assert!(got.body["user"].get("username").is_none());
    let class = world.first_id("classes", "classes").await;
    let enrollment = json!({ "op": "put", "sourced_id": "e-new", "record": {
        "kind": "enrollment", "user": "u-new", "class": class, "school": "HS-01", "role": "student",
    } });
    assert_eq!(post(&world, "changes", enrollment).await.0, 200);
    let classes = world.get(V1p1, "users/u-new/classes", &[]).await;
    assert_eq!(classes.ids("classes"), [class]);
    for op in ["mark_deleted", "restore", "remove"] {
        let change = json!({ "op": op, "kind": "user", "sourced_id": "u-new" });
        let (status, changed) = post(&world, "changes", change).await;
        assert_eq!((status, &changed["records"]), (200, &json!(2)), "{op}");
    }
    let after = state(&world).await;
    assert_eq!(after["counts"], before["counts"]);
    assert_eq!(
        after["revision"].as_u64(),
        before["revision"].as_u64().map(|at| at + 6)
    );
}

#[tokio::test]
async fn changes_that_make_no_sense_are_refused() {
    let world = World::of(50).await;
    let unknown = json!({ "op": "remove", "kind": "user", "sourced_id": "nobody" });
    assert_eq!(post(&world, "changes", unknown).await.0, 409);
    let id = world.first_id("users", "users").await;
    let edit =
        |fields: Value| json!({ "op": "edit", "kind": "user", "sourced_id": id, "fields": fields });
    for fields in [
        json!({ "shoe_size": 7 }),
        json!({ "roles": "all" }),
        json!({ "kind": "org" }),
    ] {
        assert_eq!(post(&world, "changes", edit(fields)).await.0, 409);
    }
    assert_eq!(
        post(&world, "changes", json!({ "op": "explode" })).await.0,
        400
    );
    let change = Change::Restore {
        kind: Kind::Org,
        sourced_id: "x".to_owned(),
    };
    let refused = world.fake.change(&change).unwrap_err();
    assert_eq!(refused, ChangeRefused::Unknown(Kind::Org, "x".to_owned()));
}

#[tokio::test]
async fn quirks_and_access_can_be_set_from_another_process() {
    let world = World::of(150).await;
    let quirks = json!({ "page_limit": 10, "booleans": "json", "total_count": "missing" });
    assert_eq!(world.admin(Method::PUT, "quirks", &quirks).await.0, 200);
    let got = world.get(V1p1, "users", &[]).await;
    assert_eq!(
        (got.list("users").len(), got.header("x-total-count")),
        (10, None)
    );
    assert!(got.list("users")[0]["enabledUser"].is_boolean());
    let (_, now) = world.admin(Method::GET, "quirks", &Value::Null).await;
    assert_eq!(
        (&now["page_limit"], &now["roles"]),
        (&json!(10), &json!("standard"))
    );
    let unknown = json!({ "page_limits": 10 });
    assert_eq!(world.admin(Method::PUT, "quirks", &unknown).await.0, 400);
    let security = json!({ "static_bearer": "b", "signatures": ["HMAC-SHA1"] });
    assert_eq!(world.admin(Method::PUT, "security", &security).await.0, 200);
    assert_eq!(world.get(V1p1, "users", &[]).await.status, 401);
    let (_, now) = world.admin(Method::GET, "security", &Value::Null).await;
    assert_eq!(now["signatures"], json!(["HMAC-SHA1"]));
}

#[tokio::test]
async fn classlink_can_be_steered_from_another_process() {
    let world = World::of(100).await;
    let redirect = "http://127.0.0.1:3000/back";
    let class_link = json!({ "is_obfuscated": true, "redirect_uris": [redirect] });
    assert_eq!(
        world.admin(Method::PUT, "classlink", &class_link).await.0,
        200
    );
    let bearer = world.fake.bearer();
    assert_eq!(
        post(
            &world,
            "classlink/bearer",
            json!({ "to": BearerChange::Rotate })
        )
        .await
        .0,
        200
    );
    assert_ne!(world.fake.bearer(), bearer);
    let base = world.fake.base_url();
    let url = format!("{base}/{APPLICATION_ID}/ims/oneroster/v1p1/users");
    let got = world.get_as(&world.fake.bearer(), &url, &[]).await;
    assert_eq!(got.header("x-obfuscated"), Some("true"));
    let id = world.first_id("users", "users").await;
    let launch = json!({ "redirect_uri": redirect, "account": id });
    let (_, back) = post(&world, "classlink/launch", launch).await;
    assert!(back["redirect"].as_str().unwrap().starts_with(redirect));
    let url = format!("{base}/oauth2/v2/auth?client_id=x");
    let go = json!({ "authorize_url": url, "account": id });
    assert_eq!(post(&world, "classlink/sign-in", go).await.0, 409);
}

#[tokio::test]
async fn changes_can_be_set_for_the_middle_of_a_pull() {
    let world = World::of(50).await;
    let schedule = json!({ "after": 2, "change": { "op": "empty" } });
    assert_eq!(post(&world, "scheduled", schedule).await.0, 200);
    assert_eq!(state(&world).await["scheduled"], 1);
    for expected in [true, true, false] {
        let got = world.get(V1p1, "users", &[]).await;
        assert_eq!(got.total() > 0, expected);
    }
}

#[tokio::test]
async fn the_rest_can_be_done_from_another_process_too() {
    let world = World::of(50).await;
    let token = world.token_for(V1p1, &["roster.readonly"]).await;
    let fault = json!({ "matching": { "path": "*/users" }, "fault": { "kind": "error", "status": 429 }, "times": 1 });
    assert_eq!(post(&world, "faults", fault).await.0, 200);
    assert_eq!(
        world
            .get(V1p1, "users", &[("limit", "1"), ("page", "2")])
            .await
            .status,
        429
    );
    assert_eq!(
        world.admin(Method::GET, "faults", &Value::Null).await.1["fired"],
        json!([1])
    );
    world.get(V1p1, "users", &[("page", "2")]).await;
    let (_, journal) = world.admin(Method::GET, "journal", &Value::Null).await;
    let entries = journal["entries"].as_array().unwrap();
    assert_eq!(
        entries.last().unwrap()["unknown_parameters"],
        json!(["page"])
    );
    let before = state(&world).await["now_ms"].as_i64().unwrap();
    let (_, clock) = post(&world, "clock", json!({ "advance_seconds": 60 })).await;
    assert!(clock["now_ms"].as_i64().unwrap() >= before + 60_000);
    assert_eq!(post(&world, "tokens/expire", json!({})).await.0, 200);
    assert_eq!(
        world
            .get_as(&token, &world.url(V1p1, "users"), &[])
            .await
            .status,
        401
    );
    world.fake.change(&Change::Empty).unwrap();
    assert_eq!(post(&world, "reset", json!({})).await.0, 200);
    assert!(world.fake.journal().is_empty() && world.fake.faults().faults().is_empty());
    assert!(world.get(V1p1, "users", &[]).await.total() > 0);
    assert_eq!(post(&world, "nothing", json!({})).await.0, 404);
}
