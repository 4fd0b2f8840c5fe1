//! Looks at a few people, from the hint to the roster.

use super::runs::{changes, district, email};
use super::{FakeGroup, FakeUser, World, assign};
use crate::keys;
use crate::memory::{CrashPoint, block_on};
use crate::ports::Store;
use crate::roster::commit;
use crate::runs::{self, Lane, RunState, Trigger, TriggerKind, Work};
use crate::tick;
use connectors::fetch::Whom;
use mapping::account::{Email, Role, Status, StatusCause};
use mapping::guard::Refusal;
use mapping::ids::{ExternalId, RuleId};
use mapping::plan::ChangeKind;
use mapping::rules::{AccountType, Assignment, DefaultIds, RuleSet, Subject};
use std::time::Duration;

/// A district whose roster is there already.
fn synced() -> World {
    let world = World::new(district());
    assert_eq!(world.sync().state, RunState::Applied);
    world
}

fn hints_left(world: &World) -> Vec<String> {
    let prefix = format!("hints/{}/{}/", world.tenant, world.connection);
    let keys = world.ports.dump().into_keys();
    keys.filter(|key| key.starts_with(&prefix) && !key.ends_with("/count"))
        .collect()
}

#[test]
fn a_look_changes_the_one_person_and_asks_for_nobody_else() {
    let world = synced();
    world.google(|google| {
        google.user(7).given_name = "Zoë".to_owned();
        google.user(8).given_name = "Somebody".to_owned();
        google.requests = 0;
    });
    let run = world.look_at(&[7]);
    assert_eq!((run.state, run.work), (RunState::Applied, Work::Look));
    let changes = changes(&world, &run);
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].kind, ChangeKind::Update);
    let accounts = world.accounts();
    assert_eq!(accounts[&email(7)].given_name, "Zoë");
    assert_eq!(accounts[&email(8)].given_name, "Given8");
    world.google(|google| assert_eq!(google.requests, 2));
    assert_eq!(hints_left(&world), Vec::<String>::new());
    // The night finds the other and nothing more.
    assert_eq!(world.sync().counts.total.updates, 1);
    assert_eq!(world.sync().state, RunState::Unchanged);
}

#[test]
fn a_look_deals_with_people_as_the_night_would() {
    let mut users = district();
    users.push(FakeUser::new(90, "/Alumni"));
    let (looked, nightly) = (World::new(users.clone()), World::new(users));
    for world in [&looked, &nightly] {
        world.sync();
        world.google(|google| {
            google.remove(1);
            google.user(2).unit = "/Alumni".to_owned();
            google.user(3).suspended = true;
            google.user(4).email = "new-name@maplegrove.example".to_owned();
            google.user(5).unit = "/Staff".to_owned();
            google.user(90).unit = "/Students/Grade 9".to_owned();
            let newcomer = FakeUser::new(91, "/Staff");
            google.users.insert(newcomer.id.clone(), newcomer);
            let outsider = FakeUser::new(92, "/Alumni");
            google.users.insert(outsider.id.clone(), outsider);
        });
    }
    let look = looked.look_at(&[1, 2, 3, 4, 5, 90, 91, 92, 93]);
    let night = nightly.sync();
    assert_eq!(look.state, RunState::Applied);
    assert_eq!(look.counts, night.counts);
    let (mut seen, mut expected) = (looked.accounts(), nightly.accounts());
    for account in seen.values_mut().chain(expected.values_mut()) {
        (account.created_at_ms, account.changed_at_ms) = (0, 0);
    }
    assert_eq!(seen, expected);
    assert_eq!(
        seen[&email(1)].status_cause,
        Some(StatusCause::DeletedAtSource)
    );
    assert_eq!(
        seen[&email(2)].status_cause,
        Some(StatusCause::MovedOutOfScope)
    );
    assert!(!seen.contains_key(&email(92)));
    let again = looked.sync();
    assert_eq!(again.state, RunState::Unchanged, "{:?}", again.counts);
    looked.google(|google| {
        google.user(2).unit = "/Students".to_owned();
        google.user(3).suspended = false;
    });
    assert_eq!(looked.look_at(&[2, 3]).counts.total.restorations, 2);
}

