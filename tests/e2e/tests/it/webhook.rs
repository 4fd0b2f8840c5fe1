//! The signed webhook for a resync.

use driver::{District, text};
use e2e::{World, map_schools};
use reqwest::Response;
use serde_json::{Value, json};
use std::time::Duration;

/// How long a nudged run may take before the test gives up, and how often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);
const LOOKS_MAX: usize = 1_000;

async fn district_with_secret(world: &World) -> (District, String) {
    let district = world.district().await.unwrap();
    map_schools(&district, &world.google).await.unwrap();
    let path = district.path("/webhook-secret");
    let minted = district.admin.post(&path, &json!({})).await.unwrap();
    let secret = text(&minted, "secret").unwrap().to_owned();
    (district, secret)
}

async fn problem(response: Response, status: u16) -> Value {
    assert_eq!(response.status().as_u16(), status);
    let media_type = response.headers()["content-type"].to_str().unwrap();
    assert_eq!(media_type, "application/problem+json");
    response.json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_answered_at_once_and_the_run_starts_without_a_tick() {
    let world = World::of(200).await.unwrap();
    let (district, secret) = district_with_secret(&world).await;
    let now_s = world.now_ms().unwrap() / 1_000;
    let response = district.call_webhook(&secret, now_s, "{}").await.unwrap();
    assert_eq!(response.status(), 202);
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["message"], "sync has been scheduled");
    assert_eq!(body["run_url"], location);
    let path = location.strip_prefix(district.admin.url()).unwrap();
    for _ in 0..LOOKS_MAX {
        let run = district.admin.get(path).await.unwrap();
        if run["finished_at_ms"].is_i64() {
            assert_eq!(run["state"], "applied", "{run}");
            assert_eq!(run["trigger"]["kind"], "webhook");
            assert_eq!(run["id"], body["run"]);
            return;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    panic!("the run did not finish without a tick");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_replayed_forged_or_stale_are_refused_and_change_nothing() {
    let world = World::of(60).await.unwrap();
    let (district, secret) = district_with_secret(&world).await;
    let now_s = world.now_ms().unwrap() / 1_000;
    let first = district.call_webhook(&secret, now_s, "{}").await.unwrap();
    let asked: Value = first.json().await.unwrap();
    world
        .finish(&district, text(&asked, "run").unwrap())
        .await
        .unwrap();
    let path = district.path("/runs");
    let runs = district.admin.get(&path).await.unwrap();

    let replayed = district.call_webhook(&secret, now_s, "{}").await.unwrap();
    problem(replayed, 409).await;
    let forged = district
        .call_webhook("whsec_another", now_s, "{}")
        .await
        .unwrap();
    let forged = problem(forged, 401).await;
    assert!(!forged.to_string().contains("whsec"), "{forged}");
    for age_s in [-400, 400] {
        let stale = district
            .call_webhook(&secret, now_s - age_s, "{}")
            .await
            .unwrap();
        problem(stale, 401).await;
    }
    // A good signature of another body.
    let signature = driver::sign(&secret, now_s, b"{}").unwrap();
    let url = format!("{}/hooks/sync/{}", district.admin.url(), district.tenant);
    let client = district.admin.client();
    let changed = client
        .post(&url)
        .header("x-rollcall-timestamp", now_s.to_string())
        .header("x-rollcall-signature", signature)
        .body("{\"all\":true}");
    problem(changed.send().await.unwrap(), 401).await;
    problem(client.post(&url).body("{}").send().await.unwrap(), 401).await;
    let elsewhere = url.replace(&district.tenant, "nobody");
    problem(client.post(elsewhere).body("{}").send().await.unwrap(), 401).await;
    problem(client.get(&url).send().await.unwrap(), 405).await;

    assert_eq!(district.admin.get(&path).await.unwrap(), runs);
}
