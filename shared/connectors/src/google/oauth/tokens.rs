//! Answers of the token and revoke endpoints (PROVIDERS 1.4, 1.5 and 1.7).

use crate::google::errors::retry_after;
use crate::signin::Remedy;
use bytes::Bytes;
use http::{Response, StatusCode};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

/// Longest token of any kind accepted, in bytes. Google documents 2048 for access tokens; an id
/// token with long names comes close to twice that.
const TOKEN_BYTES_MAX: usize = 8 * 1_024;

/// Longest life of an access token that is believed. Google's live an hour.
const LIFE_MAX: Duration = Duration::from_hours(24);

/// What was exchanged: the same error means another thing for each.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Grant {
    /// A code from the consent page.
    Code,
    /// A refresh token.
    Refresh,
}

/// What Google gave. Printing it shows no token.
#[derive(Clone, Eq, PartialEq)]
pub struct Tokens {
    /// For the Directory API, for [`Tokens::expires_in`].
    pub access_token: String,
    /// How long the access token lives from now.
    pub expires_in: Duration,
    /// For new access tokens. Absent at a refresh, as a rule: an absent one never replaces the one
    /// that is kept.
    pub refresh_token: Option<String>,
    /// When the refresh token itself ends, from now; only for grants with a time limit.
    pub refresh_token_expires_in: Option<Duration>,
    /// What was granted, which may be less than was asked for.
    pub scopes: BTreeSet<String>,
    /// Who consented, to be verified.
    pub id_token: Option<String>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("expires_in", &self.expires_in)
            .field("has_refresh_token", &self.refresh_token.is_some())
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

/// Why a refresh token is dead.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DeadReason {
    /// The account that authorised was deleted.
    AccountDeleted,
    /// It expired, or somebody withdrew it.
    ExpiredOrRevoked,
    /// The district's session policy asks for signing in anew.
    SessionPolicy,
    /// Google does not say why.
    Unstated,
}

impl fmt::Display for DeadReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DeadReason::AccountDeleted => "the account that authorised it was deleted",
            DeadReason::ExpiredOrRevoked => "the authorisation expired or was withdrawn",
            DeadReason::SessionPolicy => {
                "the district's session policy asks for signing in anew; exempt the app from it in the Google Admin console"
            }
            DeadReason::Unstated => "Google accepts the authorisation no more",
        })
    }
}

/// Something that only the operator can mend. It concerns every tenant, and disconnects none.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OperatorFault {
    /// The client was deleted.
    DeletedClient,
    /// The client id or secret is wrong.
    InvalidClient,
    /// The request is wrong.
    InvalidRequest,
    /// A scope does not exist.
    InvalidScope,
    /// The return address is not registered.
    RedirectUriMismatch,
    /// The client may not do this.
    UnauthorizedClient,
    /// Google does not know the kind of exchange.
    UnsupportedGrantType,
}

impl fmt::Display for OperatorFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            OperatorFault::DeletedClient => {
                "the Google client was deleted: restore it within 30 days"
            }
            OperatorFault::InvalidClient => {
                "Google does not accept the client id or secret: correct them"
            }
            OperatorFault::InvalidRequest => "Google did not accept the request: report this",
            OperatorFault::InvalidScope => "Google does not know a scope: report this",
            OperatorFault::RedirectUriMismatch => {
                "the return address is not registered with the Google client: add it exactly as it is written"
            }
            OperatorFault::UnauthorizedClient => {
                "the Google client may not do this: use a client of the type Web application"
            }
            OperatorFault::UnsupportedGrantType => {
                "Google does not know this kind of exchange: report this"
            }
        })
    }
}

/// Why there are no tokens.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TokenError {
    /// The connection needs to be authorised again. Never a reason to try again, and never zero
    /// users.
    #[error("the connection needs to be authorised again: {reason}")]
    ConnectionDead {
        /// Why.
        reason: DeadReason,
    },
    /// The answer can't be what it says.
    #[error("Google's answer could not be read: it is tried again by itself")]
    Malformed,
    /// The operator has to do something.
    #[error("the operator has to act: {fault}")]
    Operator {
        /// What.
        fault: OperatorFault,
    },
    /// The district's policy does not let the app in.
    #[error(
        "the district's policy does not let the app in: in the Google Admin console open Security, API controls and set the app to Trusted"
    )]
    PolicyEnforced,
    /// The code was used, is too old, or is not ours.
    #[error("the sign-in took too long or was used already: start again")]
    Restart,
    /// Google is in trouble.
    #[error("Google is in trouble: it is tried again by itself")]
    Transient {
        /// How long Google asks to wait.
        retry_after: Option<Duration>,
    },
}

impl TokenError {
    /// What may help somebody who signs in, or who authorises a connection.
    pub fn remedy(self) -> Remedy {
        match self {
            TokenError::ConnectionDead { .. } | TokenError::Malformed | TokenError::Restart => {
                Remedy::StartAgain
            }
            TokenError::Operator { .. } => Remedy::Operator,
            TokenError::PolicyEnforced => Remedy::District,
            TokenError::Transient { retry_after } => Remedy::Retry { after: retry_after },
        }
    }
}

