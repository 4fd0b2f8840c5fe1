//! Whole runs, from the request to the roster.

use super::{FakeUser, World, assign};
use crate::history;
use crate::holding::{self, HoldError};
use crate::memory::{CrashPoint, block_on};
use crate::roster::commit;
use crate::runs::{self, Lane, RunState, Trigger, TriggerKind};
use crate::tick;
use mapping::account::{Role, Status, StatusCause};
use mapping::plan::{Change, ChangeKind};
use mapping::rules::AccountType;
use std::time::Duration;

/// Forty students, of whom some are a unit deeper, and ten teachers.
pub(super) fn district() -> Vec<FakeUser> {
    let student = |number: usize| {
        FakeUser::new(
            number,
            if number.is_multiple_of(3) {
                "/Students/Grade 9"
            } else {
                "/Students"
            },
        )
    };
    (0..40)
        .map(student)
        .chain((40..50).map(|number| FakeUser::new(number, "/Staff")))
        .collect()
}

pub(super) fn changes(world: &World, run: &runs::Run) -> Vec<Change> {
    let mut all = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = block_on(history::changes(
            &world.ports,
            &world.tenant,
            &run.id,
            cursor.as_deref(),
            3,
        ));
        let (page, next) = page.unwrap();
        all.extend(page);
        cursor = next;
        if cursor.is_none() {
            return all;
        }
    }
}

pub(super) fn email(number: usize) -> String {
    format!("person{number}@maplegrove.example")
}

#[test]
fn a_first_run_imports_everybody_in_scope() {
    let mut users = district();
    users.push(FakeUser::new(90, "/Alumni"));
    let world = World::new(users);
    let run = world.sync();
    assert_eq!(
        run.state,
        RunState::Applied,
        "{:?} {:?}",
        run.failure,
        run.refusals
    );
    assert_eq!(run.counts.total.creates, 50);
    let accounts = world.accounts();
    assert_eq!(accounts.len(), 50);
    assert!(accounts[&email(0)].roles.contains(&Role::Student));
    assert!(accounts[&email(45)].roles.contains(&Role::Teacher));
    assert_eq!(changes(&world, &run).len(), 50);
    let commit = block_on(commit::newest(&world.ports, &world.tenant)).unwrap();
    assert_eq!(commit.known.total(), 50);
}

#[test]
fn a_night_without_a_change_writes_no_roster_data() {
    let world = World::new(district());
    world.sync();
    let is_roster = |key: &String| key.starts_with("blob/") || key.starts_with("roster/");
    let before: Vec<String> = world.ports.dump().into_keys().filter(is_roster).collect();
    let run = world.sync();
    assert_eq!(run.state, RunState::Unchanged);
    let after: Vec<String> = world.ports.dump().into_keys().filter(is_roster).collect();
    assert_eq!(before, after);
}

#[test]
fn a_finished_run_leaves_no_staged_people_behind() {
    let world = World::new(district());
    world.sync();
    let left: Vec<String> = world
        .ports
        .dump()
        .into_keys()
        .filter(|key| key.contains("/stage/") || key.contains("/claims/"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
}

#[test]
fn one_renamed_person_is_the_only_change() {
    let world = World::new(district());
    world.sync();
    world.google(|google| google.user(7).given_name = "Zoë".to_owned());
    let run = world.sync();
    assert_eq!(run.state, RunState::Applied);
    let changes = changes(&world, &run);
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].kind, ChangeKind::Update);
    assert_eq!(world.accounts()[&email(7)].given_name, "Zoë");
}

#[test]
fn a_person_deleted_at_the_source_is_suspended_once_the_source_confirmed_it() {
    let world = World::new(district());
    world.sync();
    world.google(|google| {
        google.remove(7);
    });
    let run = world.sync();
    assert_eq!(run.state, RunState::Applied);
    let account = &world.accounts()[&email(7)];
    assert_eq!(account.status, Status::Suspended);
    assert_eq!(account.status_cause, Some(StatusCause::DeletedAtSource));
}

#[test]
fn a_person_moved_out_of_scope_is_suspended_and_comes_back() {
    let world = World::new(district());
    world.sync();
    world.google(|google| google.user(7).unit = "/Alumni".to_owned());
    world.sync();
    let account = &world.accounts()[&email(7)];
    assert_eq!(account.status_cause, Some(StatusCause::MovedOutOfScope));
    world.google(|google| google.user(7).unit = "/Students".to_owned());
    world.sync();
    assert_eq!(world.accounts()[&email(7)].status, Status::Active);
}

#[test]
fn a_person_whom_a_list_forgets_is_left_alone() {
    let world = World::new(district());
    world.sync();
    world.google(|google| google.unlisted = vec![google.user(7).id.clone()]);
    let run = world.sync();
    assert_eq!(run.state, RunState::Unchanged);
    assert_eq!(run.issues, 1);
    assert_eq!(world.accounts()[&email(7)].status, Status::Active);
}

