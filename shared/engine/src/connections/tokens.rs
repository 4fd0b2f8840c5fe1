//! A connection's tokens: sealed at rest, refreshed when they run out.

use super::{Change, ConnectionError, State, modify};
use crate::audit::{Action, Actor};
use crate::error::Error;
use crate::keys;
use crate::ports::{Clock, Random, Store, Transport, TransportError};
use crate::record;
use crate::seal::{SealError, SealKeys, Sealed};
use crate::settings::{GoogleSettings, Secret};
use connectors::google::oauth::{
    Grant, OAUTH_BYTES_MAX, TokenError, parse_token_response, refresh_request,
};
use mapping::ids::{ConnectionId, TenantId};
use serde::{Deserialize, Serialize};

/// An access token is renewed this long before it ends, in milliseconds: longer than any slice
/// that is started with it.
const LEEWAY_MS: i64 = 120_000;

/// Whether a kept access token will do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Freshness {
    /// Any that has not run out.
    Kept,
    /// A new one: the provider refused the kept one.
    New,
}

/// Why there is no access token. Never a reason to think that nobody is there.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TokenFailure {
    /// The address may not be reached from here.
    #[error("{0}")]
    Blocked(String),
    /// The connection was never authorised, or was revoked.
    #[error("the connection {0} is not authorised")]
    NotAuthorized(ConnectionId),
    /// The operator has to mend something; the connection is untouched.
    #[error("the operator has to act: {0}")]
    Operator(String),
    /// The district's policy does not let the app in; the connection is untouched.
    #[error("{0}")]
    Policy(String),
    /// The provider did not answer as it should; try again later.
    #[error("no access token could be had now: {0}")]
    Provider(String),
    /// The authorisation died and the connection says so now.
    #[error("the connection {connection} needs to be authorised again: {reason}")]
    ReconnectNeeded {
        /// The connection.
        connection: ConnectionId,
        /// Why.
        reason: String,
    },
    /// The tokens can't be opened.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The surroundings failed.
    #[error(transparent)]
    Engine(#[from] Error),
}

impl From<ConnectionError> for TokenFailure {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::Engine(error) => TokenFailure::Engine(error),
            ConnectionError::Changed
            | ConnectionError::Exists
            | ConnectionError::Invalid { .. }
            | ConnectionError::NotAvailable(_)
            | ConnectionError::NotFound
            | ConnectionError::Operators(_)
            | ConnectionError::State(_)
            | ConnectionError::Taken
            | ConnectionError::TooMany => TokenFailure::Provider(error.to_string()),
        }
    }
}

/// Tokens as they are kept, sealed.
#[derive(Deserialize, Serialize)]
pub(crate) struct KeptTokens {
    /// For new access tokens.
    pub(crate) refresh_token: String,
    /// For the provider's API.
    pub(crate) access_token: String,
    /// When the access token ends, in milliseconds since the Unix epoch.
    pub(crate) access_until_ms: i64,
}

