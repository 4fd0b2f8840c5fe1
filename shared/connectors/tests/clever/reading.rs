//! Reading a district that behaves.

use super::district::{District, asked_for, id, parameter, school};
use super::driver::{driver, now, plan, read, stage};
use connectors::clever::{EventCursor, Fetch, Version};
use connectors::fetch::{Connector, Poll};
use http::Request;
use mapping::account::Role;
use mapping::schooling::Schooling;
use serde_json::json;

#[test]
fn everybody_is_read_with_schools_and_classes() {
    let district = District::new(7, 3);
    let (batches, end) = read(plan(), |request| Ok(district.answer(request)));
    let complete = end.unwrap();
    let totals = complete.totals();
    let staged = stage(batches);
    assert_eq!(staged.records.len(), district.users.len());
    assert_eq!(totals.records, 7 + 4 + 1 + 1 + 1);
    assert_eq!(
        (totals.schools, totals.classes, totals.class_members),
        (2, 1, 4)
    );
    assert_eq!(staged.schooling.len(), 2 + 1 + 1 + 1);
    assert_eq!(staged.issues, Vec::<String>::new());
    assert!(complete.doubts().is_empty());
    let listed: Vec<u64> = complete.chains().iter().map(|chain| chain.listed).collect();
    assert_eq!(listed, [7, 4, 1, 1, 1]);
    let pages: Vec<u32> = complete.chains().iter().map(|chain| chain.pages).collect();
    assert_eq!(pages, [3, 2, 1, 1, 1]);
}

#[test]
fn a_class_has_its_people_and_a_term_ends_the_day_after_its_last() {
    let district = District::new(3, 3);
    let (batches, _) = read(plan(), |request| Ok(district.answer(request)));
    let schooling = stage(batches).schooling;
    let Schooling::Class(class) = &schooling[&id("05", 1)] else {
        panic!("a class")
    };
    assert_eq!(class.title, "Biology - 3 - Okafor");
    assert_eq!(class.code.as_deref(), Some("3"));
    assert_eq!(class.school.as_ref().unwrap().as_str(), school(0));
    assert_eq!(class.course.as_ref().unwrap().as_str(), id("0b", 1));
    assert_eq!(class.sessions.first().unwrap().as_str(), id("07", 1));
    assert_eq!(class.grades.first().unwrap(), "09");
    assert_eq!(class.subjects.first().unwrap(), "science");
    assert_eq!(class.periods.first().unwrap(), "3");
    let members: Vec<_> = (class.members.iter())
        .map(|one| (one.person.as_str().to_owned(), one.role, one.primary))
        .collect();
    assert_eq!(
        members,
        [
            (id("aa", 0), Role::Student, false),
            (id("aa", 1), Role::Teacher, true),
            (id("aa", 2), Role::Student, false),
            (id("aa", 4), Role::Teacher, false),
        ]
    );
    let Schooling::Session(term) = &schooling[&id("07", 1)] else {
        panic!("a term")
    };
    assert_eq!(term.begins_on.unwrap().to_string(), "2026-08-10");
    assert_eq!(term.ends_on.unwrap().to_string(), "2026-12-21");
    let Schooling::Course(course) = &schooling[&id("0b", 1)] else {
        panic!("a course")
    };
    assert_eq!(
        (course.title.as_str(), course.code.as_deref()),
        ("Biology", Some("SCI-101"))
    );
    let Schooling::School(one) = &schooling[&school(1)] else {
        panic!("a school")
    };
    assert_eq!(
        (one.name.as_str(), one.identifier.as_deref()),
        ("School 1", Some("S-1"))
    );
}

#[test]
fn guardians_and_classes_are_read_only_where_they_are_wanted() {
    let district = District::new(3, 3);
    let mut asked = Vec::new();
    let mut plan = plan();
    (plan.guardians, plan.classes, plan.window) = (false, false, 1);
    let (batches, end) = read(plan, |request| {
        asked.push(asked_for(request));
        Ok(district.answer(request))
    });
    assert!(end.is_ok());
    assert!(
        stage(batches)
            .records
            .values()
            .all(|one| !one.roles.contains(&Role::Parent))
    );
    assert_eq!(
        asked,
        [
            "districts",
            "events",
            "schools",
            "student",
            "teacher",
            "staff",
            "district_admin"
        ]
    );
}

