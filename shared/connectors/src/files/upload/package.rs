//! A OneRoster package, file by file.

use super::stream::{Pulled, Stream};
use super::{At, Next, Refusal};
use crate::files::csv::{Checkpoint, Rows};
use crate::files::oneroster::{Package, TableReader};
use crate::files::row;
use crate::files::zip::{Directory, ZipError};

/// Largest manifest, in bytes.
const MANIFEST_BYTES_MAX: usize = 256 * 1024;

/// A package on its way.
#[derive(Debug)]
pub(super) struct PackageWork {
    directory: Directory,
    at: At,
    /// The manifest, if it is being read.
    manifest: Option<(Stream, Vec<u8>)>,
    package: Option<Package>,
    file: Option<File>,
    is_done: bool,
}

/// The file that is being read.
#[derive(Debug)]
struct File {
    /// Its place among those that are read.
    number: usize,
    stream: Stream,
    rows: Rows,
    reader: TableReader,
    /// Bytes of it that were read before.
    skipped: u64,
    /// Where the rows went on when reading was resumed.
    resumed: Option<Checkpoint>,
}

impl PackageWork {
    pub(super) fn new(directory: Directory, at: At) -> Result<Self, Refusal> {
        let names = directory.entries().iter().map(|entry| entry.name.as_str());
        let path = Package::manifest_path(names);
        let entry = path.and_then(|path| directory.find(path));
        let stream = entry.map(Stream::new).transpose()?;
        Ok(Self {
            manifest: stream.map(|stream| (stream, Vec::new())),
            directory,
            at,
            package: None,
            file: None,
            is_done: false,
        })
    }

    pub(super) fn poll(&mut self) -> Result<Next, Refusal> {
        loop {
            if self.is_done {
                return Ok(Next::Done);
            }
            let Some(file) = &mut self.file else {
                if let Some(next) = self.survey()? {
                    return Ok(next);
                }
                continue;
            };
            match file.rows.next_row()? {
                row::Next::Row(row) => {
                    let taken = file.reader.read(&row)?;
                    return Ok(Next::PackageRow(file.reader.table(), taken));
                }
                row::Next::NeedsMore => {
                    if let Some(range) = file.pull()? {
                        return Ok(Next::Bytes(range));
                    }
                }
                row::Next::End => {
                    let notices = file.reader.finish()?.clone();
                    let table = file.reader.table();
                    let next = file.number + 1;
                    self.begin_file(next, At::Start)?;
                    return Ok(Next::TableEnded(table, notices));
                }
            }
        }
    }

    pub(super) fn give(&mut self, bytes: &[u8]) {
        match (&mut self.file, &mut self.manifest) {
            (Some(file), _) => file.stream.give(bytes),
            (None, Some((stream, _))) => stream.give(bytes),
            (None, None) => {}
        }
    }

    pub(super) fn place(&self) -> At {
        match &self.file {
            Some(file) => {
                let checkpoint = file.rows.checkpoint().or(file.resumed);
                At::Table(file.number, checkpoint, file.reader.clone())
            }
            None if self.is_done => At::Done,
            None => self.at.clone(),
        }
    }

    pub(super) fn package(&self) -> Option<&Package> {
        self.package.as_ref()
    }

    pub(super) fn buffered_bytes(&self) -> usize {
        let file = (self.file.as_ref()).map_or(0, |file| {
            file.stream.buffered_bytes() + file.rows.buffered_bytes()
        });
        let manifest = (self.manifest.as_ref())
            .map_or(0, |(stream, bytes)| stream.buffered_bytes() + bytes.len());
        file + manifest
    }

    /// Reads the manifest, and then enters the first file.
    fn survey(&mut self) -> Result<Option<Next>, Refusal> {
        if let Some((stream, whole)) = &mut self.manifest {
            match stream.pull()? {
                Pulled::Ask(range) => return Ok(Some(Next::Bytes(range))),
                Pulled::Bytes(bytes) => {
                    whole.extend_from_slice(bytes);
                    if whole.len() > MANIFEST_BYTES_MAX {
                        return Err(ZipError::Large.into());
                    }
                    return Ok(None);
                }
                Pulled::End => {}
            }
        }
        let manifest = self.manifest.take().map(|(_, bytes)| bytes);
        let names = self
            .directory
            .entries()
            .iter()
            .map(|entry| entry.name.as_str());
        self.package = Some(Package::survey(names, manifest.as_deref())?);
        let at = std::mem::replace(&mut self.at, At::Start);
        let number = match &at {
            At::Table(number, ..) => *number,
            At::Done | At::Sheet(..) | At::Start | At::Text(..) => 0,
        };
        self.begin_file(number, at)?;
        Ok(None)
    }

    /// Enters the file of this number, if there is one.
    fn begin_file(&mut self, number: usize, at: At) -> Result<(), Refusal> {
        let packed = self
            .package
            .as_ref()
            .and_then(|package| package.files.get(number));
        let Some(packed) = packed else {
            self.file = None;
            self.is_done = true;
            return Ok(());
        };
        let entry = self.directory.find(&packed.path).ok_or(ZipError::Broken)?;
        let new = TableReader::new(packed.table, packed.mode);
        let (rows, reader, resumed) = match at {
            At::Table(_, Some(checkpoint), reader) => {
                (Rows::resume(checkpoint), reader, Some(checkpoint))
            }
            At::Sheet(..) | At::Done | At::Start | At::Table(..) | At::Text(..) => {
                (Rows::default(), new, None)
            }
        };
        self.file = Some(File {
            number,
            stream: Stream::new(entry)?,
            rows,
            reader,
            skipped: resumed.map_or(0, |checkpoint| checkpoint.offset),
            resumed,
        });
        Ok(())
    }
}

impl File {
    /// Moves bytes from the zip to the rows, or says which bytes of the zip are needed.
    fn pull(&mut self) -> Result<Option<std::ops::Range<u64>>, Refusal> {
        match self.stream.pull()? {
            Pulled::Ask(range) => return Ok(Some(range)),
            Pulled::Bytes(bytes) => {
                let skipped = self.skipped.min(bytes.len() as u64);
                self.skipped -= skipped;
                let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
                self.rows.push(bytes.get(skipped..).unwrap_or_default());
            }
            Pulled::End => self.rows.finish(),
        }
        Ok(None)
    }
}
