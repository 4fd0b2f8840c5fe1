//! Failures on demand.

use std::time::Duration;

use fake_providers::faults::{Fault, FaultKind};
use serde_json::{Value, json};

use crate::support::{V1p2, World, got, links};

const USERS: &str = "/ims/oneroster/rostering/v1p2/users";

async fn world_with(fault: Fault) -> World {
    let world = World::of(250).await;
    world.fake.faults().add(fault);
    world
}

fn error(status: u16, retry_after_seconds: Option<u32>) -> FaultKind {
    FaultKind::Error {
        status,
        reason: None,
        retry_after_seconds,
    }
}

#[tokio::test]
async fn errors_come_in_the_server_s_shape_and_are_used_up() {
    for (status, minor) in [
        (400, "invaliddata"),
        (401, "unauthorisedrequest"),
        (403, "forbidden"),
        (404, "unknownobject"),
        (422, "invaliddata"),
        (429, "server_busy"),
        (500, "internal_server_error"),
    ] {
        let world = world_with(Fault::at(USERS, error(status, Some(7))).times(1)).await;
        let answer = world.get(V1p2, "users", &[]).await;
        assert_eq!((answer.status, answer.minor()), (status, minor));
        assert_eq!(answer.header("retry-after"), Some("7"));
        assert_eq!(world.get(V1p2, "users", &[]).await.status, 200);
    }
}

#[tokio::test]
async fn the_token_endpoint_has_errors_of_its_own() {
    let kind = FaultKind::Error {
        status: 400,
        reason: Some("invalid_grant".to_owned()),
        retry_after_seconds: None,
    };
    let world = world_with(Fault::at("/oauth/token", kind)).await;
    let answer = world.token(&[("grant_type", "client_credentials")]).await;
    assert_eq!(
        (answer.status, &answer.body["error"]),
        (400, &json!("invalid_grant"))
    );
}

#[tokio::test]
async fn html_comes_with_any_status_and_from_what_stands_before() {
    for kind in [FaultKind::Html { status: 200 }, error(502, None)] {
        let world = world_with(Fault::at(USERS, kind)).await;
        let answer = world.get(V1p2, "users", &[]).await;
        assert!(
            answer
                .header("content-type")
                .unwrap()
                .starts_with("text/html")
        );
    }
}

#[tokio::test]
async fn answers_can_be_cut_or_not_come_at_all() {
    for kind in [FaultKind::CutText, FaultKind::TruncatedBody] {
        let world = world_with(Fault::at(USERS, kind)).await;
        let answer = world.get(V1p2, "users", &[]).await;
        assert!(answer.text.starts_with("{\"users\"") && answer.body == Value::Null);
    }
    let world = world_with(Fault::at(USERS, FaultKind::ConnectionReset).times(1)).await;
    let request = world.http.get(world.url(V1p2, "users"));
    assert!(request.send().await.is_err());
    assert_eq!(world.fake.journal().entries()[0].status, 0);
}

#[tokio::test]
async fn answers_can_be_late() {
    let late = FaultKind::Latency { milliseconds: 80 };
    let world = world_with(Fault::at(USERS, late)).await;
    let answer = world.get(V1p2, "users", &[]);
    let early = tokio::time::timeout(Duration::from_millis(40), answer).await;
    assert!(early.is_err(), "answered at once");
}

#[tokio::test]
async fn pages_go_wrong_in_every_way() {
    let second = async |kind: FaultKind| {
        let world = world_with(Fault::at(USERS, kind).page(2)).await;
        let first = world.get(V1p2, "users", &[]).await;
        (first, world.get(V1p2, "users", &[("offset", "100")]).await)
    };
    let (first, page) = second(FaultKind::DuplicatePage).await;
    assert_eq!(first.body, page.body);
    let (first, page) = second(FaultKind::EmptyPage).await;
    assert!(page.list("users").is_empty() && page.total() == first.total());
    let (_, page) = second(FaultKind::EmptyLists).await;
    assert!(page.list("users").is_empty() && page.total() == 0);
    let (_, page) = second(FaultKind::FirstRecords { count: 3 }).await;
    assert_eq!(page.list("users").len(), 3);
    let (_, page) = second(FaultKind::MissingNextPageToken).await;
    assert!(!links(page.header("link").unwrap()).contains_key("next"));
    let (_, page) = second(FaultKind::RepeatedPageToken).await;
    assert!(links(page.header("link").unwrap())["next"].ends_with("offset=100"));
}

#[tokio::test]
async fn a_list_can_start_again_where_it_ends() {
    let world = world_with(Fault::at(USERS, FaultKind::EndlessPages)).await;
    let first = world.get(V1p2, "users", &[]).await;
    let past = first.total().to_string();
    let again = world.get(V1p2, "users", &[("offset", &past)]).await;
    assert_eq!(again.body, first.body);
}

#[tokio::test]
async fn fields_vanish_or_change_their_type() {
    let change = |field: &str, value| FaultKind::ChangeField {
        index: 1,
        field: field.to_owned(),
        value,
    };
    let world = world_with(Fault::at(USERS, change("sourcedId", None))).await;
    let answer = world.get(V1p2, "users", &[]).await;
    let users = answer.list("users");
    assert!(users[0]["sourcedId"].is_string() && users[1].get("sourcedId").is_none());
    let world = world_with(Fault::at(USERS, change("roles/0/role", Some(json!(7))))).await;
    assert_eq!(
        world.get(V1p2, "users", &[]).await.list("users")[1]["roles"][0]["role"],
        7
    );
    let all = FaultKind::ChangeAnswer {
        field: "users".to_owned(),
        value: Some(json!("none")),
    };
    let world = world_with(Fault::at(USERS, all)).await;
    assert_eq!(world.get(V1p2, "users", &[]).await.body["users"], "none");
}

#[tokio::test]
async fn answers_are_compressed_when_asked() {
    let world = World::of(250).await;
    let plain = world.get(V1p2, "users", &[]).await;
    let http = reqwest::Client::builder().gzip(true).build().unwrap();
    let request = http
        .get(world.url(V1p2, "users"))
        .bearer_auth(crate::support::BEARER);
    let answer = got(request.send().await.unwrap()).await;
    assert_eq!(answer.body, plain.body);
    let entries = world.fake.journal().entries();
    assert!(entries[1].body_bytes * 4 < entries[0].body_bytes);
}

#[tokio::test]
async fn it_can_be_down_for_a_while() {
    let mut world = World::of(20).await;
    world.fake.go_down();
    let request = world.http.get(world.url(V1p2, "users"));
    // The port closes with the next turn of the fake's own task.
    tokio::task::yield_now().await;
    assert!(request.send().await.is_err());
    world.fake.come_up().await.unwrap();
    assert_eq!(world.get(V1p2, "users", &[]).await.status, 200);
}
