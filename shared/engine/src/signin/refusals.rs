//! People who were not signed in, for the administrator: the newest ones, each once per cause.
//!
//! An entry says who it was at the provider, since without that nobody could tell what to do. It is
//! kept for the tenant's administrators alone, and leaves when newer ones push it out.

use super::Method;
use super::identities::Person;
use super::matching::{Cause, Refused};
use crate::audit::{self, Action, Actor};
use crate::error::Error;
use crate::log::{Log, Page};
use crate::ports::{Clock, Store};
use crate::roster::blob;
use crate::{keys, record};
use connectors::signin::{Kind, ProviderIdentity};
use mapping::account::Email;
use mapping::ids::{AccountId, TenantId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Most entries of a tenant; newer ones push out the oldest.
pub const REFUSALS_MAX: u64 = 500;

/// Somebody who was not signed in.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Refusal {
    /// Why.
    pub cause: Cause,
    /// How they tried.
    pub method: Method,
    /// Who they are at the provider; `None` for a password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub somebody: Option<Somebody>,
    /// The accounts that it is about.
    pub accounts: BTreeSet<AccountId>,
    /// When it happened first, in milliseconds since the Unix epoch.
    pub first_at_ms: i64,
    /// When it happened last, in milliseconds since the Unix epoch.
    pub last_at_ms: i64,
    /// How often.
    pub count: u64,
}

/// Somebody at a provider, as the provider shows them.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Somebody {
    /// Who.
    #[serde(flatten)]
    pub person: Person,
    /// The address, verified or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
    /// The name to sign in with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The given name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub given_name: String,
    /// The family name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub family_name: String,
    /// True for a student, false for an adult, absent where the provider does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_student: Option<bool>,
}

impl Somebody {
    /// Who that is.
    pub fn of(method: Method, identity: &ProviderIdentity) -> Self {
        Self {
            person: Person::of(method, identity),
            email: identity.email.clone(),
            username: identity.username.clone(),
            given_name: identity.given_name.clone(),
            family_name: identity.family_name.clone(),
            is_student: match identity.kind {
                Kind::Adult => Some(false),
                Kind::Student => Some(true),
                Kind::Unknown => None,
            },
        }
    }
}

/// An entry as it is kept.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Kept {
    #[serde(flatten)]
    refusal: Refusal,
    /// What it is found by when the same happens again.
    digest: String,
}

/// Notes that somebody was not signed in.
pub async fn note(
    ports: &(impl Store + Clock),
    tenant: &TenantId,
    (method, somebody): (Method, Option<Somebody>),
    refused: &Refused,
) -> Result<(), Error> {
    let digest = digest(method, somebody.as_ref(), refused);
    let pointer = keys::sign_in_refused(tenant, &digest);
    let list = log(tenant);
    let now_ms = ports.now().as_millisecond();
    let number: Option<u64> = record::read(ports, &pointer).await?;
    let known = match number {
        Some(number) => entry(ports, tenant, number).await?,
        None => None,
    };
    let (first_at_ms, count) = match &known {
        Some(known) => (known.refusal.first_at_ms, known.refusal.count),
        None => (now_ms, 0),
    };
    let kept = Kept {
        refusal: Refusal {
            cause: refused.cause,
            method,
            somebody,
            accounts: refused.accounts.clone(),
            first_at_ms,
            last_at_ms: now_ms,
            count: count.saturating_add(1),
        },
        digest,
    };
    if let Some(number) = number.filter(|_| known.is_some()) {
        return Ok(record::write(ports, &list.entry_key(number), &kept).await?);
    }
    let number = list.append(ports, &kept).await?;
    record::write(ports, &pointer, &number).await?;
    push_out(ports, tenant, number).await
}

/// Removes the entry that is too old by one. One whose writer died in between stays until it is
/// dismissed; lists end before it.
async fn push_out(store: &impl Store, tenant: &TenantId, newest: u64) -> Result<(), Error> {
    match newest.checked_sub(REFUSALS_MAX) {
        Some(old) if old > 0 => forget(store, tenant, old).await.map(|_| ()),
        _ => Ok(()),
    }
}

/// Up to `limit` entries with numbers below `before` (or from the newest), newest first.
pub async fn list(
    store: &impl Store,
    tenant: &TenantId,
    before: Option<u64>,
    limit: usize,
) -> Result<Page<Refusal>, Error> {
    let count = log(tenant).count(store).await?;
    let last = count.saturating_sub(REFUSALS_MAX);
    let mut number = before.map_or(count + 1, |before| before.min(count + 1));
    let mut entries = Vec::new();
    // Not as far down as numbers go: those that were pushed out are many.
    while number > last + 1 && entries.len() < limit {
        number -= 1;
        if let Some(kept) = entry(store, tenant, number).await? {
            entries.push((number, kept.refusal));
        }
    }
    Ok(Page {
        entries,
        next: (number > last + 1).then_some(number),
    })
}

