//! The rows that were refused, as a file that can be mended and sent again.

use super::csv_text::{guard, write_row};
use super::roster::{PersonRow, PlacementRow, RowProblem};
use super::sheet::{Columns, Field};

/// Writes the refused rows of one sheet: its columns, and one that says what is wrong and is
/// ignored when the file comes back. Passwords are left blank.
#[derive(Clone, Debug)]
pub struct Writer<'a> {
    columns: &'a Columns,
    csv: String,
}

impl<'a> Writer<'a> {
    /// A file that begins with this header.
    pub fn new(columns: &'a Columns) -> Self {
        // Excel takes a file for UTF-8 only with this mark.
        let mut csv = "\u{FEFF}".to_owned();
        let mut names: Vec<String> = columns.names().iter().map(|name| guard(name)).collect();
        if !columns.are_ours() {
            names.push(Field::Problem.header().to_owned());
        }
        write_row(&mut csv, names.iter().map(String::as_str));
        Self { columns, csv }
    }

    /// Adds a row as it was sent.
    pub fn row(&mut self, cells: &[String], problems: &[RowProblem]) {
        let width = self.columns.names().len();
        let mut line: Vec<String> = cells.iter().map(|cell| guard(cell)).collect();
        let said: Vec<String> = problems.iter().map(in_words).collect();
        // A row with more cells than the header would push the last column out of its place.
        let surplus: Vec<String> = if line.len() > width {
            line.drain(width..).collect()
        } else {
            Vec::new()
        };
        line.resize(width, String::new());
        if let Some(cell) = self
            .columns
            .of(Field::Password)
            .and_then(|at| line.get_mut(at))
        {
            cell.clear();
        }
        let problem = self.columns.of(Field::Problem).unwrap_or(width);
        line.resize(line.len().max(problem + 1), String::new());
        if let Some(cell) = line.get_mut(problem) {
            *cell = said.join("; ");
        }
        line.extend(surplus);
        write_row(&mut self.csv, line.iter().map(String::as_str));
    }

    /// Adds a person whose row was taken at first.
    pub fn person(&mut self, person: &PersonRow, problems: &[RowProblem]) {
        let cells = self.cells(|field| match field {
            Field::Email => person.email.as_str().to_owned(),
            Field::Family => person.family.clone(),
            Field::Given => person.given.clone(),
            Field::Grade => person.grade.clone().unwrap_or_default(),
            Field::Id => person.id.clone().unwrap_or_default(),
            Field::Role => person.role.to_string(),
            Field::School => person.school.clone().unwrap_or_default(),
            Field::Username => person.username.clone().unwrap_or_default(),
            Field::Password | Field::Problem => String::new(),
        });
        self.row(&cells, problems);
    }

    /// Adds a placement whose row was taken at first.
    pub fn placement(&mut self, placement: &PlacementRow, problems: &[RowProblem]) {
        let cells = self.cells(|field| match field {
            Field::Email => placement.email.as_str().to_owned(),
            Field::Role => placement
                .role
                .map(|role| role.to_string())
                .unwrap_or_default(),
            Field::School => placement.school.clone(),
            Field::Family
            | Field::Given
            | Field::Grade
            | Field::Id
            | Field::Password
            | Field::Problem
            | Field::Username => String::new(),
        });
        self.row(&cells, problems);
    }

    /// The file.
    pub fn finish(self) -> Vec<u8> {
        self.csv.into_bytes()
    }

    fn cells(&self, text: impl Fn(Field) -> String) -> Vec<String> {
        let mut cells = vec![String::new(); self.columns.names().len()];
        for (field, column) in self.columns.fields() {
            if let Some(cell) = cells.get_mut(column) {
                *cell = text(field);
            }
        }
        cells
    }
}

/// A problem without its place, which is another one in the mended file.
fn in_words(problem: &RowProblem) -> String {
    match &problem.column {
        Some((_, name)) => format!("{name} {}", problem.reason),
        None => format!("the row {}", problem.reason),
    }
}
