//! Answers that look like successes and are none. None of them may end in a complete read.

use super::district::{District, asked_for, ok, raw};
use super::driver::{Answer, driver, now, plan, read, stage};
use bytes::Bytes;
use connectors::clever::Fetch;
use connectors::fetch::{
    Asking, Cause, ChainId, Connector, FetchError, Malformation, TransportFailure,
};
use http::{Request, Response};
use proptest::prelude::*;
use serde_json::json;

const PARTS: [&str; 10] = [
    "districts",
    "events",
    "schools",
    "student",
    "teacher",
    "staff",
    "contact",
    "terms",
    "courses",
    "sections",
];

/// How a read ends when every answer about this part is replaced.
fn end_with(part: &str, replacement: &Response<Bytes>) -> FetchError {
    let district = District::new(5, 3);
    let answer = |request: &Request<Bytes>| -> Answer {
        if asked_for(request) == part {
            return Ok(replacement.clone());
        }
        Ok(district.answer(request))
    };
    read(plan(), answer).1.expect_err("no complete read")
}

fn malformation(error: &FetchError) -> Option<Malformation> {
    let FetchError::GaveUp {
        cause: Cause::Malformed(malformation),
        attempts: 3,
        ..
    } = error
    else {
        return None;
    };
    Some(*malformation)
}

#[test]
fn a_success_without_a_list_is_not_an_empty_district() {
    for part in PARTS {
        for (body, expected) in [
            (json!({}), Malformation::Shape),
            (json!([]), Malformation::Shape),
            (json!([[], []]), Malformation::Shape),
            (json!(null), Malformation::Shape),
            (json!({ "data": null, "links": [] }), Malformation::Shape),
            (json!({ "data": "none", "links": [] }), Malformation::Shape),
            (json!({ "data": {}, "links": [] }), Malformation::Shape),
            (json!({ "data": [], "links": "none" }), Malformation::Shape),
            (json!({ "data": [] }), Malformation::MissingList),
        ] {
            let end = end_with(part, &ok(&body));
            assert_eq!(malformation(&end), Some(expected), "{part} {body}: {end}");
        }
    }
}

#[test]
fn c10_html_and_torn_json_are_tried_again_and_then_reported() {
    for part in PARTS {
        let html = end_with(part, &raw(200, "text/html", "<html></html>"));
        assert_eq!(malformation(&html), Some(Malformation::NotJson), "{part}");
        let page = end_with(part, &raw(200, "application/json", "<html></html>"));
        assert_eq!(malformation(&page), Some(Malformation::NotJson), "{part}");
        let torn = end_with(part, &raw(200, "application/json", "{\"data\":[{\"dat"));
        assert_eq!(malformation(&torn), Some(Malformation::Truncated), "{part}");
        let empty = end_with(part, &raw(200, "application/json", ""));
        assert_eq!(
            malformation(&empty),
            Some(Malformation::Truncated),
            "{part}"
        );
    }
}

#[test]
fn c10_a_page_for_people_in_the_place_of_a_list_is_not_a_refusal() {
    for part in PARTS.into_iter().filter(|part| *part != "events") {
        let end = end_with(part, &raw(404, "text/html", "<html>Not found</html>"));
        assert_eq!(malformation(&end), Some(Malformation::NotJson), "{part}");
    }
}

#[test]
fn a_hiccup_costs_nobody() {
    let district = District::new(5, 3);
    for part in PARTS {
        let mut left = 2;
        let (batches, end) = read(plan(), |request| {
            if left > 0 && asked_for(request) == part {
                left -= 1;
                return Ok(raw(200, "text/html", "<html></html>"));
            }
            Ok(district.answer(request))
        });
        assert!(end.is_ok(), "{part}");
        assert_eq!(stage(batches).records.len(), district.users.len());
    }
}

