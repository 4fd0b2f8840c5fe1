//! Every condition with every attribute, in a table.

use crate::district::{default_ids, filter, group, is_in_scope, link, person};
use mapping::account::Role;
use mapping::rules::{Attribute, Condition, FilterList, FilterStatus, OrgUnitLink, RuleSet};
use mapping::source::{Group, SourceRecord};

use Condition::{AntPath, Contains, DoesntContain, Is, IsNot, StartsWith};

/// Everybody is covered; one rule stands before the default and blocks whom it matches.
fn is_matched(
    record: &SourceRecord,
    attribute: Attribute,
    condition: Condition,
    expression: &str,
) -> bool {
    let mut rules = RuleSet::default();
    let everybody = OrgUnitLink {
        include_sub_units: true,
        ..link("all", "/", Role::Student)
    };
    rules.put_link(everybody, &default_ids("all")).unwrap();
    assert!(is_in_scope(&rules, record));
    let rule = filter(
        "rule",
        attribute,
        condition,
        expression,
        FilterStatus::Block,
    );
    rules.add_filter(&FilterList::Top, rule, Some(0)).unwrap();
    !is_in_scope(&rules, record)
}

#[track_caller]
fn check_path(condition: Condition, expression: &str, expected: bool) {
    let record = person("ana", "/Students/Grade 9");
    assert_eq!(
        is_matched(&record, Attribute::OrgUnitPath, condition, expression),
        expected,
        "{condition:?} {expression:?}"
    );
}

#[track_caller]
fn check_groups(groups: &[Group], condition: Condition, expression: &str, expected: bool) {
    let mut record = person("ana", "/Students/Grade 9");
    record.groups.extend(groups.iter().cloned());
    assert_eq!(
        is_matched(&record, Attribute::GroupsMembership, condition, expression),
        expected,
        "{groups:?} {condition:?} {expression:?}"
    );
}

#[test]
fn conditions_compare_the_full_org_unit_path_ignoring_case() {
    for (condition, expression, expected) in [
        (Is, "/students/GRADE 9", true),
        (Is, "/Students", false),
        (IsNot, "/Students", true),
        (IsNot, "/STUDENTS/grade 9", false),
        (Contains, "GRADE", true),
        (Contains, "grade 10", false),
        (DoesntContain, "grade 10", true),
        (DoesntContain, "Grade", false),
        (StartsWith, "/stud", true),
        (StartsWith, "Students", false),
        (AntPath, "/STUDENTS/**", true),
        (AntPath, "/students/grade ?", true),
        (AntPath, "/students/*", true),
        (AntPath, "/*", false),
        (AntPath, "students/**", false),
        (AntPath, "/**/grade*", true),
    ] {
        check_path(condition, expression, expected);
    }
}

#[test]
fn conditions_compare_the_address_and_the_name_of_a_group_ignoring_case() {
    let chess = [group("chess@maplegrove.example", "Chess Club / East")];
    for (condition, expression, expected) in [
        (Is, "CHESS@maplegrove.example", true),
        (Is, "chess club / east", true),
        (Is, "chess", false),
        (IsNot, "go@maplegrove.example", true),
        (IsNot, "chess@MAPLEGROVE.example", false),
        (IsNot, "Chess Club / East", false),
        (Contains, "CLUB", true),
        (Contains, "maplegrove", true),
        (Contains, "tennis", false),
        (DoesntContain, "tennis", true),
        (DoesntContain, "club", false),
        (StartsWith, "CHESS@", true),
        (StartsWith, "chess c", true),
        (StartsWith, "club", false),
        (AntPath, "chess@*", true),
        (AntPath, "chess club */*", true),
        (AntPath, "/**", false),
    ] {
        check_groups(&chess, condition, expression, expected);
    }
}

#[test]
fn a_positive_condition_needs_one_group_and_a_negative_one_needs_all() {
    let two = [
        group("chess@maplegrove.example", "Chess"),
        group("tennis@maplegrove.example", ""),
    ];
    for (condition, expression, expected) in [
        (Is, "tennis@maplegrove.example", true),
        (Contains, "chess", true),
        (StartsWith, "tennis", true),
        (AntPath, "t*", true),
        (IsNot, "tennis@maplegrove.example", false),
        (IsNot, "go@maplegrove.example", true),
        (DoesntContain, "chess", false),
        (DoesntContain, "golf", true),
    ] {
        check_groups(&two, condition, expression, expected);
    }
}

#[test]
fn without_groups_only_negative_conditions_hold() {
    for (condition, expected) in [
        (Is, false),
        (IsNot, true),
        (Contains, false),
        (DoesntContain, true),
        (StartsWith, false),
        (AntPath, false),
    ] {
        check_groups(&[], condition, "chess", expected);
    }
}

#[test]
fn an_expression_that_is_an_address_is_never_taken_for_a_name() {
    let odd = [group("a@maplegrove.example", "b@maplegrove.example")];
    check_groups(&odd, Is, "b@maplegrove.example", false);
    check_groups(&odd, IsNot, "b@maplegrove.example", true);
    check_groups(&odd, Contains, "b@maplegrove.example", true);
}
