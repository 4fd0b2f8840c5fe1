//! Two connections in one tenant: series of runs, from the request to the roster.

use super::{FakeUser, World};
use crate::attention::{self, Alerting, Trouble};
use crate::audit::Actor;
use crate::connections::{self, ConnectionError, State};
use crate::hints;
use crate::holding;
use crate::keys;
use crate::memory::{CrashPoint, block_on};
use crate::ports::{Clock, Store};
use crate::roster::shard::Range;
use crate::roster::{BaseRow, Reader, base_map};
use crate::rules;
use crate::runs::{self, Lane, Place, Run, RunState, Trigger, TriggerKind, Work};
use crate::tick;
use crate::watching;
use connectors::fetch::Whom;
use mapping::account::{Account, Status};
use mapping::guard::Refusal;
use mapping::ids::{ConnectionId, ExternalId, RunId};
use mapping::rules::RuleSetVersion;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The people of the second district.
const OAK: usize = 100;

fn students(numbers: std::ops::Range<usize>) -> Vec<FakeUser> {
    numbers
        .map(|number| FakeUser::new(number, "/Students"))
        .collect()
}

/// A tenant with the connections `google` and `oak`.
fn two(count: usize) -> (World, ConnectionId) {
    let world = World::new(students(0..count));
    let oak = world.connect_elsewhere(students(OAK..OAK + count));
    (world, oak)
}

fn elsewhere<T>(world: &World, change: impl FnOnce(&mut super::FakeGoogle) -> T) -> T {
    world.google(|google| change(google.elsewhere.as_mut().unwrap()))
}

fn trigger() -> Trigger {
    Trigger {
        kind: TriggerKind::Api,
        by: "test".to_owned(),
    }
}

fn ask(world: &World, lane: Lane, only: Option<&ConnectionId>) -> RunId {
    let asked = runs::request_in(&world.ports, &world.tenant, lane, trigger(), only);
    block_on(asked).unwrap().run
}

fn read(world: &World, id: &str) -> Option<Run> {
    let id = RunId::parse(id).unwrap();
    block_on(runs::read(&world.ports, &world.tenant, &id)).unwrap()
}

/// All runs of a lane, oldest first, with their connections.
fn ran(world: &World, lane: Lane) -> Vec<(String, String, RunState)> {
    let listed = block_on(runs::list(&world.ports, &world.tenant, lane, None, 99)).unwrap();
    assert_eq!(listed.next, None);
    let runs = listed.runs.into_iter().rev();
    runs.map(|run| {
        let connection = run.connection.map_or_else(String::new, String::from);
        (run.id.to_string(), connection, run.state)
    })
    .collect()
}

fn expected(runs: &[(&str, &str, RunState)]) -> Vec<(String, String, RunState)> {
    let runs = runs.iter();
    runs.map(|(id, connection, state)| ((*id).to_owned(), (*connection).to_owned(), *state))
        .collect()
}

/// Asks for everything and ticks until it is done.
fn sync(world: &World) -> RunId {
    let asked = ask(world, Lane::Run, None);
    block_on(world.tick_until_idle());
    asked
}

fn without_times(world: &World) -> BTreeMap<String, Account> {
    let mut accounts = world.accounts();
    for account in accounts.values_mut() {
        (account.created_at_ms, account.changed_at_ms) = (0, 0);
    }
    accounts
}

#[test]
fn a_night_reads_all_connections_one_after_the_other_and_once() {
    let (world, _) = two(6);
    world.ports.set_now("2026-11-03T07:30:00Z".parse().unwrap());
    block_on(world.tick_until_idle());
    for _ in 0..5 {
        world.ports.advance(Duration::from_mins(1));
        block_on(world.tick_until_idle());
    }
    let both = [
        ("r000001", "google", RunState::Applied),
        ("r000001-002", "oak", RunState::Applied),
    ];
    assert_eq!(ran(&world, Lane::Run), expected(&both));
    assert_eq!(world.accounts().len(), 12);
    let first = read(&world, "r000001").unwrap();
    let second = read(&world, "r000001-002").unwrap();
    assert!(first.night.is_some());
    assert_eq!(
        (&first.night, &first.trigger),
        (&second.night, &second.trigger)
    );
    assert_eq!(first.series.as_ref(), Some(&first.id));
    assert_eq!(second.series.as_ref(), Some(&first.id));
    assert_eq!((first.step, second.step), (0, 1));
    assert!(second.started_at_ms >= first.finished_at_ms);
    assert!(second.parent >= first.generation.unwrap());
    let series = block_on(runs::series(&world.ports, &world.tenant, &first.id)).unwrap();
    let ids: Vec<&str> = series.iter().map(|run| run.id.as_str()).collect();
    assert_eq!(ids, ["r000001", "r000001-002"]);
    let none = block_on(runs::series(&world.ports, &world.tenant, &second.id)).unwrap();
    assert!(none.is_empty());
}

