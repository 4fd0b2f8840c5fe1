//! Credentials that an administrator gives: sealed at rest, never shown again.
//!
//! They are sealed together with where they were given for. A connection that leads elsewhere by
//! then does not take them there: who can change where it leads can't read them that way.

use super::{Change, Connection, ConnectionError, CredentialsGiven, Source, Way, modify};
use crate::audit::{Action, Actor};
use crate::error::Error;
use crate::keys;
use crate::ports::{Clock, Random, Store};
use crate::record;
use crate::seal::{SealError, SealKeys, Sealed};
use mapping::ids::{ConnectionId, TenantId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest part of credentials, in bytes.
const PART_BYTES_MAX: usize = 4_096;

/// How requests are signed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Method {
    /// HMAC with SHA-1.
    #[serde(rename = "hmac-sha1")]
    HmacSha1,
    /// HMAC with SHA-256.
    #[serde(rename = "hmac-sha256")]
    HmacSha256,
}

/// What a server wants to see.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Credentials {
    /// A token that is sent as it is.
    Bearer {
        /// The token.
        token: String,
    },
    /// A key and a secret that sign each request.
    Oauth1 {
        /// The key.
        key: String,
        /// The secret.
        secret: String,
        /// How; found out by the connection test when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        method: Option<Method>,
    },
    /// A client that gets access tokens.
    Oauth2 {
        /// The client's id.
        client_id: String,
        /// The client's secret.
        client_secret: String,
    },
}

/// Shows the kind and nothing else.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({:?})", self.kind())
    }
}

/// Of which kind credentials are.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialsKind {
    /// A token.
    Bearer,
    /// OAuth 1.0a.
    Oauth1,
    /// OAuth 2 client credentials.
    Oauth2,
}

impl Credentials {
    /// Of which kind they are.
    pub fn kind(&self) -> CredentialsKind {
        match self {
            Credentials::Bearer { .. } => CredentialsKind::Bearer,
            Credentials::Oauth1 { .. } => CredentialsKind::Oauth1,
            Credentials::Oauth2 { .. } => CredentialsKind::Oauth2,
        }
    }

    fn check(&self) -> Result<(), ConnectionError> {
        let parts = match self {
            Credentials::Bearer { token } => vec![("token", token)],
            Credentials::Oauth1 { key, secret, .. } => vec![("key", key), ("secret", secret)],
            Credentials::Oauth2 {
                client_id,
                client_secret,
            } => vec![("client_id", client_id), ("client_secret", client_secret)],
        };
        for (field, part) in parts {
            let is_usable = !part.is_empty()
                && part.len() <= PART_BYTES_MAX
                && !part.chars().any(char::is_control);
            if !is_usable {
                let reason =
                    format!("needs 1 to {PART_BYTES_MAX} bytes without control characters");
                return Err(ConnectionError::Invalid { field, reason });
            }
        }
        Ok(())
    }
}

/// Credentials as they are kept, sealed.
#[derive(Deserialize, Serialize)]
struct Kept {
    credentials: Credentials,
    /// Where they were given for.
    way: Way,
}

/// What came of opening a connection's credentials.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Opened {
    /// These.
    Given(Credentials),
    /// None were given, or they were given for another place.
    Missing,
}

/// Seals credentials and notes that they were given.
pub async fn put_credentials(
    ports: &(impl Store + Clock + Random),
    seal_keys: &SealKeys,
    who: &Actor,
    connection: &Connection,
    tenant: &TenantId,
    credentials: Credentials,
) -> Result<Connection, PutError> {
    let way = way_of(connection, &credentials)?;
    credentials.check()?;
    let given = CredentialsGiven {
        kind: credentials.kind(),
        at_ms: ports.now().as_millisecond(),
    };
    let kept = Kept {
        credentials,
        way: way.clone(),
    };
    let key = keys::connection_credentials(tenant, &connection.id);
    let sealed = seal_keys.seal(ports, &key, &record::encode(&kept))?;
    let what = (who, Action::ConnectionCredentialsSet);
    let changed = modify(ports, tenant, &connection.id, what, |found| {
        found.credentials = Some(given.clone());
        Ok(Change::Write)
    })
    .await?;
    record::write(ports, &key, &sealed)
        .await
        .map_err(Error::from)?;
    // What was had with the old ones is not to be used any more.
    let tokens = keys::connection_tokens(tenant, &connection.id);
    ports.delete(&tokens).await.map_err(Error::from)?;
    Ok(changed)
}

/// Why credentials were not kept.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PutError {
    /// The connection does not take them.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// They can't be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The surroundings failed.
    #[error(transparent)]
    Engine(#[from] Error),
}

/// Keeps credentials with the method that a connection test found.
pub(crate) async fn replace_credentials(
    ports: &(impl Store + Random),
    seal_keys: &SealKeys,
    (tenant, id): (&TenantId, &ConnectionId),
    way: &Way,
    credentials: Credentials,
) -> Result<(), PutError> {
    let key = keys::connection_credentials(tenant, id);
    let kept = Kept {
        credentials,
        way: way.clone(),
    };
    let sealed = seal_keys.seal(ports, &key, &record::encode(&kept))?;
    record::write(ports, &key, &sealed)
        .await
        .map_err(Error::from)?;
    Ok(())
}

/// Opens a connection's credentials.
pub async fn open_credentials(
    store: &impl Store,
    seal_keys: &SealKeys,
    (tenant, id): (&TenantId, &ConnectionId),
    way: &Way,
) -> Result<Opened, PutError> {
    let key = keys::connection_credentials(tenant, id);
    let sealed: Option<Sealed> = record::read(store, &key).await.map_err(Error::from)?;
    let Some(sealed) = sealed else {
        return Ok(Opened::Missing);
    };
    let plain = seal_keys.open(&key, &sealed)?;
    let kept: Kept = record::decode(&key, &plain).map_err(Error::from)?;
    Ok(if kept.way == *way {
        Opened::Given(kept.credentials)
    } else {
        Opened::Missing
    })
}

/// The way that credentials are for, if the connection takes them.
fn way_of<'a>(
    connection: &'a Connection,
    credentials: &Credentials,
) -> Result<&'a Way, ConnectionError> {
    let no = |reason: &str| Err(ConnectionError::State(reason.to_owned()));
    let Source::Oneroster(settings) = &connection.settings.source else {
        return no("this connection takes no credentials: only those to a OneRoster server do");
    };
    match (&settings.way, credentials.kind()) {
        (Way::ClasslinkPartner { .. }, _) => {
            no("this connection reads ClassLink with the operator's key and takes no credentials")
        }
        (Way::ClasslinkProxy { .. }, CredentialsKind::Oauth1 | CredentialsKind::Oauth2) => {
            no("ClassLink's proxy takes a bearer token alone")
        }
        (Way::Direct { token: None, .. }, CredentialsKind::Oauth2) => no(
            "the connection does not say where OAuth 2 tokens come from: set token.token_url first",
        ),
        (way, _) => Ok(way),
    }
}
