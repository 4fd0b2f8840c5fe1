//! What administrators said about people of a source whose accounts could not be found without
//! doubt (SPEC section 7, step 4): link them, keep them apart, or leave them out.
//!
//! All resolutions of a connection are one record, which each run keeps beside itself when it
//! begins. They count until they are taken back.

use crate::audit::{self, Action, Actor};
use crate::connections;
use crate::error::Error;
use crate::keys;
use crate::large;
use crate::ports::{Clock, Store};
use crate::roster::Reader;
use crate::versioned::{self, ReplaceError, Versioned};
use mapping::ids::{ConnectionId, ExternalId, RunId, TenantId};
use mapping::plan::Resolution;
use std::collections::BTreeMap;

/// Most resolutions of one connection: every run reads them whole.
pub const RESOLUTIONS_MAX: usize = 10_000;

/// The resolutions of a connection, by the person's id at the provider.
pub type Resolutions = BTreeMap<ExternalId, Resolution>;

/// Why a resolution was not set or taken back.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ResolutionError {
    /// Somebody else changed the resolutions meanwhile.
    #[error("the resolutions were changed meanwhile: read them again and repeat the change")]
    Changed,
    /// The account to link does not exist.
    #[error("account: there is no such account")]
    NoAccount,
    /// No such connection, or nothing was said about the person.
    #[error("there is no such resolution")]
    NotFound,
    /// [`RESOLUTIONS_MAX`] are there.
    #[error("a connection may have at most {RESOLUTIONS_MAX} resolutions")]
    TooMany,
    /// The surroundings failed.
    #[error(transparent)]
    Engine(#[from] Error),
}

impl From<ReplaceError> for ResolutionError {
    fn from(error: ReplaceError) -> Self {
        match error {
            ReplaceError::Changed => ResolutionError::Changed,
            ReplaceError::Engine(error) => ResolutionError::Engine(error),
        }
    }
}

/// Everything that was said about people of a connection.
pub async fn read(
    store: &impl Store,
    tenant: &TenantId,
    connection: &ConnectionId,
) -> Result<Resolutions, Error> {
    Ok(load(store, tenant, connection).await?.value)
}

/// Says what is to become of a person from the next run on; `None` takes back what was said.
pub async fn set(
    ports: &(impl Store + Clock),
    who: &Actor,
    (tenant, connection): (&TenantId, &ConnectionId),
    person: &ExternalId,
    resolution: Option<Resolution>,
) -> Result<(), ResolutionError> {
    if connections::read(ports, tenant, connection)
        .await?
        .is_none()
    {
        return Err(ResolutionError::NotFound);
    }
    if let Some(Resolution::Link { account }) = &resolution {
        let reader = Reader::open(ports, tenant).await?;
        let found = reader.account(ports, account).await?;
        found.ok_or(ResolutionError::NoAccount)?;
    }
    let Versioned { version, mut value } = load(ports, tenant, connection).await?;
    let before = value.get(person).cloned();
    if before == resolution {
        return match resolution {
            Some(_) => Ok(()),
            None => Err(ResolutionError::NotFound),
        };
    }
    match resolution {
        Some(resolution) => value.insert(person.clone(), resolution),
        None => value.remove(person),
    };
    if value.len() > RESOLUTIONS_MAX {
        return Err(ResolutionError::TooMany);
    }
    let key = keys::resolutions(tenant, connection);
    versioned::claim(ports, &key, version).await?;
    if load(ports, tenant, connection).await?.version != version {
        return Err(ResolutionError::Changed);
    }
    let what = Action::PersonResolved;
    audit::record(ports, tenant, who, what, connection.as_str()).await?;
    let next = Versioned {
        version: version.saturating_add(1),
        value,
    };
    Ok(large::write(ports, &key, &next).await?)
}

/// Keeps the resolutions as they are for a run that begins.
pub async fn freeze(
    store: &impl Store,
    tenant: &TenantId,
    connection: &ConnectionId,
    run: &RunId,
) -> Result<(), Error> {
    let resolutions = read(store, tenant, connection).await?;
    if resolutions.is_empty() {
        return Ok(());
    }
    large::write(store, &frozen_key(tenant, run), &resolutions).await
}

/// The resolutions of a run.
pub async fn frozen(
    store: &impl Store,
    tenant: &TenantId,
    run: &RunId,
) -> Result<Resolutions, Error> {
    let frozen = large::read(store, &frozen_key(tenant, run)).await?;
    Ok(frozen.unwrap_or_default())
}

async fn load(
    store: &impl Store,
    tenant: &TenantId,
    connection: &ConnectionId,
) -> Result<Versioned<Resolutions>, Error> {
    let found = large::read(store, &keys::resolutions(tenant, connection)).await?;
    Ok(found.unwrap_or_default())
}

fn frozen_key(tenant: &TenantId, run: &RunId) -> String {
    keys::run_progress(tenant, run, "resolutions")
}
