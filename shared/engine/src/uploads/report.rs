//! What is wrong with a file, row by row, and the file to mend it in.

use super::tables::Table;
use crate::error::Error;
use crate::keys;
use crate::ports::Store;
use crate::record::{self, ListEncoder, PIECE_BYTES};
use connectors::files::bad_rows::Writer;
use connectors::files::oneroster::{Notice, TableNotice};
use connectors::files::roster::{PersonRow, PlacementRow, RowProblem};
use connectors::files::sheet::Columns;
use mapping::ids::{RunId, TenantId};
use serde::{Deserialize, Serialize};

/// What was found in a file.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Rows that were read, headers and blank ones not counted.
    pub rows: u64,
    /// People that rows make.
    pub people: u64,
    /// Rows that can't be taken.
    pub bad_rows: u64,
    /// Things that somebody may want to know.
    pub warnings: u64,
    /// The tables of the file that were read.
    pub tables: Vec<TableSeen>,
    /// What is to be said about a package as a whole, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
    /// How many parts the list of bad rows has.
    pub(super) parts: u32,
}

/// A table of a file.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct TableSeen {
    /// The sheet, or the file of a package; none for a CSV file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its columns, for the file to mend it in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) columns: Option<Columns>,
    /// Rows of it that can't be taken.
    pub bad_rows: u64,
}

/// A row with what is wrong with it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct BadRow {
    /// The table, by its place in [`Report::tables`].
    pub table: usize,
    /// What is wrong; warnings are here too.
    pub problems: Vec<RowProblem>,
    /// The row as it was sent, if it can't be taken.
    #[serde(default, skip_serializing_if = "BadContent::is_none")]
    pub(super) content: BadContent,
}

/// A row that can't be taken, for mending.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum BadContent {
    /// It was taken, or there is nothing to mend it with.
    #[default]
    None,
    /// Its cells, without the password.
    Cells(Vec<String>),
    /// A person whose rows contradict each other.
    Person(Box<PersonRow>),
    /// A further school of somebody who is not taken.
    Placement(PlacementRow),
}

impl BadContent {
    fn is_none(&self) -> bool {
        *self == BadContent::None
    }
}

impl Report {
    pub(super) fn key(tenant: &TenantId, run: &RunId) -> String {
        keys::run_progress(tenant, run, "report")
    }

    /// Notes what is to be said about the file as a whole.
    pub(super) fn note(&mut self, notices: &[Notice]) {
        self.notices.extend(notices.iter().map(ToString::to_string));
    }

    /// Notes what is to be said about one file of a package.
    pub(super) fn note_table<'a>(
        &mut self,
        file: &str,
        notices: impl IntoIterator<Item = &'a TableNotice>,
    ) {
        let sentences = notices.into_iter().map(|notice| format!("{file} {notice}"));
        self.notices.extend(sentences);
    }
}

impl TableSeen {
    pub(super) fn of(table: &Table) -> Self {
        let name = match table {
            Table::File(_) => None,
            Table::Packed(file) => Some(file.table.to_string()),
            Table::Sheet { name, .. } => Some(name.clone()),
        };
        Self {
            name,
            columns: None,
            bad_rows: 0,
        }
    }
}

/// Gathers bad rows and writes them in pieces.
#[derive(Debug, Default)]
pub(super) struct BadRows {
    encoder: ListEncoder,
    ready: Vec<Vec<u8>>,
}

impl BadRows {
    /// Adds a row, and counts it.
    pub(super) fn add(&mut self, report: &mut Report, row: &BadRow) {
        if row.content.is_none() && !row.problems.iter().any(is_error) {
            report.warnings += row.problems.len() as u64;
        } else {
            report.bad_rows += 1;
            if let Some(table) = report.tables.get_mut(row.table) {
                table.bad_rows += 1;
            }
        }
        self.encoder.push(row);
        if self.encoder.len() >= PIECE_BYTES {
            self.ready.push(self.encoder.take());
        }
    }

    /// The pieces gathered so far with their keys, counted in the report.
    pub(super) fn take(
        &mut self,
        tenant: &TenantId,
        run: &RunId,
        report: &mut Report,
    ) -> Vec<(String, Vec<u8>)> {
        if !self.encoder.is_empty() {
            self.ready.push(self.encoder.take());
        }
        let pieces = std::mem::take(&mut self.ready).into_iter();
        pieces
            .map(|piece| {
                let key = keys::bad_rows(tenant, run, report.parts);
                report.parts += 1;
                (key, piece)
            })
            .collect()
    }
}

fn is_error(problem: &RowProblem) -> bool {
    problem.severity() == mapping::issue::Severity::Error
}

/// What was found in the file that a run reads, once all of it was.
pub async fn report(
    store: &impl Store,
    tenant: &TenantId,
    run: &RunId,
) -> Result<Option<Report>, Error> {
    Ok(record::read(store, &Report::key(tenant, run)).await?)
}

/// One part of the list of rows with something wrong, and the number of the next one.
pub async fn problems(
    store: &impl Store,
    tenant: &TenantId,
    run: &RunId,
    part: u32,
) -> Result<(Vec<BadRow>, Option<u32>), Error> {
    let parts = report(store, tenant, run).await?.unwrap_or_default().parts;
    let rows = record::read(store, &keys::bad_rows(tenant, run, part)).await?;
    Ok((rows.unwrap_or_default(), (part + 1 < parts).then_some(part + 1)))
}

/// The rows of one table that can't be taken, as a CSV file that can be mended and sent again;
/// `None` when the table has none or can't be mended so.
pub async fn bad_rows_file(
    store: &impl Store,
    tenant: &TenantId,
    run: &RunId,
    table: usize,
) -> Result<Option<Vec<u8>>, Error> {
    let Some(report) = report(store, tenant, run).await? else {
        return Ok(None);
    };
    let Some(columns) = report.tables.get(table).and_then(|seen| seen.columns.as_ref()) else {
        return Ok(None);
    };
    let mut file = Writer::new(columns);
    let mut is_empty = true;
    for part in 0..report.parts {
        let (rows, _) = problems(store, tenant, run, part).await?;
        for row in rows.iter().filter(|row| row.table == table) {
            match &row.content {
                BadContent::None => continue,
                BadContent::Cells(cells) => file.row(cells, &row.problems),
                BadContent::Person(person) => file.person(person, &row.problems),
                BadContent::Placement(placement) => file.placement(placement, &row.problems),
            }
            is_empty = false;
        }
    }
    Ok((!is_empty).then(|| file.finish()))
}