#[test]
fn an_address_leads_to_whoever_has_it_and_to_whoever_had_it() {
    let world = synced();
    world.google(|google| {
        google.user(7).email = "moved@maplegrove.example".to_owned();
        google.user(8).email = email(7);
        google.remove(9);
    });
    let address = |number| Whom::Email(Email::parse(&email(number)).unwrap());
    let run = world.look(vec![address(7), address(9)]);
    assert_eq!(run.state, RunState::Applied);
    let accounts = world.accounts();
    assert_eq!(accounts["moved@maplegrove.example"].given_name, "Given7");
    assert_eq!(accounts[&email(7)].given_name, "Given8");
    assert_eq!(accounts[&email(9)].status, Status::Suspended);
}

#[test]
fn a_hint_without_a_change_or_without_a_person_changes_nothing() {
    let world = synced();
    let before = block_on(commit::newest(&world.ports, &world.tenant)).unwrap();
    assert_eq!(world.look_at(&[7, 7, 99]).state, RunState::Unchanged);
    let nobody = Whom::Id(ExternalId::parse("person7@maplegrove.example").unwrap());
    assert_eq!(world.look(vec![nobody]).state, RunState::Unchanged);
    let after = block_on(commit::newest(&world.ports, &world.tenant)).unwrap();
    assert_eq!(before.generation, after.generation);
    assert_eq!(hints_left(&world), Vec::<String>::new());
}

#[test]
fn a_look_that_promotes_students_is_held_and_happens_once_approved() {
    let world = synced();
    let before = world.accounts();
    world.google(|google| (0..6).for_each(|number| google.user(number).unit = "/Staff".to_owned()));
    let held = world.look_at(&[0, 1, 2, 3, 4, 5]);
    assert_eq!(held.state, RunState::Held);
    assert_eq!(held.refusals, [Refusal::Promotions { count: 6 }]);
    assert_eq!(world.accounts(), before);
    assert_eq!(hints_left(&world), Vec::<String>::new());
    block_on(async {
        crate::holding::approve(&world.ports, &world.tenant, &held.id)
            .await
            .unwrap();
        world.tick_until_idle().await;
    });
    assert!(world.accounts()[&email(3)].roles.contains(&Role::Teacher));
}

#[test]
fn many_small_looks_do_not_pass_the_guard_that_one_large_run_would_meet() {
    let world = synced();
    let mut applied = 0;
    let mut held = 0;
    for number in 0..30 {
        world.google(|google| google.user(number).suspended = true);
        let state = world.look_at(&[number]).state;
        applied += u32::from(state == RunState::Applied);
        held += u32::from(state == RunState::Held);
    }
    assert_eq!((applied, held), (20, 10));
    // Everybody is read: what is left is one plan, and from then on looks count anew.
    let night = world.sync();
    assert_eq!(night.counts.total.suspensions, 10);
    assert_eq!(night.state, RunState::Applied);
    world.google(|google| google.user(30).suspended = true);
    assert_eq!(world.look_at(&[30]).state, RunState::Applied);
}

#[test]
fn a_full_request_makes_a_waiting_look_full_and_leaves_the_hints_alone() {
    let world = synced();
    world.google(|google| {
        google.user(7).given_name = "Zoë".to_owned();
        google.user(8).given_name = "Ana".to_owned();
    });
    let whom = Whom::Id(ExternalId::parse(format!("1{:020}", 7)).unwrap());
    let look = block_on(world.ask_for_look(vec![whom])).unwrap();
    let run = world.sync();
    assert_eq!(run.id, look);
    assert_eq!(run.work, Work::Full);
    assert_eq!(run.counts.total.updates, 2);
    assert_eq!(hints_left(&world).len(), 1);
    assert_eq!(world.look_at(&[]).state, RunState::Unchanged);
    assert_eq!(hints_left(&world).len(), 0);
}

#[test]
fn a_provider_that_fails_ends_in_failed_looks_and_no_busy_loop() {
    let world = synced();
    world.google(|google| {
        google.user(7).given_name = "Zoë".to_owned();
        google.user_errors = u32::MAX;
        google.requests = 0;
    });
    let first = world.look_at(&[7]);
    assert_eq!(first.state, RunState::Failed);
    assert_eq!(first.failure.unwrap().code, "provider_unavailable");
    let newest = block_on(runs::list(&world.ports, &world.tenant, Lane::Run, None, 10)).unwrap();
    assert_eq!(newest.runs.len(), 4, "the first run and three looks");
    world.google(|google| assert!(google.requests < 40, "{}", google.requests));
    assert_eq!(hints_left(&world), Vec::<String>::new());
    world.google(|google| google.user_errors = 0);
    assert_eq!(world.sync().counts.total.updates, 1);
}

