//! Reads the rows of one sheet.

use super::{
    PASSWORD_BYTES_MAX, PersonRow, PlacementRow, RowProblem, RowReason, TEXT_BYTES_MAX, school,
};
use crate::files::Secret;
use crate::files::csv_text::unguard;
use crate::files::row::{CELL_BYTES_MAX, CellFault, Row};
use crate::files::sheet::{Columns, Content, Field, Look, SheetError, shown};
use crate::files::template::is_example;
use crate::files::words;
use crate::grade;
use mapping::account::{Email, Role};
use mapping::ids::EXTERNAL_ID_BYTES_MAX;
use mapping::issue::Severity;
use serde::{Deserialize, Serialize};

/// How many rows are looked at for a header.
const HEADER_ROWS_MAX: u8 = 10;

/// What a row was.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Taken {
    /// The header, or something above it.
    Header,
    /// A person, and warnings.
    Person(Box<PersonRow>, Vec<RowProblem>),
    /// A further school of a person, and warnings.
    Placement(PlacementRow, Vec<RowProblem>),
    /// A row that can't be taken.
    Refused {
        /// What is wrong; at least one of them is an error.
        problems: Vec<RowProblem>,
        /// The cells as they were sent, for mending; without the password.
        cells: Vec<String>,
        /// The address, if it can be read: who has it is there all the same, and not gone.
        email: Option<Email>,
    },
    /// A row that is nobody, such as the line of totals.
    Skipped(RowProblem),
}

/// Reads the rows of one sheet.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct SheetReader {
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    sheet: Option<String>,
    #[serde(rename = "c")]
    content: Content,
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    columns: Option<Columns>,
    /// A row that names some of the columns; the next one may name the rest.
    #[serde(rename = "p", default, skip_serializing_if = "Vec::is_empty")]
    partial: Vec<String>,
    /// Rows that came before the header.
    #[serde(rename = "b", default)]
    rows_before: u8,
}

impl SheetReader {
    /// Reads the sheet of this name, or a file without sheets.
    pub fn new(sheet: Option<&str>, content: Content) -> Self {
        Self {
            sheet: sheet.map(str::to_owned),
            content,
            columns: None,
            partial: Vec::new(),
            rows_before: 0,
        }
    }

    /// The sheet, if it is one of a workbook.
    pub fn sheet(&self) -> Option<&str> {
        self.sheet.as_deref()
    }

    /// The header, once it was there.
    pub fn columns(&self) -> Option<&Columns> {
        self.columns.as_ref()
    }

    /// What the rows are.
    pub fn content(&self) -> Content {
        self.content
    }

    /// Reads the next row.
    pub fn read(&mut self, row: &Row) -> Result<Taken, SheetError> {
        let Some(columns) = &self.columns else {
            return self.look_for_header(row);
        };
        if columns.is_repeated_by(&row.cells) {
            return Ok(self.skip(row, RowReason::RepeatedHeader));
        }
        let reading = Reading::new(self.sheet.as_deref(), columns, row);
        if reading.is_totals() {
            return Ok(self.skip(row, RowReason::Totals));
        }
        if is_example(&reading.text(Field::Email)) {
            return Ok(self.skip(row, RowReason::Example));
        }
        Ok(match self.content {
            Content::People(role) => reading.person(role),
            Content::Placements => reading.placement(),
        })
    }

    /// Says that there are no more rows. A sheet without any row is one without people; one with
    /// rows and no header is refused.
    pub fn finish(&self) -> Result<(), SheetError> {
        match &self.columns {
            None if self.rows_before > 0 => Err(self.without_header()),
            _ => Ok(()),
        }
    }

    fn skip(&self, row: &Row, reason: RowReason) -> Taken {
        Taken::Skipped(RowProblem::new(self.sheet.as_deref(), row.line, reason))
    }

    fn look_for_header(&mut self, row: &Row) -> Result<Taken, SheetError> {
        let sheet = self.sheet.as_deref();
        let cells = &row.cells;
        let mut look = Columns::look(sheet, self.content, cells)?;
        if !matches!(look, Look::Header(_)) && !self.partial.is_empty() {
            // A header of two rows: what the lower one leaves empty is in the upper one.
            let both = over(&self.partial, cells);
            if let Ok(Look::Header(columns)) = Columns::look(sheet, self.content, &both) {
                look = Look::Header(columns);
            }
        }
        match look {
            Look::Header(columns) => {
                self.columns = Some(columns);
                self.partial = Vec::new();
                return Ok(Taken::Header);
            }
            Look::Partial(_) if self.partial.is_empty() => self.partial.clone_from(cells),
            Look::Other | Look::Partial(_) => {
                if !self.partial.is_empty() {
                    return Err(self.without_header());
                }
            }
        }
        self.rows_before += 1;
        if self.rows_before >= HEADER_ROWS_MAX {
            return Err(self.without_header());
        }
        Ok(Taken::Header)
    }

