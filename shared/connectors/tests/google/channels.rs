//! Opening and closing push channels, and reading what comes through them.

use super::district::{error, ok, raw};
use super::driver::{base_url, directory};
use bytes::Bytes;
use connectors::fetch::Malformation;
use connectors::google::channels::{
    ChannelError, Event, Granted, NewChannel, Notice, parse_push, read_granted, read_stopped,
};
use connectors::google::directory::{Directory, Population};
use connectors::google::errors::Reason;
use http::{HeaderMap, HeaderValue, Response};
use serde_json::{Value, json};

const NOW_MS: i64 = 1_788_019_200_000;
const ID: &str = "6f0c9b0e-7c3a-4a54-9d2f-8e5b6f0d1111";

fn channel(event: Event) -> NewChannel<'static> {
    NewChannel {
        id: ID,
        token: "secret-of-the-channel",
        address: "https://sync.example/hooks/google/users",
        event,
    }
}

fn answer(change: impl Fn(&mut Value)) -> Response<Bytes> {
    let mut answer = json!({
        "kind": "api#channel", "id": ID, "resourceId": "o3hgv1538sdjfh-demo",
        "resourceUri": "https://admin.googleapis.com/admin/directory/v1/users",
        "token": "secret-of-the-channel", "expiration": "1788192000000",
    });
    change(&mut answer);
    ok(&answer)
}

#[test]
fn a_channel_is_asked_for_with_the_longest_life_for_the_people_who_are_read() {
    let request = directory().watch(channel(Event::Undelete), "t").unwrap();
    assert_eq!(request.method(), "POST");
    assert_eq!(
        request.uri(),
        "http://directory.example/admin/directory/v1/users/watch?customer=my_customer&event=undelete"
    );
    assert_eq!(request.headers()["authorization"], "Bearer t");
    assert_eq!(request.headers()["content-type"], "application/json");
    let body: Value = serde_json::from_slice(request.body()).unwrap();
    let expected = json!({
        "id": ID, "type": "web_hook", "address": "https://sync.example/hooks/google/users",
        "token": "secret-of-the-channel", "params": {"ttl": "172800"}, "payload": true,
    });
    assert_eq!(body, expected);
    let domain = Directory::new(base_url(), Population::Domain("a.example".to_owned()));
    let request = domain.watch(channel(Event::Add), "t").unwrap();
    assert_eq!(request.uri().query(), Some("domain=a.example&event=add"));
}

#[test]
fn a_channel_is_closed_by_its_id_and_resource() {
    let request = directory().stop(ID, "res", "t").unwrap();
    let uri = "http://directory.example/admin/directory_v1/channels/stop";
    assert_eq!(request.uri(), uri);
    let body: Value = serde_json::from_slice(request.body()).unwrap();
    assert_eq!(body, json!({"id": ID, "resourceId": "res"}));
    assert_eq!(read_stopped(&raw(204, "text/html", "")), Ok(()));
    let unknown = error(404, "notFound", "Channel not found");
    assert_eq!(read_stopped(&unknown), Ok(()));
    let refused = read_stopped(&error(503, "backendError", "Backend Error"));
    assert!(refused.unwrap_err().is_passing());
}

#[test]
fn what_was_granted_is_read_back_and_not_what_was_asked_for() {
    let granted = read_granted(&answer(|_| ()), ID, NOW_MS).unwrap();
    let expected = Granted {
        resource_id: "o3hgv1538sdjfh-demo".to_owned(),
        until_ms: NOW_MS + 172_800_000,
    };
    assert_eq!(granted, expected);
    let shorter = answer(|answer| answer["expiration"] = json!((NOW_MS + 7_200_000).to_string()));
    let granted = read_granted(&shorter, ID, NOW_MS).unwrap();
    assert_eq!(granted.until_ms, NOW_MS + 7_200_000);
    let endless = answer(|answer| answer["expiration"] = json!(i64::MAX.to_string()));
    let granted = read_granted(&endless, ID, NOW_MS).unwrap();
    assert!(granted.until_ms <= NOW_MS + 172_860_000);
}

