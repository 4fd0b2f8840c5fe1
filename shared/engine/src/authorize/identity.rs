//! Who consented: the id token against Google's keys, which are kept as long as Google says.

use super::OAuthSettings;
use crate::error::Error;
use crate::ports::{Clock, Store, Transport};
use crate::settings::GoogleSettings;
use crate::{keys, record, secrets};
use connectors::google::id_token::{Expected, IdTokenError, KeySet, parse_keys, verify};
use connectors::google::oauth::{OAUTH_BYTES_MAX, keys_request};
use serde::{Deserialize, Serialize};

/// Why it is not known who consented, or why they may not.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum IdentityError {
    /// The account is not of the connection's domain.
    #[error(
        "the account that consented is not of the domain {domain}: start again with an administrator's account of it"
    )]
    Domain {
        /// The connection's domain.
        domain: String,
    },
    /// Google's keys could not be had.
    #[error("Google's signing keys could not be read: try again in a few minutes")]
    Keys,
    /// Google sent no id token.
    #[error("Google did not say who consented: start again")]
    Missing,
    /// The id token is not believed.
    #[error(transparent)]
    Token(#[from] IdTokenError),
    /// The surroundings failed.
    #[error(transparent)]
    Engine(#[from] Error),
}

#[derive(Deserialize, Serialize)]
struct KeptKeys {
    until_ms: i64,
    keys: KeySet,
}

/// Verifies an id token and that its account is of the domain.
pub(super) async fn identify(
    ports: &(impl Store + Clock + Transport),
    settings: &OAuthSettings,
    id_token: Option<&str>,
    nonce: &str,
    domain: &str,
) -> Result<(), IdentityError> {
    let token = id_token.ok_or(IdentityError::Missing)?;
    let expected = Expected {
        client_id: &settings.google.client_id,
        nonce,
        now: ports.now(),
    };
    let identity = verify_with_keys(ports, &settings.google, |keys| {
        verify(token, keys, &expected)
    })
    .await?;
    if identity.belongs_to(domain) {
        Ok(())
    } else {
        let domain = domain.to_owned();
        Err(IdentityError::Domain { domain })
    }
}

/// Verifies with Google's kept keys; with fresh ones, once, if the token names a key that is not
/// among them.
pub(crate) async fn verify_with_keys<T>(
    ports: &(impl Store + Clock + Transport),
    google: &GoogleSettings,
    verify: impl Fn(&KeySet) -> Result<T, IdTokenError>,
) -> Result<T, IdentityError> {
    let key = keys::jwks(&secrets::digest(&google.certs_url));
    let kept: Option<KeptKeys> = record::read(ports, &key).await.map_err(Error::from)?;
    let now_ms = ports.now().as_millisecond();
    if let Some(kept) = kept.filter(|kept| now_ms < kept.until_ms) {
        match verify(&kept.keys) {
            Err(IdTokenError::UnknownKey) => {}
            other => return Ok(other?),
        }
    }
    let keys = fetch_keys(ports, google, &key).await?;
    Ok(verify(&keys)?)
}

async fn fetch_keys(
    ports: &(impl Store + Clock + Transport),
    google: &GoogleSettings,
    key: &str,
) -> Result<KeySet, IdentityError> {
    let request = keys_request(&google.endpoints()).map_err(|_| IdentityError::Keys)?;
    let response = ports.send(request, OAUTH_BYTES_MAX).await;
    let response = response.map_err(|_| IdentityError::Keys)?;
    let (keys, keep_for) = parse_keys(&response).map_err(|_| IdentityError::Keys)?;
    let keep_ms = i64::try_from(keep_for.as_millis()).unwrap_or(0);
    let kept = KeptKeys {
        until_ms: ports.now().as_millisecond().saturating_add(keep_ms),
        keys,
    };
    record::write(ports, key, &kept)
        .await
        .map_err(Error::from)?;
    Ok(kept.keys)
}
