//! A tenant's guard: the limits over which a plan is held, and the weeks of the year in which more
//! is expected (SPEC section 7, step 5).

use crate::audit::{self, Action, Actor};
use crate::error::Error;
use crate::keys;
use crate::ports::{Clock, Store};
use crate::tenants::Pause;
use crate::versioned::{self, ReplaceError, Versioned};
use jiff::civil::Date;
use mapping::guard::{LimitError, LimitSet};
use mapping::ids::TenantId;
use serde::{Deserialize, Serialize};

/// Most roll-over periods of one tenant.
pub const ROLL_OVERS_MAX: usize = 50;

/// Longest roll-over period, in days. Raised limits all year round are no limits.
const ROLL_OVER_DAYS_MAX: i32 = 92;

/// A tenant's guard.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Guard {
    /// The usual limits.
    pub limits: LimitSet,
    /// The limits of roll-over weeks, where they are higher.
    pub roll_over_limits: LimitSet,
    /// The roll-over weeks, both ends included, in the tenant's time zone.
    pub roll_overs: Vec<Pause>,
}

impl Default for Guard {
    fn default() -> Self {
        Self {
            limits: LimitSet::default(),
            roll_over_limits: LimitSet::roll_over(),
            roll_overs: Vec::new(),
        }
    }
}

/// Why a guard was not changed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum GuardError {
    /// Somebody else changed it meanwhile.
    #[error("the guard was changed meanwhile: read it again and repeat the change")]
    Changed,
    /// The surroundings failed.
    #[error(transparent)]
    Engine(#[from] Error),
    /// A value breaks a rule.
    #[error("{field}: {reason}")]
    Invalid {
        /// The field, as a path.
        field: String,
        /// The rule.
        reason: String,
    },
}

impl From<ReplaceError> for GuardError {
    fn from(error: ReplaceError) -> Self {
        match error {
            ReplaceError::Changed => GuardError::Changed,
            ReplaceError::Engine(error) => GuardError::Engine(error),
        }
    }
}

impl Guard {
    /// The limits on a day of the tenant's calendar.
    pub fn limits_on(&self, day: Date) -> LimitSet {
        if self.roll_overs.iter().any(|period| period.covers(day)) {
            self.limits.raised(&self.roll_over_limits)
        } else {
            self.limits.clone()
        }
    }

    fn validate(&self) -> Result<(), GuardError> {
        let within = |name: &str, error: LimitError| GuardError::Invalid {
            field: format!("{name}.{}", error.field),
            reason: error.reason,
        };
        self.limits
            .validate()
            .map_err(|error| within("limits", error))?;
        self.roll_over_limits
            .validate()
            .map_err(|error| within("roll_over_limits", error))?;
        let invalid = |field: String, reason: String| GuardError::Invalid { field, reason };
        if self.roll_overs.len() > ROLL_OVERS_MAX {
            let reason = format!("may be at most {ROLL_OVERS_MAX}");
            return Err(invalid("roll_overs".to_owned(), reason));
        }
        for (index, period) in self.roll_overs.iter().enumerate() {
            let field = format!("roll_overs[{index}]");
            let days = period.days();
            if days < 0 {
                return Err(invalid(field, "ends before it begins".to_owned()));
            }
            if days > ROLL_OVER_DAYS_MAX {
                let reason = format!("is longer than {ROLL_OVER_DAYS_MAX} days");
                return Err(invalid(field, reason));
            }
        }
        Ok(())
    }
}

/// Reads a tenant's guard; the usual one before the first change.
pub async fn read(store: &impl Store, tenant: &TenantId) -> Result<Guard, Error> {
    let found: Option<Versioned<Guard>> = versioned::read(store, &keys::guard(tenant)).await?;
    Ok(found.map(|record| record.value).unwrap_or_default())
}

/// Replaces a tenant's guard: all of it or nothing.
pub async fn replace(
    ports: &(impl Store + Clock),
    who: &Actor,
    tenant: &TenantId,
    guard: Guard,
) -> Result<Guard, GuardError> {
    guard.validate()?;
    let key = keys::guard(tenant);
    let found: Option<Versioned<Guard>> = versioned::read(ports, &key).await?;
    let Versioned { version, value } = found.unwrap_or_default();
    if value == guard && version > 0 {
        return Ok(guard);
    }
    versioned::claim_newest(ports, &key, version).await?;
    audit::record(ports, tenant, who, Action::GuardChanged, tenant.as_str()).await?;
    Ok(versioned::write(ports, &key, version, guard).await?.value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{MemoryPorts, block_on};
    use jiff::civil::date;

    fn guard(json: &str) -> Guard {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn limits_are_raised_in_roll_over_weeks_alone() {
        let guard = guard(r#"{"roll_overs":[{"from":"2026-08-03","until":"2026-08-28"}]}"#);
        let usual = guard.limits_on(date(2026, 8, 2));
        let raised = guard.limits_on(date(2026, 8, 3));
        assert_eq!(usual, LimitSet::default());
        assert_eq!(raised.everybody.updates.share_percent, 100);
        assert_eq!(guard.limits_on(date(2026, 8, 29)), usual);
    }

    #[test]
    fn a_guard_that_can_not_be_is_refused_and_changes_nothing() {
        let ports = MemoryPorts::new();
        let tenant = TenantId::parse("maple").unwrap();
        block_on(async {
            for (json, field) in [
                (
                    r#"{"limits":{"everybody":{"deletions":{"share_percent":101,"count":1}}}}"#,
                    "limits.everybody.deletions.share_percent",
                ),
                (
                    r#"{"roll_overs":[{"from":"2026-08-03","until":"2026-08-02"}]}"#,
                    "roll_overs[0]",
                ),
                (
                    r#"{"roll_overs":[{"from":"2026-01-01","until":"2026-12-31"}]}"#,
                    "roll_overs[0]",
                ),
            ] {
                let refused = replace(&ports, &Actor::Operator, &tenant, guard(json)).await;
                let Err(GuardError::Invalid { field: named, .. }) = refused else {
                    panic!("{refused:?}");
                };
                assert_eq!(named, field);
            }
            assert!(ports.dump().is_empty());
            let wanted = guard(r#"{"roll_overs":[{"from":"2026-08-03","until":"2026-08-28"}]}"#);
            replace(&ports, &Actor::Operator, &tenant, wanted.clone())
                .await
                .unwrap();
            assert_eq!(read(&ports, &tenant).await.unwrap(), wanted);
        });
    }
}
