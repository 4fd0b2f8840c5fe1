//! Schools, sessions, courses, classes and enrolments in our vocabulary (PROVIDERS 6.6 and A.5).
//! What does not exist any more is left out; references may lead nowhere (O16).

use super::people::{class_role, malformed};
use super::service::Collection;
use super::values::{date, flag, is_gone, list, reference, shorten, text, texts, word};
use crate::fetch::Batch;
use crate::grade;
use mapping::ids::ExternalId;
use mapping::issue::{Issue, IssueKind};
use mapping::schooling::{
    Class, ClassMember, Course, School, SchoolKind, Schooling, Session, SessionKind,
};
use serde_json::Value;

/// Reads a row of any list but that of people into the batch.
pub(super) fn read(collection: Collection, json: &str, batch: &mut Batch) {
    let row = serde_json::from_str::<Value>(json).ok();
    let Some(row) = row.filter(Value::is_object) else {
        let kind = malformed(collection.name());
        batch.issues.push(Issue::new(kind, None, None));
        return;
    };
    if is_gone(field(&row, "status")) {
        return;
    }
    if collection == Collection::Enrollments {
        match enrolment(&row) {
            Ok(member) => batch.class_members.push(member),
            Err(kind) => batch.issues.push(place(&row, collection, kind)),
        }
        return;
    }
    let Some(id) = reference(field(&row, "sourcedId")) else {
        let kind = match row.get("sourcedId") {
            None | Some(Value::Null) => IssueKind::MissingId,
            Some(_) => malformed("sourcedId"),
        };
        batch.issues.push(place(&row, collection, kind));
        return;
    };
    batch.schooling.push(match collection {
        Collection::AcademicSessions => Schooling::Session(session(id, &row)),
        Collection::Classes => Schooling::Class(class(id, &row)),
        Collection::Courses => Schooling::Course(course(id, &row)),
        Collection::Enrollments | Collection::Orgs | Collection::Users => {
            Schooling::School(school(id, &row))
        }
    });
}

/// An issue about something that is no person: its id is told as the place, since the ids of
/// issues count as people.
fn place(row: &Value, collection: Collection, kind: IssueKind) -> Issue {
    let name = collection.name();
    let issue = Issue::new(kind, None, None);
    match reference(field(row, "sourcedId")) {
        Some(id) => issue.at(format!("{name} {id}")),
        None => issue.at(name),
    }
}

fn field<'a>(row: &'a Value, name: &str) -> &'a Value {
    row.get(name).unwrap_or(&Value::Null)
}

fn title(row: &Value, name: &str) -> String {
    shorten(text(field(row, name))).0
}

fn school(id: ExternalId, row: &Value) -> School {
    School {
        id,
        name: title(row, "name"),
        kind: match word(field(row, "type")).as_str() {
            "school" => SchoolKind::School,
            "department" => SchoolKind::Department,
            "district" => SchoolKind::District,
            // `local`, `state`, `national` and whatever a server has of its own: nobody becomes an
            // administrator of everything by standing there.
            _ => SchoolKind::Other,
        },
        identifier: text(field(row, "identifier")),
        parent: reference(field(row, "parent")),
    }
}

fn session(id: ExternalId, row: &Value) -> Session {
    Session {
        id,
        title: title(row, "title"),
        kind: match word(field(row, "type")).as_str() {
            "gradingperiod" => SessionKind::GradingPeriod,
            "schoolyear" => SessionKind::SchoolYear,
            "semester" => SessionKind::Semester,
            _ => SessionKind::Term,
        },
        begins_on: date(field(row, "startDate")),
        ends_on: date(field(row, "endDate")),
        parent: reference(field(row, "parent")),
    }
}

fn course(id: ExternalId, row: &Value) -> Course {
    Course {
        id,
        title: title(row, "title"),
        code: text(field(row, "courseCode")),
    }
}

fn class(id: ExternalId, row: &Value) -> Class {
    Class {
        id,
        title: title(row, "title"),
        code: text(field(row, "classCode")),
        school: reference(field(row, "school")),
        course: reference(field(row, "course")),
        sessions: list(field(row, "terms"))
            .iter()
            .filter_map(reference)
            .collect(),
        grades: texts(field(row, "grades"))
            .filter_map(|text| grade::normalise(&text))
            .collect(),
        subjects: texts(field(row, "subjects")).collect(),
        periods: texts(field(row, "periods")).collect(),
        members: std::collections::BTreeSet::new(),
    }
}

fn enrolment(row: &Value) -> Result<(ExternalId, ClassMember), IssueKind> {
    let named = |name| reference(field(row, name)).ok_or_else(|| malformed(name));
    let member = ClassMember {
        person: named("user")?,
        role: class_role(field(row, "role")),
        primary: flag(field(row, "primary")) == Some(true),
        begins_on: date(field(row, "beginDate")),
        ends_on: date(field(row, "endDate")),
    };
    Ok((named("class")?, member))
}
