//! Authorising a connection at Google: from the start address to sealed tokens (SPEC section 3,
//! PROVIDERS part 1).
//!
//! Three steps, each with a secret of its own, kept only as a digest:
//! 1. [`start`] makes a start address for somebody with an admin key.
//! 2. [`begin`] binds the browser that opens it with a cookie and sends it to Google with a fresh
//!    `state`, nonce and PKCE challenge.
//! 3. [`finish`] takes Google's redirect: the same browser, within ten minutes, once.
//!
//! Who consented is believed from the verified id token and from nowhere else.

mod begin;
mod finish;
mod identity;

pub(crate) use begin::not_in_a_browser;
pub use begin::{Begun, Started, begin, is_open, start};
pub use finish::{Finished, finish};
pub use identity::IdentityError;
pub(crate) use identity::verify_with_keys;

use crate::audit::Actor;
use crate::connections::{ConnectionError, TokenFailure};
use crate::error::Error;
use crate::seal::{SealError, SealKeys, Sealed};
use crate::settings::{GoogleSettings, PublicUrl};
use connectors::google::oauth::{CallbackFault, TokenError};
use mapping::ids::{ConnectionId, TenantId};
use serde::{Deserialize, Serialize};

/// How long a start address and a `state` work, in milliseconds.
pub const LIFE_MS: i64 = 600_000;

/// The path that Google redirects to, registered with the client byte for byte.
pub const CALLBACK_PATH: &str = "/oauth/google/callback";

/// The path of start addresses; a token follows.
pub const START_PATH: &str = "/oauth/google/start/";

/// Everything that authorising needs of the application's variables.
#[derive(Clone, Debug)]
pub struct OAuthSettings {
    /// Our registration at Google.
    pub google: GoogleSettings,
    /// For tokens and for what is under way.
    pub seal_keys: SealKeys,
    /// Our own address.
    pub public_url: PublicUrl,
}

/// Why an authorisation did not go on. Nothing of it is kept.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AuthorizeError {
    /// Another browser than the one that began, or one that keeps no cookies.
    #[error("this browser did not begin the authorisation, or does not keep cookies: start again")]
    Browser,
    /// Google says no, or the redirect is broken.
    #[error(transparent)]
    Callback(#[from] CallbackFault),
    /// The connection is gone or can't be changed.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// Who consented is not known or not of the district.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Not all that was asked for was granted.
    #[error("not every permission was granted; start again and tick each of them: {}", .0.join(", "))]
    MissingScopes(Vec<String>),
    /// Google gave no refresh token and none is kept.
    #[error(
        "Google gave no lasting authorisation: remove the app in your Google account's settings and start again"
    )]
    NoRefreshToken,
    /// Unknown, expired or used.
    #[error(
        "this authorisation was not started here, took longer than ten minutes, or was used already: start again"
    )]
    State,
    /// The code could not be exchanged.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Google could not be reached.
    #[error("Google could not be reached: try again in a few minutes")]
    Unreachable,
    /// Something could not be sealed or opened.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The surroundings failed.
    #[error(transparent)]
    Engine(#[from] Error),
}

impl From<TokenFailure> for AuthorizeError {
    fn from(failure: TokenFailure) -> Self {
        match failure {
            TokenFailure::Engine(error) => AuthorizeError::Engine(error),
            TokenFailure::Seal(error) => AuthorizeError::Seal(error),
            TokenFailure::Blocked(_)
            | TokenFailure::NotAuthorized(_)
            | TokenFailure::Operator(_)
            | TokenFailure::Policy(_)
            | TokenFailure::Provider(_)
            | TokenFailure::ReconnectNeeded { .. } => AuthorizeError::Unreachable,
        }
    }
}

impl From<crate::ports::StoreError> for AuthorizeError {
    fn from(error: crate::ports::StoreError) -> Self {
        AuthorizeError::Engine(error.into())
    }
}

impl From<crate::record::RecordError> for AuthorizeError {
    fn from(error: crate::record::RecordError) -> Self {
        AuthorizeError::Engine(error.into())
    }
}

/// What a start address leads to.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct StartRecord {
    tenant: TenantId,
    connection: ConnectionId,
    who: Actor,
    until_ms: i64,
}

/// An authorisation under way.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Pending {
    tenant: TenantId,
    connection: ConnectionId,
    who: Actor,
    until_ms: i64,
    /// Digest of the cookie.
    browser: String,
    /// Whether the group scopes were asked for.
    uses_groups: bool,
    /// The PKCE verifier and the nonce.
    sealed: Sealed,
}

/// What is sealed in [`Pending`].
#[derive(Deserialize, Serialize)]
struct PendingSecrets {
    verifier: String,
    nonce: String,
}

/// The cookie that binds a browser.
pub(crate) const COOKIE: &str = "rollcall-oauth";
