//! Whatever several sources say, in whatever order: plans come to an end, and nobody is lost whom a
//! source still has.

use crate::town::{Town, connection, placed, placement};
use mapping::account::{Role, Status};
use mapping::source::SourceRecord;
use proptest::prelude::*;

const SOURCES: [&str; 3] = ["google", "clever", "files"];
const PEOPLE: usize = 4;

/// What may happen between two runs.
#[derive(Clone, Debug)]
enum Step {
    Rename(usize, usize, u8),
    Move(usize, usize, bool, Role),
    Suspend(usize, usize, bool),
    Leave(usize, usize),
    Arrive(usize, usize),
    Reorder(usize),
    Run(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let whom = || (0..SOURCES.len(), 0..PEOPLE);
    let role = prop_oneof![Just(Role::Teacher), Just(Role::Staff), Just(Role::Admin)];
    prop_oneof![
        (whom(), any::<u8>()).prop_map(|((s, p), name)| Step::Rename(s, p, name)),
        (whom(), any::<bool>(), role).prop_map(|((s, p), oak, role)| Step::Move(s, p, oak, role)),
        (whom(), any::<bool>()).prop_map(|((s, p), is)| Step::Suspend(s, p, is)),
        whom().prop_map(|(s, p)| Step::Leave(s, p)),
        whom().prop_map(|(s, p)| Step::Arrive(s, p)),
        (0..SOURCES.len()).prop_map(Step::Reorder),
        (0..SOURCES.len()).prop_map(Step::Run),
        (0..SOURCES.len()).prop_map(Step::Run),
    ]
}

/// A person as a source shows them: another id in each, one address in all.
fn person(source: usize, number: usize) -> SourceRecord {
    let mut record = placed(
        &format!("{}{number}", SOURCES[source]),
        [placement("oak", Role::Teacher, None)],
    );
    record.email = placed(&format!("p{number}"), []).email;
    record.username = None;
    record
}

fn take(town: &mut Town, step: &Step) {
    let find =
        |town: &mut Town, source: usize, number: usize, change: &dyn Fn(&mut SourceRecord)| {
            let people = &mut town
                .sources
                .get_mut(&connection(SOURCES[source]))
                .unwrap()
                .people;
            let id = person(source, number).external_id;
            if let Some(record) = people.get_mut(&id) {
                change(record);
            }
        };
    match step {
        Step::Rename(source, number, name) => find(town, *source, *number, &|record| {
            record.given_name = format!("N{name}");
        }),
        Step::Move(source, number, oak, role) => find(town, *source, *number, &|record| {
            let school = if *oak { "oak" } else { "elm" };
            record.placements = [placement(school, *role, None)].into();
        }),
        Step::Suspend(source, number, is) => {
            find(town, *source, *number, &|record| record.suspended = *is);
        }
        Step::Leave(source, number) => {
            let id = person(*source, *number).external_id;
            town.sources
                .get_mut(&connection(SOURCES[*source]))
                .unwrap()
                .people
                .remove(&id);
        }
        Step::Arrive(source, number) => {
            let record = person(*source, *number);
            let people = &mut town
                .sources
                .get_mut(&connection(SOURCES[*source]))
                .unwrap()
                .people;
            people.entry(record.external_id.clone()).or_insert(record);
        }
        Step::Reorder(first) => {
            let mut names = SOURCES.to_vec();
            names.rotate_left(*first);
            town.reorder(&names);
        }
        Step::Run(source) => {
            town.run(SOURCES[*source]);
        }
    }
}

proptest! {
    #[test]
    fn plans_of_several_sources_come_to_an_end_and_lose_nobody(
        steps in prop::collection::vec(step(), 1..60)
    ) {
        let mut town = Town::default();
        for (source, name) in SOURCES.iter().enumerate() {
            town.source(name, (0..PEOPLE).map(|number| person(source, number)).collect());
        }
        for step in &steps {
            take(&mut town, step);
        }
        // Two rounds bring everybody to rest: the second meets what the first linked.
        for _ in 0..2 {
            for name in SOURCES {
                town.run(name);
            }
        }
        for name in SOURCES {
            prop_assert_eq!(town.run(name), "", "{}", name);
        }
        for name in SOURCES {
            let source = &town.sources[&connection(name)];
            for record in source.people.values().filter(|record| !record.suspended) {
                let entry = source.base.get(&record.external_id);
                prop_assert!(entry.is_some(), "{} is not known", record.external_id);
                let account = &town.accounts[&entry.unwrap().account];
                prop_assert_eq!(account.status, Status::Active, "{}", record.external_id);
                let roles = record.placements.iter().map(|placement| placement.role);
                for role in roles {
                    prop_assert!(account.roles.contains(&role), "{} is {role}", account.id);
                }
            }
        }
        for account in town.accounts.values() {
            let is_known = |id: &mapping::ids::ConnectionId| {
                account.sources.iter().any(|link| link.connection == *id)
            };
            prop_assert!(account.statements.keys().all(is_known), "{account:?}");
        }
    }
}
