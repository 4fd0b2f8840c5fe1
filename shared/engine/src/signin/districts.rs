//! Whose district is whose, for signing in. Clever and `ClassLink` sign in people of every district
//! that has our application, so which district's people are a tenant's is for the operator to say:
//! here, or by the tenant's connections ([`crate::connections::holder`]).
//!
//! A claim here is a record of the district that names a tenant. It counts while that tenant's list
//! names the district, and for a minute after it was written, when the list may be about to.

use crate::audit::{self, Action, Actor};
use crate::connections::{self, Connection, District, DistrictId, Holder};
use crate::error::Error;
use crate::keys;
use crate::ports::{Clock, Store};
use crate::signin::Method;
use crate::versioned::{self, ReplaceError, Versioned};
use mapping::ids::TenantId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Most districts of one provider in a tenant.
pub const DISTRICTS_MAX: usize = 20;

/// For how long, in milliseconds, a claim counts without a list that names its district. Longer
/// than any request lives.
const UNSEEN_MS_MAX: i64 = 60_000;

/// The districts whose people a tenant signs in.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Districts {
    /// Ids of tenants at `ClassLink`.
    #[serde(default)]
    pub classlink: BTreeSet<DistrictId>,
    /// Ids of districts at Clever.
    #[serde(default)]
    pub clever: BTreeSet<DistrictId>,
}

/// Why the districts were not set.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DistrictsError {
    /// Somebody else changed them meanwhile.
    #[error("the districts were changed meanwhile: read them again and repeat the change")]
    Changed,
    /// Another tenant has one of them.
    #[error("another tenant has the district {0}")]
    Taken(String),
    /// More than [`DISTRICTS_MAX`].
    #[error("a tenant may have at most {DISTRICTS_MAX} districts of a provider")]
    TooMany,
    /// The surroundings failed.
    #[error(transparent)]
    Engine(#[from] Error),
}

impl From<ReplaceError> for DistrictsError {
    fn from(error: ReplaceError) -> Self {
        match error {
            ReplaceError::Changed => DistrictsError::Changed,
            ReplaceError::Engine(error) => DistrictsError::Engine(error),
        }
    }
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Claim {
    tenant: TenantId,
    at_ms: i64,
}

impl Districts {
    /// Those of a provider; none of one that has no districts.
    pub fn of(&self, method: Method) -> Option<&BTreeSet<DistrictId>> {
        match method {
            Method::Classlink => Some(&self.classlink),
            Method::Clever => Some(&self.clever),
            Method::Google | Method::Password => None,
        }
    }

    fn each(&self) -> impl Iterator<Item = District> + '_ {
        let classlink = self.classlink.iter().cloned().map(District::Classlink);
        classlink.chain(self.clever.iter().cloned().map(District::Clever))
    }

    fn add(&mut self, district: District) {
        match district {
            District::Classlink(id) => self.classlink.insert(id),
            District::Clever(id) => self.clever.insert(id),
        };
    }
}

/// Where a district is that a provider names.
pub fn district(method: Method, id: &str) -> Option<District> {
    let id = DistrictId::parse(id).ok()?;
    match method {
        Method::Classlink => Some(District::Classlink(id)),
        Method::Clever => Some(District::Clever(id)),
        Method::Google | Method::Password => None,
    }
}

/// What the operator set for a tenant, with its version.
pub async fn read(store: &impl Store, tenant: &TenantId) -> Result<Versioned<Districts>, Error> {
    let found = versioned::read(store, &keys::sign_in_districts(tenant)).await?;
    Ok(found.unwrap_or_default())
}

/// All districts whose people a tenant signs in: set by the operator, or of its connections.
pub async fn all(
    ports: &(impl Store + Clock),
    tenant: &TenantId,
    connections: &[Connection],
) -> Result<Districts, Error> {
    let mut all = Districts::default();
    for district in read(ports, tenant).await?.value.each() {
        if of_tenant(ports, &district).await?.as_ref() == Some(tenant) {
            all.add(district);
        }
    }
    for connection in connections {
        let Some(district) = connection.settings.source.district() else {
            continue;
        };
        if of_tenant(ports, &district).await?.as_ref() == Some(tenant) {
            all.add(district);
        }
    }
    Ok(all)
}

/// The tenant whose people a district's are. Nobody's while two claim it: one of them would sign in
/// people of another.
pub async fn of_tenant(
    ports: &(impl Store + Clock),
    district: &District,
) -> Result<Option<TenantId>, Error> {
    let holder = connections::holder(ports, district).await?;
    let by_connection = holder.map(|Holder { tenant, .. }| tenant);
    let claimed = claimant(ports, district).await?;
    Ok(match (claimed, by_connection) {
        (Some(one), Some(other)) if one != other => None,
        (claimed, by_connection) => claimed.or(by_connection),
    })
}

/// Sets a tenant's districts, if they still have the version that `next` names. For the operator.
pub async fn replace(
    ports: &(impl Store + Clock),
    who: &Actor,
    tenant: &TenantId,
    next: Versioned<Districts>,
) -> Result<Versioned<Districts>, DistrictsError> {
    let districts = &next.value;
    if districts.classlink.len().max(districts.clever.len()) > DISTRICTS_MAX {
        return Err(DistrictsError::TooMany);
    }
    let found = read(ports, tenant).await?;
    if found.version != next.version {
        return Err(DistrictsError::Changed);
    }
    if found.value == next.value {
        return Ok(found);
    }
    for district in districts.each() {
        claim(ports, tenant, &district).await?;
    }
    let key = keys::sign_in_districts(tenant);
    versioned::claim_newest(ports, &key, next.version).await?;
    let what = Action::SignInDistrictsChanged;
    audit::record(ports, tenant, who, what, tenant.as_str()).await?;
    Ok(versioned::write(ports, &key, next.version, next.value).await?)
}

