//! The signed webhook for a manual resync: its secret, and checking what claims to come from its
//! holder.
//!
//! The sender signs `{timestamp}.{body}` with HMAC-SHA256 and sends the time in Unix seconds and
//! the signature in hexadecimal. A signature counts once, and only within five minutes.

use crate::audit::{self, Action, Actor};
use crate::error::Error;
use crate::keys;
use crate::ports::{Clock, Random, Store};
use crate::record;
use crate::seal::{SealError, SealKeys, Sealed};
use crate::secrets;
use crate::settings::Secret;
use hmac::{Hmac, Mac};
use mapping::ids::TenantId;
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// The header with the time of signing, in Unix seconds.
pub const TIMESTAMP_HEADER: &str = "x-rollcall-timestamp";

/// The header with the signature, as `v1=` and 64 hexadecimal digits.
pub const SIGNATURE_HEADER: &str = "x-rollcall-signature";

/// How far the time of signing may be from now, either way, in seconds.
pub const WINDOW_SECONDS: i64 = 300;

/// Largest body of a webhook, in bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// Why a webhook is refused or its secret not made.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum WebhookError {
    /// A header is absent or not of the right form.
    #[error("the header {0} is missing or not of the right form")]
    Header(&'static str),
    /// The body is over [`BODY_BYTES_MAX`].
    #[error("the body may have at most {BODY_BYTES_MAX} bytes")]
    Large,
    /// The signature was used before.
    #[error("this request was received before")]
    Replayed,
    /// The signature is not right. A tenant without a webhook secret is told the same.
    #[error("the signature is not right")]
    Signature,
    /// The time of signing is outside the window.
    #[error("the timestamp is more than {WINDOW_SECONDS} seconds from now")]
    Stale,
    /// The secret could not be sealed or opened.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The surroundings failed.
    #[error(transparent)]
    Engine(#[from] Error),
}

/// Makes the tenant's webhook secret; the one before stops working. Shown this once.
pub async fn mint_secret(
    ports: &(impl Store + Clock + Random),
    seal_keys: &SealKeys,
    who: &Actor,
    tenant: &TenantId,
) -> Result<Secret, WebhookError> {
    let key = keys::webhook_secret(tenant);
    let secret = secrets::random_secret(ports, "whsec");
    let sealed = seal_keys.seal(ports, &key, secret.as_bytes())?;
    let what = Action::WebhookSecretMinted;
    audit::record(ports, tenant, who, what, tenant.as_str()).await?;
    record::write(ports, &key, &sealed)
        .await
        .map_err(Error::from)?;
    Ok(Secret::new(secret))
}

/// Whether the tenant has a webhook secret.
pub async fn has_secret(store: &impl Store, tenant: &TenantId) -> Result<bool, Error> {
    Ok(store.exists(&keys::webhook_secret(tenant)).await?)
}

/// Removes the tenant's webhook secret; doing it again changes nothing.
pub async fn remove_secret(
    ports: &(impl Store + Clock),
    who: &Actor,
    tenant: &TenantId,
) -> Result<(), Error> {
    if has_secret(ports, tenant).await? {
        let what = Action::WebhookSecretRemoved;
        audit::record(ports, tenant, who, what, tenant.as_str()).await?;
        ports.delete(&keys::webhook_secret(tenant)).await?;
    }
    Ok(())
}

/// Checks a webhook; `Ok` once for each signature.
pub async fn verify(
    ports: &(impl Store + Clock + Random),
    seal_keys: &SealKeys,
    tenant: &TenantId,
    headers: &http::HeaderMap,
    body: &[u8],
) -> Result<(), WebhookError> {
    if body.len() > BODY_BYTES_MAX {
        return Err(WebhookError::Large);
    }
    let timestamp = header(headers, TIMESTAMP_HEADER)?;
    let signature = header(headers, SIGNATURE_HEADER)?
        .strip_prefix("v1=")
        .filter(|hex| hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
        .ok_or(WebhookError::Header(SIGNATURE_HEADER))?
        .to_ascii_lowercase();
    let signed_at: i64 = timestamp
        .parse()
        .map_err(|_| WebhookError::Header(TIMESTAMP_HEADER))?;
    if signed_at.abs_diff(ports.now().as_second()) > WINDOW_SECONDS.unsigned_abs() {
        return Err(WebhookError::Stale);
    }
    let key = keys::webhook_secret(tenant);
    let sealed: Option<Sealed> = record::read(ports, &key).await.map_err(Error::from)?;
    let sealed = sealed.ok_or(WebhookError::Signature)?;
    let secret = seal_keys.open(&key, &sealed)?;
    let expected = sign(&secret, timestamp, body);
    if !bool::from(expected.as_bytes().ct_eq(signature.as_bytes())) {
        return Err(WebhookError::Signature);
    }
    let uses = keys::webhook_use(tenant, &signature);
    if ports.increment(&uses, 1).await.map_err(Error::from)? != 1 {
        return Err(WebhookError::Replayed);
    }
    if seal_keys.is_outdated(&sealed) {
        // So that an old key can be taken out of the variable once everything was used.
        let sealed = seal_keys.seal(ports, &key, &secret)?;
        record::write(ports, &key, &sealed)
            .await
            .map_err(Error::from)?;
    }
    Ok(())
}

/// The signature of a body, in lower-case hexadecimal digits.
pub fn sign(secret: &[u8], timestamp: &str, body: &[u8]) -> String {
    // HMAC takes a key of any length, so this never fails; an empty signature matches nothing.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else {
        return String::new();
    };
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    secrets::hex(&mac.finalize().into_bytes())
}

fn header<'a>(headers: &'a http::HeaderMap, name: &'static str) -> Result<&'a str, WebhookError> {
    let mut values = headers.get_all(name).iter();
    match (values.next().map(http::HeaderValue::to_str), values.next()) {
        (Some(Ok(value)), None) => Ok(value),
        _ => Err(WebhookError::Header(name)),
    }
}