#[test]
fn a_provider_that_recovers_is_looked_at_again() {
    let world = synced();
    world.google(|google| {
        google.user(7).given_name = "Zoë".to_owned();
        google.user_errors = 10;
    });
    assert_eq!(world.look_at(&[7]).state, RunState::Failed);
    assert_eq!(world.accounts()[&email(7)].given_name, "Zoë");
}

fn assign_group(rules: &mut RuleSet, id: &str, address: &str, account_type: AccountType) {
    let rule = |text: String| RuleId::parse(text).unwrap();
    let assignment = Assignment {
        id: rule(id.to_owned()),
        subject: Subject::Group {
            address: Email::parse(address).unwrap(),
        },
        account_type,
        organization: None,
    };
    let ids = DefaultIds {
        filter: rule(format!("{id}-f")),
        mapping_set: rule(format!("{id}-s")),
    };
    rules.put_assignment(assignment, &ids).unwrap();
}

fn id_of(number: usize) -> String {
    format!("1{number:020}")
}

/// A district where a group, and another one nested in it, decide who is an admin.
fn with_groups() -> World {
    let mut users = district();
    users.extend((60..64).map(|number| FakeUser::new(number, "/Office")));
    let world = World::new(users);
    world.set_rules(|rules| {
        assign_group(rules, "it", "it@maplegrove.example", AccountType::Admin);
    });
    world.google(|google| {
        let nested = vec!["inner@maplegrove.example".to_owned()];
        for (address, member, nested) in [
            ("it@maplegrove.example", 60, nested),
            ("inner@maplegrove.example", 61, Vec::new()),
        ] {
            let members = [id_of(member)].into();
            let group = FakeGroup { members, nested };
            google.groups.insert(address.to_owned(), group);
        }
    });
    assert_eq!(world.sync().state, RunState::Applied);
    assert!(world.accounts()[&email(61)].roles.contains(&Role::Admin));
    world
}

#[test]
fn where_groups_decide_a_look_brings_gains_and_news_and_leaves_losses_to_the_night() {
    let world = with_groups();
    world.google(|google| {
        google.user(61).given_name = "Zoë".to_owned();
        let inner = google.groups.get_mut("inner@maplegrove.example").unwrap();
        inner.members.insert(id_of(62));
        google.user(7).suspended = true;
        google.remove(8);
    });
    let run = world.look_at(&[61, 62, 7, 8]);
    assert_eq!(run.state, RunState::Applied, "{:?}", run.failure);
    let accounts = world.accounts();
    assert_eq!(accounts[&email(61)].given_name, "Zoë");
    assert!(accounts[&email(62)].roles.contains(&Role::Admin));
    assert_eq!(accounts[&email(7)].status, Status::Suspended);
    assert_eq!(accounts[&email(8)].status, Status::Suspended);
    // A group that does not name somebody any more is no proof in a look.
    world.google(|google| {
        let inner = google.groups.get_mut("inner@maplegrove.example").unwrap();
        inner.members.clear();
    });
    assert_eq!(world.look_at(&[61, 62]).state, RunState::Unchanged);
    world.sync();
    assert_eq!(world.accounts()[&email(62)].status, Status::Suspended);
}

#[test]
fn where_any_group_may_decide_a_look_changes_nothing_that_groups_decide() {
    let world = with_groups();
    world.set_rules(|rules| {
        let filter = serde_json::from_value(serde_json::json!({
            "id": "contractors", "attribute": "groupsMembership", "condition": "CONTAINS",
            "expression": "contractor", "status": "BLOCK",
        }))
        .unwrap();
        rules
            .add_filter(&mapping::rules::FilterList::Top, filter, Some(0))
            .unwrap();
    });
    world.sync();
    world.google(|google| {
        let newcomer = FakeUser::new(70, "/Students");
        google.users.insert(newcomer.id.clone(), newcomer);
        google.user(61).given_name = "Zoë".to_owned();
        google.user(7).given_name = "Ana".to_owned();
        google.user(9).suspended = true;
    });
    // Person 61 is an admin by a nested group, which a look at them does not show.
    let run = world.look_at(&[70, 61, 7, 9]);
    assert_eq!(run.state, RunState::Applied, "{:?}", run.failure);
    let accounts = world.accounts();
    assert!(!accounts.contains_key(&email(70)));
    assert_eq!(accounts[&email(61)].given_name, "Given61");
    assert_eq!(accounts[&email(7)].given_name, "Ana");
    assert_eq!(accounts[&email(9)].status, Status::Suspended);
    world.sync();
    let accounts = world.accounts();
    assert!(accounts.contains_key(&email(70)));
    assert_eq!(accounts[&email(61)].given_name, "Zoë");
}

