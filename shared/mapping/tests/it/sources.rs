//! Several sources of one person: who owns which field, who may take what away.

use crate::district::{account_id, external, organization};
use crate::town::{Town, connection, placed, placement};
use mapping::account::{Email, Field, Role, Status};
use mapping::plan::Resolution;
use std::collections::BTreeSet;

fn email(text: &str) -> Email {
    Email::parse(&format!("{text}@maplegrove.example")).unwrap()
}

/// Dana teaches at Oak according to "clever" and is staff at Elm according to "google".
fn dana() -> Town {
    let mut town = Town::default();
    town.source(
        "google",
        vec![placed("dana", [placement("elm", Role::Staff, None)])],
    );
    let mut at_clever = placed("c-1", [placement("oak", Role::Teacher, None)]);
    at_clever.email = Some(email("dana"));
    at_clever.given_name = "Dana M.".to_owned();
    at_clever.username = None;
    town.source("clever", vec![at_clever]);
    town
}

fn linked() -> Town {
    let mut town = dana();
    town.run("google");
    town.run("clever");
    town
}

#[test]
fn a_person_of_two_sources_is_one_account_with_what_both_say() {
    let mut town = dana();
    town.run("google");
    insta::assert_snapshot!(town.run("clever"), @"update account google-dana (memberships, roles): matched by verified email, as the source states it");
    let dana = town.account("google-dana");
    assert_eq!(town.accounts.len(), 1);
    assert_eq!(dana.given_name, "dana", "the first source owns the name");
    let roles = [Role::Staff, Role::Teacher];
    assert_eq!(dana.roles, BTreeSet::from(roles));
    assert_eq!(dana.memberships.len(), 2);
    assert_eq!(
        (town.run("google"), town.run("clever")),
        (String::new(), String::new())
    );
}

#[test]
fn each_source_changes_its_own_part_and_no_other() {
    let mut town = linked();
    town.person("clever", "c-1").given_name = "Diana".to_owned();
    town.run("clever");
    assert_eq!(town.account("google-dana").given_name, "dana");
    town.person("clever", "c-1").placements.clear();
    let staff = placement("oak", Role::Staff, None);
    town.person("clever", "c-1").placements.insert(staff);
    town.run("clever");
    let dana = town.account("google-dana");
    assert_eq!(
        dana.roles,
        BTreeSet::from([Role::Staff]),
        "no longer a teacher"
    );
    assert_eq!(dana.memberships.len(), 2);
}

#[test]
fn the_order_of_the_sources_decides_and_can_be_changed() {
    let mut town = linked();
    town.reorder(&["clever", "google"]);
    insta::assert_snapshot!(town.run("google"), @"update account google-dana (given name): as the source states it");
    assert_eq!(town.account("google-dana").given_name, "Dana M.");
    assert_eq!(
        town.account("google-dana").username.as_deref(),
        Some("dana")
    );
    assert_eq!(town.run("clever"), "");
}

#[test]
fn an_account_stays_while_any_source_still_has_it() {
    let mut town = linked();
    town.remove("google", "dana");
    insta::assert_snapshot!(town.run("google"), @"update account google-dana (given name, memberships, roles): deleted at the source");
    let dana = town.account("google-dana");
    assert_eq!(dana.status, Status::Active);
    assert_eq!(
        dana.given_name, "Dana M.",
        "what is left is the other source's"
    );
    assert_eq!(dana.roles, BTreeSet::from([Role::Teacher]));
    assert!(dana.statements.is_empty());
    town.remove("clever", "c-1");
    insta::assert_snapshot!(town.run("clever"), @"suspend account google-dana: deleted at the source");
}

#[test]
fn only_all_sources_together_suspend_somebody() {
    let mut town = linked();
    town.person("google", "dana").suspended = true;
    town.run("google");
    assert_eq!(town.account("google-dana").status, Status::Active);
    town.person("clever", "c-1").suspended = true;
    town.run("clever");
    assert_eq!(town.account("google-dana").status, Status::Suspended);
    town.person("google", "dana").suspended = false;
    town.run("google");
    assert_eq!(town.account("google-dana").status, Status::Active);
}

