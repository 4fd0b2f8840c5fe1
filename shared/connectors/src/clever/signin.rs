//! Signing in with Clever: what to send, and who it is (PROVIDERS 4.1 and 4.2, C2, C8, C9).
//!
//! ```text
//! browser -> authorization_url -> redirect with a code      (or a launch at Clever's portal)
//! code_request -> parse_token -> me_request -> parse_me -> user_request -> parse_user
//! ```
//!
//! The token tells who signed in and opens nothing else. It has no end of its own, so it is
//! dropped as soon as the last answer is read.

mod identity;
mod me;

pub use crate::signin::Client;
pub use identity::{CleverIdentity, parse_user};
pub use me::{Me, parse_me};

use super::api::Api;
use super::errors::Reason;
use crate::base_url::BaseUrl;
use crate::request::{RequestError, basic, encode_pairs, post_form_with};
use crate::signin::{ANSWER_BYTES_MAX, BearerToken, SignInError, parse_token_response};
use bytes::Bytes;
use http::{Request, Response, StatusCode};

/// Who a redirect of Clever is from, should it say so.
pub const ISSUER: &str = "https://clever.com";

/// What one sign-in asks for.
#[derive(Clone, Copy, Debug)]
pub struct Authorization<'a> {
    /// Our registration.
    pub client: &'a Client,
    /// Comes back unchanged; single use, bound to the browser's session.
    pub state: &'a str,
    /// Clever's id of the district, which spares people to choose one. A convenience, not a
    /// check.
    pub district: Option<&'a str>,
}

/// The address of Clever's page. `oauth_url` is [`super::tokens::OAUTH_URL`] in production.
pub fn authorization_url(oauth_url: &BaseUrl, ask: &Authorization<'_>) -> String {
    let mut pairs = vec![
        ("response_type", "code"),
        ("client_id", ask.client.id.as_str()),
        ("redirect_uri", &ask.client.redirect_uri),
        ("state", ask.state),
    ];
    pairs.extend(ask.district.map(|district| ("district_id", district)));
    format!("{oauth_url}/oauth/authorize?{}", encode_pairs(&pairs))
}

/// `POST /oauth/tokens`: a code for a token. A code lives a minute and works once. Read the answer
/// with [`parse_token`].
pub fn code_request(
    oauth_url: &BaseUrl,
    client: &Client,
    code: &str,
) -> Result<Request<Bytes>, RequestError> {
    let pairs = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", &client.redirect_uri),
    ];
    let address = format!("{oauth_url}/oauth/tokens");
    post_form_with(&address, &pairs, Some(&basic(&client.id, &client.secret)))
}

/// Reads the answer to [`code_request`].
pub fn parse_token(response: &Response<Bytes>) -> Result<BearerToken, SignInError> {
    parse_token_response(response)
}

/// `GET /me`: whose token it is. Read the answer with [`parse_me`].
pub fn me_request(api: &Api, token: &BearerToken) -> Result<Request<Bytes>, RequestError> {
    api.me(token.as_str())
}

/// `GET /users/{id}` of the same person. Read the answer with [`parse_user`].
pub fn user_request(
    api: &Api,
    me: &Me,
    token: &BearerToken,
) -> Result<Request<Bytes>, RequestError> {
    api.user(me.user_id.as_str(), token.as_str())
}

/// The body of an answer about who somebody is, or what its status means.
fn success(response: &Response<Bytes>) -> Result<&[u8], SignInError> {
    if response.status() == StatusCode::OK {
        let body = response.body();
        let is_read = body.len() <= ANSWER_BYTES_MAX;
        return is_read
            .then_some(body.as_ref())
            .ok_or(SignInError::Malformed);
    }
    if let Some(trouble) = SignInError::trouble(response) {
        return Err(trouble);
    }
    Err(match Reason::of(response) {
        Reason::AuthError => SignInError::Token,
        // The district does not let us see its own person (C9), or the person is gone.
        Reason::Forbidden | Reason::MissingScope | Reason::NotFound => SignInError::NotShared,
        Reason::Backend
        | Reason::BadRequest
        | Reason::NoSuchPath
        | Reason::NotSupported
        | Reason::PageTooLarge
        | Reason::RateLimited
        | Reason::Unknown => SignInError::Refused {
            status: response.status().as_u16(),
        },
    })
}
