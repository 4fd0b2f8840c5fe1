//! Organizations: the schools and offices of a tenant.
//!
//! All of a tenant's organizations are one record, which every run reads whole; a limit keeps it
//! within one value.

use crate::audit::{self, Action, Actor};
use crate::error::Error;
use crate::keys;
use crate::large;
use crate::ports::{Clock, Random, Store};
use crate::secrets;
use crate::tenants;
use crate::versioned::{self, ReplaceError, Versioned};
use mapping::ids::{IdError, OrganizationId, TenantId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most organizations of a tenant: the largest districts have some 1,800 schools.
pub const ORGANIZATIONS_MAX: usize = 2_500;

/// A school or office.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Organization {
    /// Ours, stable for ever.
    pub id: OrganizationId,
    /// Shown to people; unique in the tenant, case ignored.
    pub name: String,
}

/// What a new organization is made from.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct NewOrganization {
    /// Its id; a random one when absent. Give one to be able to repeat the request.
    #[serde(default)]
    pub id: Option<OrganizationId>,
    /// Its name.
    pub name: String,
}

/// Why an organization was not made, renamed or deleted.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OrganizationError {
    /// Somebody else changed the organizations meanwhile.
    #[error("the organizations were changed meanwhile: read them again and repeat the change")]
    Changed,
    /// Another organization has the id or the name.
    #[error("the organization {id} has this id or name already")]
    Exists {
        /// The one that is there.
        id: OrganizationId,
    },
    /// A rule names it.
    #[error("the organization {id} is used by the rules of the connection {connection}")]
    InUse {
        /// The organization.
        id: OrganizationId,
        /// The connection whose rules name it.
        connection: String,
    },
    /// The name breaks a rule.
    #[error("{0}")]
    Name(String),
    /// No such organization.
    #[error("there is no such organization")]
    NotFound,
    /// [`ORGANIZATIONS_MAX`] are there.
    #[error("a tenant may have at most {ORGANIZATIONS_MAX} organizations")]
    TooMany,
    /// The surroundings failed.
    #[error(transparent)]
    Engine(#[from] Error),
}

impl From<ReplaceError> for OrganizationError {
    fn from(error: ReplaceError) -> Self {
        match error {
            ReplaceError::Changed => OrganizationError::Changed,
            ReplaceError::Engine(error) => OrganizationError::Engine(error),
        }
    }
}

/// All organizations of a tenant by id.
pub type Organizations = BTreeMap<OrganizationId, Organization>;

/// Reads all organizations of a tenant.
pub async fn read(store: &impl Store, tenant: &TenantId) -> Result<Organizations, Error> {
    Ok(load(store, tenant).await?.value)
}

/// Makes an organization. With an id given, doing it again returns the one there is; the flag
/// says whether it is new.
pub async fn create(
    ports: &(impl Store + Clock + Random),
    who: &Actor,
    tenant: &TenantId,
    new: NewOrganization,
) -> Result<(Organization, bool), OrganizationError> {
    let name = check_name(&new.name)?;
    let record = load(ports, tenant).await?;
    let known = new.id.as_ref().and_then(|id| record.value.get(id));
    if let Some(known) = known {
        let same = known.name == name;
        return if same {
            Ok((known.clone(), false))
        } else {
            let id = known.id.clone();
            Err(OrganizationError::Exists { id })
        };
    }
    check_unique(&record.value, &name, None)?;
    if record.value.len() >= ORGANIZATIONS_MAX {
        return Err(OrganizationError::TooMany);
    }
    let id = match new.id {
        Some(id) => id,
        None => random_id(ports).map_err(|error| OrganizationError::Name(error.to_string()))?,
    };
    let organization = Organization { id, name };
    let action = Action::OrganizationCreated;
    let mut next = record.value;
    next.insert(organization.id.clone(), organization.clone());
    let subject = organization.id.as_str();
    replace(
        ports,
        who,
        tenant,
        (record.version, next),
        (action, subject),
    )
    .await?;
    Ok((organization, true))
}

/// Adds an organization whose id is given, as [`create`] does.
pub(crate) async fn insert(
    ports: &(impl Store + Clock + Random),
    who: &Actor,
    tenant: &TenantId,
    new: Organization,
) -> Result<(), OrganizationError> {
    let new = NewOrganization {
        id: Some(new.id),
        name: new.name,
    };
    create(ports, who, tenant, new).await.map(|_| ())
}

/// Makes those of these organizations that are not there yet, all of them or none. One whose name
/// was taken meanwhile gets its id behind the name.
pub(crate) async fn make_all(
    ports: &(impl Store + Clock),
    who: &Actor,
    tenant: &TenantId,
    wanted: BTreeMap<OrganizationId, String>,
) -> Result<(), Error> {
    let record = load(ports, tenant).await?;
    let mut next = record.value;
    let before = next.len();
    for (id, name) in wanted {
        if next.contains_key(&id) {
            continue;
        }
        let name = match check_unique(&next, &name, None) {
            Ok(()) => name,
            Err(_) => format!("{name} ({id})"),
        };
        next.insert(id.clone(), Organization { id, name });
    }
    if next.len() == before {
        return Ok(());
    }
    let change = (Action::OrganizationCreated, "schools");
    match replace(ports, who, tenant, (record.version, next), change).await {
        Ok(()) => Ok(()),
        Err(OrganizationError::Engine(error)) => Err(error),
        // Somebody edits them at this moment: the step is taken again.
        Err(error) => Err(Error::Busy(error.to_string())),
    }
}

