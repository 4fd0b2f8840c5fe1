//! Confirming that people are gone.

use super::district::{District, error, id, ok, raw};
use super::driver::{api, domains, driver};
use connectors::clever::Lookup;
use connectors::fetch::{Asking, Cause, FetchError, Malformation, Presence, Refusal};
use http::Response;
use mapping::ids::ExternalId;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

fn ids(texts: &[&str]) -> BTreeSet<ExternalId> {
    texts
        .iter()
        .map(|text| ExternalId::parse(*text).unwrap())
        .collect()
}

fn lookup(ids: BTreeSet<ExternalId>) -> Lookup {
    Lookup::start(api(), ids, &domains(&["maplegrove.example"]), 3, 1)
}

#[test]
fn each_person_is_found_or_confirmed_as_deleted_even_with_crashes() {
    let district = District::new(6, 3);
    let texts: Vec<String> = (0..district.users.len()).map(|n| id("aa", n)).collect();
    let mut wanted = ids(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    wanted.extend(ids(&["gone1", "gone2"]));
    for crashes in [false, true] {
        let mut driver = driver(|request: &_| Ok(district.answer(request)));
        driver.crashes = crashes;
        let (outcomes, end) = driver.run(lookup(wanted.clone()));
        assert_eq!(end, Ok(()));
        let outcomes: BTreeMap<_, _> = outcomes.into_iter().flatten().collect();
        assert_eq!(outcomes.keys().cloned().collect::<BTreeSet<_>>(), wanted);
        for (id, presence) in outcomes {
            match presence {
                Presence::Deleted => assert!(id.as_str().starts_with("gone"), "{id}"),
                Presence::Present(record) => {
                    assert_eq!(record.external_id, id);
                    assert!(record.email_verified);
                }
            }
        }
    }
}

/// What comes of a lookup of one person when every answer is this one.
fn outcome(answer: &Response<bytes::Bytes>) -> (Vec<Presence>, Result<(), FetchError>) {
    let (outcomes, end) = driver(|_: &_| Ok(answer.clone())).run(lookup(ids(&["1"])));
    let outcomes = outcomes.into_iter().flatten().map(|(_, presence)| presence);
    (outcomes.collect(), end)
}

#[test]
fn only_clever_itself_says_that_somebody_is_gone() {
    let gone = outcome(&error(404, "Resource not found"));
    assert_eq!(gone, (vec![Presence::Deleted], Ok(())));
    let malformed = |malformation| {
        let (asking, attempts, cause) = (Asking::User, 3, Cause::Malformed(malformation));
        Err(FetchError::GaveUp {
            asking,
            attempts,
            cause,
        })
    };
    for (answer, end) in [
        (
            raw(404, "text/html", "<html>no such page</html>"),
            malformed(Malformation::NotJson),
        ),
        (
            raw(404, "application/json", ""),
            malformed(Malformation::NotJson),
        ),
        (
            raw(404, "application/json", "{}"),
            malformed(Malformation::NotJson),
        ),
        (
            raw(200, "text/html", "<html></html>"),
            malformed(Malformation::NotJson),
        ),
        (
            raw(200, "application/json", "{\"data\":{\"id"),
            malformed(Malformation::Truncated),
        ),
        (ok(&json!({ "data": null })), malformed(Malformation::Shape)),
        (ok(&json!({ "data": {} })), malformed(Malformation::Shape)),
    ] {
        assert_eq!(outcome(&answer), (vec![], end), "{answer:?}");
    }
    let refusal = Refusal::MissingScope;
    let asking = Asking::User;
    let refused = outcome(&error(403, "Resource not in token's scopes"));
    assert_eq!(
        refused,
        (vec![], Err(FetchError::Refused { asking, refusal }))
    );
}

#[test]
fn c4_somebody_with_another_id_confirms_nothing_and_holds_up_nobody() {
    let roles = json!({ "teacher": {} });
    let other = ok(&json!({ "data": { "id": "2", "roles": roles } }));
    assert_eq!(outcome(&other), (vec![], Ok(())));
}

#[test]
fn somebody_who_can_not_be_read_is_left_unconfirmed() {
    for user in [
        json!({ "id": "1", "roles": { "librarian": {} } }),
        json!({ "id": "1", "email": 7, "roles": { "teacher": {} } }),
        json!({ "id": "1" }),
    ] {
        assert_eq!(outcome(&ok(&json!({ "data": user }))), (vec![], Ok(())));
    }
}
