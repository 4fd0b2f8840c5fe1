//! Who is asking: the operator by their token, or somebody of a tenant by an API key.
//!
//! A key is looked up by its digest, so an unknown one costs one read however it is guessed, and
//! 260 random bits are not guessed. Another tenant's key meets the same words as a tenant that
//! does not exist.

use crate::audit::{self, Action, Actor};
use crate::error::Error;
use crate::keys;
use crate::log::Log;
use crate::ports::{Clock, Random, Store};
use crate::record;
use crate::secrets;
use crate::settings::Secret;
use crate::tenants;
use mapping::ids::TenantId;
use serde::{Deserialize, Serialize};

/// Longest `Authorization` header looked at, in bytes.
const HEADER_BYTES_MAX: usize = 512;

/// Most keys a tenant may ever have minted. Listing reads one record for each.
pub const KEYS_MAX: u64 = 500;

/// What a key may do in its tenant.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyRole {
    /// Everything.
    Admin,
    /// Read everything, change nothing.
    Viewer,
}

/// Who is asking.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Principal {
    /// Somebody with an API key.
    Key {
        /// The tenant of the key.
        tenant: TenantId,
        /// What it may do.
        role: KeyRole,
        /// The key's id.
        id: String,
    },
    /// The operator.
    Operator,
}

impl Principal {
    /// The principal as it stands in the audit log.
    pub fn actor(&self) -> Actor {
        match self {
            Principal::Key { id, .. } => Actor::Key { id: id.clone() },
            Principal::Operator => Actor::Operator,
        }
    }
}

/// An API key as it is kept and shown: without its secret.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ApiKey {
    /// `key-` and its number in the tenant.
    pub id: String,
    /// Whose it is.
    pub tenant: TenantId,
    /// What it may do.
    pub role: KeyRole,
    /// What people call it.
    pub label: String,
    /// When it was made, in milliseconds since the Unix epoch.
    pub created_at_ms: i64,
    /// When it was revoked, in milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at_ms: Option<i64>,
}

/// What a new key is made from.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    /// What it may do.
    pub role: KeyRole,
    /// What people call it.
    pub label: String,
}

/// A new key with its secret, which is shown this once.
#[derive(Clone, Debug)]
pub struct Minted {
    /// The key as it is kept.
    pub key: ApiKey,
    /// The secret.
    pub secret: Secret,
}

/// Why somebody is not let in or a key not made.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AccessError {
    /// No `Authorization: Bearer`, or not a usable one.
    #[error("send the header authorization: Bearer, with an API key or the operator token")]
    Missing,
    /// The key is unknown or revoked.
    #[error("the key is unknown or was revoked")]
    Unknown,
    /// The label breaks a rule.
    #[error("{0}")]
    Label(String),
    /// [`KEYS_MAX`] keys were made.
    #[error("a tenant may have at most {KEYS_MAX} keys")]
    TooMany,
    /// There is no such key in this tenant.
    #[error("there is no such key")]
    NotFound,
    /// The surroundings failed.
    #[error(transparent)]
    Engine(#[from] Error),
}

/// Finds out who is asking.
pub async fn authenticate(
    store: &impl Store,
    operator_token: &Secret,
    headers: &http::HeaderMap,
) -> Result<Principal, AccessError> {
    let token = bearer(headers).ok_or(AccessError::Missing)?;
    if secrets::is_equal(token, operator_token.expose()) {
        return Ok(Principal::Operator);
    }
    let key_record = keys::api_key(&secrets::digest(token));
    let key: Option<ApiKey> = record::read(store, &key_record)
        .await
        .map_err(Error::from)?;
    match key {
        Some(key) if key.revoked_at_ms.is_none() => Ok(Principal::Key {
            tenant: key.tenant,
            role: key.role,
            id: key.id,
        }),
        _ => Err(AccessError::Unknown),
    }
}

