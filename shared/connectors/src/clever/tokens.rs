//! District tokens: which districts share with the application, and the token for each
//! (PROVIDERS 4.1 and 4.3, C9, C14).
//!
//! Tokens rotate and vanish: keep the district's id, and ask for the token at each run.

use crate::base_url::BaseUrl;
use crate::google::errors::retry_after;
use crate::request::{RequestError, encode_pairs, get_basic};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

/// The real host of the OAuth endpoints.
pub const OAUTH_URL: &str = "https://clever.com";

/// Largest answer, in bytes.
pub const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Longest token accepted, in bytes. Clever's have 40.
const TOKEN_BYTES_MAX: usize = 2_048;

/// Scopes that every token may have; they open no list.
const IDENTITY_SCOPES: [&str; 2] = ["read:user_id", "read:user_ids"];

/// The token for one district. Printing it does not show it.
#[derive(Clone, Eq, PartialEq)]
pub struct DistrictToken {
    /// Clever's id of the district.
    pub district: String,
    /// For the Data API and the Events API.
    pub access_token: String,
    /// What the district shares; `None` where Clever does not say.
    pub scopes: Option<BTreeSet<String>>,
    /// When the token was made.
    pub created: Option<Timestamp>,
}

impl fmt::Debug for DistrictToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DistrictToken")
            .field("district", &self.district)
            .field("scopes", &self.scopes)
            .field("created", &self.created)
            .finish_non_exhaustive()
    }
}

impl DistrictToken {
    /// False when the scopes say that the token opens no list: the district uses the application
    /// for signing in only.
    pub fn has_secure_sync(&self) -> bool {
        self.scopes.as_ref().is_none_or(|scopes| {
            let is_roster = |scope: &String| {
                scope.starts_with("read:") && !IDENTITY_SCOPES.contains(&scope.as_str())
            };
            scopes.iter().any(is_roster)
        })
    }
}

/// Why there is no token.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TokenError {
    /// The client id or secret is wrong. It concerns every tenant, and disconnects none.
    #[error("Clever does not accept the client id or secret: the operator must correct them")]
    InvalidClient,
    /// The district is not among those that share with the application.
    #[error(
        "the district does not share with this application in Clever: ask its administrator to approve it"
    )]
    DistrictNotShared,
    /// The answer can't be what it says.
    #[error("Clever's answer could not be read: it is tried again by itself")]
    Malformed,
    /// The district shares for signing in only.
    #[error(
        "the district has not approved Secure Sync for this application: its administrator must do so in Clever"
    )]
    NoSecureSync,
    /// Clever refuses for a reason that trying again won't change.
    #[error("Clever refused to list the districts (status {status}): report this if it stays")]
    Refused {
        /// The HTTP status.
        status: u16,
    },
    /// Clever is in trouble.
    #[error("Clever is in trouble: it is tried again by itself")]
    Transient {
        /// How long Clever asks to wait.
        retry_after: Option<Duration>,
    },
}

#[derive(Deserialize)]
struct RawTokens {
    data: Vec<RawToken>,
}

#[derive(Deserialize)]
struct RawToken {
    owner: RawOwner,
    access_token: String,
    #[serde(default)]
    scopes: Option<BTreeSet<String>>,
    #[serde(default)]
    created: Option<String>,
}

#[derive(Deserialize)]
struct RawOwner {
    #[serde(rename = "type")]
    kind: String,
    id: String,
}

/// `GET /oauth/tokens` for one district, or for all that share with the application.
pub fn tokens_request(
    oauth_url: &BaseUrl,
    client_id: &str,
    client_secret: &str,
    district: Option<&str>,
) -> Result<Request<Bytes>, RequestError> {
    let mut pairs = vec![("owner_type", "district")];
    pairs.extend(district.map(|district| ("district", district)));
    let query = encode_pairs(&pairs);
    get_basic(
        &format!("{oauth_url}/oauth/tokens?{query}"),
        client_id,
        client_secret,
    )
}

/// Reads the answer to [`tokens_request`]. One token that can't be read spoils the answer: it might
/// be any district's, which would then look as if it did not share any more.
pub fn parse_tokens_response(response: &Response<Bytes>) -> Result<Vec<DistrictToken>, TokenError> {
    let status = response.status();
    match status {
        StatusCode::OK => {}
        StatusCode::UNAUTHORIZED => return Err(TokenError::InvalidClient),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
            return Err(transient(response));
        }
        _ if status.is_server_error() => return Err(transient(response)),
        _ => {
            let status = status.as_u16();
            return Err(TokenError::Refused { status });
        }
    }
    let raw: RawTokens =
        serde_json::from_slice(response.body()).map_err(|_| TokenError::Malformed)?;
    (raw.data.into_iter())
        .filter(|token| token.owner.kind == "district")
        .map(|token| to_token(token).ok_or(TokenError::Malformed))
        .collect()
}

/// The newest token of this district, if it opens the lists.
pub fn token_of(tokens: &[DistrictToken], district: &str) -> Result<DistrictToken, TokenError> {
    let own = tokens.iter().filter(|token| token.district == district);
    let newest = own.max_by_key(|token| (token.has_secure_sync(), token.created));
    let newest = newest.ok_or(TokenError::DistrictNotShared)?;
    if newest.has_secure_sync() {
        Ok(newest.clone())
    } else {
        Err(TokenError::NoSecureSync)
    }
}

fn transient(response: &Response<Bytes>) -> TokenError {
    let retry_after = retry_after(response);
    TokenError::Transient { retry_after }
}

fn to_token(raw: RawToken) -> Option<DistrictToken> {
    let token = &raw.access_token;
    let is_usable = !token.is_empty()
        && token.len() <= TOKEN_BYTES_MAX
        && token.bytes().all(|byte| byte.is_ascii_graphic());
    (is_usable && !raw.owner.id.is_empty()).then_some(DistrictToken {
        district: raw.owner.id,
        access_token: raw.access_token,
        scopes: raw.scopes,
        created: raw.created.and_then(|text| text.parse().ok()),
    })
}
