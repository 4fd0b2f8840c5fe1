//! Asking for people one by one: nobody is gone before the service says so.

use super::district::user;
use super::driver::{Answer, base, driver, id, now};
use super::server::{Server, ok, raw};
use bytes::Bytes;
use connectors::fetch::{Asking, FetchError, Presence, Refusal, TransportFailure};
use connectors::oneroster::Version;
use connectors::oneroster::lookup::{Lookup, LookupPlan};
use http::Request;
use mapping::ids::ExternalId;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

fn lookup(version: Version, ids: &[&str]) -> Lookup {
    let plan = LookupPlan {
        base: base(version),
        guardians: false,
        verified_domains: BTreeSet::new(),
        today: "2026-09-01".parse().unwrap(),
        window: 3,
        seed: 7,
    };
    Lookup::start(plan, ids.iter().map(|text| id(text)).collect())
}

/// Looks these people up, with a crash after each answer.
fn look(
    ids: &[&str],
    answer: impl FnMut(&Request<Bytes>) -> Answer,
) -> (BTreeMap<ExternalId, Presence>, Result<(), FetchError>) {
    let mut driver = driver(answer);
    driver.crashes = true;
    let (batches, end) = driver.run(lookup(Version::V1_1, ids));
    (batches.into_iter().flatten().collect(), end)
}

#[test]
fn people_are_there_or_gone() {
    for version in [Version::V1_1, Version::V1_2] {
        let mut server = Server::new(version, 3);
        server.users()[1]["status"] = json!("tobedeleted");
        server
            .users()
            .push(user(version, "a/b |+%2F", "teacher", &["HS-01"]));
        let ids = ["u-00000", "u-00001", "nobody", "a/b |+%2F", "p-1"];
        let mut driver = driver(|request: &_| Ok(server.answer(request)));
        let (batches, end) = driver.run(lookup(version, &ids));
        assert_eq!(end, Ok(()));
        let found: BTreeMap<_, _> = batches.into_iter().flatten().collect();
        assert_eq!(found.len(), 5);
        assert_eq!(found[&id("nobody")], Presence::Deleted);
        assert_eq!(found[&id("u-00001")], Presence::Deleted);
        for there in ["u-00000", "a/b |+%2F"] {
            assert!(
                matches!(&found[&id(there)], Presence::Present(record) if record.placements.len() == 1),
                "{there}"
            );
        }
        // A parent who is not wanted is there, and in no school.
        assert!(
            matches!(&found[&id("p-1")], Presence::Present(record) if record.placements.is_empty())
        );
    }
}

#[test]
fn an_answer_that_decides_nothing_leaves_the_person_unconfirmed() {
    let other = json!({ "user": user(Version::V1_1, "other", "teacher", &["HS-01"]) });
    for answer in [
        raw(404, "text/html", "<html>Not Found</html>"),
        raw(404, "application/json", ""),
        raw(404, "application/json", "[]"),
        raw(400, "application/json", "{}"),
        ok(&other),
        ok(&json!({ "user": {} })),
        ok(&json!({ "user": null })),
        ok(&json!({ "user": ["u-1"] })),
        ok(&json!({ "imsx_codeMajor": "failure", "imsx_CodeMinor": {} })),
        ok(&json!({ "statusInfoSet": [{ "imsx_codeMinor": "unknown object" }] })),
    ] {
        let (found, end) = look(&["u-1"], |_| Ok(answer.clone()));
        assert!(found.is_empty() && end.is_ok(), "{answer:?}");
    }
}

#[test]
fn a_person_who_is_not_found_is_gone_in_every_shape_of_error() {
    for shape in ['a', 'b', 'c'] {
        let mut server = Server::new(Version::V1_1, 0);
        server.quirks.error_shape = shape;
        let (found, _) = look(&["u-1"], |request| Ok(server.answer(request)));
        assert_eq!(found[&id("u-1")], Presence::Deleted);
    }
}

#[test]
fn an_answer_that_is_none_is_asked_for_again_and_then_a_failure() {
    for body in [
        "",
        "<html>",
        "{}",
        "[]",
        "{\"a\":1,\"b\":2}",
        "{\"user\":{\"sourc",
    ] {
        let (found, end) = look(&["u-1"], |_| Ok(raw(200, "application/json", body)));
        assert!(found.is_empty(), "{body}");
        assert!(
            matches!(end, Err(FetchError::GaveUp { .. })),
            "{body} {end:?}"
        );
    }
    let (found, end) = look(&["u-1"], |_| Ok(raw(200, "text/html", "<html>")));
    assert!(found.is_empty() && matches!(end, Err(FetchError::GaveUp { .. })));
    let (_, end) = look(&["u-1"], |_| {
        Err(TransportFailure::BodyTooLarge { limit: 5 })
    });
    assert!(matches!(end, Err(FetchError::AnswerTooLarge { .. })));
    let (_, end) = look(&["u-1"], |_| Ok(raw(502, "text/html", "")));
    assert!(matches!(end, Err(FetchError::GaveUp { .. })));
    let (_, end) = look(&["u-1"], |_| Ok(raw(403, "application/json", "{}")));
    let (asking, refusal) = (Asking::User, Refusal::MissingScope);
    assert_eq!(end, Err(FetchError::Refused { asking, refusal }));
}

#[test]
fn trouble_that_passes_and_access_that_ends_cost_nobody() {
    let server = Server::new(Version::V1_1, 9);
    let ids: Vec<String> = (0..9).map(|n| format!("u-{n:05}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let mut calls = 0;
    let mut driver = driver(|request: &Request<Bytes>| {
        calls += 1;
        match calls % 4 {
            0 => Ok(raw(503, "text/plain", "")),
            1 => Err(TransportFailure::Failed),
            _ => Ok(server.answer(request)),
        }
    });
    driver.access = super::driver::bearer("old");
    let connector = lookup(Version::V1_1, &ids);
    assert_eq!(connector.remaining(), 9);
    let (batches, end) = driver.run(connector);
    assert_eq!((end, batches.into_iter().flatten().count()), (Ok(()), 9));
    assert_eq!(driver.tokens_asked, 1);
    assert_eq!(driver.run(lookup(Version::V1_1, &[])).1, Ok(()));
    assert!(driver.now > now());
}
