//! Following events.

use super::district::{District, error, event, event_id, id, ok, parameter, raw};
use super::driver::{Answer, api, driver, now, plan};
use bytes::Bytes;
use connectors::clever::Fetch;
use connectors::clever::{ChangedPage, Changes, ChangesEnd, EventCursor, Gap};
use connectors::fetch::{Asking, Cause, FetchError, Loop, Malformation, TransportFailure};
use http::Request;
use jiff::SignedDuration;
use mapping::ids::ExternalId;
use serde_json::{Value, json};
use std::collections::BTreeSet;

type End = Result<ChangesEnd, FetchError>;

fn district(events: Vec<Value>) -> District {
    let mut district = District::new(3, 2);
    district.events = Some(events);
    district
}

fn follow(after: &str, answer: impl FnMut(&Request<Bytes>) -> Answer) -> (Vec<ChangedPage>, End) {
    follow_from(EventCursor::After(after.to_owned()), answer)
}

fn follow_from(
    cursor: EventCursor,
    answer: impl FnMut(&Request<Bytes>) -> Answer,
) -> (Vec<ChangedPage>, End) {
    let mut driver = driver(answer);
    driver.crashes = true;
    let (pages, end) = driver.run(Changes::start(api(), cursor, 1, now()));
    let pages = pages.into_iter().filter(|page| page.events > 0);
    (pages.collect(), end)
}

fn up_to_date(number: usize) -> ChangesEnd {
    let cursor = EventCursor::After(event_id(number));
    ChangesEnd::UpToDate { cursor }
}

#[test]
fn who_changed_is_told_page_by_page_with_the_place() {
    let district = district(vec![
        event(1, "users.created", &id("aa", 0)),
        event(2, "users.updated", &id("aa", 1)),
        event(3, "users.deleted", &id("aa", 2)),
        event(4, "courses.updated", &id("0b", 1)),
        event(5, "sections.updated", &id("05", 1)),
        event(6, "users.updated", &id("aa", 1)),
        event(7, "schools.deleted", &id("0c", 1)),
        event(8, "districts.updated", &id("0d", 1)),
    ]);
    let (pages, end) = follow(&event_id(1), |request| Ok(district.answer(request)));
    assert_eq!(end, Ok(up_to_date(7)));
    let touched = |numbers: &[usize]| -> BTreeSet<ExternalId> {
        let ids = numbers
            .iter()
            .map(|number| ExternalId::parse(id("aa", *number)).unwrap());
        ids.collect()
    };
    let page = |numbers: &[usize], schools_changed, classes_changed, events, last| ChangedPage {
        users: touched(numbers),
        schools_changed,
        classes_changed,
        events,
        cursor: Some(EventCursor::After(event_id(last))),
    };
    assert_eq!(
        pages,
        [
            page(&[1, 2], false, false, 2, 3),
            page(&[1], false, true, 2, 6),
            page(&[], true, false, 1, 7),
        ]
    );
}

#[test]
fn without_news_the_place_stays() {
    let mut district = district(vec![event(1, "courses.created", &id("0b", 1))]);
    for trails in [false, true] {
        district.trails = trails;
        let (pages, end) = follow(&event_id(1), |request| Ok(district.answer(request)));
        assert_eq!((pages, end), (vec![], Ok(up_to_date(1))));
    }
}

#[test]
fn c7_a_place_that_clever_does_not_know_is_a_gap() {
    let district = district(vec![event(2, "users.created", &id("aa", 0))]);
    let (pages, end) = follow(&event_id(1), |request| Ok(district.answer(request)));
    assert_eq!(
        (pages, end),
        (vec![], Ok(ChangesEnd::Gap(Gap::CursorUnknown)))
    );
    let (_, end) = follow("x", |_| Ok(error(400, "invalid id")));
    assert_eq!(end, Ok(ChangesEnd::Gap(Gap::CursorUnknown)));
}

#[test]
fn c7_a_place_that_clever_may_soon_forget_is_a_gap() {
    let mut old = event(1, "users.created", &id("aa", 0));
    old["created"] = json!("2026-08-02T12:00:00.000Z");
    let district = district(vec![old, event(2, "users.created", &id("aa", 1))]);
    let (pages, end) = follow(&event_id(1), |request| Ok(district.answer(request)));
    assert_eq!((pages, end), (vec![], Ok(ChangesEnd::Gap(Gap::TooOld))));
}

#[test]
fn c7_events_that_were_switched_off_are_a_gap() {
    let mut district = District::new(3, 2);
    district.events = None;
    let (_, end) = follow(&event_id(1), |request| Ok(district.answer(request)));
    assert_eq!(end, Ok(ChangesEnd::Gap(Gap::EventsOff)));
    let (_, end) = follow(&event_id(1), |_| Ok(raw(404, "text/html", "<html></html>")));
    assert_eq!(end, Ok(ChangesEnd::Gap(Gap::EventsOff)));
}

#[test]
fn an_event_that_can_not_be_read_may_be_about_anybody() {
    let broken = [
        json!({ "id": event_id(2) }),
        json!({ "id": event_id(2), "type": "users" }),
        json!({ "id": event_id(2), "type": "users.updated", "data": { "object": {} } }),
        json!({ "id": event_id(2), "type": "users.updated", "data": [] }),
        json!({ "id": "", "type": "users.updated", "data": { "object": { "id": "1" } } }),
    ];
    for one in broken {
        let district = district(vec![event(1, "users.created", &id("aa", 0)), one]);
        let (pages, end) = follow(&event_id(1), |request| {
            // An event without an id can't be paged by the fixture.
            if parameter(request, "starting_after").is_some() {
                let last = district.events.as_ref().unwrap().last();
                return Ok(ok(&json!({ "data": [{ "data": last }], "links": [] })));
            }
            Ok(district.answer(request))
        });
        assert_eq!((pages, end), (vec![], Ok(ChangesEnd::Gap(Gap::Unreadable))));
    }
}

