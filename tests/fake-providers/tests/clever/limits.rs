use std::time::Duration;

use fake_providers::clever::Config;
use flate2::read::GzDecoder;
use serde_json::Value;

use crate::support::World;

async fn limited_to(requests_per_minute: u32) -> World {
    let config = Config {
        requests_per_minute,
        ..Config::default()
    };
    World::with(60, config).await
}

#[tokio::test]
async fn a_token_has_so_many_requests_per_minute_and_is_told_what_is_left() {
    let world = limited_to(3).await;
    let token = world.fake.district_token().unwrap();
    // The minute must not end in between.
    let into_minute = world
        .fake
        .clock()
        .now_ms()
        .rem_euclid(60_000)
        .unsigned_abs();
    world
        .fake
        .advance(Duration::from_millis(60_000 - into_minute));
    for expected in ["2", "1", "0"] {
        let response = world.get_raw(&token, "/v3.0/schools").await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["x-ratelimit-remaining"], expected);
    }
    let response = world.get_raw(&token, "/v3.0/schools").await;
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["x-ratelimit-limit"], "3");
    assert_eq!(response.headers()["x-ratelimit-remaining"], "0");
    assert!(response.headers().contains_key("x-ratelimit-bucket"));
    let reset: i64 = response.headers()["x-ratelimit-reset"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    let wait = reset - world.fake.clock().now_ms() / 1_000;
    assert!((1..=60).contains(&wait), "{wait}");
    assert!(response.bytes().await.unwrap().is_empty());

    // Another token has a minute of its own, and the next minute is a new one.
    assert_eq!(world.get_as("TEST_TOKEN", "/v3.0/schools").await.0, 200);
    world
        .fake
        .advance(Duration::from_secs(u64::try_from(wait).unwrap()));
    assert_eq!(world.get_as(&token, "/v3.0/schools").await.0, 200);
}

#[tokio::test]
async fn answers_are_compressed_for_who_takes_it() {
    let world = World::of(300).await;
    let token = world.fake.district_token().unwrap();
    let plain = world
        .get_raw(&token, "/v3.1/users")
        .await
        .bytes()
        .await
        .unwrap();
    let request = world.http.get(world.url("/v3.1/users")).bearer_auth(&token);
    let response = request
        .header("accept-encoding", "gzip")
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["content-encoding"], "gzip");
    let compressed = response.bytes().await.unwrap();
    assert!(compressed.len() * 3 < plain.len());
    let body: Value = serde_json::from_reader(GzDecoder::new(&compressed[..])).unwrap();
    assert_eq!(body, serde_json::from_slice::<Value>(&plain).unwrap());
}

#[tokio::test]
async fn pages_of_ten_thousand_are_quick_once_written() {
    let world = World::of(12_000).await;
    let path = "/v3.1/users?limit=10000&role=student";
    let first = world.ok(path).await;
    assert_eq!(first["data"].as_array().unwrap().len(), 10_000);
    let token = world.fake.district_token().unwrap();
    let started = tokio::time::Instant::now();
    for _ in 0..5 {
        let size = world
            .get_raw(&token, path)
            .await
            .bytes()
            .await
            .unwrap()
            .len();
        assert!(size > 10_000_000);
    }
    // Generous: this runs unoptimised beside other builds.
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "{:?}",
        started.elapsed()
    );
}
