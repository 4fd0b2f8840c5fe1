//! What Clever knows of people, schools and classes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clever::id::ObjectId;
use crate::district::Relation;

/// What a user is; one user may be several.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks after students.
    Contact,
    /// Runs the district.
    DistrictAdmin,
    /// Works in a school or an office.
    Staff,
    /// Goes to school.
    Student,
    /// Teaches.
    Teacher,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 5] = [
        Self::Contact,
        Self::DistrictAdmin,
        Self::Staff,
        Self::Student,
        Self::Teacher,
    ];

    /// The word for it in paths and records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::DistrictAdmin => "district_admin",
            Self::Staff => "staff",
            Self::Student => "student",
            Self::Teacher => "teacher",
        }
    }

    /// The role of a word.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// Somebody.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct User {
    /// The id; changes when Clever takes the person for somebody else.
    pub id: ObjectId,
    /// The number in the district's systems.
    pub number: String,
    /// The account's name in the district's systems.
    pub username: String,
    /// The address as the district wrote it, whatever that is.
    pub email: Option<String>,
    /// Given name.
    pub first: Option<String>,
    /// Further given names.
    pub middle: Option<String>,
    /// Family name; of a contact perhaps the whole name.
    pub last: Option<String>,
    /// The given name a student goes by.
    pub preferred: Option<String>,
    /// What the user is, at least one thing.
    pub roles: BTreeMap<Role, Part>,
    /// When the record came to be, in milliseconds since 1970.
    pub created_ms: i64,
    /// When it changed last.
    pub modified_ms: i64,
}

/// What belongs to one role of a user.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Part {
    /// The id which the role had as a record of its own.
    pub legacy_id: ObjectId,
    /// The schools, the primary one first; always empty for contacts and district administrators.
    pub schools: Vec<ObjectId>,
    /// The grade of a student, as Clever writes it.
    pub grade: Option<String>,
    /// The title of a teacher, staff member or administrator.
    pub title: Option<String>,
    /// The telephone number of a contact.
    pub phone: Option<String>,
    /// What a contact is to the students.
    pub relation: Relation,
    /// The students of a contact.
    pub students: Vec<ObjectId>,
}

impl Part {
    /// A role without anything.
    pub(super) fn new(legacy_id: ObjectId) -> Self {
        Self {
            legacy_id,
            schools: Vec::new(),
            grade: None,
            title: None,
            phone: None,
            relation: Relation::Parent,
            students: Vec::new(),
        }
    }
}

impl User {
    /// Whether the user has the role.
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains_key(&role)
    }

    /// Every school of every role.
    pub(crate) fn schools(&self) -> impl Iterator<Item = ObjectId> {
        self.roles
            .values()
            .flat_map(|part| part.schools.iter().copied())
    }

    /// Every student of a contact.
    pub(crate) fn students(&self) -> impl Iterator<Item = ObjectId> {
        self.roles
            .values()
            .flat_map(|part| part.students.iter().copied())
    }
}

/// A school.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct School {
    /// The id.
    pub id: ObjectId,
    /// The number in the student information system.
    pub code: String,
    /// The name.
    pub name: String,
    /// The lowest and the highest grade, as Clever writes them.
    pub grades: (String, String),
    /// When it changed last.
    pub modified_ms: i64,
}

/// A class.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Section {
    /// The id.
    pub id: ObjectId,
    /// The school.
    pub school: ObjectId,
    /// The course.
    pub course: ObjectId,
    /// The term.
    pub term: ObjectId,
    /// The number in the student information system.
    pub code: String,
    /// The name.
    pub name: String,
    /// Counts the sections of a course.
    pub number: usize,
    /// The hour of the day.
    pub period: u8,
    /// The subject, as Clever writes it.
    pub subject: &'static str,
    /// The grade, as Clever writes it.
    pub grade: String,
    /// Who teaches it, the first in charge.
    pub teachers: Vec<ObjectId>,
    /// Who attends it.
    pub students: Vec<ObjectId>,
    /// When it changed last.
    pub modified_ms: i64,
}

/// A course.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Course {
    /// The id.
    pub id: ObjectId,
    /// The name.
    pub name: String,
    /// The number.
    pub number: String,
}

/// A part of the school year.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Term {
    /// The id.
    pub id: ObjectId,
    /// The name.
    pub name: String,
    /// The first day.
    pub first_day: String,
    /// The last day.
    pub last_day: String,
}

/// How Clever's copying from the district's systems goes.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncState {
    /// It failed.
    Error,
    /// Somebody stopped it.
    Paused,
    /// It has not begun.
    Pending,
    /// It goes on.
    Running,
    /// It was done.
    Success,
}

/// The district itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DistrictRecord {
    /// The id.
    pub id: ObjectId,
    /// The name.
    pub name: String,
    /// The domain of its addresses.
    pub domain: String,
    /// How copying goes.
    pub state: SyncState,
    /// When copying last ended.
    pub last_sync_ms: Option<i64>,
    /// From when copying is paused.
    pub pause_start: Option<String>,
    /// Until when copying is paused.
    pub pause_end: Option<String>,
}
