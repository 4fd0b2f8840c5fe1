//! Edits of rule sets: what they refuse, what becomes of the defaults, how far rules reach.

use crate::district::{
    default_ids, filter, group_assignment, link, mapping_set, organization, rule_id, school_rules,
    unit,
};
use mapping::account::Role;
use mapping::rules::{
    AccountType, Assignment, Attribute, Condition, EditError, ExpressionFault, FilterList,
    FilterRule, FilterStatus, GroupNeed, Leaving, LeavingAction, MappingSet, OrgUnitLink,
    OrgUnitRef, RULES_MAX, RuleSet, Subject, UnitScope, UnitScopes,
};
use std::collections::{BTreeMap, BTreeSet};

fn path_filter(id: &str, expression: &str) -> FilterRule {
    let (attribute, condition) = (Attribute::OrgUnitPath, Condition::AntPath);
    filter(id, attribute, condition, expression, FilterStatus::Allow)
}

fn group_filter(id: &str, condition: Condition, expression: &str) -> FilterRule {
    let attribute = Attribute::GroupsMembership;
    filter(id, attribute, condition, expression, FilterStatus::Allow)
}

fn filter_ids(rules: &RuleSet) -> Vec<&str> {
    rules.filters.iter().map(|rule| rule.id.as_str()).collect()
}

fn set_ids(rules: &RuleSet) -> Vec<&str> {
    rules
        .mapping_sets
        .iter()
        .map(|set| set.id.as_str())
        .collect()
}

/// An edit that must be refused and leave no trace.
#[track_caller]
fn refused(
    rules: &mut RuleSet,
    edit: impl FnOnce(&mut RuleSet) -> Result<(), EditError>,
) -> EditError {
    let before = rules.clone();
    let error = edit(rules).unwrap_err();
    assert_eq!(*rules, before, "a refused edit changed something");
    error
}