    fn without_header(&self) -> SheetError {
        let look = Columns::look(self.sheet.as_deref(), self.content, &self.partial);
        match look {
            Ok(Look::Partial(missing)) => SheetError::MissingColumns {
                sheet: self.sheet.clone(),
                missing,
                found: shown(&self.partial),
            },
            Ok(Look::Header(_) | Look::Other) => SheetError::NoHeader {
                sheet: self.sheet.clone(),
            },
            Err(error) => error,
        }
    }
}

/// The lower row, with the upper one where the lower is empty.
fn over(upper: &[String], lower: &[String]) -> Vec<String> {
    let cell = |row: &[String], column: usize| row.get(column).cloned().unwrap_or_default();
    (0..upper.len().max(lower.len()))
        .map(|column| {
            let below = cell(lower, column);
            if below.trim().is_empty() {
                cell(upper, column)
            } else {
                below
            }
        })
        .collect()
}

/// One row on its way to a person.
struct Reading<'a> {
    sheet: Option<&'a str>,
    columns: &'a Columns,
    row: &'a Row,
    problems: Vec<RowProblem>,
}

impl<'a> Reading<'a> {
    fn new(sheet: Option<&'a str>, columns: &'a Columns, row: &'a Row) -> Self {
        Self {
            sheet,
            columns,
            row,
            problems: Vec::new(),
        }
    }

    fn person(mut self, role: Option<Role>) -> Taken {
        self.note_cells();
        let email = self.email();
        let role = self.role(role);
        let given = self.kept(Field::Given, TEXT_BYTES_MAX).unwrap_or_default();
        let family = self.kept(Field::Family, TEXT_BYTES_MAX).unwrap_or_default();
        let username = self.kept(Field::Username, TEXT_BYTES_MAX);
        let id = self.kept(Field::Id, TEXT_BYTES_MAX);
        let school = self.school();
        let grade =
            (self.kept(Field::Grade, TEXT_BYTES_MAX)).and_then(|text| grade::normalise(&text));
        let password = self.password();
        if given.is_empty() && family.is_empty() {
            self.note(None, RowReason::WithoutName);
        }
        if id.as_deref().is_some_and(is_rounded) {
            self.note(Some(Field::Id), RowReason::Rounded);
        }
        let (Some(email), Some(role), false) = (email, role, self.is_refused()) else {
            return self.refused();
        };
        let person = PersonRow {
            sheet: self.sheet.map(str::to_owned),
            line: self.row.line,
            role,
            email,
            given,
            family,
            username,
            school,
            grade: grade.filter(|_| role == Role::Student),
            id,
            password,
        };
        Taken::Person(Box::new(person), self.problems)
    }

    fn placement(mut self) -> Taken {
        self.note_cells();
        let email = self.email();
        let school = self.school();
        if school.is_none() && self.text(Field::School).is_empty() {
            self.note(Some(Field::School), RowReason::WithoutSchool);
        }
        let role = if self.text(Field::Role).is_empty() {
            None
        } else {
            self.role(None)
        };
        let (Some(email), Some(school), false) = (email, school, self.is_refused()) else {
            return self.refused();
        };
        let placement = PlacementRow {
            sheet: self.sheet.map(str::to_owned),
            line: self.row.line,
            email,
            school,
            role,
        };
        Taken::Placement(placement, self.problems)
    }

    /// True for a row without an address that begins with the word "total".
    fn is_totals(&self) -> bool {
        let first = self.row.cells.iter().find(|cell| !cell.trim().is_empty());
        let word = words::key(first.map_or("", String::as_str));
        let is_word = ["total", "totals", "grandtotal", "count"].contains(&word.as_str())
            || word.starts_with("totalstudents")
            || word.starts_with("totalteachers");
        is_word && !self.row.cells.iter().any(|cell| cell.contains('@'))
    }

    /// What the file itself says about its cells.
    fn note_cells(&mut self) {
        let columns = self.columns.names().len();
        if self.row.cells.len() > columns {
            self.note(None, RowReason::TooManyCells);
        }
        for note in &self.row.notes {
            let field = self
                .columns
                .fields()
                .find(|(_, column)| *column == note.column);
            // A column that we don't read may hold anything.
            let Some((field, _)) = field else { continue };
            let reason = match note.fault {
                CellFault::ErrorValue => RowReason::ErrorValue,
                CellFault::Long => RowReason::TooLong {
                    bytes_max: CELL_BYTES_MAX,
                },
                CellFault::NoFormulaValue => RowReason::NoFormulaValue,
                CellFault::NotInEncoding => RowReason::Unreadable,
                CellFault::Rounded => RowReason::Rounded,
            };
            self.note(Some(field), reason);
        }
    }

