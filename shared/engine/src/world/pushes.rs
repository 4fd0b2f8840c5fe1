//! Push channels, from the first full run to the revocation, and what comes through them.

use super::runs::{district, email};
use super::{FakeChannel, World};
use crate::audit::Actor;
use crate::doors;
use crate::doors::asked::{ConnectionRequest, Operation};
use crate::doors::nudge::Nudge;
use crate::memory::{CrashPoint, block_on};
use crate::ports::Clock;
use crate::runs::{self, Lane, RunState, TriggerKind, Work};
use crate::tick;
use crate::watching::{self, PushState};
use bytes::Bytes;
use http::StatusCode;
use mapping::account::Status;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// A district whose roster is there, and with it its channels.
fn watched() -> World {
    let world = World::new(district());
    assert_eq!(world.sync().state, RunState::Applied);
    world
}

fn channels(world: &World) -> BTreeMap<String, FakeChannel> {
    world.google.lock().unwrap().channels.clone()
}

fn push_state(world: &World) -> Option<PushState> {
    let status = watching::status(&world.ports, &world.tenant, &world.connection);
    block_on(status).unwrap().map(|push| push.state)
}

fn doors_stored(world: &World) -> usize {
    let keys = world.ports.dump().into_keys();
    keys.filter(|key| key.starts_with("channel/")).count()
}

/// Ticks for a time: each minute of an hour, and less often of a day.
fn ticks(world: &World, minutes: u64) {
    let step = if minutes > 60 { 15 } else { 1 };
    block_on(async {
        for _ in 0..minutes / step {
            world.ports.advance(Duration::from_mins(step));
            let report = tick::tick(&world.ports).await.unwrap();
            assert_eq!(report.failures, []);
        }
    });
}

/// The push of a channel about a person.
fn push(id: &str, token: &str, state: &str, body: &Value) -> http::Request<Bytes> {
    http::Request::post("/hooks/google/users")
        .header("content-type", "application/json; utf-8")
        .header("x-goog-channel-id", id)
        .header("x-goog-channel-token", token)
        .header("x-goog-channel-expiration", "Mon, 31 Aug 2026 16:00:00 GMT")
        .header("x-goog-resource-id", "o3hgv1538sdjfh-demo")
        .header("x-goog-resource-state", state)
        .header("x-goog-message-number", "10")
        .body(if body.is_null() {
            Bytes::new()
        } else {
            Bytes::from(body.to_string())
        })
        .unwrap()
}

fn about(number: usize) -> Value {
    json!({"kind": "admin#directory#user", "id": format!("1{number:020}"), "etag": "\"x\"",
        "primaryEmail": "whatever@elsewhere.example"})
}

fn send(world: &World, request: http::Request<Bytes>) -> http::Response<Bytes> {
    block_on(doors::webhook::handle(&world.ports, request))
}

/// A channel that is open for an event.
fn channel_of(world: &World, event: &str) -> (String, String) {
    let found = channels(world)
        .into_iter()
        .find(|(_, channel)| channel.event == event);
    let (id, channel) = found.unwrap();
    (id, channel.token)
}

#[test]
fn channels_are_opened_once_everybody_was_read() {
    let world = World::new(district());
    ticks(&world, 3);
    assert!(channels(&world).is_empty());
    assert_eq!(push_state(&world), None);
    world.sync();
    let open = channels(&world);
    let events: Vec<&str> = open
        .values()
        .map(|channel| channel.event.as_str())
        .collect();
    let mut sorted = events.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, ["add", "delete", "undelete", "update"]);
    assert_eq!(push_state(&world), Some(PushState::On));
    assert_eq!(doors_stored(&world), 4);
    let stored = world.ports.dump();
    for (id, channel) in &open {
        assert_eq!(id.len(), 36, "{id}");
        assert_eq!((&id[14..15], id.matches('-').count()), ("4", 4));
        let kept = stored
            .values()
            .any(|value| String::from_utf8_lossy(value).contains(&channel.token));
        assert!(!kept, "a token is stored as it is");
    }
}

#[test]
fn a_push_leads_to_a_look_at_the_person_alone() {
    let world = watched();
    let (id, token) = channel_of(&world, "update");
    world.google(|google| {
        google.user(7).given_name = "Zoë".to_owned();
        google.user(8).given_name = "Ana".to_owned();
    });
    let response = send(&world, push(&id, &token, "update", &about(7)));
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert!(response.extensions().get::<Nudge>().is_some());
    block_on(tick::drive_tenant(&world.ports, &world.tenant)).unwrap();
    let accounts = world.accounts();
    assert_eq!(accounts[&email(7)].given_name, "Zoë");
    assert_eq!(accounts[&email(8)].given_name, "Given8");
    let list = block_on(runs::list(&world.ports, &world.tenant, Lane::Run, None, 1)).unwrap();
    let run = &list.runs[0];
    assert_eq!(
        (run.work, run.trigger.kind),
        (Work::Look, TriggerKind::Push)
    );
    // Twice, late and out of order: nothing more happens.
    for state in ["update", "add", "delete", "makeAdmin", "something-new"] {
        let response = send(&world, push(&id, &token, state, &about(7)));
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
    }
    let before = world.accounts();
    block_on(world.tick_until_idle());
    assert_eq!(world.accounts(), before);
    let list = block_on(runs::list(&world.ports, &world.tenant, Lane::Run, None, 10)).unwrap();
    assert_eq!(list.runs.len(), 3, "five pushes are one look");
}

