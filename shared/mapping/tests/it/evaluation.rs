//! What rules make of people.

use crate::district::{
    block_first, default_ids, filter, group, group_assignment, is_in_scope, link, mapping_set,
    person, rule_id, school_rules,
};
use mapping::account::{Role, UserType};
use mapping::evaluate::{CompiledRules, Desired, Evaluation, OutOfScope, evaluate, explain};
use mapping::issue::IssueKind;
use mapping::rules::{
    AccountType, Attribute, Condition, FilterList, FilterStatus, MappingSet, RuleSet,
};
use mapping::source::SourceRecord;

fn desired(rules: &RuleSet, record: &SourceRecord) -> Desired {
    match evaluate(&CompiledRules::new(rules), record) {
        Evaluation::InScope(desired) => *desired,
        other @ (Evaluation::OutOfScope(_) | Evaluation::Unusable(_)) => panic!("{other:?}"),
    }
}

fn grade_set(id: &str, path: &str, grade: &str) -> MappingSet {
    let (attribute, condition) = (Attribute::OrgUnitPath, Condition::StartsWith);
    let rule = filter(
        &format!("{id}-rule"),
        attribute,
        condition,
        path,
        FilterStatus::Allow,
    );
    MappingSet {
        grade: Some(grade.to_owned()),
        ..mapping_set(id, vec![rule])
    }
}

#[test]
fn a_link_covers_its_own_unit_and_sub_units_only_if_it_says_so() {
    let rules = school_rules();
    for (path, expected) in [
        ("/Students", true),
        ("/students", true),
        ("/Students/Grade 9/A", true),
        ("/Students2", false),
        ("/Students2/x", false),
        ("/Teachers", true),
        ("/Teachers/Maths", false),
        ("/", false),
    ] {
        assert_eq!(
            is_in_scope(&rules, &person("ana", path)),
            expected,
            "{path}"
        );
    }
    let nowhere = SourceRecord {
        org_unit_path: None,
        ..person("ana", "/")
    };
    assert!(!is_in_scope(&rules, &nowhere));
}

#[test]
fn a_unit_with_pattern_characters_in_its_name_covers_only_itself() {
    let mut rules = RuleSet::default();
    rules
        .put_link(link("odd", "/What?*", Role::Student), &default_ids("odd"))
        .unwrap();
    assert!(is_in_scope(&rules, &person("ana", "/what?*")));
    assert!(!is_in_scope(&rules, &person("ana", "/whatever")));
}

#[test]
fn the_first_filter_rule_that_matches_decides() {
    let mut rules = school_rules();
    block_first(&mut rules, "no-nine", "/students/grade 9");
    let compiled = CompiledRules::new(&rules);
    assert_eq!(
        evaluate(&compiled, &person("ana", "/Students/Grade 9")),
        Evaluation::OutOfScope(OutOfScope::Blocked {
            filter: rule_id("no-nine")
        })
    );
    assert!(is_in_scope(&rules, &person("ana", "/Students/Grade 8")));
    rules
        .move_filter(&FilterList::Top, &rule_id("no-nine"), 2)
        .unwrap();
    assert!(is_in_scope(&rules, &person("ana", "/Students/Grade 9")));
}

#[test]
fn an_allow_rule_brings_nobody_in_whom_nothing_covers() {
    let mut rules = school_rules();
    let (attribute, condition) = (Attribute::OrgUnitPath, Condition::StartsWith);
    let allow = filter("all", attribute, condition, "/", FilterStatus::Allow);
    rules.add_filter(&FilterList::Top, allow, Some(0)).unwrap();
    assert_eq!(
        evaluate(&CompiledRules::new(&rules), &person("ana", "/Visitors")),
        Evaluation::OutOfScope(OutOfScope::NotCovered)
    );
}

