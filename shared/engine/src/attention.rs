//! What of a tenant needs somebody's attention (SPEC sections 3 and 9): a connection whose
//! authorisation died, a connection whose runs fail one after the other, a plan that is held.
//!
//! Nothing is told to this module but that *something* may have changed ([`note`], a counter). It
//! then looks at how things stand ([`look`]) and compares that with the causes it knew, so a
//! look may be repeated, and one that was missed is made up for by the next. All it knows about a
//! tenant is one record, [`Attention`], replaced as a whole: a cause is opened together with the
//! alert that announces it, or not at all.
//!
//! Looking and sending belong to the `alerts` component. The others count changes, and read of
//! the record what [`Glance`] shows.

mod announce;
mod cause;
mod comparing;
mod known;
mod looking;
mod outbox;
mod sending;

pub use announce::{AlertBody, AlertState, Announced, Shown};
pub use cause::{Cause, Kind, Trouble};
pub use known::Attention;
pub use looking::look;
pub use outbox::{Alert, EXPIRES_AFTER_MS, PAUSE_FIRST_MS, PAUSE_MAX_MS};
pub use sending::{Delivered, deliver};

use crate::error::Error;
use crate::keys;
use crate::ports::{Clock, Store, Transport, VariableError, Variables};
use crate::settings::{self, AlertSettings};
use crate::slices;
use crate::versioned::{self, Versioned};
use mapping::ids::{ConnectionId, TenantId};
use serde::{Deserialize, Serialize};

/// The component that looks and sends.
pub const COMPONENT: &str = "alerts";

/// A question about one tenant to the `alerts` component.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The tenant.
    pub tenant: TenantId,
}

/// The answer to a request to look.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Looked {
    /// Why alerts that wait can't be sent as the application is configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Whether alerts are to be sent, and where.
#[derive(Clone, Debug)]
pub enum Alerting {
    /// No address is set.
    Off,
    /// They are sent there.
    On(AlertSettings),
    /// An address is set, and what it takes to use it is not: alerts wait.
    Unusable(VariableError),
}

impl Alerting {
    /// Reads the variables.
    pub async fn read(variables: &impl Variables) -> Self {
        match settings::alerts(variables).await {
            Ok(Some(settings)) => Self::On(settings),
            Ok(None) => Self::Off,
            Err(error) => Self::Unusable(error),
        }
    }

    /// Why alerts can't be sent, with the variable's name.
    pub fn problem(&self) -> Option<String> {
        match self {
            Self::Unusable(error) => Some(error.to_string()),
            Self::Off | Self::On(_) => None,
        }
    }
}

/// Notes that something changed which a look may find to need attention, or to need it no longer.
///
/// Noted after the change, so that the look sees it; and before it too where the process could
/// die in between and nothing would bring it back to note the change.
pub async fn note(store: &impl Store, tenant: &TenantId) -> Result<(), Error> {
    let key = keys::attention_changes(tenant);
    store.increment(&key, 1).await?;
    Ok(())
}

/// How many changes were noted so far.
async fn changes(store: &impl Store, tenant: &TenantId) -> Result<u64, Error> {
    let key = keys::attention_changes(tenant);
    let count = store.increment(&key, 0).await?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// What other components read of a tenant's [`Attention`].
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
pub struct Glance {
    seen: u64,
    due_ms: Option<i64>,
    causes: Vec<Affected>,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
struct Affected {
    connection: ConnectionId,
}

impl Glance {
    /// Reads it; of a tenant that never needed attention, the empty one.
    pub async fn read(store: &impl Store, tenant: &TenantId) -> Result<Self, Error> {
        let found: Option<Versioned<Self>> =
            versioned::read(store, &keys::attention(tenant)).await?;
        Ok(found.map(|found| found.value).unwrap_or_default())
    }

    /// Whether anything of the tenant needs attention.
    pub fn needs_attention(&self) -> bool {
        !self.causes.is_empty()
    }

    /// Whether this connection needs attention.
    pub fn names(&self, connection: &ConnectionId) -> bool {
        let mut causes = self.causes.iter();
        causes.any(|cause| cause.connection == *connection)
    }
}

/// Has the `alerts` component look if something changed or an alert is to be sent. Returns why
/// that could not be done, if it could not: the next tick tries again.
pub async fn attend<P: Store + Clock + Transport>(
    ports: &P,
    tenant: &TenantId,
) -> Result<Option<String>, Error> {
    let glance = Glance::read(ports, tenant).await?;
    let now_ms = ports.now().as_millisecond();
    let is_due = glance.due_ms.is_some_and(|due_ms| due_ms <= now_ms);
    if !is_due && changes(ports, tenant).await? == glance.seen {
        return Ok(None);
    }
    let question = Question {
        tenant: tenant.clone(),
    };
    let looked: Result<Looked, _> = slices::call(ports, COMPONENT, "/look", &question).await;
    Ok(match looked {
        Ok(looked) => looked.problem,
        Err(error) => Some(format!("alerts: {error}")),
    })
}
