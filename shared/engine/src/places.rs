//! Which organization stands for which school of a source (SPEC sections 4 and 5).
//!
//! A run settles it once, from the schools that it read, the rules and the tenant's organizations,
//! and keeps it beside itself, so that every slice of it sees the same. Organizations that schools
//! need are made just before the commit that first names them; a run that is never applied makes
//! none. A look reads no schools: it goes by what the last applied run settled.

use crate::audit::Actor;
use crate::error::Error;
use crate::fetching;
use crate::keys;
use crate::large;
use crate::organizations::{self, ORGANIZATIONS_MAX};
use crate::ports::{Clock, Store};
use crate::roster::blob;
use crate::runs::{Failure, Run, Work};
use mapping::ids::{ConnectionId, ExternalId, OrganizationId, RunId, TenantId};
use mapping::rules::{RuleSet, SchoolChoice, SchoolPlace, SchoolPlaces};
use std::collections::BTreeMap;

/// What became of the schools of a run's snapshot; `None` when the rules don't use them. Fails when
/// the tenant would have more organizations than it may.
pub async fn settle(
    store: &impl Store,
    tenant: &TenantId,
    run: &Run,
    rules: &RuleSet,
) -> Result<Result<Option<SchoolPlaces>, Failure>, Error> {
    let Some(connection) = (run.connection.as_ref()).filter(|_| rules.schools.is_in_use()) else {
        return Ok(Ok(None));
    };
    if run.work == Work::Look {
        return Ok(Ok(Some(kept(store, tenant, connection).await?)));
    }
    let key = run_key(tenant, &run.id);
    if let Some(settled) = large::read(store, &key).await? {
        return Ok(Ok(Some(settled)));
    }
    let schools = fetching::schools(store, tenant, &run.id).await?;
    let known = organizations::read(store, tenant).await?;
    let names: BTreeMap<OrganizationId, String> = known
        .into_values()
        .map(|organization| (organization.id, organization.name))
        .collect();
    let derive = |school: &ExternalId| derived_id(tenant, connection, school);
    let mut places = rules.schools.place(&schools, &names, derive);
    if rules.schools.take == SchoolChoice::All {
        // A school that is not shown tonight still stands where it stood, for whom the source
        // places there all the same.
        for (school, place) in kept(store, tenant, connection).await?.schools {
            let is_there = match &place {
                SchoolPlace::District => true,
                SchoolPlace::Organization { id, link } => link.is_none() && names.contains_key(id),
            };
            if is_there {
                places.schools.entry(school).or_insert(place);
            }
        }
    }
    if names.len() + places.new.len() > ORGANIZATIONS_MAX {
        return Ok(Err(too_many()));
    }
    large::write(store, &key, &places).await?;
    Ok(Ok(Some(places)))
}

fn too_many() -> Failure {
    Failure {
        code: "too_many_schools".to_owned(),
        message: format!(
            "the schools of the source would make more than {ORGANIZATIONS_MAX} organizations: \
             choose schools and link them, then sync again; nothing was changed"
        ),
    }
}

/// What the last applied run of a connection settled. Before the first one, no school is known and
/// roles count wherever they are stated.
pub async fn kept(
    store: &impl Store,
    tenant: &TenantId,
    connection: &ConnectionId,
) -> Result<SchoolPlaces, Error> {
    let kept = large::read(store, &keys::places(tenant, connection)).await?;
    Ok(kept.unwrap_or(SchoolPlaces {
        takes_unshown: true,
        ..SchoolPlaces::default()
    }))
}

/// Makes the organizations that a run's plan names and that are not there yet, and keeps what the
/// run settled for looks to come. Doing it again changes nothing.
pub async fn make<P: Store + Clock>(ports: &P, tenant: &TenantId, run: &Run) -> Result<(), Error> {
    let Some(connection) = run.connection.as_ref().filter(|_| run.work == Work::Full) else {
        return Ok(());
    };
    let settled: Option<SchoolPlaces> = large::read(ports, &run_key(tenant, &run.id)).await?;
    let Some(mut places) = settled else {
        return Ok(());
    };
    let new = std::mem::take(&mut places.new);
    organizations::make_all(ports, &Actor::Rollcall, tenant, new).await?;
    if kept(ports, tenant, connection).await? != places {
        large::write(ports, &keys::places(tenant, connection), &places).await?;
    }
    Ok(())
}

fn run_key(tenant: &TenantId, run: &RunId) -> String {
    keys::run_progress(tenant, run, "places")
}

/// The id of the organization that is made for a school: the same whenever it is asked for.
fn derived_id(tenant: &TenantId, connection: &ConnectionId, school: &ExternalId) -> OrganizationId {
    let digest = blob::digest_parts(&[
        tenant.as_str().as_bytes(),
        connection.as_str().as_bytes(),
        school.as_str().as_bytes(),
        b"organization",
    ]);
    let short: String = digest.chars().take(24).collect();
    match OrganizationId::parse(format!("org-{short}")) {
        Ok(id) => id,
        // A hexadecimal digest has only characters that an id may have.
        Err(_) => unreachable!("a digest is a valid id"),
    }
}