#[test]
fn a_list_goes_through_series_page_by_page() {
    let (world, _) = two(3);
    sync(&world);
    sync(&world);
    let mut seen = Vec::new();
    let mut before: Option<Place> = None;
    loop {
        let page = runs::list(&world.ports, &world.tenant, Lane::Run, before, 1);
        let page = block_on(page).unwrap();
        seen.extend(page.runs.iter().map(|run| run.id.to_string()));
        match page.next {
            Some(next) => before = Some(next.to_string().parse().unwrap()),
            None => break,
        }
    }
    let all = ["r000002-002", "r000002", "r000001-002", "r000001"];
    assert_eq!(seen, all);
    let far = Place {
        number: 1,
        step: u32::MAX,
    };
    let page = runs::list(&world.ports, &world.tenant, Lane::Run, Some(far), 9);
    assert_eq!(block_on(page).unwrap().runs.len(), 2);
}

#[test]
fn a_connection_that_fails_keeps_no_other_from_being_read_and_is_not_hidden_by_it() {
    let (world, _) = two(6);
    sync(&world);
    world.google(|google| google.refuses_lists = true);
    for _ in 0..2 {
        elsewhere(&world, |oak| oak.user(OAK).given_name += "x");
        let first = sync(&world);
        let second = read(&world, &format!("{first}-002")).unwrap();
        assert_eq!(
            read(&world, first.as_str()).unwrap().state,
            RunState::Failed
        );
        assert_eq!(second.state, RunState::Applied);
    }
    let found = attention::look(&world.ports, &world.tenant, &Alerting::Off);
    let shown = block_on(found).unwrap().shown(None);
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert_eq!(shown[0].connection, world.connection);
    assert!(matches!(shown[0].trouble, Trouble::Failing { runs: 2, .. }));
}

#[test]
fn a_connection_without_mappings_fails_alone_and_raises_no_alarm() {
    let (world, _) = two(3);
    world.set_rules(|rules| *rules = mapping::rules::RuleSet::default());
    for _ in 0..3 {
        let first = sync(&world);
        let first = read(&world, first.as_str()).unwrap();
        assert_eq!(first.failure.unwrap().code, "no_mappings");
        assert_eq!(first.connection.as_ref(), Some(&world.connection));
    }
    assert_eq!(world.accounts().len(), 3);
    let found = attention::look(&world.ports, &world.tenant, &Alerting::Off);
    assert!(block_on(found).unwrap().shown(None).is_empty());
}

/// The first connection's plan is held, the second's is applied.
fn held_then_applied() -> (World, ConnectionId) {
    let (world, oak) = two(50);
    sync(&world);
    world.google(|google| (0..25).for_each(|number| google.user(number).suspended = true));
    elsewhere(&world, |google| {
        google.user(OAK).given_name = "Zoë".to_owned();
    });
    sync(&world);
    (world, oak)
}

