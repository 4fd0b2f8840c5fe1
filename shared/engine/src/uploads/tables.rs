//! What is read of a file: the file itself, the sheets of a workbook, the files of a package.

use super::bytes::{BytesError, Sent};
use super::receiving::UploadError;
use crate::ports::Store;
use connectors::files::csv::{Checkpoint, CsvError, Hints, Rows};
use connectors::files::kind::Kind;
use connectors::files::oneroster::{Notice, Package, PackageError, PackedFile};
use connectors::files::row::{Next, Row};
use connectors::files::sheet::{Content, SheetError, choose};
use connectors::files::xlsx::{
    Outline, PART_BYTES_MAX, RELATIONS_PART, SharedStrings, SheetRows, Styles, WORKBOOK_PART,
    WorkbookError,
};
use connectors::files::zip::{Chunk, Directory, End, Entry, EntryReader, TAIL_BYTES, ZipError};
use mapping::account::Role;
use serde::{Deserialize, Serialize};

/// Why a file can't be read. Each is a sentence for the person who sent it.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error(transparent)]
    Bytes(#[from] BytesError),
    #[error(transparent)]
    Csv(#[from] CsvError),
    #[error(transparent)]
    Package(#[from] PackageError),
    #[error(transparent)]
    Sheet(#[from] SheetError),
    #[error(transparent)]
    Workbook(#[from] WorkbookError),
    #[error(transparent)]
    Zip(#[from] ZipError),
    #[error("the file changed while it was read: send it again")]
    Changed,
    #[error("the file names more than {max} schools: check the column School")]
    Schools { max: usize },
}

/// One table of a file.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Table {
    /// The file itself.
    File(Content),
    /// A file of a package.
    Packed(PackedFile),
    /// A sheet of a workbook.
    Sheet {
        /// Its name.
        name: String,
        /// Its place among the sheets.
        index: usize,
        /// What its rows are.
        content: Content,
    },
}

/// The tables of a file, and what is to be said about it as a whole.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub(super) struct Tables {
    pub(super) list: Vec<Table>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) notices: Vec<Notice>,
}

/// Where reading of a table goes on.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Place {
    /// Behind this place of a CSV file.
    Csv(Checkpoint),
    /// Behind this row of a sheet.
    Row(u32),
}

/// What a zip is, by the names in it.
pub(super) async fn kind_of_zip<S: Store>(sent: &mut Sent<'_, S>) -> Result<Kind, UploadError> {
    let directory = directory(sent).await.map_err(|error| match error {
        ReadError::Bytes(error) => UploadError::Bytes(error),
        other => UploadError::Unreadable(other.to_string()),
    })?;
    let names = directory.entries().iter().map(|entry| entry.name.as_str());
    Ok(Kind::of_names(names)?)
}

/// Finds out what is to be read.
pub(super) async fn survey<S: Store>(
    sent: &mut Sent<'_, S>,
    kind: Kind,
    role: Option<Role>,
) -> Result<Tables, ReadError> {
    match kind {
        Kind::Csv => Ok(Tables {
            list: vec![Table::File(Content::People(role))],
            notices: Vec::new(),
        }),
        Kind::Workbook => {
            let directory = directory(sent).await?;
            let outline = outline(sent, &directory).await?;
            let sheets = outline.sheets.iter();
            let names = sheets.map(|sheet| (sheet.name.as_str(), sheet.is_visible));
            let list = choose(names, role)?.into_iter();
            let table = |(index, content): (usize, Content)| {
                let sheet = outline.sheets.get(index)?;
                Some(Table::Sheet {
                    name: sheet.name.clone(),
                    index,
                    content,
                })
            };
            Ok(Tables {
                list: list.filter_map(table).collect(),
                notices: Vec::new(),
            })
        }
        Kind::Package => {
            let directory = directory(sent).await?;
            let names = || directory.entries().iter().map(|entry| entry.name.as_str());
            let manifest = match Package::manifest_path(names()) {
                Some(path) => Some(whole(sent, entry(&directory, path)?).await?),
                None => None,
            };
            let package = Package::survey(names(), manifest.as_deref())?;
            Ok(Tables {
                list: package.files.into_iter().map(Table::Packed).collect(),
                notices: package.notices,
            })
        }
    }
}

/// What is needed beside its own bytes to read a table.
#[derive(Default)]
pub(super) struct Beside {
    outline: Outline,
    strings: SharedStrings,
    styles: Styles,
    entry: Option<Entry>,
}

impl Beside {
    /// Gathers it for one table.
    pub(super) async fn of<S: Store>(
        sent: &mut Sent<'_, S>,
        table: &Table,
    ) -> Result<Self, ReadError> {
        match table {
            Table::File(_) => Ok(Self::default()),
            Table::Packed(file) => {
                let directory = directory(sent).await?;
                Ok(Self {
                    entry: Some(entry(&directory, &file.path)?.clone()),
                    ..Self::default()
                })
            }
            Table::Sheet { index, .. } => {
                let directory = directory(sent).await?;
                let outline = outline(sent, &directory).await?;
                let sheet = outline.sheets.get(*index).ok_or(ReadError::Changed)?;
                let part = entry(&directory, &sheet.part)?.clone();
                let styles = match outline.styles_part.as_deref() {
                    Some(path) => match directory.find(path) {
                        Some(entry) => Styles::parse(&whole(sent, entry).await?)?,
                        None => Styles::default(),
                    },
                    None => Styles::default(),
                };
                let strings = match outline.strings_part.as_deref() {
                    Some(path) => match directory.find(path) {
                        Some(entry) => shared_strings(sent, entry).await?,
                        None => SharedStrings::default(),
                    },
                    None => SharedStrings::default(),
                };
                Ok(Self {
                    outline,
                    strings,
                    styles,
                    entry: Some(part),
                })
            }
        }
    }
}

/// The rows of one table, wherever they come from.
pub(super) struct TableRows<'a> {
    rows: AnyRows<'a>,
    from: From,
}

