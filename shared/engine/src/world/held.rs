//! Held plans: limits of the tenant, plans that go stale, and the plan after an undo.

use super::{FakeUser, World};
use crate::audit::Actor;
use crate::guarding::{self, Guard};
use crate::holding::{self, HoldError};
use crate::memory::block_on;
use crate::runs::{self, Lane, Run, RunState, Trigger, TriggerKind};
use crate::tick;
use mapping::account::Status;
use mapping::guard::Refusal;
use std::time::Duration;

fn students(number: usize) -> Vec<FakeUser> {
    (0..number)
        .map(|number| FakeUser::new(number, "/Students"))
        .collect()
}

/// A tenant in sync, and then a plan that suspends 25 of 50.
fn held() -> (World, Run) {
    let world = World::new(students(50));
    world.sync();
    world.google(|google| (0..25).for_each(|number| google.user(number).suspended = true));
    let run = world.sync();
    assert_eq!(run.state, RunState::Held);
    (world, run)
}

fn read(world: &World, run: &Run) -> Run {
    let run = runs::read(&world.ports, &world.tenant, &run.id);
    block_on(run).unwrap().unwrap()
}

fn newest(world: &World) -> Run {
    let page = runs::list(&world.ports, &world.tenant, Lane::Run, None, 1);
    block_on(page).unwrap().runs.remove(0)
}

fn set_guard(world: &World, json: &str) {
    let guard: Guard = serde_json::from_str(json).unwrap();
    let replaced = guarding::replace(&world.ports, &Actor::Operator, &world.tenant, guard);
    block_on(replaced).unwrap();
}

#[test]
fn limits_of_the_tenant_decide() {
    let world = World::new(students(50));
    world.sync();
    let strict = r#"{"limits":{"groups":{"students":{"updates":{"share_percent":0,"count":0}}}}}"#;
    set_guard(&world, strict);
    world.google(|google| google.user(3).given_name = "Zoë".to_owned());
    let run = world.sync();
    assert_eq!(run.state, RunState::Held);
    let sentences: Vec<String> = run.refusals.iter().map(Refusal::to_string).collect();
    assert_eq!(
        sentences,
        ["1 updates among 50 known students, more than 0 and than 0%"]
    );
}

#[test]
fn roll_over_weeks_let_more_happen() {
    let world = World::new(students(50));
    world.sync();
    // The clock of a world begins on 2 November 2026.
    let week = r#"{"roll_overs":[{"from":"2026-11-01","until":"2026-11-07"}],
        "roll_over_limits":{"everybody":{"suspensions":{"share_percent":60,"count":20}}}}"#;
    set_guard(&world, week);
    world.google(|google| (0..25).for_each(|number| google.user(number).suspended = true));
    assert_eq!(world.sync().state, RunState::Applied);
}

#[test]
fn after_an_edit_of_the_limits_a_held_plan_is_made_anew() {
    let (world, run) = held();
    set_guard(
        &world,
        r#"{"limits":{"everybody":{"suspensions":{"share_percent":60,"count":20}}}}"#,
    );
    let trigger = Trigger {
        kind: TriggerKind::Api,
        by: "test".to_owned(),
    };
    let asked = holding::replan(&world.ports, &world.tenant, &run.id, trigger.clone());
    let asked = block_on(asked).unwrap();
    assert_ne!(asked.run, run.id);
    assert_eq!(read(&world, &run).state, RunState::Superseded);
    block_on(world.tick_until_idle());
    assert_eq!(newest(&world).state, RunState::Applied);
    let again = holding::replan(&world.ports, &world.tenant, &run.id, trigger);
    assert_eq!(block_on(again), Err(HoldError::Superseded(run.id)));
}

#[test]
fn a_held_plan_goes_stale_with_the_roster_and_is_made_anew_by_itself() {
    let (world, run) = held();
    let person = world.accounts()["person30@maplegrove.example"].id.clone();
    world.edit(&person, r#"{"given_name":"Zoë"}"#).unwrap();
    let approved = holding::approve(&world.ports, &world.tenant, &run.id);
    assert!(matches!(
        block_on(approved),
        Err(HoldError::Stale { .. } | HoldError::Superseded(_))
    ));
    block_on(world.tick_until_idle());
    assert_eq!(read(&world, &run).state, RunState::Superseded);
    let second = newest(&world);
    assert_eq!(
        (second.state, second.trigger.kind),
        (RunState::Held, TriggerKind::Replan)
    );
    // Not again and again while the roster keeps moving.
    world.edit(&person, r#"{"given_name":"Zoe"}"#).unwrap();
    block_on(world.tick_until_idle());
    assert_eq!(newest(&world).id, second.id);
    world.ports.advance(Duration::from_hours(1));
    block_on(async {
        tick::tick(&world.ports).await.unwrap();
        world.tick_until_idle().await;
    });
    let third = newest(&world);
    assert_ne!(third.id, second.id);
    let approved = holding::approve(&world.ports, &world.tenant, &third.id);
    block_on(approved).unwrap();
    block_on(world.tick_until_idle());
    let accounts = world.accounts();
    let suspended = accounts
        .values()
        .filter(|account| account.status == Status::Suspended);
    assert_eq!(suspended.count(), 25);
    assert_eq!(accounts["person30@maplegrove.example"].given_name, "Zoe");
}

#[test]
fn the_plan_after_an_undo_is_looked_at_first() {
    let world = World::new(students(50));
    world.sync();
    world.google(|google| google.user(3).given_name = "Zoë".to_owned());
    let renamed = world.sync();
    world.undo(renamed.generation.unwrap(), false).unwrap();
    assert_eq!(
        world.accounts()["person3@maplegrove.example"].given_name,
        "Given3"
    );
    let run = world.sync();
    assert_eq!(
        (run.state, run.refusals.as_slice()),
        (RunState::Held, [Refusal::AfterUndo].as_slice())
    );
    block_on(async {
        holding::approve(&world.ports, &world.tenant, &run.id)
            .await
            .unwrap();
        world.tick_until_idle().await;
    });
    assert_eq!(
        world.accounts()["person3@maplegrove.example"].given_name,
        "Zoë"
    );
    world.google(|google| google.user(3).given_name = "Zoe".to_owned());
    assert_eq!(world.sync().state, RunState::Applied, "looked at once");
}
