//! A row of a table, wherever it was read.

/// Longest text of one cell that is kept, in bytes; a spreadsheet allows 32,767 characters.
pub const CELL_BYTES_MAX: usize = 32 * 1024;

/// How much of a longer cell is looked at: one letter more shows that it is longer.
pub(crate) const CELL_BYTES_READ: usize = CELL_BYTES_MAX + 4;

/// Longest row, in bytes. A row that does not end is what a quotation mark that nobody closed
/// looks like, and would swallow the rest of the file.
pub const ROW_BYTES_MAX: usize = 1024 * 1024;

/// Most columns of a table.
pub const COLUMNS_MAX: usize = 1024;

/// A row that is not blank.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Row {
    /// The line that it begins on, or its number in the sheet; from 1.
    pub line: u32,
    /// Its cells, without the empty ones after the last that has text.
    pub cells: Vec<String>,
    /// Cells that are not what the file holds.
    pub notes: Vec<CellNote>,
}

impl Row {
    /// The text of a cell, empty beyond the last one.
    pub fn cell(&self, column: usize) -> &str {
        self.cells.get(column).map_or("", String::as_str)
    }

    /// Cuts empty cells off the end; false when nothing remains.
    pub(crate) fn tidy(&mut self) -> bool {
        let kept = (self.cells.iter()).rposition(|cell| !cell.trim().is_empty());
        self.cells.truncate(kept.map_or(0, |last| last + 1));
        !self.cells.is_empty() || !self.notes.is_empty()
    }
}

/// A cell that is not what the file holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CellNote {
    /// Its column, from 0.
    pub column: usize,
    /// What is the matter.
    pub fault: CellFault,
}

/// What is the matter with a cell.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CellFault {
    /// It holds an error such as `#N/A` and is read as empty.
    ErrorValue,
    /// It is longer than [`CELL_BYTES_MAX`] and was cut.
    Long,
    /// It holds a formula whose result is not in the file, and is read as empty.
    NoFormulaValue,
    /// It has bytes that are not text in the file's encoding; each was replaced.
    NotInEncoding,
    /// It is a number with more digits than a spreadsheet keeps.
    Rounded,
}

/// What reading goes on with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Next {
    /// There are no more rows.
    End,
    /// The next row is not there yet: push more of the file, or say that it is finished.
    NeedsMore,
    /// A row.
    Row(Row),
}
