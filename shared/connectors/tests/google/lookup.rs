//! Confirming that people are gone.

use super::district::{District, error, ok, raw};
use super::driver::{Driver, directory};
use connectors::fetch::{Cause, FetchError, Malformation, Refusal};
use connectors::google::lookup::{Lookup, Presence};
use mapping::ids::ExternalId;
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
        let mut driver = Driver::new(|request: &_| Ok(district.answer(request)));
        driver.crashes = crashes;
        let (outcomes, end) = driver.run(Lookup::start(directory(), wanted.clone(), 3, 1));
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
        let lookup = Lookup::start(directory(), ids(&["1"]), 1, 1);
        let (outcomes, end) = Driver::new(|_: &_| Ok(answer())).run(lookup);
        assert_eq!(outcomes, [None]);
        assert!(matches!(end, Err(FetchError::Refused { .. })), "{end:?}");
    }
    let somebody_else = District::new(&[], 1, 1).users.remove(0);
    let lookup = Lookup::start(directory(), ids(&["1"]), 1, 1);
    let (outcomes, end) = Driver::new(|_: &_| Ok(ok(&somebody_else))).run(lookup);
    assert!(outcomes.iter().all(Option::is_none));
    let cause = Cause::Malformed(Malformation::Shape);
    assert!(matches!(end, Err(FetchError::GaveUp { cause: found, .. }) if found == cause));
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
    let lookup = Lookup::start(directory(), ids(&["1", "2"]), 2, 1);
    let (outcomes, end) = Driver::new(|_: &_| Ok(forbidden())).run(lookup);
    assert!(outcomes.iter().all(Option::is_none));
    assert!(matches!(
        end,
        Err(FetchError::Refused {
            refusal: Refusal::MissingPrivilege,
            ..
        })
    ));
}
