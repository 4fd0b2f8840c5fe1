//! One change to the roster, readable by machines and people.

use crate::account::{Account, Field, Status};
use crate::evaluate::{Cause, OutOfScope};
use crate::ids::{AccountId, Generation};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// What happens to an account.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It is made.
    Create,
    /// It is soft-deleted.
    Delete,
    /// It becomes active again.
    Restore,
    /// It is suspended.
    Suspend,
    /// Its fields change, or only marks and links that are no fields.
    Update,
}

/// Why an account changes.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Reason {
    /// The source confirmed that the person is gone.
    DeletedAtSource,
    /// An administrator edited the account.
    EditedByHand,
    /// These rules reach the person, who was known before or is new.
    Imported {
        /// The rules.
        cause: Cause,
    },
    /// These rules reach the person, whom an administrator linked to the account.
    Linked {
        /// The rules.
        cause: Cause,
    },
    /// These rules reach the person, who has the account's verified address.
    Matched {
        /// The rules.
        cause: Cause,
    },
    /// The person was moved to where no rule reaches.
    MovedOutOfScope {
        /// What the rules say, if the person was seen there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<OutOfScope>,
    },
    /// An administrator restored the account.
    RestoredByHand,
    /// The rules changed and don't reach the person any more.
    RulesChanged {
        /// What the rules say, if the person was seen.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<OutOfScope>,
    },
    /// The provider shows the person as suspended or archived.
    SuspendedAtSource,
    /// An administrator undid the commits after this one.
    Undone {
        /// The commit whose roster came back.
        to: Generation,
    },
    /// The provider does not show the person as suspended any more.
    UnsuspendedAtSource,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let because = |why: &Option<OutOfScope>| {
            why.as_ref()
                .map_or_else(String::new, |why| format!(" ({why})"))
        };
        match self {
            Reason::DeletedAtSource => f.write_str("deleted at the source"),
            Reason::EditedByHand => f.write_str("edited by hand"),
            Reason::Imported { cause } => cause.fmt(f),
            Reason::Linked { cause } => write!(f, "linked by an administrator, {cause}"),
            Reason::Matched { cause } => write!(f, "matched by verified email, {cause}"),
            Reason::MovedOutOfScope { why } => {
                write!(f, "moved out of scope at the source{}", because(why))
            }
            Reason::RestoredByHand => f.write_str("restored by hand"),
            Reason::RulesChanged { why } => {
                write!(
                    f,
                    "no longer in scope since the rules changed{}",
                    because(why)
                )
            }
            Reason::SuspendedAtSource => f.write_str("suspended at the source"),
            Reason::Undone { to } => write!(f, "put back to commit {to} by an undo"),
            Reason::UnsuspendedAtSource => f.write_str("no longer suspended at the source"),
        }
    }
}

/// One change to the roster.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The account.
    pub account: AccountId,
    /// What happens to it.
    pub kind: ChangeKind,
    /// True when an account that was there gets other roles.
    pub role_change: bool,
    /// The account before; `None` for a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Account>,
    /// The account after.
    pub after: Account,
    /// The fields that change; empty for a new account, and for an update of nothing but links
    /// to sources and the mark "no longer in scope".
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub fields: BTreeSet<Field>,
    /// Why.
    #[serde(flatten)]
    pub cause: Reason,
}

impl Change {
    /// The change that makes an account.
    pub(super) fn create(after: Account, cause: Reason) -> Self {
        Self {
            account: after.id.clone(),
            kind: ChangeKind::Create,
            role_change: false,
            before: None,
            after,
            fields: BTreeSet::new(),
            cause,
        }
    }

    /// The change between two states of one account; `None` when they are equal.
    pub(super) fn between(
        before: &Account,
        mut after: Account,
        cause: Reason,
        now_ms: i64,
    ) -> Option<Self> {
        if *before == after {
            return None;
        }
        after.changed_at_ms = now_ms;
        Some(Self::exactly(before, after, cause))
    }

    /// The change between two different states of one account, the later one as it is.
    pub(super) fn exactly(before: &Account, after: Account, cause: Reason) -> Self {
        let kind = match (before.status, after.status) {
            (Status::Active | Status::Suspended, Status::Deleted) => ChangeKind::Delete,
            (Status::Active, Status::Suspended) => ChangeKind::Suspend,
            (Status::Deleted | Status::Suspended, Status::Active)
            | (Status::Deleted, Status::Suspended) => ChangeKind::Restore,
            (Status::Active, Status::Active)
            | (Status::Deleted, Status::Deleted)
            | (Status::Suspended, Status::Suspended) => ChangeKind::Update,
        };
        Self {
            account: after.id.clone(),
            kind,
            role_change: before.roles != after.roles,
            fields: differing_fields(before, &after),
            before: Some(before.clone()),
            after,
            cause,
        }
    }
}

fn differing_fields(before: &Account, after: &Account) -> BTreeSet<Field> {
    [
        (Field::Email, before.email != after.email),
        (Field::FamilyName, before.family_name != after.family_name),
        (Field::GivenName, before.given_name != after.given_name),
        (Field::Grade, before.grade != after.grade),
        (Field::Memberships, before.memberships != after.memberships),
        (Field::Roles, before.roles != after.roles),
        (Field::Status, before.status != after.status),
        (Field::Username, before.username != after.username),
        (Field::UserType, before.user_type != after.user_type),
    ]
    .into_iter()
    .filter_map(|(field, differs)| differs.then_some(field))
    .collect()
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.kind {
            ChangeKind::Create => "create",
            ChangeKind::Delete => "delete",
            ChangeKind::Restore => "restore",
            ChangeKind::Suspend => "suspend",
            ChangeKind::Update => "update",
        };
        write!(f, "{verb} account {}", self.account)?;
        let others: Vec<String> = (self.fields.iter())
            .filter(|field| **field != Field::Status)
            .map(Field::to_string)
            .collect();
        if !others.is_empty() {
            write!(f, " ({})", others.join(", "))?;
        }
        write!(f, ": {}", self.cause)
    }
}
