//! Sources that state schools and roles themselves.

use crate::district::{external, organization, rule_id};
use crate::town::{Town, connection, everything, placed, placement, school};
use mapping::account::{Membership, Role, Status, UserType};
use mapping::evaluate::{CompiledRules, Evaluation, evaluate, explain};
use mapping::rules::{
    Attribute, Condition, EditError, FilterList, FilterRule, FilterStatus, RuleSet, SchoolChoice,
    SchoolLink, SchoolPlace, SchoolRef,
};
use mapping::schooling::{School, SchoolKind};
use std::collections::{BTreeMap, BTreeSet};

fn membership(id: &str, role: Role, grade: Option<&str>) -> Membership {
    Membership {
        organization: organization(id),
        role,
        grade: grade.map(str::to_owned),
    }
}

fn link(id: &str, school: SchoolRef, to: &str) -> SchoolLink {
    SchoolLink {
        id: rule_id(id),
        school,
        organization: organization(to),
    }
}

fn one_person(record: mapping::source::SourceRecord) -> Town {
    let mut town = Town::default();
    town.source("clever", vec![record]);
    town
}

#[test]
fn what_a_source_states_becomes_memberships_in_organizations_of_its_schools() {
    let mut town = one_person(placed(
        "ana",
        [
            placement("oak", Role::Student, Some("09")),
            placement("elm", Role::Student, Some("09")),
        ],
    ));
    insta::assert_snapshot!(town.run("clever"), @"create account clever-ana: as the source states it");
    let ana = town.account("clever-ana");
    let expected = [
        membership("org-elm", Role::Student, Some("09")),
        membership("org-oak", Role::Student, Some("09")),
    ];
    assert_eq!(ana.memberships, BTreeSet::from(expected));
    assert_eq!(ana.user_type, Some(UserType::Student));
    assert_eq!(town.organizations[&organization("org-oak")], "Oak");
    assert_eq!(town.run("clever"), "");
}

#[test]
fn several_roles_of_one_person_make_one_account() {
    let mut record = placed(
        "dana",
        [
            placement("oak", Role::Teacher, None),
            placement("elm", Role::Staff, None),
        ],
    );
    record.roles.insert(Role::Admin);
    let mut town = one_person(record);
    town.run("clever");
    let dana = town.account("clever-dana");
    let roles = [Role::Admin, Role::Staff, Role::Teacher];
    assert_eq!(dana.roles, BTreeSet::from(roles));
    assert_eq!(dana.user_type, Some(UserType::Staff));
    assert_eq!(dana.memberships.len(), 2);
}

