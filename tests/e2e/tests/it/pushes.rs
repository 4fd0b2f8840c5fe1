//! Changes that arrive by themselves: push channels, what comes through them, and "sync this
//! person".

use driver::{District, text};
use e2e::{Setup, World, map_schools};
use fake_providers::google::{Change, PushWeather};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// How soon a change has to be visible, by everybody's clock.
const VISIBLE_WITHIN_MS: i64 = 60_000;

/// How often and how many times something that happens by itself is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(20);
const LOOKS_MAX: usize = 1_000;

/// A district whose roster is there, at a Google that pushes.
async fn watched(people: usize) -> (World, District) {
    let setup = Setup::of(people).with_pushes();
    let world = World::with(setup).await.unwrap();
    let district = world.district().await.unwrap();
    map_schools(&district, &world.google).await.unwrap();
    let first = world.sync(&district).await.unwrap();
    assert_eq!(first["state"], "applied", "{first}");
    watch_settled(&world, &district).await;
    (world, district)
}

/// Waits until what is due for the channels is done: another worker may be at it.
async fn watch_settled(world: &World, district: &District) {
    for _ in 0..LOOKS_MAX {
        district.admin.tick().await.unwrap();
        let push = connection(district).await["push"].clone();
        if push["state"] == "on" && world.google.channels().len() == 4 {
            world.google.pushes_delivered().await;
            return;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    assert_eq!(world.google.channels().len(), 4, "they are not opened");
}

async fn connection(district: &District) -> Value {
    let path = district.connection_path("");
    district.admin.get(&path).await.unwrap()
}

async fn runs(district: &District) -> Vec<Value> {
    district.all(&district.path("/runs")).await.unwrap()
}

/// Waits, without a tick, until no run is under way or waits.
async fn settled(district: &District) {
    for _ in 0..LOOKS_MAX {
        let all = runs(district).await;
        if all.iter().all(|run| run["finished_at_ms"].is_i64()) {
            return;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let left = runs(district).await;
    assert!(left.is_empty(), "a run does not finish by itself: {left:?}");
}

/// The addresses of students with an account.
async fn students(world: &World, district: &District) -> Vec<String> {
    let accounts = world.accounts(district).await.unwrap();
    let students = accounts
        .iter()
        .filter(|(_, account)| account["roles"] == json!(["student"]));
    students.map(|(address, _)| address.clone()).collect()
}

/// Makes changes at Google and waits until all that they lead to is over; no scheduler ticks.
async fn change(world: &World, district: &District, changes: &[Change]) {
    let before_ms = world.now_ms().unwrap();
    for change in changes {
        world.google.change(change).unwrap();
    }
    world.google.pushes_delivered().await;
    settled(district).await;
    let took_ms = world.now_ms().unwrap() - before_ms;
    assert!(took_ms <= VISIBLE_WITHIN_MS, "{took_ms} ms");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_at_google_is_visible_within_a_minute_and_without_a_tick() {
    let (world, district) = watched(300).await;
    let students = students(&world, &district).await;
    let [renamed, moved, suspended, deleted, readdressed] = [0, 1, 2, 3, 4].map(|n| &students[n]);
    let before = world.accounts(&district).await.unwrap();
    let user = Clone::clone;
    let changes = [
        Change::RenameUser {
            user: user(renamed),
            email: None,
            given_name: Some("Zoë".to_owned()),
            family_name: None,
        },
        Change::MoveUser {
            user: user(moved),
            org_unit: "/Devices".to_owned(),
        },
        Change::SetSuspended {
            user: user(suspended),
            suspended: true,
        },
        Change::DeleteUser {
            user: user(deleted),
        },
        Change::RenameUser {
            user: user(readdressed),
            email: Some("another.name@maplegrove.example".to_owned()),
            given_name: None,
            family_name: None,
        },
        Change::AddUser {
            email: "new.teacher@maplegrove.example".to_owned(),
            given_name: "New".to_owned(),
            family_name: "Teacher".to_owned(),
            org_unit: "/Staff".to_owned(),
        },
    ];
    change(&world, &district, &changes).await;
    let after = world.accounts(&district).await.unwrap();
    assert_eq!(after[renamed]["given_name"], "Zoë");
    assert_eq!(after[moved]["status_cause"], "moved_out_of_scope");
    assert_eq!(after[suspended]["status_cause"], "suspended_at_source");
    assert_eq!(after[deleted]["status_cause"], "deleted_at_source");
    let other = &after["another.name@maplegrove.example"];
    assert_eq!(other["id"], before[readdressed]["id"]);
    assert_eq!(
        after["new.teacher@maplegrove.example"]["roles"],
        json!(["teacher"])
    );
    let all = runs(&district).await;
    let looks = all.iter().filter(|run| run["work"] == "look");
    assert!(looks.clone().count() >= 1);
    assert!(looks.clone().all(|run| run["trigger"]["kind"] == "push"));
    // The night finds nothing more.
    let night = world.sync(&district).await.unwrap();
    assert_eq!(
        (&night["work"], &night["state"]),
        (&json!("full"), &json!("unchanged"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_and_its_reversal_arrive_though_each_push_comes_twice() {
    let (world, district) = watched(120).await;
    world.google.set_push_weather(PushWeather::Twice);
    let student = &students(&world, &district).await[0];
    let set = |suspended| Change::SetSuspended {
        user: student.clone(),
        suspended,
    };
    change(&world, &district, &[set(true)]).await;
    let accounts = world.accounts(&district).await.unwrap();
    assert_eq!(accounts[student]["status"], "suspended");
    change(&world, &district, &[set(false)]).await;
    let accounts = world.accounts(&district).await.unwrap();
    assert_eq!(accounts[student]["status"], "active");
    let deleted = world
        .google
        .change(&Change::DeleteUser {
            user: student.clone(),
        })
        .unwrap();
    let undelete = Change::UndeleteUser {
        user: deleted.id,
        org_unit: "/Students".to_owned(),
    };
    change(&world, &district, &[undelete]).await;
    let accounts = world.accounts(&district).await.unwrap();
    assert_eq!(accounts[student]["status"], "active");
}

/// Posts to where Google pushes to.
async fn push(district: &District, channel: &str, token: &str, body: &str) -> (u16, Value) {
    let url = format!("{}/hooks/google/users", district.admin.url());
    let request = district.admin.client().post(url);
    let answer = request
        .header("content-type", "application/json; utf-8")
        .header("x-goog-channel-id", channel)
        .header("x-goog-channel-token", token)
        .header("x-goog-resource-state", "update")
        .header("x-goog-message-number", "7")
        .body(body.to_owned())
        .send()
        .await
        .unwrap();
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap_or(Value::Null))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_is_forged_unknown_or_expired_is_refused_and_changes_nothing() {
    let (world, district) = watched(60).await;
    let channel = world.google.channels().remove(0);
    let token = channel.token.clone().unwrap();
    let body = json!({"kind": "admin#directory#user", "id": "104857612345678901234"}).to_string();
    let before = runs(&district).await;
    let hints = world.stored("hints/");
    let long = format!("{{\"id\":\"{}\"}}", "1".repeat(70_000));
    let unknown = "6f0c9b0e-7c3a-4a54-9d2f-8e5b6f0d1111";
    for (id, token, body, status) in [
        (channel.id.as_str(), "guess", body.as_str(), 403),
        (&channel.id, "", &body, 403),
        (unknown, &token, &body, 404),
        ("", &token, &body, 404),
        (&channel.id, &token, "", 422),
        (&channel.id, &token, "<html>", 422),
        (&channel.id, &token, &long, 413),
    ] {
        let (found, problem) = push(&district, id, token, body).await;
        assert_eq!(found, status, "{problem}");
        assert_eq!(problem["status"], status);
        assert!(!problem.to_string().contains(&channel.id), "{problem}");
    }
    world.advance(Duration::from_hours(49)).unwrap();
    let (status, _) = push(&district, &channel.id, &token, &body).await;
    assert_eq!(status, 404);
    assert_eq!(runs(&district).await, before);
    assert_eq!(world.stored("hints/"), hints);
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_are_renewed_over_three_days_and_closed_when_the_connection_is_revoked() {
    let (world, district) = watched(60).await;
    assert_eq!(connection(&district).await["push"]["state"], "on");
    let mut seen = BTreeSet::new();
    for _ in 0..12 {
        world.advance(Duration::from_hours(6)).unwrap();
        watch_settled(&world, &district).await;
        let open = world.google.channels();
        seen.extend(open.into_iter().map(|channel| channel.id));
        let student = students(&world, &district).await[0].clone();
        let accounts = world.accounts(&district).await.unwrap();
        let suspended = accounts[&student]["status"] == "active";
        let user = student.clone();
        change(
            &world,
            &district,
            &[Change::SetSuspended { user, suspended }],
        )
        .await;
        let accounts = world.accounts(&district).await.unwrap();
        assert_eq!(accounts[&student]["status"] == "suspended", suspended);
    }
    assert!((12..=16).contains(&seen.len()), "{}", seen.len());
    // Nobody but Google pushed, and nothing it sent was refused.
    let deliveries = world.google.deliveries();
    assert!(
        deliveries
            .iter()
            .all(|delivery| delivery.status == Some(204))
    );

    let last = world.google.channels().remove(0);
    let path = district.connection_path("/revoke");
    district.admin.post(&path, &json!({})).await.unwrap();
    assert!(world.google.channels().is_empty());
    assert!(world.stored("channel/").is_empty());
    assert!(connection(&district).await["push"].is_null());
    let token = last.token.unwrap();
    let (status, _) = push(&district, &last.id, &token, "{\"id\":\"1\"}").await;
    assert_eq!(status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_is_lost_is_made_up_for_at_night() {
    let (world, district) = watched(60).await;
    world.google.set_push_weather(PushWeather::Lost);
    let student = students(&world, &district).await[0].clone();
    let suspend = Change::SetSuspended {
        user: student.clone(),
        suspended: true,
    };
    change(&world, &district, &[suspend]).await;
    let accounts = world.accounts(&district).await.unwrap();
    assert_eq!(accounts[&student]["status"], "active");
    // Whatever time it is, within a day there is a night.
    for _ in 0..24 {
        world.advance(Duration::from_hours(1)).unwrap();
        world.scheduler_minute().await.unwrap();
    }
    settled(&district).await;
    let accounts = world.accounts(&district).await.unwrap();
    assert_eq!(accounts[&student]["status"], "suspended");
}

#[tokio::test(flavor = "multi_thread")]
async fn pushes_that_would_promote_six_students_are_held() {
    let (world, district) = watched(120).await;
    let students = students(&world, &district).await;
    let moves: Vec<Change> = students
        .iter()
        .take(6)
        .map(|student| Change::MoveUser {
            user: student.clone(),
            org_unit: "/Staff".to_owned(),
        })
        .collect();
    world.google.set_push_weather(PushWeather::Lost);
    change(&world, &district, &moves).await;
    // All six in one look: a person of each by address, joined in one run.
    let path = district.connection_path("/people/sync");
    let mut asked = BTreeSet::new();
    for student in students.iter().take(6) {
        let answer = district.admin.post(&path, &json!({"email": student})).await;
        asked.insert(text(&answer.unwrap(), "run").unwrap().to_owned());
    }
    settled(&district).await;
    let accounts = world.accounts(&district).await.unwrap();
    let promoted = students
        .iter()
        .take(6)
        .filter(|student| accounts[*student]["roles"] != json!(["student"]));
    assert!(promoted.count() < 6, "the sixth was not held");
    let held: Vec<Value> = runs(&district)
        .await
        .into_iter()
        .filter(|run| run["state"] == "held")
        .collect();
    assert!(!held.is_empty());
    assert_eq!(held[0]["work"], "look");
    assert_eq!(held[0]["refusals"][0]["refusal"], "promotions");
    assert!(asked.contains(text(&held[0], "id").unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_is_synced_at_once_when_somebody_asks() {
    let world = World::of(120).await.unwrap();
    let district = world.district().await.unwrap();
    map_schools(&district, &world.google).await.unwrap();
    world.sync(&district).await.unwrap();
    // This Google does not push: its channels need https, and an administrator can see that.
    let push = &connection(&district).await["push"];
    assert_eq!(push["state"], "refused");
    assert!(push["reason"].as_str().unwrap().contains("https"), "{push}");
    let student = students(&world, &district).await[0].clone();
    let rename = Change::RenameUser {
        user: student.clone(),
        email: None,
        given_name: Some("Zoë".to_owned()),
        family_name: None,
    };
    world.google.change(&rename).unwrap();
    world.google.journal().clear();
    let path = district.connection_path("/people/sync");
    let body = json!({"email": student});
    let asked = district.admin.post(&path, &body).await.unwrap();
    assert_eq!(asked["message"], "sync has been scheduled");
    settled(&district).await;
    let path = district.path(&format!("/runs/{}", text(&asked, "run").unwrap()));
    let run = district.admin.get(&path).await.unwrap();
    assert_eq!(
        (&run["state"], &run["work"]),
        (&json!("applied"), &json!("look"))
    );
    let accounts = world.accounts(&district).await.unwrap();
    assert_eq!(accounts[&student]["given_name"], "Zoë");
    let asked = world.google.journal().entries_under("/admin/directory");
    assert!(asked.len() <= 3, "{asked:?}");
    assert!(world.google.journal().unknown_parameters().is_empty());
    let viewer = world.viewer(&district).await.unwrap();
    let path = district.connection_path("/people/sync");
    let refused = viewer
        .send(reqwest::Method::POST, &path, Some(&body))
        .await
        .unwrap();
    assert_eq!(refused.status, 403);
}
