//! What is wrong with single records. An issue never stops a run and never removes anybody.

use crate::ids::{AccountId, ExternalId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How much an issue matters.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Something was left undone for this record.
    Error,
    /// Everything was done; somebody may want to know.
    Warning,
}

/// What is wrong.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum IssueKind {
    /// The person is not in the snapshot, but the source did not say that they are gone.
    AbsenceUnconfirmed,
    /// Another account has the record's address, and they may not be one person.
    AddressTaken {
        /// The account that has the address.
        by: AccountId,
    },
    /// The record's address is not an email address.
    BadEmail,
    /// The source shows the same record more than once.
    DuplicateRecord,
    /// The source shows the person and says that they are gone.
    GoneAndShown,
    /// An administrator linked the record to an account that is not there.
    LinkBroken {
        /// The account.
        with: AccountId,
    },
    /// A field of the record could not be read.
    MalformedRecord {
        /// The field, as the provider calls it.
        field: String,
    },
    /// Several records of the source, or a record and an account which already has another
    /// record, claim the same address.
    MatchNotUnique,
    /// The record has no email address.
    MissingEmail,
    /// The record has no id.
    MissingId,
    /// The record has neither a given nor a family name. The account is made all the same.
    MissingName,
    /// The record has neither an email address nor a username. The account is made all the same,
    /// but nobody can sign in with them.
    NoAddress,
    /// A student and an adult share an address; they are never made one.
    RolesIncompatible {
        /// The account that has the address.
        with: AccountId,
    },
    /// The person's org unit could not be read, so nothing can be said about their absence.
    UnitNotRead,
    /// The provider does not vouch for the address, so it can't join the record to the account
    /// that has it.
    UnverifiedEmail {
        /// The account that has the address.
        with: AccountId,
    },
}

impl IssueKind {
    /// How much issues of this kind matter.
    pub fn severity(&self) -> Severity {
        match self {
            IssueKind::AbsenceUnconfirmed
            | IssueKind::GoneAndShown
            | IssueKind::MissingName
            | IssueKind::NoAddress
            | IssueKind::UnitNotRead => Severity::Warning,
            IssueKind::AddressTaken { .. }
            | IssueKind::BadEmail
            | IssueKind::DuplicateRecord
            | IssueKind::LinkBroken { .. }
            | IssueKind::MalformedRecord { .. }
            | IssueKind::MatchNotUnique
            | IssueKind::MissingEmail
            | IssueKind::MissingId
            | IssueKind::RolesIncompatible { .. }
            | IssueKind::UnverifiedEmail { .. } => Severity::Error,
        }
    }
}

impl fmt::Display for IssueKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IssueKind::AbsenceUnconfirmed => {
                f.write_str("is missing, but the source did not confirm that it is gone")
            }
            IssueKind::AddressTaken { by } => {
                write!(f, "has an email address that account {by} has already")
            }
            IssueKind::BadEmail => f.write_str("has an email address that can't be used"),
            IssueKind::DuplicateRecord => f.write_str("is shown more than once by the source"),
            IssueKind::GoneAndShown => {
                f.write_str("is shown by the source, which also says that they are gone")
            }
            IssueKind::LinkBroken { with } => {
                write!(f, "was linked to account {with}, which is not there")
            }
            IssueKind::MalformedRecord { field } => {
                write!(f, "has a field that can't be read: {field}")
            }
            IssueKind::MatchNotUnique => {
                f.write_str("shares its email address with another record of the source")
            }
            IssueKind::MissingEmail => f.write_str("has no email address"),
            IssueKind::MissingId => f.write_str("has no id"),
            IssueKind::MissingName => f.write_str("has no name"),
            IssueKind::NoAddress => f.write_str("has neither an email address nor a username"),
            IssueKind::RolesIncompatible { with } => write!(
                f,
                "shares its email address with account {with}, but one is a student and the \
                 other an adult"
            ),
            IssueKind::UnitNotRead => f.write_str("is missing, but its org unit could not be read"),
            IssueKind::UnverifiedEmail { with } => write!(
                f,
                "shares an email address that the source does not vouch for with account {with}"
            ),
        }
    }
}

/// Something wrong with one record.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Issue {
    /// What is wrong.
    #[serde(flatten)]
    pub kind: IssueKind,
    /// How much it matters.
    pub severity: Severity,
    /// The record, if it has an id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
    /// The account that the record belongs to, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// Where in the source: a page, a sheet, a line. Never a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

impl Issue {
    /// An issue with the severity of its kind.
    pub fn new(
        kind: IssueKind,
        external_id: Option<ExternalId>,
        account: Option<AccountId>,
    ) -> Self {
        Self {
            severity: kind.severity(),
            kind,
            external_id,
            account,
            place: None,
        }
    }

    /// The same issue with the place where it was met.
    #[must_use]
    pub fn at(self, place: impl Into<String>) -> Self {
        Self {
            place: Some(place.into()),
            ..self
        }
    }
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.external_id {
            Some(id) => write!(f, "record {id}")?,
            None => f.write_str("a record")?,
        }
        if let Some(account) = &self.account {
            write!(f, " (account {account})")?;
        }
        write!(f, " {}", self.kind)?;
        match &self.place {
            Some(place) => write!(f, ", at {place}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issue_is_a_sentence_of_ids() {
        let id = ExternalId::parse("u-1").unwrap();
        let account = AccountId::parse("a-1").unwrap();
        let issue = Issue::new(IssueKind::MissingEmail, Some(id), Some(account)).at("page 2");
        assert_eq!(
            issue.to_string(),
            "record u-1 (account a-1) has no email address, at page 2"
        );
        assert_eq!(
            Issue::new(IssueKind::MissingId, None, None).to_string(),
            "a record has no id"
        );
    }

    #[test]
    fn an_issue_reads_back_as_it_was_written() {
        let field = "name.givenName".to_owned();
        let issue = Issue::new(IssueKind::MalformedRecord { field }, None, None);
        let json = serde_json::to_string(&issue).unwrap();
        insta::assert_snapshot!(
            json,
            @r#"{"kind":"malformed_record","field":"name.givenName","severity":"error"}"#
        );
        assert_eq!(serde_json::from_str::<Issue>(&json).unwrap(), issue);
    }
}
