//! What the rows of a package are.

use super::{RoleWord, Table};
use jiff::civil::Date;
use mapping::account::Email;
use mapping::ids::ExternalId;
use mapping::schooling::{Class, ClassMember, Course, School, Session};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A person as `users.csv` shows them. What 1.1 says about roles is here, too.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct UserRow {
    /// The line.
    #[serde(rename = "l")]
    pub line: u32,
    /// The sourcedId.
    #[serde(rename = "i")]
    pub id: ExternalId,
    /// The address.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
    /// Another name to sign in with.
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The given name; may be empty.
    #[serde(rename = "g", default, skip_serializing_if = "String::is_empty")]
    pub given: String,
    /// The family name; may be empty.
    #[serde(rename = "f", default, skip_serializing_if = "String::is_empty")]
    pub family: String,
    /// The first of the grades, normalised.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<String>,
    /// True when the person may not sign in.
    #[serde(rename = "s", default, skip_serializing_if = "std::ops::Not::not")]
    pub is_disabled: bool,
    /// The role in all of `orgs`, before 1.2.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub role: Option<RoleWord>,
    /// Where the person is, before 1.2.
    #[serde(rename = "o", default, skip_serializing_if = "BTreeSet::is_empty")]
    pub orgs: BTreeSet<ExternalId>,
}

/// What a person is somewhere, as `roles.csv` shows it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct RoleRow {
    /// The line.
    #[serde(rename = "l")]
    pub line: u32,
    /// The sourcedId, if roles have one.
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ExternalId>,
    /// The person's sourcedId.
    #[serde(rename = "x")]
    pub user: ExternalId,
    /// What they are.
    #[serde(rename = "r")]
    pub role: RoleWord,
    /// Where.
    #[serde(rename = "o")]
    pub org: ExternalId,
    /// The grade there, normalised; in packages of SDS.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<String>,
    /// The first day.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub begins_on: Option<Date>,
    /// The first day after the last: exclusive.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub ends_on: Option<Date>,
}

/// A row of a package.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum PackageRow {
    /// A class.
    #[serde(rename = "c")]
    Class(Class),
    /// A course.
    #[serde(rename = "u")]
    Course(Course),
    /// Somebody's place in a class, by the class's id.
    #[serde(rename = "e")]
    Enrollment(ExternalId, ClassMember),
    /// Something that is no more. For a role, or a place in a class, the id is its own.
    #[serde(rename = "g")]
    Gone(Table, ExternalId),
    /// A school or office.
    #[serde(rename = "o")]
    Org(School),
    /// What a person is somewhere.
    #[serde(rename = "r")]
    Role(RoleRow),
    /// A school year or a part of one.
    #[serde(rename = "y")]
    Session(Session),
    /// A person.
    #[serde(rename = "p")]
    User(UserRow),
}
