//! Clever's objects in our vocabulary (PROVIDERS 4.4 and A.4).

mod district;
mod event;
mod schooling;
mod user;

pub(super) use district::{NotOurs, parse_districts};
pub(super) use event::{parse_event, read_events};
pub(super) use schooling::{Course, School, Section, Term, ToSchooling};
pub use user::UserRole;
pub(super) use user::{Person, User, parse_person, parse_user};

use super::wire::{Field, Text, WrongField, parse_envelope};
use mapping::ids::ExternalId;
use mapping::issue::{Issue, IssueKind};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Longest text that is kept of a name or title, in bytes. Clever sets no limit (C13).
const TEXT_BYTES_MAX: usize = 256;

/// An object with an id.
pub(super) trait Record<'a>: Deserialize<'a> {
    /// The id as Clever wrote it.
    fn id(&self) -> &Field<Text<'a>>;
}

/// Only the id of an object.
#[derive(Deserialize)]
pub(super) struct OnlyId<'a> {
    #[serde(borrow, default)]
    id: Field<Text<'a>>,
}

impl<'a> Record<'a> for OnlyId<'a> {
    fn id(&self) -> &Field<Text<'a>> {
        &self.id
    }
}

/// An element of a list and its id, or what is wrong with it. `list` is the list's name.
pub(super) fn read_element<'a, T: Record<'a>>(
    raw: &'a RawValue,
    list: &str,
) -> Result<(ExternalId, T), Issue> {
    let Ok(object) = parse_envelope::<T>(raw.get()) else {
        let id = parse_envelope::<OnlyId<'_>>(raw.get());
        let id = id.ok().and_then(|only| external_id(only.id()).ok());
        return Err(Issue::new(malformed(list), id, None).at(list));
    };
    match external_id(object.id()) {
        Ok(id) => Ok((id, object)),
        Err(kind) => Err(Issue::new(kind, None, None).at(list)),
    }
}

/// The id of an object.
pub(super) fn external_id(field: &Field<Text<'_>>) -> Result<ExternalId, IssueKind> {
    match field.text("id").map_err(IssueKind::from)? {
        Some(id) => ExternalId::parse(id).map_err(|_| malformed("id")),
        None => Err(IssueKind::MissingId),
    }
}

/// The id of another object that this one names.
fn reference(field: &Field<Text<'_>>, name: &str) -> Result<Option<ExternalId>, WrongField> {
    let id = field.text(name)?.map(ExternalId::parse).transpose();
    id.map_err(|_| WrongField(name.to_owned()))
}

/// The ids of other objects that this one names; an empty one names nothing.
fn references(
    field: &Field<Vec<Option<Text<'_>>>>,
    name: &str,
) -> Result<Vec<ExternalId>, WrongField> {
    let texts = field.read(name)?.into_iter().flatten().flatten();
    texts
        .map(|text| text.0.trim())
        .filter(|text| !text.is_empty())
        .map(|text| ExternalId::parse(text).map_err(|_| WrongField(name.to_owned())))
        .collect()
}

/// The text, cut at a character where it is too long, and whether it was.
fn shorten(text: &str) -> (String, bool) {
    let end = text.floor_char_boundary(TEXT_BYTES_MAX);
    let kept = text.get(..end).unwrap_or_default();
    (kept.to_owned(), kept.len() < text.len())
}

fn malformed(field: &str) -> IssueKind {
    IssueKind::MalformedRecord {
        field: field.to_owned(),
    }
}

impl From<WrongField> for IssueKind {
    fn from(WrongField(field): WrongField) -> Self {
        IssueKind::MalformedRecord { field }
    }
}
