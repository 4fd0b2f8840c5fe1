//! ClassLink's `LaunchPad`: signing in (PROVIDERS 5.1). Rosters of ClassLink are read by
//! [`crate::oneroster`].
//!
//! ```text
//! browser -> authorization_url -> redirect with a code      (or a click on the tile in LaunchPad)
//! code_request -> parse_token -> info_request -> parse_info
//! ```
//!
//! The token tells who signed in. It lives a day and can't be withdrawn, so it is dropped as soon
//! as the answer is read.

mod identity;

pub use crate::signin::Client;
pub use identity::{ClasslinkIdentity, parse_info};

use crate::base_url::BaseUrl;
use crate::request::{RequestError, encode_pairs, get, post_form};
use crate::signin::{BearerToken, SignInError, parse_token_response};
use bytes::Bytes;
use http::{Request, Response};

/// The real host of the pages and of the token endpoint.
pub const LAUNCHPAD_URL: &str = "https://launchpad.classlink.com";

/// The real host of what says who somebody is.
pub const INFO_URL: &str = "https://nodeapi.classlink.com";

/// Who a redirect of ClassLink is from, should it say so.
pub const ISSUER: &str = "https://launchpad.classlink.com";

/// What is asked for: who somebody is. An id token would say no more than the info does, and
/// nobody documents where its keys are.
const SCOPE: &str = "profile email";

/// The address of ClassLink's page. `state` comes back unchanged; it is used once and bound to the
/// browser's session.
pub fn authorization_url(launchpad_url: &BaseUrl, client: &Client, state: &str) -> String {
    let query = encode_pairs(&[
        ("response_type", "code"),
        ("client_id", &client.id),
        ("redirect_uri", &client.redirect_uri),
        ("scope", SCOPE),
        ("state", state),
    ]);
    format!("{launchpad_url}/oauth2/v2/auth?{query}")
}

/// `POST /oauth2/v2/token`: a code for a token. A code lives five minutes and works once. Read the
/// answer with [`parse_token`].
pub fn code_request(
    launchpad_url: &BaseUrl,
    client: &Client,
    code: &str,
) -> Result<Request<Bytes>, RequestError> {
    let pairs = [
        ("grant_type", "authorization_code"),
        ("client_id", &client.id),
        ("client_secret", &client.secret),
        ("code", code),
    ];
    post_form(&format!("{launchpad_url}/oauth2/v2/token"), &pairs)
}

/// Reads the answer to [`code_request`].
pub fn parse_token(response: &Response<Bytes>) -> Result<BearerToken, SignInError> {
    parse_token_response(response)
}

/// `GET /v2/my/info`: whose token it is. Read the answer with [`parse_info`].
pub fn info_request(
    info_url: &BaseUrl,
    token: &BearerToken,
) -> Result<Request<Bytes>, RequestError> {
    get(&format!("{info_url}/v2/my/info"), token.as_str())
}
