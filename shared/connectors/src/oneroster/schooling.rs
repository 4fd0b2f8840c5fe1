//! Schools, sessions, courses, classes and enrolments in our vocabulary (PROVIDERS 6.6 and A.5).
//! What does not exist any more is left out; references may lead nowhere (O16).

use super::page::is_object;
use super::people::{class_role, malformed};
use super::service::Collection;
use super::values::{Reference, date, flag, is_gone, list, reference, shorten, text, texts, word};
use crate::fetch::Batch;
use crate::grade;
use mapping::ids::ExternalId;
use mapping::issue::{Issue, IssueKind};
use mapping::schooling::{
    Class, ClassMember, Course, School, SchoolKind, Schooling, Session, SessionKind,
};
use serde::Deserialize;
use serde_json::Value;

/// An enrolment as a server writes it. There are more of them than of everything else together, so
/// what is not named here is not kept even while it is read.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Enrolment {
    sourced_id: Reference,
    status: Value,
    user: Reference,
    class: Reference,
    role: Value,
    primary: Value,
    begin_date: Value,
    end_date: Value,
}

/// Reads a row of any list but that of people into the batch. `listed` is the id under which the
/// page counted it: a row that has two is none.
pub(super) fn read(collection: Collection, json: &str, listed: Option<&str>, batch: &mut Batch) {
    if collection == Collection::Enrollments {
        return read_enrolment(json, batch);
    }
    let row = serde_json::from_str::<Value>(json).ok();
    let Some(row) = row.filter(Value::is_object) else {
        let kind = malformed(collection.name());
        batch.issues.push(Issue::new(kind, None, None));
        return;
    };
    if is_gone(field(&row, "status")) {
        return;
    }
    let id = reference(field(&row, "sourcedId")).filter(|id| listed == Some(id.as_str()));
    let Some(id) = id else {
        let kind = match row.get("sourcedId") {
            None | Some(Value::Null) => IssueKind::MissingId,
            Some(_) => malformed("sourcedId"),
        };
        batch.issues.push(place(None, collection, kind));
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
fn place(id: Option<ExternalId>, collection: Collection, kind: IssueKind) -> Issue {
    let name = collection.name();
    let issue = Issue::new(kind, None, None);
    match id {
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

fn read_enrolment(json: &str, batch: &mut Batch) {
    let collection = Collection::Enrollments;
    let row = is_object(json).then(|| serde_json::from_str::<Enrolment>(json).ok());
    let Some(mut row) = row.flatten() else {
        let kind = malformed(collection.name());
        batch.issues.push(Issue::new(kind, None, None));
        return;
    };
    if is_gone(&row.status) {
        return;
    }
    let id = row.sourced_id.0.take();
    match row.into_member() {
        Ok(member) => batch.class_members.push(member),
        Err(kind) => batch.issues.push(place(id, collection, kind)),
    }
}

impl Enrolment {
    fn into_member(self) -> Result<(ExternalId, ClassMember), IssueKind> {
        let member = ClassMember {
            person: self.user.0.ok_or_else(|| malformed("user"))?,
            role: class_role(&self.role),
            primary: flag(&self.primary) == Some(true),
            begins_on: date(&self.begin_date),
            ends_on: date(&self.end_date),
        };
        Ok((self.class.0.ok_or_else(|| malformed("class"))?, member))
    }
}
