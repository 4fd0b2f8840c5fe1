//! Changes that an administrator makes by hand: edits, restorations and undo (SPEC sections 1
//! and 7). A field edited by hand is pinned: a sync leaves it alone until it is unpinned.

use super::{Change, Reason};
use crate::account::{Account, Email, Field, Membership, Role, Status, StatusCause, UserType};
use crate::ids::Generation;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeSet;

/// For how long a deleted account can be restored, in milliseconds: 30 days.
pub const RESTORABLE_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

/// Longest name, username or grade written by hand, in bytes.
const TEXT_BYTES_MAX: usize = 200;

/// Most memberships of one account.
const MEMBERSHIPS_MAX: usize = 100;

/// What an administrator changes of an account; what is absent stays. `null` empties a field that
/// may be empty.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountEdit {
    /// New address.
    #[serde(deserialize_with = "stated", skip_serializing_if = "Option::is_none")]
    pub email: Option<Option<Email>>,
    /// New username.
    #[serde(deserialize_with = "stated", skip_serializing_if = "Option::is_none")]
    pub username: Option<Option<String>>,
    /// New given name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    /// New family name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
    /// All roles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roles: Option<BTreeSet<Role>>,
    /// New user type.
    #[serde(deserialize_with = "stated", skip_serializing_if = "Option::is_none")]
    pub user_type: Option<Option<UserType>>,
    /// New grade.
    #[serde(deserialize_with = "stated", skip_serializing_if = "Option::is_none")]
    pub grade: Option<Option<String>>,
    /// All memberships.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memberships: Option<BTreeSet<Membership>>,
    /// New status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Whether the person may sign in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign_in_allowed: Option<bool>,
    /// Whether syncs never touch the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protected: Option<bool>,
    /// Fields that follow the source again.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub unpin: BTreeSet<Field>,
}

/// A field that is there, even as `null`.
#[expect(
    clippy::option_option,
    reason = "absent, null and a value are three things to an edit"
)]
fn stated<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Why an account was not changed by hand.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ByHandError {
    /// A value breaks a rule.
    #[error("{field}: {reason}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// The rule.
        reason: String,
    },
    /// Only a deleted account can be restored.
    #[error("the account is not deleted, so there is nothing to restore")]
    NotDeleted,
    /// It was deleted too long ago.
    #[error("the account was deleted more than 30 days ago and can't be restored any more")]
    TooLate,
}

/// Edits an account and pins what is edited; `None` when that changes nothing.
pub fn edit(
    account: &Account,
    edit: &AccountEdit,
    now_ms: i64,
) -> Result<Option<Change>, ByHandError> {
    let mut after = account.clone();
    let username = edit
        .username
        .clone()
        .map(|name| name.map(|name| name.trim().to_lowercase()));
    set(&mut after.email, edit.email.as_ref());
    set(&mut after.username, username.as_ref());
    set(&mut after.given_name, edit.given_name.as_ref());
    set(&mut after.family_name, edit.family_name.as_ref());
    set(&mut after.roles, edit.roles.as_ref());
    set(&mut after.user_type, edit.user_type.as_ref());
    set(&mut after.grade, edit.grade.as_ref());
    set(&mut after.memberships, edit.memberships.as_ref());
    set(&mut after.sign_in_allowed, edit.sign_in_allowed.as_ref());
    set(&mut after.protected, edit.protected.as_ref());
    check(&after)?;
    if let Some(status) = edit.status {
        set_status(&mut after, status, now_ms);
    }
    after.pinned.extend(edit.fields());
    for field in &edit.unpin {
        after.pinned.remove(field);
    }
    if edit.unpin.contains(&Field::Status) {
        release_status(&mut after);
    }
    Ok(Change::between(
        account,
        after,
        Reason::EditedByHand,
        now_ms,
    ))
}

