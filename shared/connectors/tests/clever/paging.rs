//! Walking lists: where they end, and what must not lead astray.

use super::district::{District, asked_for, id, ok, parameter, raw};
use super::driver::{Answer, driver, now, plan, read, stage};
use bytes::Bytes;
use connectors::clever::Fetch;
use connectors::clever::api::{PAGE_SIZE, PAGE_SIZE_MIN};
use connectors::clever::fetch::PAGES_PER_CHAIN_MAX;
use connectors::fetch::{Asking, FetchError, Loop, Malformation, TransportFailure};
use http::Request;
use serde_json::{Value, json};

#[test]
fn a_link_may_lead_to_an_empty_page() {
    let mut district = District::new(6, 3);
    district.trails = true;
    let (batches, end) = read(plan(), |request| Ok(district.answer(request)));
    let complete = end.unwrap();
    assert_eq!(stage(batches).records.len(), district.users.len());
    assert_eq!(complete.chains()[0].pages, 3);
}

#[test]
fn an_empty_page_is_the_end_even_where_it_leads_further() {
    let district = District::new(6, 3);
    let mut pages = 0;
    let (_, end) = read(plan(), |request| {
        if asked_for(request) == "student" {
            pages += 1;
            if pages == 3 {
                let next = "/v3.1/users?starting_after=ffff";
                let links = json!([{ "rel": "next", "uri": next }]);
                return Ok(ok(&json!({ "data": [], "links": links })));
            }
        }
        let mut answer = district.answer(request);
        if pages == 2 {
            let body = String::from_utf8(answer.body().to_vec()).unwrap();
            let mut body: Value = serde_json::from_str(&body).unwrap();
            if let Some(links) = body["links"].as_array_mut() {
                links.push(json!({ "rel": "next", "uri": "/v3.1/users?starting_after=ffff" }));
            }
            answer = ok(&body);
        }
        Ok(answer)
    });
    assert_eq!(end.unwrap().chains()[0].listed, 6);
}

#[test]
fn a_full_page_without_a_link_is_not_taken_for_the_last() {
    // Only the first page forgets its link; it is as full as was asked for.
    let mut plan = plan();
    plan.classes = false;
    let district = District::new(120, 500);
    let (batches, end) = read(plan, |request| {
        if parameter(request, "limit").unwrap_or_default() == "100" {
            let answer = district.answer(request);
            let mut body: Value = serde_json::from_slice(answer.body()).unwrap();
            body["links"] = json!([{ "rel": "self", "uri": "/" }]);
            return Ok(ok(&body));
        }
        if asked_for(request) == "student" {
            return Ok(super::district::error(413, "too many"));
        }
        Ok(district.answer(request))
    });
    assert_eq!(end.unwrap().chains()[0].listed, 120);
    assert_eq!(stage(batches).records.len(), district.users.len());
}

#[test]
fn a_link_to_another_host_is_not_followed() {
    let district = District::new(7, 3);
    let (batches, end) = read(plan(), |request| {
        assert_eq!(request.uri().host(), Some("clever.example"));
        let answer = district.answer(request);
        let body = String::from_utf8(answer.body().to_vec()).unwrap();
        let elsewhere = body.replace("\"uri\":\"/v3.1", "\"uri\":\"http://evil.example/v3.1");
        Ok(raw(200, "application/json", &elsewhere))
    });
    assert!(end.is_ok());
    assert_eq!(stage(batches).records.len(), district.users.len());
}

#[test]
fn a_link_can_not_lead_past_anybody() {
    let district = District::new(7, 3);
    for place in ["", "ffffffffffffffffffffffff", "000000000000000000000000"] {
        let (batches, end) = read(plan(), |request| {
            let answer = district.answer(request);
            let mut body: Value = serde_json::from_slice(answer.body()).unwrap();
            for link in body["links"].as_array_mut().unwrap() {
                if link["rel"] == "next" {
                    link["uri"] = json!(format!("/v3.1/users?starting_after={place}"));
                }
            }
            Ok(ok(&body))
        });
        assert!(end.is_ok());
        assert_eq!(stage(batches).records.len(), district.users.len());
    }
}

#[test]
fn a_last_element_without_an_id_leaves_the_place_to_the_link() {
    let mut district = District::new(7, 20);
    district.users[9]["id"] = json!(null);
    let page = |ids: &[usize], next: Option<&str>| {
        let users: Vec<Value> = (ids.iter())
            .map(|number| json!({ "data": district.users[*number] }))
            .collect();
        let uri = next.map(|next| format!("/v3.1/users?starting_after={next}"));
        let links: Vec<Value> = uri
            .iter()
            .map(|uri| json!({ "rel": "next", "uri": uri }))
            .collect();
        ok(&json!({ "data": users, "links": links }))
    };
    let place = id("aa", 9);
    let read_students = |first: &dyn Fn() -> http::Response<Bytes>| {
        read(plan(), |request| {
            if asked_for(request) != "student" {
                return Ok(district.answer(request));
            }
            Ok(match parameter(request, "starting_after") {
                None => first(),
                Some(after) => {
                    assert_eq!(after, place);
                    page(&[10], None)
                }
            })
        })
    };
    let (_, end) = read_students(&|| page(&[0, 9], Some(&place)));
    assert_eq!(end.unwrap().chains()[0].listed, 3);
    // Without a place in the link the last id that is known has to do; without any, nothing does.
    let (_, end) = read_students(&|| page(&[9], Some("")));
    let shape = connectors::fetch::Cause::Malformed(Malformation::Shape);
    assert!(matches!(end, Err(FetchError::GaveUp { cause, .. }) if cause == shape));
}