#[test]
fn a_held_plan_waits_alone_is_made_anew_alone_and_is_followed_by_nothing() {
    let (world, _) = held_then_applied();
    // The second run moved the roster on: the held plan is made anew, for its connection alone.
    let all = [
        ("r000001", "google", RunState::Applied),
        ("r000001-002", "oak", RunState::Applied),
        ("r000002", "google", RunState::Superseded),
        ("r000002-002", "oak", RunState::Applied),
        ("r000003", "google", RunState::Held),
    ];
    world.ports.advance(Duration::from_mins(1));
    block_on(world.tick_until_idle());
    assert_eq!(ran(&world, Lane::Run), expected(&all));
    let found = attention::look(&world.ports, &world.tenant, &Alerting::Off);
    let shown = block_on(found).unwrap().shown(None);
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert_eq!(shown[0].connection, world.connection);
    assert!(
        world
            .accounts()
            .values()
            .all(|account| account.status == Status::Active)
    );
    let id = RunId::parse("r000003").unwrap();
    block_on(holding::approve(&world.ports, &world.tenant, &id)).unwrap();
    block_on(world.tick_until_idle());
    assert_eq!(read(&world, "r000003").unwrap().state, RunState::Applied);
    let accounts = world.accounts();
    let suspended = accounts
        .values()
        .filter(|account| account.status == Status::Suspended);
    assert_eq!(suspended.count(), 25);
    assert_eq!(accounts["person100@maplegrove.example"].given_name, "Zoë");
    assert_eq!(ran(&world, Lane::Run).len(), 5);
}

#[test]
fn plans_of_two_connections_are_held_beside_each_other() {
    let (world, oak) = two(50);
    sync(&world);
    for _ in 0..2 {
        world.google(|google| (0..25).for_each(|number| google.user(number).suspended = true));
        elsewhere(&world, |google| {
            (OAK..OAK + 25).for_each(|number| google.user(number).suspended = true);
        });
        sync(&world);
    }
    let all = [
        ("r000002", "google", RunState::Superseded),
        ("r000002-002", "oak", RunState::Superseded),
        ("r000003", "google", RunState::Held),
        ("r000003-002", "oak", RunState::Held),
    ];
    assert_eq!(ran(&world, Lane::Run)[2..], expected(&all));
    // Approving the first makes nothing follow it; the second goes stale and is made anew.
    let id = RunId::parse("r000003").unwrap();
    block_on(holding::approve(&world.ports, &world.tenant, &id)).unwrap();
    block_on(world.tick_until_idle());
    world.ports.advance(Duration::from_mins(1));
    block_on(world.tick_until_idle());
    let all = [
        ("r000003", "google", RunState::Applied),
        ("r000003-002", "oak", RunState::Superseded),
        ("r000004", "oak", RunState::Held),
    ];
    assert_eq!(ran(&world, Lane::Run)[4..], expected(&all));
    assert_eq!(read(&world, "r000004").unwrap().only, Some(oak));
}

#[test]
fn an_approval_that_dies_half_way_makes_nothing_follow() {
    let (world, _) = two(50);
    sync(&world);
    world.google(|google| (0..25).for_each(|number| google.user(number).suspended = true));
    sync(&world);
    let id = RunId::parse("r000002").unwrap();
    assert_eq!(read(&world, "r000002").unwrap().state, RunState::Held);
    // As if the second connection had been out of use when its turn came.
    let left_out = RunId::parse("r000002-002").unwrap();
    block_on(world.ports.delete(&keys::run(&world.tenant, &left_out))).unwrap();
    let before = ran(&world, Lane::Run);
    assert_eq!(before.len(), 3);
    for point in [CrashPoint::Before, CrashPoint::After] {
        for operation in 1..25 {
            let world = world.fork();
            let at = world.ports.operations() + operation;
            world.ports.crash_at(Some((at, point)));
            let _ = block_on(holding::approve(&world.ports, &world.tenant, &id));
            world.ports.crash_at(None);
            world.ports.advance(Duration::from_secs(61));
            block_on(world.tick_until_idle());
            let after = ran(&world, Lane::Run);
            assert_eq!(after.len(), before.len(), "{operation} {point:?}");
            let state = after[2].2;
            let is_decided = matches!(state, RunState::Held | RunState::Applied);
            assert!(is_decided, "{operation} {point:?}: {state:?}");
        }
    }
}

