//! Nights of a district: what can happen between two runs.

use crate::district::{District, default_ids, link, person, school_rules};
use mapping::account::{Field, Role};
use mapping::plan::Absence;
use mapping::rules::{Leaving, LeavingAction};
use proptest::prelude::*;

pub(crate) const PATHS: [&str; 5] = [
    "/Students",
    "/Students/Grade 9",
    "/Teachers",
    "/Office",
    "/Alumni",
];

/// One thing that can happen between two runs.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Appear(usize, usize),
    Disappear(usize, usize),
    Move(usize, usize),
    Pin(usize),
    Protect(usize),
    Rename(usize, usize),
    Suspend(usize),
}

pub(crate) fn event() -> impl Strategy<Value = Event> {
    let (person, path) = (0..12_usize, 0..PATHS.len());
    prop_oneof![
        (person.clone(), path.clone()).prop_map(|(who, to)| Event::Appear(who, to)),
        (person.clone(), 0..4_usize).prop_map(|(who, how)| Event::Disappear(who, how)),
        (person.clone(), path).prop_map(|(who, to)| Event::Move(who, to)),
        person.clone().prop_map(Event::Pin),
        person.clone().prop_map(Event::Protect),
        (person.clone(), 0..12_usize).prop_map(|(who, as_whom)| Event::Rename(who, as_whom)),
        person.prop_map(Event::Suspend),
    ]
}

pub(crate) fn action() -> impl Strategy<Value = LeavingAction> {
    prop_oneof![
        Just(LeavingAction::Delete),
        Just(LeavingAction::Keep),
        Just(LeavingAction::Suspend),
    ]
}

pub(crate) fn leaving() -> impl Strategy<Value = Leaving> {
    (action(), action()).prop_map(|(deleted, moved)| Leaving { deleted, moved })
}

/// Fields that may be pinned.
pub(crate) const FIELDS: [Field; 9] = [
    Field::Email,
    Field::FamilyName,
    Field::GivenName,
    Field::Grade,
    Field::Memberships,
    Field::Roles,
    Field::Status,
    Field::Username,
    Field::UserType,
];

/// Puts a list into the order that numbers, modulo its length, say.
pub(crate) fn shuffle<T>(list: &mut [T], order: &[usize]) {
    for (at, other) in order.iter().enumerate() {
        if !list.is_empty() {
            list.swap(at % list.len(), other % list.len());
        }
    }
}

pub(crate) fn perturb(district: &mut District, event: &Event) {
    let absences = [
        Absence::Deleted,
        Absence::MovedOutOfScope,
        Absence::Unconfirmed,
        Absence::UnitNotRead,
    ];
    match *event {
        Event::Appear(who, to) => {
            let record = person(&format!("p{who}"), PATHS[to]);
            let is_known =
                |known: &mapping::source::SourceRecord| known.external_id == record.external_id;
            if !district.records.iter().any(is_known) {
                district.records.push(record);
            }
        }
        Event::Disappear(who, how) => district.remove(&format!("p{who}"), absences[how]),
        Event::Move(who, to) => change(district, who, |record| {
            record.org_unit_path = Some(PATHS[to].to_owned());
        }),
        Event::Pin(who) => hand_edit(district, who, |account| {
            account.given_name = "by hand".to_owned();
            account.pinned.insert(Field::GivenName);
        }),
        Event::Protect(who) => hand_edit(district, who, |account| account.protected = true),
        Event::Rename(who, as_whom) => change(district, who, |record| {
            record.email = person(&format!("p{as_whom}"), "/").email;
        }),
        Event::Suspend(who) => change(district, who, |record| record.suspended ^= true),
    }
}

pub(crate) fn change(
    district: &mut District,
    who: usize,
    edit: impl Fn(&mut mapping::source::SourceRecord),
) {
    let id = person(&format!("p{who}"), "/").external_id;
    district
        .records
        .iter_mut()
        .filter(|record| record.external_id == id)
        .for_each(edit);
}

pub(crate) fn hand_edit(
    district: &mut District,
    who: usize,
    edit: impl Fn(&mut mapping::account::Account),
) {
    let id = crate::district::account_id(&format!("a-p{who}"));
    district.accounts.get_mut(&id).into_iter().for_each(edit);
}

/// A district after a first run and some nights.
pub(crate) fn district(leaving: Leaving, nights: &[Vec<Event>]) -> District {
    let mut rules = school_rules();
    rules
        .put_link(
            link("office", "/Office", Role::Admin),
            &default_ids("office"),
        )
        .unwrap();
    rules.set_leaving(leaving).unwrap();
    let people = (0..8).map(|n| person(&format!("p{n}"), PATHS[n % 4]));
    let mut district = District::new(rules, people.collect());
    district.run();
    for night in nights {
        for event in night {
            perturb(&mut district, event);
        }
        district.run();
    }
    district
}

pub(crate) fn nights() -> impl Strategy<Value = Vec<Vec<Event>>> {
    prop::collection::vec(prop::collection::vec(event(), 0..6), 0..4)
}
