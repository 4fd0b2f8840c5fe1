//! A file that somebody sent, whatever it is, from its first byte to its last row.
//!
//! [`Upload`] never has the file. It asks for ranges of bytes, none of which crosses a multiple of
//! [`PART_BYTES`] once rows are being read, and gives rows. After any row [`Upload::place`] is
//! where [`Upload::resume`] goes on: a CSV file from that byte, a workbook or a package after
//! unpacking the same sheet or file again up to there.

mod package;
mod stream;
mod text;
mod workbook;

use super::csv::{CsvError, Dialect, Hints};
use super::kind::{Kind, KindError, Sniffed};
use super::oneroster::{Package, PackageError, Table, TableNotice, TableReader, TableTaken};
use super::roster::{SheetReader, Taken};
use super::sheet::{Columns, Content, SheetError};
use super::xlsx::WorkbookError;
use super::zip::{Directory, End, TAIL_BYTES, ZipError};
use super::{csv, text::HEAD_BYTES};
use package::PackageWork;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::ops::Range;
use text::TextWork;
use workbook::WorkbookWork;

/// The size of the parts in which a file is best kept, in bytes.
pub const PART_BYTES: u64 = 256 * 1024;

/// Why a file can't be read, or not any further. Nothing of it should be used then.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// A CSV file can't be read.
    #[error(transparent)]
    Csv(#[from] CsvError),
    /// It is not a file of a kind that is read.
    #[error(transparent)]
    Kind(#[from] KindError),
    /// A OneRoster package can't be read.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// A sheet is not about people, or does not say what is where.
    #[error(transparent)]
    Sheet(#[from] SheetError),
    /// A workbook can't be read.
    #[error(transparent)]
    Workbook(#[from] WorkbookError),
    /// A zip can't be read.
    #[error(transparent)]
    Zip(#[from] ZipError),
}

/// What the sender says about the file.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// What it is called.
    pub file_name: String,
    /// What its rows are, if it is a CSV file or a workbook of one sheet. A role is not needed
    /// where each row names one.
    pub content: Content,
    /// How it is written, if it is a CSV file.
    #[serde(default)]
    pub hints: Hints,
}

/// What comes next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Next {
    /// Exactly these bytes of the file are needed, for [`Upload::give`].
    Bytes(Range<u64>),
    /// Everything was read.
    Done,
    /// A row of a OneRoster package.
    PackageRow(Table, TableTaken),
    /// A row of a sheet or of a CSV file.
    Row(Taken),
    /// A file of a package has ended, and this is to say about it.
    TableEnded(Table, BTreeSet<TableNotice>),
}

/// Where reading goes on: behind a row.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Place(At);

#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum At {
    /// Behind everything.
    Done,
    /// In the sheet of this number among those that are read, behind a row.
    Sheet(usize, u32, SheetReader),
    Start,
    /// In the file of this number among those that are read, behind a row.
    Table(usize, Option<csv::Checkpoint>, TableReader),
    Text(csv::Checkpoint, SheetReader),
}

/// A file on its way.
#[derive(Debug)]
pub struct Upload {
    file_bytes: u64,
    options: Options,
    /// Where a zip is to be entered.
    at: At,
    /// What was asked for last.
    asked: Option<Range<u64>>,
    work: Work,
}

#[derive(Debug)]
enum Work {
    Directory(End),
    Done,
    Head,
    Package(Box<PackageWork>),
    Tail,
    Text(Box<TextWork>),
    Workbook(Box<WorkbookWork>),
}

impl Upload {
    /// Reads a file of this length.
    pub fn new(file_bytes: u64, options: Options) -> Self {
        Self {
            file_bytes,
            options,
            at: At::Start,
            asked: None,
            work: Work::Head,
        }
    }

    /// Reads on behind a row, with the same options as before.
    pub fn resume(file_bytes: u64, options: Options, place: Place) -> Self {
        let (work, at) = match place.0 {
            At::Text(checkpoint, reader) => {
                let work = TextWork::resume(file_bytes, checkpoint, reader);
                (Work::Text(Box::new(work)), At::Start)
            }
            At::Done => (Work::Done, At::Done),
            At::Start => (Work::Head, At::Start),
            at @ (At::Sheet(..) | At::Table(..)) => (Work::Tail, at),
        };
        Self {
            file_bytes,
            options,
            at,
            asked: None,
            work,
        }
    }

    /// What comes next.
    pub fn poll(&mut self) -> Result<Next, Refusal> {
        let next = match &mut self.work {
            Work::Directory(end) => Next::Bytes(end.range.clone()),
            Work::Done => Next::Done,
            Work::Head if self.file_bytes == 0 => return Err(KindError::Empty.into()),
            Work::Head => Next::Bytes(0..self.file_bytes.min(HEAD_BYTES as u64)),
            Work::Package(work) => work.poll()?,
            Work::Tail => {
                let tail = self.file_bytes.saturating_sub(TAIL_BYTES as u64);
                Next::Bytes(tail..self.file_bytes)
            }
            Work::Text(work) => work.poll()?,
            Work::Workbook(work) => work.poll()?,
        };
        self.asked = match &next {
            Next::Bytes(range) => Some(range.clone()),
            Next::Done | Next::PackageRow(..) | Next::Row(_) | Next::TableEnded(..) => None,
        };
        Ok(next)
    }

    /// Takes the bytes that were asked for. Fewer, or those of a file that has become another one,
    /// are refused; bytes that nobody asked for are ignored.
    pub fn give(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let Some(asked) = self.asked.take() else {
            return Ok(());
        };
        if bytes.len() as u64 != asked.end - asked.start {
            return Err(ZipError::CutShort.into());
        }
        match &mut self.work {
            Work::Directory(end) => {
                let directory = Directory::parse(bytes, end)?;
                self.work = self.open(directory)?;
            }
            Work::Done => {}
            Work::Head => {
                self.work = match Sniffed::of(bytes, &self.options.file_name)? {
                    Sniffed::Csv => {
                        let mut work = TextWork::new(self.file_bytes, &self.options);
                        work.give(bytes);
                        Work::Text(Box::new(work))
                    }
                    Sniffed::Zip => Work::Tail,
                };
            }
            Work::Package(work) => work.give(bytes),
            Work::Tail => self.work = Work::Directory(End::find(bytes, self.file_bytes)?),
            Work::Text(work) => work.give(bytes),
            Work::Workbook(work) => work.give(bytes),
        }
        Ok(())
    }

    /// Where reading goes on after the last row that was given.
    pub fn place(&self) -> Place {
        let at = match &self.work {
            Work::Directory(_) | Work::Done | Work::Head | Work::Tail => None,
            Work::Package(work) => Some(work.place()),
            Work::Text(work) => work.place(),
            Work::Workbook(work) => Some(work.place()),
        };
        Place(at.unwrap_or_else(|| self.at.clone()))
    }

    /// What kind of file it is, once that is known.
    pub fn kind(&self) -> Option<Kind> {
        match &self.work {
            Work::Directory(_) | Work::Done | Work::Head | Work::Tail => None,
            Work::Package(_) => Some(Kind::Package),
            Work::Text(_) => Some(Kind::Csv),
            Work::Workbook(_) => Some(Kind::Workbook),
        }
    }

    /// How a CSV file is written, once that is known.
    pub fn dialect(&self) -> Option<Dialect> {
        match &self.work {
            Work::Text(work) => work.dialect(),
            Work::Directory(_)
            | Work::Done
            | Work::Head
            | Work::Package(_)
            | Work::Tail
            | Work::Workbook(_) => None,
        }
    }

    /// What a package consists of, once that is known.
    pub fn package(&self) -> Option<&Package> {
        match &self.work {
            Work::Package(work) => work.package(),
            Work::Directory(_)
            | Work::Done
            | Work::Head
            | Work::Tail
            | Work::Text(_)
            | Work::Workbook(_) => None,
        }
    }

    /// The sheet that is being read; `None` in a file that has none.
    pub fn sheet(&self) -> Option<&str> {
        self.reader().and_then(SheetReader::sheet)
    }

    /// The columns of the sheet that is being read, once its header was there.
    pub fn columns(&self) -> Option<&Columns> {
        self.reader().and_then(SheetReader::columns)
    }

    /// How many bytes of the file and of what was unpacked from it are held, without the texts
    /// that the cells of a workbook share.
    pub fn buffered_bytes(&self) -> usize {
        match &self.work {
            Work::Directory(_) | Work::Done | Work::Head | Work::Tail => 0,
            Work::Package(work) => work.buffered_bytes(),
            Work::Text(work) => work.buffered_bytes(),
            Work::Workbook(work) => work.buffered_bytes(),
        }
    }

    fn reader(&self) -> Option<&SheetReader> {
        match &self.work {
            Work::Text(work) => Some(work.reader()),
            Work::Workbook(work) => work.reader(),
            Work::Directory(_) | Work::Done | Work::Head | Work::Package(_) | Work::Tail => None,
        }
    }

    /// Enters a zip.
    fn open(&mut self, directory: Directory) -> Result<Work, Refusal> {
        let kind = Kind::of_names(directory.entries().iter().map(|entry| entry.name.as_str()))?;
        let at = std::mem::replace(&mut self.at, At::Start);
        Ok(match kind {
            Kind::Csv | Kind::Package => Work::Package(Box::new(PackageWork::new(directory, at)?)),
            Kind::Workbook => {
                let work = WorkbookWork::new(directory, self.options.content, at)?;
                Work::Workbook(Box::new(work))
            }
        })
    }
}
