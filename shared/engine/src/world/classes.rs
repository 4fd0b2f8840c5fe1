//! What providers show beside people, from the pages to the roster.

use super::World;
use super::script::{Script, page, rows};
use crate::fetching;
use crate::history;
use crate::holding;
use crate::memory::{CrashPoint, block_on};
use crate::runs::{self, Lane, Run, RunState, Trigger, TriggerKind};
use crate::schooling::SchoolingCounts;
use crate::tick;
use connectors::fetch::Whom;
use connectors::fetch::{Batch, Doubt};
use mapping::account::{Status, StatusCause};
use mapping::guard::Refusal;
use mapping::ids::ExternalId;
use mapping::issue::IssueKind;
use mapping::schooling::{ClassMember, Schooling};
use mapping::source::SourceRecord;
use serde_json::{Value, json};
use std::time::Duration;

fn id(text: &str) -> ExternalId {
    ExternalId::parse(text).unwrap()
}

fn person(number: usize, school: &str) -> SourceRecord {
    let record = json!({"i": format!("p{number}"), "e": email(number), "g": "Given", "f": "Person",
        "o": "/Students", "p": [{"s": school, "r": "student"}]});
    serde_json::from_value(record).unwrap()
}

fn email(number: usize) -> String {
    format!("person{number}@maplegrove.example")
}

fn shown(value: Value) -> Schooling {
    serde_json::from_value(value).unwrap()
}

fn school(id: &str) -> Schooling {
    shown(json!({"s": {"i": id, "n": format!("School {id}")}}))
}

fn class(id: &str, school: &str) -> Schooling {
    shown(json!({"c": {"i": id, "t": format!("Class {id}"), "s": school, "u": "algebra"}}))
}

fn member(person: &str, role: &str) -> ClassMember {
    serde_json::from_value(json!({"x": person, "r": role})).unwrap()
}

/// Thirty people in two schools with two classes each, and a school without people.
fn district() -> Script {
    let mut people: Vec<Batch> = Vec::new();
    for first in [0, 10, 20] {
        let mut page = page();
        let school = |number: usize| if number < 15 { "north" } else { "south" };
        let records = (first..first + 10).map(|number| person(number, school(number)));
        page.records = records.collect();
        people.push(page);
    }
    let mut beside = page();
    beside.schooling = ["north", "south", "empty"].map(school).to_vec();
    beside
        .schooling
        .push(shown(json!({"u": {"i": "algebra", "t": "Algebra"}})));
    beside
        .schooling
        .push(shown(json!({"y": {"i": "fall", "t": "Fall", "k": "term"}})));
    let mut classes = page();
    classes.schooling = vec![
        class("n1", "north"),
        class("n2", "north"),
        class("s1", "south"),
        class("s2", "south"),
    ];
    let mut members = page();
    for number in 0..30 {
        let class = ["n1", "n2", "s1", "s2"][number / 8];
        let member = member(&format!("p{number}"), "student");
        members.class_members.push((id(class), member));
    }
    // Of a class that nobody shows.
    members
        .class_members
        .push((id("n9"), member("p1", "student")));
    // Members come before their classes as well.
    people.extend([members, beside, classes]);
    Script {
        pages: people,
        ..Script::default()
    }
}

/// The page of a district's script on which members, what is beside people, or classes are.
const MEMBERS: usize = 3;
const BESIDE: usize = 4;
const CLASSES: usize = 5;

fn roster_keys(world: &World) -> Vec<String> {
    let keys = world.ports.dump().into_keys();
    keys.filter(|key| key.starts_with("blob/") || key.starts_with("roster/"))
        .collect()
}

fn issues(world: &World, run: &Run) -> Vec<(IssueKind, Option<ExternalId>)> {
    let issues = history::issues(&world.ports, &world.tenant, &run.id, None, 99);
    let (issues, _) = block_on(issues).unwrap();
    let issues = issues.into_iter();
    issues
        .map(|issue| (issue.kind, issue.external_id))
        .collect()
}

