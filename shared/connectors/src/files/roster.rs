//! Rows of a sheet as people (SPEC section 6).
//!
//! [`SheetReader`] is told what a sheet holds and is given its rows in order. It is small and can
//! be stored after any row, together with the place where its rows go on.

mod problem;
mod reader;

pub use problem::{RowProblem, RowReason};
pub(in crate::files) use reader::is_rounded;
pub use reader::{SheetReader, Taken};

use super::Secret;
use mapping::account::{Email, Role};
use mapping::ids::ExternalId;
use mapping::schooling::School;
use serde::{Deserialize, Serialize};

/// Longest given or family name, username or id, in bytes.
pub const TEXT_BYTES_MAX: usize = 256;

/// Longest password, in bytes.
pub const PASSWORD_BYTES_MAX: usize = 256;

/// A person in one row.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct PersonRow {
    /// The sheet, if it is one of a workbook.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
    /// The line, or the row's number in the sheet.
    #[serde(rename = "l")]
    pub line: u32,
    /// What the row says that the person is.
    #[serde(rename = "r")]
    pub role: Role,
    /// The address.
    #[serde(rename = "e")]
    pub email: Email,
    /// The given name; may be empty.
    #[serde(rename = "g", default, skip_serializing_if = "String::is_empty")]
    pub given: String,
    /// The family name; may be empty.
    #[serde(rename = "f", default, skip_serializing_if = "String::is_empty")]
    pub family: String,
    /// Another name to sign in with.
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The school's name as written.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub school: Option<String>,
    /// The grade, normalised.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<String>,
    /// The number by which the district knows the person.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The password to begin with. Never stored with the row: whoever stages it takes the digest
    /// first (PROVIDERS F10).
    #[serde(skip)]
    pub password: Option<Secret>,
}

/// A further school of a person.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct PlacementRow {
    /// The sheet, if it is one of a workbook.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
    /// The line, or the row's number in the sheet.
    #[serde(rename = "l")]
    pub line: u32,
    /// The address.
    #[serde(rename = "e")]
    pub email: Email,
    /// The school's name as written.
    #[serde(rename = "s")]
    pub school: String,
    /// The role there; without one, the person's own.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
}

/// The school that a name in a cell stands for: names that differ only in case or white space are
/// one school. `None` for a name that is empty or too long to be one.
pub fn school(name: &str) -> Option<School> {
    let name = super::words::tidy(name);
    let id = ExternalId::parse(name.to_lowercase()).ok()?;
    Some(School {
        id,
        name,
        kind: mapping::schooling::SchoolKind::School,
        identifier: None,
        parent: None,
    })
}
