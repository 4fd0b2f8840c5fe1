//! Confirming that people are gone.

use super::district::{District, error, ok, raw};
use super::driver::{directory, driver};
use connectors::fetch::Presence;
use connectors::fetch::{Cause, FetchError, Malformation, Refusal};
use connectors::google::fetch::GroupScope;
use connectors::google::lookup::Lookup;
use mapping::ids::ExternalId;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

fn ids(texts: &[&str]) -> BTreeSet<ExternalId> {
    texts
        .iter()
        .map(|text| ExternalId::parse(*text).unwrap())
        .collect()
}

#[test]
fn each_person_is_found_or_confirmed_as_deleted_even_with_crashes() {
    let district = District::new(&["/A"], 6, 5);
    let mut wanted: BTreeSet<ExternalId> = district
        .users
        .iter()
        .map(|user| ExternalId::parse(user["id"].as_str().unwrap()).unwrap())
        .collect();
    wanted.extend(ids(&["404", "405/x y"]));
    for crashes in [false, true] {
        let mut driver = driver(|request: &_| Ok(district.answer(request)));
        driver.crashes = crashes;
        let (outcomes, end) = driver.run(Lookup::start(
            directory(),
            wanted.clone(),
            GroupScope::None,
            3,
            1,
        ));
        assert_eq!(end, Ok(()));
        let outcomes: BTreeMap<_, _> = outcomes.into_iter().flatten().collect();
        assert_eq!(outcomes.keys().cloned().collect::<BTreeSet<_>>(), wanted);
        for (id, presence) in outcomes {
            match presence {
                Presence::Deleted => assert!(id.as_str().starts_with("40"), "{id}"),
                Presence::Present(record) => assert_eq!(record.external_id, id),
            }
        }
    }
}

#[test]
fn nobody_is_deleted_by_an_answer_that_is_not_about_the_user() {
    let html = || raw(404, "text/html", "<html>no such page</html>");
    let domain = || error(404, "notFound", "Domain not found.");
    let answers: [&dyn Fn() -> _; 2] = [&html, &domain];
    for answer in answers {
        let lookup = Lookup::start(directory(), ids(&["1"]), GroupScope::None, 1, 1);
        let (outcomes, end) = driver(|_: &_| Ok(answer())).run(lookup);
        assert_eq!(outcomes, [None]);
        assert!(matches!(end, Err(FetchError::Refused { .. })), "{end:?}");
    }
    let somebody_else = District::new(&[], 1, 1).users.remove(0);
    let lookup = Lookup::start(directory(), ids(&["1"]), GroupScope::None, 1, 1);
    let (outcomes, end) = driver(|_: &_| Ok(ok(&somebody_else))).run(lookup);
    assert!(outcomes.iter().all(Option::is_none));
    let cause = Cause::Malformed(Malformation::Shape);
    assert!(matches!(end, Err(FetchError::GaveUp { cause: found, .. }) if found == cause));
}

/// Answers about one person who is in the group `inner`, which is in the group `outer`.
fn in_groups(request: &http::Request<bytes::Bytes>) -> http::Response<bytes::Bytes> {
    let group = |name: &str| {
        json!({"id": name, "email": format!("{name}@maplegrove.example"), "name": name,
            "directMembersCount": "1"})
    };
    let groups =
        |groups: Vec<Value>| ok(&json!({"kind": "admin#directory#groups", "groups": groups}));
    let query = request.uri().query().unwrap_or_default();
    match request.uri().path() {
        "/admin/directory/v1/groups" if query.contains("userKey=inner") => {
            groups(vec![group("outer")])
        }
        // A circle, which Google forbids.
        "/admin/directory/v1/groups" if query.contains("userKey=outer") => {
            groups(vec![group("inner")])
        }
        "/admin/directory/v1/groups" => groups(vec![group("inner")]),
        path if path.contains("/hasMember/") => ok(&json!({"isMember": path.contains("outer")})),
        _ => {
            let mut person = District::new(&["/A"], 1, 1).users.remove(0);
            person["id"] = json!("1");
            ok(&person)
        }
    }
}

#[test]
fn groups_that_rules_look_at_are_asked_for_with_those_they_are_nested_in() {
    let named = ["outer", "other"].map(|name| format!("{name}@maplegrove.example"));
    for (scope, wanted) in [
        (
            GroupScope::All,
            vec!["inner@maplegrove.example", "outer@maplegrove.example"],
        ),
        (
            GroupScope::Named(named.into()),
            vec!["outer@maplegrove.example"],
        ),
        (GroupScope::None, vec![]),
    ] {
        for crashes in [false, true] {
            let mut driver = driver(|request: &_| Ok(in_groups(request)));
            driver.crashes = crashes;
            let lookup = Lookup::start(directory(), ids(&["1"]), scope.clone(), 1, 1);
            let (outcomes, end) = driver.run(lookup);
            assert_eq!(end, Ok(()));
            let found: Vec<_> = outcomes.into_iter().flatten().collect();
            let [(_, Presence::Present(record))] = &found[..] else {
                panic!("{found:?}");
            };
            let groups: Vec<&str> = record
                .groups
                .iter()
                .map(|group| group.address.as_str())
                .collect();
            assert_eq!(groups, wanted);
        }
    }
}

#[test]
fn who_has_groups_that_are_not_shown_is_not_confirmed() {
    let refused =
        |_: &http::Request<bytes::Bytes>| error(404, "notFound", "Resource Not Found: groupKey");
    let more = |_: &http::Request<bytes::Bytes>| {
        ok(
            &json!({"kind": "admin#directory#groups", "nextPageToken": "2",
            "groups": [{"id": "g", "email": "g@maplegrove.example"}]}),
        )
    };
    let answers: [&dyn Fn(&http::Request<bytes::Bytes>) -> _; 2] = [&refused, &more];
    for answer in answers {
        let lookup = Lookup::start(directory(), ids(&["1"]), GroupScope::All, 1, 1);
        let (outcomes, end) = driver(|request: &http::Request<_>| {
            Ok(if request.uri().path().ends_with("/groups") {
                answer(request)
            } else {
                in_groups(request)
            })
        })
        .run(lookup);
        assert_eq!(end, Ok(()));
        assert!(outcomes.iter().all(Option::is_none), "{outcomes:?}");
    }
}

#[test]
fn a_lookup_that_is_refused_confirms_nothing() {
    let forbidden = || {
        error(
            403,
            "forbidden",
            "Not Authorized to access this resource/api",
        )
    };
    let lookup = Lookup::start(directory(), ids(&["1", "2"]), GroupScope::None, 2, 1);
    let (outcomes, end) = driver(|_: &_| Ok(forbidden())).run(lookup);
    assert!(outcomes.iter().all(Option::is_none));
    assert!(matches!(
        end,
        Err(FetchError::Refused {
            refusal: Refusal::MissingPrivilege,
            ..
        })
    ));
}
