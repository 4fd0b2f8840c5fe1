use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use fake_providers::google::{Change, Config, PushWeather};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{REDIRECT, World, reason};

const WATCH: &str = "users/watch";

/// A message as it arrived: its headers and its body.
type Message = (BTreeMap<String, String>, Value);

/// Takes pushes and answers with a status each: the ones given, then 204.
struct Receiver {
    address: String,
    messages: Arc<Mutex<Vec<Message>>>,
}

impl Receiver {
    async fn start(statuses: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!(
            "http://{}/hooks/google/users",
            listener.local_addr().unwrap()
        );
        let messages = Arc::new(Mutex::new(Vec::new()));
        let statuses = Arc::new(Mutex::new(statuses.to_vec()));
        let kept = Arc::clone(&messages);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (kept, statuses) = (Arc::clone(&kept), Arc::clone(&statuses));
                let service = service_fn(move |request: http::Request<Incoming>| {
                    let (kept, statuses) = (Arc::clone(&kept), Arc::clone(&statuses));
                    async move {
                        let (parts, body) = request.into_parts();
                        let body = body.collect().await.unwrap().to_bytes();
                        let headers = parts.headers.iter().map(|(name, value)| {
                            (name.to_string(), value.to_str().unwrap().to_owned())
                        });
                        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
                        kept.lock().unwrap().push((headers.collect(), body));
                        let mut statuses = statuses.lock().unwrap();
                        let status = if statuses.is_empty() {
                            204
                        } else {
                            statuses.remove(0)
                        };
                        let mut answer = http::Response::new(Full::new(Bytes::new()));
                        *answer.status_mut() = status.try_into().unwrap();
                        Ok::<_, Infallible>(answer)
                    }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Self { address, messages }
    }

    fn messages(&self) -> Vec<Message> {
        self.messages.lock().unwrap().clone()
    }

    fn states(&self) -> Vec<String> {
        let messages = self.messages();
        let states = messages
            .iter()
            .map(|(headers, _)| headers["x-goog-resource-state"].clone());
        states.collect()
    }
}

async fn world() -> (World, String) {
    let config = Config {
        takes_http_channels: true,
        ..Config::with_redirect(REDIRECT)
    };
    let world = World::with(300, config).await;
    let token = world.admin_token().await;
    (world, token)
}

fn channel(id: &str, address: &str) -> Value {
    json!({"id": id, "type": "web_hook", "address": address, "token": "t=1&s=2",
        "params": {"ttl": "172800"}, "payload": true})
}

async fn post(world: &World, token: &str, path: &str, body: &Value) -> (u16, Value) {
    let answer = world
        .http
        .post(world.url(path))
        .bearer_auth(token)
        .json(body)
        .send()
        .await
        .unwrap();
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap_or(Value::Null))
}

async fn watch(world: &World, token: &str, event: &str, body: &Value) -> (u16, Value) {
    let path = format!("/admin/directory/v1/{WATCH}?customer=my_customer&event={event}");
    post(world, token, &path, body).await
}

fn a_student(world: &World) -> String {
    world.fake.accounts().student.unwrap()
}

#[tokio::test]
async fn the_first_message_is_sync_and_changes_follow_with_gaps_in_their_numbers() {
    let (world, token) = world().await;
    let receiver = Receiver::start(&[]).await;
    let (status, opened) =
        watch(&world, &token, "update", &channel("c-1", &receiver.address)).await;
    assert_eq!(status, 200, "{opened}");
    assert_eq!(opened["kind"], "api#channel");
    let until_ms: i64 = opened["expiration"].as_str().unwrap().parse().unwrap();
    let life_ms = until_ms - world.fake.clock().now_ms();
    assert!((172_790_000..=172_800_000).contains(&life_ms), "{life_ms}");
    world.fake.pushes_delivered().await;
    let (headers, body) = receiver.messages().remove(0);
    assert_eq!(headers["x-goog-resource-state"], "sync");
    assert_eq!(headers["x-goog-message-number"], "1");
    assert_eq!(headers["x-goog-channel-id"], "c-1");
    assert_eq!(headers["x-goog-channel-token"], "t=1&s=2");
    assert_eq!(headers["content-type"], "application/json; utf-8");
    assert!(headers["x-goog-channel-expiration"].ends_with(" GMT"));
    assert_eq!(body, Value::Null);
    let user = a_student(&world);
    let mut numbers = vec![1];
    for suspended in [true, false, true] {
        let user = user.clone();
        let changed = world
            .fake
            .change(&Change::SetSuspended { user, suspended })
            .unwrap();
        world.fake.pushes_delivered().await;
        let (headers, body) = receiver.messages().pop().unwrap();
        assert_eq!(headers["x-goog-resource-state"], "update");
        assert_eq!(headers["x-goog-resource-id"], opened["resourceId"]);
        assert_eq!(
            (&body["id"], &body["primaryEmail"]),
            (&json!(changed.id), &json!(a_student(&world)))
        );
        assert_eq!(body["kind"], "admin#directory#user");
        numbers.push(headers["x-goog-message-number"].parse::<u64>().unwrap());
    }
    assert!(numbers.is_sorted() && numbers[3] > 4, "{numbers:?}");
}

#[tokio::test]
async fn a_channel_tells_of_its_event_and_its_domain_alone() {
    let (world, token) = world().await;
    let receiver = Receiver::start(&[]).await;
    let body = channel("c-1", &receiver.address);
    watch(&world, &token, "delete", &body).await;
    let elsewhere = channel("c-2", &receiver.address);
    let domain = world
        .fake
        .with_directory(|directory| directory.domains()[1].clone());
    let path = format!("/admin/directory/v1/{WATCH}?domain={domain}&event=delete");
    let (status, _) = post(&world, &token, &path, &elsewhere).await;
    assert_eq!(status, 200);
    let teacher = world.fake.accounts().teacher.unwrap();
    let suspend = Change::SetSuspended {
        user: teacher.clone(),
        suspended: true,
    };
    world.fake.change(&suspend).unwrap();
    let deleted = world.fake.change(&Change::DeleteUser { user: teacher });
    let id = deleted.unwrap().id;
    world.fake.pushes_delivered().await;
    let mut seen = receiver.states();
    seen.sort();
    assert_eq!(seen, ["delete", "sync", "sync"]);
    let messages = receiver.messages();
    let told = messages.iter().find(|(_, body)| body["id"] == json!(id));
    assert_eq!(told.unwrap().0["x-goog-channel-id"], "c-1");
}

#[tokio::test]
async fn an_answer_of_5xx_is_tried_again_and_any_other_failure_is_dropped() {
    let (world, token) = world().await;
    for (statuses, attempts) in [(vec![503, 500, 204], 3), (vec![404], 1), (vec![403], 1)] {
        let receiver = Receiver::start(&statuses).await;
        let id = format!("c-{attempts}-{}", statuses[0]);
        watch(&world, &token, "add", &channel(&id, &receiver.address)).await;
        world.fake.pushes_delivered().await;
        assert_eq!(receiver.messages().len(), attempts, "{statuses:?}");
        let deliveries = world.fake.deliveries();
        let mut of_channel = deliveries
            .iter()
            .rev()
            .filter(|delivery| delivery.channel == id);
        let last = of_channel.next().unwrap();
        assert_eq!(last.status, statuses.last().copied());
    }
}

#[tokio::test]
async fn a_stopped_or_expired_channel_is_silent() {
    let (world, token) = world().await;
    let receiver = Receiver::start(&[]).await;
    let (_, first) = watch(&world, &token, "update", &channel("c-1", &receiver.address)).await;
    watch(&world, &token, "update", &channel("c-2", &receiver.address)).await;
    world.fake.pushes_delivered().await;
    let stop = "/admin/directory_v1/channels/stop";
    let wrong = json!({"id": "c-1", "resourceId": "another"});
    let (status, body) = post(&world, &token, stop, &wrong).await;
    assert_eq!((status, reason(&body)), (404, "notFound"));
    let right = json!({"id": "c-1", "resourceId": first["resourceId"]});
    assert_eq!(post(&world, &token, stop, &right).await.0, 204);
    assert_eq!(post(&world, &token, stop, &right).await.0, 404);
    assert_eq!(world.fake.channels().len(), 1);
    world.fake.advance(Duration::from_hours(49));
    assert!(world.fake.channels().is_empty());
    let user = a_student(&world);
    let suspended = true;
    world
        .fake
        .change(&Change::SetSuspended { user, suspended })
        .unwrap();
    world.fake.pushes_delivered().await;
    assert_eq!(receiver.states(), ["sync", "sync"]);
}

#[tokio::test]
async fn pushes_are_lost_or_doubled_when_a_test_says_so() {
    let (world, token) = world().await;
    let receiver = Receiver::start(&[]).await;
    watch(&world, &token, "update", &channel("c-1", &receiver.address)).await;
    for (weather, expected) in [(PushWeather::Lost, 1), (PushWeather::Twice, 3)] {
        world.fake.set_push_weather(weather);
        let user = a_student(&world);
        let suspended = weather == PushWeather::Lost;
        let change = Change::SetSuspended { user, suspended };
        world.fake.change(&change).unwrap();
        world.fake.pushes_delivered().await;
        assert_eq!(receiver.messages().len(), expected, "{weather:?}");
    }
}

#[tokio::test]
async fn channels_that_google_would_refuse_are_refused() {
    let (world, token) = world().await;
    let https = "https://sync.example/hooks/google/users";
    let edit = |name: &str, value: Value| {
        let mut body = channel("c-9", https);
        body[name] = value;
        body
    };
    for (body, expected) in [
        (edit("id", json!("")), "invalid"),
        (edit("id", json!("a b")), "invalid"),
        (edit("type", json!("webhook")), "invalid"),
        (edit("token", json!("x".repeat(300))), "invalid"),
        (edit("params", json!({"ttl": "soon"})), "invalid"),
        (edit("params", json!({"ttl": 60})), "parseError"),
        (edit("addres", json!(1)), "parseError"),
        (
            edit("address", json!("http://sync.example/")),
            "push.webhookUrlNotHttps",
        ),
    ] {
        let (status, answer) = watch(&world, &token, "update", &body).await;
        assert_eq!((status, reason(&answer)), (400, expected), "{body}");
    }
    let path = format!("/admin/directory/v1/{WATCH}?customer=my_customer");
    let (status, answer) = post(&world, &token, &path, &channel("c-1", https)).await;
    assert_eq!((status, reason(&answer)), (400, "required"));
    let (status, answer) = watch(&world, &token, "rename", &channel("c-1", https)).await;
    assert_eq!((status, reason(&answer)), (400, "invalidParameter"));
    let (status, _) = watch(&world, &token, "update", &channel("c-1", https)).await;
    assert_eq!(status, 200);
    let (status, answer) = watch(&world, &token, "add", &channel("c-1", https)).await;
    assert_eq!((status, reason(&answer)), (400, "channelIdNotUnique"));
    let (status, _) = watch(&world, "guess", "add", &channel("c-2", https)).await;
    assert_eq!(status, 401);
}

#[tokio::test]
async fn a_token_without_the_users_scope_opens_no_channel() {
    let (world, _) = world().await;
    let admin = world.fake.accounts().super_admin;
    let token = world.token(&admin, &["orgunit.readonly"]).await;
    let body = channel("c-1", "https://sync.example/");
    let (status, answer) = watch(&world, &token, "update", &body).await;
    assert_eq!((status, reason(&answer)), (403, "insufficientPermissions"));
}

#[tokio::test]
async fn plain_http_is_refused_unless_the_fake_is_told_to_take_it() {
    let world = World::of(100).await;
    let token = world.admin_token().await;
    let body = channel("c-1", "http://127.0.0.1:9/hooks");
    let (status, answer) = watch(&world, &token, "update", &body).await;
    assert_eq!((status, reason(&answer)), (400, "push.webhookUrlNotHttps"));
}