#[test]
fn a_request_can_name_one_connection_and_is_widened_by_others() {
    let google = ConnectionId::parse("google").unwrap();
    let oak = ConnectionId::parse("oak").unwrap();
    let (one, other) = (Some(&google), Some(&oak));
    for (requests, connections) in [
        (vec![other], vec!["oak"]),
        (vec![one], vec!["google"]),
        (vec![other, other, other], vec!["oak"]),
        (vec![one, other], vec!["google", "oak"]),
        (vec![other, None], vec!["google", "oak"]),
        (vec![None, other], vec!["google", "oak"]),
    ] {
        for lane in [Lane::Run, Lane::Preview] {
            let (world, _) = two(3);
            let asked: BTreeSet<RunId> = requests
                .iter()
                .map(|only| ask(&world, lane, *only))
                .collect();
            assert_eq!(asked.len(), 1, "they join");
            block_on(world.tick_until_idle());
            let ran = ran(&world, lane);
            let ran: Vec<&str> = ran
                .iter()
                .map(|(_, connection, _)| connection.as_str())
                .collect();
            assert_eq!(ran, connections, "{requests:?}");
        }
    }
}

#[test]
fn a_look_that_waits_is_widened_by_a_request_about_one_connection() {
    let (world, oak) = two(3);
    sync(&world);
    block_on(async {
        world.ask_for_look(vec![whom(1)]).await.unwrap();
        runs::request_in(
            &world.ports,
            &world.tenant,
            Lane::Run,
            trigger(),
            Some(&oak),
        )
        .await
        .unwrap();
        world.tick_until_idle().await;
    });
    let ran = ran(&world, Lane::Run);
    assert_eq!(ran.len(), 4);
    assert_eq!(read(&world, "r000002").unwrap().work, Work::Full);
    assert_eq!(read(&world, "r000002-002").unwrap().work, Work::Full);
}

#[test]
fn the_night_does_not_take_a_run_about_one_connection_for_its_own() {
    let (world, oak) = two(3);
    block_on(async {
        // The scheduler wrote its number down and died; a request about one connection got it.
        let asked = runs::request_in(
            &world.ports,
            &world.tenant,
            Lane::Run,
            trigger(),
            Some(&oak),
        );
        asked.await.unwrap();
        let begun = runs::current(&world.ports, &world.tenant, Lane::Run).await;
        assert_eq!(begun.unwrap().unwrap().number, 1);
        let night = runs::ensure(&world.ports, &world.tenant, 1, trigger(), "2026-11-03").await;
        assert_eq!(night.unwrap(), None);
    });
}

#[test]
fn a_request_that_comes_during_a_series_waits_until_it_is_over() {
    let (world, oak) = two(6);
    ask(&world, Lane::Run, None);
    block_on(runs::current(&world.ports, &world.tenant, Lane::Run)).unwrap();
    let later = ask(&world, Lane::Run, Some(&oak));
    assert_eq!(later.as_str(), "r000002");
    block_on(world.tick_until_idle());
    let all = [
        ("r000001", "google", RunState::Applied),
        ("r000001-002", "oak", RunState::Applied),
        ("r000002", "oak", RunState::Unchanged),
    ];
    assert_eq!(ran(&world, Lane::Run), expected(&all));
    let started = |id: &str| read(&world, id).unwrap().started_at_ms;
    assert!(started("r000001-002") <= started("r000002"));
}

/// Ticks until the first run of the series is over and the next one is current.
fn until_the_second(world: &World) {
    let mut run = block_on(async {
        runs::current(&world.ports, &world.tenant, Lane::Run)
            .await
            .unwrap()
            .unwrap()
    });
    let begun = crate::series::begin(&world.ports, &world.tenant, &mut run);
    block_on(begun).unwrap().unwrap();
    run.fail(
        "test",
        "it was made to fail".to_owned(),
        world.ports.now().as_millisecond(),
    );
    block_on(runs::write(&world.ports, &world.tenant, &run)).unwrap();
}

#[test]
fn a_connection_that_is_gone_when_its_turn_comes_is_left_out_and_a_new_one_waits() {
    for state in [State::ReconnectNeeded, State::Revoked, State::Active] {
        let (world, oak) = two(3);
        world.set_state_of(&oak, State::Active);
        ask(&world, Lane::Run, None);
        until_the_second(&world);
        world.set_state_of(&oak, state);
        block_on(world.tick_until_idle());
        let ran = ran(&world, Lane::Run);
        assert_eq!(ran.len(), if state == State::Active { 2 } else { 1 });
    }
    // One that comes into use while the series is under way is not read by it.
    let (world, oak) = two(3);
    world.set_state_of(&oak, State::Authorized);
    ask(&world, Lane::Run, None);
    until_the_second(&world);
    world.set_state_of(&oak, State::Active);
    block_on(world.tick_until_idle());
    assert_eq!(ran(&world, Lane::Run).len(), 1);
    sync(&world);
    assert_eq!(ran(&world, Lane::Run).len(), 3);
}