#[test]
fn a_link_brings_one_default_filter_rule_and_one_default_set() {
    let rules = school_rules();
    assert_eq!(filter_ids(&rules), ["students-allow", "teachers-allow"]);
    assert_eq!(set_ids(&rules), ["students-set", "teachers-set"]);
    insta::assert_json_snapshot!(rules.filters[0], @r#"
    {
      "id": "students-allow",
      "attribute": "orgUnitPath",
      "condition": "ANT_PATH",
      "expression": "/Students/**",
      "status": "ALLOW",
      "default_of": "students"
    }
    "#);
    insta::assert_json_snapshot!(rules.mapping_sets[1], @r#"
    {
      "id": "teachers-set",
      "name": "/Teachers",
      "organization": "oak",
      "role": "teacher",
      "user_type": "STAFF",
      "filters": [],
      "default_of": "teachers"
    }
    "#);
}

#[test]
fn a_replaced_link_keeps_the_places_of_its_defaults() {
    let mut rules = school_rules();
    let replacement = link("students", "/Pupils", Role::Staff);
    rules.put_link(replacement, &default_ids("other")).unwrap();
    assert_eq!(filter_ids(&rules), ["students-allow", "teachers-allow"]);
    assert_eq!(rules.filters[0].expression, "/Pupils");
    assert_eq!(rules.filters[0].condition, Condition::Is);
    assert_eq!(rules.mapping_sets[0].role, Role::Staff);
}

#[test]
fn an_assignment_has_a_default_set_only_while_it_names_an_organization() {
    let mut rules = RuleSet::default();
    let without = group_assignment("admins", "Admins@MapleGrove.example", AccountType::Admin);
    rules
        .put_assignment(without.clone(), &default_ids("admins"))
        .unwrap();
    assert_eq!(rules.filters[0].expression, "admins@maplegrove.example");
    assert!(rules.mapping_sets.is_empty());
    let with = Assignment {
        organization: Some(organization("oak")),
        ..without.clone()
    };
    rules.put_assignment(with, &default_ids("admins")).unwrap();
    assert_eq!(set_ids(&rules), ["admins-set"]);
    rules
        .put_assignment(without, &default_ids("admins"))
        .unwrap();
    assert!(rules.mapping_sets.is_empty());
    rules.remove_assignment(&rule_id("admins")).unwrap();
    assert!(!rules.has_mappings() && rules.filters.is_empty());
}

#[test]
fn defaults_can_be_moved_but_not_edited_or_deleted() {
    let mut rules = school_rules();
    let top = FilterList::Top;
    rules
        .move_filter(&top, &rule_id("students-allow"), 1)
        .unwrap();
    assert_eq!(filter_ids(&rules), ["teachers-allow", "students-allow"]);
    rules.move_mapping_set(&rule_id("teachers-set"), 0).unwrap();
    assert_eq!(set_ids(&rules), ["teachers-set", "students-set"]);

    let id = rule_id("students-allow");
    let fixed = EditError::DefaultFixed { id: id.clone() };
    assert_eq!(
        refused(&mut rules, |rules| rules.remove_filter(&top, &id)),
        fixed
    );
    let edited = path_filter("students-allow", "/x");
    assert_eq!(
        refused(&mut rules, |rules| rules.replace_filter(&top, edited)),
        fixed
    );

    let id = rule_id("students-set");
    let fixed = EditError::DefaultFixed { id: id.clone() };
    assert_eq!(
        refused(&mut rules, |rules| rules.remove_mapping_set(&id)),
        fixed
    );
    let edited = mapping_set("students-set", vec![path_filter("f", "/x")]);
    assert_eq!(
        refused(&mut rules, |rules| rules.replace_mapping_set(edited)),
        fixed
    );
    let inside = FilterList::MappingSet(id);
    let added = path_filter("f", "/x");
    assert_eq!(
        refused(&mut rules, |rules| rules.add_filter(&inside, added, None)),
        fixed
    );
}

#[test]
fn nobody_can_add_a_default_of_their_own() {
    let mut rules = school_rules();
    let owner = Some(rule_id("students"));
    let rule = FilterRule {
        default_of: owner.clone(),
        ..path_filter("f", "/x")
    };
    let set = MappingSet {
        default_of: owner,
        ..mapping_set("m", Vec::new())
    };
    refused(&mut rules, |rules| {
        rules.add_filter(&FilterList::Top, rule.clone(), None)
    });
    refused(&mut rules, |rules| rules.add_mapping_set(set, None));
    refused(&mut rules, |rules| {
        rules.add_mapping_set(mapping_set("m", vec![rule]), None)
    });
}

#[test]
fn removing_a_link_removes_its_defaults() {
    let mut rules = school_rules();
    rules.remove_link(&rule_id("students")).unwrap();
    assert_eq!(filter_ids(&rules), ["teachers-allow"]);
    assert_eq!(set_ids(&rules), ["teachers-set"]);
    let id = rule_id("students");
    let error = refused(&mut rules, |rules| rules.remove_link(&id));
    assert_eq!(error, EditError::Unknown { id });
}

#[test]
fn a_bad_pattern_is_refused_with_its_position() {
    let mut rules = school_rules();
    let error = refused(&mut rules, |rules| {
        rules.add_filter(&FilterList::Top, path_filter("f", "/a/{b}"), None)
    });
    let EditError::Expression { rule, error } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(
        (rule.as_str(), error.at, error.fault),
        ("f", 3, ExpressionFault::Brace)
    );
    let set = mapping_set("m", vec![path_filter("f", "")]);
    refused(&mut rules, |rules| rules.add_mapping_set(set, None));
}

#[test]
fn a_unit_path_has_one_form() {
    for path in [
        "",
        "a",
        "/a/",
        "//",
        "/a//b",
        "/a\n",
        &format!("/{}", "x".repeat(900)),
    ] {
        let mut rules = RuleSet::default();
        let bad = link("l", path, Role::Student);
        let error = refused(&mut rules, |rules| rules.put_link(bad, &default_ids("l")));
        assert_eq!(error, EditError::UnitPath { id: rule_id("l") }, "{path:?}");
    }
}

#[test]
fn an_id_is_used_once() {
    let mut rules = school_rules();
    let rule = path_filter("teachers", "/x");
    let error = refused(&mut rules, |rules| {
        rules.add_filter(&FilterList::Top, rule, None)
    });
    assert_eq!(
        error,
        EditError::DuplicateId {
            id: rule_id("teachers")
        }
    );
}

#[test]
fn a_mapping_set_keeps_at_least_one_filter_rule() {
    let mut rules = school_rules();
    let id = rule_id("m");
    let empty = mapping_set("m", Vec::new());
    let error = refused(&mut rules, |rules| rules.add_mapping_set(empty, None));
    assert_eq!(error, EditError::NoFilter { id: id.clone() });
    let set = mapping_set("m", vec![path_filter("f", "/x")]);
    rules.add_mapping_set(set, Some(0)).unwrap();
    let inside = FilterList::MappingSet(id.clone());
    refused(&mut rules, |rules| {
        rules.remove_filter(&inside, &rule_id("f"))
    });
    rules
        .add_filter(&inside, path_filter("g", "/y"), Some(0))
        .unwrap();
    rules.remove_filter(&inside, &rule_id("f")).unwrap();
    rules
        .replace_filter(&inside, path_filter("g", "/z"))
        .unwrap();
    assert_eq!(rules.mapping_sets[0].filters, [path_filter("g", "/z")]);
    rules.remove_mapping_set(&id).unwrap();
    assert_eq!(set_ids(&rules), ["students-set", "teachers-set"]);
}

#[test]
fn a_new_order_names_every_entry_once() {
    let mut rules = school_rules();
    let (a, b) = (rule_id("students-allow"), rule_id("teachers-allow"));
    for order in [
        vec![],
        vec![a.clone()],
        vec![a.clone(), a.clone()],
        vec![a.clone(), rule_id("x")],
    ] {
        let error = refused(&mut rules, |rules| {
            rules.reorder_filters(&FilterList::Top, &order)
        });
        assert_eq!(error, EditError::NotPermutation);
    }
    rules.reorder_filters(&FilterList::Top, &[b, a]).unwrap();
    assert_eq!(filter_ids(&rules), ["teachers-allow", "students-allow"]);
    let order = [rule_id("teachers-set"), rule_id("students-set")];
    rules.reorder_mapping_sets(&order).unwrap();
    assert_eq!(set_ids(&rules), ["teachers-set", "students-set"]);
}

#[test]
fn every_edit_counts_the_version_up_by_one() {
    let mut rules = school_rules();
    assert_eq!(rules.version.0, 2);
    let leaving = Leaving {
        deleted: LeavingAction::Delete,
        moved: LeavingAction::Keep,
    };
    rules.set_leaving(leaving).unwrap();
    assert_eq!(rules.version.0, 3);
    rules.replace(RuleSet::default()).unwrap();
    assert_eq!(rules.version.0, 4);
}

#[test]
fn a_rule_set_has_a_limit() {
    let mut rules = school_rules();
    let room = RULES_MAX - 2;
    rules
        .filters
        .extend((0..room).map(|n| path_filter(&format!("f{n}"), "/x")));
    rules.validate().unwrap();
    let one_more = path_filter("f", "/x");
    let error = refused(&mut rules, |rules| {
        rules.add_filter(&FilterList::Top, one_more, None)
    });
    assert_eq!(error, EditError::TooMany);
}

#[test]
fn a_rule_set_has_a_limit_of_bytes() {
    let mut rules = school_rules();
    let expression = format!("/{}", "x".repeat(999));
    for n in 0..2_100 {
        rules
            .filters
            .push(path_filter(&format!("f{n}"), &expression));
    }
    assert_eq!(rules.validate(), Err(EditError::Large));
    rules.filters.truncate(200);
    assert_eq!(rules.validate(), Ok(()));
}

#[test]
fn a_rule_set_from_a_client_is_checked_whole() {
    let good = school_rules();
    let json = serde_json::to_value(&good).unwrap();
    assert_eq!(
        serde_json::from_value::<RuleSet>(json.clone()).unwrap(),
        good
    );

    let mut unknown = json;
    unknown["links"][0]["typo"] = true.into();
    assert!(serde_json::from_value::<RuleSet>(unknown).is_err());

    let mut missing = good.clone();
    missing.filters.remove(0);
    assert!(matches!(
        missing.validate(),
        Err(EditError::DefaultMissing { .. })
    ));
    let mut edited = good.clone();
    edited.filters[0].status = FilterStatus::Block;
    assert!(matches!(
        edited.validate(),
        Err(EditError::DefaultFixed { .. })
    ));
    let mut edited = good.clone();
    edited.mapping_sets[0].role = Role::Admin;
    assert!(matches!(
        edited.validate(),
        Err(EditError::DefaultFixed { .. })
    ));
    let mut twice = good.clone();
    let id = rule_id("again");
    twice.filters.push(FilterRule {
        id,
        ..good.filters[0].clone()
    });
    assert!(matches!(
        twice.validate(),
        Err(EditError::DefaultMissing { .. })
    ));
    let mut stray = good.clone();
    let (id, default_of) = (rule_id("stray"), Some(rule_id("nobody")));
    stray.filters.push(FilterRule {
        id,
        default_of,
        ..good.filters[0].clone()
    });
    assert_eq!(
        stray.validate(),
        Err(EditError::DefaultFixed {
            id: rule_id("stray")
        })
    );
}

#[test]
fn links_follow_their_units_by_id() {
    let mut rules = school_rules();
    let paths = BTreeMap::from([
        ("id:/Students".to_owned(), "/Learners".to_owned()),
        ("id:/Teachers".to_owned(), "/Teachers".to_owned()),
    ]);
    assert_eq!(rules.follow_units(&paths), Ok(true));
    assert_eq!(rules.links[0].unit.path, "/Learners");
    assert_eq!(rules.filters[0].expression, "/Learners/**");
    assert_eq!(rules.mapping_sets[0].name, "/Learners");
    let version = rules.version;
    assert_eq!(rules.follow_units(&paths), Ok(false));
    assert_eq!(rules.version, version);
}

#[test]
fn only_the_groups_that_can_matter_are_needed() {
    let mut rules = school_rules();
    assert_eq!(rules.group_need(), GroupNeed::None);
    let admins = group_assignment("admins", "admins@maplegrove.example", AccountType::Admin);
    rules
        .put_assignment(admins, &default_ids("admins"))
        .unwrap();
    let rule = group_filter("f", Condition::IsNot, "Chess@maplegrove.example");
    let set = mapping_set("m", vec![rule]);
    rules.add_mapping_set(set, None).unwrap();
    let named = ["admins@maplegrove.example", "chess@maplegrove.example"];
    assert_eq!(
        rules.group_need(),
        GroupNeed::Named(named.map(str::to_owned).into())
    );
    for (condition, expression) in [
        (Condition::Is, "Chess Club"),
        (Condition::Contains, "chess@maplegrove.example"),
        (Condition::AntPath, "chess@*"),
    ] {
        let mut rules = rules.clone();
        let rule = group_filter("g", condition, expression);
        rules.add_filter(&FilterList::Top, rule, None).unwrap();
        assert_eq!(
            rules.group_need(),
            GroupNeed::All,
            "{condition:?} {expression}"
        );
    }
}

#[test]
fn units_below_a_unit_that_is_read_whole_are_not_read_twice() {
    let mut rules = RuleSet::default();
    let mut put = |id: &str, path: &str, include_sub_units: bool| {
        let link = OrgUnitLink {
            include_sub_units,
            ..link(id, path, Role::Student)
        };
        rules.put_link(link, &default_ids(id)).unwrap();
    };
    put("a", "/Students", false);
    put("b", "/STUDENTS", true);
    put("c", "/Students/Grade 9", true);
    put("d", "/Students2", false);
    put("e", "/Staff", false);
    put("f", "/Staff/Kitchen", false);
    let scopes: BTreeSet<UnitScope> = match rules.unit_scopes() {
        UnitScopes::Everyone => panic!("not everyone"),
        UnitScopes::Units(units) => units.into_iter().collect(),
    };
    let expected = [
        ("/STUDENTS", true),
        ("/Students2", false),
        ("/Staff", false),
        ("/Staff/Kitchen", false),
    ];
    let expected = expected.map(|(path, include_sub_units)| UnitScope {
        path: path.to_owned(),
        include_sub_units,
    });
    assert_eq!(scopes, expected.into());
}

#[test]
fn a_group_or_the_whole_top_unit_needs_everyone() {
    let mut rules = school_rules();
    let admins = group_assignment("admins", "admins@maplegrove.example", AccountType::Admin);
    rules
        .put_assignment(admins, &default_ids("admins"))
        .unwrap();
    assert_eq!(rules.unit_scopes(), UnitScopes::Everyone);

    let mut rules = RuleSet::default();
    let top = |include_sub_units| Assignment {
        id: rule_id("top"),
        subject: Subject::OrgUnit {
            unit: OrgUnitRef {
                id: None,
                ..unit("/")
            },
            include_sub_units,
        },
        account_type: AccountType::Student,
        organization: None,
    };
    rules
        .put_assignment(top(true), &default_ids("top"))
        .unwrap();
    assert_eq!(rules.filters[0].expression, "/**");
    assert_eq!(rules.unit_scopes(), UnitScopes::Everyone);
    rules
        .put_assignment(top(false), &default_ids("top"))
        .unwrap();
    assert!(matches!(rules.unit_scopes(), UnitScopes::Units(units) if units.len() == 1));
}
