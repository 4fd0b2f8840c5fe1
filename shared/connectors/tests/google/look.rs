//! Looking at a few people.

use super::district::{District, error, ok, raw};
use super::driver::{base_url, directory, driver};
use connectors::fetch::{Cause, FetchError, Malformation, Refusal};
use connectors::fetch::{Sight, Sighting, Whom};
use connectors::google::directory::{Directory, Population};
use connectors::google::fetch::{UnitScope, UnitScopes};
use connectors::google::look::{GroupLook, Look, LookPlan};
use mapping::account::Email;
use mapping::ids::ExternalId;
use std::collections::{BTreeMap, BTreeSet};

fn id(text: &str) -> Whom {
    Whom::Id(ExternalId::parse(text).unwrap())
}

fn email(text: &str) -> Whom {
    Whom::Email(Email::parse(text).unwrap())
}

fn plan(whom: &[Whom], groups: GroupLook) -> LookPlan {
    let students = UnitScope {
        id: None,
        path: "/A".to_owned(),
        include_sub_units: true,
    };
    LookPlan {
        directory: directory(),
        whom: whom.iter().cloned().collect(),
        units: UnitScopes::Units(vec![students]),
        groups,
        window: 3,
        seed: 1,
    }
}

/// What was seen of each person, and how it ended.
fn look(
    district: &District,
    plan: LookPlan,
    crashes: bool,
) -> (BTreeMap<Whom, Sight>, Result<(), FetchError>) {
    let mut driver = driver(|request: &_| Ok(district.answer(request)));
    driver.crashes = crashes;
    let (sightings, end) = driver.run(Look::start(plan));
    let people = sightings.into_iter().flatten();
    let people = people.filter_map(|sighting| match sighting {
        Sighting::Person(whom, sight) => Some((whom, sight)),
        Sighting::Tree(tree) => {
            assert_eq!(tree.len(), district.units.len());
            None
        }
    });
    (people.collect(), end)
}

fn groups(sight: &Sight) -> Vec<&str> {
    match sight {
        Sight::Seen { record, .. } => record
            .groups
            .iter()
            .map(|group| group.address.as_str())
            .collect(),
        other => panic!("not seen: {other:?}"),
    }
}