#[test]
fn a_request_about_a_connection_that_is_not_in_use_says_so() {
    let (world, oak) = two(3);
    for (state, code) in [
        (State::ReconnectNeeded, "reconnect_needed"),
        (State::Revoked, "no_connection"),
    ] {
        world.set_state_of(&oak, state);
        let asked = ask(&world, Lane::Run, Some(&oak));
        block_on(world.tick_until_idle());
        let run = read(&world, asked.as_str()).unwrap();
        assert_eq!(run.failure.unwrap().code, code);
    }
    assert!(world.accounts().is_empty());
}

#[test]
fn a_preview_of_several_shows_the_plan_of_each_and_writes_nothing() {
    let (world, _) = two(6);
    let first = ask(&world, Lane::Preview, None);
    block_on(world.tick_until_idle());
    let all = [
        ("p000001", "google", RunState::Planned),
        ("p000001-002", "oak", RunState::Planned),
    ];
    assert_eq!(ran(&world, Lane::Preview), expected(&all));
    for run in block_on(runs::series(&world.ports, &world.tenant, &first)).unwrap() {
        assert_eq!(run.counts.total.creates, 6);
        assert_eq!(run.parent.0, 0, "planned against the roster of now");
    }
    assert!(world.accounts().is_empty());
}

fn whom(number: usize) -> Whom {
    Whom::Id(ExternalId::parse(format!("1{number:020}")).unwrap())
}

#[test]
fn looks_are_about_the_connections_that_have_hints() {
    let (world, oak) = two(6);
    sync(&world);
    elsewhere(&world, |google| {
        google.user(OAK + 1).given_name = "Zoë".to_owned();
        google.user(OAK + 2).given_name = "Zoe".to_owned();
    });
    let look = |people: &[(&ConnectionId, usize)]| {
        block_on(async {
            for (connection, number) in people {
                hints::add(&world.ports, &world.tenant, connection, &whom(*number))
                    .await
                    .unwrap();
            }
            let asked = runs::request_look(&world.ports, &world.tenant, trigger()).await;
            world.tick_until_idle().await;
            asked.unwrap().run
        })
    };
    let asked = look(&[(&oak, OAK + 1)]);
    let run = read(&world, asked.as_str()).unwrap();
    assert_eq!((run.state, run.work), (RunState::Applied, Work::Look));
    assert_eq!(run.connection, Some(oak.clone()));
    assert_eq!(run.connections, []);
    world.google(|google| google.user(1).given_name = "Anna".to_owned());
    let asked = look(&[(&oak, OAK + 2), (&world.connection, 1)]);
    let runs = block_on(runs::series(&world.ports, &world.tenant, &asked)).unwrap();
    assert_eq!(runs.len(), 2);
    for run in runs {
        assert_eq!((run.state, run.work), (RunState::Applied, Work::Look));
        assert_eq!(run.counts.total.updates, 1);
    }
    let accounts = world.accounts();
    for (number, name) in [(OAK + 1, "Zoë"), (OAK + 2, "Zoe"), (1, "Anna")] {
        let address = format!("person{number}@maplegrove.example");
        assert_eq!(accounts[&address].given_name, name);
    }
    for connection in [&oak, &world.connection] {
        let waiting = hints::are_waiting(&world.ports, &world.tenant, connection);
        assert!(!block_on(waiting).unwrap());
    }
    // A look without hints is about nobody.
    let asked = look(&[]);
    assert_eq!(
        read(&world, asked.as_str()).unwrap().state,
        RunState::Unchanged
    );
}

