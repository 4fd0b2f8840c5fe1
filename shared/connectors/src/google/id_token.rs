//! Who consented: id tokens and the keys that sign them (PROVIDERS 1.6; RFC 7515, 7517, 7519).

mod claims;
mod keys;

pub(crate) use claims::ISSUERS;
pub use claims::{Expected, SignedIn, VerifiedIdentity};
pub use keys::{KeyError, KeySet, parse_keys};

use crate::signin::Remedy;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claims::Claims;
use serde::Deserialize;

/// Longest id token that is looked at, in bytes.
pub const ID_TOKEN_BYTES_MAX: usize = 16 * 1_024;

/// How far Google's clock and ours may differ, in seconds. Tokens live an hour and are read within
/// seconds of being made, so this only has to cover a badly set clock.
pub const CLOCK_LEEWAY_SECONDS: i64 = 60;

/// Why an id token is not believed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum IdTokenError {
    /// It is signed in another way than Google signs, or not at all.
    #[error("the id token is not signed with RS256")]
    Algorithm,
    /// It is for another application.
    #[error("the id token is for another application")]
    Audience,
    /// Google does not vouch for the address.
    #[error("the account's email address is not verified: verify it with Google first")]
    EmailUnverified,
    /// It is not valid any more.
    #[error("the id token has expired: start again")]
    Expired,
    /// It is not valid yet: a clock is wrong.
    #[error("the id token is from the future: check the clock of this server")]
    Future,
    /// Somebody else made it.
    #[error("the id token was not issued by Google")]
    Issuer,
    /// It can't be read.
    #[error("the id token can't be read")]
    Malformed,
    /// It belongs to another authorisation.
    #[error("the id token belongs to another sign-in: start again")]
    Nonce,
    /// The signature is not that of the key.
    #[error("the signature of the id token is wrong")]
    Signature,
    /// The key is not in the set: fetch the keys anew, once.
    #[error("the id token is signed with a key that is not known")]
    UnknownKey,
}

impl IdTokenError {
    /// What may help. A token that is not believed is not asked for again: whatever made it has
    /// to begin anew.
    pub fn remedy(self) -> Remedy {
        match self {
            IdTokenError::Future => Remedy::Operator,
            IdTokenError::UnknownKey => Remedy::Retry { after: None },
            IdTokenError::Algorithm
            | IdTokenError::Audience
            | IdTokenError::EmailUnverified
            | IdTokenError::Expired
            | IdTokenError::Issuer
            | IdTokenError::Malformed
            | IdTokenError::Nonce
            | IdTokenError::Signature => Remedy::StartAgain,
        }
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    /// Extensions that must be understood (RFC 7515 section 4.1.11): we understand none.
    #[serde(default)]
    crit: Option<serde::de::IgnoredAny>,
}

/// Verifies the token of somebody who authorises a connection, whose address Google has to vouch
/// for: first the signature, then every claim. Nothing of the token is used before its signature
/// is right.
pub fn verify(
    token: &str,
    keys: &KeySet,
    expected: &Expected<'_>,
) -> Result<VerifiedIdentity, IdTokenError> {
    check(token, keys, expected)?.into_verified()
}

/// Verifies the token of somebody who signs in, with a personal account or one of a Workspace, in
/// the same way. An address is not needed, and whether it is verified is for the caller to heed.
pub fn verify_sign_in(
    token: &str,
    keys: &KeySet,
    expected: &Expected<'_>,
) -> Result<SignedIn, IdTokenError> {
    check(token, keys, expected)?.into_signed_in()
}

/// The claims of a token, once it is known to be Google's, for us and for this moment.
fn check(token: &str, keys: &KeySet, expected: &Expected<'_>) -> Result<Claims, IdTokenError> {
    if token.len() > ID_TOKEN_BYTES_MAX {
        return Err(IdTokenError::Malformed);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(IdTokenError::Malformed)?;
    let (header, payload) = signed.split_once('.').ok_or(IdTokenError::Malformed)?;
    let header: Header = parse_part(header)?;
    if header.alg != "RS256" {
        return Err(IdTokenError::Algorithm);
    }
    if header.crit.is_some() {
        return Err(IdTokenError::Malformed);
    }
    let kid = header.kid.ok_or(IdTokenError::UnknownKey)?;
    let signature = decode(signature)?;
    keys.verify(&kid, signed.as_bytes(), &signature)?;
    let claims: Claims = parse_part(payload)?;
    claims.check(expected)?;
    Ok(claims)
}

fn decode(part: &str) -> Result<Vec<u8>, IdTokenError> {
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| IdTokenError::Malformed)
}

fn parse_part<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, IdTokenError> {
    serde_json::from_slice(&decode(part)?).map_err(|_| IdTokenError::Malformed)
}
