//! Changes of the records, as a student information system makes them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Dataset, IdStyle, Kind, Record, Row, Table};

/// A change.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Change {
    /// Counts the revision up without a change of records.
    BumpRevision,
    /// Changes fields of a record, which have the names of [`Record`].
    Edit {
        /// The kind.
        kind: Kind,
        /// The id.
        sourced_id: String,
        /// The new values.
        fields: Map<String, Value>,
    },
    /// Removes every record.
    Empty,
    /// Marks a record as deleted; of a user or class the enrollments too.
    MarkDeleted {
        /// The kind.
        kind: Kind,
        /// The id.
        sourced_id: String,
    },
    /// Removes what is marked as deleted.
    Purge,
    /// Adds a record or puts it in the place of the one with its id.
    Put {
        /// The id.
        sourced_id: String,
        /// The record.
        record: Box<Record>,
        /// Whether a new one comes before all others, so that the rest moves down.
        #[serde(default)]
        first: bool,
    },
    /// Gives every record another id.
    RegenerateIds {
        /// What the new ones look like.
        #[serde(default)]
        style: IdStyle,
    },
    /// Removes a record; of a user or class the enrollments too.
    Remove {
        /// The kind.
        kind: Kind,
        /// The id.
        sourced_id: String,
    },
    /// Takes the mark of a deleted record away.
    Restore {
        /// The kind.
        kind: Kind,
        /// The id.
        sourced_id: String,
    },
}

/// What a change did.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Changed {
    /// How many records it touched.
    pub records: usize,
    /// The revision after it.
    pub revision: u64,
}

/// Why a change is refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ChangeRefused {
    /// The record can't have these fields.
    #[error("the fields don't fit: {0}")]
    Fields(String),
    /// There is no such record.
    #[error("there is no {0:?} {1}")]
    Unknown(Kind, String),
}

impl Dataset {
    /// Applies a change.
    pub(in super::super) fn change(
        &mut self,
        change: &Change,
        now_ms: i64,
    ) -> Result<Changed, ChangeRefused> {
        let records = match change {
            Change::BumpRevision => 0,
            Change::Edit {
                kind,
                sourced_id,
                fields,
            } => {
                self.edit(*kind, sourced_id, fields, now_ms)?;
                1
            }
            Change::Empty => {
                let count = Kind::ALL.iter().map(|kind| self.count(*kind)).sum();
                self.tables.clear();
                count
            }
            Change::MarkDeleted { kind, sourced_id } => {
                self.mark(*kind, sourced_id, true, now_ms)?
            }
            Change::Purge => self
                .tables
                .values_mut()
                .map(|table| table.retain(|row| !row.is_deleted))
                .sum(),
            Change::Put {
                sourced_id,
                record,
                first,
            } => {
                let row = Row::new(sourced_id.clone(), now_ms, (**record).clone());
                self.put(row, *first);
                1
            }
            Change::RegenerateIds { style } => self.regenerate(*style, now_ms),
            Change::Remove { kind, sourced_id } => self.remove(*kind, sourced_id)?,
            Change::Restore { kind, sourced_id } => self.mark(*kind, sourced_id, false, now_ms)?,
        };
        self.enrollments.take();
        self.revision += 1;
        Ok(Changed {
            records,
            revision: self.revision,
        })
    }

    fn edit(
        &mut self,
        kind: Kind,
        id: &str,
        fields: &Map<String, Value>,
        now_ms: i64,
    ) -> Result<(), ChangeRefused> {
        let row = self.known(kind, id)?;
        let refuse = |error: serde_json::Error| ChangeRefused::Fields(error.to_string());
        let mut value = serde_json::to_value(&row.record).map_err(refuse)?;
        if let Value::Object(known) = &mut value {
            known.extend(fields.clone());
        }
        let record: Record = serde_json::from_value(value).map_err(refuse)?;
        if record.kind() != kind {
            return Err(ChangeRefused::Fields("another kind".to_owned()));
        }
        row.record = record;
        row.modified_ms = now_ms;
        row.forget_fragments();
        Ok(())
    }

    fn mark(
        &mut self,
        kind: Kind,
        id: &str,
        is_deleted: bool,
        now_ms: i64,
    ) -> Result<usize, ChangeRefused> {
        self.known(kind, id)?;
        let mut count = 0;
        for (kind, id) in self.with_enrollments(kind, id) {
            let row = self.known(kind, &id)?;
            row.is_deleted = is_deleted;
            row.modified_ms = now_ms;
            row.forget_fragments();
            count += 1;
        }
        Ok(count)
    }

    fn remove(&mut self, kind: Kind, id: &str) -> Result<usize, ChangeRefused> {
        self.known(kind, id)?;
        let doomed = self.with_enrollments(kind, id);
        for (kind, id) in &doomed {
            if let Some(table) = self.tables.get_mut(kind) {
                table.remove(id);
            }
        }
        Ok(doomed.len())
    }

    fn known(&mut self, kind: Kind, id: &str) -> Result<&mut Row, ChangeRefused> {
        let table = self.tables.get_mut(&kind);
        table
            .and_then(|table| table.get_mut(id))
            .ok_or_else(|| ChangeRefused::Unknown(kind, id.to_owned()))
    }

    fn with_enrollments(&self, kind: Kind, id: &str) -> Vec<(Kind, String)> {
        let enrollments: Vec<&Row> = match kind {
            Kind::Class => self.enrollments_in(id).collect(),
            Kind::User => self.enrollments_of(id).collect(),
            Kind::AcademicSession | Kind::Course | Kind::Enrollment | Kind::Org => Vec::new(),
        };
        let enrollments = enrollments.into_iter();
        [(kind, id.to_owned())]
            .into_iter()
            .chain(enrollments.map(|row| (Kind::Enrollment, row.sourced_id.clone())))
            .collect()
    }

    fn regenerate(&mut self, style: IdStyle, now_ms: i64) -> usize {
        self.generation += 1;
        let new_id = {
            let generation = self.generation;
            move |kind, id: &str| style.of(kind, id, generation)
        };
        let mut count = 0;
        let mut tables: BTreeMap<Kind, Table> = BTreeMap::new();
        for (kind, table) in std::mem::take(&mut self.tables) {
            let to = tables.entry(kind).or_default();
            for (_, mut row) in table.rows {
                row.sourced_id = new_id(kind, &row.sourced_id);
                for (kind, id) in row.record.references() {
                    *id = new_id(kind, id);
                }
                row.modified_ms = now_ms;
                row.forget_fragments();
                to.put(row, false);
                count += 1;
            }
        }
        self.tables = tables;
        count
    }
}
