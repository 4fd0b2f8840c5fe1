//! Several sources of one account (SPEC section 7, step 4): each says its part, and the order of the
//! tenant's connections decides whose word counts for a field.
//!
//! A field with one value belongs to the first connection that states one; names go together.
//! Roles and memberships are those of all. An account stays while any source still has it.

use super::fields;
use crate::account::{Account, Statement, Status, StatusCause};
use crate::evaluate::Desired;
use crate::ids::ConnectionId;
use std::collections::BTreeMap;

impl Statement {
    /// What a source says, by the rules.
    pub(super) fn of(desired: &Desired) -> Self {
        Self {
            email: desired.email.clone(),
            username: desired.username.clone(),
            given_name: desired.given_name.clone(),
            family_name: desired.family_name.clone(),
            roles: desired.roles.clone(),
            user_type: desired.user_type,
            grade: desired.grade.clone(),
            memberships: desired.memberships.clone(),
            suspended: desired.suspended,
        }
    }

    /// Keeps the roles that the same source stated before, since it states only some now.
    pub(super) fn keep(&mut self, account: &Account, connection: &ConnectionId) {
        let (roles, memberships) = match account.statements.get(connection) {
            Some(before) => (&before.roles, &before.memberships),
            None if !fields::is_shared(account, connection) => {
                (&account.roles, &account.memberships)
            }
            None => return,
        };
        self.roles.extend(roles.iter().copied());
        self.memberships.extend(memberships.iter().cloned());
        self.grade = self.grade.take().or_else(|| account.grade.clone());
    }

    /// What the one source of an account says: the account itself.
    fn of_account(account: &Account) -> Self {
        Self {
            email: account.email.clone(),
            username: account.username.clone(),
            given_name: account.given_name.clone(),
            family_name: account.family_name.clone(),
            roles: account.roles.clone(),
            user_type: account.user_type,
            grade: account.grade.clone(),
            memberships: account.memberships.clone(),
            suspended: account.status == Status::Suspended
                && account.status_cause == Some(StatusCause::SuspendedAtSource),
        }
    }
}

/// Notes what a connection says of an account, and returns what all of its connections say
/// together. `precedence` is the order of the tenant's connections.
pub(super) fn state(
    account: &mut Account,
    connection: &ConnectionId,
    said: Statement,
    precedence: &[ConnectionId],
) -> Statement {
    if !fields::is_shared(account, connection) {
        account.statements.clear();
        return said;
    }
    let others = account
        .sources
        .iter()
        .map(|link| &link.connection)
        .filter(|other| *other != connection && !account.statements.contains_key(*other));
    // Who was alone until now has said what the account is. Should several have shared it before
    // statements were kept, the first stands for all of them until it speaks again.
    if let Some(first) = first_of(others, precedence).cloned() {
        let before = Statement::of_account(account);
        account.statements.insert(first, before);
    }
    account.statements.insert(connection.clone(), said);
    merge(&account.statements, precedence)
}

/// Forgets what a connection said, and returns what the others say together; `None` when that is
/// not known.
pub(super) fn withdraw(
    account: &mut Account,
    connection: &ConnectionId,
    precedence: &[ConnectionId],
) -> Option<Statement> {
    account.statements.remove(connection)?;
    let merged = merge(&account.statements, precedence);
    let is_known = !account.statements.is_empty();
    if account.statements.len() == 1 {
        account.statements.clear();
    }
    is_known.then_some(merged)
}

/// What several connections say together.
fn merge(statements: &BTreeMap<ConnectionId, Statement>, order: &[ConnectionId]) -> Statement {
    let mut ordered: Vec<(&ConnectionId, &Statement)> = statements.iter().collect();
    ordered.sort_by_key(|(connection, _)| (place(order, connection), *connection));
    let mut all = Statement {
        suspended: statements.values().all(|said| said.suspended),
        ..Statement::default()
    };
    for (_, said) in ordered {
        all.email = all.email.or_else(|| said.email.clone());
        all.username = all.username.or_else(|| said.username.clone());
        if all.given_name.is_empty() && all.family_name.is_empty() {
            all.given_name.clone_from(&said.given_name);
            all.family_name.clone_from(&said.family_name);
        }
        all.user_type = all.user_type.or(said.user_type);
        all.grade = all.grade.or_else(|| said.grade.clone());
        all.roles.extend(said.roles.iter().copied());
        all.memberships.extend(said.memberships.iter().cloned());
    }
    all
}

fn first_of<'a>(
    connections: impl Iterator<Item = &'a ConnectionId>,
    order: &[ConnectionId],
) -> Option<&'a ConnectionId> {
    connections.min_by_key(|connection| (place(order, connection), *connection))
}

/// Where a connection stands; one that is not in the order comes last.
fn place(order: &[ConnectionId], connection: &ConnectionId) -> usize {
    let found = order.iter().position(|known| known == connection);
    found.unwrap_or(usize::MAX)
}