/// One entry.
pub async fn read(
    store: &impl Store,
    tenant: &TenantId,
    number: u64,
) -> Result<Option<Refusal>, Error> {
    Ok(entry(store, tenant, number).await?.map(|kept| kept.refusal))
}

/// Removes an entry that an administrator has seen to. False when it is not there.
pub async fn dismiss(
    ports: &(impl Store + Clock),
    who: &Actor,
    tenant: &TenantId,
    number: u64,
) -> Result<bool, Error> {
    if entry(ports, tenant, number).await?.is_none() {
        return Ok(false);
    }
    let what = Action::SignInRefusalDismissed;
    audit::record(ports, tenant, who, what, &number.to_string()).await?;
    forget(ports, tenant, number).await
}

/// Removes an entry. False when it is not there.
pub(super) async fn forget(
    store: &impl Store,
    tenant: &TenantId,
    number: u64,
) -> Result<bool, Error> {
    let Some(kept) = entry(store, tenant, number).await? else {
        return Ok(false);
    };
    let pointer = keys::sign_in_refused(tenant, &kept.digest);
    store.delete(&pointer).await?;
    store.delete(&log(tenant).entry_key(number)).await?;
    Ok(true)
}

async fn entry(store: &impl Store, tenant: &TenantId, number: u64) -> Result<Option<Kept>, Error> {
    Ok(record::read(store, &log(tenant).entry_key(number)).await?)
}

/// The same person for the same cause: the accounts may differ.
fn digest(method: Method, somebody: Option<&Somebody>, refused: &Refused) -> String {
    let person = somebody.map(|somebody| somebody.person.digest());
    let accounts = refused.accounts.iter().map(AccountId::as_str);
    let who = person.unwrap_or_else(|| accounts.collect::<Vec<_>>().join(" "));
    let cause = format!("{:?}", refused.cause);
    blob::digest_parts(&[method.as_str().as_bytes(), who.as_bytes(), cause.as_bytes()])
}

fn log(tenant: &TenantId) -> Log {
    Log::new(keys::sign_in_refusals(tenant))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{MemoryPorts, block_on};
    use crate::signin::testing::tenant;
    use mapping::ids::ExternalId;
    use std::time::Duration;

    fn somebody(number: u64) -> Somebody {
        Somebody {
            person: Person {
                method: Method::Google,
                user_id: ExternalId::parse(number.to_string()).unwrap(),
                district: None,
            },
            email: None,
            username: None,
            given_name: String::new(),
            family_name: String::new(),
            is_student: None,
        }
    }

    fn refuse(ports: &MemoryPorts, number: u64, cause: Cause) {
        let refused = Refused {
            cause,
            accounts: BTreeSet::new(),
        };
        let who = (Method::Google, Some(somebody(number)));
        block_on(note(ports, &tenant(), who, &refused)).unwrap();
    }

    fn listed(ports: &MemoryPorts) -> Vec<(u64, Refusal)> {
        block_on(list(ports, &tenant(), None, 1_000))
            .unwrap()
            .entries
    }

    #[test]
    fn the_same_person_for_the_same_cause_is_one_entry() {
        let ports = MemoryPorts::new();
        refuse(&ports, 1, Cause::NoAccount);
        ports.advance(Duration::from_millis(7));
        refuse(&ports, 1, Cause::NoAccount);
        refuse(&ports, 1, Cause::Suspended);
        refuse(&ports, 2, Cause::NoAccount);
        let entries = listed(&ports);
        let counts: Vec<(u64, u64)> = entries.iter().map(|(n, e)| (*n, e.count)).collect();
        assert_eq!(counts, [(3, 1), (2, 1), (1, 2)]);
        let first = &entries[2].1;
        assert_eq!((first.first_at_ms, first.last_at_ms), (0, 7));
    }

    #[test]
    fn the_newest_push_the_oldest_out() {
        let ports = MemoryPorts::new();
        for number in 1..=REFUSALS_MAX + 3 {
            refuse(&ports, number, Cause::NoAccount);
        }
        let entries = listed(&ports);
        let numbers: Vec<u64> = entries.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers.len() as u64, REFUSALS_MAX);
        assert_eq!(numbers.first(), Some(&(REFUSALS_MAX + 3)));
        let left = ports.dump();
        let kept = left.keys().filter(|key| key.contains("/refused/")).count();
        assert_eq!(kept as u64, REFUSALS_MAX);
        refuse(&ports, 1, Cause::NoAccount);
        assert_eq!(
            listed(&ports).first().map(|(_, entry)| entry.count),
            Some(1)
        );
    }

    #[test]
    fn an_entry_that_was_dismissed_comes_back_when_it_happens_again() {
        let ports = MemoryPorts::new();
        refuse(&ports, 1, Cause::NoAccount);
        let gone = |number| block_on(dismiss(&ports, &Actor::Operator, &tenant(), number)).unwrap();
        assert!(gone(1));
        assert!(!gone(1));
        assert!(listed(&ports).is_empty());
        refuse(&ports, 1, Cause::NoAccount);
        assert_eq!(listed(&ports).len(), 1);
    }
}
