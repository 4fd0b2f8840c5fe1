//! The rule set of a connection: read, edited and replaced by administrators.
//!
//! What a rule set may be is [`mapping::rules`]'s business; here an edit meets the store, the
//! tenant's organizations and the audit log.

use crate::audit::{self, Action, Actor};
use crate::connections;
use crate::error::Error;
use crate::keys;
use crate::large;
use crate::organizations::{self, Organization, OrganizationError};
use crate::places;
use crate::ports::{Clock, Random, Store};
use crate::secrets;
use crate::versioned::{self, ReplaceError};
use mapping::ids::{ConnectionId, IdError, OrganizationId, RuleId, TenantId};
use mapping::rules::{
    DefaultIds, EditError, GroupNeed, RuleSet, RuleSetVersion, SchoolChoice, SchoolPlace,
};

/// Why a rule set was not changed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RulesError {
    /// It has another version than the client knew.
    #[error("the rules were changed meanwhile: read them again and repeat the change")]
    Changed,
    /// The edit is refused.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// An organization could not be made for a link.
    #[error(transparent)]
    Organization(#[from] OrganizationError),
    /// A rule names an organization that the tenant does not have.
    #[error("there is no organization {id}")]
    UnknownOrganization {
        /// The organization.
        id: OrganizationId,
    },
    /// No such connection.
    #[error("there is no such connection")]
    NotFound,
    /// The surroundings failed.
    #[error(transparent)]
    Engine(#[from] Error),
}

impl From<ReplaceError> for RulesError {
    fn from(error: ReplaceError) -> Self {
        match error {
            ReplaceError::Changed => RulesError::Changed,
            ReplaceError::Engine(error) => RulesError::Engine(error),
        }
    }
}

/// Who edits which rule set, and the version they know, if they say so.
#[derive(Clone, Copy, Debug)]
pub struct EditOf<'a> {
    /// Who.
    pub who: &'a Actor,
    /// The tenant.
    pub tenant: &'a TenantId,
    /// The connection.
    pub connection: &'a ConnectionId,
    /// The version that the client read; `None` edits whatever is there.
    pub version: Option<RuleSetVersion>,
}

/// Reads a rule set; the empty one before the first edit.
pub async fn read(
    store: &impl Store,
    tenant: &TenantId,
    connection: &ConnectionId,
) -> Result<RuleSet, Error> {
    let found = large::read(store, &keys::rule_set(tenant, connection)).await?;
    Ok(found.unwrap_or_default())
}

/// The rules that the connection to a source which states schools and roles itself begins with:
/// everything that it shows is taken over. Rules that are there already stay.
pub(crate) async fn begin(
    store: &impl Store,
    tenant: &TenantId,
    connection: &ConnectionId,
) -> Result<(), Error> {
    let mut rules = read(store, tenant, connection).await?;
    if rules != RuleSet::default() || rules.take_schools(SchoolChoice::All).is_err() {
        return Ok(());
    }
    large::write(store, &keys::rule_set(tenant, connection), &rules).await
}

/// Edits a rule set: all of the edit or nothing. `new_organization` is made on the way when the
/// rest of the edit is acceptable.
pub async fn edit(
    ports: &(impl Store + Clock + Random),
    of: EditOf<'_>,
    new_organization: Option<Organization>,
    change: impl FnOnce(&mut RuleSet) -> Result<(), EditError>,
) -> Result<RuleSet, RulesError> {
    let EditOf {
        who,
        tenant,
        connection,
        ..
    } = of;
    if connections::read(ports, tenant, connection)
        .await?
        .is_none()
    {
        return Err(RulesError::NotFound);
    }
    let before = read(ports, tenant, connection).await?;
    if of.version.is_some_and(|known| known != before.version) {
        return Err(RulesError::Changed);
    }
    let mut rules = before.clone();
    change(&mut rules)?;
    if rules == before {
        return Ok(rules);
    }
    let known = organizations::read(ports, tenant).await?;
    let made = new_organization.as_ref().map(|new| &new.id);
    let unknown = organizations_of(&rules).find(|id| !known.contains_key(*id) && Some(*id) != made);
    if let Some(id) = unknown {
        return Err(RulesError::UnknownOrganization { id: id.clone() });
    }
    if let Some(new) = new_organization {
        organizations::insert(ports, who, tenant, new).await?;
    }
    let key = keys::rule_set(tenant, connection);
    versioned::claim(ports, &key, before.version.0).await?;
    if read(ports, tenant, connection).await?.version != before.version {
        return Err(RulesError::Changed);
    }
    let what = Action::RulesChanged;
    audit::record(ports, tenant, who, what, connection.as_str()).await?;
    large::write(ports, &key, &rules).await?;
    Ok(rules)
}

