//! Feeds files to readers.

use connectors::files::csv::{Checkpoint, CsvError, Hints, Rows};
use connectors::files::roster::{SheetReader, Taken};
use connectors::files::row::{Next, Row};
use connectors::files::sheet::{Content, SheetError};
use connectors::files::xlsx::{
    Outline, RELATIONS_PART, SharedStrings, SheetRows, Styles, WORKBOOK_PART, WorkbookError,
};
use connectors::files::zip::{Chunk, Directory, End, Entry, EntryReader, TAIL_BYTES, ZipError};
use std::ops::Range;
use std::sync::Arc;

/// Rows of a CSV file that is pushed in parts of this size, and where each of them ends.
pub(crate) fn csv_in_parts(
    bytes: &[u8],
    part: usize,
) -> Result<Vec<(Row, Option<Checkpoint>)>, CsvError> {
    let mut rows = Rows::default();
    drain(&mut rows, bytes, part)
}

/// Pushes everything and takes everything.
pub(crate) fn drain(
    rows: &mut Rows,
    bytes: &[u8],
    part: usize,
) -> Result<Vec<(Row, Option<Checkpoint>)>, CsvError> {
    let mut parts = bytes.chunks(part.max(1));
    let mut taken = Vec::new();
    loop {
        match rows.next_row()? {
            Next::End => return Ok(taken),
            Next::NeedsMore => match parts.next() {
                Some(part) => rows.push(part),
                None => rows.finish(),
            },
            Next::Row(row) => taken.push((row, rows.checkpoint())),
        }
    }
}

/// The cells of a CSV file.
pub(crate) fn csv_cells(bytes: &[u8]) -> Vec<Vec<String>> {
    let rows = csv_in_parts(bytes, 256 * 1024).unwrap();
    rows.into_iter().map(|(row, _)| row.cells).collect()
}

/// What a CSV file of people is.
pub(crate) fn people(text: &str, content: Content) -> Result<Vec<Taken>, SheetError> {
    let mut rows = Rows::new(Hints::default());
    let mut reader = SheetReader::new(None, content);
    let mut taken = Vec::new();
    for (row, _) in drain(&mut rows, text.as_bytes(), 1000).unwrap() {
        taken.push(reader.read(&row)?);
    }
    reader.finish()?;
    Ok(taken)
}

/// The directory of a zip that is in memory.
pub(crate) fn open(bytes: &[u8]) -> Result<Directory, ZipError> {
    let tail = &bytes[bytes.len().saturating_sub(TAIL_BYTES)..];
    let end = End::find(tail, bytes.len() as u64)?;
    Directory::parse(&bytes[range(&end.range)], &end)
}

/// What an entry holds, pushed in parts of this size.
pub(crate) fn unpack(bytes: &[u8], entry: &Entry, part: usize) -> Result<Vec<u8>, ZipError> {
    let mut reader = EntryReader::new(entry)?;
    let mut parts = bytes[range(&entry.range)].chunks(part);
    let mut whole = Vec::new();
    loop {
        match reader.chunk()? {
            Chunk::Bytes(bytes) => whole.extend_from_slice(bytes),
            Chunk::End => return Ok(whole),
            Chunk::NeedsMore => reader.push(parts.next().expect("the entry goes on")),
        }
    }
}

pub(crate) fn range(range: &Range<u64>) -> Range<usize> {
    usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()
}

/// A workbook with everything that its sheets need.
pub(crate) struct Book {
    bytes: Vec<u8>,
    directory: Directory,
    pub(crate) outline: Outline,
    strings: Arc<SharedStrings>,
    styles: Arc<Styles>,
}

impl Book {
    pub(crate) fn open(bytes: Vec<u8>) -> Result<Self, WorkbookError> {
        let directory = open(&bytes).unwrap();
        let whole = |part: &str| {
            let entry = directory.find(part).expect(part);
            unpack(&bytes, entry, 4096).unwrap()
        };
        let outline = Outline::parse(&whole(WORKBOOK_PART), &whole(RELATIONS_PART))?;
        let mut strings = SharedStrings::new();
        if let Some(part) = &outline.strings_part {
            for part in whole(part).chunks(1000) {
                strings.push(part)?;
            }
            strings.finish()?;
        }
        let styles = outline
            .styles_part
            .as_deref()
            .map(|part| Styles::parse(&whole(part)));
        let styles = styles.transpose()?.unwrap_or_default();
        Ok(Self {
            bytes,
            directory,
            outline,
            strings: Arc::new(strings),
            styles: Arc::new(styles),
        })
    }

    /// Rows of a sheet, pushed in parts of this size, behind a row.
    pub(crate) fn rows(
        &self,
        sheet: usize,
        part: usize,
        after: u32,
    ) -> Result<Vec<Row>, WorkbookError> {
        let entry = self
            .directory
            .find(&self.outline.sheets[sheet].part)
            .unwrap();
        let xml = unpack(&self.bytes, entry, 4096).unwrap();
        let mut parts = xml.chunks(part);
        let mut rows = SheetRows::new(
            &self.outline,
            Arc::clone(&self.strings),
            Arc::clone(&self.styles),
        )
        .after(after);
        let mut taken = Vec::new();
        loop {
            match rows.next_row()? {
                Next::End => return Ok(taken),
                Next::NeedsMore => match parts.next() {
                    Some(part) => rows.push(part),
                    None => rows.finish(),
                },
                Next::Row(row) => taken.push(row),
            }
        }
    }
}
