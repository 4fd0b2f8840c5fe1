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

#[test]
fn the_same_seed_gives_the_same_classes_and_guardians() {
    let first = District::maple_grove(7, 3_000);
    let second = District::maple_grove(7, 3_000);
    assert_eq!(first.classes(), second.classes());
    assert_eq!(first.guardians(), second.guardians());
    assert_ne!(first.classes(), District::maple_grove(8, 3_000).classes());
}

#[test]
fn every_student_attends_four_classes_of_the_own_school_and_grade() {
    let district = District::maple_grove(5, 5_000);
    let courses = district.timetable().courses();
    let mut attended = vec![0; 5_000];
    let mut codes = BTreeSet::new();
    for class in district.classes() {
        assert!(codes.insert(&class.code), "{}", class.code);
        assert!((1..=25).contains(&class.students.len()), "{}", class.code);
        assert!(district.timetable().terms().len() > class.term);
        for student in &class.students {
            attended[student.number()] += 1;
            let student = district.person(*student).unwrap();
            assert_eq!(student.school, Some(class.school), "{}", class.code);
            assert_eq!(student.grade, Some(courses[class.course].grade));
        }
    }
    for (index, person) in district.indexed_people() {
        let expected = if person.kind == PersonKind::Student {
            4
        } else {
            0
        };
        assert_eq!(attended[index.number()], expected, "{}", person.number);
    }
}

#[test]
fn teachers_of_the_school_teach_its_classes_alone_or_in_twos() {
    let district = District::maple_grove(5, 5_000);
    for class in district.classes() {
        for teacher in &class.teachers {
            let teacher = district.person(*teacher).unwrap();
            assert_eq!(teacher.kind, PersonKind::Teacher);
            let here = Some(class.school);
            assert!(teacher.school == here || teacher.second_school == here);
        }
    }
    let taught_by = |count| district.classes().iter().any(|c| c.teachers.len() == count);
    assert!(taught_by(1) && taught_by(2) && !taught_by(0));
}

#[test]
fn guardians_share_addresses_with_each_other_and_with_students() {
    let district = District::maple_grove(5, 5_000);
    let guardians = district.guardians();
    assert!((1_000..2_500).contains(&guardians.len()));
    let mut seen = BTreeSet::new();
    let addresses = guardians.iter().filter_map(|g| g.address.as_ref());
    assert!(addresses.into_iter().any(|address| !seen.insert(address)));
    assert!(guardians.iter().any(|g| g.address.is_none()));
    assert!(guardians.iter().any(|g| g.students.len() > 1));
    assert!(guardians.iter().any(|guardian| {
        let student = district.person(guardian.students[0]).unwrap();
        guardian.address == Some(district.address_of(student))
    }));
    let numbers: BTreeSet<_> = guardians.iter().map(|g| g.number).collect();
    assert_eq!(numbers.len(), guardians.len());
    for student in guardians.iter().flat_map(|g| &g.students) {
        let student = district.person(*student).unwrap();
        assert_eq!(student.kind, PersonKind::Student);
    }
}

#[test]
fn an_empty_district_has_no_classes_and_no_guardians() {
    let district = District::maple_grove(5, 0);
    assert!(district.classes().is_empty() && district.guardians().is_empty());
}