#[test]
fn a_district_of_nobody_and_nothing_is_not_believed() {
    let mut district = District::empty();
    let end = |district: &District| read(plan(), |request| Ok(district.answer(request))).1;
    assert_eq!(end(&district).err(), Some(FetchError::NobodyListed));
    district.schools = District::new(0, 3).schools;
    assert_eq!(end(&district).unwrap().totals().schools, 2);
    district.schools.clear();
    district.users = District::new(1, 3).users;
    assert_eq!(end(&district).unwrap().totals().records, 5);
}

#[test]
fn elements_of_another_shape_are_noted() {
    let district = District::new(2, 20);
    let (batches, end) = read(plan(), |request| {
        if asked_for(request) != "courses" {
            return Ok(district.answer(request));
        }
        let data = json!([7, [], {}, { "data": [] }, { "data": "x" }, { "data": { "id": "z" } }]);
        Ok(ok(&json!({ "data": data, "links": [] })))
    });
    assert_eq!(end.unwrap().totals().issues, 5);
    let staged = stage(batches);
    assert!(staged.schooling.contains_key("z"));
    let sentence = "a record has a field that can't be read: courses, at courses";
    assert!(staged.issues.iter().all(|issue| issue == sentence));
}

#[test]
fn bytes_that_are_no_text_spoil_one_name_only() {
    let district = District::new(2, 20);
    let (batches, end) = read(plan(), |request| {
        let answer = district.answer(request);
        let body = answer.body().to_vec();
        let at = body.windows(6).position(|part| part == b"Given0");
        let mut body = body;
        if let Some(at) = at {
            body[at] = 0xff;
        }
        Ok(answer.map(|_| Bytes::from(body)))
    });
    assert!(end.is_ok());
    let records = stage(batches).records;
    assert_eq!(records.len(), district.users.len());
    assert!(
        records
            .values()
            .any(|one| one.given_name == "\u{fffd}iven0")
    );
}

#[test]
fn an_answer_that_nobody_waits_for_is_ignored() {
    let mut fetch = Fetch::start(plan(), now());
    let district = District::new(2, 20);
    let page = ok(&json!({ "data": [{ "data": district.about }], "links": [] }));
    for chain in [ChainId(0), ChainId(1), ChainId(77)] {
        assert!(fetch.handle_response(chain, now(), Ok(&page)).is_empty());
    }
    assert_eq!(fetch.totals().pages, 0);
}

#[test]
fn a_token_that_breaks_a_header_fails_the_read() {
    let mut driver = driver(|_: &_| panic!("nothing can be sent"));
    driver.access = "a\nb".to_owned();
    let (_, end) = driver.run(Fetch::start(plan(), now()));
    let asking = Asking::District;
    assert_eq!(end, Err(FetchError::Unbuildable { asking }));
}

#[test]
fn a_host_that_may_not_be_reached_is_the_operators_fault() {
    let (_, end) = read(plan(), |_| Err(TransportFailure::Denied));
    assert_eq!(end.err(), Some(FetchError::Blocked));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Bytes of a real answer, damaged: never a panic, and a complete read only with everybody of
    /// the lists that were not damaged.
    #[test]
    fn damage_never_makes_anybody_disappear(
        at in 0_usize..4_000,
        length in 1_usize..60,
        part in prop::sample::select(PARTS.to_vec()),
    ) {
        let district = District::new(5, 3);
        let answer = |request: &Request<Bytes>| -> Answer {
            let whole = district.answer(request);
            if asked_for(request) != part {
                return Ok(whole);
            }
            let body = whole.body();
            let from = at % body.len();
            let to = (from + length).min(body.len());
            let damaged = [&body[..from], &body[to..]].concat();
            Ok(whole.map(|_| Bytes::from(damaged)))
        };
        let (batches, end) = read(plan(), answer);
        if let Ok(complete) = end {
            let staged = stage(batches);
            let lost = district.users.len() - staged.records.len();
            prop_assert!(lost <= usize::try_from(complete.totals().issues).unwrap());
        }
    }
}
