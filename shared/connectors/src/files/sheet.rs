//! What a sheet is about and what its columns are, by their names.

mod columns;
mod field;

pub use columns::Columns;
pub(in crate::files) use columns::{Look, shown};
pub use field::Field;

use super::words;
use mapping::account::Role;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What the rows of a sheet are.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// People, of one role or of the role that each row names.
    People(Option<Role>),
    /// Further schools of people who are in other sheets.
    Placements,
}

impl Content {
    /// What a sheet of this name holds; `None` for one that is not about people.
    pub fn of_sheet(name: &str) -> Option<Self> {
        let key = words::key(name);
        if key.starts_with("multischool") {
            return Some(Content::Placements);
        }
        // `Students 2026-27` are students.
        let word = key.trim_end_matches(|c: char| c.is_ascii_digit());
        words::role(word).map(|role| Content::People(Some(role)))
    }

    /// The columns that it can't be read without.
    pub fn required(self) -> &'static [Field] {
        match self {
            Content::People(Some(_)) => &[Field::Email, Field::Given, Field::Family],
            Content::People(None) => &[Field::Email, Field::Given, Field::Family, Field::Role],
            Content::Placements => &[Field::Email, Field::School],
        }
    }
}

/// Where rows are: in a sheet of a workbook, or in a file that has none.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub struct Place<'a>(pub Option<&'a str>);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(sheet) => write!(f, "the sheet \"{sheet}\""),
            None => f.write_str("the file"),
        }
    }
}

/// Why a sheet can't be read at all.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SheetError {
    /// There is a header, but not all of it.
    #[error(
        "{} has no column for {}; its columns are {}", Place(.sheet.as_deref()), list(.missing),
        list(.found)
    )]
    MissingColumns {
        /// The sheet, if it is one of a workbook.
        sheet: Option<String>,
        /// What is missing.
        missing: Vec<Field>,
        /// The names of the columns that are there.
        found: Vec<String>,
    },
    /// No row looks like a header.
    #[error(
        "{} has no header: none of its first rows names the columns, such as Email address, First \
         Name and Last Name", Place(.sheet.as_deref())
    )]
    NoHeader {
        /// The sheet, if it is one of a workbook.
        sheet: Option<String>,
    },
    /// No sheet of the workbook is about people.
    #[error(
        "the workbook has no sheet named Student, Teacher or Admin; its sheets are {}", list(.found)
    )]
    NoSheet {
        /// The names of the sheets that are there.
        found: Vec<String>,
    },
    /// Two columns are the same thing.
    #[error(
        "{} has two columns for {field}: {first} and {second}", Place(.sheet.as_deref())
    )]
    RepeatedColumn {
        /// The sheet, if it is one of a workbook.
        sheet: Option<String>,
        /// What both are.
        field: Field,
        /// The name of the first.
        first: String,
        /// The name of the second.
        second: String,
    },
}

fn list<T: fmt::Display>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    items.join(", ")
}

/// Which sheets of a workbook are read, by their place in it: those named after a role, or else the
/// only visible one, which then holds what the sender says.
pub fn choose<'a>(
    sheets: impl IntoIterator<Item = (&'a str, bool)>,
    declared: Content,
) -> Result<Vec<(usize, Content)>, SheetError> {
    let visible: Vec<(usize, &str)> = (sheets.into_iter().enumerate())
        .filter(|(_, (_, is_visible))| *is_visible)
        .map(|(index, (name, _))| (index, name))
        .collect();
    let named: Vec<(usize, Content)> = (visible.iter())
        .filter_map(|(index, name)| Some((*index, Content::of_sheet(name)?)))
        .collect();
    let has_people = |(_, content): &(usize, Content)| matches!(content, Content::People(_));
    match visible.as_slice() {
        _ if named.iter().any(has_people) => Ok(named),
        [(index, _)] if declared != Content::People(None) => Ok(vec![(*index, declared)]),
        _ => Err(SheetError::NoSheet {
            found: visible.iter().map(|(_, name)| (*name).to_owned()).collect(),
        }),
    }
}
