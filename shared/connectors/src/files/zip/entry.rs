//! What an entry holds, piece by piece.

use super::directory::Bytes;
use super::{Entry, Method, ZipError};
use crc32fast::Hasher;
use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus};

/// How much is given at a time, in bytes.
const CHUNK_BYTES: usize = 64 * 1024;

const LOCAL_HEADER_BYTES: usize = 30;

/// What comes next of an entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Chunk<'a> {
    /// Bytes of what it holds; never none.
    Bytes(&'a [u8]),
    /// Everything was given, and it is what was packed.
    End,
    /// More bytes of the zip are needed.
    NeedsMore,
}

/// Reads one entry. What is kept does not depend on how large it is.
pub struct EntryReader {
    name: String,
    inflate: Option<Box<InflateState>>,
    /// Bytes of the zip that were pushed; the first `used` of them are read.
    pending: Vec<u8>,
    used: usize,
    is_past_header: bool,
    is_ended: bool,
    /// Bytes that are still to come: in the zip, and of what it holds.
    packed_left: u64,
    left: u64,
    crc: Hasher,
    crc_wanted: u32,
    chunk: Vec<u8>,
}

impl std::fmt::Debug for EntryReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (f.debug_struct("EntryReader").field("name", &self.name))
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

/// What a step did.
enum Step {
    Chunk(usize),
    End,
    NeedsMore,
}

impl EntryReader {
    /// Reads this entry.
    pub fn new(entry: &Entry) -> Result<Self, ZipError> {
        let inflate = match entry.method {
            Method::Deflated => Some(InflateState::new_boxed(DataFormat::Raw)),
            Method::Stored => None,
            Method::Other(method) => {
                let name = entry.name.clone();
                return Err(ZipError::Method { name, method });
            }
        };
        Ok(Self {
            name: entry.name.clone(),
            inflate,
            pending: Vec::new(),
            used: 0,
            is_past_header: false,
            is_ended: false,
            packed_left: entry.packed_bytes,
            left: entry.bytes,
            crc: Hasher::new(),
            crc_wanted: entry.crc,
            chunk: vec![0; CHUNK_BYTES],
        })
    }

    /// Takes the next bytes of [`Entry::range`].
    pub fn push(&mut self, bytes: &[u8]) {
        self.pending.drain(..self.used);
        self.used = 0;
        self.pending.extend_from_slice(bytes);
    }

    /// The next piece of what the entry holds.
    pub fn chunk(&mut self) -> Result<Chunk<'_>, ZipError> {
        match self.step()? {
            Step::Chunk(bytes) => {
                let chunk = self.chunk.get(..bytes).unwrap_or_default();
                Ok(Chunk::Bytes(chunk))
            }
            Step::End => Ok(Chunk::End),
            Step::NeedsMore => Ok(Chunk::NeedsMore),
        }
    }

    /// How many bytes are held.
    pub fn buffered_bytes(&self) -> usize {
        self.pending.len() + self.chunk.len()
    }

    fn step(&mut self) -> Result<Step, ZipError> {
        if self.is_ended {
            return Ok(Step::End);
        }
        if !self.is_past_header && !self.skip_header()? {
            return Ok(Step::NeedsMore);
        }
        loop {
            let before = self.packed_left;
            let written = if self.inflate.is_some() {
                self.inflate()?
            } else {
                self.copy()
            };
            if written > 0 {
                let left = self.left.checked_sub(written as u64);
                self.left = left.ok_or_else(|| self.damaged())?;
                let chunk = self.chunk.get(..written).unwrap_or_default();
                self.crc.update(chunk);
                return Ok(Step::Chunk(written));
            }
            match self.packed_left {
                _ if self.is_ended => return self.check(),
                // Everything was read, and still it does not end.
                0 if before == 0 => return Err(self.damaged()),
                left if left > 0 && self.input().is_empty() => return Ok(Step::NeedsMore),
                _ => {}
            }
        }
    }

    /// Passes over the header in front of the data; false if it is not there yet.
    fn skip_header(&mut self) -> Result<bool, ZipError> {
        if self.pending.len() < LOCAL_HEADER_BYTES {
            return Ok(false);
        }
        let header = Bytes(&self.pending);
        if !self.pending.starts_with(b"PK\x03\x04") {
            return Err(self.damaged());
        }
        let length =
            LOCAL_HEADER_BYTES + usize::from(header.u16(26)?) + usize::from(header.u16(28)?);
        if self.pending.len() < length {
            return Ok(false);
        }
        self.used = length;
        self.is_past_header = true;
        Ok(true)
    }

    /// The packed bytes that are there.
    fn input(&self) -> &[u8] {
        let rest = self.pending.get(self.used..).unwrap_or_default();
        let length = usize::try_from(self.packed_left).unwrap_or(usize::MAX);
        rest.get(..length.min(rest.len())).unwrap_or_default()
    }

    fn advance(&mut self, bytes: usize) {
        self.used += bytes;
        self.packed_left = self.packed_left.saturating_sub(bytes as u64);
    }

    fn copy(&mut self) -> usize {
        let bytes = self.input().len().min(self.chunk.len());
        let from = self.used;
        if let (Some(chunk), Some(input)) = (
            self.chunk.get_mut(..bytes),
            self.pending.get(from..from + bytes),
        ) {
            chunk.copy_from_slice(input);
        }
        self.advance(bytes);
        self.is_ended = self.packed_left == 0 && bytes == 0;
        bytes
    }

    fn inflate(&mut self) -> Result<usize, ZipError> {
        let Some(mut state) = self.inflate.take() else {
            return Ok(0);
        };
        let mut chunk = std::mem::take(&mut self.chunk);
        let result = inflate(&mut state, self.input(), &mut chunk, MZFlush::None);
        self.chunk = chunk;
        self.inflate = Some(state);
        self.advance(result.bytes_consumed);
        match result.status {
            Ok(MZStatus::StreamEnd) => self.is_ended = result.bytes_written == 0,
            Ok(MZStatus::Ok) | Err(MZError::Buf) => {}
            Ok(MZStatus::NeedDict) | Err(_) => return Err(self.damaged()),
        }
        Ok(result.bytes_written)
    }

    /// At the end: nothing is missing and nothing was changed.
    fn check(&self) -> Result<Step, ZipError> {
        let crc = self.crc.clone().finalize();
        if self.left == 0 && self.packed_left == 0 && crc == self.crc_wanted {
            Ok(Step::End)
        } else {
            Err(self.damaged())
        }
    }

    fn damaged(&self) -> ZipError {
        ZipError::Damaged {
            name: self.name.clone(),
        }
    }
}

/// Everything that a small entry holds, from the bytes of its range.
pub fn read_whole(entry: &Entry, packed: &[u8], bytes_max: u64) -> Result<Vec<u8>, ZipError> {
    if entry.bytes > bytes_max {
        return Err(ZipError::Large);
    }
    let mut reader = EntryReader::new(entry)?;
    reader.push(packed);
    let mut whole = Vec::new();
    loop {
        match reader.chunk()? {
            Chunk::Bytes(bytes) => whole.extend_from_slice(bytes),
            Chunk::End => return Ok(whole),
            Chunk::NeedsMore => return Err(ZipError::CutShort),
        }
    }
}
