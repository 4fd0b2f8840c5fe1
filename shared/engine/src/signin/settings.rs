//! How people of a tenant may sign in: a switch per method, and roles that have to use certain ones.

use super::Method;
use crate::error::Error;
use crate::ports::Store;
use crate::{keys, record};
use mapping::account::{Account, Role};
use mapping::ids::TenantId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

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
}

/// Reads a tenant's settings.
pub async fn read(store: &impl Store, tenant: &TenantId) -> Result<Settings, Error> {
    let kept = record::read(store, &keys::sign_in_settings(tenant)).await?;
    Ok(kept.unwrap_or_default())
}