#[test]
fn an_answer_that_grants_nothing_is_not_taken_for_a_channel() {
    type Edit = fn(&mut Value);
    let edits: [Edit; 8] = [
        |answer| answer["id"] = json!("another"),
        |answer| answer["resourceId"] = json!(""),
        |answer| answer["resourceId"] = json!("x".repeat(1_000)),
        |answer| answer["expiration"] = json!("1788019200000"),
        |answer| answer["expiration"] = json!("-1"),
        |answer| answer["expiration"] = json!("tomorrow"),
        |answer| answer["expiration"] = Value::Null,
        |answer| *answer = json!([1]),
    ];
    for edit in edits {
        let answer = answer(edit);
        let refused = read_granted(&answer, ID, NOW_MS).unwrap_err();
        assert_eq!(refused, ChannelError::Malformed(Malformation::Shape));
        assert!(refused.is_passing());
    }
    let html = raw(200, "text/html", "<html>");
    let refused = read_granted(&html, ID, NOW_MS).unwrap_err();
    assert_eq!(refused, ChannelError::Malformed(Malformation::NotJson));
}

#[test]
fn refusals_say_what_may_help() {
    let read = |status, reason| {
        let refused = error(status, reason, "text of Google's");
        read_granted(&refused, ID, NOW_MS).unwrap_err()
    };
    assert_eq!(read(400, "channelIdNotUnique"), ChannelError::IdTaken);
    for reason in ["push.webhookUrlNotHttps", "push.webhookUrlUnauthorized"] {
        for status in [400, 401] {
            let refused = read(status, reason);
            assert_eq!(refused, ChannelError::Address);
            assert!(!refused.is_passing());
        }
    }
    assert!(read(401, "authError").is_stale_token());
    assert!(read(503, "backendError").is_passing());
    let scope = read(403, "insufficientPermissions");
    assert!(matches!(scope, ChannelError::Refused(error) if error.reason == Reason::MissingScope));
    assert!(!scope.is_passing() && !scope.is_stale_token());
    let page = raw(502, "text/html", &"<p>".repeat(100_000));
    assert!(read_granted(&page, ID, NOW_MS).unwrap_err().is_passing());
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            ((*name).parse().unwrap(), value)
        })
        .collect()
}

#[test]
fn a_push_names_its_channel_or_is_none() {
    let sync = headers(&[
        ("x-goog-channel-id", ID),
        ("x-goog-channel-token", "secret"),
        ("x-goog-resource-state", "sync"),
        ("x-goog-message-number", "1"),
    ]);
    let notice = Notice::read(&sync).unwrap();
    let expected = Notice {
        channel: ID,
        token: "secret",
        is_sync: true,
    };
    assert_eq!(notice, expected);
    let bare = headers(&[("x-goog-channel-id", ID)]);
    let notice = Notice::read(&bare).unwrap();
    assert_eq!((notice.token, notice.is_sync), ("", false));
    let long = "a".repeat(2_000);
    for id in ["", "a/b", "a b", "ä", &long] {
        let headers = headers(&[("x-goog-channel-id", id)]);
        assert_eq!(Notice::read(&headers), None, "{id}");
    }
    assert_eq!(Notice::read(&HeaderMap::new()), None);
}

#[test]
fn of_a_pushs_body_only_the_id_is_read() {
    let body = br#"{"kind":"admin#directory#user","id":"104857612345678905555","etag":"\"du1\"",
        "primaryEmail":"old.student@maplegrove.example"}"#;
    assert_eq!(parse_push(body).unwrap().as_str(), "104857612345678905555");
    for body in [
        "",
        "{}",
        "[]",
        "<html>",
        r#"{"id":7}"#,
        r#"{"id":""}"#,
        r#"{"id":"a\nb"}"#,
        r#"{"id":"#,
    ] {
        assert_eq!(parse_push(body.as_bytes()), None, "{body}");
    }
    let long = json!({"id": "1".repeat(300)}).to_string();
    assert_eq!(parse_push(long.as_bytes()), None);
}
