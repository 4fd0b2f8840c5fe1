//! What a read covers.

use super::district::District;
use super::driver::{driver, now, plan, read, stage, unit};
use connectors::fetch::FetchError;
use connectors::google::fetch::{Fetch, GroupScope, UnitScope, UnitScopes};
use std::collections::BTreeSet;

const PATHS: [&str; 6] = [
    "/Students",
    "/Students/Grade 9",
    "/Students/Grade 9/Band",
    "/Students/Grade 10",
    "/Staff",
    "/Staff/O'Neil & Söhne",
];

fn units(scopes: &[(&str, bool)]) -> UnitScopes {
    UnitScopes::Units(
        scopes
            .iter()
            .map(|(path, deep)| unit(path, *deep))
            .collect(),
    )
}

/// The units of the people that are read, each as often as it has people.
fn read_units(district: &District, scopes: UnitScopes) -> Vec<String> {
    let plan = plan(scopes, GroupScope::None);
    let (batches, end) = read(plan, |request| Ok(district.answer(request)));
    let totals = end.unwrap().totals();
    let staged = stage(batches);
    assert_eq!(totals.records, staged.records.len() as u64);
    assert_eq!(totals.units, 7);
    let mut paths: Vec<String> = staged
        .records
        .into_values()
        .filter_map(|record| record.org_unit_path)
        .collect();
    paths.sort();
    paths
}

#[test]
fn a_linked_unit_covers_its_own_people_only() {
    let district = District::new(&PATHS, 2, 3);
    assert_eq!(
        read_units(&district, units(&[("/students/grade 9", false)])),
        ["/Students/Grade 9"; 2]
    );
}

#[test]
fn sub_units_come_when_the_link_says_so_or_when_they_are_linked_too() {
    let district = District::new(&PATHS, 1, 3);
    let below = ["/Students/Grade 9", "/Students/Grade 9/Band"];
    assert_eq!(read_units(&district, units(&[(below[0], true)])), below);
    let both = units(&[(below[0], false), (below[1], false)]);
    assert_eq!(read_units(&district, both), below);
}

#[test]
fn a_path_with_an_apostrophe_is_quoted() {
    let district = District::new(&PATHS, 1, 3);
    assert_eq!(
        read_units(&district, units(&[("/Staff/O'Neil & Söhne", false)])),
        ["/Staff/O'Neil & Söhne"]
    );
}

#[test]
fn everybody_and_the_root_with_its_sub_units_are_the_same() {
    let district = District::new(&PATHS, 2, 3);
    let all = read_units(&district, UnitScopes::Everyone);
    assert_eq!(all.len(), 14);
    assert_eq!(read_units(&district, units(&[("/", true)])), all);
    assert_eq!(read_units(&district, units(&[("/", false)])), ["/", "/"]);
}

#[test]
fn each_page_is_asked_for_once() {
    let mut district = District::new(&PATHS, 10, 4);
    let ids: Vec<String> = (0..9).map(|_| district.add_user("/Staff")).collect();
    let members: Vec<(&str, &str)> = ids.iter().map(|id| (id.as_str(), "USER")).collect();
    district.add_group("a@maplegrove.example", &members);
    let scopes = units(&[
        ("/Students", false),
        ("/Students/Grade 9", true),
        ("/Staff", true),
    ]);
    let mut driver = driver(|request: &_| Ok(district.answer(request)));
    let (_, end) = driver.run(Fetch::start(plan(scopes, GroupScope::All), now()));
    let read = end.unwrap();
    // The tree, 40 students and 29 others by fours, the list of groups, 9 members by fours.
    assert_eq!(driver.calls, 1 + 10 + 8 + 1 + 3);
    assert_eq!(read.totals().pages, 23);
    let listed: Vec<u64> = read.chains().iter().map(|chain| chain.listed).collect();
    assert_eq!(listed, [29, 40]);
}

#[test]
fn a_renamed_unit_is_found_by_its_id() {
    let district = District::new(&PATHS, 1, 3);
    let scopes = UnitScopes::Units(vec![UnitScope {
        id: Some("id:unit5".to_owned()),
        path: "/Teachers".to_owned(),
        include_sub_units: false,
    }]);
    assert_eq!(read_units(&district, scopes), ["/Staff"]);
}

