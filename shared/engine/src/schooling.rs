//! What a connection shows beside people, as the roster keeps it: one map for each connection, with a
//! row for each school, session, course and class.
//!
//! A class lies where the hash of its own id says, in a staged snapshot as in the map, so that a run
//! which works range by range finds a class, whoever is in it, and the class of last time together.
//! Schools are few and are looked at all at once: they have one place.

mod compare;
mod shown;

pub use shown::Shown;

use crate::error::Error;
use crate::ports::Store;
use crate::roster::shard::{self, Range};
use crate::roster::{BaseRow, Entry, Reader, base_map, derived_account_id};
use crate::staging::BUCKET_BITS;
use mapping::ids::{AccountId, ConnectionId, ExternalId};
use mapping::schooling::{Class, ClassMember, School, Schooling};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What the name of the map of every connection begins with.
pub const MAPS: &str = "schooling/";

/// The bucket of a plan that stands for all schools. No class, course or session has it.
pub const SCHOOLS_BUCKET: u32 = 1 << BUCKET_BITS;

/// How many members of classes take as much of a shard as a row by itself.
const MEMBERS_PER_ROW: u64 = 8;

/// The first letter of the keys of classes.
const CLASS: char = 'c';

/// The first letter of the keys of schools, and where they all lie.
const SCHOOL: char = 's';
const SCHOOLS_PLACE: &str = "s";

/// How many rows of usual size take as much of a map as rows and members with this size together.
pub(crate) fn rows_like(size: u64) -> u64 {
    size / MEMBERS_PER_ROW
}

/// Name of the map of what a connection shows beside people.
pub fn map_of(connection: &ConnectionId) -> String {
    format!("{MAPS}{connection}")
}

/// Something that a connection shows beside people.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct SchoolingRow {
    /// A letter for its kind, then the provider's id.
    #[serde(rename = "k")]
    pub key: String,
    /// What is shown, a class with everybody in it.
    #[serde(rename = "v")]
    pub value: Schooling,
    /// For a school: true when people of it were in scope.
    #[serde(rename = "p", default, skip_serializing_if = "std::ops::Not::not")]
    pub has_people: bool,
}

impl SchoolingRow {
    /// A row of a class, course or session, or of a school without people.
    pub fn new(value: Schooling) -> Self {
        Self {
            key: key_of(&value),
            value,
            has_people: false,
        }
    }

    /// The class that it is of.
    pub fn as_class(&self) -> Option<&Class> {
        as_class(&self.value)
    }
}

impl Entry for SchoolingRow {
    fn placement(&self) -> &str {
        match self.value {
            Schooling::School(_) => SCHOOLS_PLACE,
            Schooling::Class(_) | Schooling::Course(_) | Schooling::Session(_) => &self.key,
        }
    }

    fn key(&self) -> &str {
        &self.key
    }
}

/// A page of classes with their connections, and what names the last of them if there are more.
pub type ClassPage = (
    Vec<(ConnectionId, Class)>,
    Option<(ConnectionId, ExternalId)>,
);

/// What becomes of a row.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum SchoolingChange {
    /// It is this from now on.
    #[serde(rename = "p")]
    Put(Box<SchoolingRow>),
    /// The row with this key is there no more.
    #[serde(rename = "r")]
    Remove(String),
}

/// What a plan changes beside people.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SchoolingCounts {
    /// Classes that are new.
    pub classes_created: u64,
    /// Classes of which anything changes, their members counted.
    pub classes_updated: u64,
    /// Classes that are there no more.
    pub classes_removed: u64,
    /// Places of people in classes that come, change or go.
    pub members_changed: u64,
    /// Schools, sessions and courses that come, change or go.
    pub others_changed: u64,
}

