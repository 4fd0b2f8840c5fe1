//! What needs attention, from the trouble to the alert.

use super::receiver::{SECRET, URL};
use super::{FakeUser, World};
use crate::attention::{self, Alerting, Announced, Glance, Shown, Trouble};
use crate::audit::{Action, Actor};
use crate::connections::{self, Change, State};
use crate::holding;
use crate::memory::{CrashPoint, block_on};
use crate::metrics;
use crate::ports::Clock;
use crate::runs::{self, Lane, Run, RunState, Trigger, TriggerKind};
use crate::tick;
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);

fn people() -> Vec<FakeUser> {
    (0..40)
        .map(|number| FakeUser::new(number, "/Students"))
        .collect()
}

/// A district that was imported and sends alerts.
fn imported() -> World {
    let world = World::new(people());
    alert(&world);
    world.sync();
    world
}

fn alert(world: &World) {
    world.ports.set_variable("alert_url", URL);
    world.ports.set_variable("alert_secret", SECRET);
}

fn told(world: &World) -> Vec<String> {
    world.receiver.lock().unwrap().told()
}

/// The open causes as the API shows them, without looking anew.
fn open(world: &World) -> Vec<Shown> {
    let glance = block_on(Glance::read(&world.ports, &world.tenant)).unwrap();
    let alerting = block_on(Alerting::read(&world.ports));
    let found = block_on(attention::look(&world.ports, &world.tenant, &alerting)).unwrap();
    let shown = found.shown(alerting.problem().as_deref());
    assert_eq!(glance.needs_attention(), !shown.is_empty());
    assert_eq!(glance.names(&world.connection), !shown.is_empty());
    shown
}

fn only(world: &World) -> Shown {
    let mut open = open(world);
    assert_eq!(open.len(), 1, "{open:?}");
    open.remove(0)
}

fn trigger() -> Trigger {
    Trigger {
        kind: TriggerKind::Api,
        by: "test".to_owned(),
    }
}

/// A minute later the scheduler comes again.
fn minute(world: &World) {
    world.ports.advance(Duration::from_mins(1));
    block_on(world.tick_until_idle());
}

fn set_state(world: &World, state: State) {
    let of = (&Actor::Rollcall, Action::ConnectionLost);
    block_on(connections::modify(
        &world.ports,
        &world.tenant,
        &world.connection,
        of,
        |connection| {
            connection.state = state;
            Ok(Change::Write)
        },
    ))
    .unwrap();
}

fn suspend_many(world: &World, suspended: bool) {
    world.google(|google| (0..25).for_each(|number| google.user(number).suspended = suspended));
}

fn hold(world: &World) -> Run {
    suspend_many(world, true);
    let run = world.sync();
    assert_eq!(run.state, RunState::Held);
    run
}

#[test]
fn a_district_in_order_needs_no_attention_and_hears_nothing() {
    let world = imported();
    world.sync();
    minute(&world);
    assert!(open(&world).is_empty());
    assert_eq!(world.receiver.lock().unwrap().requests, 0);
}

#[test]
fn one_failed_run_is_no_cause_the_second_in_a_row_is_and_a_success_ends_it() {
    let world = imported();
    world.google(|google| google.refuses_lists = true);
    let first = world.sync();
    assert_eq!(first.state, RunState::Failed);
    assert!(open(&world).is_empty());
    world.sync();
    let cause = only(&world);
    let code = first.failure.unwrap().code;
    assert_eq!(cause.trouble, Trouble::Failing { code, runs: 2 });
    assert_eq!(Some(cause.since_ms), first.finished_at_ms);
    for runs in 3..6 {
        world.sync();
        let again = only(&world);
        assert_eq!((&again.id, again.since_ms), (&cause.id, cause.since_ms));
        assert!(matches!(again.trouble, Trouble::Failing { runs: n, .. } if n == runs));
    }
    world.google(|google| google.refuses_lists = false);
    world.sync();
    assert!(open(&world).is_empty());
    assert_eq!(
        told(&world),
        ["cause-1 opened failing", "cause-1 closed failing"]
    );
    // A single bad night begins to count anew.
    world.google(|google| google.refuses_lists = true);
    world.sync();
    assert!(open(&world).is_empty());
    world.sync();
    assert_eq!(only(&world).id, "cause-2");
}

