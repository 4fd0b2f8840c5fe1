//! What is wrong with single rows.

use crate::files::sheet::Place;
use mapping::account::Role;
use mapping::issue::Severity;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest value that a problem shows, in bytes.
const VALUE_BYTES_MAX: usize = 60;

/// What is wrong with a row.
#[derive(
    Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize, thiserror::Error,
)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RowReason {
    /// The text is not a day; it was read as empty.
    #[error("is not a day such as 2026-08-10, and was read as empty")]
    BadDate,
    /// The text is not an email address.
    #[error("is not an email address")]
    BadEmail,
    /// The text can't be an id, or a spreadsheet has rounded it.
    #[error("can't be an id: export the file again, and don't save it in a spreadsheet")]
    BadId,
    /// The text can't be the name of a school.
    #[error("can't be the name of a school")]
    BadSchool,
    /// Two rows of one person disagree.
    #[error("says something else about {field} than line {line} of {}, for the same email address",
        Place(.sheet.as_deref()))]
    Conflict {
        /// What they disagree about.
        field: String,
        /// The line of the other row.
        line: u32,
        /// The sheet of the other row.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sheet: Option<String>,
    },
    /// The text is not an email address; the person was taken without one.
    #[error("is not an email address, and was read as empty")]
    EmailLeftOut,
    /// The cell holds an error of the spreadsheet, such as `#N/A`; it was read as empty.
    #[error("holds an error instead of a value, and was read as empty")]
    ErrorValue,
    /// The row is the one that the template comes with.
    #[error("is the example of the template, and was left out")]
    Example,
    /// Nobody in the file has this email address.
    #[error("names an email address that no other sheet of this file has")]
    NoPerson,
    /// The rows of the person contradict each other, so there is nobody to place.
    #[error("belongs to a person whose own rows contradict each other")]
    PersonRefused,
    /// The spreadsheet did not keep the result of a formula.
    #[error("holds a formula without its result, and was read as empty")]
    NoFormulaValue,
    /// A long number was rounded by a spreadsheet.
    #[error("is a number that a spreadsheet has rounded: format the column as text")]
    Rounded,
    /// The header is there again.
    #[error("repeats the header, and was left out")]
    RepeatedHeader,
    /// The same person was in an earlier row, with nothing that disagrees.
    #[error("is about the same email address as line {line}, and was joined with it")]
    RepeatedPerson {
        /// The line of the earlier row.
        line: u32,
    },
    /// Two rows make one person a student and an adult.
    #[error("makes the person of line {line} of {} a student and an adult at once",
        Place(.sheet.as_deref()))]
    StudentAndAdult {
        /// The line of the other row.
        line: u32,
        /// The sheet of the other row.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sheet: Option<String>,
    },
    /// The text is longer than we keep.
    #[error("is longer than {bytes_max} bytes")]
    TooLong {
        /// The limit, in bytes.
        bytes_max: usize,
    },
    /// There is text beyond the last column that has a name.
    #[error("has more cells than the header: a cell with a comma in it needs quotation marks")]
    TooManyCells,
    /// It is the line with the totals.
    #[error("looks like a line of totals, and was left out")]
    Totals,
    /// There are bytes that are no letters in the encoding of the file.
    #[error("has letters that can't be read: save the sheet as \"CSV UTF-8\"")]
    Unreadable,
    /// A provider's role that is none of ours.
    #[error("is a role that is not known here, and was left out")]
    OtherRole,
    /// The role is not one that we know.
    #[error("is not a role: use student, teacher, admin, staff or parent")]
    UnknownRole,
    /// The row has no email address.
    #[error("has no email address")]
    WithoutEmail,
    /// The row has no id.
    #[error("has no id")]
    WithoutId,
    /// The row has neither a given nor a family name.
    #[error("has no name")]
    WithoutName,
    /// The row has no role.
    #[error("has no role")]
    WithoutRole,
    /// The row has no school, where it is about nothing else.
    #[error("has no school")]
    WithoutSchool,
    /// The role is not the one of the sheet.
    #[error("is another role than {role}, which this sheet is for")]
    WrongRole {
        /// The role of the sheet.
        role: Role,
    },
}

impl RowReason {
    /// An error when the row was refused, a warning when it was taken or was nothing to take.
    pub fn severity(&self) -> Severity {
        match self {
            RowReason::BadDate
            | RowReason::EmailLeftOut
            | RowReason::ErrorValue
            | RowReason::Example
            | RowReason::NoFormulaValue
            | RowReason::OtherRole
            | RowReason::RepeatedHeader
            | RowReason::RepeatedPerson { .. }
            | RowReason::Rounded
            | RowReason::Totals
            | RowReason::WithoutName => Severity::Warning,
            RowReason::BadEmail
            | RowReason::BadId
            | RowReason::BadSchool
            | RowReason::Conflict { .. }
            | RowReason::NoPerson
            | RowReason::PersonRefused
            | RowReason::StudentAndAdult { .. }
            | RowReason::TooLong { .. }
            | RowReason::TooManyCells
            | RowReason::UnknownRole
            | RowReason::Unreadable
            | RowReason::WithoutEmail
            | RowReason::WithoutId
            | RowReason::WithoutRole
            | RowReason::WithoutSchool
            | RowReason::WrongRole { .. } => Severity::Error,
        }
    }
}

/// Something wrong with one row.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct RowProblem {
    /// The sheet, or the file within a package, if there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
    /// The line, or the row's number in the sheet.
    pub line: u32,
    /// The column, from 0, and its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<(usize, String)>,
    /// What is wrong.
    pub reason: RowReason,
    /// What the cell holds, only where that says nothing about a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

impl RowProblem {
    /// A problem with a whole row.
    pub fn new(sheet: Option<&str>, line: u32, reason: RowReason) -> Self {
        Self {
            sheet: sheet.map(str::to_owned),
            line,
            column: None,
            reason,
            value: None,
        }
    }

    /// The same with what the cell holds.
    #[must_use]
    pub(in crate::files) fn showing(self, value: &str) -> Self {
        let end = value.floor_char_boundary(VALUE_BYTES_MAX);
        Self {
            value: value.get(..end).map(str::to_owned),
            ..self
        }
    }

    /// How much it matters.
    pub fn severity(&self) -> Severity {
        self.reason.severity()
    }
}

impl fmt::Display for RowProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(sheet) = &self.sheet {
            write!(f, "{sheet}, ")?;
        }
        write!(f, "line {}", self.line)?;
        if let Some((_, name)) = &self.column {
            write!(f, ", {name}")?;
        }
        if let Some(value) = &self.value {
            write!(f, " \"{value}\"")?;
        }
        write!(f, " {}", self.reason)
    }
}
