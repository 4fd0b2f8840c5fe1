use fake_providers::faults::{Fault, FaultKind};
use serde_json::{Value, json};

use crate::support::{World, reason};

const ALL: (&str, &str) = ("customer", "my_customer");
const USERS: &str = "/admin/directory/v1/users";

async fn world_with(fault: Fault) -> (World, String) {
    let world = World::of(250).await;
    let token = world.admin_token().await;
    world.fake.faults().add(fault);
    (world, token)
}

fn error(status: u16, reason: Option<&str>, retry_after_seconds: Option<u32>) -> FaultKind {
    FaultKind::Error {
        status,
        reason: reason.map(str::to_owned),
        retry_after_seconds,
    }
}

#[tokio::test]
async fn errors_come_as_google_words_them_and_are_used_up() {
    for (status, given, expected) in [
        (401, None, "authError"),
        (403, Some("quotaExceeded"), "quotaExceeded"),
        (403, Some("accessNotConfigured"), "accessNotConfigured"),
        (404, None, "notFound"),
        (412, None, "conditionNotMet"),
        (429, None, "rateLimitExceeded"),
        (500, None, "backendError"),
    ] {
        let (world, token) =
            world_with(Fault::at(USERS, error(status, given, None)).times(1)).await;
        let (got, body) = world.get(&token, "users", &[ALL]).await;
        assert_eq!((got, reason(&body)), (status, expected));
        assert_eq!(world.get(&token, "users", &[ALL]).await.0, 200);
    }
}

#[tokio::test]
async fn a_retry_after_header_can_be_asked_for() {
    let (world, token) = world_with(Fault::at(USERS, error(429, None, Some(7)))).await;
    let response = world.get_raw(&token, "users", &[ALL]).await;
    assert_eq!(response.headers()["retry-after"], "7");
}

#[tokio::test]
async fn html_comes_with_any_status() {
    for status in [200, 502] {
        let (world, token) = world_with(Fault::at(USERS, FaultKind::Html { status })).await;
        let response = world.get_raw(&token, "users", &[ALL]).await;
        assert_eq!(response.status(), status);
        assert!(
            response.headers()["content-type"]
                .to_str()
                .unwrap()
                .starts_with("text/html")
        );
    }
}

#[tokio::test]
async fn truncated_answers_do_not_parse() {
    let (world, token) = world_with(Fault::at(USERS, FaultKind::TruncatedBody)).await;
    let body = world
        .get_raw(&token, "users", &[ALL])
        .await
        .bytes()
        .await
        .unwrap();
    assert!(body.len() > 1_000 && serde_json::from_slice::<Value>(&body).is_err());
}

#[tokio::test]
async fn a_dropped_connection_is_an_error_of_transport_and_in_the_journal() {
    let (world, token) = world_with(Fault::at(USERS, FaultKind::ConnectionReset).times(1)).await;
    let url = world.url(USERS);
    let result = world
        .http
        .get(url)
        .query(&[ALL])
        .bearer_auth(&token)
        .send()
        .await;
    assert!(result.is_err());
    let entry = world.fake.journal().entries().pop().unwrap();
    assert_eq!(entry.status, 0);
    assert!(entry.fault.unwrap().contains("ConnectionReset"));
    assert_eq!(world.get(&token, "users", &[ALL]).await.0, 200);
}