fn status(world: &World, number: usize) -> Status {
    world.accounts()[&email(number)].status
}

#[test]
fn a_first_night_keeps_what_is_shown_beside_people() {
    let (world, _) = World::scripted(district());
    let run = world.sync();
    assert_eq!(run.state, RunState::Applied, "{:?}", run.failure);
    let expected = SchoolingCounts {
        classes_created: 4,
        members_changed: 30,
        others_changed: 5,
        ..SchoolingCounts::default()
    };
    assert_eq!(run.schooling, expected);
    let rows = rows(&world);
    let keys: Vec<&str> = rows.keys().map(String::as_str).collect();
    let keys_expected = [
        "cn1", "cn2", "cs1", "cs2", "sempty", "snorth", "ssouth", "ualgebra", "yfall",
    ];
    assert_eq!(keys, keys_expected);
    let members = &rows["cn1"].as_class().unwrap().members;
    assert_eq!(members.len(), 8);
    assert!(members.contains(&member("p7", "student")));
    assert!(rows["snorth"].has_people);
    assert!(!rows["sempty"].has_people);
    let schools = fetching::schools_last_read(&world.ports, &world.tenant, &world.connection);
    assert_eq!(block_on(schools).unwrap().len(), 3);
    let left = world.ports.dump().into_keys();
    let left =
        left.filter(|key| key.contains("/stage/") || key.contains(&format!("{}/schools/", run.id)));
    assert_eq!(left.collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn a_night_without_a_change_writes_no_roster_data() {
    let (world, script) = World::scripted(district());
    world.sync();
    let before = roster_keys(&world);
    // Pages in another order show the same.
    script.lock().unwrap().pages.reverse();
    let run = world.sync();
    assert_eq!(run.state, RunState::Unchanged);
    assert_eq!(roster_keys(&world), before);
}

#[test]
fn a_class_follows_its_members_and_goes_when_it_is_not_shown() {
    let (world, script) = World::scripted(district());
    world.sync();
    {
        let pages = &mut script.lock().unwrap().pages;
        let members = &mut pages[MEMBERS].class_members;
        members[0].1 = member("p0", "teacher");
        members.push((id("n1"), member("p29", "student")));
    }
    let run = world.sync();
    assert_eq!(run.state, RunState::Applied);
    let expected = SchoolingCounts {
        classes_updated: 1,
        members_changed: 2,
        ..SchoolingCounts::default()
    };
    assert_eq!(
        (run.schooling, run.counts.total.is_empty()),
        (expected, true)
    );
    assert_eq!(rows(&world)["cn1"].as_class().unwrap().members.len(), 9);
    script.lock().unwrap().pages[CLASSES].schooling.remove(0);
    let run = world.sync();
    assert_eq!(
        (run.schooling.classes_removed, run.schooling.members_changed),
        (1, 9)
    );
    assert!(!rows(&world).contains_key("cn1"));
}

#[test]
fn a_preview_counts_classes_and_writes_none() {
    let (world, _) = World::scripted(district());
    let run = world.run(Lane::Preview);
    assert_eq!(
        (run.state, run.schooling.classes_created),
        (RunState::Planned, 4)
    );
    assert!(rows(&world).is_empty());
}

#[test]
fn a_look_leaves_classes_alone() {
    let (world, _) = World::scripted(district());
    world.sync();
    let before = rows(&world);
    let run = world.look(vec![Whom::Id(id("p3"))]);
    assert_eq!(run.state, RunState::Applied);
    assert_eq!(status(&world, 3), Status::Suspended);
    assert_eq!(rows(&world), before);
}

#[test]
fn an_undo_brings_classes_back() {
    let (world, script) = World::scripted(district());
    world.sync();
    let before = rows(&world);
    {
        let pages = &mut script.lock().unwrap().pages;
        pages[CLASSES].schooling.remove(0);
        pages[BESIDE].schooling.push(school("west"));
    }
    let run = world.sync();
    assert_ne!(rows(&world), before);
    let undo = world.undo(run.generation.unwrap(), false).unwrap();
    assert_eq!(undo.state, RunState::Applied, "{:?}", undo.failure);
    assert_eq!(rows(&world), before);
    // The source says it again: somebody has to look first.
    let again = world.sync();
    assert_eq!(
        (again.state, again.refusals.as_slice()),
        (RunState::Held, [Refusal::AfterUndo].as_slice())
    );
}

#[test]
fn whoever_is_gone_by_the_word_of_the_source_is_not_asked_about() {
    let (world, script) = World::scripted(district());
    world.sync();
    {
        let mut script = script.lock().unwrap();
        let mut gone = script.pages[0].records.remove(3);
        script.pages[0].records.remove(3);
        script.pages[1].gone.push(gone.external_id.clone());
        // Nobody knows this one.
        gone.external_id = id("p99");
        script.pages[1].gone.push(gone.external_id);
    }
    let run = world.sync();
    assert_eq!(run.state, RunState::Applied);
    let account = &world.accounts()[&email(3)];
    assert_eq!(account.status, Status::Suspended);
    assert_eq!(account.status_cause, Some(StatusCause::DeletedAtSource));
    assert_eq!(status(&world, 4), Status::Suspended);
    assert_eq!(script.lock().unwrap().asked, [id("p4")].into());
    assert_eq!(world.sync().state, RunState::Unchanged);
}

#[test]
fn a_source_that_says_of_nearly_everybody_that_they_are_gone_is_held() {
    let (world, script) = World::scripted(district());
    world.sync();
    {
        let mut script = script.lock().unwrap();
        for page in 0..2 {
            let people = std::mem::take(&mut script.pages[page].records);
            let ids = people.into_iter().map(|person| person.external_id);
            script.pages[page].gone = ids.collect();
        }
    }
    let run = world.sync();
    assert_eq!(run.state, RunState::Held);
    let collapse = Refusal::Collapse {
        present: 10,
        known: 30,
    };
    assert!(run.refusals.contains(&collapse), "{:?}", run.refusals);
}

#[test]
fn a_person_who_is_both_shown_and_gone_stays_as_they_are() {
    let (world, script) = World::scripted(district());
    world.sync();
    {
        let mut script = script.lock().unwrap();
        script.pages[0].records[3].given_name = "Other".to_owned();
        script.pages[1].gone = vec![id("p3"), id("p40")];
        script.pages[2].records.push(person(40, "north"));
    }
    let before = world.accounts();
    let run = world.sync();
    assert_eq!((run.state, run.issues), (RunState::Unchanged, 2));
    assert_eq!(world.accounts(), before);
    let mut found = issues(&world, &run);
    found.sort();
    let expected = ["p3", "p40"].map(|person| (IssueKind::GoneAndShown, Some(id(person))));
    assert_eq!(found, expected);
}

#[test]
fn a_source_in_doubt_takes_nobody_and_no_class_away() {
    let (world, script) = World::scripted(district());
    world.sync();
    let before = rows(&world);
    {
        let mut script = script.lock().unwrap();
        script.doubts = [Doubt::Paused].into();
        // Two thirds of the people, a school and all classes but one are not shown.
        script.pages[0].gone = vec![id("p29")];
        script.pages.drain(1..=2);
        script.pages[1]
            .class_members
            .retain(|(class, _)| *class == id("n2"));
        script.pages[1].class_members.truncate(1);
        script.pages[1]
            .class_members
            .push((id("s1"), member("p1", "teacher")));
        script.pages[2].schooling.remove(1);
        script.pages[3]
            .schooling
            .retain(|shown| *shown == class("n2", "north"));
        script.pages[0].records[0].given_name = "Zoë".to_owned();
    }
    let run = world.sync();
    assert_eq!(run.state, RunState::Applied, "{:?}", run.refusals);
    assert_eq!(run.doubts, [Doubt::Paused].into());
    assert_eq!(run.absences_withheld, Some(20));
    assert_eq!(
        (run.counts.total.updates, run.counts.total.suspensions),
        (1, 0)
    );
    assert_eq!(issues(&world, &run).len(), 20);
    assert!(
        run.phases
            .iter()
            .all(|phase| phase.phase != RunState::Confirming)
    );
    assert_eq!(script.lock().unwrap().asked, [].into());
    let after = rows(&world);
    assert_eq!(
        after.keys().collect::<Vec<_>>(),
        before.keys().collect::<Vec<_>>()
    );
    assert_eq!(after["cn2"], before["cn2"]);
    assert_eq!(after["ssouth"], before["ssouth"]);
    let members = &after["cs1"].as_class().unwrap().members;
    assert_eq!(
        members.len(),
        before["cs1"].as_class().unwrap().members.len() + 1
    );
}

#[test]
fn invented_people_never_come_into_the_roster() {
    let mut obfuscated = district();
    obfuscated.doubts = [Doubt::Obfuscated].into();
    let (world, _) = World::scripted(obfuscated);
    let run = world.sync();
    assert_eq!(run.state, RunState::Failed);
    let failure = run.failure.unwrap();
    assert_eq!(failure.code, "obfuscated");
    insta::assert_snapshot!(failure.message, @"the provider shows invented people in the place of the real ones, and they must not come into the roster: nothing was changed; switch the obfuscation off at the provider, then sync again");
    assert!(world.accounts().is_empty());
    assert_eq!(run.doubts, [Doubt::Obfuscated].into());
}

/// Un-shares the school `north` and all of its people.
fn unshare(script: &mut Script) {
    script.pages[0].records.clear();
    script.pages[1].records.retain(|person| {
        person
            .placements
            .iter()
            .all(|placement| placement.school == id("south"))
    });
    script.pages[BESIDE].schooling.remove(0);
    script.pages[CLASSES].schooling.drain(0..2);
}

#[test]
fn a_school_that_vanishes_with_its_people_is_held_until_somebody_approves() {
    let (world, script) = World::scripted(district());
    world.sync();
    let before = (rows(&world), world.accounts());
    unshare(&mut script.lock().unwrap());
    let run = world.sync();
    assert_eq!(run.state, RunState::Held);
    let gone = Refusal::SchoolsGone {
        count: 1,
        ids: vec![id("north")],
    };
    assert!(run.refusals.contains(&gone), "{:?}", run.refusals);
    insta::assert_snapshot!(gone, @"the source does not show 1 of the schools whose people are in scope any more: north");
    assert_eq!((rows(&world), world.accounts()), before);
    block_on(async {
        holding::approve(&world.ports, &world.tenant, &run.id)
            .await
            .unwrap();
        world.tick_until_idle().await;
    });
    assert!(!rows(&world).contains_key("snorth"));
    assert_eq!(status(&world, 0), Status::Suspended);
    assert_eq!(world.sync().state, RunState::Unchanged);
}

#[test]
fn a_school_without_people_may_go() {
    let (world, script) = World::scripted(district());
    world.sync();
    script.lock().unwrap().pages[BESIDE].schooling.remove(2);
    let run = world.sync();
    assert_eq!(
        (run.state, run.schooling.others_changed),
        (RunState::Applied, 1)
    );
    assert!(!rows(&world).contains_key("sempty"));
}

#[test]
fn a_read_that_begins_anew_forgets_what_it_staged() {
    let (world, _) = World::scripted(district());
    world.sync();
    let expected = (
        rows(&world),
        world.accounts().into_keys().collect::<Vec<_>>(),
    );
    let mut stale = page();
    stale.records = (60..70).map(|number| person(number, "old")).collect();
    stale.schooling = vec![school("old"), class("o1", "old"), class("n1", "old")];
    stale.class_members = vec![(id("n1"), member("p5", "teacher"))];
    stale.gone = vec![id("p5")];
    let issue = mapping::issue::Issue::new(IssueKind::MissingName, Some(id("p61")), None);
    stale.issues = vec![issue];
    for stale_pages in 1..5 {
        let mut script = district();
        script.pages[0].restarted = true;
        for _ in 0..stale_pages {
            script.pages.insert(0, stale.clone());
        }
        let (world, _) = World::scripted(script);
        let run = world.sync();
        assert_eq!(run.state, RunState::Applied, "{:?}", run.failure);
        assert_eq!((run.issues, run.fetched.records), (0, 30));
        let found = (
            rows(&world),
            world.accounts().into_keys().collect::<Vec<_>>(),
        );
        assert_eq!(found, expected, "{stale_pages}");
        assert!(
            world
                .ports
                .dump()
                .keys()
                .all(|key| !key.contains("/stage/"))
        );
    }
}

#[test]
fn a_class_larger_than_a_value_is_kept_whole() {
    let mut script = district();
    let whole_school = |number: usize| member(&format!("{number:0>40}"), "student");
    let mut class = class("all", "north");
    if let Schooling::Class(class) = &mut class {
        class.members = (0..5_000).map(whole_school).collect();
    }
    script.pages[CLASSES].schooling.push(class.clone());
    let listed = (5_000..9_000).map(|number| (id("all"), whole_school(number)));
    script.pages[MEMBERS].class_members.extend(listed);
    let (world, _) = World::scripted(script);
    assert_eq!(world.sync().state, RunState::Applied);
    assert_eq!(
        rows(&world)["call"].as_class().unwrap().members.len(),
        9_000
    );
    let largest = world
        .ports
        .dump()
        .into_values()
        .map(|value| value.len())
        .max();
    // The script itself is stored as one value, as no connector is.
    assert!(largest.is_some());
    let blobs = world.ports.dump().into_iter();
    let blobs = blobs.filter(|(key, _)| key.starts_with("blob/") || key.contains("/schooling/"));
    assert!(
        blobs
            .into_iter()
            .all(|(_, value)| value.len() <= crate::ports::VALUE_BYTES_MAX)
    );
    assert_eq!(world.sync().state, RunState::Unchanged);
}

#[test]
fn a_crash_at_any_store_operation_leaves_the_old_classes_or_the_new_ones() {
    let mut script = district();
    let mut restarted = page();
    restarted.restarted = true;
    script.pages.insert(4, restarted);
    script.pages.extend(district().pages);
    let next = {
        let mut next = script.clone();
        next.pages.pop();
        let mut classes = page();
        classes.schooling = vec![class("n1", "north"), class("w1", "south")];
        classes.gone = vec![id("p30")];
        next.pages.push(classes);
        next.pages.retain(|page| page.schooling.len() != 4);
        next
    };
    let (before, _) = World::scripted(script);
    before.sync();
    let (world, _) = before.fork().showing(next.clone());
    let operations_before = world.ports.operations();
    world.sync();
    let operations = world.ports.operations() - operations_before;
    let expected = rows(&world);
    assert_ne!(expected, rows(&before));
    for (offset, point) in [(1, CrashPoint::Before), (4, CrashPoint::After)] {
        for operation in (offset..operations).step_by(19) {
            let (world, _) = before.fork().showing(next.clone());
            let at = world.ports.operations() + operation;
            world.ports.crash_at(Some((at, point)));
            block_on(async {
                let trigger = Trigger {
                    kind: TriggerKind::Api,
                    by: "test".to_owned(),
                };
                let _ = runs::request(&world.ports, &world.tenant, trigger.clone()).await;
                for _ in 0..9 {
                    let _ = tick::tick(&world.ports).await;
                }
                world.ports.crash_at(None);
                world.ports.advance(Duration::from_secs(61));
                runs::request(&world.ports, &world.tenant, trigger)
                    .await
                    .unwrap();
                world.tick_until_idle().await;
            });
            assert_eq!(rows(&world), expected, "operation {operation} {point:?}");
        }
    }
}
