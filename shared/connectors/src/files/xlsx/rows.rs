//! The rows of a sheet, as its XML comes.

use super::formats::{Format, Styles};
use super::strings::SharedStrings;
use super::xml::{Tag, Token, Xml, plain};
use super::{Outline, WorkbookError, number};
use crate::files::row::{
    CELL_BYTES_MAX, CELL_BYTES_READ, COLUMNS_MAX, CellFault, CellNote, Next, ROW_BYTES_MAX, Row,
};
use std::borrow::Cow;
use std::sync::Arc;

/// The rows of a sheet. Hidden rows are rows: a filter that somebody left on removes nobody.
#[derive(Debug)]
pub struct SheetRows {
    strings: Arc<SharedStrings>,
    styles: Arc<Styles>,
    is_1904: bool,
    xml: Xml,
    /// Rows up to this one were read before.
    skipped: u32,
    row: Row,
    row_bytes: usize,
    is_in_row: bool,
    cell: Cell,
    /// The column of the next cell that does not say where it is.
    column: usize,
}

/// The cell that is being read.
#[derive(Debug, Default)]
struct Cell {
    is_open: bool,
    column: usize,
    kind: Kind,
    format: Format,
    text: String,
    /// What the text that comes is part of.
    part: Part,
    has_formula: bool,
    is_aid: bool,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Kind {
    Bool,
    /// A date as text, in strict workbooks.
    Date,
    Error,
    /// A text in the cell itself.
    Inline,
    #[default]
    Number,
    /// A number that stands for a shared text.
    Shared,
    /// The text that a formula made.
    Text,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Part {
    /// Something that is not shown, such as the formula itself.
    #[default]
    Other,
    Text,
    Value,
}

impl SheetRows {
    /// Reads a sheet of this workbook.
    pub fn new(outline: &Outline, strings: Arc<SharedStrings>, styles: Arc<Styles>) -> Self {
        Self {
            strings,
            styles,
            is_1904: outline.is_1904,
            xml: Xml::default(),
            skipped: 0,
            row: Row::default(),
            row_bytes: 0,
            is_in_row: false,
            cell: Cell::default(),
            column: 0,
        }
    }

    /// Passes over the rows up to this one, which were read before. The sheet must be pushed from
    /// its first byte all the same.
    #[must_use]
    pub fn after(self, line: u32) -> Self {
        Self {
            skipped: line,
            ..self
        }
    }

    /// The texts, for the next sheet.
    pub fn into_strings(self) -> Arc<SharedStrings> {
        self.strings
    }

    /// Takes the next bytes of the sheet's part.
    pub fn push(&mut self, bytes: &[u8]) {
        self.xml.push(bytes);
    }

    /// Says that every byte was pushed.
    pub fn finish(&mut self) {
        self.xml.finish();
    }

    /// How many bytes are held.
    pub fn buffered_bytes(&self) -> usize {
        self.xml.held_bytes() + self.row_bytes + self.cell.text.len()
    }

    /// The next row that is not blank.
    pub fn next_row(&mut self) -> Result<Next, WorkbookError> {
        loop {
            match self.xml.token()? {
                Token::Eof => return Ok(Next::End),
                Token::NeedsMore => return Ok(Next::NeedsMore),
                Token::Start(tag) => {
                    let is_empty = tag.is_empty;
                    let name = match tag.name {
                        "c" => "c",
                        "row" => "row",
                        _ => "",
                    };
                    start(
                        &tag,
                        &mut Parts {
                            row: &mut self.row,
                            is_in_row: &mut self.is_in_row,
                            column: &mut self.column,
                            cell: &mut self.cell,
                            styles: &self.styles,
                        },
                    )?;
                    if is_empty && name == "c" {
                        self.end_cell()?;
                    }
                    if is_empty && name == "row" {
                        self.end_row();
                    }
                }
                Token::Text(text) => {
                    let cell = &mut self.cell;
                    let is_text =
                        cell.part == Part::Text && cell.kind == Kind::Inline && !cell.is_aid;
                    if cell.is_open && (is_text || cell.part == Part::Value) {
                        add(&mut cell.text, &text);
                    }
                }
                Token::End(name) => match name {
                    "c" => self.end_cell()?,
                    "row" => {
                        if let Some(row) = self.end_row() {
                            return Ok(Next::Row(row));
                        }
                    }
                    "rPh" => self.cell.is_aid = false,
                    "f" | "is" | "t" | "v" => self.cell.part = Part::Other,
                    _ => {}
                },
            }
        }
    }

    fn end_row(&mut self) -> Option<Row> {
        self.is_in_row = false;
        self.row_bytes = 0;
        let line = self.row.line;
        let mut row = std::mem::replace(
            &mut self.row,
            Row {
                line,
                ..Row::default()
            },
        );
        (line > self.skipped && row.tidy()).then_some(row)
    }

    fn end_cell(&mut self) -> Result<(), WorkbookError> {
        let cell = std::mem::take(&mut self.cell);
        if !cell.is_open || self.row.line <= self.skipped {
            return Ok(());
        }
        let (text, fault) = shown(&cell, &self.strings, self.is_1904)?;
        let line = self.row.line;
        if text.is_empty() && fault.is_none() {
            return Ok(());
        }
        if cell.column >= COLUMNS_MAX {
            return Err(WorkbookError::Columns { line });
        }
        self.row_bytes += text.len();
        if self.row_bytes > ROW_BYTES_MAX {
            return Err(WorkbookError::RowLong { line });
        }
        let is_long = text.len() > CELL_BYTES_MAX;
        let end = text.floor_char_boundary(CELL_BYTES_MAX);
        let text = text.get(..end).unwrap_or_default().to_owned();
        let cells = &mut self.row.cells;
        if cells.len() <= cell.column {
            cells.resize(cell.column + 1, String::new());
        }
        if let Some(place) = cells.get_mut(cell.column) {
            *place = text;
        }
        let long = is_long.then_some(CellFault::Long);
        for fault in fault.into_iter().chain(long) {
            let column = cell.column;
            self.row.notes.push(CellNote { column, fault });
        }
        Ok(())
    }
}

/// What people see in the cell.
fn shown<'c>(
    cell: &'c Cell,
    strings: &'c SharedStrings,
    is_1904: bool,
) -> Result<(Cow<'c, str>, Option<CellFault>), WorkbookError> {
    let raw = cell.text.as_str();
    if cell.has_formula && raw.is_empty() && cell.kind != Kind::Text {
        return Ok((Cow::Borrowed(""), Some(CellFault::NoFormulaValue)));
    }
    Ok(match cell.kind {
        Kind::Bool => match raw.trim() {
            "1" | "true" => (Cow::Borrowed("TRUE"), None),
            "" => (Cow::Borrowed(""), None),
            _ => (Cow::Borrowed("FALSE"), None),
        },
        Kind::Date => (Cow::Borrowed(raw.trim_end_matches("T00:00:00")), None),
        Kind::Error => (Cow::Borrowed(""), Some(CellFault::ErrorValue)),
        Kind::Inline | Kind::Text => (plain(raw), None),
        Kind::Number => {
            let (text, is_rounded) = number::text(raw, cell.format, is_1904);
            (Cow::Owned(text), is_rounded.then_some(CellFault::Rounded))
        }
        Kind::Shared if raw.trim().is_empty() => (Cow::Borrowed(""), None),
        Kind::Shared => {
            let index = raw.trim().parse().map_err(|_| WorkbookError::Malformed)?;
            let text = strings.text(index).ok_or(WorkbookError::Malformed)?;
            (Cow::Borrowed(text), None)
        }
    })
}

/// What the begin of an element may change.
struct Parts<'b> {
    row: &'b mut Row,
    is_in_row: &'b mut bool,
    column: &'b mut usize,
    cell: &'b mut Cell,
    styles: &'b Styles,
}