#[test]
fn what_a_push_says_of_a_person_is_not_believed() {
    let world = watched();
    let (id, token) = channel_of(&world, "delete");
    let before = world.accounts();
    // "Deleted", says somebody who has the token: the person is there.
    let response = send(&world, push(&id, &token, "delete", &about(7)));
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    block_on(world.tick_until_idle());
    assert_eq!(world.accounts(), before);
    world.google(|google| google.remove(7));
    send(&world, push(&id, &token, "delete", &about(7)));
    block_on(world.tick_until_idle());
    assert_eq!(world.accounts()[&email(7)].status, Status::Suspended);
}

#[test]
fn a_push_that_is_forged_or_makes_no_sense_changes_nothing() {
    let world = watched();
    let (id, token) = channel_of(&world, "update");
    let body = about(7);
    let huge = json!({"id": "7", "filler": "x".repeat(70_000)});
    let unknown = "6f0c9b0e-7c3a-4a54-9d2f-8e5b6f0d1111";
    let mut get = push(&id, &token, "update", &body);
    *get.method_mut() = http::Method::GET;
    for (request, status) in [
        (push(&id, "guess", "update", &body), 403),
        (push(&id, "", "update", &body), 403),
        (push(&id, "guess", "sync", &Value::Null), 403),
        (push(unknown, &token, "update", &body), 404),
        (push("../tenants", &token, "update", &body), 404),
        (push(&id, &token, "update", &Value::Null), 422),
        (push(&id, &token, "update", &json!({"id": 7})), 422),
        (push(&id, &token, "update", &json!({"id": "a\nb"})), 422),
        (push(&id, &token, "update", &huge), 413),
        (get, 405),
        (
            http::Request::post("/hooks/google/users")
                .body(Bytes::new())
                .unwrap(),
            404,
        ),
    ] {
        let before = world.ports.dump();
        let response = send(&world, request);
        let text = String::from_utf8_lossy(response.body()).into_owned();
        assert_eq!(response.status(), status, "{text}");
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json"
        );
        assert!(!text.contains(&token), "{text}");
        assert!(response.extensions().get::<Nudge>().is_none());
        assert_eq!(world.ports.dump(), before, "{text}");
    }
}

#[test]
fn the_first_message_of_a_channel_asks_for_nothing() {
    let world = watched();
    let (id, token) = channel_of(&world, "update");
    let before = world.ports.dump();
    let response = send(&world, push(&id, &token, "sync", &Value::Null));
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(world.ports.dump(), before);
}

#[test]
fn channels_are_renewed_half_way_and_both_are_listened_to_meanwhile() {
    let world = watched();
    let old = channel_of(&world, "update");
    // At half-time Google is out of reach: what is open goes on.
    world.google(|google| google.channels_refused = Some((503, "backendError")));
    ticks(&world, 24 * 60 + 30);
    assert_eq!(push_state(&world), Some(PushState::On));
    let response = send(&world, push(&old.0, &old.1, "update", &about(7)));
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    world.google(|google| google.channels_refused = None);
    ticks(&world, 60);
    let new = channel_of(&world, "update");
    assert_ne!(old.0, new.0);
    assert_eq!((channels(&world).len(), doors_stored(&world)), (4, 4));
    let response = send(&world, push(&new.0, &new.1, "update", &about(7)));
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    let response = send(&world, push(&old.0, &old.1, "update", &about(7)));
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
}

#[test]
fn over_three_days_there_is_never_a_moment_without_channels() {
    let world = watched();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..=3 * 24 * 2 {
        ticks(&world, 2);
        world.ports.advance(Duration::from_mins(28));
        let now_ms = world.ports.now().as_millisecond();
        let live = channels(&world);
        assert_eq!(live.len(), 4);
        assert!(live.values().all(|channel| channel.until_ms > now_ms));
        seen.extend(live.into_keys());
    }
    assert_eq!(seen.len(), 4 * 4, "opened once and renewed once a day");
}

#[test]
fn a_channel_that_lives_shortly_is_not_renewed_all_the_time() {
    let world = World::new(district());
    world.google(|google| google.channel_life_ms = 1_000);
    world.sync();
    world.google(|google| google.requests = 0);
    ticks(&world, 20);
    world.google(|google| assert!(google.requests <= 5 * 4, "{}", google.requests));
    assert!(doors_stored(&world) <= 4);
}