#[test]
fn a_look_that_fails_keeps_no_other_from_happening_and_is_tried_again() {
    let (world, oak) = two(6);
    sync(&world);
    world.google(|google| {
        google.user(1).given_name = "Anna".to_owned();
        google.user_errors = 10;
    });
    elsewhere(&world, |google| {
        google.user(OAK).given_name = "Zoë".to_owned();
    });
    block_on(async {
        hints::add(&world.ports, &world.tenant, &oak, &whom(OAK))
            .await
            .unwrap();
        world.ask_for_look(vec![whom(1)]).await.unwrap();
        world.tick_until_idle().await;
    });
    let accounts = world.accounts();
    assert_eq!(accounts["person1@maplegrove.example"].given_name, "Anna");
    assert_eq!(accounts["person100@maplegrove.example"].given_name, "Zoë");
    let all = [
        ("r000002", "google", RunState::Failed),
        ("r000002-002", "oak", RunState::Applied),
        ("r000003", "google", RunState::Applied),
    ];
    assert_eq!(ran(&world, Lane::Run)[2..], expected(&all));
}

#[test]
fn after_an_undo_the_plan_of_each_connection_is_looked_at_first() {
    let (world, oak) = two(20);
    sync(&world);
    elsewhere(&world, |google| {
        google.user(OAK).given_name = "Zoë".to_owned();
    });
    sync(&world);
    let renamed = read(&world, "r000002-002").unwrap().generation.unwrap();
    assert_eq!(world.undo(renamed, false).unwrap().state, RunState::Applied);
    sync(&world);
    let state = |id: &str| read(&world, id).unwrap().state;
    assert_eq!(state("r000003"), RunState::Unchanged);
    let second = read(&world, "r000003-002").unwrap();
    assert_eq!(second.state, RunState::Held);
    assert_eq!(second.refusals, [Refusal::AfterUndo]);
    // The first agreed already: what it brings is not held.
    world.google(|google| google.user(1).given_name = "Anna".to_owned());
    ask(&world, Lane::Run, Some(&world.connection));
    block_on(world.tick_until_idle());
    assert_eq!(state("r000004"), RunState::Applied);
    world.ports.advance(Duration::from_mins(1));
    block_on(world.tick_until_idle());
    let anew = read(&world, "r000005").unwrap();
    assert_eq!((anew.state, anew.connection), (RunState::Held, Some(oak)));
    block_on(holding::approve(&world.ports, &world.tenant, &anew.id)).unwrap();
    block_on(world.tick_until_idle());
    let mark = keys::undone(&world.tenant);
    assert!(!world.ports.dump().contains_key(&mark), "all agree again");
}

/// The rule versions by which the people of a connection were decided.
fn decided_by(world: &World, connection: &ConnectionId) -> BTreeSet<RuleSetVersion> {
    block_on(async {
        let reader = Reader::open(&world.ports, &world.tenant).await.unwrap();
        let base = base_map(connection);
        let rows = reader.range(&world.ports, &base, Range::ALL);
        let rows: Vec<BaseRow> = rows.await.unwrap();
        rows.into_iter().map(|row| row.entry.rules).collect()
    })
}

fn version(world: &World, connection: &ConnectionId) -> RuleSetVersion {
    let rules = rules::read(&world.ports, &world.tenant, connection);
    block_on(rules).unwrap().version
}

#[test]
fn a_new_order_is_that_of_the_series_and_has_everybody_compared_again() {
    let (world, oak) = two(6);
    let google = world.connection.clone();
    sync(&world);
    let before = [version(&world, &google), version(&world, &oak)];
    let who = Actor::Operator;
    let set = |order: &[&ConnectionId]| {
        let order: Vec<ConnectionId> = order.iter().copied().cloned().collect();
        block_on(connections::set_order(
            &world.ports,
            &who,
            &world.tenant,
            &order,
        ))
    };
    let order = || block_on(connections::order(&world.ports, &world.tenant)).unwrap();
    assert_eq!(order(), [google.clone(), oak.clone()]);
    let nobody = ConnectionId::parse("nobody").unwrap();
    for wrong in [vec![&oak, &oak], vec![&nobody]] {
        let refused = set(&wrong);
        assert!(matches!(refused, Err(ConnectionError::Invalid { .. })));
    }
    assert_eq!(set(&[&google]).unwrap(), order(), "nothing to change");
    assert_eq!(set(&[&oak]).unwrap(), [oak.clone(), google.clone()]);
    let first = sync(&world);
    let runs = block_on(runs::series(&world.ports, &world.tenant, &first)).unwrap();
    let read: Vec<_> = runs
        .iter()
        .map(|run| run.connection.clone().unwrap())
        .collect();
    assert_eq!(read, [oak.clone(), google.clone()]);
    for (connection, before) in [&google, &oak].into_iter().zip(before) {
        let now = version(&world, connection);
        assert_eq!(now.0, before.0 + 1);
        assert_eq!(decided_by(&world, connection), [now].into());
    }
    for run in &runs {
        let frozen = connections::frozen_order(&world.ports, &world.tenant, &run.id);
        assert_eq!(block_on(frozen).unwrap(), read);
    }
    // Once, and not with each run.
    let again = [version(&world, &google), version(&world, &oak)];
    sync(&world);
    assert_eq!([version(&world, &google), version(&world, &oak)], again);
}

