//! A CSV file, asked for part by part.

use super::stream::up_to_part;
use super::{At, Next, Options, Refusal};
use crate::files::csv::{Checkpoint, Dialect, Rows};
use crate::files::roster::SheetReader;
use crate::files::row;

/// A CSV file on its way.
#[derive(Debug)]
pub(super) struct TextWork {
    rows: Rows,
    reader: SheetReader,
    /// Bytes of the file that were given or passed over.
    given: u64,
    file_bytes: u64,
}

impl TextWork {
    pub(super) fn new(file_bytes: u64, options: &Options) -> Self {
        Self {
            rows: Rows::new(options.hints),
            reader: SheetReader::new(None, options.content),
            given: 0,
            file_bytes,
        }
    }

    pub(super) fn resume(file_bytes: u64, checkpoint: Checkpoint, reader: SheetReader) -> Self {
        let mut rows = Rows::resume(checkpoint);
        if checkpoint.offset >= file_bytes {
            rows.finish();
        }
        Self {
            rows,
            reader,
            given: checkpoint.offset,
            file_bytes,
        }
    }

    pub(super) fn poll(&mut self) -> Result<Next, Refusal> {
        match self.rows.next_row()? {
            row::Next::End => {
                self.reader.finish()?;
                Ok(Next::Done)
            }
            row::Next::NeedsMore => Ok(Next::Bytes(up_to_part(self.given..self.file_bytes))),
            row::Next::Row(row) => Ok(Next::Row(self.reader.read(&row)?)),
        }
    }

    pub(super) fn give(&mut self, bytes: &[u8]) {
        self.given += bytes.len() as u64;
        self.rows.push(bytes);
        if self.given >= self.file_bytes {
            self.rows.finish();
        }
    }

    pub(super) fn place(&self) -> Option<At> {
        let checkpoint = self.rows.checkpoint()?;
        Some(At::Text(checkpoint, self.reader.clone()))
    }

    pub(super) fn dialect(&self) -> Option<Dialect> {
        self.rows.dialect()
    }

    pub(super) fn reader(&self) -> &SheetReader {
        &self.reader
    }

    pub(super) fn buffered_bytes(&self) -> usize {
        self.rows.buffered_bytes()
    }
}
