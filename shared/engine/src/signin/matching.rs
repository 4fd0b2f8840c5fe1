//! Whose account somebody is for whom a provider vouches: exactly one active account, or a reason
//! why not (SPEC section 8). Pure: what is known is gathered by [`super::recognising`].
//!
//! A provider's id of a person is the best evidence: a kept link, and what a connection of that
//! provider says. Only where neither is known does an address count, and only if whoever shows it
//! can be believed about it. A mistake here opens somebody else's account, so doubt is a refusal
//! that an administrator can resolve.

use super::Method;
use super::identities::Person;
use super::settings::Settings;
use super::standing::{Barred, admit};
use connectors::signin::Kind;
use mapping::account::{Account, Email, UserType};
use mapping::ids::{AccountId, ExternalId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Why somebody is not signed in.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Several accounts could be theirs, or one that says something else of its person.
    Ambiguous,
    /// They would be an adult there and a student here, or the other way about, and nobody
    /// confirmed that it is the same person.
    Boundary,
    /// The account was deleted.
    Deleted,
    /// They are not of a domain that may sign in.
    Domain,
    /// The account may not sign in in this way.
    Method,
    /// No account is theirs.
    NoAccount,
    /// Sign-in is off for the account.
    Off,
    /// The account that has the address is another person's at the same provider: the address
    /// changed hands.
    Recycled,
    /// The account is suspended.
    Suspended,
    /// The provider does not vouch for the address, so it says nothing.
    UnverifiedEmail,
}

impl From<Barred> for Cause {
    fn from(barred: Barred) -> Self {
        match barred {
            Barred::Deleted => Cause::Deleted,
            Barred::Method => Cause::Method,
            // Nobody who is signing in was signed out since.
            Barred::Off | Barred::SignedOut => Cause::Off,
            Barred::Suspended => Cause::Suspended,
        }
    }
}

/// A kept link of the person with an account.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KnownLink {
    /// The account.
    pub account: AccountId,
    /// True when an administrator said so.
    pub is_confirmed: bool,
}

/// The account that has an address of the person.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Addressed {
    /// The account.
    pub account: AccountId,
    /// Who at the provider is linked with it.
    pub linked_with: Option<Person>,
    /// Ids under which connections of the provider know it.
    pub known_as: BTreeSet<ExternalId>,
}

/// What is known about somebody who signs in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Evidence {
    /// Who they are at the provider.
    pub person: Person,
    /// Their id as connections of the provider write it. `None` where the provider does not tell
    /// it: then no connection contradicts.
    pub source_id: Option<ExternalId>,
    /// The kept link.
    pub link: Option<KnownLink>,
    /// The accounts that connections of the provider have under the person's id.
    pub said: BTreeSet<AccountId>,
    /// The person's address.
    pub email: Option<Email>,
    /// Whether the provider can be believed about it.
    pub email_counts: bool,
    /// The account that has it; not looked up unless it counts.
    pub by_email: Option<Addressed>,
    /// The account that has the person's username at the provider.
    pub by_username: Option<Addressed>,
    /// The accounts named above, where they exist.
    pub accounts: BTreeMap<AccountId, Account>,
}

/// Somebody who is not signed in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refused {
    /// Why.
    pub cause: Cause,
    /// The accounts that it is about.
    pub accounts: BTreeSet<AccountId>,
}

impl Refused {
    fn about<'a>(cause: Cause, accounts: impl IntoIterator<Item = &'a AccountId>) -> Self {
        Self {
            cause,
            accounts: accounts.into_iter().cloned().collect(),
        }
    }
}

/// Decides whose account it is.
pub fn decide<'a>(
    settings: &Settings,
    (method, kind): (Method, Kind),
    evidence: &'a Evidence,
) -> Result<&'a Account, Refused> {
    let id = match by_id(evidence)? {
        Some(id) => id,
        None => by_address(kind, evidence)?,
    };
    let refused = |cause| Refused::about(cause, [id]);
    let account = evidence.accounts.get(id);
    let account = account.ok_or_else(|| refused(Cause::Deleted))?;
    match admit(settings, method, account) {
        Ok(()) => Ok(account),
        Err(barred) => Err(refused(barred.into())),
    }
}

/// By the provider's id. An administrator who confirmed a link has said whose it is.
fn by_id(evidence: &Evidence) -> Result<Option<&AccountId>, Refused> {
    if let Some(link) = evidence.link.as_ref().filter(|link| link.is_confirmed) {
        return Ok(Some(&link.account));
    }
    let link = evidence.link.as_ref().map(|link| &link.account);
    let accounts: BTreeSet<&AccountId> = evidence.said.iter().chain(link).collect();
    let mut each = accounts.iter().copied();
    match (each.next(), each.next()) {
        (only, None) => Ok(only),
        (_, Some(_)) => Err(Refused::about(Cause::Ambiguous, accounts)),
    }
}

/// By the address that counts, and by the username.
fn by_address(kind: Kind, evidence: &Evidence) -> Result<&AccountId, Refused> {
    let by_email = evidence.by_email.as_ref().filter(|_| evidence.email_counts);
    let found = match (by_email, &evidence.by_username) {
        (Some(one), Some(other)) if one.account != other.account => {
            return Err(Refused::about(
                Cause::Ambiguous,
                [&one.account, &other.account],
            ));
        }
        (Some(found), _) => found,
        (None, Some(found)) if !contradicts(evidence, found) => found,
        (None, Some(found)) => {
            return Err(Refused::about(Cause::Ambiguous, [&found.account]));
        }
        (None, None) => {
            let cause = if evidence.email.is_some() && !evidence.email_counts {
                Cause::UnverifiedEmail
            } else {
                Cause::NoAccount
            };
            return Err(Refused::about(cause, []));
        }
    };
    let refused = |cause| Err(Refused::about(cause, [&found.account]));
    if is_of_another(evidence, found) {
        return refused(Cause::Recycled);
    }
    let account = evidence.accounts.get(&found.account);
    if account.is_some_and(|account| crosses_boundary(kind, account)) {
        return refused(Cause::Boundary);
    }
    Ok(&found.account)
}

/// True when a username names an account that has another address than the person: usernames are
/// given out by many, and may have been given to two.
fn contradicts(evidence: &Evidence, found: &Addressed) -> bool {
    let account = evidence.accounts.get(&found.account);
    let theirs = account.and_then(|account| account.email.as_ref());
    match (theirs, &evidence.email) {
        (Some(theirs), Some(email)) => theirs != email,
        (None, _) | (_, None) => false,
    }
}

/// True when the provider knows the account as somebody else.
fn is_of_another(evidence: &Evidence, found: &Addressed) -> bool {
    let linked_with = found.linked_with.as_ref();
    linked_with.is_some_and(|person| *person != evidence.person)
        || (evidence.source_id.as_ref())
            .is_some_and(|id| !found.known_as.is_empty() && !found.known_as.contains(id))
}

/// True when one side is a student and the other an adult.
fn crosses_boundary(kind: Kind, account: &Account) -> bool {
    let is_student = account.roles.iter().any(|role| !role.is_adult())
        || account.user_type == Some(UserType::Student);
    let is_adult = account.roles.iter().any(|role| role.is_adult())
        || matches!(account.user_type, Some(UserType::Staff | UserType::Parent));
    match kind {
        Kind::Adult => is_student,
        Kind::Student => is_adult,
        Kind::Unknown => false,
    }
}

#[cfg(test)]
mod tests;