enum AnyRows<'a> {
    Csv(Box<Rows>),
    Sheet(Box<SheetRows<'a>>),
}

/// Where the bytes come from.
enum From {
    /// An entry of a zip: how far its packed bytes were taken, where they end, and how many of its
    /// own bytes are to be passed over, since they were read before.
    Entry {
        reader: Box<EntryReader>,
        at: u64,
        end: u64,
        skip: u64,
    },
    /// The file itself.
    File { at: u64 },
}

impl<'a> TableRows<'a> {
    /// Opens a table where reading stopped, or at its beginning.
    pub(super) fn open(
        beside: &'a Beside,
        table: &Table,
        hints: Hints,
        place: Option<Place>,
    ) -> Result<Self, ReadError> {
        let csv = |hints: Hints| match place {
            Some(Place::Csv(checkpoint)) => (Rows::resume(checkpoint), checkpoint.offset),
            Some(Place::Row(_)) | None => (Rows::new(hints), 0),
        };
        let (rows, skip) = match table {
            Table::File(_) => {
                let (rows, at) = csv(hints);
                return Ok(Self {
                    rows: AnyRows::Csv(Box::new(rows)),
                    from: From::File { at },
                });
            }
            Table::Packed(_) => {
                let (rows, skip) = csv(Hints::default());
                (AnyRows::Csv(Box::new(rows)), skip)
            }
            Table::Sheet { .. } => {
                let rows = SheetRows::new(&beside.outline, &beside.strings, &beside.styles);
                let rows = match place {
                    Some(Place::Row(line)) => rows.after(line),
                    Some(Place::Csv(_)) | None => rows,
                };
                (AnyRows::Sheet(Box::new(rows)), 0)
            }
        };
        let entry = beside.entry.as_ref().ok_or(ReadError::Changed)?;
        Ok(Self {
            rows,
            from: From::Entry {
                reader: Box::new(EntryReader::new(entry)?),
                at: entry.range.start,
                end: entry.range.end,
                skip,
            },
        })
    }

    /// The next row that is not blank; `None` at the end.
    pub(super) async fn next<S: Store>(
        &mut self,
        sent: &mut Sent<'_, S>,
    ) -> Result<Option<Row>, ReadError> {
        loop {
            let next = match &mut self.rows {
                AnyRows::Csv(rows) => rows.next_row()?,
                AnyRows::Sheet(rows) => rows.next_row()?,
            };
            match next {
                Next::End => return Ok(None),
                Next::Row(row) => return Ok(Some(row)),
                Next::NeedsMore => self.feed(sent).await?,
            }
        }
    }

    /// Where reading can go on behind the row that was given last.
    pub(super) fn place(&self, line: u32) -> Option<Place> {
        match &self.rows {
            AnyRows::Csv(rows) => rows.checkpoint().map(Place::Csv),
            AnyRows::Sheet(_) => Some(Place::Row(line)),
        }
    }