/// A random id for an organization.
pub fn random_id(random: &impl Random) -> Result<OrganizationId, IdError> {
    OrganizationId::parse(secrets::random_id(random, "org"))
}

/// Gives an organization another name.
pub async fn rename(
    ports: &(impl Store + Clock),
    who: &Actor,
    tenant: &TenantId,
    id: &OrganizationId,
    name: &str,
) -> Result<Organization, OrganizationError> {
    let name = check_name(name)?;
    let record = load(ports, tenant).await?;
    let mut next = record.value;
    check_unique(&next, &name, Some(id))?;
    let found = next.get_mut(id).ok_or(OrganizationError::NotFound)?;
    if found.name == name {
        return Ok(found.clone());
    }
    found.name = name;
    let organization = found.clone();
    let change = (Action::OrganizationRenamed, id.as_str());
    replace(ports, who, tenant, (record.version, next), change).await?;
    Ok(organization)
}

/// Deletes an organization; `used_by` names the connection whose rules use it, if there is one.
pub async fn delete(
    ports: &(impl Store + Clock),
    who: &Actor,
    tenant: &TenantId,
    id: &OrganizationId,
    used_by: Option<String>,
) -> Result<(), OrganizationError> {
    let record = load(ports, tenant).await?;
    let mut next = record.value;
    next.remove(id).ok_or(OrganizationError::NotFound)?;
    if let Some(connection) = used_by {
        return Err(OrganizationError::InUse {
            id: id.clone(),
            connection,
        });
    }
    let change = (Action::OrganizationDeleted, id.as_str());
    replace(ports, who, tenant, (record.version, next), change).await
}

async fn load(store: &impl Store, tenant: &TenantId) -> Result<Versioned<Organizations>, Error> {
    let found = large::read(store, &keys::organizations(tenant)).await?;
    Ok(found.unwrap_or_default())
}

async fn replace(
    ports: &(impl Store + Clock),
    who: &Actor,
    tenant: &TenantId,
    (version, next): (u64, Organizations),
    (what, subject): (Action, &str),
) -> Result<(), OrganizationError> {
    let key = keys::organizations(tenant);
    versioned::claim(ports, &key, version).await?;
    if load(ports, tenant).await?.version != version {
        return Err(OrganizationError::Changed);
    }
    audit::record(ports, tenant, who, what, subject).await?;
    let next = Versioned {
        version: version.saturating_add(1),
        value: next,
    };
    Ok(large::write(ports, &key, &next).await?)
}

fn check_name(name: &str) -> Result<String, OrganizationError> {
    tenants::check_name("name", name).map_err(|error| OrganizationError::Name(error.to_string()))
}

fn check_unique(
    organizations: &Organizations,
    name: &str,
    except: Option<&OrganizationId>,
) -> Result<(), OrganizationError> {
    let folded = name.to_lowercase();
    let twin = organizations
        .values()
        .find(|known| Some(&known.id) != except && known.name.to_lowercase() == folded);
    match twin {
        Some(known) => Err(OrganizationError::Exists {
            id: known.id.clone(),
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{MemoryPorts, block_on};

    fn named(name: &str) -> NewOrganization {
        NewOrganization {
            id: None,
            name: name.to_owned(),
        }
    }

    #[test]
    fn names_are_unique_without_regard_to_case() {
        let ports = MemoryPorts::new();
        let tenant = TenantId::parse("maple").unwrap();
        let who = Actor::Operator;
        block_on(async {
            let (lincoln, _) = create(&ports, &who, &tenant, named("Lincoln"))
                .await
                .unwrap();
            let exists = Err(OrganizationError::Exists {
                id: lincoln.id.clone(),
            });
            let twin = create(&ports, &who, &tenant, named(" LINCOLN ")).await;
            assert_eq!(twin.map(|_| ()), exists);
            let (oak, _) = create(&ports, &who, &tenant, named("Oak")).await.unwrap();
            let renamed = rename(&ports, &who, &tenant, &oak.id, "lincoln").await;
            assert_eq!(renamed.map(|_| ()), exists);
            let own = rename(&ports, &who, &tenant, &lincoln.id, "LINCOLN").await;
            assert_eq!(own.unwrap().name, "LINCOLN");
        });
    }

    #[test]
    fn an_organization_in_use_is_not_deleted() {
        let ports = MemoryPorts::new();
        let tenant = TenantId::parse("maple").unwrap();
        let who = Actor::Operator;
        block_on(async {
            let (lincoln, _) = create(&ports, &who, &tenant, named("Lincoln"))
                .await
                .unwrap();
            let before = ports.dump();
            let used = Some("con-1".to_owned());
            let refused = delete(&ports, &who, &tenant, &lincoln.id, used).await;
            assert!(matches!(refused, Err(OrganizationError::InUse { .. })));
            assert_eq!(ports.dump(), before);
            delete(&ports, &who, &tenant, &lincoln.id, None)
                .await
                .unwrap();
            assert!(read(&ports, &tenant).await.unwrap().is_empty());
        });
    }
}
