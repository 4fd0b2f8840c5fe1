//! OAuth 2.0 with Google: what to send (PROVIDERS 1.1, 1.2, 1.4 and 1.7). The modules below read
//! what comes back.

mod callback;
mod consent_error;
mod pkce;
mod scopes;
mod tokens;

pub use crate::signin::Client;
pub use callback::{Callback, CallbackError, CallbackFault, parse_callback};
pub use consent_error::ConsentError;
pub use pkce::{Pkce, VERIFIER_BYTES_MIN, WeakVerifier};
pub use scopes::{Mode, Scope, missing_scopes, required_scopes, sign_in_scopes};
pub use tokens::{
    DeadReason, Grant, OperatorFault, RevokeError, TokenError, Tokens, parse_revoke_response,
    parse_token_response,
};

use crate::base_url::BaseUrl;
use crate::request::{RequestError, encode_pairs, get_public, post_form};
use bytes::Bytes;
use http::Request;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Largest answer of the token, revoke and key endpoints, in bytes.
pub const OAUTH_BYTES_MAX: usize = 64 * 1024;

/// Where Google's OAuth answers.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Endpoints {
    /// Where the administrator's browser goes to consent.
    pub authorize: String,
    /// Where codes and refresh tokens become access tokens.
    pub token: String,
    /// Where a grant is withdrawn.
    pub revoke: String,
    /// Where the keys that sign id tokens are published.
    pub jwks: String,
}

impl Endpoints {
    /// The endpoints below three base addresses, which are Google's own in production:
    /// `https://accounts.google.com`, `https://oauth2.googleapis.com` and
    /// `https://www.googleapis.com`.
    pub fn below(accounts: &BaseUrl, oauth: &BaseUrl, apis: &BaseUrl) -> Self {
        Self {
            authorize: format!("{accounts}/o/oauth2/v2/auth"),
            token: format!("{oauth}/token"),
            revoke: format!("{oauth}/revoke"),
            jwks: format!("{apis}/oauth2/v3/certs"),
        }
    }
}

impl Default for Endpoints {
    fn default() -> Self {
        Self::below(
            &BaseUrl::known("https://accounts.google.com"),
            &BaseUrl::known("https://oauth2.googleapis.com"),
            &BaseUrl::known("https://www.googleapis.com"),
        )
    }
}

/// What one authorisation asks for.
#[derive(Clone, Copy, Debug)]
pub struct Authorization<'a> {
    /// Our registration. The client id ends in `.apps.googleusercontent.com`.
    pub client: &'a Client,
    /// What is asked for.
    pub scopes: &'a BTreeSet<Scope>,
    /// Comes back unchanged; single use, bound to the browser's session.
    pub state: &'a str,
    /// Comes back in the id token.
    pub nonce: &'a str,
    /// Binds the code to us.
    pub pkce: &'a Pkce,
    /// True to be given a refresh token, which needs the consent page each time: for a
    /// connection. False for signing in, where Google asks which account it is to be: on a shared
    /// computer, the one that happens to be signed in may be somebody else's.
    pub is_offline: bool,
    /// Domain to which the choice of accounts is narrowed. A convenience, not a check.
    pub hosted_domain: Option<&'a str>,
    /// Account to suggest.
    pub login_hint: Option<&'a str>,
}

/// The address of Google's consent page (PROVIDERS 1.2). Earlier grants are not included: the
/// grant is what was asked for and no more.
pub fn authorization_url(endpoints: &Endpoints, ask: &Authorization<'_>) -> String {
    let scope = ask.scopes.iter().map(|scope| scope.as_str());
    let scope = scope.collect::<Vec<_>>().join(" ");
    let mut pairs = vec![
        ("client_id", ask.client.id.as_str()),
        ("redirect_uri", &ask.client.redirect_uri),
        ("response_type", "code"),
        ("scope", &scope),
        ("state", ask.state),
        ("nonce", ask.nonce),
        ("code_challenge", ask.pkce.challenge()),
        ("code_challenge_method", "S256"),
    ];
    if ask.is_offline {
        pairs.extend([("access_type", "offline"), ("prompt", "consent")]);
    } else {
        pairs.push(("prompt", "select_account"));
    }
    pairs.extend(ask.hosted_domain.map(|domain| ("hd", domain)));
    pairs.extend(ask.login_hint.map(|hint| ("login_hint", hint)));
    format!("{}?{}", endpoints.authorize, encode_pairs(&pairs))
}

/// `POST /token`: a code for tokens. Read the answer with [`parse_token_response`].
pub fn code_request(
    endpoints: &Endpoints,
    client: &Client,
    code: &str,
    verifier: &str,
) -> Result<Request<Bytes>, RequestError> {
    let pairs = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("client_id", &client.id),
        ("client_secret", &client.secret),
        ("redirect_uri", &client.redirect_uri),
        ("code_verifier", verifier),
    ];
    post_form(&endpoints.token, &pairs)
}

/// `POST /token`: a refresh token for an access token. Read the answer with
/// [`parse_token_response`].
pub fn refresh_request(
    endpoints: &Endpoints,
    client: &Client,
    refresh_token: &str,
) -> Result<Request<Bytes>, RequestError> {
    let pairs = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token),
        ("client_id", &client.id),
        ("client_secret", &client.secret),
    ];
    post_form(&endpoints.token, &pairs)
}

/// `POST /revoke`: withdraws the whole grant to which the token belongs. Read the answer with
/// [`parse_revoke_response`].
pub fn revoke_request(endpoints: &Endpoints, token: &str) -> Result<Request<Bytes>, RequestError> {
    post_form(&endpoints.revoke, &[("token", token)])
}

/// `GET` of the keys that sign id tokens. Read the answer with
/// [`super::id_token::parse_keys`].
pub fn keys_request(endpoints: &Endpoints) -> Result<Request<Bytes>, RequestError> {
    get_public(&endpoints.jwks)
}
