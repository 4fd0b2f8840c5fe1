//! The directory at the end of a zip (APPNOTE 4.3.12 to 4.3.16).

use super::{
    BYTES_MAX, DIRECTORY_BYTES_MAX, ENTRIES_MAX, NAME_BYTES_MAX, RATIO_FLOOR_BYTES, RATIO_MAX,
    ZipError,
};
use std::collections::BTreeSet;
use std::ops::Range;

/// How many bytes at the end of a file are enough to find the directory: the longest comment, the
/// record before it, and the two that a zip with 64-bit sizes has before that.
pub const TAIL_BYTES: usize = 65_535 + END_BYTES + LOCATOR_BYTES + END64_BYTES;

const END_BYTES: usize = 22;
const LOCATOR_BYTES: usize = 20;
const END64_BYTES: usize = 56;
const HEADER_BYTES: usize = 46;
const LOCAL_HEADER_BYTES: u64 = 30;

/// Where the directory is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct End {
    /// The bytes of the directory within the file.
    pub range: Range<u64>,
    entries: u64,
}

impl End {
    /// Finds the directory from the last bytes of a file of this length: [`TAIL_BYTES`] of them, or
    /// the whole file if it is shorter.
    pub fn find(tail: &[u8], file_bytes: u64) -> Result<Self, ZipError> {
        let at = (0..=tail.len().saturating_sub(END_BYTES))
            .rev()
            .find(|at| is_end(tail, *at))
            .ok_or(ZipError::CutShort)?;
        let record = Bytes(tail.get(at..).unwrap_or_default());
        let (disk, first_disk) = (record.u16(4)?, record.u16(6)?);
        let mut entries = u64::from(record.u16(10)?);
        let mut length = u64::from(record.u32(12)?);
        let mut offset = u64::from(record.u32(16)?);
        let tail_offset = file_bytes.saturating_sub(tail.len() as u64);
        let mut ends_at = tail_offset + at as u64;
        let locator = at.checked_sub(LOCATOR_BYTES).and_then(|at| tail.get(at..));
        if let Some(locator) = locator.filter(|bytes| bytes.starts_with(b"PK\x06\x07")) {
            ends_at = Bytes(locator).u64(8)?;
            let at = ends_at
                .checked_sub(tail_offset)
                .and_then(|at| usize::try_from(at).ok());
            let record = at.and_then(|at| tail.get(at..)).ok_or(ZipError::Broken)?;
            if !record.starts_with(b"PK\x06\x06") {
                return Err(ZipError::Broken);
            }
            let record = Bytes(record);
            (entries, length, offset) = (record.u64(32)?, record.u64(40)?, record.u64(48)?);
        } else if disk != 0 || first_disk != 0 {
            return Err(ZipError::MultiPart);
        }
        if length > DIRECTORY_BYTES_MAX || entries > ENTRIES_MAX as u64 {
            return Err(ZipError::TooMany);
        }
        // A directory anywhere else means that something was put in front of the zip or cut out.
        if offset.checked_add(length) != Some(ends_at) {
            return Err(ZipError::Broken);
        }
        Ok(Self {
            range: offset..ends_at,
            entries,
        })
    }
}

/// True where the last record begins and its comment ends with the file.
fn is_end(tail: &[u8], at: usize) -> bool {
    let record = tail.get(at..).unwrap_or_default();
    let comment = Bytes(record).u16(20).map(usize::from);
    record.starts_with(b"PK\x05\x06")
        && comment.is_ok_and(|bytes| END_BYTES + bytes == record.len())
}

/// How an entry is packed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Method {
    /// Compressed.
    Deflated,
    /// In some way that is not read here.
    Other(u16),
    /// As it is.
    Stored,
}

/// A file in a zip.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// Its path within the zip, with `/` between folders.
    pub name: String,
    /// How it is packed.
    pub method: Method,
    /// Its length, in bytes.
    pub bytes: u64,
    /// Its length in the zip, in bytes.
    pub packed_bytes: u64,
    /// The checksum of what it holds.
    pub crc: u32,
    /// The bytes of the zip to give to an [`EntryReader`](super::EntryReader); it may need fewer.
    pub range: Range<u64>,
}

/// The files in a zip, without folders, `__MACOSX/` and those whose name begins with a dot.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Directory {
    entries: Vec<Entry>,
}

impl Directory {
    /// Reads the bytes of [`End::range`].
    pub fn parse(bytes: &[u8], end: &End) -> Result<Self, ZipError> {
        let mut entries = Vec::new();
        let mut rest = bytes;
        for _ in 0..end.entries {
            let (entry, length) = entry(rest)?;
            rest = rest.get(length..).ok_or(ZipError::Broken)?;
            entries.push(entry);
        }
        limit_sizes(&entries)?;
        limit_ranges(&mut entries, end.range.start)?;
        entries.retain(|entry| !is_passed_over(&entry.name));
        let mut names = BTreeSet::new();
        for entry in &entries {
            if !names.insert(entry.name.to_lowercase()) {
                let name = entry.name.clone();
                return Err(ZipError::Duplicate { name });
            }
        }
        Ok(Self { entries })
    }

