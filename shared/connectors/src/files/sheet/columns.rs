//! Which column of a sheet holds what.

use super::{Content, Field, SheetError};
use crate::files::words;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Longest name of a column that is kept, in bytes.
const HEADER_BYTES_MAX: usize = 60;

/// Most names of columns that an error shows.
const SHOWN_MAX: usize = 20;

/// The header of a sheet.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Columns {
    /// The names as they are written, cut.
    #[serde(rename = "h")]
    names: Vec<String>,
    #[serde(rename = "f")]
    fields: BTreeMap<Field, usize>,
}

/// What a row is for somebody who looks for a header.
pub(in crate::files) enum Look {
    /// It is one.
    Header(Columns),
    /// It could not be one.
    Other,
    /// It names columns, but not all that are needed.
    Partial(Vec<Field>),
}

impl Columns {
    /// Reads a row as the header of a sheet.
    pub(in crate::files) fn look(
        sheet: Option<&str>,
        content: Content,
        cells: &[String],
    ) -> Result<Look, SheetError> {
        let names: Vec<String> = cells
            .iter()
            .map(|cell| shorten(&words::tidy(cell)))
            .collect();
        let mut fields: BTreeMap<Field, usize> = BTreeMap::new();
        let mut repeated = None;
        for (column, name) in names.iter().enumerate() {
            let Some(field) = Field::of_header(name) else {
                continue;
            };
            match fields.get(&field) {
                Some(first) => repeated = repeated.or(Some((field, *first, column))),
                None => {
                    fields.insert(field, column);
                }
            }
        }
        // One word alone may be a title, or somebody's name.
        if fields.len() < 2 && !fields.contains_key(&Field::Email) {
            return Ok(Look::Other);
        }
        if let Some((field, first, second)) = repeated {
            let name = |column: usize| names.get(column).cloned().unwrap_or_default();
            return Err(SheetError::RepeatedColumn {
                sheet: sheet.map(str::to_owned),
                field,
                first: name(first),
                second: name(second),
            });
        }
        let missing: Vec<Field> = (content.required().iter().copied())
            .filter(|field| !fields.contains_key(field))
            .collect();
        if missing.is_empty() {
            Ok(Look::Header(Self { names, fields }))
        } else {
            Ok(Look::Partial(missing))
        }
    }

    /// The names of the columns as they are written.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The column that holds this, from 0.
    pub fn of(&self, field: Field) -> Option<usize> {
        self.fields.get(&field).copied()
    }

    /// What the columns hold that we read.
    pub fn fields(&self) -> impl Iterator<Item = (Field, usize)> + '_ {
        self.fields.iter().map(|(field, column)| (*field, *column))
    }

    /// True for a file that we made of refused rows.
    pub fn are_ours(&self) -> bool {
        self.fields.contains_key(&Field::Problem)
    }

    /// True for a row that says the names of the columns again.
    pub(in crate::files) fn is_repeated_by(&self, cells: &[String]) -> bool {
        let is_named = |(field, column): (&Field, &usize)| {
            let cell = cells.get(*column).map_or("", String::as_str);
            Field::of_header(cell) == Some(*field)
        };
        self.fields
            .iter()
            .filter(|entry| *entry.0 != Field::Problem)
            .all(is_named)
    }
}

/// The names that an error may show: what looks like an address is none.
pub(in crate::files) fn shown(cells: &[String]) -> Vec<String> {
    (cells.iter())
        .map(|cell| shorten(&words::tidy(cell)))
        .filter(|name| !name.is_empty() && !name.contains('@'))
        .take(SHOWN_MAX)
        .collect()
}

fn shorten(name: &str) -> String {
    let end = name.floor_char_boundary(HEADER_BYTES_MAX);
    name.get(..end).unwrap_or_default().to_owned()
}
