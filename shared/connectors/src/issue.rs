//! Bad records of a provider: values, not failures. One of them never stops the others.

use mapping::ids::ExternalId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IssueKind {
    /// The field must be there and is not.
    Missing,
    /// The field is longer than Rollcall keeps; the record was taken with the field cut.
    TooLong,
    /// The field, or the whole record, has a form that can't be read.
    Unreadable,
}

/// Which part of a record an issue is about.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IssueField {
    /// The main email address.
    Email,
    /// The provider's id.
    ExternalId,
    /// The family name.
    FamilyName,
    /// The given name.
    GivenName,
    /// The kind of a group's member.
    MemberKind,
    /// The org unit's path.
    OrgUnit,
    /// The record as a whole.
    Record,
}

/// A record that could not be taken as it stands.
///
/// A person with an issue is **there**: whoever looks for people that left must count the ids in
/// issues as present.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Issue {
    /// What is wrong.
    pub kind: IssueKind,
    /// The record's id at the provider, where it could be read.
    pub external_id: Option<ExternalId>,
    /// The part that is wrong.
    pub field: IssueField,
}

impl fmt::Display for IssueField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            IssueField::Email => "email address",
            IssueField::ExternalId => "id",
            IssueField::FamilyName => "family name",
            IssueField::GivenName => "given name",
            IssueField::MemberKind => "kind of member",
            IssueField::OrgUnit => "org unit",
            IssueField::Record => "record",
        })
    }
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.external_id {
            Some(id) => write!(f, "record {id}: ")?,
            None => f.write_str("a record without a readable id: ")?,
        }
        write!(
            f,
            "its {} {}",
            self.field,
            match self.kind {
                IssueKind::Missing => "is missing",
                IssueKind::TooLong => "is too long and was cut",
                IssueKind::Unreadable => "can't be read",
            }
        )
    }
}