#[test]
fn lists_that_are_suddenly_empty_remove_nobody() {
    let world = World::new(district());
    world.sync();
    let before = world.accounts();
    world.google(|google| google.lists_are_empty = true);
    let run = world.sync();
    assert_eq!(run.state, RunState::Held, "{:?}", run.failure);
    assert_eq!(world.accounts(), before);
}

#[test]
fn a_plan_over_the_limits_is_held_and_writes_nothing() {
    let world = World::new(district());
    world.sync();
    let before = world.accounts();
    world.google(|google| (0..25).for_each(|number| google.user(number).suspended = true));
    let run = world.sync();
    assert_eq!(run.state, RunState::Held);
    assert!(!run.refusals.is_empty());
    assert_eq!(world.accounts(), before);
}

#[test]
fn a_held_plan_happens_once_it_is_approved() {
    let world = World::new(district());
    world.sync();
    world.google(|google| (0..25).for_each(|number| google.user(number).suspended = true));
    let held = world.sync();
    assert_eq!(held.state, RunState::Held);
    block_on(async {
        holding::approve(&world.ports, &world.tenant, &held.id)
            .await
            .unwrap();
        world.tick_until_idle().await;
    });
    let run = block_on(runs::read(&world.ports, &world.tenant, &held.id))
        .unwrap()
        .unwrap();
    assert_eq!(run.state, RunState::Applied);
    let suspended = world
        .accounts()
        .into_values()
        .filter(|account| account.status == Status::Suspended);
    assert_eq!(suspended.count(), 25);
    let again = block_on(holding::approve(&world.ports, &world.tenant, &held.id));
    assert_eq!(again, Err(HoldError::NotHeld(held.id)));
}

#[test]
fn a_held_plan_without_a_change_makes_no_commit_when_it_is_approved() {
    let world = World::new(district());
    world.sync();
    let before = block_on(commit::newest(&world.ports, &world.tenant)).unwrap();
    world.google(|google| google.lists_are_empty = true);
    let held = world.sync();
    assert_eq!(held.state, RunState::Held);
    block_on(async {
        holding::approve(&world.ports, &world.tenant, &held.id)
            .await
            .unwrap();
        world.tick_until_idle().await;
    });
    let run = block_on(runs::read(&world.ports, &world.tenant, &held.id)).unwrap();
    assert_eq!(run.unwrap().state, RunState::Unchanged);
    let after = block_on(commit::newest(&world.ports, &world.tenant)).unwrap();
    assert_eq!(before, after);
}

#[test]
fn a_held_plan_is_never_applied_to_a_roster_that_has_moved_on() {
    let world = World::new(district());
    world.sync();
    world.google(|google| (0..25).for_each(|number| google.user(number).suspended = true));
    let held = world.sync();
    world.google(|google| {
        (0..25).for_each(|number| google.user(number).suspended = false);
        google.user(30).given_name = "Zoë".to_owned();
    });
    assert_eq!(world.sync().state, RunState::Applied);
    let before = world.accounts();
    let approved = block_on(holding::approve(&world.ports, &world.tenant, &held.id));
    assert_eq!(approved, Err(HoldError::Superseded(held.id)));
    assert_eq!(world.accounts(), before);
}

#[test]
fn a_preview_shows_the_plan_of_the_run_and_writes_nothing() {
    let world = World::new(district());
    let preview = world.run(Lane::Preview);
    assert_eq!(preview.state, RunState::Planned);
    assert!(world.accounts().is_empty());
    let mut previewed = changes(&world, &preview);
    let run = world.sync();
    let mut applied = changes(&world, &run);
    // The two began at different times; nothing else differs.
    for change in previewed.iter_mut().chain(&mut applied) {
        (change.after.created_at_ms, change.after.changed_at_ms) = (0, 0);
    }
    assert_eq!(previewed, applied);
}

#[test]
fn two_new_people_with_one_address_are_both_left_out_and_named() {
    let mut users = district();
    users[8].email = users[7].email.clone();
    let world = World::new(users);
    let run = world.sync();
    assert_eq!(run.state, RunState::Applied);
    assert_eq!(run.counts.total.creates, 48);
    assert_eq!(run.issues, 2);
    assert!(!world.accounts().contains_key(&email(7)));
    // Once the address is unique again, both come in.
    world.google(|google| google.user(8).email = email(8));
    let run = world.sync();
    assert_eq!(run.counts.total.creates, 2);
    assert_eq!(world.accounts().len(), 50);
}

#[test]
fn a_plan_of_which_nothing_is_left_writes_no_roster_data() {
    let world = World::new(district());
    world.sync();
    world.google(|google| google.user(7).email = email(8));
    world.google(|google| google.user(8).email = email(9));
    world.google(|google| google.user(9).email = email(8));
    let before = block_on(commit::newest(&world.ports, &world.tenant)).unwrap();
    let run = world.sync();
    assert_eq!((run.state, run.issues), (RunState::Unchanged, 3));
    let after = block_on(commit::newest(&world.ports, &world.tenant)).unwrap();
    assert_eq!(before, after);
}