fn users(ids: std::ops::Range<usize>, next: bool) -> Value {
    let users: Vec<Value> = ids
        .map(|number| json!({ "data": { "id": id("aa", number), "roles": { "student": {} } } }))
        .collect();
    let mut links = vec![json!({ "rel": "self", "uri": "/" })];
    if next {
        links.push(json!({ "rel": "next", "uri": "/v3.1/users?starting_after=1" }));
    }
    json!({ "data": users, "links": links })
}

/// How a read ends when the pages of students are these.
fn end_with(page: impl Fn(usize) -> Value) -> FetchError {
    let district = District::new(7, 3);
    let mut pages = 0;
    let (_, end) = read(plan(), |request| {
        if asked_for(request) != "student" {
            return Ok(district.answer(request));
        }
        pages += 1;
        Ok(ok(&page(pages)))
    });
    end.expect_err("no complete read")
}

#[test]
fn a_list_that_gives_an_earlier_page_again_is_a_loop() {
    let (asking, by) = (Asking::Users, Loop::Record);
    let looped = FetchError::Looped { asking, by };
    assert_eq!(end_with(|_| users(0..3, true)), looped);
    assert_eq!(end_with(|page| users(0..3, page == 1)), looped);
    assert_eq!(end_with(|page| users(page * 4..page * 4 + 6, true)), looped);
    assert_eq!(
        end_with(|page| users(90 - page * 3..93 - page * 3, true)),
        looped
    );
}

#[test]
fn a_page_out_of_order_or_with_somebody_twice_is_not_believed() {
    let malformed = |error: FetchError| match error {
        FetchError::GaveUp {
            cause: connectors::fetch::Cause::Malformed(malformation),
            attempts: 3,
            ..
        } => malformation,
        other => panic!("{other}"),
    };
    let page = |first: usize, second: usize| {
        let mut page = users(first..first + 1, false);
        page["data"]
            .as_array_mut()
            .unwrap()
            .push(users(second..second + 1, false)["data"][0].clone());
        page
    };
    assert_eq!(
        malformed(end_with(|_| page(4, 4))),
        Malformation::DuplicateRecord
    );
    assert_eq!(malformed(end_with(|_| page(4, 3))), Malformation::Shape);
}

#[test]
fn a_list_without_end_is_given_up() {
    let pages_max = PAGES_PER_CHAIN_MAX;
    let asking = Asking::Users;
    let end = end_with(|page| users(page..page + 1, true));
    assert_eq!(end, FetchError::Endless { asking, pages_max });
}

#[test]
fn a_list_that_ends_before_its_total_is_not_complete() {
    let end = end_with(|_| {
        let mut page = users(0..3, false);
        page["paging"] = json!({ "count": 4 });
        page
    });
    let (asking, expected, received) = (Asking::Users, 4, 3);
    let short = FetchError::ShortOfTotal {
        asking,
        expected,
        received,
    };
    assert_eq!(end, short);
}

#[test]
fn a_total_may_be_missing_too_small_or_nonsense() {
    for total in [json!(null), json!("many"), json!(1), json!({}), json!(-4)] {
        let mut district = District::new(7, 3);
        district.counts = false;
        let (_, end) = read(plan(), |request| {
            let mut body: Value = serde_json::from_slice(district.answer(request).body()).unwrap();
            body["count"] = total.clone();
            Ok(ok(&body))
        });
        assert!(end.is_ok(), "{total}");
    }
}

/// Reads students from a Clever that takes only so many at once.
fn read_with_limit(
    limit: u32,
    refuse: impl Fn() -> Answer,
) -> (Result<u64, FetchError>, Vec<String>) {
    let district = District::new(7, 3);
    let mut asked = Vec::new();
    let mut driver = driver(|request: &Request<Bytes>| {
        if asked_for(request) == "student" {
            let size = parameter(request, "limit").unwrap();
            asked.push(size.clone());
            if size.parse::<u32>().unwrap() > limit {
                return refuse();
            }
        }
        Ok(district.answer(request))
    });
    driver.crashes = true;
    let mut plan = plan();
    plan.window = 1;
    let (_, end) = driver.run(Fetch::start(plan, now()));
    assert_eq!(driver.now, now(), "nothing is waited for");
    (end.map(|complete| complete.chains()[0].listed), asked)
}

#[test]
fn c10_a_page_that_is_too_large_is_asked_for_in_halves() {
    assert_eq!(PAGE_SIZE, 2_000);
    let too_large = || Ok(super::district::error(413, "limit too large"));
    let (listed, asked) = read_with_limit(300, too_large);
    assert_eq!(listed, Ok(7));
    assert_eq!(asked, ["2000", "1000", "500", "250", "250", "250"]);
    let body = || Err(TransportFailure::BodyTooLarge { limit: 9 });
    let (listed, asked) = read_with_limit(100, body);
    assert_eq!(listed, Ok(7));
    assert_eq!(asked[5..], ["100", "100", "100"]);
}

#[test]
fn the_smallest_page_that_is_too_large_ends_the_read() {
    let asking = Asking::Users;
    let body = || Err(TransportFailure::BodyTooLarge { limit: 9 });
    let (end, asked) = read_with_limit(0, body);
    assert_eq!(end, Err(FetchError::AnswerTooLarge { asking, limit: 9 }));
    assert_eq!(asked.last().unwrap(), &PAGE_SIZE_MIN.to_string());
    let too_large = || Ok(super::district::error(413, "limit too large"));
    let refusal = connectors::fetch::Refusal::BadRequest;
    let (end, _) = read_with_limit(0, too_large);
    assert_eq!(end, Err(FetchError::Refused { asking, refusal }));
}