type Record = Versioned<Option<Claim>>;

/// The tenant for which the operator set a district here.
pub(crate) async fn claimant(
    ports: &(impl Store + Clock),
    district: &District,
) -> Result<Option<TenantId>, Error> {
    let found: Option<Record> = versioned::read(ports, &keys::sign_in_district(district)).await?;
    let Some(claim) = found.and_then(|record| record.value) else {
        return Ok(None);
    };
    Ok(counts(ports, district, &claim)
        .await?
        .then_some(claim.tenant))
}

async fn counts(
    ports: &(impl Store + Clock),
    district: &District,
    claim: &Claim,
) -> Result<bool, Error> {
    let age_ms = ports.now().as_millisecond().saturating_sub(claim.at_ms);
    if age_ms < UNSEEN_MS_MAX {
        return Ok(true);
    }
    let named = read(ports, &claim.tenant).await?.value;
    Ok(named.each().any(|named| named == *district))
}

async fn claim(
    ports: &(impl Store + Clock),
    tenant: &TenantId,
    district: &District,
) -> Result<(), DistrictsError> {
    let taken = || Err(DistrictsError::Taken(district.to_string()));
    let holder = connections::holder(ports, district).await?;
    if holder.is_some_and(|holder| holder.tenant != *tenant) {
        return taken();
    }
    let key = keys::sign_in_district(district);
    let found: Option<Record> = versioned::read(ports, &key).await?;
    let record = found.unwrap_or_default();
    if let Some(known) = &record.value
        && known.tenant != *tenant
        && counts(ports, district, known).await?
    {
        return taken();
    }
    let claim = Claim {
        tenant: tenant.clone(),
        at_ms: ports.now().as_millisecond(),
    };
    versioned::claim_newest(ports, &key, record.version).await?;
    versioned::write(ports, &key, record.version, Some(claim)).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{MemoryPorts, block_on};
    use crate::signin::testing::tenant;
    use std::time::Duration;

    fn clever(id: &str) -> District {
        District::Clever(DistrictId::parse(id).unwrap())
    }

    async fn set(
        ports: &MemoryPorts,
        tenant: &TenantId,
        ids: &[&str],
    ) -> Result<(), DistrictsError> {
        let version = read(ports, tenant).await.unwrap().version;
        let ids = ids.iter().map(|id| DistrictId::parse(*id).unwrap());
        let value = Districts {
            clever: ids.collect(),
            ..Districts::default()
        };
        let next = Versioned { version, value };
        replace(ports, &Actor::Operator, tenant, next)
            .await
            .map(|_| ())
    }

    #[test]
    fn a_district_is_one_tenants_until_it_is_given_back() {
        let ports = MemoryPorts::new();
        let (maple, oak) = (tenant(), TenantId::parse("oak").unwrap());
        block_on(async {
            set(&ports, &maple, &["5f3a", "5f3b"]).await.unwrap();
            let of = of_tenant(&ports, &clever("5f3a")).await.unwrap();
            assert_eq!(of.as_ref(), Some(&maple));
            let taken = DistrictsError::Taken("clever/5f3a".to_owned());
            assert_eq!(set(&ports, &oak, &["5f3a"]).await, Err(taken));
            assert_eq!(of_tenant(&ports, &clever("5f3c")).await.unwrap(), None);
            ports.advance(Duration::from_mins(2));
            set(&ports, &maple, &["5f3b"]).await.unwrap();
            assert_eq!(of_tenant(&ports, &clever("5f3a")).await.unwrap(), None);
            set(&ports, &oak, &["5f3a"]).await.unwrap();
            let of = of_tenant(&ports, &clever("5f3a")).await.unwrap();
            assert_eq!(of, Some(oak));
        });
    }

    #[test]
    fn a_district_that_a_connection_of_another_tenant_reads_is_taken() {
        let ports = MemoryPorts::new();
        let (maple, oak) = (tenant(), TenantId::parse("oak").unwrap());
        let new = serde_json::json!({"id": "clever", "provider": "clever", "mode": "import",
            "clever": {"district": "5f3a"}});
        block_on(async {
            let new = serde_json::from_value(new).unwrap();
            connections::create(&ports, &Actor::Operator, &maple, new)
                .await
                .unwrap();
            let of = of_tenant(&ports, &clever("5f3a")).await.unwrap();
            assert_eq!(of.as_ref(), Some(&maple));
            assert!(set(&ports, &oak, &["5f3a"]).await.is_err());
            let connections = connections::list(&ports, &maple).await.unwrap();
            let all = all(&ports, &maple, &connections).await.unwrap();
            assert!(all.clever.iter().any(|id| id.as_str() == "5f3a"));
            set(&ports, &maple, &["5f3a", "5f3b"]).await.unwrap();
            let of = of_tenant(&ports, &clever("5f3a")).await.unwrap();
            assert_eq!(of, Some(maple));
            let new = serde_json::json!({"id": "clever", "provider": "clever", "mode": "import",
                "clever": {"district": "5f3b"}});
            let new = serde_json::from_value(new).unwrap();
            let refused = connections::create(&ports, &Actor::Operator, &oak, new).await;
            assert_eq!(refused, Err(connections::ConnectionError::Taken));
        });
    }
}