#[test]
fn a_dead_authorisation_is_told_once_however_many_nights_fail_for_it() {
    let world = imported();
    set_state(&world, State::ReconnectNeeded);
    for _ in 0..3 {
        let run = world.sync();
        assert_eq!(run.failure.unwrap().code, "reconnect_needed");
        assert_eq!(only(&world).trouble, Trouble::ReconnectNeeded);
    }
    assert_eq!(told(&world), ["cause-1 opened reconnect_needed"]);
    set_state(&world, State::Active);
    minute(&world);
    assert!(open(&world).is_empty());
    set_state(&world, State::ReconnectNeeded);
    minute(&world);
    set_state(&world, State::Revoked);
    minute(&world);
    assert_eq!(
        told(&world),
        [
            "cause-1 opened reconnect_needed",
            "cause-1 closed reconnect_needed",
            "cause-2 opened reconnect_needed",
            "cause-2 closed reconnect_needed",
        ]
    );
    let metrics = block_on(metrics::render(&world.ports)).unwrap();
    for line in [
        "rollcall_runs_total{state=\"applied\"} 1",
        "rollcall_runs_total{state=\"failed\"} 3",
        "rollcall_causes_total{state=\"opened\"} 2",
        "rollcall_causes_total{state=\"closed\"} 2",
        "rollcall_alerts_total{result=\"sent\"} 4",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{metrics}");
    }
    let messages = world.receiver.lock().unwrap();
    let message = |at: usize| messages.received[at]["message"].as_str().unwrap();
    assert_eq!(message(1), "the connection is authorised again");
    assert_eq!(message(3), "the connection was revoked or deleted");
}

#[test]
fn a_held_plan_is_a_cause_until_it_is_approved() {
    let world = imported();
    let held = hold(&world);
    let cause = only(&world);
    let run = held.id.clone();
    assert_eq!(cause.trouble, Trouble::PlanHeld { run });
    assert_eq!(Some(cause.since_ms), held.finished_at_ms);
    assert!(cause.message.contains("suspensions"), "{}", cause.message);
    assert!(matches!(cause.alert, Announced::Sent { .. }));
    block_on(holding::approve(&world.ports, &world.tenant, &held.id)).unwrap();
    minute(&world);
    assert!(open(&world).is_empty());
    assert_eq!(
        told(&world),
        ["cause-1 opened plan_held", "cause-1 closed plan_held"]
    );
    let receiver = world.receiver.lock().unwrap();
    assert_eq!(receiver.received[1]["message"], "the plan was approved");
}

#[test]
fn a_plan_held_night_after_night_is_one_cause_and_a_discarded_one_is_over() {
    let world = imported();
    hold(&world);
    let first = only(&world);
    let second = hold(&world);
    let again = only(&world);
    assert_eq!(again.id, first.id);
    let run = second.id.clone();
    assert_eq!(again.trouble, Trouble::PlanHeld { run });
    block_on(holding::discard(&world.ports, &world.tenant, &second.id)).unwrap();
    minute(&world);
    assert!(open(&world).is_empty());
    hold(&world);
    assert_eq!(only(&world).id, "cause-2");
    assert_eq!(
        told(&world),
        [
            "cause-1 opened plan_held",
            "cause-1 closed plan_held",
            "cause-2 opened plan_held"
        ]
    );
}

#[test]
fn a_held_plan_that_a_later_run_made_out_of_date_is_over() {
    for renames in [false, true] {
        let world = imported();
        hold(&world);
        suspend_many(&world, false);
        if renames {
            world.google(|google| google.user(30).given_name = "Zoë".to_owned());
        }
        let state = world.sync().state;
        assert_eq!(state == RunState::Applied, renames);
        assert!(open(&world).is_empty());
        let receiver = world.receiver.lock().unwrap();
        let message = &receiver.received[1]["message"];
        assert_eq!(message, "a later run made the plan out of date");
    }
}