    fn email(&mut self) -> Option<Email> {
        let text = self.text(Field::Email);
        if text.is_empty() {
            self.note(Some(Field::Email), RowReason::WithoutEmail);
            return None;
        }
        let email = Email::parse(&text);
        if email.is_err() {
            self.note(Some(Field::Email), RowReason::BadEmail);
        }
        email.ok()
    }

    /// The role of the sheet, which a cell may repeat, or the one that the cell names.
    fn role(&mut self, declared: Option<Role>) -> Option<Role> {
        let text = self.text(Field::Role);
        let named = words::role(&text);
        match (declared, named) {
            (Some(declared), Some(named)) if named != declared => {
                self.note_showing(Field::Role, RowReason::WrongRole { role: declared }, &text);
                None
            }
            (Some(role), _) | (None, Some(role)) => Some(role),
            (None, None) if text.is_empty() => {
                self.note(Some(Field::Role), RowReason::WithoutRole);
                None
            }
            (None, None) => {
                self.note_showing(Field::Role, RowReason::UnknownRole, &text);
                None
            }
        }
    }

    fn school(&mut self) -> Option<String> {
        let text = self.kept(Field::School, EXTERNAL_ID_BYTES_MAX)?;
        if school(&text).is_none() {
            self.note_showing(Field::School, RowReason::BadSchool, &text);
            return None;
        }
        Some(text)
    }

    /// The password; what an export writes in place of one is none.
    fn password(&mut self) -> Option<Secret> {
        let text = self.raw(Field::Password).trim();
        if text.is_empty() || text.bytes().all(|byte| byte == b'*') {
            return None;
        }
        if text.len() > PASSWORD_BYTES_MAX {
            let bytes_max = PASSWORD_BYTES_MAX;
            self.note(Some(Field::Password), RowReason::TooLong { bytes_max });
        }
        Some(Secret::new(text))
    }

    /// The text of a cell, if there is any and it is short enough.
    fn kept(&mut self, field: Field, bytes_max: usize) -> Option<String> {
        let text = self.text(field);
        if text.len() > bytes_max {
            self.note(Some(field), RowReason::TooLong { bytes_max });
            return None;
        }
        Some(text).filter(|text| !text.is_empty())
    }

    fn text(&self, field: Field) -> String {
        words::tidy(self.raw(field))
    }

    fn raw(&self, field: Field) -> &'a str {
        let column = self.columns.of(field);
        let cell = column.map_or("", |column| self.row.cell(column));
        if self.columns.are_ours() {
            unguard(cell)
        } else {
            cell
        }
    }

    fn note(&mut self, field: Option<Field>, reason: RowReason) {
        let problem = self.problem(field, reason);
        self.problems.push(problem);
    }

    fn note_showing(&mut self, field: Field, reason: RowReason, value: &str) {
        let problem = self.problem(Some(field), reason).showing(value);
        self.problems.push(problem);
    }

    fn problem(&self, field: Option<Field>, reason: RowReason) -> RowProblem {
        let column = field.and_then(|field| self.columns.of(field));
        let name = |column: usize| {
            self.columns
                .names()
                .get(column)
                .cloned()
                .unwrap_or_default()
        };
        RowProblem {
            column: column.map(|column| (column, name(column))),
            ..RowProblem::new(self.sheet, self.row.line, reason)
        }
    }

    fn is_refused(&self) -> bool {
        (self.problems.iter()).any(|problem| problem.severity() == Severity::Error)
    }

    fn refused(self) -> Taken {
        let is_ours = self.columns.are_ours();
        let plain = |cell: &String| {
            if is_ours {
                unguard(cell).to_owned()
            } else {
                cell.clone()
            }
        };
        let mut cells: Vec<String> = self.row.cells.iter().map(plain).collect();
        let password = self.columns.of(Field::Password);
        if let Some(cell) = password.and_then(|column| cells.get_mut(column)) {
            cell.clear();
        }
        Taken::Refused {
            email: Email::parse(&self.text(Field::Email)).ok(),
            problems: self.problems,
            cells,
        }
    }
}

/// True for what a spreadsheet makes of a long number: `1.23E+11`.
pub(in crate::files) fn is_rounded(text: &str) -> bool {
    let Some((digits, exponent)) = text.split_once(['E', 'e']) else {
        return false;
    };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa = digits.replacen(['.', ','], "", 1);
    digits.contains(['.', ','])
        && is_digits(&mantissa)
        && exponent.strip_prefix('+').is_some_and(is_digits)
}
