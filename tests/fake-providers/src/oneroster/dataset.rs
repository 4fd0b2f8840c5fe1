//! What the server knows: one set of records, whatever version shows them.

mod build;
mod change;
mod ids;
mod record;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::render::View;

pub use change::{Change, ChangeRefused, Changed};
pub use ids::IdStyle;
pub use record::{
    AcademicSession, Class, Course, Demographics, Enrollment, Kind, Org, Record, Role, SessionType,
    User,
};

/// How many ways there are to write a record: one for each [`View`], and the demographics.
const FRAGMENTS: usize = View::COUNT + 1;

/// A record and what is known about it.
#[derive(Debug)]
pub struct Row {
    /// Its id, unique among those of its kind.
    pub sourced_id: String,
    /// Whether it is marked as deleted.
    pub is_deleted: bool,
    /// When it was last changed, in milliseconds since 1970.
    pub modified_ms: i64,
    /// What it says.
    pub record: Record,
    /// The record as written, kept until something changes.
    fragments: [OnceLock<Box<str>>; FRAGMENTS],
}

impl Row {
    fn new(sourced_id: String, modified_ms: i64, record: Record) -> Self {
        Self {
            sourced_id,
            is_deleted: false,
            modified_ms,
            record,
            fragments: Default::default(),
        }
    }

    /// The class, if it is one.
    pub fn class(&self) -> Option<&Class> {
        if let Record::Class(class) = &self.record {
            return Some(class);
        }
        None
    }

    /// The enrollment, if it is one.
    pub fn enrollment(&self) -> Option<&Enrollment> {
        if let Record::Enrollment(enrollment) = &self.record {
            return Some(enrollment);
        }
        None
    }

    /// The user, if it is one.
    pub fn user(&self) -> Option<&User> {
        if let Record::User(user) = &self.record {
            return Some(user);
        }
        None
    }

    /// The record as written for a view, or its demographics.
    pub(super) fn fragment(
        &self,
        view: Option<View>,
        write: impl FnOnce() -> String,
    ) -> Option<&str> {
        let slot = view.map_or(View::COUNT, View::number);
        let fragment = self.fragments.get(slot)?;
        Some(fragment.get_or_init(|| write().into_boxed_str()))
    }

    fn forget_fragments(&mut self) {
        self.fragments = Default::default();
    }
}

/// The records of one kind, in the order in which they come when nobody asks for another.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: BTreeMap<i64, Row>,
    places: BTreeMap<String, i64>,
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.values()
    }

    /// The rows by id.
    pub(super) fn by_id(&self) -> impl DoubleEndedIterator<Item = &Row> {
        self.places
            .values()
            .filter_map(|place| self.rows.get(place))
    }

    pub(super) fn get(&self, id: &str) -> Option<&Row> {
        self.rows.get(self.places.get(id)?)
    }

    fn get_mut(&mut self, id: &str) -> Option<&mut Row> {
        self.rows.get_mut(self.places.get(id)?)
    }

    /// Puts a row in the place of the one with its id, or at the end, or before all others.
    fn put(&mut self, row: Row, first: bool) {
        let known = self.places.get(&row.sourced_id).copied();
        let next_to = |end: Option<(&i64, &Row)>, by: i64| end.map_or(0, |(place, _)| place + by);
        let place = known.unwrap_or_else(|| {
            if first {
                next_to(self.rows.first_key_value(), -1)
            } else {
                next_to(self.rows.last_key_value(), 1)
            }
        });
        self.places.insert(row.sourced_id.clone(), place);
        self.rows.insert(place, row);
    }

    fn remove(&mut self, id: &str) -> Option<Row> {
        self.rows.remove(&self.places.remove(id)?)
    }

    /// Keeps some rows and gives how many are gone.
    fn retain(&mut self, keep: impl Fn(&Row) -> bool) -> usize {
        let before = self.rows.len();
        self.rows.retain(|_, row| keep(row));
        let rows = &self.rows;
        self.places.retain(|_, place| rows.contains_key(place));
        before - self.rows.len()
    }
}

/// The enrollments of each class and of each user.
#[derive(Debug, Default)]
struct Enrollments {
    by_class: BTreeMap<String, Vec<i64>>,
    by_user: BTreeMap<String, Vec<i64>>,
}

/// All records.
#[derive(Debug, Default)]
pub struct Dataset {
    tables: BTreeMap<Kind, Table>,
    enrollments: OnceLock<Enrollments>,
    revision: u64,
    generation: u32,
}

impl Dataset {
    /// Counts changes.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// How many records of a kind there are, those marked as deleted included.
    pub fn count(&self, kind: Kind) -> usize {
        self.tables.get(&kind).map_or(0, Table::len)
    }

    /// The records of a kind, in the order in which they come.
    pub fn rows(&self, kind: Kind) -> impl Iterator<Item = &Row> {
        self.tables.get(&kind).into_iter().flat_map(Table::rows)
    }

    /// A record by its id.
    pub fn row(&self, kind: Kind, id: &str) -> Option<&Row> {
        self.tables.get(&kind)?.get(id)
    }

    /// The records of a kind by id.
    pub(super) fn rows_by_id(&self, kind: Kind) -> impl DoubleEndedIterator<Item = &Row> {
        self.tables.get(&kind).into_iter().flat_map(Table::by_id)
    }

    /// The enrollments in a class.
    pub(super) fn enrollments_in(&self, class: &str) -> impl Iterator<Item = &Row> {
        self.at(self.enrollments().by_class.get(class))
    }

    /// The enrollments of a user.
    pub(super) fn enrollments_of(&self, user: &str) -> impl Iterator<Item = &Row> {
        self.at(self.enrollments().by_user.get(user))
    }

    /// Forgets how records are written: something else does it now.
    pub(super) fn forget_fragments(&mut self) {
        for table in self.tables.values_mut() {
            table.rows.values_mut().for_each(Row::forget_fragments);
        }
    }

    fn at<'a>(&'a self, places: Option<&'a Vec<i64>>) -> impl Iterator<Item = &'a Row> {
        let table = self.tables.get(&Kind::Enrollment);
        let places = places.map_or(&[][..], Vec::as_slice);
        places
            .iter()
            .filter_map(move |place| table?.rows.get(place))
    }

    fn enrollments(&self) -> &Enrollments {
        self.enrollments.get_or_init(|| {
            let mut found = Enrollments::default();
            let table = self.tables.get(&Kind::Enrollment);
            for (place, row) in table.into_iter().flat_map(|table| &table.rows) {
                let Some(enrollment) = row.enrollment() else {
                    continue;
                };
                for (places, id) in [
                    (&mut found.by_class, &enrollment.class),
                    (&mut found.by_user, &enrollment.user),
                ] {
                    places.entry(id.clone()).or_default().push(*place);
                }
            }
            found
        })
    }

    fn put(&mut self, row: Row, first: bool) {
        let kind = row.record.kind();
        self.tables.entry(kind).or_default().put(row, first);
    }
}
