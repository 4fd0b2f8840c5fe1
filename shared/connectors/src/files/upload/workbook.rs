//! A workbook, part by part.

use super::stream::{Pulled, Stream};
use super::{At, Next, Refusal};
use crate::files::roster::SheetReader;
use crate::files::row;
use crate::files::sheet::{Content, choose};
use crate::files::xlsx::{
    Outline, PART_BYTES_MAX, RELATIONS_PART, SharedStrings, SheetRows, Styles, WORKBOOK_PART,
    WorkbookError,
};
use crate::files::zip::Directory;
use std::sync::Arc;

/// A workbook on its way.
#[derive(Debug)]
pub(super) struct WorkbookWork {
    directory: Directory,
    content: Content,
    at: At,
    part: Part,
    stream: Stream,
    /// What came of a part that is read whole.
    whole: Vec<u8>,
    workbook: Vec<u8>,
    outline: Outline,
    styles: Arc<Styles>,
    strings: SharedStrings,
    /// The sheets that are read.
    chosen: Vec<(usize, Content)>,
    sheet: Option<Sheet>,
}

/// What is being read before the first sheet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Part {
    Relations,
    Strings,
    Styles,
    Workbook,
}

/// The sheet that is being read.
#[derive(Debug)]
struct Sheet {
    /// Its place among those that are read.
    number: usize,
    rows: SheetRows,
    reader: SheetReader,
    /// The last row that was given.
    line: u32,
    is_done: bool,
}

impl WorkbookWork {
    pub(super) fn new(directory: Directory, content: Content, at: At) -> Result<Self, Refusal> {
        let stream = stream(&directory, WORKBOOK_PART)?;
        Ok(Self {
            directory,
            content,
            at,
            part: Part::Workbook,
            stream,
            whole: Vec::new(),
            workbook: Vec::new(),
            outline: Outline::default(),
            styles: Arc::default(),
            strings: SharedStrings::new(),
            chosen: Vec::new(),
            sheet: None,
        })
    }

    pub(super) fn poll(&mut self) -> Result<Next, Refusal> {
        loop {
            let Some(sheet) = &mut self.sheet else {
                match self.stream.pull()? {
                    Pulled::Ask(range) => return Ok(Next::Bytes(range)),
                    Pulled::Bytes(bytes) if self.part == Part::Strings => {
                        self.strings.push(bytes)?;
                    }
                    Pulled::Bytes(bytes) => {
                        self.whole.extend_from_slice(bytes);
                        if self.whole.len() as u64 > PART_BYTES_MAX {
                            return Err(WorkbookError::Large.into());
                        }
                    }
                    Pulled::End => self.end_part()?,
                }
                continue;
            };
            if sheet.is_done {
                return Ok(Next::Done);
            }
            match sheet.rows.next_row()? {
                row::Next::Row(row) => {
                    sheet.line = row.line;
                    return Ok(Next::Row(sheet.reader.read(&row)?));
                }
                row::Next::NeedsMore => match self.stream.pull()? {
                    Pulled::Ask(range) => return Ok(Next::Bytes(range)),
                    Pulled::Bytes(bytes) => sheet.rows.push(bytes),
                    Pulled::End => sheet.rows.finish(),
                },
                row::Next::End => {
                    sheet.reader.finish()?;
                    let next = sheet.number + 1;
                    if next < self.chosen.len() {
                        self.begin_sheet(next, At::Start)?;
                    } else {
                        sheet.is_done = true;
                    }
                }
            }
        }
    }

    pub(super) fn give(&mut self, bytes: &[u8]) {
        self.stream.give(bytes);
    }

    pub(super) fn place(&self) -> At {
        match &self.sheet {
            Some(sheet) => At::Sheet(sheet.number, sheet.line, sheet.reader.clone()),
            None => self.at.clone(),
        }
    }

    pub(super) fn reader(&self) -> Option<&SheetReader> {
        self.sheet.as_ref().map(|sheet| &sheet.reader)
    }

    pub(super) fn buffered_bytes(&self) -> usize {
        let sheet = self
            .sheet
            .as_ref()
            .map_or(0, |sheet| sheet.rows.buffered_bytes());
        self.stream.buffered_bytes() + self.whole.len() + self.workbook.len() + sheet
    }

    /// Goes on to the next part that there is.
    fn end_part(&mut self) -> Result<(), Refusal> {
        let whole = std::mem::take(&mut self.whole);
        match self.part {
            Part::Workbook => {
                self.workbook = whole;
                return self.begin(Part::Relations, RELATIONS_PART);
            }
            Part::Relations => {
                let workbook = std::mem::take(&mut self.workbook);
                self.outline = Outline::parse(&workbook, &whole)?;
                let sheets = &self.outline.sheets;
                let sheets = sheets
                    .iter()
                    .map(|sheet| (sheet.name.as_str(), sheet.is_visible));
                self.chosen = choose(sheets, self.content)?;
            }
            Part::Styles => self.styles = Arc::new(Styles::parse(&whole)?),
            Part::Strings => self.strings.finish()?,
        }
        let is_before_styles = self.part == Part::Relations;
        if let Some(part) = self
            .outline
            .styles_part
            .clone()
            .filter(|_| is_before_styles)
        {
            return self.begin(Part::Styles, &part);
        }
        let is_before_strings = self.part != Part::Strings;
        if let Some(part) = self
            .outline
            .strings_part
            .clone()
            .filter(|_| is_before_strings)
        {
            return self.begin(Part::Strings, &part);
        }
        let at = std::mem::replace(&mut self.at, At::Start);
        let number = match &at {
            At::Sheet(number, ..) => *number,
            At::Done | At::Start | At::Table(..) | At::Text(..) => 0,
        };
        self.begin_sheet(number, at)
    }

    fn begin(&mut self, part: Part, path: &str) -> Result<(), Refusal> {
        self.stream = stream(&self.directory, path)?;
        self.part = part;
        Ok(())
    }

    fn begin_sheet(&mut self, number: usize, at: At) -> Result<(), Refusal> {
        let chosen = self.chosen.get(number);
        let found =
            chosen.and_then(|(index, content)| Some((self.outline.sheets.get(*index)?, *content)));
        let (sheet, content) = found.ok_or(WorkbookError::Malformed)?;
        self.stream = stream(&self.directory, &sheet.part)?;
        let (line, reader) = match at {
            At::Sheet(_, line, reader) => (line, reader),
            At::Done | At::Start | At::Table(..) | At::Text(..) => {
                (0, SheetReader::new(Some(&sheet.name), content))
            }
        };
        // The first sheet takes the texts over; the next ones take them from it.
        let strings = match self.sheet.take() {
            Some(sheet) => sheet.rows.into_strings(),
            None => Arc::new(std::mem::take(&mut self.strings)),
        };
        let rows = SheetRows::new(&self.outline, strings, Arc::clone(&self.styles)).after(line);
        self.sheet = Some(Sheet {
            number,
            rows,
            reader,
            line,
            is_done: false,
        });
        Ok(())
    }
}

fn stream(directory: &Directory, path: &str) -> Result<Stream, Refusal> {
    let entry = directory.find(path).ok_or(WorkbookError::Malformed)?;
    Ok(Stream::new(entry)?)
}