    /// The files, in the order in which they are packed.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The file of this path, in whatever case.
    pub fn find(&self, name: &str) -> Option<&Entry> {
        (self.entries.iter()).find(|entry| entry.name.eq_ignore_ascii_case(name))
    }
}

fn entry(bytes: &[u8]) -> Result<(Entry, usize), ZipError> {
    if !bytes.starts_with(b"PK\x01\x02") {
        return Err(ZipError::Broken);
    }
    let header = Bytes(bytes);
    let name_bytes = usize::from(header.u16(28)?);
    let extra_bytes = usize::from(header.u16(30)?);
    let comment_bytes = usize::from(header.u16(32)?);
    let name = bytes
        .get(HEADER_BYTES..HEADER_BYTES + name_bytes)
        .ok_or(ZipError::Broken)?;
    let extra_at = HEADER_BYTES + name_bytes;
    let extra = bytes
        .get(extra_at..extra_at + extra_bytes)
        .ok_or(ZipError::Broken)?;
    let mut wide = Bytes(wide_sizes(extra));
    let mut size = |at: usize| match header.u32(at)? {
        u32::MAX => wide.take_u64(),
        size => Ok(u64::from(size)),
    };
    let (bytes, packed_bytes, offset) = (size(24)?, size(20)?, size(42)?);
    let name = name_of(name)?;
    if header.u16(8)? & 1 != 0 && !is_passed_over(&name) {
        return Err(ZipError::Encrypted);
    }
    let entry = Entry {
        name,
        method: match header.u16(10)? {
            0 => Method::Stored,
            8 => Method::Deflated,
            other => Method::Other(other),
        },
        bytes,
        packed_bytes,
        crc: header.u32(16)?,
        range: offset..u64::MAX,
    };
    Ok((entry, extra_at + extra_bytes + comment_bytes))
}

/// The sizes that did not fit into 32 bits (APPNOTE 4.5.3).
fn wide_sizes(mut extra: &[u8]) -> &[u8] {
    while let (Ok(kind), Ok(length)) = (Bytes(extra).u16(0), Bytes(extra).u16(2)) {
        let end = 4 + usize::from(length);
        if kind == 1 {
            return extra.get(4..end).unwrap_or_default();
        }
        extra = extra.get(end..).unwrap_or_default();
    }
    &[]
}

/// The name with `/` between folders, whoever packed it.
fn name_of(bytes: &[u8]) -> Result<String, ZipError> {
    let name = String::from_utf8_lossy(bytes).replace('\\', "/");
    let leads_out = name.split('/').any(|segment| segment == "..");
    let has_drive = name.get(1..2) == Some(":");
    let is_bad = name.is_empty() || name.starts_with('/') || name.contains('\0');
    if leads_out || has_drive || is_bad || name.len() > NAME_BYTES_MAX {
        return Err(ZipError::Path);
    }
    Ok(name)
}

/// True for folders and for what Macs add.
fn is_passed_over(name: &str) -> bool {
    let is_hidden = |segment: &str| segment.starts_with('.') || segment == "__MACOSX";
    // A workbook has `_rels/.rels`, which nobody needs.
    name.ends_with('/') || name.split('/').any(is_hidden)
}

fn limit_sizes(entries: &[Entry]) -> Result<(), ZipError> {
    let mut total = 0_u64;
    for entry in entries {
        total = total.saturating_add(entry.bytes);
        let is_bomb =
            entry.bytes > RATIO_FLOOR_BYTES && entry.bytes / RATIO_MAX > entry.packed_bytes;
        if is_bomb || total > BYTES_MAX {
            return Err(ZipError::Large);
        }
    }
    Ok(())
}

/// Each entry ends before the next one begins: entries that share bytes are how a small zip holds
/// a large one many times.
fn limit_ranges(entries: &mut [Entry], directory_at: u64) -> Result<(), ZipError> {
    entries.sort_by_key(|entry| entry.range.start);
    let mut end = directory_at;
    for entry in entries.iter_mut().rev() {
        let least = entry.packed_bytes.saturating_add(LOCAL_HEADER_BYTES);
        entry.range.end = end;
        if entry.range.start.saturating_add(least) > end {
            return Err(ZipError::Broken);
        }
        end = entry.range.start;
    }
    Ok(())
}

/// Numbers at places.
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl Bytes<'_> {
    pub(super) fn u16(&self, at: usize) -> Result<u16, ZipError> {
        self.array(at).map(u16::from_le_bytes)
    }

    pub(super) fn u32(&self, at: usize) -> Result<u32, ZipError> {
        self.array(at).map(u32::from_le_bytes)
    }

    pub(super) fn u64(&self, at: usize) -> Result<u64, ZipError> {
        self.array(at).map(u64::from_le_bytes)
    }

    fn take_u64(&mut self) -> Result<u64, ZipError> {
        let number = self.u64(0)?;
        self.0 = self.0.get(8..).unwrap_or_default();
        Ok(number)
    }

    fn array<const N: usize>(&self, at: usize) -> Result<[u8; N], ZipError> {
        let bytes = self.0.get(at..).and_then(|bytes| bytes.first_chunk());
        bytes.copied().ok_or(ZipError::Broken)
    }
}