#[test]
fn both_versions_are_read() {
    let mut district = District::new(3, 3);
    let newer = stage(read(plan(), |request| Ok(district.answer(request))).0);
    for user in &mut district.users {
        user.as_object_mut().unwrap().remove("lms_status");
        if let Some(student) = user["roles"]["student"].as_object_mut() {
            student.remove("preferred_name");
        }
    }
    district.version = "v3.0";
    let mut plan = plan();
    plan.api.version = Version::V3_0;
    let (batches, end) = read(plan, |request| Ok(district.answer(request)));
    assert!(end.is_ok());
    assert_eq!(stage(batches), newer);
}

#[test]
fn the_newest_event_is_remembered_from_before_the_lists() {
    let mut district = District::new(3, 3);
    let has_event = |district: &District| {
        let mut asked = Vec::new();
        let mut driver = driver(|request: &Request<_>| {
            asked.push(asked_for(request));
            Ok(district.answer(request))
        });
        driver.crashes = true;
        let (_, end, fetch) = driver.run_keeping(Fetch::start(plan(), now()));
        assert!(end.is_ok());
        assert_eq!(asked[..2], ["districts", "events"]);
        fetch.event_cursor().cloned()
    };
    let newest = EventCursor::After(super::district::event_id(1));
    assert_eq!(has_event(&district), Some(newest));
    district.events = Some(Vec::new());
    assert_eq!(has_event(&district), Some(EventCursor::Start { at: now() }));
    district.events = None;
    assert_eq!(has_event(&district), None);
}

#[test]
fn events_may_be_off_in_any_way() {
    use super::district::{error, raw};
    let district = District::new(3, 3);
    for answer in [
        error(403, "Forbidden"),
        error(404, "Resource not found"),
        raw(404, "text/html", "<html></html>"),
        raw(501, "text/plain", ""),
        error(401, "Resource not in token's scopes"),
    ] {
        let (batches, end) = read(plan(), |request| {
            let is_events = asked_for(request) == "events";
            Ok(if is_events {
                answer.clone()
            } else {
                district.answer(request)
            })
        });
        assert_eq!(end.unwrap().totals().records, 8, "{answer:?}");
        assert_eq!(stage(batches).records.len(), 8);
    }
}

#[test]
fn the_district_is_asked_for_before_anybody_and_alone() {
    let mut fetch = Fetch::start(plan(), now());
    let Poll::Send { request, .. } = fetch.poll(now(), "t") else {
        panic!("a request")
    };
    assert_eq!(
        request.uri().to_string(),
        "http://clever.example/v3.1/districts"
    );
    assert_eq!(request.headers()["authorization"], "Bearer t");
    assert!(matches!(fetch.poll(now(), "t"), Poll::Busy));
}

#[test]
fn the_total_is_asked_for_where_it_can_only_mean_the_whole_list() {
    let district = District::new(7, 1);
    let mut counted = Vec::new();
    let (_, end) = read(plan(), |request| {
        if ["schools", "student"].contains(&asked_for(request).as_str()) {
            counted.push((
                asked_for(request),
                parameter(request, "count").is_some(),
                parameter(request, "starting_after").is_some(),
            ));
        }
        Ok(district.answer(request))
    });
    assert!(end.is_ok());
    let asks = |list: &str| {
        let of_list = counted.iter().filter(|(asked, ..)| asked == list);
        of_list
            .map(|(_, count, after)| (*count, *after))
            .collect::<Vec<_>>()
    };
    assert_eq!(asks("schools")[..2], [(true, false), (false, true)]);
    assert_eq!(asks("student")[..2], [(false, false), (false, true)]);
}

#[test]
fn classes_without_roster_courses_without_name_and_terms_without_dates_are_taken() {
    let mut district = District::new(3, 3);
    district.sections = vec![
        json!({ "id": id("05", 1), "teachers": null, "students": [null, ""],
        "term_id": "", "grade": "", "subject": null }),
    ];
    district.terms = vec![json!({ "id": id("07", 1), "name": null, "start_date": null })];
    district.courses = vec![json!({ "id": id("0b", 1) })];
    let (batches, end) = read(plan(), |request| Ok(district.answer(request)));
    assert_eq!(end.unwrap().totals().class_members, 0);
    let staged = stage(batches);
    assert_eq!(staged.issues, Vec::<String>::new());
    let Schooling::Class(class) = &staged.schooling[&id("05", 1)] else {
        panic!("a class")
    };
    assert!(class.sessions.is_empty() && class.grades.is_empty() && class.members.is_empty());
}