fn bearer(headers: &http::HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(http::header::AUTHORIZATION).iter();
    let value = values.next()?;
    if values.next().is_some() || value.len() > HEADER_BYTES_MAX {
        return None;
    }
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// Makes a key for a tenant that exists.
pub async fn mint(
    ports: &(impl Store + Clock + Random),
    who: &Actor,
    tenant: &TenantId,
    new: NewKey,
) -> Result<Minted, AccessError> {
    let label = tenants::check_name("label", &new.label)
        .map_err(|error| AccessError::Label(error.to_string()))?;
    let list = Log::new(keys::api_keys(tenant));
    if list.count(ports).await.map_err(Error::from)? >= KEYS_MAX {
        return Err(AccessError::TooMany);
    }
    let secret = secrets::random_secret(ports, &format!("rk_{tenant}"));
    let digest = secrets::digest(&secret);
    let number = list.append(ports, &digest).await.map_err(Error::from)?;
    let key = ApiKey {
        id: format!("key-{number}"),
        tenant: tenant.clone(),
        role: new.role,
        label,
        created_at_ms: ports.now().as_millisecond(),
        revoked_at_ms: None,
    };
    audit::record(ports, tenant, who, Action::KeyMinted, &key.id).await?;
    record::write(ports, &keys::api_key(&digest), &key)
        .await
        .map_err(Error::from)?;
    Ok(Minted {
        key,
        secret: Secret::new(secret),
    })
}

/// All keys of a tenant, oldest first, revoked ones too.
pub async fn list(store: &impl Store, tenant: &TenantId) -> Result<Vec<ApiKey>, Error> {
    let limit = usize::try_from(KEYS_MAX).unwrap_or(usize::MAX);
    let page = Log::new(keys::api_keys(tenant))
        .page_after::<String>(store, 0, limit)
        .await?;
    let mut found = Vec::new();
    for (_, digest) in page.entries {
        found.extend(record::read(store, &keys::api_key(&digest)).await?);
    }
    Ok(found)
}

/// Revokes a key; doing it again changes nothing.
pub async fn revoke(
    ports: &(impl Store + Clock),
    who: &Actor,
    tenant: &TenantId,
    id: &str,
) -> Result<ApiKey, AccessError> {
    let number = id
        .strip_prefix("key-")
        .and_then(|number| number.parse::<u64>().ok())
        .ok_or(AccessError::NotFound)?;
    let entry = Log::new(keys::api_keys(tenant)).entry_key(number);
    let digest: Option<String> = record::read(ports, &entry).await.map_err(Error::from)?;
    let key_record = keys::api_key(&digest.ok_or(AccessError::NotFound)?);
    let key: Option<ApiKey> = record::read(ports, &key_record)
        .await
        .map_err(Error::from)?;
    let mut key = key.ok_or(AccessError::NotFound)?;
    if key.revoked_at_ms.is_some() {
        return Ok(key);
    }
    key.revoked_at_ms = Some(ports.now().as_millisecond());
    audit::record(ports, tenant, who, Action::KeyRevoked, &key.id).await?;
    record::write(ports, &key_record, &key)
        .await
        .map_err(Error::from)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{MemoryPorts, block_on};

    fn headers(token: &str) -> http::HeaderMap {
        let mut headers = http::HeaderMap::new();
        let value = format!("Bearer {token}").parse().unwrap();
        headers.insert(http::header::AUTHORIZATION, value);
        headers
    }

    fn new(role: KeyRole) -> NewKey {
        NewKey {
            role,
            label: "console".to_owned(),
        }
    }

    #[test]
    fn a_minted_key_lets_in_until_it_is_revoked() {
        let ports = MemoryPorts::new();
        let operator = Secret::new("o".repeat(32));
        let tenant = TenantId::parse("maple_grove").unwrap();
        block_on(async {
            let minted = mint(&ports, &Actor::Operator, &tenant, new(KeyRole::Viewer))
                .await
                .unwrap();
            let secret = minted.secret.expose();
            assert!(secret.starts_with("rk_maple_grove_"), "{secret}");
            let who = authenticate(&ports, &operator, &headers(secret))
                .await
                .unwrap();
            let expected = Principal::Key {
                tenant: tenant.clone(),
                role: KeyRole::Viewer,
                id: "key-1".to_owned(),
            };
            assert_eq!(who, expected);
            revoke(&ports, &Actor::Operator, &tenant, "key-1")
                .await
                .unwrap();
            let refused = authenticate(&ports, &operator, &headers(secret)).await;
            assert_eq!(refused, Err(AccessError::Unknown));
        });
    }

    #[test]
    fn the_store_never_holds_the_secret() {
        let ports = MemoryPorts::new();
        let tenant = TenantId::parse("maple").unwrap();
        block_on(async {
            let minted = mint(&ports, &Actor::Operator, &tenant, new(KeyRole::Admin))
                .await
                .unwrap();
            for (key, value) in ports.dump() {
                let text = format!("{key} {}", String::from_utf8_lossy(&value));
                assert!(!text.contains(minted.secret.expose()), "{key}");
            }
            assert_eq!(list(&ports, &tenant).await.unwrap(), [minted.key]);
        });
    }

    #[test]
    fn a_key_of_another_tenant_can_not_be_revoked() {
        let ports = MemoryPorts::new();
        let maple = TenantId::parse("maple").unwrap();
        let oak = TenantId::parse("oak").unwrap();
        block_on(async {
            mint(&ports, &Actor::Operator, &maple, new(KeyRole::Admin))
                .await
                .unwrap();
            for id in ["key-1", "key-x", "1", ""] {
                let refused = revoke(&ports, &Actor::Operator, &oak, id).await;
                assert_eq!(refused, Err(AccessError::NotFound), "{id}");
            }
        });
    }

    #[test]
    fn a_header_that_is_no_bearer_token_is_refused() {
        let ports = MemoryPorts::new();
        let operator = Secret::new("o".repeat(32));
        block_on(async {
            assert_eq!(
                authenticate(&ports, &operator, &http::HeaderMap::new()).await,
                Err(AccessError::Missing)
            );
            let mut twice = headers("a");
            twice.append(http::header::AUTHORIZATION, "Bearer b".parse().unwrap());
            let refused = authenticate(&ports, &operator, &twice).await;
            assert_eq!(refused, Err(AccessError::Missing));
            let right = headers(&"o".repeat(32));
            let who = authenticate(&ports, &operator, &right).await;
            assert_eq!(who, Ok(Principal::Operator));
        });
    }
}
