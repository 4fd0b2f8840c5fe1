//! Applications that sign people in through us, as the operator registered them.

mod change;
mod check;

pub use change::{Registered, change, list, register, remove, rotate_secret};

use crate::error::Error;
use crate::keys;
use crate::log::Log;
use crate::ports::{Clock, Store};
use crate::secrets;
use crate::versioned::{self, ReplaceError, Versioned};
use mapping::ids::{ClientId, TenantId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Most clients that may ever be registered. Listing reads one record for each.
pub const CLIENTS_MAX: u64 = 200;

/// Most addresses of a kind that a client may have.
pub const ADDRESSES_MAX: usize = 20;

/// Most tenants that a client may be bound to.
pub const TENANTS_MAX: usize = 200;

/// How a client proves to the token endpoint who it is (OpenID Connect Core section 9).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// Its id and secret in an `Authorization: Basic` header.
    #[default]
    ClientSecretBasic,
    /// Its id and secret in the body.
    ClientSecretPost,
    /// Not at all: it can keep no secret. PKCE alone binds a code to who asked for it.
    None,
}

/// What the operator says of an application.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ClientSettings {
    /// What people see.
    pub name: String,
    /// Where people may be sent back to, compared byte for byte.
    pub redirect_uris: BTreeSet<String>,
    /// Where people may be sent after they signed out, compared byte for byte.
    #[serde(default)]
    pub post_logout_redirect_uris: BTreeSet<String>,
    /// Where the application begins a sign-in of its own (OpenID Connect Core section 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initiate_login_uri: Option<String>,
    /// Where the application is told that somebody is signed out (Back-Channel Logout 1.0).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<String>,
    /// How it proves who it is.
    #[serde(default)]
    pub token_endpoint_auth_method: AuthMethod,
    /// Whether it may have refresh tokens, which it asks for with the scope `offline_access`.
    #[serde(default)]
    pub offline_access: bool,
    /// The tenants whose people may use it; absent for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenants: Option<BTreeSet<TenantId>>,
}

/// A registered application.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Client {
    /// Its id: `app-` and 80 random bits.
    pub id: ClientId,
    /// What the operator says of it.
    pub settings: ClientSettings,
    /// When it was registered, in milliseconds since the Unix epoch.
    pub created_at_ms: i64,
}

impl Client {
    /// Whether people of a tenant may use it.
    pub fn has(&self, tenant: &TenantId) -> bool {
        let only = self.settings.tenants.as_ref();
        only.is_none_or(|only| only.contains(tenant))
    }

    /// The tenant that it is bound to, if that is one.
    pub fn only_tenant(&self) -> Option<&TenantId> {
        let mut tenants = self.settings.tenants.as_ref()?.iter();
        tenants.next().filter(|_| tenants.next().is_none())
    }
}

/// A client as it is kept.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
struct Kept {
    client: Client,
    /// The digest of its secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    /// The digest of the secret before that one, and until when it still works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<(String, i64)>,
    /// Its number in the list.
    listed_as: u64,
    /// True once it was removed. The record stays, so that its id is not given again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    removed: bool,
}

impl Kept {
    fn knows(&self, secret: &str, now_ms: i64) -> bool {
        let given = secrets::digest(secret);
        let before = self.before.as_ref();
        let before = before.filter(|(_, until_ms)| now_ms < *until_ms);
        let known = self.secret.iter().chain(before.map(|(digest, _)| digest));
        // Every one is compared, so that the time tells nothing of which.
        known.fold(false, |found, digest| {
            secrets::is_equal(&given, digest) | found
        })
    }
}

/// Why a client was not registered or changed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ClientError {
    /// Somebody else changed it meanwhile.
    #[error("the client was changed meanwhile: read it again and repeat the change")]
    Changed,
    /// A value breaks a rule.
    #[error("{field}: {reason}")]
    Invalid {
        /// The field.
        field: String,
        /// The rule.
        reason: String,
    },
    /// There is no such client.
    #[error("there is no such client")]
    NotFound,
    /// The client has no secret: it proves who it is in no way.
    #[error("the client has no secret: its token_endpoint_auth_method is none")]
    Public,
    /// [`CLIENTS_MAX`] were registered.
    #[error("at most {CLIENTS_MAX} clients may be registered")]
    TooMany,
    /// The surroundings failed.
    #[error(transparent)]
    Engine(#[from] Error),
}

impl From<ReplaceError> for ClientError {
    fn from(error: ReplaceError) -> Self {
        match error {
            ReplaceError::Changed => ClientError::Changed,
            ReplaceError::Engine(error) => ClientError::Engine(error),
        }
    }
}

/// Reads a client that was not removed.
pub async fn read(store: &impl Store, id: &ClientId) -> Result<Option<Client>, Error> {
    Ok(find(store, id).await?.map(|found| found.value.client))
}

async fn find(store: &impl Store, id: &ClientId) -> Result<Option<Versioned<Kept>>, Error> {
    let found: Option<Versioned<Kept>> = versioned::read(store, &keys::client(id)).await?;
    Ok(found.filter(|found| !found.value.removed))
}

/// The client of this id, if it proves who it is as it is registered to: with this method, and this
/// secret where the method has one.
pub async fn authenticate(
    ports: &(impl Store + Clock),
    id: &ClientId,
    method: AuthMethod,
    secret: Option<&str>,
) -> Result<Option<Client>, Error> {
    let Some(Versioned { value: kept, .. }) = find(ports, id).await? else {
        return Ok(None);
    };
    let is_right_method = kept.client.settings.token_endpoint_auth_method == method;
    let is_proven = match (method, secret) {
        (AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost, Some(secret)) => {
            kept.knows(secret, ports.now().as_millisecond())
        }
        (AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost, None) => false,
        (AuthMethod::None, secret) => secret.is_none(),
    };
    Ok((is_right_method && is_proven).then_some(kept.client))
}

/// Whether there was ever a client. Without one there is nothing to look after.
pub async fn any(store: &impl Store) -> Result<bool, Error> {
    Ok(clients_log().count(store).await? > 0)
}

/// All clients, oldest first.
pub async fn all(store: &impl Store) -> Result<Vec<Client>, Error> {
    let limit = usize::try_from(CLIENTS_MAX).unwrap_or(usize::MAX);
    Ok(list(store, 0, limit).await?.0)
}

fn clients_log() -> Log {
    Log::new(keys::clients())
}