#[test]
fn a_pinned_field_stays_whatever_any_source_says() {
    let mut town = linked();
    let dana = town.accounts.get_mut(&account_id("google-dana")).unwrap();
    dana.given_name = "Dr. Dana".to_owned();
    dana.pinned.insert(Field::GivenName);
    town.person("google", "dana").given_name = "D".to_owned();
    town.run("google");
    town.remove("google", "dana");
    town.run("google");
    assert_eq!(town.account("google-dana").given_name, "Dr. Dana");
}

#[test]
fn an_account_shared_before_statements_were_kept_loses_nothing() {
    let mut town = linked();
    let dana = town.accounts.get_mut(&account_id("google-dana")).unwrap();
    dana.statements.clear();
    town.person("clever", "c-1").family_name = "Mossy".to_owned();
    town.run("clever");
    let dana = town.account("google-dana");
    assert_eq!(dana.memberships.len(), 2);
    assert_eq!(dana.family_name, "Moss");
}

#[test]
fn an_unverified_address_joins_nobody_until_somebody_says_so() {
    let mut town = dana();
    town.person("clever", "c-1").email_verified = false;
    town.run("google");
    let refused = town.run("clever");
    insta::assert_snapshot!(refused, @"record c-1 shares an email address that the source does not vouch for with account google-dana");
    let link = Resolution::Link {
        account: account_id("google-dana"),
    };
    resolve(&mut town, link);
    insta::assert_snapshot!(town.run("clever"), @"update account google-dana (memberships, roles): linked by an administrator, as the source states it");
    assert_eq!(town.run("clever"), "");
}

#[test]
fn a_student_and_an_adult_are_joined_only_by_an_administrator() {
    let mut town = dana();
    town.person("clever", "c-1").placements = [placement("oak", Role::Student, None)].into();
    town.run("google");
    assert!(
        town.run("clever")
            .contains("one is a student and the other an adult")
    );
    let link = Resolution::Link {
        account: account_id("google-dana"),
    };
    resolve(&mut town, link);
    town.run("clever");
    assert!(town.account("google-dana").roles.contains(&Role::Student));
}

#[test]
fn people_kept_apart_get_an_account_without_the_others_address() {
    let mut town = dana();
    town.person("clever", "c-1").email_verified = false;
    town.run("google");
    resolve(&mut town, Resolution::Separate);
    town.run("clever");
    assert_eq!(town.account("clever-c-1").email, None);
    assert_eq!(town.account("google-dana").email, Some(email("dana")));
    assert_eq!(town.run("clever"), "");
    town.person("clever", "c-1").given_name = "Di".to_owned();
    town.run("clever");
    assert_eq!(town.account("clever-c-1").email, None);
}

#[test]
fn people_left_out_are_neither_made_nor_named_again() {
    let mut town = dana();
    town.person("clever", "c-1").email_verified = false;
    town.run("google");
    resolve(&mut town, Resolution::Ignore);
    assert_eq!(town.run("clever"), "");
    assert_eq!(town.accounts.len(), 1);
}

#[test]
fn a_link_to_an_account_that_is_gone_is_named() {
    let mut town = dana();
    let nobody = Resolution::Link {
        account: account_id("nobody"),
    };
    resolve(&mut town, nobody);
    insta::assert_snapshot!(town.run("clever"), @"record c-1 was linked to account nobody, which is not there");
}

#[test]
fn a_grade_that_only_one_source_states_is_kept_and_goes_with_it() {
    let mut town = Town::default();
    town.source(
        "google",
        vec![placed("ana", [placement("oak", Role::Student, None)])],
    );
    let mut at_clever = placed("c-1", [placement("oak", Role::Student, Some("09"))]);
    at_clever.email = Some(email("ana"));
    at_clever.grade = Some("09".to_owned());
    town.source("clever", vec![at_clever]);
    town.run("google");
    town.run("clever");
    assert_eq!(town.account("google-ana").grade.as_deref(), Some("09"));
    assert_eq!(town.account("google-ana").memberships.len(), 2);
    assert!(town.organizations.contains_key(&organization("org-oak")));
    town.remove("clever", "c-1");
    town.run("clever");
    assert_eq!(town.account("google-ana").grade, None);
}

fn resolve(town: &mut Town, resolution: Resolution) {
    let source = town.sources.get_mut(&connection("clever")).unwrap();
    source.resolutions.insert(external("c-1"), resolution);
}
