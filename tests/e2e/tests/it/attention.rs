//! What needs attention says so in the API, and once per cause to the operator's address.

use driver::{District, INTERNAL_TOKEN};
use e2e::{Setup, World, map_schools};
use fake_providers::alerts::Mood;
use fake_providers::faults::{Fault, FaultKind};
use fake_providers::google::{Change, GrantEnd, Outcome};
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use reqwest::Method;
use serde_json::Value;
use std::time::Duration;

const USERS: &str = "/admin/directory/v1/users";

const MINUTE: Duration = Duration::from_mins(1);

/// How often a test looks whether an alert has come, and how often before it gives up.
const LOOK_EVERY: Duration = Duration::from_millis(10);
const LOOKS_MAX: u32 = 2_000;

/// How long a silent receiver is waited for. The tick does not wait at all.
const ANSWER_WITHIN: Duration = Duration::from_secs(8);

/// A district that is on the roster, and somebody who receives alerts.
async fn imported() -> (World, District) {
    imported_with(Setup::of(300).with_alerts()).await
}

async fn imported_with(setup: Setup) -> (World, District) {
    let world = World::with(setup).await.unwrap();
    let district = world.district().await.unwrap();
    map_schools(&district, &world.google).await.unwrap();
    let first = world.sync(&district).await.unwrap();
    assert_eq!(first["state"], "applied", "{first}");
    (world, district)
}

/// The next night of the district: its scheduled run, as it ended.
async fn night(world: &World, district: &District) -> Value {
    let zone = TimeZone::get("America/New_York").unwrap();
    let now = Timestamp::from_millisecond(world.now_ms().unwrap()).unwrap();
    let tomorrow = now.to_zoned(zone).checked_add(1.day()).unwrap();
    let at = tomorrow.with().hour(23).minute(0).second(1).build();
    world.set_time(at.unwrap().timestamp()).unwrap();
    world.scheduler_minute().await.unwrap();
    let path = district.path("/runs?limit=1");
    let runs = district.admin.get(&path).await.unwrap();
    let run = runs["items"][0].clone();
    assert_eq!(run["trigger"]["kind"], "nightly", "{run}");
    let id = run["id"].as_str().unwrap();
    world.finish(district, id).await.unwrap()
}

/// What needs attention, as a viewer sees it.
async fn open(world: &World, district: &District) -> Vec<Value> {
    let viewer = world.viewer(district).await.unwrap();
    let path = district.path("/attention");
    let list = viewer.get(&path).await.unwrap();
    let items = list["items"].as_array().unwrap().clone();
    let tenant = district.admin.get(&district.path("")).await.unwrap();
    assert_eq!(tenant["needs_attention"], !items.is_empty(), "{items:?}");
    let connection = district.admin.get(&district.connection_path("")).await;
    let connection = connection.unwrap();
    assert_eq!(connection["needs_attention"], !items.is_empty());
    items
}

