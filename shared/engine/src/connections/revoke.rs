//! Giving an authorisation back, and deleting a connection.

use super::districts::{self, named};
use super::{Change, ConnectionError, Holder, State, modify, read, read_tokens};
use crate::audit::{self, Action, Actor};
use crate::error::Error;
use crate::keys;
use crate::large;
use crate::ports::{Clock, Store, Transport};
use crate::seal::SealKeys;
use crate::settings::GoogleSettings;
use connectors::google::oauth::{OAUTH_BYTES_MAX, parse_revoke_response, revoke_request};
use mapping::ids::{ConnectionId, TenantId};
use serde::Serialize;

/// What became of a grant. The tokens are forgotten here in any case.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Revoked {
    /// True when Google has withdrawn the grant, or there was none.
    pub told_provider: bool,
    /// What is left to do by hand, if Google could not be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_to_do: Option<String>,
}

/// Tells Google, forgets the tokens, keeps the configuration. Doing it again changes nothing.
pub async fn revoke(
    ports: &(impl Store + Clock + Transport),
    google: &GoogleSettings,
    seal_keys: &SealKeys,
    who: &Actor,
    (tenant, id): (&TenantId, &ConnectionId),
) -> Result<Revoked, ConnectionError> {
    let connection = read(ports, tenant, id).await?;
    connection.ok_or(ConnectionError::NotFound)?;
    let revoked = withdraw(ports, google, seal_keys, tenant, id).await;
    forget(ports, who, (tenant, id)).await?;
    Ok(revoked)
}

/// Forgets tokens and credentials, keeps the configuration. Needs no secret, so it does for every
/// provider that need not be told.
pub async fn forget(
    ports: &(impl Store + Clock),
    who: &Actor,
    (tenant, id): (&TenantId, &ConnectionId),
) -> Result<Revoked, ConnectionError> {
    if read(ports, tenant, id).await?.is_none() {
        return Err(ConnectionError::NotFound);
    }
    let gone = [
        keys::connection_tokens(tenant, id),
        keys::connection_credentials(tenant, id),
    ];
    ports.delete_many(&gone).await.map_err(Error::from)?;
    let what = (who, Action::ConnectionRevoked);
    modify(ports, tenant, id, what, |found| {
        let is_idle = matches!(found.state, State::Draft | State::Revoked);
        if is_idle && found.credentials.is_none() {
            return Ok(Change::Nothing);
        }
        if !is_idle {
            found.state = State::Revoked;
        }
        found.authorization = None;
        found.attention = None;
        found.credentials = None;
        found.last_test = None;
        Ok(Change::Write)
    })
    .await?;
    Ok(Revoked {
        told_provider: true,
        left_to_do: None,
    })
}

/// Revokes, then removes the configuration; accounts stay.
pub async fn delete(
    ports: &(impl Store + Clock + Transport),
    google: &GoogleSettings,
    seal_keys: &SealKeys,
    who: &Actor,
    (tenant, id): (&TenantId, &ConnectionId),
) -> Result<Revoked, ConnectionError> {
    let revoked = revoke(ports, google, seal_keys, who, (tenant, id)).await?;
    remove(ports, who, (tenant, id)).await?;
    Ok(revoked)
}

/// Removes the configuration of a connection that has nothing to give back any more, and gives its
/// district back.
pub async fn remove(
    ports: &(impl Store + Clock),
    who: &Actor,
    (tenant, id): (&TenantId, &ConnectionId),
) -> Result<(), ConnectionError> {
    let connection = read(ports, tenant, id).await?;
    let connection = connection.ok_or(ConnectionError::NotFound)?;
    let what = Action::ConnectionDeleted;
    audit::record(ports, tenant, who, what, id.as_str()).await?;
    large::delete(ports, &keys::rule_set(tenant, id)).await?;
    let gone = keys::connection(tenant, id);
    ports.delete(&gone).await.map_err(Error::from)?;
    let holder = Holder {
        tenant: tenant.clone(),
        connection: id.clone(),
    };
    for district in named(&connection) {
        districts::release(ports, &district, &holder).await?;
    }
    Ok(())
}

async fn withdraw(
    ports: &(impl Store + Transport),
    google: &GoogleSettings,
    seal_keys: &SealKeys,
    tenant: &TenantId,
    id: &ConnectionId,
) -> Revoked {
    let told = match read_tokens(ports, seal_keys, tenant, id).await {
        Ok(None) => Ok(()),
        Ok(Some(kept)) => tell(ports, google, &kept.refresh_token).await,
        Err(error) => Err(error.to_string()),
    };
    Revoked {
        told_provider: told.is_ok(),
        left_to_do: told.err().map(|reason| {
            format!(
                "remove the app in the Google settings of the account that authorised it: {reason}"
            )
        }),
    }
}

async fn tell(
    ports: &impl Transport,
    google: &GoogleSettings,
    refresh_token: &str,
) -> Result<(), String> {
    let request =
        revoke_request(&google.endpoints(), refresh_token).map_err(|error| error.to_string())?;
    let response = ports.send(request, OAUTH_BYTES_MAX).await;
    let response = response.map_err(|error| error.to_string())?;
    parse_revoke_response(&response).map_err(|error| error.to_string())
}
