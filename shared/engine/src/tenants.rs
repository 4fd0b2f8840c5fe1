//! Tenants: districts, with their time zone, nightly time and season pauses (SPEC section 2).

mod calendar;

pub use calendar::{NightlyTime, PAUSES_MAX, Pause, ZoneError, ZoneName};

use crate::audit::{self, Action, Actor};
use crate::error::Error;
use crate::keys;
use crate::log::Log;
use crate::ports::{Clock, Store};
use crate::versioned::{self, ReplaceError, Versioned};
use mapping::ids::TenantId;
use serde::{Deserialize, Serialize};

/// Longest name of a tenant or an organization, in bytes.
pub const NAME_BYTES_MAX: usize = 200;

/// A district.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Tenant {
    /// Chosen by the operator.
    pub id: TenantId,
    /// Shown to people.
    pub name: String,
    /// Where the district's nights are.
    pub time_zone: ZoneName,
    /// When the nightly run is due, local time.
    pub nightly_at: NightlyTime,
    /// When no scheduled runs are made.
    pub pauses: Vec<Pause>,
    /// When it was made, in milliseconds since the Unix epoch.
    pub created_at_ms: i64,
    /// Its number in the list of tenants.
    listed_as: u64,
}

/// What a new tenant is made from.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct NewTenant {
    /// Its id.
    pub id: TenantId,
    /// Its name.
    pub name: String,
    /// Default `America/New_York`.
    #[serde(default)]
    pub time_zone: ZoneName,
    /// Default 23:00.
    #[serde(default)]
    pub nightly_at: NightlyTime,
    /// Default none.
    #[serde(default)]
    pub pauses: Vec<Pause>,
}

/// A change of a tenant; what is absent stays.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// New name.
    pub name: Option<String>,
    /// New time zone.
    pub time_zone: Option<ZoneName>,
    /// New nightly time.
    pub nightly_at: Option<NightlyTime>,
    /// New list of pauses.
    pub pauses: Option<Vec<Pause>>,
}

/// Why a tenant was not made or changed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TenantError {
    /// Somebody else changed it meanwhile.
    #[error("the tenant was changed meanwhile: read it again and repeat the change")]
    Changed,
    /// Another tenant has the id.
    #[error("there is a tenant with this id and another name")]
    Exists,
    /// A value breaks a rule.
    #[error("{field}: {reason}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// The rule.
        reason: String,
    },
    /// No such tenant.
    #[error("there is no such tenant")]
    NotFound,
    /// The surroundings failed.
    #[error(transparent)]
    Engine(#[from] Error),
}

impl From<ReplaceError> for TenantError {
    fn from(error: ReplaceError) -> Self {
        match error {
            ReplaceError::Changed => TenantError::Changed,
            ReplaceError::Engine(error) => TenantError::Engine(error),
        }
    }
}

/// A page of tenants.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TenantPage {
    /// Oldest first.
    pub tenants: Vec<Tenant>,
    /// Where to go on, when there may be more.
    pub next: Option<u64>,
}

/// Makes a tenant. Doing it again with the same name returns the one there is, so that a client
/// may repeat a request whose answer was lost; the flag says whether it is new.
pub async fn create(
    ports: &(impl Store + Clock),
    who: &Actor,
    new: NewTenant,
) -> Result<(Tenant, bool), TenantError> {
    let name = check_name("name", &new.name)?;
    calendar::check_pauses(&new.pauses)?;
    let key = keys::tenant(&new.id);
    if let Some(known) = read(ports, &new.id).await? {
        let same = known.name == name;
        return same.then_some((known, false)).ok_or(TenantError::Exists);
    }
    versioned::claim_newest(ports, &key, 0).await?;
    let listed_as = Log::new(keys::tenants()).append(ports, &new.id).await;
    let tenant = Tenant {
        id: new.id,
        name,
        time_zone: new.time_zone,
        nightly_at: new.nightly_at,
        pauses: new.pauses,
        created_at_ms: ports.now().as_millisecond(),
        listed_as: listed_as.map_err(Error::from)?,
    };
    audit::record(
        ports,
        &tenant.id,
        who,
        Action::TenantCreated,
        tenant.id.as_str(),
    )
    .await?;
    let written = versioned::write(ports, &key, 0, tenant).await?;
    Ok((written.value, true))
}

/// Reads a tenant.
pub async fn read(store: &impl Store, tenant: &TenantId) -> Result<Option<Tenant>, Error> {
    let found: Option<Versioned<Tenant>> = versioned::read(store, &keys::tenant(tenant)).await?;
    Ok(found.map(|record| record.value))
}

