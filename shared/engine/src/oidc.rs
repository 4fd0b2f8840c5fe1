//! Rollcall as an OpenID provider: applications send people here, and get a code, tokens and
//! claims about one account (OpenID Connect Core 1.0, RFC 6749, RFC 9700).
//!
//! Two components serve it. What a browser opens is in `login`, beside the sign-in itself:
//! [`authorize`], [`end_session`], and from the sign-in [`resume`] and [`refuse`]. What applications
//! call is in `oidc`. Neither half asks the other for anything: what one leaves, the other finds in
//! the store.

mod address;
mod attending;
mod authorizing;
mod claims;
pub mod clients;
mod codes;
mod ending;
mod exchanging;
mod grants;
mod id_token;
mod marks;
mod notices;
mod redirecting;
mod request;
mod sign_outs;
pub mod signing;
mod standing;

pub use attending::{COMPONENT, Question, attend, attend_keys, look_after};
pub use authorizing::{Asking, asking, authorize, home, refuse, resume};
pub use ending::end_session;
pub use exchanging::{BearerFault, Credentials, Issued, TokenFault, claims_of, exchange, revoke};
pub use grants::{ACCESS_MS, GRANT_MS};
pub use notices::{ATTEMPTS_MAX, PAUSE_FIRST_MS};
pub use redirecting::Refusal;
pub use request::{Parameters, Scope};
pub use sign_outs::{tell_all, tell_session};

use crate::settings::Secret;
use mapping::ids::TenantId;

/// The path that applications send browsers to.
pub const AUTHORIZE_PATH: &str = "/oidc/authorize";

/// What becomes of a browser that an application sent here.
#[derive(Clone, Debug)]
pub enum Authorized {
    /// It is not known which district the person is of. They are asked, and the same request is
    /// made again with `tenant`.
    AskTenant {
        /// What the application asked for, every parameter once, without `tenant`.
        parameters: Vec<(String, String)>,
        /// The district that was named, and that the application does not have.
        unknown: Option<String>,
    },
    /// It goes on to this address: the application's, with a code or an error.
    Redirect(String),
    /// It is told on a page of ours. Who sent it is not known, so it goes nowhere.
    Refused(Untrusted),
    /// The person has to sign in, at `/login/{tenant}?request={request}`.
    SignIn {
        /// The district.
        tenant: TenantId,
        /// The handle of what the application asked for.
        request: Secret,
    },
}

/// Why a browser is sent back to nobody (RFC 6749 section 4.1.2.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Untrusted {
    /// `client_id` is missing, there twice, or not one that is registered.
    #[error("the application is not registered here: tell whoever runs it")]
    Client,
    /// The request is not one that can be read.
    #[error("the application asked in a way that can't be read: tell whoever runs it")]
    Request,
    /// `redirect_uri` is missing, there twice, or not one of the client's, byte for byte.
    #[error(
        "the application asked to return to an address that is not registered for it: tell whoever runs it"
    )]
    RedirectUri,
}

/// What becomes of a sign-in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Resumed {
    /// No application waits for it: none asked, or it was too long ago, or it has its answer.
    NoRequest,
    /// The browser goes on to the application, with a code or an error.
    Redirect(String),
}

/// The path that applications send browsers to for signing out.
pub const LOGOUT_PATH: &str = "/oidc/logout";

/// What becomes of a browser that wants to be signed out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Ended {
    /// It is sent to this address of ours with the same parameters, so that its cookie comes along.
    Again(String),
    /// Anybody could have sent it here: the person is asked. The answer is a `POST` of `parameters`
    /// with `confirm` set to `proof`.
    Confirm {
        /// What was asked for, every parameter once, without `confirm`.
        parameters: Vec<(String, String)>,
        /// Shows that the page that was answered is ours, and was shown to this session.
        proof: String,
        /// Where the browser will go then.
        leads_to: Option<String>,
    },
    /// It is signed out, now or before. Its cookie can go.
    SignedOut {
        /// Where it goes, if an application said so and may.
        location: Option<String>,
        /// The tenant whose applications are to be told, if a session ended now.
        tenant: Option<TenantId>,
    },
    /// The request is not one that can be read.
    Unreadable,
}
