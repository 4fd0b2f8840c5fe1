//! Connections: a tenant's authorised links to providers (SPEC section 3).
//!
//! A connection starts as a draft, is authorised at its provider, and is active once its
//! administrator has saved it. Edits stay beside the settings in use until they are saved or
//! discarded.

mod clever;
mod conversing;
mod credentials;
mod districts;
mod domain;
mod edit;
mod modify;
mod oneroster;
mod order;
mod revoke;
mod source;
mod test;
mod tokens;

pub use clever::{clever_settings, district_token, list_tokens};
pub(crate) use conversing::{check_testable, conclude, converse, converse_and_take};
use credentials::replace_credentials;
pub use credentials::{
    Credentials, CredentialsKind, Method, Opened, PutError, open_credentials, put_credentials,
};
pub use districts::{Holder, holder};
pub use domain::{Domain, DomainError};
pub use edit::{Edit, NewConnection, create, discard, edit, save};
pub(crate) use modify::{Change, modify};
pub use oneroster::{
    OneRosterNetwork, Service, check_addresses, check_way, keep_method, list_applications,
    oneroster_settings, service as oneroster_service,
};
pub(crate) use order::{freeze_order, settle_order};
pub use order::{frozen_order, order, ordered, set_order};
pub use revoke::{Revoked, delete, forget, remove, revoke};
pub use source::{
    ApplicationId, ApplicationIdError, CleverEdit, CleverSettings, CleverVersion, District,
    DistrictId, DistrictIdError, EMAIL_DOMAINS_MAX, Extent, ExtentEdit, OneRosterEdit,
    OneRosterSettings, OneRosterVersion, Placement, Source, TokenSettings, Way,
};
pub use test::{TestError, directory, org_units, test};
pub use tokens::{Freshness, TokenFailure, access_token};
pub(crate) use tokens::{KeptTokens, keep_tokens, read_tokens};

use crate::error::Error;
use crate::keys;
use crate::log::Log;
use crate::ports::Store;
use crate::versioned::{self, ReplaceError, Versioned};
use mapping::ids::{ConnectionId, TenantId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Most connections that a tenant may ever make. Listing reads one record for each.
pub const CONNECTIONS_MAX: u64 = 200;

/// Who is at the other end.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// Clever.
    Clever,
    /// Nobody: files that are uploaded.
    Csv,
    /// Google Workspace.
    Google,
    /// A OneRoster server, or ClassLink's.
    Oneroster,
}

impl Provider {
    /// What people call it.
    pub fn title(self) -> &'static str {
        match self {
            Provider::Clever => "Clever",
            Provider::Csv => "CSV",
            Provider::Google => "Google",
            Provider::Oneroster => "OneRoster",
        }
    }

    /// Whether runs read people from it by themselves.
    pub fn is_read_by_runs(self) -> bool {
        match self {
            Provider::Clever | Provider::Google | Provider::Oneroster => true,
            Provider::Csv => false,
        }
    }

    /// Whether single people can be looked at.
    pub fn can_look(self) -> bool {
        match self {
            Provider::Clever | Provider::Google | Provider::Oneroster => true,
            Provider::Csv => false,
        }
    }

    /// Whether it tells of changes as they happen.
    pub fn pushes(self) -> bool {
        self == Provider::Google
    }
}

/// Which way people flow.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncMode {
    /// From us to the provider.
    Export,
    /// From the provider to us.
    Import,
    /// Both, each field with one owner.
    ImportExport,
}

/// Where a connection stands.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Saved and in use.
    Active,
    /// Authorised, not saved yet.
    Authorized,
    /// Never authorised.
    Draft,
    /// The authorisation died; somebody has to authorise again.
    ReconnectNeeded,
    /// The authorisation was given back.
    Revoked,
}

/// What an administrator sets.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ConnectionSettings {
    /// What people call it.
    pub name: String,
    /// Where it leads.
    #[serde(flatten)]
    pub source: Source,
    /// Which way people flow.
    pub mode: SyncMode,
}

/// What the provider granted.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Authorization {
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// The scopes granted.
    pub scopes: BTreeSet<String>,
}

/// What a connection test found.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct TestReport {
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// True when everything the rules need can be read.
    pub passed: bool,
    /// What is missing, by name, each with what to do about it.
    pub missing: Vec<String>,
    /// What a sync can do without, and what is good to know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Which credentials an administrator gave; never what they are.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct CredentialsGiven {
    /// Of which kind.
    pub kind: CredentialsKind,
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: i64,
}

