//! How people of a tenant may sign in: a switch per method, roles that have to use certain ones, and
//! whose word about an address counts.

use super::Method;
use crate::audit::{self, Action, Actor};
use crate::connections::Domain;
use crate::error::Error;
use crate::keys;
use crate::ports::{Clock, Store};
use crate::versioned::{self, ReplaceError, Versioned};
use mapping::account::{Account, Role};
use mapping::ids::TenantId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Most domains in one list.
pub const DOMAINS_MAX: usize = 100;

/// A tenant's sign-in settings. By default nobody signs in.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Methods that are switched on.
    #[serde(default)]
    pub methods: BTreeSet<Method>,
    /// Roles that may sign in by these methods only. Whoever has several such roles may use what
    /// all of them may.
    #[serde(default)]
    pub enforced: BTreeMap<Role, BTreeSet<Method>>,
    /// Google Workspace domains whose accounts may sign in; empty: every Google account that
    /// matches, personal ones too.
    #[serde(default)]
    pub google_domains: BTreeSet<Domain>,
    /// Domains in which the district itself hands addresses out. Those and the domains that the
    /// tenant's connections name are the only ones in which an address that Clever or `ClassLink`
    /// shows says who somebody is; while none is known, every address of the district's does.
    #[serde(default)]
    pub email_domains: BTreeSet<Domain>,
    /// Whether an address that `ClassLink` shows says who somebody is at all. Where districts allow
    /// it, people write it themselves, and could write another's.
    #[serde(default)]
    pub classlink_emails: bool,
}

/// Why settings were not replaced.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SettingsError {
    /// Somebody else changed them meanwhile.
    #[error("the sign-in settings were changed meanwhile: read them again and repeat the change")]
    Changed,
    /// A value breaks a rule.
    #[error("{field}: {reason}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// The rule.
        reason: String,
    },
    /// The surroundings failed.
    #[error(transparent)]
    Engine(#[from] Error),
}

impl From<ReplaceError> for SettingsError {
    fn from(error: ReplaceError) -> Self {
        match error {
            ReplaceError::Changed => SettingsError::Changed,
            ReplaceError::Engine(error) => SettingsError::Engine(error),
        }
    }
}

impl Settings {
    /// Whether an account may sign in by a method, as far as switches and roles say.
    pub fn allow(&self, method: Method, account: &Account) -> bool {
        let enforced = account
            .roles
            .iter()
            .filter_map(|role| self.enforced.get(role));
        self.methods.contains(&method) && enforced.into_iter().all(|only| only.contains(&method))
    }

    fn validate(&self) -> Result<(), SettingsError> {
        for (field, domains) in [
            ("google_domains", &self.google_domains),
            ("email_domains", &self.email_domains),
        ] {
            if domains.len() > DOMAINS_MAX {
                let reason = format!("may be at most {DOMAINS_MAX}");
                return Err(SettingsError::Invalid { field, reason });
            }
        }
        Ok(())
    }
}

/// Reads a tenant's settings.
pub async fn read(store: &impl Store, tenant: &TenantId) -> Result<Settings, Error> {
    Ok(read_versioned(store, tenant).await?.value)
}

/// Reads a tenant's settings and their version.
pub async fn read_versioned(
    store: &impl Store,
    tenant: &TenantId,
) -> Result<Versioned<Settings>, Error> {
    let kept = versioned::read(store, &keys::sign_in_settings(tenant)).await?;
    Ok(kept.unwrap_or_default())
}

/// Replaces a tenant's settings, if they still have the version that `next` names. They count for
/// every sign-in and every question of an application from then on.
pub async fn replace(
    ports: &(impl Store + Clock),
    who: &Actor,
    tenant: &TenantId,
    next: Versioned<Settings>,
) -> Result<Versioned<Settings>, SettingsError> {
    next.value.validate()?;
    let key = keys::sign_in_settings(tenant);
    let found = read_versioned(ports, tenant).await?;
    if found.version != next.version {
        return Err(SettingsError::Changed);
    }
    if found.value == next.value {
        return Ok(found);
    }
    versioned::claim_newest(ports, &key, next.version).await?;
    let what = Action::SignInChanged;
    audit::record(ports, tenant, who, what, tenant.as_str()).await?;
    Ok(versioned::write(ports, &key, next.version, next.value).await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{MemoryPorts, block_on};
    use crate::signin::testing::{account, tenant};

    fn settings(json: &str) -> Settings {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn whoever_has_several_enforced_roles_may_use_what_all_of_them_may() {
        let settings = settings(
            r#"{"methods":["google","clever","password"],
                "enforced":{"student":["google"],"teacher":["google","clever"],"parent":[]}}"#,
        );
        let allowed = |roles: &[Role]| {
            let account = account("a1", roles);
            let methods = Method::ALL.into_iter();
            let allowed = methods.filter(|method| settings.allow(*method, &account));
            allowed.map(Method::as_str).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(allowed(&[Role::Student]), "google");
        assert_eq!(allowed(&[Role::Teacher]), "clever google");
        assert_eq!(allowed(&[Role::Admin, Role::Teacher]), "clever google");
        assert_eq!(allowed(&[Role::Staff]), "clever google password");
        assert_eq!(allowed(&[Role::Student, Role::Teacher]), "google");
        assert_eq!(allowed(&[Role::Parent, Role::Teacher]), "");
    }

    #[test]
    fn of_two_administrators_who_read_the_same_settings_one_is_told() {
        let ports = MemoryPorts::new();
        let next = |json| Versioned {
            version: 0,
            value: settings(json),
        };
        block_on(async {
            let who = Actor::Operator;
            let first = next(r#"{"methods":["google"]}"#);
            let written = replace(&ports, &who, &tenant(), first).await.unwrap();
            assert_eq!(written.version, 1);
            let second = next(r#"{"methods":["password"]}"#);
            let refused = replace(&ports, &who, &tenant(), second).await;
            assert_eq!(refused, Err(SettingsError::Changed));
            assert_eq!(read_versioned(&ports, &tenant()).await.unwrap(), written);
        });
    }
}