/// Restores a deleted account. The status is not pinned: what the source says next counts again.
pub fn restore(account: &Account, now_ms: i64) -> Result<Change, ByHandError> {
    if account.status != Status::Deleted {
        return Err(ByHandError::NotDeleted);
    }
    let deleted_at_ms = account.deleted_at_ms.unwrap_or(account.changed_at_ms);
    if now_ms.saturating_sub(deleted_at_ms) > RESTORABLE_MS {
        return Err(ByHandError::TooLate);
    }
    let mut after = account.clone();
    super::fields::restore(&mut after);
    // No rule reaches the person, and the account is kept all the same: it is listed as such.
    after.no_longer_in_scope |= account.status_cause == Some(StatusCause::MovedOutOfScope);
    Change::between(account, after, Reason::RestoredByHand, now_ms).ok_or(ByHandError::NotDeleted)
}

/// Takes an account back to what it was in the roster `to`; `None` when it is the same. An account
/// that was not there yet is soft-deleted: an undo loses nobody either.
pub fn undo(
    account: Option<&Account>,
    then: Option<&Account>,
    to: Generation,
    now_ms: i64,
) -> Option<Change> {
    let cause = Reason::Undone { to };
    match (account, then) {
        (Some(account), Some(then)) if account == then => None,
        (Some(account), Some(then)) => Some(Change::exactly(account, then.clone(), cause)),
        (Some(account), None) => {
            let mut after = account.clone();
            super::fields::delete(&mut after, StatusCause::Undone, now_ms);
            // No connection has said anything about them in the roster of then. Should somebody
            // restore the account, a source that shows the person links it again.
            after.sources.clear();
            after.statements.clear();
            // Who was deleted already is named too: the roster of then does not have them, and
            // only what a plan names is carried over to it.
            if after != *account {
                after.changed_at_ms = now_ms;
            }
            Some(Change::exactly(account, after, cause))
        }
        (None, Some(then)) => Some(Change::create(then.clone(), cause)),
        (None, None) => None,
    }
}

impl AccountEdit {
    /// The fields that are edited.
    fn fields(&self) -> impl Iterator<Item = Field> {
        [
            (Field::Email, self.email.is_some()),
            (Field::FamilyName, self.family_name.is_some()),
            (Field::GivenName, self.given_name.is_some()),
            (Field::Grade, self.grade.is_some()),
            (Field::Memberships, self.memberships.is_some()),
            (Field::Roles, self.roles.is_some()),
            (Field::Status, self.status.is_some()),
            (Field::Username, self.username.is_some()),
            (Field::UserType, self.user_type.is_some()),
        ]
        .into_iter()
        .filter_map(|(field, is_edited)| is_edited.then_some(field))
    }
}

fn set<T: Clone>(field: &mut T, value: Option<&T>) {
    if let Some(value) = value {
        field.clone_from(value);
    }
}

fn set_status(account: &mut Account, status: Status, now_ms: i64) {
    match status {
        Status::Active => super::fields::restore(account),
        Status::Deleted => {
            super::fields::delete(account, StatusCause::ByHand, now_ms);
            account.status_cause = Some(StatusCause::ByHand);
        }
        Status::Suspended => {
            super::fields::restore(account);
            super::fields::suspend(account, StatusCause::ByHand);
        }
    }
}

/// Lets the source decide about the status again, as if it had caused the present one.
fn release_status(account: &mut Account) {
    account.status_cause = match account.status {
        Status::Active => None,
        Status::Deleted => Some(StatusCause::DeletedAtSource),
        Status::Suspended => Some(StatusCause::SuspendedAtSource),
    };
}

fn check(account: &Account) -> Result<(), ByHandError> {
    let texts = [
        ("given_name", Some(&account.given_name)),
        ("family_name", Some(&account.family_name)),
        ("username", account.username.as_ref()),
        ("grade", account.grade.as_ref()),
    ];
    for (field, text) in texts {
        let Some(text) = text else { continue };
        let invalid = |reason: String| Err(ByHandError::Invalid { field, reason });
        if text.len() > TEXT_BYTES_MAX {
            return invalid(format!("may have at most {TEXT_BYTES_MAX} bytes"));
        }
        if text.chars().any(char::is_control) {
            return invalid("may not have control characters".to_owned());
        }
        if text.is_empty() && matches!(field, "username" | "grade") {
            return invalid("must not be empty; use null for none".to_owned());
        }
    }
    if account.memberships.len() > MEMBERSHIPS_MAX {
        return Err(ByHandError::Invalid {
            field: "memberships",
            reason: format!("may be at most {MEMBERSHIPS_MAX}"),
        });
    }
    Ok(())
}
