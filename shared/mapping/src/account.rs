//! Accounts: people as Rollcall keeps them (SPEC section 1).

use crate::ids::{AccountId, ConnectionId, ExternalId, OrganizationId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Longest email address accepted, in bytes (RFC 5321 path limit less its brackets).
pub const EMAIL_BYTES_MAX: usize = 254;

/// What a person may do in the application.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Administers the application for a school or the district.
    Admin,
    /// A parent or guardian.
    Parent,
    /// Works for the district without teaching.
    Staff,
    /// Learns.
    Student,
    /// Teaches.
    Teacher,
}

impl Role {
    /// True for every role that an adult has. A student is never merged with an adult by email.
    pub fn is_adult(self) -> bool {
        self != Role::Student
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Admin => "admin",
            Role::Parent => "parent",
            Role::Staff => "staff",
            Role::Student => "student",
            Role::Teacher => "teacher",
        })
    }
}

/// The kind of person, coarser than a role.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum UserType {
    /// A parent or guardian.
    Parent,
    /// Anybody who works for the district.
    Staff,
    /// A student.
    Student,
}

/// Whether the account may be used.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// In use.
    Active,
    /// Removed; restorable for 30 days.
    Deleted,
    /// Kept, but nobody can sign in with it.
    Suspended,
}

/// An email address: trimmed, lower-cased, with one `@` and something on each side.
///
/// Google Workspace compares addresses without regard to case and does not fold dots
/// (PROVIDERS G9), so lower-casing is the whole normalisation.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

/// Why a text is not an email address.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EmailError {
    /// It has no `@`, more than one, or nothing on one side of it.
    #[error("an email address needs exactly one @ with text on both sides")]
    Form,
    /// It has a space or a control character.
    #[error("an email address may not have spaces or control characters")]
    Character,
    /// It is longer than [`EMAIL_BYTES_MAX`].
    #[error("an email address may have at most {EMAIL_BYTES_MAX} bytes")]
    Long,
}

impl Email {
    /// Normalises and checks an address.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        let text = text.trim();
        if text.len() > EMAIL_BYTES_MAX {
            return Err(EmailError::Long);
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(EmailError::Character);
        }
        match text.split_once('@') {
            Some((local, domain))
                if !local.is_empty() && !domain.is_empty() && !domain.contains('@') =>
            {
                Ok(Self(text.to_lowercase()))
            }
            _ => Err(EmailError::Form),
        }
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part after the `@`.
    pub fn domain(&self) -> &str {
        self.0.split_once('@').map_or("", |(_, domain)| domain)
    }

    /// The part before the `@`.
    pub fn local_part(&self) -> &str {
        self.0.split_once('@').map_or("", |(local, _)| local)
    }
}

impl TryFrom<String> for Email {
    type Error = EmailError;
    fn try_from(text: String) -> Result<Self, EmailError> {
        Self::parse(&text)
    }
}

impl From<Email> for String {
    fn from(email: Email) -> String {
        email.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An account's place in one organization. Several organizations with different roles are normal.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Membership {
    /// The school or office.
    pub organization: OrganizationId,
    /// The role there.
    pub role: Role,
    /// The grade there, for students, as the district writes it after normalisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<String>,
}

/// Which connection knows the person, and under which id.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct SourceLink {
    /// The connection.
    pub connection: ConnectionId,
    /// The person's id at that provider.
    pub external_id: ExternalId,
}

/// A field that an administrator may edit by hand; a sync leaves a pinned field alone.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// [`Account::email`].
    Email,
    /// [`Account::family_name`].
    FamilyName,
    /// [`Account::given_name`].
    GivenName,
    /// [`Account::grade`].
    Grade,
    /// [`Account::memberships`].
    Memberships,
    /// [`Account::roles`].
    Roles,
    /// [`Account::status`].
    Status,
    /// [`Account::username`].
    Username,
    /// [`Account::user_type`].
    UserType,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Field::Email => "email",
            Field::FamilyName => "family name",
            Field::GivenName => "given name",
            Field::Grade => "grade",
            Field::Memberships => "memberships",
            Field::Roles => "roles",
            Field::Status => "status",
            Field::Username => "username",
            Field::UserType => "user type",
        })
    }
}

/// Why a sync suspended or soft-deleted an account, so that the same cause undone restores it and
/// nothing else does.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusCause {
    /// An administrator did it by hand.
    ByHand,
    /// The person is gone at the source.
    DeletedAtSource,
    /// The person was moved to where no rule reaches.
    MovedOutOfScope,
    /// The provider shows the person as suspended or archived.
    SuspendedAtSource,
    /// The commit that made the account was undone.
    Undone,
}

/// What one source says of a person. Kept in an account that several sources know, so that each
/// can change or leave without taking away what another says.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    /// The address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
    /// Another name to sign in with, lower-cased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Given name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub given_name: String,
    /// Family name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub family_name: String,
    /// Roles.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub roles: BTreeSet<Role>,
    /// The kind of person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_type: Option<UserType>,
    /// Grade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<String>,
    /// Places in organizations.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub memberships: BTreeSet<Membership>,
    /// True when the source shows the person as suspended.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspended: bool,
}

/// A person as Rollcall keeps them.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// Ours, stable for ever.
    pub id: AccountId,
    /// Unique in the tenant among accounts that are not deleted; `None` where no source states one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
    /// Another name to sign in with, unique in the tenant; lower-cased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Given name as the source writes it.
    pub given_name: String,
    /// Family name as the source writes it.
    pub family_name: String,
    /// All roles, over all organizations.
    pub roles: BTreeSet<Role>,
    /// The kind of person, when a rule states it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_type: Option<UserType>,
    /// Grade, when a rule or the source states it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<String>,
    /// Places in organizations, sorted, without duplicates.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub memberships: BTreeSet<Membership>,
    /// Whether the account may be used.
    pub status: Status,
    /// Why it is not active; `None` for active accounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_cause: Option<StatusCause>,
    /// False when an administrator switched sign-in off for this account.
    pub sign_in_allowed: bool,
    /// No rule of an unchanged person reaches the account any more; it is kept and listed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_longer_in_scope: bool,
    /// Never touched by a sync: neither suspended, deleted nor updated.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protected: bool,
    /// Fields edited by hand.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub pinned: BTreeSet<Field>,
    /// The connections that know this person.
    pub sources: BTreeSet<SourceLink>,
    /// What each connection says, while several know the person; empty otherwise, for then the
    /// account itself is what the one connection says.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub statements: BTreeMap<ConnectionId, Statement>,
    /// When the account was made, in milliseconds since the Unix epoch.
    pub created_at_ms: i64,
    /// When a field last changed, in milliseconds since the Unix epoch.
    pub changed_at_ms: i64,
    /// When the account was soft-deleted, in milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at_ms: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_is_trimmed_and_lower_cased() {
        let email = Email::parse(" Zoë.O'Neil@MapleGrove.example ").unwrap();
        assert_eq!(email.as_str(), "zoë.o'neil@maplegrove.example");
        assert_eq!(email.domain(), "maplegrove.example");
        assert_eq!(email.local_part(), "zoë.o'neil");
    }

    #[test]
    fn a_text_that_is_no_address_is_refused() {
        for text in ["", "a", "@b", "a@", "a@b@c"] {
            assert_eq!(Email::parse(text), Err(EmailError::Form), "{text:?}");
        }
        assert_eq!(Email::parse("a b@c"), Err(EmailError::Character));
        assert_eq!(
            Email::parse(&format!("{}@x", "a".repeat(260))),
            Err(EmailError::Long)
        );
    }
}