#[test]
fn people_are_seen_by_id_and_by_address_and_the_gone_are_gone_even_with_crashes() {
    let district = District::new(&["/A"], 4, 5);
    let known = district.users[2]["id"].as_str().unwrap();
    let whom = [
        id(known),
        id("404"),
        email("u1@maplegrove.example"),
        email("nobody@maplegrove.example"),
    ];
    for crashes in [false, true] {
        let (seen, end) = look(&district, plan(&whom, GroupLook::None), crashes);
        assert_eq!(end, Ok(()));
        assert_eq!(seen.len(), 4);
        assert_eq!(seen[&whom[1]], Sight::Gone);
        assert_eq!(seen[&whom[3]], Sight::Gone);
        assert!(groups(&seen[&whom[0]]).is_empty());
        match &seen[&whom[2]] {
            Sight::Seen { record, .. } => assert_eq!(record.given_name, "Given1"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn groups_are_found_as_far_as_the_look_goes() {
    let mut district = District::new(&["/A"], 2, 5);
    let person = district.users[0]["id"].as_str().unwrap().to_owned();
    district.add_group("inner@maplegrove.example", &[(&person, "USER")]);
    district.add_group("outer@maplegrove.example", &[("key-inner", "GROUP")]);
    district.add_group("other@maplegrove.example", &[]);
    let whom = [id(&person)];
    for crashes in [false, true] {
        let named = ["inner", "outer", "other"].map(|name| format!("{name}@maplegrove.example"));
        let named = GroupLook::Named(named.into_iter().collect());
        let (seen, end) = look(&district, plan(&whom, named), crashes);
        assert_eq!(end, Ok(()));
        assert_eq!(
            groups(&seen[&whom[0]]),
            ["inner@maplegrove.example", "outer@maplegrove.example"]
        );
        let (seen, end) = look(&district, plan(&whom, GroupLook::Direct), crashes);
        assert_eq!(end, Ok(()));
        assert_eq!(groups(&seen[&whom[0]]), ["inner@maplegrove.example"]);
    }
}

#[test]
fn a_look_fails_like_a_whole_read_when_a_linked_unit_or_a_named_group_is_gone() {
    let district = District::new(&["/B"], 1, 5);
    let (_, end) = look(&district, plan(&[id("404")], GroupLook::None), false);
    let path = "/A".to_owned();
    assert_eq!(end, Err(FetchError::UnitMissing { path }));
    let district = District::new(&["/A"], 1, 5);
    let person = id(district.users[0]["id"].as_str().unwrap());
    let named = GroupLook::Named(BTreeSet::from(["gone@maplegrove.example".to_owned()]));
    let (seen, end) = look(&district, plan(&[person], named), false);
    assert!(seen.is_empty());
    assert!(
        matches!(
            end,
            Err(FetchError::Refused {
                refusal: Refusal::NotFound,
                ..
            })
        ),
        "{end:?}"
    );
}

#[test]
fn who_may_not_be_seen_hides_nobody_else() {
    let district = District::new(&["/A"], 2, 5);
    let hidden = "u0@maplegrove.example";
    let whom = [email(hidden), email("u1@maplegrove.example")];
    for (status, reason) in [(403, "forbidden"), (400, "invalid")] {
        let mut driver = driver(|request: &http::Request<_>| {
            Ok(if request.uri().path().contains("u0") {
                error(status, reason, "Not Authorized to access this resource/api")
            } else {
                district.answer(request)
            })
        });
        let (sightings, end) = driver.run(Look::start(plan(&whom, GroupLook::None)));
        assert_eq!(end, Ok(()));
        let hidden = Sighting::Person(whom[0].clone(), Sight::Hidden);
        assert!(sightings.contains(&Some(hidden)), "{reason}");
    }
}

#[test]
fn somebody_else_or_somebody_of_another_domain_is_not_taken_for_the_person() {
    let district = District::new(&["/A"], 1, 5);
    // Google takes an address where an id is asked for.
    let whom = [id("u0@maplegrove.example")];
    let (seen, end) = look(&district, plan(&whom, GroupLook::None), false);
    assert_eq!((end, &seen[&whom[0]]), (Ok(()), &Sight::Hidden));
    let whom = [email("u0@maplegrove.example")];
    for (domain, is_hidden) in [("elsewhere.example", true), ("MapleGrove.example", false)] {
        let mut plan = plan(&whom, GroupLook::None);
        plan.directory = Directory::new(base_url(), Population::Domain(domain.to_owned()));
        let (seen, end) = look(&district, plan, false);
        assert_eq!(end, Ok(()));
        assert_eq!(seen[&whom[0]] == Sight::Hidden, is_hidden, "{domain}");
    }
}

#[test]
fn nobody_is_gone_by_an_answer_that_is_not_about_the_user() {
    let district = District::new(&["/A"], 1, 5);
    let html = || raw(404, "text/html", "<html>no such page</html>");
    let domain = || error(404, "notFound", "Domain not found.");
    let list = || ok(&serde_json::json!({"kind": "admin#directory#users"}));
    let answers: [&dyn Fn() -> _; 3] = [&html, &domain, &list];
    for answer in answers {
        let mut driver = driver(|request: &http::Request<_>| {
            Ok(if request.uri().path().contains("/users/") {
                answer()
            } else {
                district.answer(request)
            })
        });
        let (sightings, end) = driver.run(Look::start(plan(&[id("1")], GroupLook::None)));
        let people = sightings
            .into_iter()
            .flatten()
            .filter(|sighting| matches!(sighting, Sighting::Person(..)));
        assert_eq!(people.count(), 0);
        assert!(
            matches!(
                end,
                Err(FetchError::Refused { .. }
                    | FetchError::GaveUp {
                        cause: Cause::Malformed(Malformation::Shape),
                        ..
                    })
            ),
            "{end:?}"
        );
    }
}