/// A link to a provider.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Connection {
    /// Ours, stable for ever.
    pub id: ConnectionId,
    /// Who is at the other end.
    pub provider: Provider,
    /// Where it stands.
    pub state: State,
    /// The settings in use.
    pub settings: ConnectionSettings,
    /// Edited settings that were not saved yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<ConnectionSettings>,
    /// What was granted, while tokens are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Authorization>,
    /// Why somebody has to look at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attention: Option<String>,
    /// Which credentials are kept, where an administrator gives them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<CredentialsGiven>,
    /// The last connection test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_test: Option<TestReport>,
    /// When it was made, in milliseconds since the Unix epoch.
    pub created_at_ms: i64,
}

/// Why a connection was not made or changed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ConnectionError {
    /// Somebody else changed it meanwhile.
    #[error("the connection was changed meanwhile: read it again and repeat the change")]
    Changed,
    /// Another connection has the id.
    #[error("there is a connection with this id and other settings")]
    Exists,
    /// A value breaks a rule.
    #[error("{field}: {reason}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// The rule.
        reason: String,
    },
    /// No such connection.
    #[error("there is no such connection")]
    NotFound,
    /// The mode is not there yet.
    #[error("the mode {0} is not available yet: use import")]
    NotAvailable(&'static str),
    /// Only the operator may set this.
    #[error(
        "{0}: only the operator may say which district is read, since our key opens every district that approved us"
    )]
    Operators(&'static str),
    /// Its state does not allow it.
    #[error("{0}")]
    State(String),
    /// Another connection reads the district, or another tenant's people sign in from it.
    #[error(
        "another connection, of this tenant or of another one, reads this district already, or it is another tenant's for signing in"
    )]
    Taken,
    /// [`CONNECTIONS_MAX`] were made.
    #[error("a tenant may make at most {CONNECTIONS_MAX} connections")]
    TooMany,
    /// The surroundings failed.
    #[error(transparent)]
    Engine(#[from] Error),
}

impl From<ReplaceError> for ConnectionError {
    fn from(error: ReplaceError) -> Self {
        match error {
            ReplaceError::Changed => ConnectionError::Changed,
            ReplaceError::Engine(error) => ConnectionError::Engine(error),
        }
    }
}

impl Connection {
    /// Whether it is saved and in service.
    pub fn is_active(&self) -> bool {
        self.state == State::Active
    }

    /// Whether it was authorised and not revoked: it stays where it leads.
    pub fn is_held(&self) -> bool {
        matches!(
            self.state,
            State::Active | State::Authorized | State::ReconnectNeeded
        )
    }

    /// Whether runs read from it.
    pub fn is_in_use(&self) -> bool {
        self.is_active() && self.provider.is_read_by_runs()
    }
}

/// Reads a connection.
pub async fn read(
    store: &impl Store,
    tenant: &TenantId,
    id: &ConnectionId,
) -> Result<Option<Connection>, Error> {
    let found: Option<Versioned<Connection>> =
        versioned::read(store, &keys::connection(tenant, id)).await?;
    Ok(found.map(|record| record.value))
}

/// The domains whose addresses count as verified when this connection shows them: those that its
/// administrator named, and those of the tenant's authorised Google connections.
pub async fn verified_domains(
    store: &impl Store,
    tenant: &TenantId,
    connection: &Connection,
) -> Result<BTreeSet<Domain>, Error> {
    let extent = connection.settings.source.extent();
    let mut domains = extent.map_or_else(BTreeSet::new, |extent| extent.email_domains.clone());
    for other in list(store, tenant).await? {
        if other.is_held() {
            domains.extend(other.settings.source.google_domain().cloned());
        }
    }
    Ok(domains)
}

/// All connections of a tenant, in the order they were made.
pub async fn list(store: &impl Store, tenant: &TenantId) -> Result<Vec<Connection>, Error> {
    let limit = usize::try_from(CONNECTIONS_MAX).unwrap_or(usize::MAX);
    let page = Log::new(keys::connections(tenant))
        .page_after::<ConnectionId>(store, 0, limit)
        .await?;
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for (_, id) in page.entries {
        // An entry whose writer died, or whose connection was deleted, has none.
        if seen.insert(id.clone()) {
            found.extend(read(store, tenant, &id).await?);
        }
    }
    Ok(found)
}