    async fn feed<S: Store>(&mut self, sent: &mut Sent<'_, S>) -> Result<(), ReadError> {
        match &mut self.from {
            From::File { at } => {
                let chunk = sent.chunk(*at).await?;
                *at += chunk.len() as u64;
                give(&mut self.rows, chunk);
                Ok(())
            }
            From::Entry {
                reader,
                at,
                end,
                skip,
            } => loop {
                match reader.chunk()? {
                    Chunk::Bytes(bytes) => {
                        let passed = usize::try_from(*skip).unwrap_or(usize::MAX).min(bytes.len());
                        *skip -= passed as u64;
                        let rest = bytes.get(passed..).unwrap_or_default();
                        if !rest.is_empty() {
                            give(&mut self.rows, rest);
                            return Ok(());
                        }
                    }
                    Chunk::End => {
                        give(&mut self.rows, &[]);
                        return Ok(());
                    }
                    Chunk::NeedsMore => push_packed(sent, reader, at, *end).await?,
                }
            },
        }
    }
}

/// Gives bytes to rows; none says that there are no more.
fn give(rows: &mut AnyRows<'_>, bytes: &[u8]) {
    match rows {
        AnyRows::Csv(rows) if bytes.is_empty() => rows.finish(),
        AnyRows::Csv(rows) => rows.push(bytes),
        AnyRows::Sheet(rows) if bytes.is_empty() => rows.finish(),
        AnyRows::Sheet(rows) => rows.push(bytes),
    }
}

async fn directory<S: Store>(sent: &mut Sent<'_, S>) -> Result<Directory, ReadError> {
    let bytes = sent.len();
    let tail = sent
        .range(bytes.saturating_sub(TAIL_BYTES as u64)..bytes)
        .await?;
    let end = End::find(&tail, bytes)?;
    let listed = sent.range(end.range.clone()).await?;
    Ok(Directory::parse(&listed, &end)?)
}

async fn outline<S: Store>(
    sent: &mut Sent<'_, S>,
    directory: &Directory,
) -> Result<Outline, ReadError> {
    let workbook = whole(sent, entry(directory, WORKBOOK_PART)?).await?;
    let relations = whole(sent, entry(directory, RELATIONS_PART)?).await?;
    Ok(Outline::parse(&workbook, &relations)?)
}

async fn shared_strings<S: Store>(
    sent: &mut Sent<'_, S>,
    entry: &Entry,
) -> Result<SharedStrings, ReadError> {
    let mut strings = SharedStrings::new();
    each_chunk(sent, entry, |bytes| Ok(strings.push(bytes)?)).await?;
    strings.finish()?;
    Ok(strings)
}

/// An entry, whole: for parts that are small.
async fn whole<S: Store>(sent: &mut Sent<'_, S>, entry: &Entry) -> Result<Vec<u8>, ReadError> {
    let mut all = Vec::new();
    each_chunk(sent, entry, |bytes| {
        if all.len() as u64 + bytes.len() as u64 > PART_BYTES_MAX {
            return Err(ZipError::Large.into());
        }
        all.extend_from_slice(bytes);
        Ok(())
    })
    .await?;
    Ok(all)
}

async fn each_chunk<S: Store>(
    sent: &mut Sent<'_, S>,
    entry: &Entry,
    mut take: impl FnMut(&[u8]) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let mut reader = EntryReader::new(entry)?;
    let mut at = entry.range.start;
    loop {
        match reader.chunk()? {
            Chunk::Bytes(bytes) => take(bytes)?,
            Chunk::End => return Ok(()),
            Chunk::NeedsMore => push_packed(sent, &mut reader, &mut at, entry.range.end).await?,
        }
    }
}

/// Takes more of the zip for an entry.
async fn push_packed<S: Store>(
    sent: &mut Sent<'_, S>,
    reader: &mut EntryReader,
    at: &mut u64,
    end: u64,
) -> Result<(), ReadError> {
    let chunk = sent.chunk(*at).await?;
    let left = usize::try_from(end.saturating_sub(*at)).unwrap_or(usize::MAX);
    let packed = chunk.get(..left.min(chunk.len())).unwrap_or_default();
    if packed.is_empty() {
        return Err(ZipError::CutShort.into());
    }
    *at += packed.len() as u64;
    reader.push(packed);
    Ok(())
}

fn entry<'a>(directory: &'a Directory, path: &str) -> Result<&'a Entry, ReadError> {
    directory.find(path).ok_or(ReadError::Zip(ZipError::Broken))
}