fn start(tag: &Tag<'_>, parts: &mut Parts<'_>) -> Result<(), WorkbookError> {
    match tag.name {
        "row" => start_row(tag, parts),
        "c" if *parts.is_in_row => start_cell(tag, parts),
        "f" if parts.cell.is_open => {
            parts.cell.has_formula = true;
            Ok(())
        }
        "rPh" => {
            parts.cell.is_aid = !tag.is_empty;
            Ok(())
        }
        "t" if !tag.is_empty => {
            parts.cell.part = Part::Text;
            Ok(())
        }
        "v" if !tag.is_empty => {
            parts.cell.part = Part::Value;
            Ok(())
        }
        _ => Ok(()),
    }
}

fn start_row(tag: &Tag<'_>, parts: &mut Parts<'_>) -> Result<(), WorkbookError> {
    let before = parts.row.line;
    let line = match tag.attribute("r") {
        Some(number) => number.parse().map_err(|_| WorkbookError::Malformed)?,
        None => before.saturating_add(1),
    };
    if line <= before {
        return Err(WorkbookError::Disorder { line });
    }
    *parts.row = Row {
        line,
        ..Row::default()
    };
    *parts.column = 0;
    *parts.is_in_row = true;
    Ok(())
}

fn start_cell(tag: &Tag<'_>, parts: &mut Parts<'_>) -> Result<(), WorkbookError> {
    let column = match tag.attribute("r") {
        Some(reference) => column_of(&reference).ok_or(WorkbookError::Malformed)?,
        None => *parts.column,
    };
    *parts.column = column + 1;
    let kind = match tag.attribute("t").as_deref() {
        Some("b") => Kind::Bool,
        Some("d") => Kind::Date,
        Some("e") => Kind::Error,
        Some("inlineStr") => Kind::Inline,
        Some("s") => Kind::Shared,
        Some("str") => Kind::Text,
        _ => Kind::Number,
    };
    let style = tag.attribute("s").and_then(|style| style.parse().ok());
    *parts.cell = Cell {
        is_open: true,
        column,
        kind,
        format: style
            .map(|style| parts.styles.format(style))
            .unwrap_or_default(),
        ..Cell::default()
    };
    Ok(())
}

/// The column of a reference such as `AB12`, from 0.
fn column_of(reference: &str) -> Option<usize> {
    let mut column = 0_usize;
    for byte in reference.bytes().take_while(u8::is_ascii_alphabetic) {
        let letter = usize::from(byte.to_ascii_uppercase() - b'A') + 1;
        column = column.checked_mul(26)?.checked_add(letter)?;
        if column > 16_384 {
            return None;
        }
    }
    column.checked_sub(1)
}

/// Adds text up to just behind the limit, which shows that there was more.
fn add(cell: &mut String, text: &str) {
    let room = CELL_BYTES_READ.saturating_sub(cell.len());
    let end = text.floor_char_boundary(room);
    cell.push_str(text.get(..end).unwrap_or_default());
}
