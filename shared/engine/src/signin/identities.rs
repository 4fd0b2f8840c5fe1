//! The index from people at providers to accounts: one record for each person who has signed in, so
//! that whoever comes back is found with one read.
//!
//! An account is linked with one person at each provider at most. The record under the person is
//! what counts; the one under the account leads there, for lists and for addresses that change
//! hands. It is written first and removed last, so no link is ever without it.

use super::Method;
use crate::audit::{self, Action, Actor};
use crate::error::Error;
use crate::ports::{Clock, Store};
use crate::roster::blob;
use crate::{keys, record};
use connectors::signin::ProviderIdentity;
use mapping::ids::{AccountId, ExternalId, TenantId};
use serde::{Deserialize, Serialize};

/// Somebody at a provider.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Person {
    /// The provider.
    pub method: Method,
    /// The provider's id of the person.
    pub user_id: ExternalId,
    /// The district, where an id is unique only within one: at `ClassLink`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub district: Option<String>,
}

/// A link of a person with an account.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Link {
    /// The person.
    #[serde(flatten)]
    pub person: Person,
    /// The account.
    pub account: AccountId,
    /// True when an administrator said that they belong together; else the first sign-in did.
    pub is_confirmed: bool,
    /// Since when, in milliseconds since the Unix epoch.
    pub since_ms: i64,
}

impl Person {
    /// The person of an identity.
    pub fn of(method: Method, identity: &ProviderIdentity) -> Self {
        Self {
            method,
            user_id: identity.user_id.clone(),
            district: identity
                .district
                .clone()
                .filter(|_| method == Method::Classlink),
        }
    }

    /// What the person is found by.
    pub(super) fn digest(&self) -> String {
        let district = self.district.as_deref().unwrap_or_default();
        let parts = [
            self.method.as_str().as_bytes(),
            district.as_bytes(),
            self.user_id.as_str().as_bytes(),
        ];
        blob::digest_parts(&parts)
    }

    fn key(&self, tenant: &TenantId) -> String {
        keys::sign_in_identity(tenant, self.method, &self.digest())
    }
}

/// The link of a person, if there is one.
pub async fn find(
    store: &impl Store,
    tenant: &TenantId,
    person: &Person,
) -> Result<Option<Link>, Error> {
    let found: Option<Link> = record::read(store, &person.key(tenant)).await?;
    // A digest is as good as the person, but what decides whose account opens is compared whole.
    Ok(found.filter(|link| link.person == *person))
}

/// The person of a provider with whom an account is linked.
pub async fn of_account(
    store: &impl Store,
    tenant: &TenantId,
    account: &AccountId,
    method: Method,
) -> Result<Option<Link>, Error> {
    let key = keys::sign_in_link(tenant, account, method);
    let Some(person) = record::read::<Person>(store, &key).await? else {
        return Ok(None);
    };
    let link = find(store, tenant, &person).await?;
    Ok(link.filter(|link| link.account == *account))
}

/// Links a person with an account, in place of whoever was linked with either.
pub async fn link(
    ports: &(impl Store + Clock),
    tenant: &TenantId,
    (person, account): (&Person, &AccountId),
    is_confirmed: bool,
) -> Result<Link, Error> {
    let link = Link {
        person: person.clone(),
        account: account.clone(),
        is_confirmed,
        since_ms: ports.now().as_millisecond(),
    };
    let before = of_account(ports, tenant, account, person.method).await?;
    if let Some(other) = before.filter(|before| before.person != *person) {
        ports.delete(&other.person.key(tenant)).await?;
    }
    let key = keys::sign_in_link(tenant, account, person.method);
    record::write(ports, &key, person).await?;
    record::write(ports, &person.key(tenant), &link).await?;
    Ok(link)
}

/// Links a person with an account at an administrator's word.
pub async fn confirm(
    ports: &(impl Store + Clock),
    who: &Actor,
    tenant: &TenantId,
    (person, account): (&Person, &AccountId),
) -> Result<Link, Error> {
    let what = Action::LinkConfirmed;
    audit::record(ports, tenant, who, what, account.as_str()).await?;
    link(ports, tenant, (person, account), true).await
}

