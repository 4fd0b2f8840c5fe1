//! Feeds files to readers.

use connectors::files::csv::{Checkpoint, CsvError, Hints, Rows};
use connectors::files::roster::{SheetReader, Taken};
use connectors::files::row::{Next, Row};
use connectors::files::sheet::{Content, SheetError};

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
