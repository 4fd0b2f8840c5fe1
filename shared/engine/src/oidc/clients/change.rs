//! Registering clients and changing them. The operator alone does.
//!
//! What is done stands in the audit log of each tenant that the client is bound to. A client of all
//! tenants has no such place.

use super::check::check;
use super::{AuthMethod, CLIENTS_MAX, Client, ClientError, ClientSettings, Kept};
use super::{clients_log, find};
use crate::audit::{self, Action, Actor};
use crate::error::Error;
use crate::keys;
use crate::ports::{Clock, Random, Store};
use crate::secrets;
use crate::settings::Secret;
use crate::versioned::{self, Versioned};
use mapping::ids::{ClientId, TenantId};
use std::collections::BTreeSet;

/// Longest time that a secret goes on working once there is a new one, in seconds: a day.
const OVERLAP_S_MAX: u32 = 86_400;

/// A client with its secret, which is shown this once.
#[derive(Clone, Debug)]
pub struct Registered {
    /// The client.
    pub client: Client,
    /// Its secret, if it has one.
    pub secret: Option<Secret>,
}

/// Registers a client.
pub async fn register(
    ports: &(impl Store + Clock + Random),
    who: &Actor,
    settings: ClientSettings,
) -> Result<Registered, ClientError> {
    let settings = check(ports, settings).await?;
    let log = clients_log();
    if log.count(ports).await.map_err(Error::from)? >= CLIENTS_MAX {
        return Err(ClientError::TooMany);
    }
    let id = ClientId::parse(secrets::random_id(ports, "app"));
    let id = id.map_err(|error| ClientError::Invalid {
        field: "id".to_owned(),
        reason: error.to_string(),
    })?;
    let listed_as = log.append(ports, &id).await.map_err(Error::from)?;
    let client = Client {
        id,
        settings,
        created_at_ms: ports.now().as_millisecond(),
    };
    let secret = has_secret(&client.settings).then(|| new_secret(ports));
    let kept = Kept {
        secret: secret
            .as_ref()
            .map(|secret| secrets::digest(secret.expose())),
        before: None,
        listed_as,
        removed: false,
        client: client.clone(),
    };
    note(ports, who, Action::ClientRegistered, &client, &[]).await?;
    versioned::write(ports, &keys::client(&client.id), 0, kept).await?;
    Ok(Registered { client, secret })
}

/// Replaces what the operator says of a client. A client that proved itself with no secret has none
/// until [`rotate_secret`] makes it one; what it was given before goes on working as far as the new
/// settings let it.
pub async fn change(
    ports: &(impl Store + Clock),
    who: &Actor,
    id: &ClientId,
    settings: ClientSettings,
) -> Result<Client, ClientError> {
    let settings = check(ports, settings).await?;
    let found = find(ports, id).await?.ok_or(ClientError::NotFound)?;
    if found.value.client.settings == settings {
        return Ok(found.value.client);
    }
    let mut next = found.value.clone();
    next.client.settings = settings;
    if !has_secret(&next.client.settings) {
        (next.secret, next.before) = (None, None);
    }
    let before = &found.value.client;
    replace(ports, who, Action::ClientChanged, (&found, before), next).await
}

/// Gives a client a new secret. The one it had works for `overlap_s` seconds more, at most a day.
pub async fn rotate_secret(
    ports: &(impl Store + Clock + Random),
    who: &Actor,
    id: &ClientId,
    overlap_s: u32,
) -> Result<Registered, ClientError> {
    if overlap_s > OVERLAP_S_MAX {
        return Err(ClientError::Invalid {
            field: "overlap_s".to_owned(),
            reason: format!("may be at most {OVERLAP_S_MAX}"),
        });
    }
    let found = find(ports, id).await?.ok_or(ClientError::NotFound)?;
    if !has_secret(&found.value.client.settings) {
        return Err(ClientError::Public);
    }
    let secret = new_secret(ports);
    let until_ms = ports.now().as_millisecond() + i64::from(overlap_s) * 1_000;
    let mut next = found.value.clone();
    next.before = next.secret.take().map(|digest| (digest, until_ms));
    next.secret = Some(secrets::digest(secret.expose()));
    let before = &found.value.client;
    let action = Action::ClientSecretRotated;
    let client = replace(ports, who, action, (&found, before), next).await?;
    Ok(Registered {
        client,
        secret: Some(secret),
    })
}

/// Removes a client. Its codes and tokens are good for nothing from then on.
pub async fn remove(
    ports: &(impl Store + Clock),
    who: &Actor,
    id: &ClientId,
) -> Result<Client, ClientError> {
    let found = find(ports, id).await?.ok_or(ClientError::NotFound)?;
    let mut next = found.value.clone();
    next.removed = true;
    (next.secret, next.before) = (None, None);
    let before = &found.value.client;
    replace(ports, who, Action::ClientRemoved, (&found, before), next).await
}

/// Up to `limit` clients that follow number `after` in the list, and where to go on.
pub async fn list(
    store: &impl Store,
    after: u64,
    limit: usize,
) -> Result<(Vec<Client>, Option<u64>), Error> {
    let page = clients_log()
        .page_after::<ClientId>(store, after, limit)
        .await?;
    let mut clients = Vec::new();
    for (number, id) in page.entries {
        // An entry whose writer died has no client.
        let found = find(store, &id).await?.map(|found| found.value);
        clients.extend(
            found
                .filter(|kept| kept.listed_as == number)
                .map(|kept| kept.client),
        );
    }
    Ok((clients, page.next))
}

async fn replace(
    ports: &(impl Store + Clock),
    who: &Actor,
    what: Action,
    (found, before): (&Versioned<Kept>, &Client),
    next: Kept,
) -> Result<Client, ClientError> {
    let key = keys::client(&before.id);
    versioned::claim_newest(ports, &key, found.version).await?;
    note(ports, who, what, before, &[&next.client]).await?;
    let written = versioned::write(ports, &key, found.version, next).await?;
    Ok(written.value.client)
}

/// Notes what is done in the audit log of every tenant that the client is or was bound to.
async fn note(
    ports: &(impl Store + Clock),
    who: &Actor,
    what: Action,
    client: &Client,
    others: &[&Client],
) -> Result<(), Error> {
    let all = std::iter::once(client).chain(others.iter().copied());
    let bound: BTreeSet<&TenantId> = all
        .filter_map(|client| client.settings.tenants.as_ref())
        .flatten()
        .collect();
    for tenant in bound {
        audit::record(ports, tenant, who, what, client.id.as_str()).await?;
    }
    Ok(())
}

fn has_secret(settings: &ClientSettings) -> bool {
    settings.token_endpoint_auth_method != AuthMethod::None
}

fn new_secret(random: &impl Random) -> Secret {
    Secret::new(secrets::random_secret(random, "rcs"))
}