/// Removes the link of an account with its person at a provider. False when there was none.
pub async fn remove(
    ports: &(impl Store + Clock),
    who: &Actor,
    tenant: &TenantId,
    (account, method): (&AccountId, Method),
) -> Result<bool, Error> {
    let Some(link) = of_account(ports, tenant, account, method).await? else {
        return Ok(false);
    };
    let what = Action::LinkRemoved;
    audit::record(ports, tenant, who, what, account.as_str()).await?;
    ports.delete(&link.person.key(tenant)).await?;
    let key = keys::sign_in_link(tenant, account, method);
    ports.delete(&key).await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{CrashPoint, MemoryPorts, block_on};
    use crate::signin::testing::tenant;

    fn person(user_id: &str) -> Person {
        Person {
            method: Method::Google,
            user_id: ExternalId::parse(user_id).unwrap(),
            district: None,
        }
    }

    fn account(id: &str) -> AccountId {
        AccountId::parse(id).unwrap()
    }

    fn linked_with(ports: &MemoryPorts, user_id: &str) -> Option<String> {
        let link = block_on(find(ports, &tenant(), &person(user_id))).unwrap();
        link.map(|link| link.account.to_string())
    }

    fn person_of(ports: &MemoryPorts, id: &str) -> Option<String> {
        let link = block_on(of_account(ports, &tenant(), &account(id), Method::Google)).unwrap();
        link.map(|link| link.person.user_id.to_string())
    }

    fn put(ports: &MemoryPorts, user_id: &str, id: &str) {
        let both = (&person(user_id), &account(id));
        block_on(link(ports, &tenant(), both, false)).unwrap();
    }

    #[test]
    fn a_person_at_classlink_is_one_of_their_district() {
        let ports = MemoryPorts::new();
        let at = |district: &str| Person {
            method: Method::Classlink,
            user_id: ExternalId::parse("1203344").unwrap(),
            district: Some(district.to_owned()),
        };
        block_on(async {
            let both = (&at("9021"), &account("a1"));
            link(&ports, &tenant(), both, false).await.unwrap();
            assert!(
                find(&ports, &tenant(), &at("9021"))
                    .await
                    .unwrap()
                    .is_some()
            );
            assert!(
                find(&ports, &tenant(), &at("9022"))
                    .await
                    .unwrap()
                    .is_none()
            );
        });
    }

    #[test]
    fn a_link_takes_the_place_of_those_before_it() {
        let ports = MemoryPorts::new();
        put(&ports, "1", "a1");
        put(&ports, "2", "a1");
        assert_eq!(linked_with(&ports, "1"), None);
        assert_eq!(linked_with(&ports, "2").as_deref(), Some("a1"));
        put(&ports, "2", "a2");
        assert_eq!(linked_with(&ports, "2").as_deref(), Some("a2"));
        assert_eq!(person_of(&ports, "a1"), None);
        assert_eq!(person_of(&ports, "a2").as_deref(), Some("2"));
    }

    #[test]
    fn a_link_that_was_removed_is_none_from_either_side() {
        let ports = MemoryPorts::new();
        put(&ports, "1", "a1");
        let id = account("a1");
        let at = (&id, Method::Google);
        let removed = || block_on(remove(&ports, &Actor::Operator, &tenant(), at)).unwrap();
        assert!(removed());
        assert!(!removed());
        assert_eq!(linked_with(&ports, "1"), None);
        assert_eq!(person_of(&ports, "a1"), None);
    }

    #[test]
    fn a_link_that_is_made_when_the_process_dies_is_there_from_both_sides_or_not_at_all() {
        for step in 1.. {
            for point in [CrashPoint::Before, CrashPoint::After] {
                let ports = MemoryPorts::new();
                put(&ports, "1", "a1");
                ports.crash_at(Some((ports.operations() + step, point)));
                let (person, id) = (person("2"), account("a1"));
                let done = block_on(link(&ports, &tenant(), (&person, &id), false)).is_ok();
                ports.crash_at(None);
                if linked_with(&ports, "2").is_some() {
                    assert_eq!(person_of(&ports, "a1").as_deref(), Some("2"));
                    assert_eq!(linked_with(&ports, "1"), None);
                }
                if linked_with(&ports, "1").is_some() {
                    assert_eq!(person_of(&ports, "a1").as_deref(), Some("1"));
                }
                put(&ports, "2", "a1");
                assert_eq!(person_of(&ports, "a1").as_deref(), Some("2"));
                if done {
                    return;
                }
            }
        }
    }
}
