//! Access tokens by client credentials (PROVIDERS 6.3 and O13).

use super::errors::retry_after;
use super::service::Version;
use crate::base_url::BaseUrl;
use crate::request::{RequestError, encode_pairs, post_form_with};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// Largest answer of a token endpoint, in bytes.
pub const TOKEN_ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Longest access token accepted, in bytes.
const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// Longest life of an access token that is believed.
const LIFE_MAX: Duration = Duration::from_hours(24);

/// Where the client's id and secret stand.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialPlace {
    /// In the header of HTTP Basic; everything else in the form.
    #[default]
    Basic,
    /// In the form.
    Body,
    /// In the address, with everything else; the form is empty.
    Query,
}

/// How a token endpoint wants to be asked.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct TokenStyle {
    /// Where the client's id and secret stand.
    #[serde(default)]
    pub place: CredentialPlace,
    /// What is asked for; `None` where the server does not want to hear of scopes.
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
    /// Parameters of the server's own.
    #[serde(default)]
    pub extra: BTreeMap<String, String>,
}

impl TokenStyle {
    /// What the specification says, with the scopes that a read needs.
    pub fn standard(version: Version) -> Self {
        Self {
            place: CredentialPlace::Basic,
            scopes: Some(read_scopes(version)),
            extra: BTreeMap::new(),
        }
    }
}

/// Scopes that a read needs: its lists, and for servers that tell them apart everything that hangs
/// on them. Nothing that writes, and no demographics.
pub fn read_scopes(version: Version) -> Vec<String> {
    let name = match version {
        Version::V1_1 => "v1p1",
        Version::V1_2 => "v1p2",
    };
    ["roster-core.readonly", "roster.readonly"]
        .iter()
        .map(|scope| format!("https://purl.imsglobal.org/spec/or/{name}/scope/{scope}"))
        .collect()
}

/// Asks for an access token.
pub fn token_request(
    token_url: &BaseUrl,
    client_id: &str,
    client_secret: &str,
    style: &TokenStyle,
) -> Result<Request<Bytes>, RequestError> {
    let scope = style.scopes.as_ref().map(|scopes| scopes.join(" "));
    let mut pairs = vec![("grant_type", "client_credentials")];
    if let Some(scope) = scope.as_deref().filter(|scope| !scope.is_empty()) {
        pairs.push(("scope", scope));
    }
    if style.place != CredentialPlace::Basic {
        pairs.extend([("client_id", client_id), ("client_secret", client_secret)]);
    }
    let extra = style.extra.iter();
    pairs.extend(extra.map(|(name, value)| (name.as_str(), value.as_str())));
    match style.place {
        CredentialPlace::Basic => {
            let both = STANDARD.encode(format!("{client_id}:{client_secret}"));
            let basic = format!("Basic {both}");
            post_form_with(token_url.as_str(), &pairs, Some(&basic))
        }
        CredentialPlace::Body => post_form_with(token_url.as_str(), &pairs, None),
        CredentialPlace::Query => {
            let address = format!("{token_url}?{}", encode_pairs(&pairs));
            post_form_with(&address, &[], None)
        }
    }
}

/// What the endpoint gave. Printing it shows no token.
#[derive(Clone, Eq, PartialEq)]
pub struct Token {
    /// For [`super::Access::Bearer`].
    pub access_token: String,
    /// How long it lives from now, if the server says so. There is no way to renew it but to ask
    /// for another.
    pub expires_in: Option<Duration>,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}

/// Why there is no token.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TokenError {
    /// The answer can't be what it says.
    #[error("the token endpoint's answer could not be read: check its address")]
    Malformed,
    /// The answer is a page for people to look at.
    #[error(
        "the token endpoint answered with a web page: its address is probably that of a sign-in page"
    )]
    NotJson,
    /// The server refuses for a reason of its own.
    #[error(
        "the token endpoint refused (status {status}): check its address and how the server wants to be asked"
    )]
    Refused {
        /// The HTTP status.
        status: u16,
    },
    /// The server does not give these scopes.
    #[error("the server does not grant the scopes: ask for others, or for none")]
    Scope,
    /// The server is in trouble.
    #[error("the token endpoint is in trouble: it is tried again by itself")]
    Transient {
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// The server does not know client credentials.
    #[error("the server does not give tokens for client credentials: check its address")]
    Unsupported,
    /// The client's id or secret is wrong.
    #[error("the server does not accept the client id or secret: correct them")]
    WrongCredentials,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawToken {
    access_token: Value,
    expires_in: Value,
    token_type: Value,
    error: Value,
}

/// Reads the answer to [`token_request`].
pub fn parse_token_response(response: &Response<Bytes>) -> Result<Token, TokenError> {
    let status = response.status();
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return Err(TokenError::Transient {
            retry_after: retry_after(response),
        });
    }
    let body = response.body();
    let is_object = body.trim_ascii_start().starts_with(b"{");
    let raw = is_object.then(|| serde_json::from_slice::<RawToken>(body).ok());
    let raw = raw.flatten();
    if let Some(error) = raw.as_ref().and_then(|raw| raw.error.as_str()) {
        return Err(by_code(error, status));
    }
    if status.is_success() {
        return match raw {
            Some(raw) => to_token(&raw).ok_or(TokenError::Malformed),
            None if is_page(response) => Err(TokenError::NotJson),
            None => Err(TokenError::Malformed),
        };
    }
    Err(match status {
        StatusCode::UNAUTHORIZED => TokenError::WrongCredentials,
        _ if is_page(response) => TokenError::NotJson,
        _ => by_code("", status),
    })
}

fn by_code(error: &str, status: StatusCode) -> TokenError {
    match error {
        "invalid_client" | "unauthorized_client" | "access_denied" => TokenError::WrongCredentials,
        "invalid_scope" => TokenError::Scope,
        "unsupported_grant_type" => TokenError::Unsupported,
        "server_error" | "temporarily_unavailable" => TokenError::Transient { retry_after: None },
        _ => TokenError::Refused {
            status: status.as_u16(),
        },
    }
}

fn to_token(raw: &RawToken) -> Option<Token> {
    let access_token = raw.access_token.as_str()?;
    let is_usable = !access_token.is_empty()
        && access_token.len() <= TOKEN_BYTES_MAX
        && access_token.bytes().all(|byte| byte.is_ascii_graphic());
    // Only a type that says otherwise is another.
    let kind = raw.token_type.as_str();
    let is_bearer =
        raw.token_type.is_null() || kind.is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"));
    if !is_usable || !is_bearer {
        return None;
    }
    let seconds = match &raw.expires_in {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse::<f64>().ok(),
        Value::Array(_) | Value::Bool(_) | Value::Null | Value::Object(_) => None,
    };
    Some(Token {
        access_token: access_token.to_owned(),
        expires_in: seconds
            .filter(|seconds| *seconds > 0.0)
            .map(|seconds| Duration::from_secs_f64(seconds.min(LIFE_MAX.as_secs_f64()))),
    })
}

fn is_page(response: &Response<Bytes>) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    let says_html = kind
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.to_ascii_lowercase().contains("html"));
    says_html || response.body().trim_ascii_start().starts_with(b"<")
}