#[test]
fn every_matching_set_adds_a_membership_and_the_first_that_states_a_grade_gives_it() {
    let mut rules = school_rules();
    rules
        .add_mapping_set(grade_set("nine", "/Students/Grade 9", "09"), Some(0))
        .unwrap();
    rules
        .add_mapping_set(grade_set("any", "/Students", "other"), None)
        .unwrap();
    let record = SourceRecord {
        grade: Some("8".to_owned()),
        ..person("ana", "/Students/Grade 9")
    };
    let desired = desired(&rules, &record);
    assert_eq!(desired.grade.as_deref(), Some("09"));
    assert_eq!(desired.user_type, Some(UserType::Student));
    insta::assert_json_snapshot!(desired.memberships, @r#"
    [
      {
        "organization": "elm",
        "role": "student",
        "grade": "09"
      },
      {
        "organization": "elm",
        "role": "student",
        "grade": "other"
      },
      {
        "organization": "oak",
        "role": "student",
        "grade": "8"
      }
    ]
    "#);
    insta::assert_snapshot!(
        desired.cause,
        @"covered by students, allowed by filter rule students-allow, placed by mapping set nine, students-set, any"
    );
}

#[test]
fn inside_a_set_the_first_filter_rule_that_matches_decides() {
    let mut rules = school_rules();
    let (attribute, condition) = (Attribute::OrgUnitPath, Condition::Contains);
    let block = filter("b", attribute, condition, "grade 9", FilterStatus::Block);
    let allow = filter("a", attribute, condition, "grade", FilterStatus::Allow);
    rules
        .add_mapping_set(mapping_set("m", vec![block, allow]), None)
        .unwrap();
    let sets = |path| desired(&rules, &person("ana", path)).cause.mapping_sets;
    assert_eq!(sets("/Students/Grade 9"), [rule_id("students-set")]);
    assert_eq!(
        sets("/Students/Grade 8"),
        [rule_id("students-set"), rule_id("m")]
    );
}

#[test]
fn the_source_states_the_grade_when_no_set_does() {
    let record = SourceRecord {
        grade: Some(" 07 ".to_owned()),
        ..person("ana", "/Students")
    };
    assert_eq!(
        desired(&school_rules(), &record).grade.as_deref(),
        Some("07")
    );
}

#[test]
fn a_group_assignment_covers_its_members_and_an_admin_is_a_teacher_too() {
    let mut rules = RuleSet::default();
    let admins = group_assignment("admins", "admins@maplegrove.example", AccountType::Admin);
    rules
        .put_assignment(admins, &default_ids("admins"))
        .unwrap();
    let mut record = person("dee", "/Office");
    assert!(!is_in_scope(&rules, &record));
    record.groups.insert(group("ADMINS@maplegrove.example", ""));
    let desired = desired(&rules, &record);
    assert_eq!(desired.roles, [Role::Admin, Role::Teacher].into());
    assert_eq!(desired.user_type, Some(UserType::Staff));
    assert!(desired.memberships.is_empty());
}

#[test]
fn roles_of_links_and_assignments_come_together() {
    let mut rules = school_rules();
    let admins = group_assignment("admins", "admins@maplegrove.example", AccountType::Admin);
    rules
        .put_assignment(admins, &default_ids("admins"))
        .unwrap();
    let mut record = person("tea", "/Teachers");
    record
        .groups
        .insert(group("admins@maplegrove.example", "Admins"));
    let desired = desired(&rules, &record);
    assert_eq!(desired.roles, [Role::Admin, Role::Teacher].into());
    assert_eq!(
        desired.cause.mappings,
        [rule_id("teachers"), rule_id("admins")]
    );
}

#[test]
fn a_person_without_an_address_is_unusable_only_when_in_scope() {
    let rules = CompiledRules::new(&school_rules());
    let record = |path| SourceRecord {
        email: None,
        ..person("ana", path)
    };
    assert_eq!(
        evaluate(&rules, &record("/Students")),
        Evaluation::Unusable(IssueKind::MissingEmail)
    );
    assert_eq!(
        evaluate(&rules, &record("/Visitors")),
        Evaluation::OutOfScope(OutOfScope::NotCovered)
    );
}

#[test]
fn why_shows_every_rule_in_order_and_the_one_that_decided() {
    let mut rules = school_rules();
    block_first(&mut rules, "no-nine", "/students/grade 9");
    let explanation = explain(
        &CompiledRules::new(&rules),
        &person("ana", "/Students/Grade 9"),
    );
    insta::assert_json_snapshot!(explanation, @r#"
    {
      "mappings": [
        {
          "id": "students",
          "covers": true
        },
        {
          "id": "teachers",
          "covers": false
        }
      ],
      "filters": [
        {
          "id": "no-nine",
          "status": "BLOCK",
          "matches": true,
          "decides": true
        },
        {
          "id": "students-allow",
          "status": "ALLOW",
          "matches": true,
          "decides": false
        },
        {
          "id": "teachers-allow",
          "status": "ALLOW",
          "matches": false,
          "decides": false
        }
      ],
      "mapping_sets": [
        {
          "id": "students-set",
          "matches": true
        },
        {
          "id": "teachers-set",
          "matches": false
        }
      ],
      "outcome": {
        "out_of_scope": {
          "why": "blocked",
          "filter": "no-nine"
        }
      },
      "sentence": "not imported: blocked by filter rule no-nine"
    }
    "#);
}