#[test]
fn an_alert_tells_what_is_needed_and_no_person() {
    let world = imported();
    let held = hold(&world);
    let receiver = world.receiver.lock().unwrap();
    let mut alert = receiver.received[0].clone();
    let at = held.finished_at_ms.unwrap();
    assert_eq!(alert["since_ms"], at);
    assert!(alert["at_ms"].as_i64().unwrap() >= at);
    for time in ["since_ms", "at_ms"] {
        alert[time] = 0.into();
    }
    insta::assert_json_snapshot!(alert, @r#"
    {
      "at_ms": 0,
      "cause": "cause-1",
      "connection": "google",
      "id": "maple-grove.cause-1.opened",
      "kind": "plan_held",
      "message": "the plan of the run r000002 is held (25 suspensions among 40 known accounts, more than 20 and than 10%; 25 suspensions among 40 known students, more than 20 and than 10%): nothing was written; an administrator has to look at it and approve or discard it",
      "run": "r000002",
      "since_ms": 0,
      "state": "opened",
      "tenant": "maple-grove"
    }
    "#);
}

#[test]
fn a_receiver_that_is_down_gets_each_alert_once_when_it_is_back() {
    let world = imported();
    world.receiver.lock().unwrap().is_down = true;
    let held = hold(&world);
    for _ in 0..60 {
        minute(&world);
    }
    let requests = world.receiver.lock().unwrap().requests;
    // At 0, 1, 3, 7, 15 and 31 minutes; the next one comes after 63.
    assert_eq!(requests, 6);
    let Announced::Waiting {
        attempts, problem, ..
    } = only(&world).alert
    else {
        panic!("the alert does not wait");
    };
    assert_eq!(attempts, 6);
    assert!(problem.unwrap().contains("could not be reached"));
    block_on(holding::discard(&world.ports, &world.tenant, &held.id)).unwrap();
    world.receiver.lock().unwrap().is_down = false;
    minute(&world);
    world.ports.advance(HOUR);
    for _ in 0..3 {
        minute(&world);
    }
    assert_eq!(
        told(&world),
        ["cause-1 opened plan_held", "cause-1 closed plan_held"]
    );
}

#[test]
fn an_alert_that_is_refused_for_three_days_is_given_up_and_that_is_said() {
    let world = imported();
    world.receiver.lock().unwrap().refuses_with = Some(500);
    hold(&world);
    for _ in 0..3 * 24 + 7 {
        world.ports.advance(HOUR);
        block_on(world.tick_until_idle());
    }
    let requests = world.receiver.lock().unwrap().requests;
    let shown = only(&world);
    let problem = "the receiver answered 500".to_owned();
    assert_eq!(shown.alert, Announced::GivenUp { problem });
    world.receiver.lock().unwrap().refuses_with = None;
    suspend_many(&world, false);
    world.sync();
    assert!(open(&world).is_empty());
    // Who was not told that it arose is not told that it is over.
    assert_eq!(told(&world), Vec::<String>::new());
    assert_eq!(world.receiver.lock().unwrap().requests, requests);
}

#[test]
fn without_an_address_nothing_is_sent_and_setting_one_tells_what_is_open() {
    let world = imported();
    world.ports.set_variable("alert_url", "");
    hold(&world);
    assert_eq!(only(&world).alert, Announced::Off);
    alert(&world);
    hold(&world);
    assert_eq!(told(&world), ["cause-1 opened plan_held"]);
}

#[test]
fn an_address_without_a_secret_sends_nothing_and_names_the_variable() {
    let world = imported();
    world.ports.set_variable("alert_secret", "");
    suspend_many(&world, true);
    let report = block_on(async {
        runs::request(&world.ports, &world.tenant, trigger())
            .await
            .unwrap();
        tick::tick(&world.ports).await.unwrap()
    });
    assert_eq!(report.failures.len(), 1, "{report:?}");
    assert!(report.failures[0].reason.contains("alert_secret"));
    let Announced::Waiting {
        attempts, problem, ..
    } = only(&world).alert
    else {
        panic!("the alert does not wait");
    };
    assert_eq!(attempts, 0);
    assert!(problem.unwrap().contains("alert_secret"));
    assert_eq!(world.receiver.lock().unwrap().requests, 0);
    alert(&world);
    minute(&world);
    assert_eq!(told(&world), ["cause-1 opened plan_held"]);
}

/// The ids of the alerts received. A process that dies between the answer and writing it down
/// repeats the alert, right after and with the same id.
fn told_once(world: &World, what: &str) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for alert in &world.receiver.lock().unwrap().received {
        let id = alert["id"].as_str().unwrap().to_owned();
        if ids.last() != Some(&id) {
            assert!(!ids.contains(&id), "{what}: {id} was told twice");
            ids.push(id);
        }
    }
    ids
}