#[test]
fn a_crash_while_an_order_is_set_or_met_leaves_nobody_compared_by_the_old_one() {
    let (start, oak) = two(3);
    sync(&start);
    let order = [oak.clone(), start.connection.clone()];
    for point in [CrashPoint::Before, CrashPoint::After] {
        for operation in 1..60 {
            let world = start.fork();
            let before = version(&world, &oak);
            let at = world.ports.operations() + operation;
            world.ports.crash_at(Some((at, point)));
            let who = Actor::Operator;
            let _ = block_on(async {
                connections::set_order(&world.ports, &who, &world.tenant, &order).await?;
                runs::request(&world.ports, &world.tenant, trigger()).await?;
                tick::tick(&world.ports).await?;
                Ok::<_, ConnectionError>(())
            });
            world.ports.crash_at(None);
            world.ports.advance(Duration::from_secs(61));
            sync(&world);
            let found = block_on(connections::order(&world.ports, &world.tenant)).unwrap();
            if found == order {
                for connection in &order {
                    let now = version(&world, connection);
                    assert!(now > before, "{operation} {point:?}");
                    let decided = decided_by(&world, connection);
                    assert_eq!(decided, [now].into(), "{operation} {point:?}");
                }
            }
        }
    }
}

#[test]
fn the_channels_of_one_connection_go_over_to_the_next_when_it_is_not_in_use() {
    let (world, oak) = two(3);
    sync(&world);
    let status = |connection| {
        let status = watching::status(&world.ports, &world.tenant, connection);
        block_on(status).unwrap()
    };
    assert!(status(&world.connection).is_some());
    assert!(status(&oak).is_none());
    world.set_state(State::Revoked);
    world.ports.advance(Duration::from_hours(49));
    block_on(world.tick_until_idle());
    sync(&world);
    assert!(status(&world.connection).is_none());
    assert!(status(&oak).is_some());
}

#[test]
fn a_crash_at_any_store_operation_of_a_series_loses_no_run_and_doubles_none() {
    let (start, _) = two(4);
    let base = start.ports.operations();
    let whole = start.fork();
    sync(&whole);
    let operations = whole.ports.operations() - base;
    let expected = without_times(&whole);
    assert_eq!(expected.len(), 8);
    for (offset, point) in [(1, CrashPoint::Before), (4, CrashPoint::After)] {
        for operation in (offset..operations).step_by(7) {
            let world = start.fork();
            let at = world.ports.operations() + operation;
            world.ports.crash_at(Some((at, point)));
            block_on(async {
                let _ = runs::request(&world.ports, &world.tenant, trigger()).await;
                let _ = tick::tick(&world.ports).await;
                world.ports.crash_at(None);
                world.ports.advance(Duration::from_secs(61));
                world.tick_until_idle().await;
            });
            let what = format!("operation {operation} {point:?}");
            let ran = ran(&world, Lane::Run);
            if ran.is_empty() {
                // The request itself was cut off.
                assert!(operation < 4, "{what}");
                continue;
            }
            let made: Vec<(&str, &str)> = ran
                .iter()
                .map(|(id, connection, state)| {
                    assert_eq!(*state, RunState::Applied, "{what} {id}");
                    (id.as_str(), connection.as_str())
                })
                .collect();
            assert_eq!(
                made,
                [("r000001", "google"), ("r000001-002", "oak")],
                "{what}"
            );
            assert_eq!(without_times(&world), expected, "{what}");
        }
    }
}
