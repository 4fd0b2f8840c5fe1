//! An entry of a zip, asked for part by part.

use super::PART_BYTES;
use crate::files::zip::{Chunk, Entry, EntryReader, ZipError};
use std::ops::Range;

/// What comes next of an entry.
pub(super) enum Pulled<'a> {
    /// Ask for these bytes of the file.
    Ask(Range<u64>),
    /// Bytes of what the entry holds.
    Bytes(&'a [u8]),
    End,
}

/// An entry on its way.
#[derive(Debug)]
pub(super) struct Stream {
    reader: EntryReader,
    /// The bytes of the file that were not given yet.
    left: Range<u64>,
}

impl Stream {
    pub(super) fn new(entry: &Entry) -> Result<Self, ZipError> {
        Ok(Self {
            reader: EntryReader::new(entry)?,
            left: entry.range.clone(),
        })
    }

    pub(super) fn pull(&mut self) -> Result<Pulled<'_>, ZipError> {
        match self.reader.chunk()? {
            Chunk::Bytes(bytes) => Ok(Pulled::Bytes(bytes)),
            Chunk::End => Ok(Pulled::End),
            Chunk::NeedsMore if self.left.is_empty() => Err(ZipError::CutShort),
            Chunk::NeedsMore => Ok(Pulled::Ask(up_to_part(self.left.clone()))),
        }
    }

    pub(super) fn give(&mut self, bytes: &[u8]) {
        self.left.start += bytes.len() as u64;
        self.reader.push(bytes);
    }

    pub(super) fn buffered_bytes(&self) -> usize {
        self.reader.buffered_bytes()
    }
}

/// The begin of a range, up to the end of the part that it begins in.
pub(super) fn up_to_part(range: Range<u64>) -> Range<u64> {
    let part_end = (range.start / PART_BYTES + 1) * PART_BYTES;
    range.start..range.end.min(part_end)
}
