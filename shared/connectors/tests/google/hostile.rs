//! Answers that look like successes and are none. None of them may end in a complete read.

use super::district::{District, ok, raw};
use super::driver::{Answer, base_url, driver, now, plan, read, stage, unit};
use bytes::Bytes;
use connectors::fetch::{Asking, Cause, FetchError, Loop, Malformation, TransportFailure};
use connectors::google::directory::Population;
use connectors::google::fetch::{Fetch, FetchPlan, GroupScope, PAGES_PER_CHAIN_MAX, UnitScopes};
use http::{Request, Response};
use mapping::issue::Issue;
use proptest::prelude::*;
use serde_json::{Value, json};

fn everyone() -> FetchPlan {
    plan(UnitScopes::Everyone, GroupScope::All)
}

fn district() -> District {
    let mut district = District::new(&["/A"], 5, 3);
    district.add_group("a@maplegrove.example", &[("1", "USER")]);
    district
}

/// How a read ends when every answer about this part is replaced.
fn end_with(part: &str, replacement: impl Fn(u32) -> Response<Bytes>) -> FetchError {
    let district = district();
    let mut replaced = 0;
    let answer = |request: &Request<Bytes>| -> Answer {
        if request.uri().path().ends_with(part) {
            replaced += 1;
            return Ok(replacement(replaced));
        }
        Ok(district.answer(request))
    };
    let (_, end) = read(everyone(), answer);
    assert!(replaced > 0);
    end.expect_err("no complete read")
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

fn users(ids: std::ops::Range<u32>, next: Option<&str>) -> Value {
    let users: Vec<Value> = ids
        .map(
            |id| json!({ "id": id.to_string(), "primaryEmail": "a@b.example", "orgUnitPath": "/" }),
        )
        .collect();
    let mut page = json!({ "kind": "admin#directory#users", "users": users });
    if let Some(next) = next {
        page["nextPageToken"] = json!(next);
    }
    page
}

#[test]
fn a_success_without_a_list_is_not_an_empty_district() {
    let cases = [
        ("users", json!({}), Malformation::MissingList),
        (
            "users",
            json!({ "kind": "admin#directory#groups" }),
            Malformation::Shape,
        ),
        ("users", json!([]), Malformation::MissingList),
        ("users", json!({ "users": "none" }), Malformation::Shape),
        (
            "users",
            json!({ "kind": "admin#directory#users", "nextPageToken": "x" }),
            Malformation::MissingList,
        ),
        (
            "users",
            json!({ "users": [], "nextPageToken": "x" }),
            Malformation::MissingList,
        ),
        ("orgunits", json!({}), Malformation::MissingList),
        (
            "orgunits",
            json!({ "organizationUnits": [] }),
            Malformation::PartialTree,
        ),
        (
            "orgunits",
            json!({ "kind": "admin#directory#orgUnits" }),
            Malformation::PartialTree,
        ),
        ("groups", json!({}), Malformation::MissingList),
        (
            "groups",
            json!({ "groups": [{ "id": "1" }] }),
            Malformation::Shape,
        ),
        ("members", json!({}), Malformation::MissingList),
        (
            "members",
            json!({ "kind": "admin#directory#members" }),
            Malformation::MembersMissing,
        ),
        (
            "members",
            json!({ "members": [] }),
            Malformation::MembersMissing,
        ),
        (
            "members",
            json!({ "members": [{ "type": "USER" }] }),
            Malformation::Shape,
        ),
    ];
    for (part, body, expected) in cases {
        let end = end_with(part, |_| ok(&body));
        assert_eq!(malformation(&end), Some(expected), "{part} {body}: {end}");
    }
}

#[test]
fn a_list_of_nobody_is_not_believed_of_a_whole_customer() {
    let nobody = || ok(&json!({ "kind": "admin#directory#users" }));
    assert_eq!(end_with("users", |_| nobody()), FetchError::EmptyDirectory);
    let empty = || ok(&json!({ "users": [] }));
    assert_eq!(end_with("users", |_| empty()), FetchError::EmptyDirectory);
}

#[test]
fn a_linked_unit_may_be_empty() {
    let mut district = District::new(&["/A", "/B"], 1, 3);
    district.users.retain(|user| user["orgUnitPath"] != "/B");
    let plan = plan(UnitScopes::Units(vec![unit("/B", true)]), GroupScope::None);
    let (batches, end) = read(plan, |request| Ok(district.answer(request)));
    assert_eq!(end.unwrap().totals().records, 0);
    assert!(stage(batches).records.is_empty());
}

#[test]
fn html_and_torn_json_are_tried_again_and_then_reported() {
    for part in ["users", "orgunits", "groups", "members"] {
        let html = end_with(part, |_| raw(200, "text/html", "<html></html>"));
        assert_eq!(malformation(&html), Some(Malformation::NotJson), "{part}");
        let page = end_with(part, |_| raw(200, "application/json", "<html></html>"));
        assert_eq!(malformation(&page), Some(Malformation::NotJson), "{part}");
        let torn = end_with(part, |_| raw(200, "application/json", "{\"kind\":\"adm"));
        assert_eq!(malformation(&torn), Some(Malformation::Truncated), "{part}");
        let empty = end_with(part, |_| raw(200, "application/json", ""));
        assert_eq!(
            malformation(&empty),
            Some(Malformation::Truncated),
            "{part}"
        );
    }
}

#[test]
fn a_list_that_gives_the_same_token_again_is_a_loop() {
    let asking = Asking::Users;
    let same = end_with("users", |n| ok(&users(n * 10..n * 10 + 3, Some("again"))));
    assert_eq!(
        same,
        FetchError::Looped {
            asking,
            by: Loop::PageToken
        }
    );
    let cycle = end_with("users", |n| {
        let token = format!("t{}", n % 5);
        ok(&users(n * 10..n * 10 + 3, Some(&token)))
    });
    assert_eq!(
        cycle,
        FetchError::Looped {
            asking,
            by: Loop::PageToken
        }
    );
}

#[test]
fn a_list_that_gives_the_first_page_for_ever_is_a_loop() {
    let asking = Asking::Users;
    let end = end_with("users", |n| ok(&users(0..3, Some(&n.to_string()))));
    assert_eq!(
        end,
        FetchError::Looped {
            asking,
            by: Loop::Record
        }
    );
}

#[test]
fn a_page_that_overlaps_an_earlier_one_is_a_loop() {
    let asking = Asking::Users;
    let end = end_with("users", |n| {
        ok(&users(n * 4..n * 4 + 6, Some(&n.to_string())))
    });
    assert_eq!(
        end,
        FetchError::Looped {
            asking,
            by: Loop::Record
        }
    );
}

#[test]
fn a_last_page_that_repeats_an_earlier_one_is_a_loop() {
    let asking = Asking::Users;
    let end = end_with("users", |n| ok(&users(0..3, (n == 1).then_some("2"))));
    assert_eq!(
        end,
        FetchError::Looped {
            asking,
            by: Loop::Record
        }
    );
}

#[test]
fn a_list_without_end_is_given_up() {
    let end = end_with("users", |n| ok(&users(n..n + 1, Some(&n.to_string()))));
    let pages_max = PAGES_PER_CHAIN_MAX;
    let asking = Asking::Users;
    assert_eq!(end, FetchError::Endless { asking, pages_max });
}

#[test]
fn a_person_twice_on_a_page_is_not_believed() {
    let twice =
        json!({ "users": [{ "id": "1", "orgUnitPath": "/" }, { "id": "1", "orgUnitPath": "/" }] });
    let end = end_with("users", |_| ok(&twice));
    assert_eq!(malformation(&end), Some(Malformation::DuplicateRecord));
}

#[test]
fn a_tree_with_a_hole_is_not_believed() {
    let unit = |id: &str, path: &str| json!({ "orgUnitId": id, "orgUnitPath": path });
    let cases = [
        (
            vec![unit("1", "/"), unit("2", "/A/B")],
            Malformation::PartialTree,
        ),
        (vec![unit("2", "/A")], Malformation::PartialTree),
        (
            vec![unit("1", "/"), unit("1", "/A")],
            Malformation::DuplicateRecord,
        ),
        (
            vec![unit("1", "/"), unit("2", "/A"), unit("3", "/a")],
            Malformation::DuplicateRecord,
        ),
        (vec![unit("1", "/"), unit("2", "A")], Malformation::Shape),
        (vec![unit("1", "/"), unit("", "/A")], Malformation::Shape),
    ];
    for (units, expected) in cases {
        let body = json!({ "organizationUnits": units });
        let end = end_with("orgunits", |_| ok(&body));
        assert_eq!(malformation(&end), Some(expected), "{body}");
    }
}

#[test]
fn one_bad_person_never_stops_the_others() {
    let mut district = District::new(&[], 4, 10);
    district.users[0]["name"] = json!("not an object");
    district.users[1]["primaryEmail"] = json!("no address");
    district.users[2]["name"]["givenName"] = json!("é".repeat(400));
    district
        .users
        .push(json!({ "primaryEmail": "x@maplegrove.example", "orgUnitPath": "/" }));
    district.users.push(json!({ "id": 17, "orgUnitPath": "/" }));
    let plan = plan(UnitScopes::Everyone, GroupScope::None);
    let (batches, end) = read(plan, |request| Ok(district.answer(request)));
    assert_eq!(end.unwrap().totals().issues, 5);
    let staged = stage(batches);
    assert_eq!(staged.records.len(), 3);
    let longest = staged
        .records
        .values()
        .map(|record| record.given_name.len())
        .max();
    assert_eq!(longest, Some(256));
    let issues: Vec<&str> = staged.issues.iter().map(String::as_str).collect();
    insta::assert_debug_snapshot!(issues, @r#"
    [
        "a record has a field that can't be read: users",
        "a record has no id",
        "record 104857612345600000000 has a field that can't be read: users",
        "record 104857612345600000001 has an email address that can't be used",
        "record 104857612345600000002 has a field that can't be read: name.givenName",
    ]
    "#);
}

#[test]
fn a_list_of_no_groups_is_not_believed_when_rules_look_at_groups() {
    let district = District::new(&[], 4, 10);
    let (_, end) = read(everyone(), |request| Ok(district.answer(request)));
    let (asking, attempts) = (Asking::Groups, 3);
    let cause = Cause::Malformed(Malformation::MissingList);
    let gave_up = FetchError::GaveUp {
        asking,
        attempts,
        cause,
    };
    assert_eq!(end.err(), Some(gave_up));
}

#[test]
fn an_answer_that_is_too_large_fails_without_another_try() {
    let district = district();
    let mut driver = driver(|request: &Request<Bytes>| {
        if request.uri().path().ends_with("users") {
            return Err(TransportFailure::BodyTooLarge { limit: 9 });
        }
        Ok(district.answer(request))
    });
    let (_, end) = driver.run(Fetch::start(everyone(), now()));
    let asking = Asking::Users;
    assert_eq!(end, Err(FetchError::AnswerTooLarge { asking, limit: 9 }));
}

#[test]
fn an_answer_that_nobody_waits_for_is_ignored() {
    use connectors::fetch::{ChainId, Connector};
    let mut fetch = Fetch::start(everyone(), now());
    let page = ok(&users(0..3, None));
    for chain in [ChainId(0), ChainId(77)] {
        assert!(fetch.handle_response(chain, now(), Ok(&page)).is_empty());
    }
    assert_eq!(fetch.totals().pages, 0);
}

#[test]
fn a_token_that_breaks_a_header_fails_the_read() {
    let mut driver = driver(|_: &_| panic!("nothing can be sent"));
    driver.access = "a\nb".to_owned();
    let (_, end) = driver.run(Fetch::start(everyone(), now()));
    let asking = Asking::OrgUnits;
    assert_eq!(end, Err(FetchError::Unbuildable { asking }));
}

#[test]
fn a_domain_is_asked_for_by_name() {
    let mut asked = None;
    let plan = FetchPlan {
        base_url: base_url(),
        population: Population::Domain("b.example".to_owned()),
        ..everyone()
    };
    let tree = json!({ "organizationUnits": [{ "orgUnitId": "1", "orgUnitPath": "/" }] });
    let (_, end) = read(plan, |request| {
        if request.uri().path().ends_with("orgunits") {
            return Ok(ok(&tree));
        }
        let parameters = super::district::parameters(request);
        assert!(!parameters.contains_key("customer"));
        asked = parameters.get("domain").cloned();
        Err(TransportFailure::Denied)
    });
    assert_eq!(asked.as_deref(), Some("b.example"));
    assert_eq!(end, Err(FetchError::Blocked));
}

fn sentence(issue: &Issue) -> String {
    issue.to_string()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Bytes of a real answer, damaged: never a panic, and a complete read only with everybody.
    #[test]
    fn damage_never_makes_anybody_disappear(
        at in 0_usize..2_000,
        length in 1_usize..60,
        part in prop::sample::select(vec!["users", "orgunits", "groups", "members"]),
    ) {
        let district = district();
        let answer = |request: &Request<Bytes>| -> Answer {
            let whole = district.answer(request);
            if !request.uri().path().ends_with(part) {
                return Ok(whole);
            }
            let body = whole.body();
            let from = at % body.len();
            let to = (from + length).min(body.len());
            let damaged = [&body[..from], &body[to..]].concat();
            Ok(whole.map(|_| Bytes::from(damaged)))
        };
        let (batches, end) = read(everyone(), answer);
        let issues: Vec<String> =
            batches.iter().flat_map(|batch| &batch.issues).map(sentence).collect();
        if let (Ok(complete), true) = (end, part != "users") {
            prop_assert_eq!(complete.totals().records, 10, "{:?}", issues);
        }
    }
}