#[test]
fn somebody_with_neither_address_nor_username_is_taken_over_and_named() {
    let mut record = placed("leo", [placement("oak", Role::Student, None)]);
    record.email = None;
    let mut town = one_person(record.clone());
    insta::assert_snapshot!(town.run("clever"), @"create account clever-leo: as the source states it");
    assert_eq!(town.account("clever-leo").email, None);
    record.username = None;
    let mut town = one_person(record);
    insta::assert_snapshot!(town.run("clever"), @r"
    create account clever-leo: as the source states it
    record leo (account clever-leo) has neither an email address nor a username
    ");
}

#[test]
fn an_address_that_a_source_stops_showing_stays() {
    let mut town = one_person(placed("ana", [placement("oak", Role::Student, None)]));
    town.run("clever");
    town.person("clever", "ana").email = None;
    town.person("clever", "ana").username = None;
    town.person("clever", "ana").given_name = "Anna".to_owned();
    town.run("clever");
    let ana = town.account("clever-ana");
    assert_eq!(
        ana.email.as_ref().unwrap().as_str(),
        "ana@maplegrove.example"
    );
    assert_eq!(ana.username.as_deref(), Some("ana"));
    assert_eq!(ana.given_name, "Anna");
}

#[test]
fn only_chosen_schools_are_taken_over_and_district_roles_always() {
    let mut rules = everything();
    rules.take_schools(SchoolChoice::Chosen).unwrap();
    assert!(!rules.has_mappings(), "no school is chosen yet");
    rules
        .put_school_link(link("oak", SchoolRef::Id(external("oak")), "oak"))
        .unwrap();
    let mut town = Town::default();
    let mut boss = placed("boss", []);
    boss.roles.insert(Role::Admin);
    let people = vec![
        placed("ana", [placement("oak", Role::Student, None)]),
        placed("ben", [placement("elm", Role::Student, None)]),
        placed("cleo", [placement("unshown", Role::Student, None)]),
        boss,
    ];
    town.source("clever", people).rules = rules;
    insta::assert_snapshot!(town.run("clever"), @r"
    create account clever-ana: as the source states it, by oak
    create account clever-boss: as the source states it
    ");
}

#[test]
fn a_link_by_name_ignores_case_and_names_nobody_when_two_schools_share_it() {
    let mut rules = everything();
    rules
        .put_school_link(link("l", SchoolRef::Name(" OAK ".to_owned()), "mine"))
        .unwrap();
    let derive = |id: &_| organization(&format!("org-{id}"));
    let known = BTreeMap::new();
    let one = rules.schools.place(&[school("1", "Oak")], &known, derive);
    let place = &one.schools[&external("1")];
    assert!(
        matches!(place, SchoolPlace::Organization { id, link: Some(_) } if *id == organization("mine"))
    );
    let schools = [school("1", "Oak"), school("2", "oak")];
    let two = rules.schools.place(&schools, &known, derive);
    let names: Vec<&str> = two.new.values().map(String::as_str).collect();
    assert_eq!(names, ["Oak", "oak (2)"]);
}

#[test]
fn a_school_takes_the_organization_of_its_name_and_keeps_the_one_made_for_it() {
    let rules = everything();
    let derive = |id: &_| organization(&format!("org-{id}"));
    let mut known = BTreeMap::from([(organization("lincoln"), "Lincoln High".to_owned())]);
    let schools = [school("1", "lincoln high"), school("2", "Oak")];
    let places = rules.schools.place(&schools, &known, derive);
    let organization_of =
        |places: &mapping::rules::SchoolPlaces, id: &str| match &places.schools[&external(id)] {
            SchoolPlace::Organization { id, .. } => id.clone(),
            SchoolPlace::District => panic!("a school is no district"),
        };
    assert_eq!(organization_of(&places, "1"), organization("lincoln"));
    assert_eq!(organization_of(&places, "2"), organization("org-2"));
    known.extend(places.new);
    // Renamed by the administrator, and at the source: still the same one.
    known.insert(organization("org-2"), "Oak Elementary".to_owned());
    let renamed = [school("1", "lincoln high"), school("2", "Oak Primary")];
    let places = rules.schools.place(&renamed, &known, derive);
    assert_eq!(organization_of(&places, "2"), organization("org-2"));
    assert!(places.new.is_empty());
}

#[test]
fn a_role_in_the_district_office_counts_for_the_whole_district() {
    let office = School {
        kind: SchoolKind::District,
        ..school("office", "Maple Grove")
    };
    let mut town = one_person(placed("boss", [placement("office", Role::Admin, None)]));
    town.sources
        .get_mut(&connection("clever"))
        .unwrap()
        .schools
        .push(office);
    town.run("clever");
    let boss = town.account("clever-boss");
    assert_eq!(boss.roles, BTreeSet::from([Role::Admin]));
    assert!(boss.memberships.is_empty());
}

#[test]
fn a_school_that_is_named_but_not_shown_costs_nobody_their_account() {
    let mut town = one_person(placed("ana", [placement("oak", Role::Student, None)]));
    town.run("clever");
    town.sources
        .get_mut(&connection("clever"))
        .unwrap()
        .schools
        .clear();
    town.person("clever", "ana").given_name = "Anna".to_owned();
    town.run("clever");
    let ana = town.account("clever-ana");
    assert_eq!(ana.status, Status::Active);
    assert_eq!(ana.roles, BTreeSet::from([Role::Student]));
}

#[test]
fn a_block_rule_keeps_out_whom_a_source_places() {
    let mut rules = everything();
    let block = FilterRule {
        id: rule_id("block"),
        attribute: Attribute::GroupsMembership,
        condition: Condition::IsNot,
        expression: "in@maplegrove.example".to_owned(),
        status: FilterStatus::Block,
        default_of: None,
    };
    rules.add_filter(&FilterList::Top, block, None).unwrap();
    let compiled = CompiledRules::new(&rules).with_schools(rules.schools.place(
        &[school("oak", "Oak")],
        &BTreeMap::new(),
        |_| organization("oak"),
    ));
    let record = placed("ana", [placement("oak", Role::Student, None)]);
    assert!(matches!(
        evaluate(&compiled, &record),
        Evaluation::OutOfScope(_)
    ));
    let shown = explain(&compiled, &record);
    insta::assert_snapshot!(shown.sentence, @"not imported: blocked by filter rule block");
    assert_eq!(shown.placements.len(), 1);
}

#[test]
fn without_rules_about_schools_nobody_is_taken_over_by_the_sources_word() {
    let record = placed("ana", [placement("oak", Role::Student, None)]);
    let compiled = CompiledRules::new(&RuleSet::default());
    assert!(matches!(
        evaluate(&compiled, &record),
        Evaluation::OutOfScope(_)
    ));
    assert!(!RuleSet::default().has_mappings());
}

#[test]
fn two_links_for_one_school_are_refused() {
    let mut rules = everything();
    rules
        .put_school_link(link("a", SchoolRef::Id(external("oak")), "x"))
        .unwrap();
    let twice = rules.put_school_link(link("b", SchoolRef::Id(external("oak")), "y"));
    let id = rule_id("b");
    assert_eq!(twice, Err(EditError::SchoolTwice { id }));
    let empty = rules.put_school_link(link("c", SchoolRef::Name(" ".to_owned()), "y"));
    assert!(matches!(empty, Err(EditError::Length { .. })));
}