/// Waits until so many alerts were taken; returns each as `{cause} {state} {kind}`.
async fn told(world: &World, count: usize) -> Vec<String> {
    let receiver = world.receiver().unwrap();
    for _ in 0..LOOKS_MAX {
        if receiver.seen().taken.len() >= count {
            break;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let seen = receiver.seen();
    assert_eq!(seen.refused, Vec::<String>::new());
    let text = |alert: &Value, name: &str| alert[name].as_str().unwrap().to_owned();
    let line = |alert: &Value| {
        let [cause, state, kind] = ["cause", "state", "kind"].map(|name| text(alert, name));
        assert_eq!(text(alert, "id"), format!("maple-grove.{cause}.{state}"));
        assert_eq!(text(alert, "tenant"), "maple-grove");
        assert_eq!(text(alert, "connection"), "google");
        assert!(!text(alert, "message").contains('@'), "{alert}");
        format!("{cause} {state} {kind}")
    };
    seen.taken.iter().map(line).collect()
}

/// Waits until so many requests came to the receiver.
async fn asked(world: &World, count: usize) {
    let receiver = world.receiver().unwrap();
    for _ in 0..LOOKS_MAX {
        if receiver.seen().requests >= count {
            break;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let seen = receiver.seen();
    assert!(seen.requests >= count, "too few requests came: {seen:?}");
}

/// Waits until the application knows how an attempt ended.
async fn noted(district: &District, attempts: u64) -> Value {
    let path = district.path("/attention");
    for _ in 0..LOOKS_MAX {
        let cause = district.admin.get(&path).await.unwrap()["items"][0].clone();
        let alert = &cause["alert"];
        if alert["attempts"] == attempts && alert["problem"].is_string() {
            return cause;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    unreachable!("the attempt does not end")
}

/// Suspends many people at Google, or takes it back.
fn suspend(world: &World, suspended: bool) {
    let live = world.google.with_directory(|directory| {
        let users = directory.users();
        let students = users.filter(|user| user.suspended != suspended && !user.archived);
        let addresses = students.map(|user| user.email.to_string());
        addresses.take(100).collect::<Vec<_>>()
    });
    for user in live {
        let change = Change::SetSuspended { user, suspended };
        world.google.change(&change).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_authorisation_is_told_once_and_so_is_its_end() {
    let (world, district) = imported().await;
    assert!(open(&world, &district).await.is_empty());
    let admin = world.google.accounts().super_admin;
    world.google.end_grants(&admin, GrantEnd::Revoked);
    for _ in 0..3 {
        let run = night(&world, &district).await;
        assert_eq!(run["failure"]["code"], "reconnect_needed", "{run}");
        let opened = told(&world, 1).await;
        assert_eq!(opened, ["cause-1 opened reconnect_needed"]);
        let causes = open(&world, &district).await;
        assert_eq!(causes.len(), 1, "{causes:?}");
        assert_eq!(causes[0]["kind"], "reconnect_needed");
        assert_eq!(causes[0]["alert"]["state"], "sent");
    }
    district
        .authorize(&world.google, &Outcome::allow(&admin))
        .await
        .unwrap();
    district.save().await.unwrap();
    let run = night(&world, &district).await;
    assert_eq!(run["state"], "unchanged", "{run}");
    assert!(open(&world, &district).await.is_empty());
    night(&world, &district).await;
    let all = told(&world, 2).await;
    let closed = "cause-1 closed reconnect_needed";
    assert_eq!(all, ["cause-1 opened reconnect_needed", closed]);
    assert_eq!(world.receiver().unwrap().seen().requests, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_fails_night_after_night_is_told_from_the_second_night_on_once() {
    let (world, district) = imported().await;
    let refusal = FaultKind::Error {
        status: 403,
        reason: None,
        retry_after_seconds: None,
    };
    world.google.faults().add(Fault::at(USERS, refusal));
    let first = night(&world, &district).await;
    assert_eq!(first["state"], "failed", "{first}");
    assert!(open(&world, &district).await.is_empty());
    for runs in 2..5 {
        night(&world, &district).await;
        let causes = open(&world, &district).await;
        assert_eq!(causes[0]["kind"], "failing", "{causes:?}");
        assert_eq!(causes[0]["runs"], runs);
        assert_eq!(causes[0]["code"], first["failure"]["code"]);
        assert_eq!(causes[0]["since_ms"], first["finished_at_ms"]);
    }
    world.google.faults().clear();
    assert_eq!(night(&world, &district).await["state"], "unchanged");
    assert!(open(&world, &district).await.is_empty());
    let all = told(&world, 2).await;
    assert_eq!(all, ["cause-1 opened failing", "cause-1 closed failing"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_plan_is_told_and_its_approval_too() {
    let (world, district) = imported().await;
    suspend(&world, true);
    let held = night(&world, &district).await;
    assert_eq!(held["state"], "held", "{held}");
    let causes = open(&world, &district).await;
    assert_eq!(causes[0]["kind"], "plan_held", "{causes:?}");
    assert_eq!(causes[0]["run"], held["id"]);
    assert_eq!(told(&world, 1).await, ["cause-1 opened plan_held"]);
    let id = held["id"].as_str().unwrap();
    let path = district.path(&format!("/runs/{id}/approve"));
    district.admin.post(&path, &Value::Null).await.unwrap();
    let run = world.finish(&district, id).await.unwrap();
    assert_eq!(run["state"], "applied", "{run}");
    assert!(open(&world, &district).await.is_empty());
    let all = told(&world, 2).await;
    assert_eq!(
        all,
        ["cause-1 opened plan_held", "cause-1 closed plan_held"]
    );
    let taken = world.receiver().unwrap().seen().taken;
    assert_eq!(taken[1]["message"], "the plan was approved");
    assert_eq!(taken[1]["run"], held["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_was_down_for_an_hour_is_told_once_when_it_is_back() {
    let (world, district) = imported().await;
    let receiver = world.receiver().unwrap();
    receiver.set_mood(Mood::Drops);
    suspend(&world, true);
    night(&world, &district).await;
    let moods = [Mood::Refuses(500), Mood::Redirects, Mood::Drops];
    let mut minutes = 0;
    // The first attempt, and those after 1, 2, 4, 8, 16 and 32 minutes.
    for attempts in 1..=6_u32 {
        asked(&world, usize::try_from(attempts).unwrap()).await;
        let cause = noted(&district, attempts.into()).await;
        assert_eq!(cause["alert"]["state"], "waiting", "{cause}");
        receiver.set_mood(moods[usize::try_from(attempts).unwrap() % 3]);
        let pause = 1 << (attempts - 1);
        minutes += pause;
        world.advance(MINUTE * pause).unwrap();
        if attempts < 6 {
            district.admin.tick().await.unwrap();
        }
    }
    assert_eq!(minutes, 63);
    receiver.set_mood(Mood::Takes);
    for _ in 0..3 {
        district.admin.tick().await.unwrap();
        assert_eq!(told(&world, 1).await, ["cause-1 opened plan_held"]);
        world.advance(MINUTE).unwrap();
    }
    assert_eq!(receiver.seen().requests, 7);
    let causes = open(&world, &district).await;
    assert_eq!(causes[0]["alert"]["state"], "sent", "{causes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn schedulers_that_come_at_once_send_an_alert_once() {
    let (world, district) = imported().await;
    let receiver = world.receiver().unwrap();
    receiver.set_mood(Mood::Drops);
    suspend(&world, true);
    night(&world, &district).await;
    for attempts in 1..4 {
        noted(&district, attempts).await;
        world.advance(MINUTE * 4).unwrap();
        let tick = || district.admin.tick();
        let ticks = tokio::join!(tick(), tick(), tick(), tick());
        for ticked in [ticks.0, ticks.1, ticks.2, ticks.3] {
            ticked.unwrap();
        }
    }
    noted(&district, 4).await;
    assert_eq!(receiver.seen().requests, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_does_not_answer_keeps_nobody_waiting() {
    let (world, district) = imported().await;
    let receiver = world.receiver().unwrap();
    receiver.set_mood(Mood::Drops);
    suspend(&world, true);
    night(&world, &district).await;
    noted(&district, 1).await;
    receiver.set_mood(Mood::Slow);
    world.advance(MINUTE).unwrap();
    let tick = tokio::time::timeout(ANSWER_WITHIN, district.admin.tick()).await;
    tick.expect("the tick waited for the receiver").unwrap();
    asked(&world, 2).await;
    // The attempt under way is nobody else's to make; after its pause there is another.
    district.admin.tick().await.unwrap();
    receiver.set_mood(Mood::Takes);
    world.advance(MINUTE * 2).unwrap();
    district.admin.tick().await.unwrap();
    assert_eq!(told(&world, 1).await, ["cause-1 opened plan_held"]);
    assert_eq!(receiver.seen().requests, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_for_alerts_that_can_not_be_used_names_the_variable_and_sends_nothing() {
    let unusable = [
        ("alert_secret", None, "alert_secret"),
        ("alert_secret", Some("short"), "alert_secret"),
        ("alert_url", Some("http://hooks.example/"), "alert_url"),
    ];
    for (name, value, named) in unusable {
        let setup = Setup::of(60).with_alerts().variable(name, value);
        let (world, district) = imported_with(setup).await;
        let admin = world.google.accounts().super_admin;
        world.google.end_grants(&admin, GrantEnd::Revoked);
        night(&world, &district).await;
        let causes = open(&world, &district).await;
        let alert = &causes[0]["alert"];
        assert_eq!(alert["state"], "waiting", "{alert}");
        assert_eq!(alert["attempts"], 0);
        assert!(alert["problem"].to_string().contains(named), "{alert}");
        // The operator is told by each tick until it is mended.
        let scheduler = district.admin.with_token(INTERNAL_TOKEN);
        let report = scheduler.send(Method::POST, "/internal/tick", None).await;
        let report = report.unwrap().ok().unwrap();
        let failure = &report["failures"][0];
        assert_eq!(failure["tenant"], "maple-grove", "{report}");
        assert!(failure["reason"].to_string().contains(named), "{report}");
        assert_eq!(world.receiver().unwrap().seen().requests, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_outside_the_allowed_host_says_what_to_set() {
    let setup = Setup::of(60)
        .with_alerts()
        .variable("alert_host", Some("https://alerts.invalid"));
    let (world, district) = imported_with(setup).await;
    let admin = world.google.accounts().super_admin;
    world.google.end_grants(&admin, GrantEnd::Revoked);
    night(&world, &district).await;
    let cause = noted(&district, 1).await;
    let problem = cause["alert"]["problem"].as_str().unwrap();
    assert!(problem.contains("alert_host"), "{problem}");
    assert_eq!(world.receiver().unwrap().seen().requests, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_address_the_api_says_all_there_is_to_say() {
    let (world, district) = imported_with(Setup::of(60)).await;
    let admin = world.google.accounts().super_admin;
    world.google.end_grants(&admin, GrantEnd::Revoked);
    night(&world, &district).await;
    let causes = open(&world, &district).await;
    assert_eq!(causes[0]["kind"], "reconnect_needed", "{causes:?}");
    assert_eq!(causes[0]["alert"]["state"], "off");
}