#[test]
fn a_unit_that_was_renamed_today_takes_nobody_out_of_scope() {
    let world = World::new(district());
    world.set_rules(|rules| {
        rules
            .remove_assignment(&RuleId::parse("students").unwrap())
            .unwrap();
        assign(rules, "students", "/Students", AccountType::Student);
        for assignment in &mut rules.assignments {
            if let Subject::OrgUnit { unit, .. } = &mut assignment.subject {
                unit.id = (unit.path == "/Students").then(|| "id:students".to_owned());
            }
        }
    });
    world.sync();
    world.google(|google| {
        google.rename_unit("/Students", "/Learners");
        google.user(7).given_name = "Zoë".to_owned();
    });
    let run = world.look_at(&[7]);
    assert_eq!(run.state, RunState::Applied, "{:?}", run.failure);
    let account = &world.accounts()[&email(7)];
    assert_eq!(account.status, Status::Active);
    assert_eq!(account.given_name, "Zoë");
}

#[test]
fn a_crash_at_any_store_operation_of_a_look_loses_no_hint_and_leaves_no_half_change() {
    let changed = |world: &World| {
        world.google(|google| {
            google.user(7).given_name = "Zoë".to_owned();
            google.remove(8);
        });
    };
    let whom = || {
        [7, 8]
            .map(|number| Whom::Id(ExternalId::parse(id_of(number)).unwrap()))
            .to_vec()
    };
    let users: Vec<FakeUser> = district().into_iter().take(9).collect();
    let world = World::new(users.clone());
    world.sync();
    changed(&world);
    let before = world.ports.operations();
    world.look(whom());
    let operations = world.ports.operations() - before;
    let expected = world.accounts();
    // Before one operation and after the last are nearly the same: each point meets every other.
    for (offset, point) in [(1, CrashPoint::Before), (2, CrashPoint::After)] {
        for operation in (offset..=operations).step_by(2) {
            let world = World::new(users.clone());
            world.sync();
            changed(&world);
            let at = world.ports.operations() + operation;
            world.ports.crash_at(Some((at, point)));
            block_on(async {
                let asked = world.ask_for_look(whom()).await;
                let _ = tick::tick(&world.ports).await;
                world.ports.crash_at(None);
                world.ports.advance(Duration::from_secs(61));
                // Whoever was not told that the request stands asks again.
                if asked.is_err() {
                    world.ask_for_look(whom()).await.unwrap();
                }
                world.tick_until_idle().await;
            });
            let mut accounts = world.accounts();
            for (email, account) in &mut accounts {
                account.changed_at_ms = expected[email].changed_at_ms;
            }
            assert_eq!(accounts, expected, "operation {operation} {point:?}");
        }
    }
}

#[test]
fn a_night_between_two_looks_is_a_full_run() {
    let world = synced();
    block_on(async {
        let whom = |number| vec![Whom::Id(ExternalId::parse(id_of(number)).unwrap())];
        world.ask_for_look(whom(1)).await.unwrap();
        let trigger = Trigger {
            kind: TriggerKind::Nightly,
            by: "scheduler".to_owned(),
        };
        runs::request(&world.ports, &world.tenant, trigger)
            .await
            .unwrap();
        world.ask_for_look(whom(2)).await.unwrap();
        world.tick_until_idle().await;
        let list = runs::list(&world.ports, &world.tenant, Lane::Run, None, 10)
            .await
            .unwrap();
        let works: Vec<Work> = list.runs.iter().map(|run| run.work).collect();
        assert_eq!(works, [Work::Full, Work::Full]);
        let key = keys::run_looks(&world.tenant, runs::Lane::Run, 2);
        assert_eq!(world.ports.increment(&key, 0).await.unwrap(), 2);
    });
}
