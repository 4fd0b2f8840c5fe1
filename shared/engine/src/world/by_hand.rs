//! Edits, restorations and undo, from the request to the roster.

use super::{FakeUser, World};
use crate::audit::Actor;
use crate::by_hand::{self, RefusedByHand};
use crate::history;
use crate::memory::{CrashPoint, block_on};
use crate::ports::Store;
use crate::roster::{Reader, commit};
use crate::runs::{self, Run, RunState};
use crate::tick;
use mapping::account::{Account, Field, Status, StatusCause};
use mapping::ids::{AccountId, Generation};
use mapping::plan::ByHandError;
use mapping::rules::{Leaving, LeavingAction};
use std::collections::BTreeMap;
use std::time::Duration;

impl World {
    /// Edits an account by hand.
    pub(crate) fn edit(&self, id: &AccountId, json: &str) -> Result<Run, RefusedByHand> {
        let edit = serde_json::from_str(json).unwrap();
        self.carry_out(by_hand::request_edit(
            &self.ports,
            &Actor::Operator,
            &self.tenant,
            id,
            edit,
        ))
    }

    /// Restores an account by hand.
    pub(crate) fn restore(&self, id: &AccountId) -> Result<Run, RefusedByHand> {
        self.carry_out(by_hand::request_restore(
            &self.ports,
            &Actor::Operator,
            &self.tenant,
            id,
        ))
    }

    /// Undoes a commit.
    pub(crate) fn undo(&self, generation: Generation, later: bool) -> Result<Run, RefusedByHand> {
        self.carry_out(by_hand::request_undo(
            &self.ports,
            &Actor::Operator,
            &self.tenant,
            generation,
            later,
        ))
    }

    fn carry_out(
        &self,
        request: impl Future<Output = Result<mapping::ids::RunId, RefusedByHand>>,
    ) -> Result<Run, RefusedByHand> {
        block_on(async {
            let id = request.await?;
            tick::drive_tenant(&self.ports, &self.tenant).await.unwrap();
            let run = runs::read(&self.ports, &self.tenant, &id).await.unwrap();
            Ok(run.unwrap())
        })
    }
}

fn students(number: usize) -> Vec<FakeUser> {
    (0..number)
        .map(|number| FakeUser::new(number, "/Students"))
        .collect()
}

fn email(number: usize) -> String {
    format!("person{number}@maplegrove.example")
}

fn account(world: &World, number: usize) -> Account {
    world.accounts().remove(&email(number)).unwrap()
}

fn by_address(world: &World, address: &str) -> Option<Account> {
    block_on(async {
        let reader = Reader::open(&world.ports, &world.tenant).await.unwrap();
        let found = reader.account_by_address(&world.ports, address).await;
        found.unwrap()
    })
}

fn newest(world: &World) -> Generation {
    let newest = block_on(commit::newest(&world.ports, &world.tenant));
    newest.unwrap().generation
}

/// The accounts by id, without the deleted ones and without the time of their last change.
fn kept(world: &World) -> BTreeMap<String, Account> {
    let kept = world.accounts().into_values();
    kept.filter(|account| account.status != Status::Deleted)
        .map(|account| (account.id.to_string(), account))
        .collect()
}

#[test]
fn an_edit_is_a_commit_with_a_history_of_its_own_and_survives_the_next_run() {
    let world = World::new(students(12));
    world.sync();
    let id = account(&world, 3).id;
    let run = world
        .edit(
            &id,
            r#"{"given_name":"Annie","email":"annie@maplegrove.example"}"#,
        )
        .unwrap();
    assert_eq!(run.state, RunState::Applied, "{:?}", run.failure);
    let changes = history::changes(&world.ports, &world.tenant, &run.id, None, 9);
    let (changes, _) = block_on(changes).unwrap();
    insta::assert_snapshot!(changes[0].cause, @"edited by hand");
    assert_eq!(changes[0].fields, [Field::Email, Field::GivenName].into());
    assert_eq!(by_address(&world, &email(3)), None);
    let found = by_address(&world, "annie@maplegrove.example").unwrap();
    assert_eq!(found.id, id);
    world.google(|google| google.user(3).given_name = "Anastasia".to_owned());
    world.sync();
    let found = by_address(&world, "annie@maplegrove.example").unwrap();
    assert_eq!(found.given_name, "Annie");
}