#[test]
fn a_person_who_comes_back_when_another_has_the_account_gets_one_of_their_own() {
    let world = World::new(district());
    world.sync();
    let mut seven = world.google(|google| google.remove(7));
    world.sync();
    world.google(|google| {
        google.add(FakeUser {
            email: email(7),
            ..FakeUser::new(60, "/Students")
        });
    });
    world.sync();
    let taken = world.accounts()[&email(7)].clone();
    assert_eq!(taken.status, Status::Active);
    seven.email = "back@maplegrove.example".to_owned();
    world.google(|google| google.add(seven));
    world.sync();
    let accounts = world.accounts();
    assert_eq!(accounts[&email(7)], taken);
    assert_ne!(accounts["back@maplegrove.example"].id, taken.id);
    assert_eq!(world.sync().state, RunState::Unchanged);
    world.google(|google| google.user(7).given_name = "Seven".to_owned());
    assert_eq!(world.sync().counts.total.updates, 1);
    assert_eq!(
        world.accounts()["back@maplegrove.example"].given_name,
        "Seven"
    );
}

#[test]
fn an_account_that_two_people_would_get_is_left_alone() {
    let world = World::new(district());
    world.sync();
    let mut seven = world.google(|google| google.remove(7));
    world.sync();
    let before = world.accounts();
    seven.email = "back@maplegrove.example".to_owned();
    world.google(|google| {
        google.add(seven);
        google.add(FakeUser {
            email: email(7),
            ..FakeUser::new(60, "/Students")
        });
    });
    let run = world.sync();
    assert_eq!((run.state, run.issues), (RunState::Unchanged, 1));
    assert_eq!(world.accounts(), before);
    world.google(|google| google.user(60).email = email(60));
    world.sync();
    let after = world.accounts();
    assert_eq!(after["back@maplegrove.example"].id, before[&email(7)].id);
    assert_eq!(after[&email(60)].status, Status::Active);
}

#[test]
fn two_people_who_swap_addresses_keep_their_accounts() {
    let world = World::new(district());
    world.sync();
    let before = world.accounts();
    world.google(|google| {
        google.user(7).email = email(8);
        google.user(8).email = email(7);
    });
    world.sync();
    world.sync();
    let after = world.accounts();
    assert_eq!(after[&email(8)].id, before[&email(7)].id);
    assert_eq!(after[&email(7)].id, before[&email(8)].id);
}

#[test]
fn a_change_of_rules_suspends_nobody() {
    let world = World::new(district());
    world.sync();
    world.set_rules(|rules| {
        let id = mapping::ids::RuleId::parse("staff").unwrap();
        rules.remove_assignment(&id).unwrap();
    });
    world.sync();
    let accounts = world.accounts();
    assert!(
        accounts
            .values()
            .all(|account| account.status == Status::Active)
    );
    assert!(accounts[&email(45)].no_longer_in_scope);
    world.set_rules(|rules| assign(rules, "staff", "/Staff", AccountType::Teacher));
    world.sync();
    assert!(!world.accounts()[&email(45)].no_longer_in_scope);
}

#[test]
fn without_a_mapping_a_run_says_so() {
    let world = World::new(district());
    world.set_rules(|rules| *rules = mapping::rules::RuleSet::default());
    let run = world.sync();
    assert_eq!(run.state, RunState::Failed);
    assert_eq!(run.failure.unwrap().code, "no_mappings");
}

#[test]
fn a_crash_at_any_store_operation_leaves_the_old_roster_or_the_new_one() {
    let users: Vec<FakeUser> = district().into_iter().step_by(4).collect();
    let world = World::new(users.clone());
    let operations_before = world.ports.operations();
    world.sync();
    let operations = world.ports.operations() - operations_before;
    let expected = world.accounts();
    // Every operation of a run takes long; a stride that shares no factor with the batch sizes
    // meets each kind of operation, and the offset moves with the point.
    for (offset, point) in [(1, CrashPoint::Before), (4, CrashPoint::After)] {
        for operation in (offset..operations).step_by(7) {
            let world = World::new(users.clone());
            let at = world.ports.operations() + operation;
            world.ports.crash_at(Some((at, point)));
            block_on(async {
                let trigger = Trigger {
                    kind: TriggerKind::Api,
                    by: "test".to_owned(),
                };
                let _ = runs::request(&world.ports, &world.tenant, trigger.clone()).await;
                let _ = tick::tick(&world.ports).await;
                world.ports.crash_at(None);
                world.ports.advance(Duration::from_secs(61));
                runs::request(&world.ports, &world.tenant, trigger)
                    .await
                    .unwrap();
                world.tick_until_idle().await;
            });
            let mut accounts = world.accounts();
            assert_eq!(
                accounts.len(),
                expected.len(),
                "operation {operation} {point:?}"
            );
            for (account, expected) in accounts.values_mut().zip(expected.values()) {
                account.created_at_ms = expected.created_at_ms;
                account.changed_at_ms = expected.changed_at_ms;
                assert_eq!(account, expected, "operation {operation} {point:?}");
            }
        }
    }
}