/// Answers about the place with the event itself, and about events with these pages.
fn follow_pages(page: impl Fn(usize) -> Value) -> (Vec<ChangedPage>, End) {
    let mut pages = 0;
    follow(&event_id(0), |request| {
        if parameter(request, "starting_after").is_none() {
            let place = event(0, "users.created", "1");
            return Ok(ok(&json!({ "data": place })));
        }
        pages += 1;
        Ok(ok(&page(pages)))
    })
}

fn page(numbers: std::ops::Range<usize>, next: bool) -> Value {
    let events: Vec<Value> = numbers
        .map(|number| json!({ "data": event(number, "users.updated", &id("aa", number)) }))
        .collect();
    let rel = if next { "next" } else { "self" };
    json!({ "data": events, "links": [{ "rel": rel, "uri": "/v3.1/events?starting_after=1" }] })
}

#[test]
fn events_that_come_again_are_a_loop() {
    let (asking, by) = (Asking::Events, Loop::Record);
    let looped = Err(FetchError::Looped { asking, by });
    assert_eq!(follow_pages(|_| page(1..4, true)).1, looped);
    assert_eq!(follow_pages(|_| page(0..4, true)).1, looped);
    assert_eq!(
        follow_pages(|number| page(number * 3..number * 3 + 4, true)).1,
        looped
    );
}

#[test]
fn events_without_end_are_a_gap_after_what_came() {
    let (pages, end) = follow_pages(|number| page(number..number + 1, true));
    assert_eq!(end, Ok(ChangesEnd::Gap(Gap::TooMany)));
    assert_eq!(pages.len(), 200);
    assert_eq!(pages[199].cursor, Some(EventCursor::After(event_id(200))));
}

#[test]
fn answers_that_can_not_be_are_tried_again_and_then_reported() {
    for (body, expected) in [
        ("{\"data\":[{", Malformation::Truncated),
        ("<html></html>", Malformation::NotJson),
        ("{}", Malformation::Shape),
        ("{\"data\":[]}", Malformation::MissingList),
    ] {
        let (_, end) = follow(&event_id(0), |request| {
            if parameter(request, "starting_after").is_none() {
                let place = event(0, "users.created", "1");
                return Ok(ok(&json!({ "data": place })));
            }
            Ok(raw(200, "application/json", body))
        });
        let (asking, attempts, cause) = (Asking::Events, 3, Cause::Malformed(expected));
        let gave_up = FetchError::GaveUp {
            asking,
            attempts,
            cause,
        };
        assert_eq!(end, Err(gave_up), "{body}");
    }
}

#[test]
fn the_place_must_be_the_one_that_was_asked_for() {
    let (_, end) = follow(&event_id(0), |_| {
        Ok(ok(&json!({ "data": event(1, "users.created", "1") })))
    });
    let cause = Cause::Malformed(Malformation::Shape);
    assert!(matches!(end, Err(FetchError::GaveUp { cause: found, .. }) if found == cause));
}

#[test]
fn pages_of_events_that_are_too_large_are_asked_for_in_halves() {
    let district = district(vec![
        event(1, "users.created", &id("aa", 0)),
        event(2, "users.created", &id("aa", 1)),
    ]);
    let (pages, end) = follow(&event_id(1), |request| {
        match parameter(request, "limit").as_deref() {
            Some("1000") => Err(TransportFailure::BodyTooLarge { limit: 9 }),
            Some("500") => Ok(error(413, "too many")),
            _ => Ok(district.answer(request)),
        }
    });
    assert_eq!((pages.len(), end), (1, Ok(up_to_date(2))));
}

#[test]
fn a_whole_read_and_then_its_events_miss_nobody() {
    for (events, last) in [
        (vec![event(1, "users.created", &id("aa", 0))], 2),
        (vec![], 2),
    ] {
        let mut district = district(events);
        let driver = &mut driver(|request: &_| Ok(district.answer(request)));
        let (_, _, fetch) = driver.run_keeping(Fetch::start(plan(), now()));
        let cursor = fetch.event_cursor().unwrap().clone();
        // Whatever happened while the lists were read comes after the place.
        let change = event(last, "users.updated", &id("aa", 1));
        district.events.as_mut().unwrap().push(change);
        let (pages, end) = follow_from(cursor, |request| Ok(district.answer(request)));
        assert_eq!((pages[0].users.len(), end), (1, Ok(up_to_date(last))));
    }
}

#[test]
fn a_district_without_any_event_stays_at_the_start_for_a_while() {
    let district = district(vec![]);
    let at = now();
    let start = EventCursor::Start { at };
    let (pages, end) = follow_from(start.clone(), |request| Ok(district.answer(request)));
    let cursor = start;
    assert_eq!((pages, end), (vec![], Ok(ChangesEnd::UpToDate { cursor })));
    let at = at - SignedDuration::from_hours(30 * 24);
    let (_, end) = follow_from(EventCursor::Start { at }, |_| {
        panic!("nothing is asked for")
    });
    assert_eq!(end, Ok(ChangesEnd::Gap(Gap::TooOld)));
}
