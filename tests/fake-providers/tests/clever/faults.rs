use std::collections::BTreeSet;
use std::time::Duration;

use fake_providers::faults::{Fault, FaultKind};
use serde_json::{Value, json};

use crate::support::{World, data, is_html, link};

const USERS: &str = "/v3.0/users";

async fn world_with(fault: Fault) -> World {
    let world = World::of(400).await;
    world.fake.faults().add(fault);
    world
}

fn error(status: u16) -> FaultKind {
    FaultKind::Error {
        status,
        reason: None,
        retry_after_seconds: None,
    }
}

async fn raw(world: &World, path: &str) -> reqwest::Response {
    world.get_raw("TEST_TOKEN", path).await
}

#[tokio::test]
async fn errors_come_as_clever_words_them_and_are_used_up() {
    for status in [400, 401, 403, 404, 500, 502, 503] {
        let world = world_with(Fault::at(USERS, error(status)).times(1)).await;
        let (got, body) = world.get(USERS).await;
        assert_eq!((got, body["message"].is_string()), (status, true));
        assert_eq!(world.get(USERS).await.0, 200);
    }
}

#[tokio::test]
async fn too_many_requests_come_empty_with_the_time_to_wait_for() {
    let world = world_with(Fault::at(USERS, error(429))).await;
    let response = raw(&world, USERS).await;
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["x-ratelimit-remaining"], "0");
    assert!(response.headers().contains_key("x-ratelimit-reset"));
    assert!(!response.headers().contains_key("retry-after"));
    assert!(response.bytes().await.unwrap().is_empty());
}

#[tokio::test]
async fn html_comes_with_any_status() {
    for status in [200, 502] {
        let world = world_with(Fault::at(USERS, FaultKind::Html { status })).await;
        let response = raw(&world, USERS).await;
        assert_eq!(
            (response.status().as_u16(), is_html(&response)),
            (status, true)
        );
    }
}

#[tokio::test]
async fn cut_and_truncated_answers_do_not_parse() {
    for kind in [FaultKind::CutText, FaultKind::TruncatedBody] {
        let world = world_with(Fault::at(USERS, kind)).await;
        let body = raw(&world, USERS).await.bytes().await.unwrap();
        assert!(body.len() > 1_000 && serde_json::from_slice::<Value>(&body).is_err());
    }
}

#[tokio::test]
async fn a_dropped_connection_is_an_error_of_transport_and_in_the_journal() {
    let world = world_with(Fault::at(USERS, FaultKind::ConnectionReset).times(1)).await;
    let request = world.http.get(world.url(USERS)).bearer_auth("TEST_TOKEN");
    assert!(request.send().await.is_err());
    let entry = world.fake.journal().entries().pop().unwrap();
    assert_eq!(entry.status, 0);
    assert!(entry.fault.unwrap().contains("ConnectionReset"));
    assert_eq!(world.get(USERS).await.0, 200);
}

#[tokio::test]
async fn answers_may_be_late() {
    let world = world_with(Fault::at(USERS, FaultKind::Latency { milliseconds: 120 })).await;
    let started = tokio::time::Instant::now();
    assert_eq!(world.get(USERS).await.0, 200);
    assert!(started.elapsed() >= Duration::from_millis(120));
}

#[tokio::test]
async fn lists_may_be_empty_or_short() {
    let world = world_with(Fault::at(USERS, FaultKind::EmptyLists)).await;
    let body = world.ok(USERS).await;
    assert_eq!((&body["data"], link(&body, "next")), (&json!([]), None));
    let world = world_with(Fault::at(USERS, FaultKind::EmptyPage).page(2)).await;
    let first = world.ok(USERS).await;
    let second = world.ok(&link(&first, "next").unwrap()).await;
    assert_eq!(data(&first).len(), 100);
    assert_eq!(
        (&second["data"], link(&second, "next").is_some()),
        (&json!([]), true)
    );
    let world = world_with(Fault::at(USERS, FaultKind::FirstRecords { count: 3 })).await;
    let body = world.ok(USERS).await;
    assert_eq!(
        (data(&body).len(), link(&body, "next").is_some()),
        (3, true)
    );
    let world = world_with(Fault::at(USERS, FaultKind::MissingNextPageToken)).await;
    assert_eq!(link(&world.ok(USERS).await, "next"), None);
}

#[tokio::test]
async fn a_page_may_come_again() {
    let fault = Fault::at(USERS, FaultKind::DuplicatePage).page(2).times(1);
    let world = world_with(fault).await;
    let first = world.ok("/v3.0/users?limit=60").await;
    let second = world.ok(&link(&first, "next").unwrap()).await;
    let again = world.ok(&link(&second, "next").unwrap()).await;
    assert_eq!(again["data"], second["data"]);
    let third = world.ok(&link(&again, "next").unwrap()).await;
    assert_ne!(third["data"], second["data"]);
}

#[tokio::test]
async fn pages_may_never_end() {
    let world = world_with(Fault::at(USERS, FaultKind::EndlessPages)).await;
    let first = world.ok("/v3.0/users?limit=200").await;
    let mut body = first.clone();
    let mut made_up = BTreeSet::new();
    for _ in 0..12 {
        let next = link(&body, "next").unwrap();
        body = world.ok(&next).await;
        if next.contains("starting_after=00000000") {
            assert_eq!(body["data"], first["data"]);
            assert!(made_up.insert(next), "the same link again");
        }
    }
    assert!(made_up.len() > 2);
    let world = world_with(Fault::at("*", FaultKind::RepeatedPageToken)).await;
    let first = world.ok(USERS).await;
    let second = link(&first, "next").unwrap();
    assert_eq!(link(&world.ok(&second).await, "next"), Some(second));
}

#[tokio::test]
async fn a_field_may_have_another_type_or_be_missing() {
    let fault = |value: Option<Value>| FaultKind::ChangeField {
        index: 1,
        field: "name/last".to_owned(),
        value,
    };
    let world = world_with(Fault::at(USERS, fault(Some(json!(7))))).await;
    let users = data(&world.ok(USERS).await);
    assert!(users[0]["name"]["last"].is_string());
    assert_eq!(users[1]["name"]["last"], 7);
    let world = world_with(Fault::at(USERS, fault(None))).await;
    assert_eq!(data(&world.ok(USERS).await)[1]["name"].get("last"), None);
    let links = FaultKind::ChangeAnswer {
        field: "links".to_owned(),
        value: Some(json!("none")),
    };
    let world = world_with(Fault::at(USERS, links)).await;
    assert_eq!(world.ok(USERS).await["links"], "none");
}

#[tokio::test]
async fn sign_in_and_events_go_wrong_too() {
    let world = world_with(Fault::at("/oauth/tokens", error(503))).await;
    let (status, _) = world.tokens("any", "owner_type=district").await;
    assert_eq!(status, 503);
    world
        .fake
        .faults()
        .add(Fault::at("/v3.1/events", FaultKind::EndlessPages));
    let body = world.ok("/v3.1/events?limit=5").await;
    assert_eq!(link(&body, "next").as_deref(), Some("/v3.1/events?limit=5"));
}
