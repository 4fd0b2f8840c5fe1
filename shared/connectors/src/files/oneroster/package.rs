//! Which files a package consists of, and what its manifest says about them.

use super::header::Header;
use crate::files::csv::{CsvError, Rows};
use crate::files::row::Next;
use crate::files::words;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// A file of a package that is read, in the order in which they are best read.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    /// Schools and offices.
    Orgs,
    /// School years and their parts.
    AcademicSessions,
    /// Courses.
    Courses,
    /// Classes.
    Classes,
    /// People.
    Users,
    /// What people are where, from 1.2 on.
    Roles,
    /// Who is in which class.
    Enrollments,
}

impl Table {
    const ALL: [Table; 7] = [
        Table::Orgs,
        Table::AcademicSessions,
        Table::Courses,
        Table::Classes,
        Table::Users,
        Table::Roles,
        Table::Enrollments,
    ];

    /// Its name without an extension.
    pub fn name(self) -> &'static str {
        match self {
            Table::AcademicSessions => "academicSessions",
            Table::Classes => "classes",
            Table::Courses => "courses",
            Table::Enrollments => "enrollments",
            Table::Orgs => "orgs",
            Table::Roles => "roles",
            Table::Users => "users",
        }
    }

    fn of(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|table| table.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.csv", self.name())
    }
}

/// What the absence of a row from a file means.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// That it is gone: the file is everything that there is.
    Bulk,
    /// Nothing: the file has only what changed.
    Delta,
}

/// Which specification a package follows. Files are read by the names of their columns, so this is
/// only for people.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub enum Version {
    /// OneRoster 1.0 or 1.1.
    #[serde(rename = "1.1")]
    V1p1,
    /// OneRoster 1.2, or SDS v2.1, which has the same files.
    #[serde(rename = "1.2")]
    V1p2,
}

/// A file of a package.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct PackedFile {
    /// What it holds.
    pub table: Table,
    /// Its path in the zip.
    pub path: String,
    /// What absence from it means.
    pub mode: Mode,
}

/// Something about a package that somebody may want to know.
#[derive(
    Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize, thiserror::Error,
)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Notice {
    /// The manifest says that a file is absent, and it is there.
    #[error("the manifest says that {file} is absent, but it is there, and was read")]
    ThereThoughAbsent {
        /// The file.
        file: String,
    },
    /// There is no manifest.
    #[error("there is no manifest.csv, so every file was taken for a complete list")]
    WithoutManifest,
}

/// Why a package can't be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PackageError {
    /// A file lacks columns.
    #[error("{file} has no column {}", .missing.join(", "))]
    MissingColumns {
        /// The file.
        file: String,
        /// The columns.
        missing: Vec<String>,
    },
    /// The manifest announces a file that is not there.
    #[error("the manifest announces {file}, which is not in the zip: export the package again")]
    MissingFile {
        /// The file.
        file: String,
    },
    /// A file has no header.
    #[error("{file} is empty: not even its header is there")]
    NoHeader {
        /// The file.
        file: String,
    },
    /// There are no people.
    #[error("the zip has no users.csv: send the whole OneRoster package")]
    NoUsers,
    /// A column is there twice.
    #[error("{file} has the column {column} twice")]
    RepeatedColumn {
        /// The file.
        file: String,
        /// The column.
        column: String,
    },
    /// Two files are the same one.
    #[error("the zip holds {file} in two places: pack one package at a time")]
    TwoPackages {
        /// The file.
        file: String,
    },
    /// The manifest can't be read.
    #[error("manifest.csv can't be read: {0}")]
    Manifest(#[from] CsvError),
    /// The manifest has other columns.
    #[error("manifest.csv does not have the columns propertyName and value")]
    ManifestColumns,
}

/// What a package consists of.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Package {
    /// Which specification it follows.
    pub version: Version,
    /// The files that are read, in the order in which they are best read.
    pub files: Vec<PackedFile>,
    /// What somebody may want to know.
    pub notices: Vec<Notice>,
}

impl Package {
    /// The path of the manifest among the names of a zip.
    pub fn manifest_path<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
        names
            .into_iter()
            .find(|path| stem(path).is_some_and(|name| name.eq_ignore_ascii_case("manifest")))
    }

    /// Looks at the names in a zip and at its manifest.
    pub fn survey<'a>(
        names: impl IntoIterator<Item = &'a str>,
        manifest: Option<&[u8]>,
    ) -> Result<Self, PackageError> {
        let mut paths: BTreeMap<Table, &str> = BTreeMap::new();
        for path in names {
            let Some(table) = stem(path).and_then(Table::of) else {
                continue;
            };
            if paths.insert(table, path).is_some() {
                let file = table.to_string();
                return Err(PackageError::TwoPackages { file });
            }
        }
        let mut notices = Vec::new();
        if manifest.is_none() {
            notices.push(Notice::WithoutManifest);
        }
        let said = manifest.map(read_manifest).transpose()?.unwrap_or_default();
        let mut files = Vec::new();
        let mut has_delta = false;
        for table in Table::ALL {
            let file = table.to_string();
            let mode = said.get(&words::key(&format!("file.{}", table.name())));
            let mode = mode.map(|mode| words::key(mode));
            let is_announced = matches!(mode.as_deref(), Some("bulk" | "delta"));
            let is_delta = mode.as_deref() == Some("delta");
            has_delta |= is_delta;
            let Some(path) = paths.get(&table) else {
                if is_announced {
                    return Err(PackageError::MissingFile { file });
                }
                continue;
            };
            if mode.as_deref() == Some("absent") {
                notices.push(Notice::ThereThoughAbsent { file });
            }
            files.push(PackedFile {
                table,
                path: (*path).to_owned(),
                mode: if is_delta { Mode::Delta } else { Mode::Bulk },
            });
        }
        if !has_delta && !paths.contains_key(&Table::Users) {
            return Err(PackageError::NoUsers);
        }
        let version = said.get("onerosterversion");
        let is_1_2 = match version {
            Some(version) => version.starts_with("1.2"),
            None => paths.contains_key(&Table::Roles),
        };
        let version = if is_1_2 { Version::V1p2 } else { Version::V1p1 };
        Ok(Self {
            version,
            files,
            notices,
        })
    }
}

/// The name of a CSV file without its extension, at the top or one folder down.
fn stem(path: &str) -> Option<&str> {
    let mut segments = path.rsplit('/');
    let name = segments.next()?;
    let is_near = segments.count() <= 1;
    let (stem, extension) = name.rsplit_once('.')?;
    (is_near && extension.eq_ignore_ascii_case("csv")).then_some(stem)
}

/// What the manifest says, by the plain names of its properties.
fn read_manifest(bytes: &[u8]) -> Result<BTreeMap<String, String>, PackageError> {
    let mut rows = Rows::default();
    rows.push(bytes);
    rows.finish();
    let mut said = BTreeMap::new();
    let mut columns = None;
    while let Next::Row(row) = rows.next_row()? {
        let Some((property, value)) = columns else {
            let header = Header::parse("manifest.csv", &row.cells)?;
            let found = header.of("propertyName").zip(header.of("value"));
            columns = Some(found.ok_or(PackageError::ManifestColumns)?);
            continue;
        };
        said.insert(
            words::key(row.cell(property)),
            row.cell(value).trim().to_owned(),
        );
    }
    Ok(said)
}
