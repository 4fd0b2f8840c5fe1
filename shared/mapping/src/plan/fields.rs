//! Making an account follow its source, field by field.

use crate::account::{Account, Field, SourceLink, Statement, Status, StatusCause};
use crate::evaluate::Desired;
use crate::ids::{AccountId, ConnectionId, ExternalId};
use std::collections::{BTreeMap, BTreeSet};

/// A new account as the rules want it.
pub(super) fn new_account(
    id: AccountId,
    desired: &Desired,
    source: SourceLink,
    now_ms: i64,
) -> Account {
    Account {
        id,
        email: desired.email.clone(),
        username: desired.username.clone(),
        given_name: desired.given_name.clone(),
        family_name: desired.family_name.clone(),
        roles: desired.roles.clone(),
        user_type: desired.user_type,
        grade: desired.grade.clone(),
        memberships: desired.memberships.clone(),
        status: Status::Active,
        status_cause: None,
        sign_in_allowed: true,
        no_longer_in_scope: false,
        protected: false,
        pinned: BTreeSet::new(),
        sources: BTreeSet::from([source]),
        statements: BTreeMap::new(),
        created_at_ms: now_ms,
        changed_at_ms: now_ms,
        deleted_at_ms: None,
    }
}

/// Follows everything but the address and the status; pinned fields stay. `said` is what all
/// sources say together.
///
/// A source that shows no name at all does not take one away, nor an address or a username.
pub(super) fn follow(account: &mut Account, said: &Statement) {
    let pinned = account.pinned.clone();
    let is_free = |field: Field| !pinned.contains(&field);
    let has_name = !said.given_name.is_empty() || !said.family_name.is_empty();
    if has_name && is_free(Field::GivenName) {
        account.given_name.clone_from(&said.given_name);
    }
    if has_name && is_free(Field::FamilyName) {
        account.family_name.clone_from(&said.family_name);
    }
    if said.username.is_some() && is_free(Field::Username) {
        account.username.clone_from(&said.username);
    }
    if is_free(Field::UserType) {
        account.user_type = said.user_type;
    }
    if is_free(Field::Grade) {
        account.grade.clone_from(&said.grade);
    }
    if is_free(Field::Roles) {
        account.roles.clone_from(&said.roles);
    }
    if is_free(Field::Memberships) {
        account.memberships.clone_from(&said.memberships);
    }
}

/// True when another connection knows the person too.
pub(super) fn is_shared(account: &Account, connection: &ConnectionId) -> bool {
    (account.sources.iter()).any(|link| link.connection != *connection)
}

/// Forgets that the connection knows the person.
pub(super) fn unlink(account: &mut Account, connection: &ConnectionId, external_id: &ExternalId) {
    account
        .sources
        .retain(|link| link.connection != *connection || link.external_id != *external_id);
}

/// True when a sync must leave the status alone: an administrator decided it.
pub(super) fn is_status_by_hand(account: &Account) -> bool {
    account.pinned.contains(&Field::Status)
        || match account.status {
            Status::Active => false,
            Status::Deleted | Status::Suspended => {
                matches!(account.status_cause, None | Some(StatusCause::ByHand))
            }
        }
}

/// True when a sync may suspend or delete the account.
pub(super) fn may_remove(account: &Account) -> bool {
    !account.protected && !is_status_by_hand(account)
}

/// Makes the account usable again.
pub(super) fn restore(account: &mut Account) {
    account.status = Status::Active;
    account.status_cause = None;
    account.deleted_at_ms = None;
}

/// Suspends an active account.
pub(super) fn suspend(account: &mut Account, cause: StatusCause) {
    if account.status == Status::Active {
        account.status = Status::Suspended;
        account.status_cause = Some(cause);
    }
}

/// Soft-deletes an account that is not deleted yet.
pub(super) fn delete(account: &mut Account, cause: StatusCause, now_ms: i64) {
    if account.status != Status::Deleted {
        account.status = Status::Deleted;
        account.status_cause = Some(cause);
        account.deleted_at_ms = Some(now_ms);
    }
}