#[test]
fn a_refusal_is_told_and_asked_again_after_a_day() {
    let world = World::new(district());
    let refuse = Some((401, "push.webhookUrlUnauthorized"));
    world.google(|google| google.channels_refused = refuse);
    world.sync();
    assert_eq!(push_state(&world), Some(PushState::Refused));
    let status = watching::status(&world.ports, &world.tenant, &world.connection);
    let reason = block_on(status).unwrap().unwrap().reason.unwrap();
    assert!(reason.contains("https"), "{reason}");
    world.google(|google| {
        google.channels_refused = None;
        google.requests = 0;
    });
    ticks(&world, 600);
    world.google(|google| assert_eq!(google.requests, 0));
    assert_eq!(doors_stored(&world), 0);
    ticks(&world, 900);
    assert_eq!(push_state(&world), Some(PushState::On));
}

#[test]
fn revoking_or_deleting_a_connection_closes_its_channels() {
    for operation in [Operation::Revoke, Operation::Delete] {
        let world = watched();
        let (id, token) = channel_of(&world, "update");
        let asked = ConnectionRequest {
            operation,
            tenant: world.tenant.clone(),
            connection: world.connection.clone(),
            actor: Actor::Operator,
        };
        let request = http::Request::post("/connection")
            .header("content-type", "application/json")
            .body(Bytes::from(serde_json::to_vec(&asked).unwrap()))
            .unwrap();
        let response = block_on(doors::oauth::handle(&world.ports, request));
        assert_eq!(response.status(), StatusCode::OK);
        assert!(channels(&world).is_empty());
        assert_eq!((push_state(&world), doors_stored(&world)), (None, 0));
        let response = send(&world, push(&id, &token, "update", &about(7)));
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        ticks(&world, 3);
        assert!(channels(&world).is_empty());
    }
}

#[test]
fn a_connection_that_needs_to_be_authorised_again_is_not_listened_to_and_forgotten() {
    let world = watched();
    let (id, token) = channel_of(&world, "update");
    world.set_state(crate::connections::State::ReconnectNeeded);
    let response = send(&world, push(&id, &token, "update", &about(7)));
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    ticks(&world, 24 * 60 + 15);
    assert_eq!((push_state(&world), doors_stored(&world)), (None, 0));
    world.google(|google| google.channels.clear());
    world.set_state(crate::connections::State::Active);
    world.sync();
    assert_eq!(channels(&world).len(), 4);
}

#[test]
fn in_a_season_without_runs_the_channels_are_closed() {
    let world = watched();
    world.set_pauses(json!([{"from": "2026-11-05", "until": "2026-11-06"}]));
    ticks(&world, 2 * 24 * 60);
    assert_eq!(channels(&world).len(), 4);
    ticks(&world, 24 * 60);
    assert!(channels(&world).is_empty());
    assert_eq!(
        (push_state(&world), doors_stored(&world)),
        (Some(PushState::Off), 0)
    );
    ticks(&world, 2 * 24 * 60);
    assert_eq!(push_state(&world), Some(PushState::On));
}

#[test]
fn a_push_that_is_lost_is_made_up_for_at_night() {
    let world = watched();
    world.google(|google| google.user(7).given_name = "Zoë".to_owned());
    ticks(&world, 60);
    assert_eq!(world.accounts()[&email(7)].given_name, "Given7");
    ticks(&world, 24 * 60);
    assert_eq!(world.accounts()[&email(7)].given_name, "Zoë");
}

#[test]
fn a_crash_while_channels_are_opened_leaves_none_that_nobody_knows() {
    let users = || district().into_iter().take(6).collect();
    let world = World::new(users());
    let operations = {
        let before = world.ports.operations();
        world.sync();
        world.ports.operations() - before
    };
    // The turn is what the tick does last.
    for operation in operations - 18..=operations {
        for point in [CrashPoint::Before, CrashPoint::After] {
            let world = World::new(users());
            let at = world.ports.operations() + operation;
            world.ports.crash_at(Some((at, point)));
            block_on(async {
                let by = |kind| runs::Trigger {
                    kind,
                    by: "test".to_owned(),
                };
                let _ = runs::request(&world.ports, &world.tenant, by(TriggerKind::Api)).await;
                while tick::tick(&world.ports)
                    .await
                    .is_ok_and(|report| report.more)
                {}
                world.ports.crash_at(None);
            });
            ticks(&world, 3);
            block_on(world.tick_until_idle());
            assert_eq!(push_state(&world), Some(PushState::On));
            assert_eq!(doors_stored(&world), 4, "operation {operation} {point:?}");
            let open = channels(&world);
            let known = world.ports.dump();
            let known = open
                .keys()
                .filter(|id| known.contains_key(&format!("channel/{id}")));
            assert_eq!(known.count(), 4, "operation {operation} {point:?}");
        }
    }
}
