//! What applications learn about a person, by the scopes they asked for. The id token and the
//! userinfo endpoint say the same.
//!
//! | scope | claims |
//! |---|---|
//! | `openid` | `sub`: the account's id, stable for ever and never given to anybody else |
//! | `profile` | `given_name`, `family_name`, `name`, `preferred_username` (the username, else the address), `updated_at` (when a field last changed, in seconds since the Unix epoch) |
//! | `email` | `email`, `email_verified` |
//! | `roster` | `tenant`; `roles`: any of `student`, `teacher`, `admin`, `staff`, `parent`; `user_type`: `STAFF`, `STUDENT` or `PARENT`; `grade`; `organizations`: a list of `id`, `name`, `roles` and `grade` |
//!
//! A claim without a value is absent.
//!
//! `email_verified` is true only when the address is in the domain of an authorised Google
//! connection that knows the account: Google has the district prove that it owns the domain, and
//! shows who has which address in it. Whatever other sources say of an address, and whatever an
//! administrator writes by hand, is the district's word alone, and the claim is false: an application
//! that serves several districts and finds people by their addresses would otherwise let one
//! district's administrator sign in as somebody of another. Find people by `sub`.

use super::request::Scope;
use crate::connections::{self, State};
use crate::error::Error;
use crate::organizations;
use crate::ports::Store;
use mapping::account::{Account, Email, Role, UserType};
use mapping::ids::{OrganizationId, TenantId};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The claims about one person.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Claims {
    sub: String,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    profile: Option<Profile>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    address: Option<Address>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    roster: Option<Roster>,
}

#[derive(Clone, Debug, Serialize)]
struct Profile {
    #[serde(skip_serializing_if = "String::is_empty")]
    given_name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    family_name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_username: Option<String>,
    updated_at: i64,
}

#[derive(Clone, Debug, Serialize)]
struct Address {
    email: String,
    email_verified: bool,
}

#[derive(Clone, Debug, Serialize)]
struct Roster {
    tenant: TenantId,
    roles: BTreeSet<Role>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_type: Option<UserType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grade: Option<String>,
    organizations: Vec<Place>,
}

/// A person's place in an organization.
#[derive(Clone, Debug, Serialize)]
struct Place {
    id: OrganizationId,
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    roles: BTreeSet<Role>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grade: Option<String>,
}

impl Claims {
    /// What these scopes tell about an account.
    pub(super) async fn of(
        store: &impl Store,
        tenant: &TenantId,
        account: &Account,
        scopes: &BTreeSet<Scope>,
    ) -> Result<Self, Error> {
        let mut claims = Self {
            sub: account.id.as_str().to_owned(),
            ..Self::default()
        };
        if scopes.contains(&Scope::Profile) {
            claims.profile = Some(profile(account));
        }
        if scopes.contains(&Scope::Email) {
            claims.address = address(store, tenant, account).await?;
        }
        if scopes.contains(&Scope::Roster) {
            claims.roster = Some(roster(store, tenant, account).await?);
        }
        Ok(claims)
    }
}

fn profile(account: &Account) -> Profile {
    let email = account.email.as_ref().map(Email::as_str);
    let username = account.username.as_deref().or(email);
    let name = format!("{} {}", account.given_name, account.family_name);
    Profile {
        given_name: account.given_name.clone(),
        family_name: account.family_name.clone(),
        name: name.trim().to_owned(),
        preferred_username: username.map(str::to_owned),
        updated_at: account.changed_at_ms.div_euclid(1_000),
    }
}

async fn address(
    store: &impl Store,
    tenant: &TenantId,
    account: &Account,
) -> Result<Option<Address>, Error> {
    let Some(email) = &account.email else {
        return Ok(None);
    };
    let mut email_verified = false;
    for source in &account.sources {
        let found = connections::read(store, tenant, &source.connection).await?;
        email_verified |= found.is_some_and(|connection| {
            let is_authorised = matches!(connection.state, State::Active | State::ReconnectNeeded);
            let domain = connection.settings.source.google_domain();
            is_authorised && domain.is_some_and(|domain| domain.as_str() == email.domain())
        });
    }
    Ok(Some(Address {
        email: email.as_str().to_owned(),
        email_verified,
    }))
}

async fn roster(store: &impl Store, tenant: &TenantId, account: &Account) -> Result<Roster, Error> {
    let known = if account.memberships.is_empty() {
        BTreeMap::new()
    } else {
        organizations::read(store, tenant).await?
    };
    let mut places: BTreeMap<OrganizationId, Place> = BTreeMap::new();
    for membership in &account.memberships {
        let id = &membership.organization;
        let place = places.entry(id.clone()).or_insert_with(|| Place {
            id: id.clone(),
            name: known
                .get(id)
                .map(|found| found.name.clone())
                .unwrap_or_default(),
            roles: BTreeSet::new(),
            grade: None,
        });
        place.roles.insert(membership.role);
        place.grade = place.grade.take().or_else(|| membership.grade.clone());
    }
    Ok(Roster {
        tenant: tenant.clone(),
        roles: account.roles.clone(),
        user_type: account.user_type,
        grade: account.grade.clone(),
        organizations: places.into_values().collect(),
    })
}