/// Why a grant could not be withdrawn.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RevokeError {
    /// Google refuses for a reason that trying again won't change.
    #[error(
        "Google did not withdraw the authorisation (status {status}): remove the app in the account's Google settings"
    )]
    Refused {
        /// The HTTP status.
        status: u16,
    },
    /// Google is in trouble.
    #[error("Google is in trouble: try again later")]
    Transient {
        /// How long Google asks to wait.
        retry_after: Option<Duration>,
    },
}

#[derive(Deserialize)]
struct RawTokens {
    access_token: String,
    expires_in: u64,
    token_type: String,
    #[serde(default)]
    refresh_token: Option<String>,
    #[serde(default)]
    refresh_token_expires_in: Option<u64>,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    id_token: Option<String>,
}

#[derive(Deserialize)]
struct RawError {
    error: String,
    #[serde(default)]
    error_description: Option<String>,
    #[serde(default)]
    error_subtype: Option<String>,
}

/// Reads the answer to [`super::code_request`] or [`super::refresh_request`].
pub fn parse_token_response(
    grant: Grant,
    response: &Response<Bytes>,
) -> Result<Tokens, TokenError> {
    if response.status() == StatusCode::OK {
        let raw = serde_json::from_slice(response.body()).map_err(|_| TokenError::Malformed)?;
        return to_tokens(raw).ok_or(TokenError::Malformed);
    }
    let transient = TokenError::Transient {
        retry_after: retry_after(response),
    };
    let status = response.status();
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return Err(transient);
    }
    let raw: RawError =
        serde_json::from_slice(response.body()).map_err(|_| TokenError::Malformed)?;
    let fault = match raw.error.as_str() {
        "invalid_grant" => return Err(invalid_grant(grant, &raw)),
        "admin_policy_enforced" => return Err(TokenError::PolicyEnforced),
        "internal_failure" | "temporarily_unavailable" | "server_error" => return Err(transient),
        "deleted_client" => OperatorFault::DeletedClient,
        "invalid_client" => OperatorFault::InvalidClient,
        "invalid_request" => OperatorFault::InvalidRequest,
        "invalid_scope" => OperatorFault::InvalidScope,
        "redirect_uri_mismatch" => OperatorFault::RedirectUriMismatch,
        "unauthorized_client" => OperatorFault::UnauthorizedClient,
        "unsupported_grant_type" => OperatorFault::UnsupportedGrantType,
        _ => return Err(TokenError::Malformed),
    };
    Err(TokenError::Operator { fault })
}

/// The one code that means a used code, a dead connection, or a policy.
fn invalid_grant(grant: Grant, raw: &RawError) -> TokenError {
    let description = raw.error_description.as_deref().unwrap_or_default();
    let subtype = raw.error_subtype.as_deref().unwrap_or_default();
    let reason = if subtype == "invalid_rapt" || description.contains("invalid_rapt") {
        DeadReason::SessionPolicy
    } else if description.contains("Account has been deleted") {
        DeadReason::AccountDeleted
    } else if description.contains("expired or revoked") {
        DeadReason::ExpiredOrRevoked
    } else {
        DeadReason::Unstated
    };
    match grant {
        Grant::Code if reason == DeadReason::Unstated => TokenError::Restart,
        Grant::Code | Grant::Refresh => TokenError::ConnectionDead { reason },
    }
}

fn to_tokens(raw: RawTokens) -> Option<Tokens> {
    let all = [
        Some(&raw.access_token),
        raw.refresh_token.as_ref(),
        raw.id_token.as_ref(),
    ];
    let are_usable = all.into_iter().flatten().all(|token| is_usable(token));
    let is_bearer = raw.token_type.eq_ignore_ascii_case("bearer");
    let expires_in = Duration::from_secs(raw.expires_in);
    if !are_usable || !is_bearer || expires_in.is_zero() {
        return None;
    }
    Some(Tokens {
        access_token: raw.access_token,
        expires_in: expires_in.min(LIFE_MAX),
        refresh_token: raw.refresh_token,
        refresh_token_expires_in: raw.refresh_token_expires_in.map(Duration::from_secs),
        scopes: raw
            .scope
            .unwrap_or_default()
            .split_ascii_whitespace()
            .map(str::to_owned)
            .collect(),
        id_token: raw.id_token,
    })
}

/// A token goes into a header or a form: visible ASCII, and not endless.
fn is_usable(token: &str) -> bool {
    !token.is_empty()
        && token.len() <= TOKEN_BYTES_MAX
        && token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Reads the answer to [`super::revoke_request`]. What was withdrawn before is withdrawn.
pub fn parse_revoke_response(response: &Response<Bytes>) -> Result<(), RevokeError> {
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return Err(RevokeError::Transient {
            retry_after: retry_after(response),
        });
    }
    match serde_json::from_slice::<RawError>(response.body()) {
        Ok(raw) if raw.error == "invalid_token" => Ok(()),
        _ => Err(RevokeError::Refused {
            status: status.as_u16(),
        }),
    }
}
