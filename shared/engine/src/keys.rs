//! Every key of the store, in one place.
//!
//! Keys are built from ids whose characters are checked ([`mapping::ids`]), so a part can never
//! contain the separator.

use mapping::ids::{ConnectionId, RunId, TenantId};

/// The list of tenants.
pub fn tenants() -> String {
    "tenants".to_owned()
}

/// A tenant's record.
pub fn tenant(tenant: &TenantId) -> String {
    format!("tenant/{tenant}")
}

/// The right to write one version of a record, see [`crate::versioned`]. Free again each minute.
pub fn claim(record: &str, version: u64, minute: i64) -> String {
    format!("claim/{record}/{version}/{minute}")
}

/// A tenant's audit log.
pub fn audit(tenant: &TenantId) -> String {
    format!("audit/{tenant}")
}

/// The list of a tenant's API keys.
pub fn api_keys(tenant: &TenantId) -> String {
    format!("keys/{tenant}")
}

/// An API key by the digest of its secret.
pub fn api_key(digest: &str) -> String {
    format!("key/{digest}")
}

/// The list of a tenant's connections.
pub fn connections(tenant: &TenantId) -> String {
    format!("connections/{tenant}")
}

/// A connection's record.
pub fn connection(tenant: &TenantId, connection: &ConnectionId) -> String {
    format!("connection/{tenant}/{connection}")
}

/// A connection's sealed tokens.
pub fn connection_tokens(tenant: &TenantId, connection: &ConnectionId) -> String {
    format!("connection/{tenant}/{connection}/tokens")
}

/// A connection's rule set.
pub fn rule_set(tenant: &TenantId, connection: &ConnectionId) -> String {
    format!("rules/{tenant}/{connection}")
}

/// A tenant's organizations.
pub fn organizations(tenant: &TenantId) -> String {
    format!("organizations/{tenant}")
}

/// An authorisation that was asked for, by the digest of the token in its start address.
pub fn oauth_start(digest: &str) -> String {
    format!("oauth-start/{digest}")
}

/// An authorisation under way, by the digest of its `state`.
pub fn oauth_state(digest: &str) -> String {
    format!("oauth-state/{digest}")
}

/// Counts the uses of an authorisation's `state`: only the first may go on.
pub fn oauth_state_use(digest: &str) -> String {
    format!("oauth-state/{digest}/use")
}

/// A provider's signing keys, cached.
pub fn jwks(issuer_digest: &str) -> String {
    format!("jwks/{issuer_digest}")
}

/// Counts the uses of a webhook's signature: only the first may go on.
pub fn webhook_use(tenant: &TenantId, digest: &str) -> String {
    format!("webhook-use/{tenant}/{digest}")
}

/// A tenant's sealed webhook secret.
pub fn webhook_secret(tenant: &TenantId) -> String {
    format!("webhook-secret/{tenant}")
}

/// A run's record.
pub fn run(tenant: &TenantId, run: &RunId) -> String {
    format!("run/{tenant}/{run}")
}
