//! Rows of a CSV file, read as its bytes come (PROVIDERS 7.3).
//!
//! [`Rows`] is given the file in parts of any size and gives rows. After any row [`Rows::checkpoint`]
//! says where the next one begins, and [`Rows::resume`] goes on from there with the bytes from that
//! offset: nothing before it is looked at again.

mod dialect;
mod machine;

use super::row::{Next, Row};
use super::text::{Encoding, HEAD_BYTES};
pub use dialect::Dialect;
use machine::{Machine, Took};
use serde::{Deserialize, Serialize};

/// Why a CSV file can't be read any further.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CsvError {
    /// A row has more than [`COLUMNS_MAX`](super::row::COLUMNS_MAX) columns.
    #[error("line {line} has more columns than a roster can have: check what separates them")]
    Columns {
        /// The line that the row begins on.
        line: u32,
    },
    /// The file ends within a character.
    #[error("the file is cut short: save it again and send it whole")]
    CutShort,
    /// The file has NUL bytes, or is UTF-16 without a byte order mark.
    #[error("this is not a text file: save the sheet as \"CSV UTF-8\" and send that")]
    NotText,
    /// A row is longer than [`ROW_BYTES_MAX`](super::row::ROW_BYTES_MAX).
    #[error(
        "line {line} begins a row that is too long: look for a quotation mark that is not closed"
    )]
    RowLong {
        /// The line that the row begins on.
        line: u32,
    },
    /// The file ends within quotation marks.
    #[error(
        "line {line} begins a row that does not end: a quotation mark is not closed, or the file is cut short"
    )]
    Unclosed {
        /// The line that the row begins on.
        line: u32,
    },
}

/// Where reading can go on: right behind a row.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// How many bytes of the file were read.
    #[serde(rename = "o")]
    pub offset: u64,
    /// The line that follows.
    #[serde(rename = "l")]
    pub line: u32,
    /// How the file is written.
    #[serde(rename = "d")]
    pub dialect: Dialect,
}

/// What the person who sends a file says about how it is written; the file itself is asked for the
/// rest.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Hints {
    /// The encoding, where the file has no byte order mark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<Encoding>,
    /// The separator, an ASCII character.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub separator: Option<u8>,
}

/// The rows of a CSV file.
#[derive(Clone, Debug)]
pub struct Rows {
    hints: Hints,
    /// What was pushed and not yet dropped; the first `used` bytes of it are read.
    pending: Vec<u8>,
    used: usize,
    finished: bool,
    /// Bytes of the file that are read.
    offset: u64,
    /// `None` until the head of the file is there.
    dialect: Option<Dialect>,
    machine: Machine,
}

impl Default for Rows {
    fn default() -> Self {
        Self::new(Hints::default())
    }
}

impl Rows {
    /// Reads a file from its first byte.
    pub fn new(hints: Hints) -> Self {
        Self {
            hints,
            pending: Vec::new(),
            used: 0,
            finished: false,
            offset: 0,
            dialect: None,
            machine: Machine::new(1),
        }
    }

    /// Reads on behind a row: what is pushed first begins at the checkpoint's offset.
    pub fn resume(checkpoint: Checkpoint) -> Self {
        Self {
            hints: Hints::default(),
            pending: Vec::new(),
            used: 0,
            finished: false,
            offset: checkpoint.offset,
            dialect: Some(checkpoint.dialect),
            machine: Machine::new(checkpoint.line),
        }
    }

    /// Takes the next bytes of the file.
    pub fn push(&mut self, bytes: &[u8]) {
        self.pending.drain(..self.used);
        self.used = 0;
        self.pending.extend_from_slice(bytes);
    }

    /// Says that every byte of the file was pushed.
    pub fn finish(&mut self) {
        self.finished = true;
    }

    /// The next row that is not blank.
    pub fn next_row(&mut self) -> Result<Next, CsvError> {
        loop {
            let Some(mut dialect) = self.dialect.or_else(|| self.begin()) else {
                return Ok(Next::NeedsMore);
            };
            let took = self.read(&mut dialect);
            self.dialect = Some(dialect);
            match took? {
                Some(mut row) => {
                    if row.tidy() {
                        return Ok(Next::Row(row));
                    }
                }
                None if self.finished => return Ok(Next::End),
                None => return Ok(Next::NeedsMore),
            }
        }
    }

    /// Where the next row begins; `None` before the first row. Meant for right after a row: bytes
    /// of a row that has not ended count as not read.
    pub fn checkpoint(&self) -> Option<Checkpoint> {
        let (bytes, line) = self.machine.row_began();
        Some(Checkpoint {
            offset: self.offset.saturating_sub(bytes),
            line,
            dialect: self.dialect?,
        })
    }

    /// How the file is written; `None` until [`HEAD_BYTES`] or the whole file were pushed. The
    /// encoding may still turn out to be Windows-1252 at the first letter that is not ASCII.
    pub fn dialect(&self) -> Option<Dialect> {
        self.dialect
    }

    /// How many bytes are held: what was pushed and not read, and the row that has not ended.
    pub fn buffered_bytes(&self) -> usize {
        self.pending.len() + self.machine.held_bytes()
    }

    /// Looks at the head of the file, if it is there.
    fn begin(&mut self) -> Option<Dialect> {
        let head = self.pending.get(..HEAD_BYTES).or(if self.finished {
            Some(self.pending.as_slice())
        } else {
            None
        })?;
        let whole = self.finished && self.pending.len() <= HEAD_BYTES;
        let (dialect, skipped, lines) = Dialect::detect(head, whole, self.hints);
        self.used = skipped;
        self.offset = skipped as u64;
        self.machine = Machine::new(1 + lines);
        Some(dialect)
    }

    /// Reads until a row ends or there is nothing left to read.
    fn read(&mut self, dialect: &mut Dialect) -> Result<Option<Row>, CsvError> {
        let unit_bytes = dialect.encoding.unit_bytes();
        loop {
            let rest = self.pending.get(self.used..).unwrap_or_default();
            let run = self.machine.run(rest, *dialect)?;
            self.advance(run);
            let rest = self.pending.get(self.used..).unwrap_or_default();
            let unit = match (rest, unit_bytes) {
                ([byte, ..], 1) => u16::from(*byte),
                ([first, second, ..], _) => dialect.encoding.unit([*first, *second]),
                ([_], _) if self.finished => return Err(CsvError::CutShort),
                _ if self.finished => return self.machine.end(dialect),
                _ => return Ok(None),
            };
            match self.machine.step(unit, dialect)? {
                Took::Unit => self.advance(unit_bytes),
                Took::UnitAndRow => {
                    self.advance(unit_bytes);
                    return Ok(Some(self.machine.take_row()));
                }
                Took::Row => return Ok(Some(self.machine.take_row())),
            }
        }
    }

    fn advance(&mut self, bytes: usize) {
        self.used += bytes;
        self.offset += bytes as u64;
        self.machine.count(bytes);
    }
}
