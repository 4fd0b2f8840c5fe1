//! What a provider shows beside people: schools, sessions, courses, classes and who is in them
//! (SPEC sections 4 and 5). Kept with the roster as the source states it; no rule looks at classes.

use crate::account::Role;
use crate::ids::ExternalId;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What kind of place a [`School`] is.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SchoolKind {
    /// A department or office.
    Department,
    /// The district itself.
    District,
    /// Anything above a district, or unknown.
    Other,
    /// A school.
    #[default]
    School,
}

/// A school or office as a provider shows it. Not an organization of the tenant: rules say which
/// organization stands for it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct School {
    /// The provider's id.
    #[serde(rename = "i")]
    pub id: ExternalId,
    /// Its name.
    #[serde(rename = "n")]
    pub name: String,
    /// What it is.
    #[serde(rename = "k", default)]
    pub kind: SchoolKind,
    /// The number by which the district or the state knows it, if the provider shows one.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
    /// What it belongs to; may name something that is not shown.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ExternalId>,
}

/// What kind of time a [`Session`] is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionKind {
    /// A period at whose end grades are given.
    GradingPeriod,
    /// A whole school year.
    SchoolYear,
    /// A semester.
    Semester,
    /// A term, or anything else.
    Term,
}

/// A school year or a part of one.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// The provider's id.
    #[serde(rename = "i")]
    pub id: ExternalId,
    /// Its title.
    #[serde(rename = "t")]
    pub title: String,
    /// What it is.
    #[serde(rename = "k")]
    pub kind: SessionKind,
    /// Its first day.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub begins_on: Option<Date>,
    /// The first day after it: what providers call its end is exclusive (PROVIDERS O19).
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub ends_on: Option<Date>,
    /// What it is a part of.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ExternalId>,
}

/// A course, of which classes are taught.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Course {
    /// The provider's id.
    #[serde(rename = "i")]
    pub id: ExternalId,
    /// Its title; may be empty.
    #[serde(rename = "t")]
    pub title: String,
    /// Its number or code.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// A class: what some providers call a section.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Class {
    /// The provider's id.
    #[serde(rename = "i")]
    pub id: ExternalId,
    /// Its title.
    #[serde(rename = "t")]
    pub title: String,
    /// Its code or section number.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The school that it is taught in; may name one that is not shown.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub school: Option<ExternalId>,
    /// The course that it is of.
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    pub course: Option<ExternalId>,
    /// The sessions that it is taught in.
    #[serde(rename = "y", default, skip_serializing_if = "BTreeSet::is_empty")]
    pub sessions: BTreeSet<ExternalId>,
    /// Its grades, normalised.
    #[serde(rename = "g", default, skip_serializing_if = "BTreeSet::is_empty")]
    pub grades: BTreeSet<String>,
    /// Its subjects, as the provider names them.
    #[serde(rename = "j", default, skip_serializing_if = "BTreeSet::is_empty")]
    pub subjects: BTreeSet<String>,
    /// Its periods of the day, as the provider names them.
    #[serde(rename = "d", default, skip_serializing_if = "BTreeSet::is_empty")]
    pub periods: BTreeSet<String>,
    /// Who is in it, as far as the provider says so with the class itself.
    #[serde(rename = "m", default, skip_serializing_if = "BTreeSet::is_empty")]
    pub members: BTreeSet<ClassMember>,
}

/// Somebody's place in a class.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct ClassMember {
    /// The person's id at the provider.
    #[serde(rename = "x")]
    pub person: ExternalId,
    /// What they do there: a student, a teacher, or staff for anybody who helps.
    #[serde(rename = "r")]
    pub role: Role,
    /// True for the teacher who answers for the class.
    #[serde(rename = "l", default, skip_serializing_if = "std::ops::Not::not")]
    pub primary: bool,
    /// The first day.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub begins_on: Option<Date>,
    /// The first day after the last: exclusive.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub ends_on: Option<Date>,
}

/// Anything that a provider shows beside people.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Schooling {
    /// A class.
    #[serde(rename = "c")]
    Class(Class),
    /// A course.
    #[serde(rename = "u")]
    Course(Course),
    /// A school or office.
    #[serde(rename = "s")]
    School(School),
    /// A school year or a part of one.
    #[serde(rename = "y")]
    Session(Session),
}
