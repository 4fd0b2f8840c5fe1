use std::collections::BTreeSet;

use super::*;

#[test]
fn the_same_seed_gives_the_same_district() {
    let first = District::maple_grove(7, 3_000);
    let second = District::maple_grove(7, 3_000);
    assert_eq!(first.people(), second.people());
    assert_eq!(first.schools(), second.schools());
    assert_ne!(first.people(), District::maple_grove(8, 3_000).people());
}

#[test]
fn a_district_has_exactly_the_size_asked_for() {
    for size in [0, 1, 2, 13, 500, 5_001] {
        assert_eq!(District::maple_grove(1, size).people().len(), size);
    }
}

#[test]
fn every_address_and_alias_is_unique() {
    let district = District::maple_grove(3, 20_000);
    let mut seen = BTreeSet::new();
    for person in district.people() {
        assert!(seen.insert(person.local_part.clone()), "{}", person.number);
        for alias in &person.aliases {
            assert!(seen.insert(alias.clone()), "{}", person.number);
        }
    }
}

#[test]
fn addresses_hold_only_what_addresses_may_hold() {
    for person in District::maple_grove(3, 20_000).people() {
        let ok = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
        assert!(person.local_part.chars().all(ok), "{}", person.local_part);
        assert!(!person.local_part.ends_with('.'), "{}", person.local_part);
    }
}

#[test]
fn the_proportions_are_those_of_a_district() {
    let district = District::maple_grove(11, 10_000);
    let count = |kind| {
        let of_kind = |person: &&Person| person.kind == kind;
        district.people().iter().filter(of_kind).count()
    };
    insta::assert_debug_snapshot!(
        (count(PersonKind::Administrator), count(PersonKind::ServiceAccount),
         count(PersonKind::Staff), count(PersonKind::Student), count(PersonKind::Teacher)),
        @r"
    (
        30,
        40,
        500,
        8650,
        780,
    )
    ");
    let in_state = |state| {
        let of_state = |person: &&Person| person.state == state;
        district.people().iter().filter(of_state).count()
    };
    assert!((60..140).contains(&in_state(PersonState::Suspended)));
    assert!((60..140).contains(&in_state(PersonState::Archived)));
}

#[test]
fn students_sit_in_a_school_that_teaches_their_grade() {
    let district = District::maple_grove(5, 5_000);
    for person in district.people() {
        let Some(grade) = person.grade else { continue };
        let school = district.school(person.school.unwrap()).unwrap();
        let (low, high) = school.level.grades();
        assert!((low..=high).contains(&grade), "{}", person.number);
    }
}

#[test]
fn the_awkward_people_are_there() {
    let district = District::maple_grove(5, 5_000);
    let some = |what: &dyn Fn(&Person) -> bool| district.people().iter().any(what);
    assert!(some(&|p| p.family.contains('\'')));
    assert!(some(&|p| p.family.contains('-')));
    assert!(some(&|p| p.family == "王"));
    assert!(some(&|p| p.given == "محمد"));
    assert!(some(&|p| p.given.chars().count() == 2));
    assert!(some(&|p| p.family.len() > 50));
    assert!(some(&|p| p.previous_school.is_some()));
    assert!(some(&|p| p.second_school.is_some()));
    assert!(some(&|p| p.local_part.ends_with("-2")));
    assert!(
        district
            .people()
            .iter()
            .all(|p| p.given.chars().count() <= 60)
    );
    let names: BTreeSet<_> = district
        .people()
        .iter()
        .map(|p| (&p.given, &p.family))
        .collect();
    assert!(
        names.len() < district.people().len(),
        "no two people share a name"
    );
}

#[test]
fn students_may_have_their_own_domain() {
    let shape = DistrictShape::default().with_student_domain();
    let district = District::generate(5, 100, shape);
    for person in district.people() {
        let is_student = person.kind == PersonKind::Student;
        let address = district.address_of(person);
        assert_eq!(
            address.ends_with("@students.maplegrove.example"),
            is_student
        );
    }
}

#[test]
fn bigger_districts_have_more_schools() {
    let count = |size| District::maple_grove(1, size).schools().len();
    assert_eq!(count(10), 3);
    assert!(count(5_000) > 5);
    assert!(count(50_000) > 50);
}
