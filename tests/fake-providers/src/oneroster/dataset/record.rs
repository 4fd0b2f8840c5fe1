//! The kinds of records, free of any version's way to write them (PROVIDERS 6.6).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A kind of record.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A school year or a part of one.
    AcademicSession,
    /// A course taught to some students.
    Class,
    /// What is taught.
    Course,
    /// Somebody in a class.
    Enrollment,
    /// The district or a school.
    Org,
    /// Somebody.
    User,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 6] = [
        Self::AcademicSession,
        Self::Class,
        Self::Course,
        Self::Enrollment,
        Self::Org,
        Self::User,
    ];
}

/// What a record says. References are ids.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Record {
    /// A school year or a part of one.
    AcademicSession(AcademicSession),
    /// A course taught to some students.
    Class(Class),
    /// What is taught.
    Course(Course),
    /// Somebody in a class.
    Enrollment(Enrollment),
    /// The district or a school.
    Org(Org),
    /// Somebody.
    User(Box<User>),
}

impl Record {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::AcademicSession(_) => Kind::AcademicSession,
            Self::Class(_) => Kind::Class,
            Self::Course(_) => Kind::Course,
            Self::Enrollment(_) => Kind::Enrollment,
            Self::Org(_) => Kind::Org,
            Self::User(_) => Kind::User,
        }
    }

    /// Every reference to another record.
    pub(super) fn references(&mut self) -> Vec<(Kind, &mut String)> {
        match self {
            Self::AcademicSession(session) => {
                let parent = session.parent.iter_mut().chain(&mut session.children);
                parent.map(|id| (Kind::AcademicSession, id)).collect()
            }
            Self::Class(class) => {
                let terms = class.terms.iter_mut();
                let terms = terms.map(|id| (Kind::AcademicSession, id));
                [
                    (Kind::Course, &mut class.course),
                    (Kind::Org, &mut class.school),
                ]
                .into_iter()
                .chain(terms)
                .collect()
            }
            Self::Course(course) => vec![
                (Kind::Org, &mut course.org),
                (Kind::AcademicSession, &mut course.school_year),
            ],
            Self::Enrollment(enrollment) => vec![
                (Kind::User, &mut enrollment.user),
                (Kind::Class, &mut enrollment.class),
                (Kind::Org, &mut enrollment.school),
            ],
            Self::Org(org) => {
                let parent = org.parent.iter_mut().chain(&mut org.children);
                parent.map(|id| (Kind::Org, id)).collect()
            }
            Self::User(user) => {
                let orgs = user.roles.iter_mut().map(|role| (Kind::Org, &mut role.org));
                let agents = user.agents.iter_mut().map(|id| (Kind::User, id));
                orgs.chain(agents).collect()
            }
        }
    }
}

/// The district or a school.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Org {
    /// Its name.
    pub name: String,
    /// `district`, `school` and the like.
    #[serde(rename = "type")]
    pub org_type: String,
    /// Its number in the state.
    pub identifier: String,
    /// What it belongs to.
    #[serde(default)]
    pub parent: Option<String>,
    /// What belongs to it.
    #[serde(default)]
    pub children: Vec<String>,
}

/// What a session is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum SessionType {
    /// A part of a term, after which there are grades.
    GradingPeriod,
    /// The whole year.
    SchoolYear,
    /// A half of the year, in other words.
    Semester,
    /// A part of the year.
    Term,
}

/// A school year or a part of one.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AcademicSession {
    /// Its name.
    pub title: String,
    /// Its first day, as year-month-day.
    pub start_date: String,
    /// Its last day, as year-month-day.
    pub end_date: String,
    /// What it is.
    #[serde(rename = "type")]
    pub session_type: SessionType,
    /// What it is a part of.
    #[serde(default)]
    pub parent: Option<String>,
    /// Its parts.
    #[serde(default)]
    pub children: Vec<String>,
    /// The year in which the school year ends.
    pub school_year: String,
}

/// What is taught.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Course {
    /// Its name.
    pub title: String,
    /// Its number.
    pub course_code: String,
    /// The grades it is for.
    #[serde(default)]
    pub grades: Vec<String>,
    /// What it is about.
    #[serde(default)]
    pub subjects: Vec<String>,
    /// The session of the school year.
    pub school_year: String,
    /// Who offers it.
    pub org: String,
}

/// A course taught to some students.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// Its name.
    pub title: String,
    /// Its number.
    pub class_code: String,
    /// `homeroom` or `scheduled`.
    pub class_type: String,
    /// The room.
    #[serde(default)]
    pub location: String,
    /// The grades of its students.
    #[serde(default)]
    pub grades: Vec<String>,
    /// What it is about.
    #[serde(default)]
    pub subjects: Vec<String>,
    /// The hours of the day.
    #[serde(default)]
    pub periods: Vec<String>,
    /// Its course.
    pub course: String,
    /// Its school.
    pub school: String,
    /// Its terms.
    pub terms: Vec<String>,
}

/// Somebody in a class.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Enrollment {
    /// Who.
    pub user: String,
    /// In what.
    pub class: String,
    /// Where.
    pub school: String,
    /// `student`, `teacher` and the like.
    pub role: String,
    /// Whether it is the teacher in charge.
    #[serde(default)]
    pub primary: bool,
    /// The first day, as year-month-day.
    #[serde(default)]
    pub begin_date: Option<String>,
    /// The day after the last one, as year-month-day.
    #[serde(default)]
    pub end_date: Option<String>,
}

/// What somebody is, and where, in the words of version 1.2.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// What.
    pub role: String,
    /// Where.
    pub org: String,
}

/// What the law wants to know about a student.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Demographics {
    /// As year-month-day.
    pub birth_date: String,
    /// `female`, `male`, `other` or `unspecified`.
    pub sex: String,
    /// Asian.
    pub asian: bool,
    /// White.
    pub white: bool,
    /// Hispanic or Latino.
    pub hispanic: bool,
}

/// Somebody.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// The name to sign in with; version 1.2 can do without.
    #[serde(default)]
    pub username: Option<String>,
    /// Whether the account is in use.
    pub enabled: bool,
    /// Given name.
    pub given_name: String,
    /// Family name.
    pub family_name: String,
    /// Middle name.
    #[serde(default)]
    pub middle_name: String,
    /// The given name they go by.
    #[serde(default)]
    pub preferred_first_name: Option<String>,
    /// The number in the student information or personnel system.
    #[serde(default)]
    pub identifier: String,
    /// The address, empty if there is none.
    #[serde(default)]
    pub email: String,
    /// The telephone number, empty if there is none.
    #[serde(default)]
    pub phone: String,
    /// What they are and where, the main role first.
    pub roles: Vec<Role>,
    /// Who looks after them, or whom they look after.
    #[serde(default)]
    pub agents: Vec<String>,
    /// The grades of a student.
    #[serde(default)]
    pub grades: Vec<String>,
    /// The password in clear, which only careless servers show.
    #[serde(default)]
    pub password: String,
    /// Whatever else the server has.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// What the law wants to know.
    #[serde(default)]
    pub demographics: Option<Demographics>,
}

impl User {
    /// Whether this is one of their roles.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|held| held.role == role)
    }
}