#[test]
fn a_field_follows_the_source_again_once_it_is_unpinned() {
    let world = World::new(students(12));
    world.sync();
    let id = account(&world, 3).id;
    world.edit(&id, r#"{"given_name":"Annie"}"#).unwrap();
    world.edit(&id, r#"{"unpin":["given_name"]}"#).unwrap();
    assert_eq!(account(&world, 3).given_name, "Annie");
    let run = world.sync();
    assert_eq!(run.counts.total.updates, 1);
    assert_eq!(account(&world, 3).given_name, "Given3");
    assert_eq!(world.sync().state, RunState::Unchanged);
}

#[test]
fn an_edit_that_can_not_be_is_refused_and_changes_nothing() {
    let world = World::new(students(12));
    world.sync();
    let before = world.accounts();
    let id = account(&world, 3).id;
    let taken = format!(r#"{{"email":"{}"}}"#, email(4));
    let run = world.edit(&id, &taken).unwrap();
    assert_eq!(run.failure.unwrap().code, "address_taken");
    let nowhere = r#"{"memberships":[{"organization":"nowhere","role":"student"}]}"#;
    let run = world.edit(&id, nowhere).unwrap();
    assert_eq!(run.failure.unwrap().code, "unknown_organization");
    assert_eq!(
        world.restore(&id),
        Err(RefusedByHand::ByHand(ByHandError::NotDeleted))
    );
    let nobody = AccountId::parse("a0").unwrap();
    assert_eq!(world.edit(&nobody, "{}"), Err(RefusedByHand::NotFound));
    assert_eq!(world.accounts(), before);
}

#[test]
fn one_deleted_person_is_restored_and_stays_restored() {
    let world = World::new(students(12));
    world.set_rules(|rules| {
        let leaving = Leaving {
            deleted: LeavingAction::Delete,
            moved: LeavingAction::Suspend,
        };
        rules.set_leaving(leaving).unwrap();
    });
    world.sync();
    let id = account(&world, 3).id;
    world.google(|google| google.remove(3));
    world.sync();
    assert_eq!(by_address(&world, &email(3)), None);
    assert_eq!(world.restore(&id).unwrap().state, RunState::Applied);
    assert_eq!(by_address(&world, &email(3)).unwrap().id, id);
    assert_eq!(world.sync().state, RunState::Unchanged);
    assert_eq!(account(&world, 3).status, Status::Active);
}

#[test]
fn an_undo_returns_the_roster_and_is_a_commit_that_can_be_undone() {
    let world = World::new(students(12));
    world.sync();
    let first = world.accounts();
    world.google(|google| {
        google.user(3).given_name = "Zoë".to_owned();
        google.user(4).suspended = true;
        let new = FakeUser::new(40, "/Students");
        google.users.insert(new.id.clone(), new);
    });
    let changed = world.sync();
    let second = world.accounts();
    let undo = world.undo(changed.generation.unwrap(), false).unwrap();
    assert_eq!(undo.state, RunState::Applied, "{:?}", undo.failure);
    assert!(undo.generation > changed.generation);
    let now = world.accounts();
    for (address, account) in &first {
        assert_eq!(now[address], *account);
    }
    let made_since = &now[&email(40)];
    assert_eq!(made_since.status, Status::Deleted);
    assert_eq!(made_since.status_cause, Some(StatusCause::Undone));
    assert_eq!(by_address(&world, &email(40)), None);
    let total = (
        undo.counts.total.updates,
        undo.counts.total.restorations,
        undo.counts.total.deletions,
    );
    assert_eq!(total, (1, 1, 1));
    world.undo(undo.generation.unwrap(), false).unwrap();
    assert_eq!(world.accounts(), second);
}

#[test]
fn an_undo_of_the_first_import_keeps_everybody_as_deleted() {
    let world = World::new(students(30));
    let first = world.sync();
    world.undo(first.generation.unwrap(), false).unwrap();
    assert!(kept(&world).is_empty());
    assert_eq!(world.accounts().len(), 30);
    let known = block_on(commit::newest(&world.ports, &world.tenant))
        .unwrap()
        .known;
    assert_eq!(known.total(), 0);
}

#[test]
fn an_undo_after_an_undo_still_keeps_everybody_as_deleted() {
    let world = World::new((0..4).map(|n| FakeUser::new(n, "/Students")).collect());
    let first = world.sync().generation.unwrap();
    world.google(|google| google.add(FakeUser::new(9, "/Students")));
    let second = world.sync().generation.unwrap();
    world.undo(second, false).unwrap();
    let nine = world.accounts()["person9@maplegrove.example"].clone();
    assert_eq!(nine.status, Status::Deleted);
    world.undo(first, true).unwrap();
    let accounts = world.accounts();
    assert_eq!(accounts.len(), 5);
    assert_eq!(accounts["person9@maplegrove.example"], nine);
}

#[test]
fn an_undo_to_what_the_roster_is_already_makes_no_commit() {
    let world = World::new(students(4));
    world.sync();
    world.google(|google| google.add(FakeUser::new(9, "/Students")));
    let second = world.sync().generation.unwrap();
    let undone = world.undo(second, false).unwrap().generation.unwrap();
    let again = world.undo(second, true).unwrap();
    assert_eq!(again.state, RunState::Unchanged, "{:?}", again.failure);
    assert_eq!(newest(&world), undone);
}

#[test]
fn an_undo_of_an_older_commit_says_what_else_it_undoes() {
    let world = World::new(students(12));
    world.sync();
    let first = kept(&world);
    let mut generations = Vec::new();
    for name in ["Zoë", "Zoe"] {
        world.google(|google| google.user(3).given_name = name.to_owned());
        generations.push(world.sync().generation.unwrap());
    }
    let refused = world.undo(generations[0], false);
    let later = RefusedByHand::Later {
        generation: generations[0],
        later: 1,
    };
    assert_eq!(refused, Err(later));
    world.undo(generations[0], true).unwrap();
    assert_eq!(kept(&world), first);
}

#[test]
fn a_commit_can_be_undone_for_thirty_days() {
    let world = World::new(students(12));
    let run = world.sync();
    let generation = run.generation.unwrap();
    assert_eq!(
        world.undo(Generation(9), false),
        Err(RefusedByHand::NotFound)
    );
    assert_eq!(
        world.undo(Generation(0), false),
        Err(RefusedByHand::NotFound)
    );
    world.ports.advance(Duration::from_hours(30 * 24 + 1));
    let refused = world.undo(generation, false);
    assert_eq!(refused, Err(RefusedByHand::TooOld(generation)));
}

#[test]
fn an_undo_to_a_roster_of_which_a_part_is_gone_changes_nothing() {
    let world = World::new(students(12));
    world.sync();
    world.google(|google| google.user(3).given_name = "Zoë".to_owned());
    let changed = world.sync();
    let before = world.accounts();
    block_on(async {
        let first = commit::read(&world.ports, &world.tenant, Generation(1)).await;
        let first = first.unwrap().unwrap();
        for page in &first.maps[crate::roster::ACCOUNTS].pages {
            let key = crate::keys::blob(&world.tenant, page);
            world.ports.delete(&key).await.unwrap();
        }
    });
    let undo = world.undo(changed.generation.unwrap(), false).unwrap();
    assert_eq!(undo.failure.unwrap().code, "commit_gone");
    assert_eq!(world.accounts(), before);
}

#[test]
fn an_undo_that_waited_while_the_roster_moved_on_does_nothing() {
    let world = World::new(students(12));
    let run = world.sync();
    let id = account(&world, 3).id;
    block_on(async {
        let asked = by_hand::request_undo(
            &world.ports,
            &Actor::Operator,
            &world.tenant,
            run.generation.unwrap(),
            false,
        );
        let undo = asked.await.unwrap();
        // A second change by hand does not join the first.
        let edit = serde_json::from_str(r#"{"given_name":"Annie"}"#).unwrap();
        let edit = by_hand::request_edit(&world.ports, &Actor::Operator, &world.tenant, &id, edit);
        assert_eq!(edit.await, Err(RefusedByHand::Busy));
        // Somebody else's commit comes in between.
        let newest = commit::newest(&world.ports, &world.tenant).await.unwrap();
        let lease = crate::lease::Lease::take(&world.ports, &world.tenant);
        let lease = lease.await.unwrap().unwrap();
        let draft = commit::Commit {
            parent: newest.generation,
            ..newest
        };
        commit::publish(&world.ports, &world.tenant, &lease, draft)
            .await
            .unwrap();
        lease.release(&world.ports, &world.tenant).await.unwrap();
        tick::drive_tenant(&world.ports, &world.tenant)
            .await
            .unwrap();
        let undo = runs::read(&world.ports, &world.tenant, &undo)
            .await
            .unwrap();
        assert_eq!(undo.unwrap().failure.unwrap().code, "roster_moved_on");
    });
    assert_eq!(kept(&world).len(), 12);
}

#[test]
fn a_crash_at_any_store_operation_leaves_an_undo_done_or_not_and_never_half() {
    let changed = World::new(students(8));
    changed.sync();
    let before = changed.accounts();
    changed.google(|google| {
        google.user(3).given_name = "Zoë".to_owned();
        let new = FakeUser::new(40, "/Students");
        google.users.insert(new.id.clone(), new);
    });
    let generation = changed.sync().generation.unwrap();
    let start = changed.ports.operations();
    let undone = changed.fork();
    undone.undo(generation, false).unwrap();
    let operations = undone.ports.operations() - start;
    // Every seventh operation, another seven for each point: see the crash test of whole runs.
    for (offset, point) in [(1, CrashPoint::Before), (4, CrashPoint::After)] {
        for operation in (offset..=operations).step_by(7) {
            let world = changed.fork();
            let asked_at = newest(&world);
            world
                .ports
                .crash_at(Some((world.ports.operations() + operation, point)));
            block_on(async {
                let asked = by_hand::request_undo(
                    &world.ports,
                    &Actor::Operator,
                    &world.tenant,
                    generation,
                    false,
                );
                if asked.await.is_ok() {
                    let _ = tick::drive_tenant(&world.ports, &world.tenant).await;
                }
                world.ports.crash_at(None);
                world.ports.advance(Duration::from_secs(61));
                world.tick_until_idle().await;
            });
            if newest(&world) == asked_at {
                // The request itself was cut off.
                assert_eq!(world.accounts()[&email(3)].given_name, "Zoë");
                continue;
            }
            let now = world.accounts();
            for (address, account) in &before {
                let found = &now[address];
                assert_eq!(
                    found.given_name, account.given_name,
                    "{operation} {point:?}"
                );
            }
            assert_eq!(
                now[&email(40)].status,
                Status::Deleted,
                "{operation} {point:?}"
            );
        }
    }
}
