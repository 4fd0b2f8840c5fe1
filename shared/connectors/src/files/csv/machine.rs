//! The state between two bytes of a CSV file (RFC 4180, read leniently).

use super::{CsvError, Dialect};
use crate::files::row::{CELL_BYTES_MAX, COLUMNS_MAX, CellFault, CellNote, ROW_BYTES_MAX, Row};
use crate::files::text::Encoding;

const CR: u16 = b'\r' as u16;
const LF: u16 = b'\n' as u16;
const QUOTE: u16 = b'"' as u16;

/// What a step did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Took {
    /// It found that a row had ended before this unit, which it did not take.
    Row,
    /// It took the unit.
    Unit,
    /// It took the unit, with which a row ended.
    UnitAndRow,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// Behind a carriage return that ended a row; a line feed belongs to it.
    AfterCr,
    /// Nothing of the cell was read.
    CellStart,
    /// Behind a quotation mark that closes the cell, or is the first of two.
    Closing,
    Plain,
    Quoted,
}

#[derive(Clone, Debug)]
pub(super) struct Machine {
    state: State,
    /// The text of the cell, in UTF-8 or in what claims to be it.
    cell: Vec<u8>,
    is_cut: bool,
    /// The first half of a pair of UTF-16 units.
    high: Option<u16>,
    row: Row,
    /// Bytes of text in the row.
    row_bytes: usize,
    /// Bytes of the file since the row began.
    row_file_bytes: u64,
    line: u32,
    was_cr: bool,
}

impl Machine {
    pub(super) fn new(line: u32) -> Self {
        Self {
            state: State::CellStart,
            cell: Vec::new(),
            is_cut: false,
            high: None,
            row: Row {
                line,
                ..Row::default()
            },
            row_bytes: 0,
            row_file_bytes: 0,
            line,
            was_cr: false,
        }
    }

    /// How many bytes ago the row began, and on which line.
    pub(super) fn row_began(&self) -> (u64, u32) {
        (self.row_file_bytes, self.row.line)
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.row_bytes
    }

    /// Counts bytes of the file as read.
    pub(super) fn count(&mut self, bytes: usize) {
        self.row_file_bytes += bytes as u64;
    }

    /// The row that has ended; the next one begins.
    pub(super) fn take_row(&mut self) -> Row {
        self.row_bytes = 0;
        self.row_file_bytes = 0;
        self.state = State::CellStart;
        let next = Row {
            line: self.line,
            ..Row::default()
        };
        std::mem::replace(&mut self.row, next)
    }

    /// Takes the bytes up to the next one that could mean something, and says how many they are.
    pub(super) fn run(&mut self, bytes: &[u8], dialect: Dialect) -> Result<usize, CsvError> {
        let is_inside = matches!(self.state, State::Plain | State::Quoted);
        if !is_inside || dialect.encoding.unit_bytes() > 1 {
            return Ok(0);
        }
        let is_text = |byte: &u8| *byte > b'"' && *byte != dialect.separator;
        let run = bytes.iter().position(|byte| !is_text(byte));
        let run = bytes.get(..run.unwrap_or(bytes.len())).unwrap_or_default();
        if run.is_empty() {
            return Ok(0);
        }
        self.was_cr = false;
        if dialect.encoding == Encoding::Utf8 {
            self.put_bytes(run)?;
        } else {
            for byte in run {
                self.put(u16::from(*byte), dialect)?;
            }
        }
        Ok(run.len())
    }

    /// Takes one unit: a byte, or two of them in UTF-16.
    pub(super) fn step(&mut self, unit: u16, dialect: &mut Dialect) -> Result<Took, CsvError> {
        if unit == 0 {
            return Err(CsvError::NotText);
        }
        match self.state {
            State::AfterCr if unit == LF => Ok(Took::UnitAndRow),
            State::AfterCr => Ok(Took::Row),
            State::Quoted => self.step_quoted(unit, *dialect),
            State::Closing if unit == QUOTE => {
                self.state = State::Quoted;
                self.put(unit, *dialect)
            }
            State::CellStart if unit == QUOTE => {
                self.state = State::Quoted;
                Ok(Took::Unit)
            }
            // A blank before a quotation mark belongs to neither.
            State::Plain if unit == QUOTE && self.cell.iter().all(|byte| *byte == b' ') => {
                self.cell.clear();
                self.state = State::Quoted;
                Ok(Took::Unit)
            }
            State::CellStart | State::Closing | State::Plain => self.step_plain(unit, dialect),
        }
    }

    fn step_plain(&mut self, unit: u16, dialect: &mut Dialect) -> Result<Took, CsvError> {
        match unit {
            _ if unit == u16::from(dialect.separator) => {
                self.end_cell(dialect)?;
                self.state = State::CellStart;
                Ok(Took::Unit)
            }
            CR => {
                self.end_cell(dialect)?;
                self.line += 1;
                self.state = State::AfterCr;
                Ok(Took::Unit)
            }
            LF => {
                self.end_cell(dialect)?;
                self.line += 1;
                Ok(Took::UnitAndRow)
            }
            _ => {
                self.state = State::Plain;
                self.put(unit, *dialect)
            }
        }
    }