/// What a plan makes of what is shown beside people.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SchoolingPlan {
    /// For each bucket, [`SCHOOLS_BUCKET`] among them, in how many pieces its updates are.
    pub pieces: BTreeMap<u32, u32>,
    /// What changes.
    pub counts: SchoolingCounts,
    /// How much the map will have in it, in members of classes.
    pub size: u64,
    /// Schools, of those that are shown, with people in scope.
    pub peopled: BTreeSet<ExternalId>,
    /// True when the schools are compared.
    pub is_compared: bool,
    /// How many schools with people in scope are not shown any more.
    pub schools_gone: u64,
    /// Some of them.
    pub schools_gone_ids: Vec<ExternalId>,
}

impl SchoolingCounts {
    /// True when nothing was counted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn add(&mut self, before: Option<&Schooling>, after: Option<&Schooling>) {
        match (before.and_then(as_class), after.and_then(as_class)) {
            (Some(before), Some(after)) => {
                self.classes_updated += 1;
                self.members_changed += members_changed(&before.members, &after.members);
            }
            (None, Some(class)) => {
                self.classes_created += 1;
                self.members_changed += class.members.len() as u64;
            }
            (Some(class), None) => {
                self.classes_removed += 1;
                self.members_changed += class.members.len() as u64;
            }
            (None, None) => self.others_changed += 1,
        }
    }
}

fn as_class(value: &Schooling) -> Option<&Class> {
    match value {
        Schooling::Class(class) => Some(class),
        Schooling::Course(_) | Schooling::School(_) | Schooling::Session(_) => None,
    }
}

/// How many people have another place than before.
fn members_changed(before: &BTreeSet<ClassMember>, after: &BTreeSet<ClassMember>) -> u64 {
    let came = after.difference(before).count();
    let left = before.difference(after).count();
    came.max(left) as u64
}

/// The key of the row of something.
pub fn key_of(value: &Schooling) -> String {
    let (letter, id) = parts_of(value);
    format!("{letter}{id}")
}

/// The key of the row of a class.
pub fn class_key(id: &ExternalId) -> String {
    format!("{CLASS}{id}")
}

/// The bucket of a class, course or session; all schools have one of their own.
pub fn bucket_of(value: &Schooling) -> u32 {
    match value {
        Schooling::School(_) => SCHOOLS_BUCKET,
        Schooling::Class(_) | Schooling::Course(_) | Schooling::Session(_) => {
            let (letter, id) = parts_of(value);
            bucket_at(letter, id)
        }
    }
}

/// The bucket of a class and of whoever is in it.
pub fn bucket_of_class(id: &ExternalId) -> u32 {
    bucket_at(CLASS, id)
}

/// The range of a map in which all schools lie.
pub fn schools_range() -> Range {
    Range {
        bits: BUCKET_BITS,
        index: shard::index_of_hash(shard::hash(SCHOOLS_PLACE), BUCKET_BITS),
    }
}

fn bucket_at(letter: char, id: &ExternalId) -> u32 {
    let letter = u8::try_from(letter).unwrap_or_default();
    let bytes = std::iter::once(letter).chain(id.as_str().bytes());
    shard::index_of_hash(shard::hash_bytes(bytes), BUCKET_BITS)
}

fn parts_of(value: &Schooling) -> (char, &ExternalId) {
    match value {
        Schooling::Class(class) => (CLASS, &class.id),
        Schooling::Course(course) => ('u', &course.id),
        Schooling::School(school) => (SCHOOL, &school.id),
        Schooling::Session(session) => ('y', &session.id),
    }
}

impl Reader {
    /// The class with this id of a connection.
    pub async fn class(
        &self,
        store: &impl Store,
        connection: &ConnectionId,
        id: &ExternalId,
    ) -> Result<Option<Class>, Error> {
        let key = class_key(id);
        let row: Option<SchoolingRow> = self.entry(store, &map_of(connection), &key, &key).await?;
        Ok(row.and_then(|row| match row.value {
            Schooling::Class(class) => Some(class),
            Schooling::Course(_) | Schooling::School(_) | Schooling::Session(_) => None,
        }))
    }

