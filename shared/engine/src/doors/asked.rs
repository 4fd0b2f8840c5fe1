//! What administrators do with a connection that needs its provider: asked for, over service
//! chaining, by the component that knows who may, of the one that reaches the provider.

use crate::audit::Actor;
use mapping::ids::{ConnectionId, TenantId};
use serde::{Deserialize, Serialize};

/// What to do with a connection.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Operation {
    /// Say whether a consent could go on: whether our registration at Google is set.
    Check,
    /// Give the authorisation back and remove the configuration.
    Delete,
    /// Read the tree of org units.
    OrgUnits,
    /// Give the authorisation back.
    Revoke,
    /// Read what the rules need, and keep the report.
    Test,
}

/// A request to do it, from a component that knows that `actor` may.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConnectionRequest {
    /// What to do.
    pub(crate) operation: Operation,
    /// Whose connection it is.
    pub(crate) tenant: TenantId,
    /// The connection.
    pub(crate) connection: ConnectionId,
    /// Who asked, for the audit log.
    pub(crate) actor: Actor,
}