#[test]
fn a_unit_that_vanished_fails_the_read_and_is_named() {
    let district = District::new(&PATHS, 1, 3);
    let gone = UnitScope {
        id: Some("id:gone".to_owned()),
        path: "/Staff".to_owned(),
        include_sub_units: false,
    };
    for scope in [gone, unit("/Nowhere", false)] {
        let path = scope.path.clone();
        let plan = plan(UnitScopes::Units(vec![scope]), GroupScope::None);
        let (_, end) = read(plan, |request| Ok(district.answer(request)));
        assert_eq!(end, Err(FetchError::UnitMissing { path }));
    }
}

#[test]
fn a_plan_without_units_is_not_an_empty_district() {
    let (_, end) = read(plan(units(&[]), GroupScope::None), |_| {
        panic!("nothing is to be asked")
    });
    assert_eq!(end, Err(FetchError::NothingToRead));
}

fn with_groups() -> District {
    let mut district = District::new(&["/Staff"], 2, 2);
    let id = |index: usize| district.users[index]["id"].as_str().unwrap().to_owned();
    let (dana, kim) = (id(0), id(1));
    district.add_group(
        "science@maplegrove.example",
        &[
            (&dana, "USER"),
            ("g1", "GROUP"),
            ("x9", "EXTERNAL"),
            (&kim, "USER"),
        ],
    );
    district.add_group("all@maplegrove.example", &[("C03demo01", "CUSTOMER")]);
    district.add_group("empty@maplegrove.example", &[]);
    district
}

#[test]
fn all_groups_are_read_with_their_members() {
    let district = with_groups();
    let plan = plan(UnitScopes::Everyone, GroupScope::All);
    let (batches, end) = read(plan, |request| Ok(district.answer(request)));
    assert_eq!(end.unwrap().totals().groups, 3);
    let staged = stage(batches);
    let members: Vec<_> = staged
        .members
        .iter()
        .map(|(_, group)| &group.address)
        .collect();
    assert_eq!(members, ["science@maplegrove.example"; 2]);
    let everyone: Vec<_> = staged.everyone.iter().map(|group| &group.name).collect();
    assert_eq!(everyone, ["Group all@maplegrove.example"]);
    assert_eq!(staged.issues, BTreeSet::new());
}

#[test]
fn a_named_group_is_read_with_its_name() {
    let district = with_groups();
    let named = BTreeSet::from(["science@maplegrove.example".to_owned()]);
    let plan = plan(UnitScopes::Everyone, GroupScope::Named(named));
    let (batches, end) = read(plan, |request| Ok(district.answer(request)));
    assert_eq!(end.unwrap().totals().members, 2);
    let read_names: BTreeSet<_> = stage(batches)
        .members
        .into_iter()
        .map(|(_, group)| group.name)
        .collect();
    assert_eq!(
        read_names,
        BTreeSet::from(["Group science@maplegrove.example".to_owned()])
    );
}

#[test]
fn a_named_group_that_vanished_fails_the_read_and_is_named() {
    let district = with_groups();
    let address = "gone@maplegrove.example".to_owned();
    let named = BTreeSet::from([address.clone()]);
    let plan = plan(UnitScopes::Everyone, GroupScope::Named(named));
    let (_, end) = read(plan, |request| Ok(district.answer(request)));
    assert_eq!(end, Err(FetchError::GroupMissing { address }));
}

#[test]
fn more_groups_than_may_wait_are_read_all_the_same() {
    let mut district = District::new(&[], 1, 150);
    for number in 0..700 {
        district.add_group(&format!("g{number}@maplegrove.example"), &[("1", "USER")]);
    }
    let plan = plan(UnitScopes::Everyone, GroupScope::All);
    let (batches, end) = read(plan, |request| Ok(district.answer(request)));
    assert_eq!(end.unwrap().totals().groups, 700);
    assert_eq!(stage(batches).members.len(), 700);
}
