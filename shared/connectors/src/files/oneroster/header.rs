//! The columns of a file, by name: neither their order nor their case nor the mistakes that are
//! known matter (PROVIDERS F8).

use super::PackageError;
use crate::files::words;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Other names of columns, plain: mistakes that were seen, and what SDS calls the same thing.
const ALIASES: [(&str, &str); 6] = [
    ("datalastmodified", "datelastmodified"),
    ("prefferedgivenname", "preferredgivenname"),
    ("prefferedfamilyname", "preferredfamilyname"),
    ("grade", "grades"),
    ("sessionsourcedids", "termsourcedids"),
    ("isprimary", "primary"),
];

/// The columns of a file.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(super) struct Header(BTreeMap<String, usize>);

impl Header {
    pub(super) fn parse(file: &str, cells: &[String]) -> Result<Self, PackageError> {
        let mut columns = BTreeMap::new();
        for (column, cell) in cells.iter().enumerate() {
            let name = plain(cell);
            // Extension columns are never read.
            if name.is_empty() || name.starts_with("metadata") {
                continue;
            }
            if columns.insert(name.clone(), column).is_some() {
                return Err(PackageError::RepeatedColumn {
                    file: file.to_owned(),
                    column: name,
                });
            }
        }
        Ok(Self(columns))
    }

    /// The column of this name.
    pub(super) fn of(&self, name: &str) -> Option<usize> {
        self.0.get(&plain(name)).copied()
    }
}

fn plain(name: &str) -> String {
    let key = words::key(name);
    let alias = ALIASES.iter().find(|(alias, _)| *alias == key);
    alias.map_or(key, |(_, name)| (*name).to_owned())
}