/// Lets `act` die at an operation, and the application recover; whether `act` got that far.
fn crash(world: &World, (operation, point): (u64, CrashPoint), act: impl Fn(&World)) -> bool {
    let at = world.ports.operations() + operation;
    world.ports.crash_at(Some((at, point)));
    act(world);
    let reached = world.ports.operations() >= at;
    world.ports.crash_at(None);
    // A lease that nobody gives back, a version that nobody writes: over in a minute.
    for _ in 0..4 {
        minute(world);
    }
    reached
}

#[test]
fn a_crash_at_any_operation_neither_loses_nor_doubles_what_is_told_of_a_dead_authorisation() {
    let lose = |world: &World| {
        let change = (&Actor::Rollcall, Action::ConnectionLost);
        let at = (&world.ports, &world.tenant, &world.connection);
        let _ = block_on(connections::modify(
            at.0,
            at.1,
            at.2,
            change,
            |connection| {
                connection.state = State::ReconnectNeeded;
                Ok(Change::Write)
            },
        ));
        let _ = block_on(tick::tick(&world.ports));
    };
    for point in [CrashPoint::Before, CrashPoint::After] {
        for operation in 1.. {
            let world = World::new(Vec::new());
            alert(&world);
            let reached = crash(&world, (operation, point), lose);
            let what = format!("operation {operation} {point:?}");
            let connection = block_on(connections::read(
                &world.ports,
                &world.tenant,
                &world.connection,
            ));
            let is_lost = connection.unwrap().unwrap().state == State::ReconnectNeeded;
            let expected: &[&str] = if is_lost {
                &["maple-grove.cause-1.opened"]
            } else {
                &[]
            };
            assert_eq!(told_once(&world, &what), expected, "{what}");
            if !reached {
                assert!(is_lost && operation > 20, "{what} is the last");
                break;
            }
        }
    }
}

/// A district without people whose first run is about to end as held.
fn about_to_hold() -> (World, Run) {
    let world = World::new(Vec::new());
    alert(&world);
    let mut run = block_on(async {
        let asked = runs::request(&world.ports, &world.tenant, trigger()).await;
        asked.unwrap();
        runs::current(&world.ports, &world.tenant, Lane::Run)
            .await
            .unwrap()
            .unwrap()
    });
    run.connection = Some(world.connection.clone());
    run.enter(RunState::Held, world.ports.now().as_millisecond());
    (world, run)
}

#[test]
fn a_crash_at_any_operation_neither_loses_nor_doubles_what_is_told_of_a_held_plan() {
    for point in [CrashPoint::Before, CrashPoint::After] {
        for operation in 1.. {
            let (world, run) = about_to_hold();
            let reached = crash(&world, (operation, point), |world| {
                let _ = block_on(runs::write(&world.ports, &world.tenant, &run));
                let _ = block_on(tick::tick(&world.ports));
                let _ = block_on(holding::discard(&world.ports, &world.tenant, &run.id));
                let _ = block_on(tick::tick(&world.ports));
            });
            let what = format!("operation {operation} {point:?}");
            let found = block_on(runs::read(&world.ports, &world.tenant, &run.id));
            let state = found.unwrap().unwrap().state;
            if state == RunState::Held {
                assert_eq!(told_once(&world, &what), ["maple-grove.cause-1.opened"]);
                // A lease whose number was taken and never written down takes some attempts.
                let discard = || block_on(holding::discard(&world.ports, &world.tenant, &run.id));
                let again = || world.ports.advance(Duration::from_secs(10));
                assert!(
                    (0..9).any(|_| discard().is_ok() || (again(), false).1),
                    "{what}"
                );
                minute(&world);
            } else if state != RunState::Discarded {
                // It was never written that it is held, so the run went on.
                assert_eq!((operation, point), (1, CrashPoint::Before));
                continue;
            }
            assert!(open(&world).is_empty(), "{what}");
            let pair = ["maple-grove.cause-1.opened", "maple-grove.cause-1.closed"];
            assert_eq!(told_once(&world, &what), pair, "{what}");
            if !reached {
                assert!(operation > 50, "{what} is the last");
                break;
            }
        }
    }
}