/// Changes a tenant.
pub async fn update(
    ports: &(impl Store + Clock),
    who: &Actor,
    id: &TenantId,
    edit: Edit,
) -> Result<Tenant, TenantError> {
    let key = keys::tenant(id);
    let found: Option<Versioned<Tenant>> = versioned::read(ports, &key).await?;
    let Versioned {
        version,
        value: before,
    } = found.ok_or(TenantError::NotFound)?;
    let mut tenant = before.clone();
    if let Some(name) = edit.name {
        tenant.name = check_name("name", &name)?;
    }
    if let Some(pauses) = edit.pauses {
        calendar::check_pauses(&pauses)?;
        tenant.pauses = pauses;
    }
    tenant.time_zone = edit.time_zone.unwrap_or(tenant.time_zone);
    tenant.nightly_at = edit.nightly_at.unwrap_or(tenant.nightly_at);
    if tenant == before {
        return Ok(tenant);
    }
    versioned::claim_newest(ports, &key, version).await?;
    audit::record(ports, id, who, Action::TenantChanged, id.as_str()).await?;
    Ok(versioned::write(ports, &key, version, tenant).await?.value)
}

/// Up to `limit` tenants that follow number `after` in the list.
pub async fn list(store: &impl Store, after: u64, limit: usize) -> Result<TenantPage, Error> {
    let page = Log::new(keys::tenants())
        .page_after::<TenantId>(store, after, limit)
        .await?;
    let mut tenants = Vec::new();
    for (number, id) in page.entries {
        // An entry whose writer died has no tenant, or one that a later entry lists.
        match read(store, &id).await? {
            Some(tenant) if tenant.listed_as == number => tenants.push(tenant),
            _ => {}
        }
    }
    Ok(TenantPage {
        tenants,
        next: page.next,
    })
}

/// A name: not blank, without control characters, not over [`NAME_BYTES_MAX`]; trimmed.
pub(crate) fn check_name(field: &'static str, name: &str) -> Result<String, TenantError> {
    let name = name.trim();
    let reason = if name.is_empty() {
        "must not be empty".to_owned()
    } else if name.len() > NAME_BYTES_MAX {
        format!("may have at most {NAME_BYTES_MAX} bytes")
    } else if name.chars().any(char::is_control) {
        "may not have control characters".to_owned()
    } else {
        return Ok(name.to_owned());
    };
    Err(TenantError::Invalid { field, reason })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::CrashPoint;
    use crate::memory::{MemoryPorts, block_on};

    fn new(id: &str) -> NewTenant {
        serde_json::from_value(serde_json::json!({"id": id, "name": " Maple Grove "})).unwrap()
    }

    #[test]
    fn a_new_tenant_has_the_defaults_and_is_listed() {
        let ports = MemoryPorts::new();
        block_on(async {
            let (tenant, is_new) = create(&ports, &Actor::Operator, new("maple"))
                .await
                .unwrap();
            assert!(is_new);
            assert_eq!(tenant.name, "Maple Grove");
            assert_eq!(tenant.time_zone.as_str(), "America/New_York");
            assert_eq!(tenant.nightly_at.to_string(), "23:00");
            let page = list(&ports, 0, 10).await.unwrap();
            assert_eq!(page.tenants, std::slice::from_ref(&tenant));
            let audit = audit::read(&ports, &tenant.id, None, 10).await.unwrap();
            assert_eq!(audit.entries[0].1.what, Action::TenantCreated);
        });
    }

    #[test]
    fn making_a_tenant_again_gives_the_same_one_unless_its_name_differs() {
        let ports = MemoryPorts::new();
        block_on(async {
            let (first, _) = create(&ports, &Actor::Operator, new("maple"))
                .await
                .unwrap();
            let before = ports.dump();
            let (second, is_new) = create(&ports, &Actor::Operator, new("maple"))
                .await
                .unwrap();
            assert!(!is_new);
            assert_eq!(first, second);
            let other = NewTenant {
                name: "Oak".to_owned(),
                ..new("maple")
            };
            let refused = create(&ports, &Actor::Operator, other).await;
            assert_eq!(refused, Err(TenantError::Exists));
            assert_eq!(ports.dump(), before);
        });
    }

    #[test]
    fn a_creation_killed_anywhere_can_be_repeated_and_is_listed_once() {
        for at in 1..20 {
            for point in [CrashPoint::Before, CrashPoint::After] {
                let ports = MemoryPorts::new();
                block_on(async {
                    ports.crash_at(Some((at, point)));
                    let _ = create(&ports, &Actor::Operator, new("maple")).await;
                    ports.crash_at(None);
                    ports.advance(std::time::Duration::from_mins(1));
                    create(&ports, &Actor::Operator, new("maple"))
                        .await
                        .unwrap();
                    assert_eq!(list(&ports, 0, 10).await.unwrap().tenants.len(), 1);
                });
            }
        }
    }

    #[test]
    fn an_edit_changes_what_it_names_and_nothing_else() {
        let ports = MemoryPorts::new();
        block_on(async {
            let (tenant, _) = create(&ports, &Actor::Operator, new("maple"))
                .await
                .unwrap();
            let edit: Edit = serde_json::from_str(r#"{"nightly_at":"01:30"}"#).unwrap();
            let changed = update(&ports, &Actor::Operator, &tenant.id, edit.clone())
                .await
                .unwrap();
            assert_eq!(changed.nightly_at.to_string(), "01:30");
            assert_eq!(changed.name, tenant.name);
            let before = ports.dump();
            update(&ports, &Actor::Operator, &tenant.id, edit)
                .await
                .unwrap();
            assert_eq!(ports.dump(), before, "the same edit again writes nothing");
        });
    }
}