    fn step_quoted(&mut self, unit: u16, dialect: Dialect) -> Result<Took, CsvError> {
        let was_cr = std::mem::replace(&mut self.was_cr, unit == CR);
        match unit {
            QUOTE => {
                self.state = State::Closing;
                return Ok(Took::Unit);
            }
            CR => self.line += 1,
            LF if !was_cr => self.line += 1,
            _ => {}
        }
        self.put(unit, dialect)
    }

    /// The last row, when the file has ended.
    pub(super) fn end(&mut self, dialect: &mut Dialect) -> Result<Option<Row>, CsvError> {
        match self.state {
            State::Quoted => {
                return Err(CsvError::Unclosed {
                    line: self.row.line,
                });
            }
            State::CellStart if self.row.cells.is_empty() => return Ok(None),
            State::AfterCr => {}
            State::CellStart | State::Closing | State::Plain => self.end_cell(dialect)?,
        }
        Ok(Some(self.take_row()))
    }

    /// Adds a unit to the cell.
    fn put(&mut self, unit: u16, dialect: Dialect) -> Result<Took, CsvError> {
        let mut utf8 = [0_u8; 4];
        match dialect.encoding {
            Encoding::Utf8 => self.put_bytes(&[u8::try_from(unit).unwrap_or_default()])?,
            Encoding::MacRoman | Encoding::Windows1252 => {
                let byte = u8::try_from(unit).unwrap_or_default();
                let character = dialect.encoding.character(byte);
                self.put_bytes(character.encode_utf8(&mut utf8).as_bytes())?;
            }
            Encoding::Utf16Be | Encoding::Utf16Le => self.put_utf16(unit)?,
        }
        Ok(Took::Unit)
    }

    fn put_utf16(&mut self, unit: u16) -> Result<(), CsvError> {
        let is_high = (0xD800..0xDC00).contains(&unit);
        let is_low = (0xDC00..0xE000).contains(&unit);
        let before = match self.high.take() {
            Some(high) if is_low => return self.put_units([high, unit]),
            before => before,
        };
        if before.is_some() {
            self.put_replacement()?;
        }
        if is_high {
            self.high = Some(unit);
            Ok(())
        } else {
            self.put_units([unit])
        }
    }

    fn put_units<const N: usize>(&mut self, units: [u16; N]) -> Result<(), CsvError> {
        let mut utf8 = [0_u8; 4];
        for character in char::decode_utf16(units) {
            match character {
                Ok(character) => self.put_bytes(character.encode_utf8(&mut utf8).as_bytes())?,
                Err(_) => self.put_replacement()?,
            }
        }
        Ok(())
    }

    fn put_replacement(&mut self) -> Result<(), CsvError> {
        self.note(CellFault::NotInEncoding);
        self.put_bytes("\u{FFFD}".as_bytes())
    }

    fn put_bytes(&mut self, bytes: &[u8]) -> Result<(), CsvError> {
        self.row_bytes += bytes.len();
        if self.row_bytes > ROW_BYTES_MAX {
            return Err(CsvError::RowLong {
                line: self.row.line,
            });
        }
        let room = CELL_BYTES_MAX.saturating_sub(self.cell.len());
        self.is_cut |= bytes.len() > room;
        let kept = bytes.get(..bytes.len().min(room)).unwrap_or_default();
        self.cell.extend_from_slice(kept);
        Ok(())
    }

    fn end_cell(&mut self, dialect: &mut Dialect) -> Result<(), CsvError> {
        if self.high.take().is_some() {
            self.put_replacement()?;
        }
        if self.row.cells.len() >= COLUMNS_MAX {
            return Err(CsvError::Columns {
                line: self.row.line,
            });
        }
        let mut cell = std::mem::take(&mut self.cell);
        if std::mem::take(&mut self.is_cut) {
            self.note(CellFault::Long);
            trim_to_character(&mut cell);
        }
        let text = self.text(cell, dialect);
        self.row.cells.push(text);
        Ok(())
    }

    /// The cell's bytes as text. The first letter that is not ASCII shows whether the file is
    /// UTF-8; from there on it is what that letter showed.
    fn text(&mut self, cell: Vec<u8>, dialect: &mut Dialect) -> String {
        match String::from_utf8(cell) {
            Ok(text) => {
                dialect.proven |= dialect.encoding == Encoding::Utf8 && !text.is_ascii();
                text
            }
            Err(error) if !dialect.proven => {
                dialect.encoding = Encoding::Windows1252;
                dialect.proven = true;
                dialect.encoding.decode(error.as_bytes())
            }
            Err(error) => {
                self.note(CellFault::NotInEncoding);
                String::from_utf8_lossy(error.as_bytes()).into_owned()
            }
        }
    }

    fn note(&mut self, fault: CellFault) {
        let column = self.row.cells.len();
        let note = CellNote { column, fault };
        if self.row.notes.last() != Some(&note) {
            self.row.notes.push(note);
        }
    }
}

/// Drops the beginning of a character whose end was cut off.
fn trim_to_character(cell: &mut Vec<u8>) {
    if let Err(error) = std::str::from_utf8(cell)
        && error.error_len().is_none()
    {
        cell.truncate(error.valid_up_to());
    }
}