/// Gives a rule set a new version without a change, so that nobody whom it is about counts as
/// unchanged; false when somebody else edits it at the same moment.
pub(crate) async fn renew(
    ports: &(impl Store + Clock),
    tenant: &TenantId,
    connection: &ConnectionId,
) -> Result<bool, Error> {
    let mut rules = read(ports, tenant, connection).await?;
    let version = rules.version;
    if version == RuleSetVersion::default() {
        // There are none.
        return Ok(true);
    }
    let key = keys::rule_set(tenant, connection);
    match versioned::claim(ports, &key, version.0).await {
        Ok(()) => {}
        Err(ReplaceError::Changed) => return Ok(false),
        Err(ReplaceError::Engine(error)) => return Err(error),
    }
    if read(ports, tenant, connection).await?.version != version {
        return Ok(false);
    }
    rules.version = RuleSetVersion(version.0.saturating_add(1));
    large::write(ports, &key, &rules).await?;
    Ok(true)
}

/// The connection whose rules use an organization, if there is one.
pub async fn user_of(
    store: &impl Store,
    tenant: &TenantId,
    organization: &OrganizationId,
) -> Result<Option<ConnectionId>, Error> {
    for connection in connections::list(store, tenant).await? {
        let rules = read(store, tenant, &connection.id).await?;
        let is_named = organizations_of(&rules).any(|id| id == organization);
        if is_named
            || stands_for_school(store, tenant, (&connection.id, &rules), organization).await?
        {
            return Ok(Some(connection.id));
        }
    }
    Ok(None)
}

/// Whether an organization was made for, or tied to, a school that the rules take over.
async fn stands_for_school(
    store: &impl Store,
    tenant: &TenantId,
    (connection, rules): (&ConnectionId, &RuleSet),
    organization: &OrganizationId,
) -> Result<bool, Error> {
    if !rules.schools.is_in_use() {
        return Ok(false);
    }
    let places = places::kept(store, tenant, connection).await?;
    Ok(places
        .schools
        .values()
        .any(|place| matches!(place, SchoolPlace::Organization { id, .. } if id == organization)))
}

/// Whether a fetch for these rules reads groups, so that the group scopes are needed.
pub fn uses_groups(rules: &RuleSet) -> bool {
    rules.group_need() != GroupNeed::None
}

/// A random id for a rule.
pub fn random_id(random: &impl Random) -> Result<RuleId, IdError> {
    RuleId::parse(secrets::random_id(random, "rule"))
}

/// Random ids for the defaults of a link or assignment.
pub fn default_ids(random: &impl Random) -> Result<DefaultIds, IdError> {
    Ok(DefaultIds {
        filter: random_id(random)?,
        mapping_set: random_id(random)?,
    })
}

fn organizations_of(rules: &RuleSet) -> impl Iterator<Item = &OrganizationId> {
    let links = rules.links.iter().map(|link| &link.organization);
    let assignments = rules
        .assignments
        .iter()
        .filter_map(|assignment| assignment.organization.as_ref());
    let sets = rules.mapping_sets.iter().map(|set| &set.organization);
    let schools = rules.schools.links.iter().map(|link| &link.organization);
    links.chain(assignments).chain(sets).chain(schools)
}
