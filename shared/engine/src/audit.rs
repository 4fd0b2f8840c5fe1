//! The audit log of a tenant: who did what to what, and when. Append-only.
//!
//! An entry is written just before the change it tells of, so that no change is without its
//! entry; a crash in between leaves an entry of a change that was asked for and did not happen.

use crate::error::Error;
use crate::keys;
use crate::log::{Log, Page};
use crate::ports::{Clock, Store};
use mapping::ids::TenantId;
use serde::{Deserialize, Serialize};

/// Who did something.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// Somebody with this API key.
    Key {
        /// The key's id.
        id: String,
    },
    /// The operator.
    Operator,
    /// Rollcall itself, noticing something.
    Rollcall,
    /// The sender of a signed webhook.
    Webhook,
}

impl Actor {
    /// The actor as one word: `operator`, `key-3`, `webhook`, `rollcall`.
    pub fn name(&self) -> &str {
        match self {
            Actor::Key { id } => id,
            Actor::Operator => "operator",
            Actor::Rollcall => "rollcall",
            Actor::Webhook => "webhook",
        }
    }
}

/// What was done.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A connection's consent was asked for.
    AuthorizationStarted,
    /// A client of our `OpenID` provider was changed.
    ClientChanged,
    /// A client of our `OpenID` provider was registered for the tenant.
    ClientRegistered,
    /// A client of our `OpenID` provider was removed.
    ClientRemoved,
    /// A client of our `OpenID` provider was given a new secret.
    ClientSecretRotated,
    /// A connection was authorised at the provider.
    ConnectionAuthorized,
    /// A connection was made.
    ConnectionCreated,
    /// A connection's credentials were set.
    ConnectionCredentialsSet,
    /// A connection was deleted.
    ConnectionDeleted,
    /// Unsaved edits of a connection were thrown away.
    ConnectionDiscarded,
    /// A connection was edited, not yet saved.
    ConnectionEdited,
    /// A connection's authorisation died.
    ConnectionLost,
    /// A connection's authorisation was given back.
    ConnectionRevoked,
    /// Edits of a connection were put to use.
    ConnectionSaved,
    /// A connection test was made.
    ConnectionTested,
    /// The order of connections was changed.
    ConnectionsOrdered,
    /// An account was edited by hand.
    AccountEdited,
    /// An account was restored by hand.
    AccountRestored,
    /// The passwords that an upload made were fetched.
    CredentialsFetched,
    /// The plan of a file was accepted.
    FileAccepted,
    /// A file was discarded.
    FileDiscarded,
    /// A file was sent.
    FileSent,
    /// The guard was changed.
    GuardChanged,
    /// An API key was made.
    KeyMinted,
    /// An API key was revoked.
    KeyRevoked,
    /// An organization was made.
    OrganizationCreated,
    /// An organization was deleted.
    OrganizationDeleted,
    /// An organization was renamed.
    OrganizationRenamed,
    /// Somebody at a provider was linked with an account.
    LinkConfirmed,
    /// Somebody at a provider is no longer linked with an account.
    LinkRemoved,
    /// An account got a one-time code in place of its password.
    PasswordReset,
    /// Somebody said what is to become of a person whom nobody could match.
    PersonResolved,
    /// A look at one person of a connection was asked for.
    PersonSyncRequested,
    /// A preview was asked for.
    PreviewRequested,
    /// The rule set was changed.
    RulesChanged,
    /// A held plan was approved.
    RunApproved,
    /// A held plan was discarded.
    RunDiscarded,
    /// A held plan was put aside for a new one.
    RunReplanned,
    /// A run was asked for.
    RunRequested,
    /// How people sign in was changed.
    SignInChanged,
    /// Which districts' people sign in was changed.
    SignInDistrictsChanged,
    /// An entry about somebody who was not signed in was dismissed.
    SignInRefusalDismissed,
    /// Everything that an account was signed in to was ended.
    SignedOut,
    /// An undo was asked for.
    UndoRequested,
    /// The tenant was changed.
    TenantChanged,
    /// The tenant was made.
    TenantCreated,
    /// A webhook secret was made.
    WebhookSecretMinted,
    /// The webhook secret was removed.
    WebhookSecretRemoved,
}

/// One entry. Names ids, never persons.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Entry {
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// Who.
    pub who: Actor,
    /// What.
    pub what: Action,
    /// To what: an id.
    pub subject: String,
}

/// Appends an entry.
pub async fn record(
    ports: &(impl Store + Clock),
    tenant: &TenantId,
    who: &Actor,
    what: Action,
    subject: &str,
) -> Result<(), Error> {
    let entry = Entry {
        at_ms: ports.now().as_millisecond(),
        who: who.clone(),
        what,
        subject: subject.to_owned(),
    };
    log(tenant).append(ports, &entry).await?;
    Ok(())
}

/// Up to `limit` entries with numbers below `before`, newest first.
pub async fn read(
    store: &impl Store,
    tenant: &TenantId,
    before: Option<u64>,
    limit: usize,
) -> Result<Page<Entry>, Error> {
    Ok(log(tenant).page_before(store, before, limit).await?)
}

fn log(tenant: &TenantId) -> Log {
    Log::new(keys::audit(tenant))
}