/// An access token of a connection, from the store or from Google.
pub async fn access_token(
    ports: &(impl Store + Clock + Random + Transport),
    google: &GoogleSettings,
    seal_keys: &SealKeys,
    (tenant, connection): (&TenantId, &ConnectionId),
    freshness: Freshness,
) -> Result<Secret, TokenFailure> {
    let kept = read_tokens(ports, seal_keys, tenant, connection).await?;
    let kept = kept.ok_or_else(|| TokenFailure::NotAuthorized(connection.clone()))?;
    let now_ms = ports.now().as_millisecond();
    if freshness == Freshness::Kept && now_ms < kept.access_until_ms.saturating_sub(LEEWAY_MS) {
        return Ok(Secret::new(kept.access_token));
    }
    let client = google.client(String::new());
    let request = refresh_request(&google.endpoints(), &client, &kept.refresh_token)
        .map_err(|error| TokenFailure::Provider(error.to_string()))?;
    let response = ports
        .send(request, OAUTH_BYTES_MAX)
        .await
        .map_err(|error: TransportError| TokenFailure::Provider(error.to_string()))?;
    let tokens = match parse_token_response(Grant::Refresh, &response) {
        Ok(tokens) => tokens,
        Err(TokenError::ConnectionDead { reason }) => {
            let reason = reason.to_string();
            return lost(ports, seal_keys, (tenant, connection), &kept, reason).await;
        }
        Err(TokenError::Operator { fault }) => {
            return Err(TokenFailure::Operator(fault.to_string()));
        }
        Err(error @ TokenError::PolicyEnforced) => {
            return Err(TokenFailure::Policy(error.to_string()));
        }
        Err(
            error @ (TokenError::Malformed | TokenError::Restart | TokenError::Transient { .. }),
        ) => return Err(TokenFailure::Provider(error.to_string())),
    };
    let life_ms = i64::try_from(tokens.expires_in.as_millis()).unwrap_or(i64::MAX);
    let next = KeptTokens {
        refresh_token: tokens.refresh_token.unwrap_or(kept.refresh_token),
        access_token: tokens.access_token,
        access_until_ms: now_ms.saturating_add(life_ms),
    };
    keep_tokens(ports, seal_keys, tenant, connection, &next).await?;
    Ok(Secret::new(next.access_token))
}

/// Opens a connection's tokens.
pub(crate) async fn read_tokens(
    store: &impl Store,
    seal_keys: &SealKeys,
    tenant: &TenantId,
    connection: &ConnectionId,
) -> Result<Option<KeptTokens>, TokenFailure> {
    let key = keys::connection_tokens(tenant, connection);
    let sealed: Option<Sealed> = record::read(store, &key).await.map_err(Error::from)?;
    let Some(sealed) = sealed else {
        return Ok(None);
    };
    let plain = seal_keys.open(&key, &sealed)?;
    let kept = record::decode(&key, &plain).map_err(Error::from)?;
    Ok(Some(kept))
}

/// Seals and writes a connection's tokens.
pub(crate) async fn keep_tokens(
    ports: &(impl Store + Random),
    seal_keys: &SealKeys,
    tenant: &TenantId,
    connection: &ConnectionId,
    tokens: &KeptTokens,
) -> Result<(), TokenFailure> {
    let key = keys::connection_tokens(tenant, connection);
    let sealed = seal_keys.seal(ports, &key, &record::encode(tokens))?;
    record::write(ports, &key, &sealed)
        .await
        .map_err(Error::from)?;
    Ok(())
}

/// The refresh token is dead: the connection says so, unless it was authorised anew meanwhile.
async fn lost(
    ports: &(impl Store + Clock),
    seal_keys: &SealKeys,
    (tenant, connection): (&TenantId, &ConnectionId),
    dead: &KeptTokens,
    reason: String,
) -> Result<Secret, TokenFailure> {
    let present = read_tokens(ports, seal_keys, tenant, connection).await?;
    if present.is_some_and(|kept| kept.refresh_token != dead.refresh_token) {
        let text = "the connection was authorised anew meanwhile";
        return Err(TokenFailure::Provider(text.to_owned()));
    }
    Err(mark_lost(ports, (tenant, connection), reason).await?)
}

/// Says in a connection that its provider does not let us in any more, and why.
pub(super) async fn mark_lost(
    ports: &(impl Store + Clock),
    (tenant, connection): (&TenantId, &ConnectionId),
    reason: String,
) -> Result<TokenFailure, TokenFailure> {
    let change = (&Actor::Rollcall, Action::ConnectionLost);
    modify(ports, tenant, connection, change, |found| {
        if !matches!(found.state, State::Active | State::Authorized) {
            return Ok(Change::Nothing);
        }
        found.state = State::ReconnectNeeded;
        found.attention = Some(reason.clone());
        Ok(Change::Write)
    })
    .await?;
    Ok(TokenFailure::ReconnectNeeded {
        connection: connection.clone(),
        reason,
    })
}