    /// Up to `limit` classes of all connections, after the one that `from` names, and what names the
    /// last of them if there are more.
    pub async fn classes(
        &self,
        store: &impl Store,
        from: Option<(ConnectionId, ExternalId)>,
        limit: usize,
    ) -> Result<ClassPage, Error> {
        let mut found = Vec::new();
        let connections: Vec<ConnectionId> = (self.commit().maps.keys())
            .filter_map(|map| ConnectionId::parse(map.strip_prefix(MAPS)?).ok())
            .collect();
        let name_of = |last: Option<&(ConnectionId, Class)>| {
            last.map(|(connection, class)| (connection.clone(), class.id.clone()))
        };
        for connection in connections {
            if found.len() >= limit {
                let last = name_of(found.last());
                return Ok((found, last));
            }
            let cursor = match &from {
                Some((first, _)) if connection < *first => continue,
                Some((first, id)) if connection == *first => Some(class_key(id)),
                _ => None,
            };
            let (map, left) = (map_of(&connection), limit - found.len());
            let is_class = |row: &SchoolingRow| row.as_class().is_some();
            let (rows, next) = self
                .page(store, &map, cursor.as_deref(), left, is_class)
                .await?;
            found.extend(rows.into_iter().filter_map(|row| match row.value {
                Schooling::Class(class) => Some((connection.clone(), class)),
                Schooling::Course(_) | Schooling::School(_) | Schooling::Session(_) => None,
            }));
            if next.is_some() {
                let last = name_of(found.last());
                return Ok((found, last));
            }
        }
        Ok((found, None))
    }

    /// The accounts of these people of a connection, as far as it knows them.
    pub async fn accounts_of(
        &self,
        store: &impl Store,
        connection: &ConnectionId,
        people: &BTreeSet<&ExternalId>,
    ) -> Result<BTreeMap<ExternalId, AccountId>, Error> {
        let map = base_map(connection);
        let bits = self.map(&map).bits;
        let tenant = self.tenant();
        let shards: BTreeSet<u32> = (people.iter())
            .map(|id| derived_account_id(tenant, connection, id))
            .map(|derived| shard::index_of_hash(shard::hash(derived.as_str()), bits))
            .collect();
        let mut accounts = BTreeMap::new();
        for index in shards {
            let rows: Vec<BaseRow> = self.range(store, &map, Range { bits, index }).await?;
            let known = rows
                .into_iter()
                .filter(|row| people.contains(&row.external_id));
            accounts.extend(known.map(|row| (row.external_id, row.entry.account)));
        }
        Ok(accounts)
    }

    /// The schools that a connection showed last time, with whether people of them were in scope.
    pub async fn schools(
        &self,
        store: &impl Store,
        connection: &ConnectionId,
    ) -> Result<Vec<(School, bool)>, Error> {
        let range = schools_range();
        let rows: Vec<SchoolingRow> = self.range(store, &map_of(connection), range).await?;
        let schools = rows.into_iter().filter_map(|row| match row.value {
            Schooling::School(school) => Some((school, row.has_people)),
            Schooling::Class(_) | Schooling::Course(_) | Schooling::Session(_) => None,
        });
        Ok(schools.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_and_whoever_is_in_it_have_one_bucket_which_is_that_of_the_row() {
        for id in ["1001", "c7f1-00", "ü"] {
            let id = ExternalId::parse(id).unwrap();
            let class = shown::empty_class(&id);
            let bucket = bucket_of(&Schooling::Class(class.clone()));
            assert_eq!(bucket, bucket_of_class(&id));
            let row = SchoolingRow::new(Schooling::Class(class));
            let index = shard::index_of_hash(shard::hash(row.placement()), BUCKET_BITS);
            assert_eq!(index, bucket);
            assert_eq!(row.key(), class_key(&id));
        }
    }
}
