use std::time::Duration;

use fake_providers::clever::{Change, Role};
use serde_json::{Value, json};

use crate::support::{World, data, id, link};

const DAY: Duration = Duration::from_hours(24);

fn rename(user: &str, last: &str) -> Change {
    Change::SetName {
        user: user.to_owned(),
        first: Some("Dana".to_owned()),
        last: Some(last.to_owned()),
    }
}

fn types(events: &[Value]) -> Vec<String> {
    let types = events.iter().map(|event| event["type"].as_str().unwrap());
    types.map(str::to_owned).collect()
}

#[tokio::test]
async fn events_hold_the_whole_object_and_what_it_was() {
    let world = World::of(200).await;
    let student = world.first(Role::Student);
    let before = world.ok(&format!("/v3.1/users/{}", student.id)).await;
    let now_ms = world.fake.clock().now_ms();
    world.change(&rename(&student.id.to_string(), "Marsh"));
    let events = world.all("/v3.1/events").await;
    assert_eq!(types(&events), ["users.updated"]);
    let after = world.ok(&format!("/v3.1/users/{}", student.id)).await;
    assert_eq!(events[0]["data"]["object"], after["data"]);
    let previous = json!({ "name": before["data"]["name"] });
    assert_eq!(events[0]["data"]["previous_attributes"], previous);
    assert!(after["data"]["last_modified"].as_str() > before["data"]["last_modified"].as_str());
    let created = events[0]["created"].as_str().unwrap();
    let created: jiff::Timestamp = created.parse().unwrap();
    assert!(created.as_millisecond() >= now_ms);

    let single = world.ok(&format!("/v3.1/events/{}", id(&events[0]))).await;
    assert_eq!(single["data"], events[0]);
    let old = &world.all("/v3.0/events").await[0];
    let object = &old["data"]["object"];
    assert_eq!(
        object,
        &world.ok(&format!("/v3.0/users/{}", student.id)).await["data"]
    );
    assert_eq!(object.get("lms_status"), None);
}

#[tokio::test]
async fn the_newest_event_is_the_checkpoint_from_which_one_goes_on() {
    let world = World::of(200).await;
    let student = world.first(Role::Student).number;
    for number in 0..5 {
        world.change(&rename(&student, &format!("Before{number}")));
    }
    let newest = world.ok("/v3.1/events?ending_before=last&limit=1").await;
    let checkpoint = id(&data(&newest)[0]);
    assert_eq!(link(&newest, "next"), None);
    let start = format!("/v3.1/events?starting_after={checkpoint}&limit=2");
    assert!(data(&world.ok(&start).await).is_empty());
    for number in 0..5 {
        world.change(&rename(&student, &format!("After{number}")));
    }
    let events = world.all(&start).await;
    let last = |event: &Value| event["data"]["object"]["name"]["last"].clone();
    let names: Vec<_> = events.iter().map(last).collect();
    assert_eq!(names, ["After0", "After1", "After2", "After3", "After4"]);
    assert!(events.is_sorted_by_key(id));
}

#[tokio::test]
async fn events_are_kept_for_thirty_days_and_older_places_are_refused() {
    let world = World::of(200).await;
    let student = world.first(Role::Student).number;
    world.change(&rename(&student, "First"));
    let first = id(&world.all("/v3.1/events").await[0]);
    world.fake.advance(DAY * 29);
    world.change(&rename(&student, "Second"));
    let after = format!("/v3.1/events?starting_after={first}");
    assert_eq!(world.all(&after).await.len(), 1);
    world.fake.advance(DAY * 2);
    assert_eq!(world.all("/v3.1/events").await.len(), 1);
    assert_eq!(world.get(&after).await.0, 404);
    assert_eq!(world.get(&format!("/v3.1/events/{first}")).await.0, 404);
    let unknown = "/v3.1/events?starting_after=5f3a9c0e1d2b4c0011aa0001";
    assert_eq!(world.get(unknown).await.0, 404);
    assert_eq!(world.get("/v3.1/events?starting_after=x").await.0, 400);
    world.fake.advance(DAY * 31);
    let newest = world.ok("/v3.1/events?ending_before=last&limit=1").await;
    assert!(data(&newest).is_empty());
}

#[tokio::test]
async fn events_can_be_asked_for_by_type_and_school() {
    let world = World::of(400).await;
    let school = world.school();
    world.change(&Change::SetSchoolName {
        school: school.clone(),
        name: "Elsewhere".to_owned(),
    });
    let student = world.first(Role::Student);
    world.change(&rename(&student.number, "Marsh"));
    world.change(&rename(&world.first(Role::DistrictAdmin).number, "Ito"));
    let section = world.all(&format!("/v3.1/schools/{school}/sections")).await;
    world.change(&Change::RemoveSection {
        section: id(&section[0]),
    });
    for (query, expected) in [
        ("record_type=users", &["users.updated", "users.updated"][..]),
        (
            "record_type=schools&record_type=sections",
            &["schools.updated", "sections.deleted"],
        ),
        ("record_type=terms", &[]),
        (
            &format!("school={school}"),
            &["schools.updated", "users.updated", "sections.deleted"],
        ),
        (
            &format!("record_type=users&school={school}&limit=1"),
            &["users.updated"],
        ),
    ] {
        let events = world.all(&format!("/v3.1/events?{query}")).await;
        assert_eq!(types(&events), expected, "{query}");
    }
    assert_eq!(world.get("/v3.1/events?record_type=students").await.0, 400);
    assert_eq!(world.get("/v3.1/events?school=x").await.0, 400);
    assert_eq!(world.get("/v3.1/events?limit=10001").await.0, 413);
}

#[tokio::test]
async fn events_may_be_switched_off() {
    let world = World::of(60).await;
    world.fake.set_events(false);
    let (status, body) = world.get("/v3.1/events").await;
    assert_eq!(status, 403);
    assert!(body["message"].as_str().unwrap().contains("not enabled"));
    assert_eq!(world.get("/v3.1/users").await.0, 200);
    world.fake.set_events(true);
    assert_eq!(world.get("/v3.1/events").await.0, 200);
}