#[tokio::test]
async fn pages_go_wrong_in_every_way() {
    let page = async |kind: FaultKind, number: u32| {
        let (world, token) = world_with(Fault::at(USERS, kind).page(number)).await;
        let (_, first) = world.get(&token, "users", &[ALL]).await;
        let next = first["nextPageToken"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let (_, second) = world
            .get(&token, "users", &[ALL, ("pageToken", &next)])
            .await;
        (first, second, next)
    };
    let (first, ..) = page(FaultKind::EmptyPage, 1).await;
    assert!(first.get("users").is_none() && first["nextPageToken"].is_string());
    let (first, ..) = page(FaultKind::EmptyLists, 1).await;
    assert!(first.get("users").is_none() && first.get("nextPageToken").is_none());
    let (first, ..) = page(FaultKind::MissingNextPageToken, 1).await;
    assert_eq!(first["users"].as_array().unwrap().len(), 100);
    assert!(first.get("nextPageToken").is_none());
    let (_, second, next) = page(FaultKind::RepeatedPageToken, 2).await;
    assert_eq!(second["nextPageToken"], next.as_str());
    let (first, second, _) = page(FaultKind::DuplicatePage, 1).await;
    assert_eq!(first["users"], second["users"]);
    assert_ne!(first["nextPageToken"], second["nextPageToken"]);
}

#[tokio::test]
async fn an_endless_chain_starts_again_with_new_tokens() {
    let (world, token) = world_with(Fault::at(USERS, FaultKind::EndlessPages)).await;
    let mut tokens = std::collections::BTreeSet::new();
    let mut next = String::new();
    for _ in 0..9 {
        let (status, body) = world
            .get(
                &token,
                "users",
                &[ALL, ("pageToken", &next)][..if next.is_empty() { 1 } else { 2 }],
            )
            .await;
        assert_eq!(status, 200, "{body}");
        body["nextPageToken"]
            .as_str()
            .unwrap()
            .clone_into(&mut next);
        assert!(tokens.insert(next.clone()));
    }
}

#[tokio::test]
async fn fields_vanish_or_change_their_type() {
    let change = |field: &str, value| FaultKind::ChangeField {
        index: 1,
        field: field.to_owned(),
        value,
    };
    let (world, token) = world_with(Fault::at(USERS, change("id", None))).await;
    let (_, body) = world.get(&token, "users", &[ALL]).await;
    assert!(body["users"][0]["id"].is_string() && body["users"][1].get("id").is_none());
    let (world, token) =
        world_with(Fault::at(USERS, change("name/givenName", Some(json!(7))))).await;
    let (_, body) = world.get(&token, "users", &[ALL]).await;
    assert_eq!(body["users"][1]["name"]["givenName"], 7);
}

#[tokio::test]
async fn answers_can_be_late() {
    let (world, token) =
        world_with(Fault::at(USERS, FaultKind::Latency { milliseconds: 80 })).await;
    let answer = world.get_raw(&token, "users", &[ALL]);
    let early = tokio::time::timeout(std::time::Duration::from_millis(40), answer).await;
    assert!(early.is_err(), "answered at once");
}

#[tokio::test]
async fn a_fault_can_be_limited_to_a_query() {
    let fault =
        Fault::at(USERS, error(500, None, None)).with_parameter("query", "isSuspended=true");
    let (world, token) = world_with(fault).await;
    assert_eq!(world.get(&token, "users", &[ALL]).await.0, 200);
    assert_eq!(
        world
            .get(&token, "users", &[ALL, ("query", "isSuspended=true")])
            .await
            .0,
        500
    );
}

#[tokio::test]
async fn an_answer_itself_can_be_changed_and_a_list_cut_short() {
    let kind = FaultKind::ChangeAnswer {
        field: "users".to_owned(),
        value: Some(json!("none")),
    };
    let (world, token) = world_with(Fault::at(USERS, kind)).await;
    let (_, body) = world.get(&token, "users", &[ALL]).await;
    assert_eq!(body["users"], "none");
    assert!(body["nextPageToken"].is_string(), "the rest is as it was");
    let (world, token) = world_with(Fault::at(USERS, FaultKind::FirstRecords { count: 3 })).await;
    let (_, body) = world.get(&token, "users", &[ALL]).await;
    assert_eq!(body["users"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_text_can_end_in_the_middle() {
    let (world, token) = world_with(Fault::at(USERS, FaultKind::CutText)).await;
    let text = world.get_raw(&token, "users", &[ALL]).await;
    let text = text.text().await.unwrap();
    assert!(text.starts_with('{') && serde_json::from_str::<Value>(&text).is_err());
}

#[tokio::test]
async fn pages_can_be_smaller_than_asked_for() {
    let world = World::of(250).await;
    let token = world.admin_token().await;
    world.fake.set_page_limit(Some(20));
    let (_, body) = world
        .get(&token, "users", &[ALL, ("maxResults", "500")])
        .await;
    assert_eq!(body["users"].as_array().unwrap().len(), 20);
    assert!(body["nextPageToken"].is_string());
    world.fake.set_page_limit(None);
    let (_, body) = world
        .get(&token, "users", &[ALL, ("maxResults", "500")])
        .await;
    assert!(body["nextPageToken"].is_null());
}

#[tokio::test]
async fn it_can_be_down_for_a_while() {
    let mut world = World::of(20).await;
    let token = world.admin_token().await;
    world.fake.go_down();
    let request = world.http.get(world.url(USERS)).bearer_auth(&token);
    // The port closes with the next turn of the fake's own task.
    tokio::task::yield_now().await;
    assert!(request.send().await.is_err());
    world.fake.come_up().await.unwrap();
    assert_eq!(world.get(&token, "users", &[ALL]).await.0, 200);
}
