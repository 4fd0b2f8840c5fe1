//! The keys that Google signs with, as a JSON Web Key Set (PROVIDERS 1.6, RFC 7517).

use super::IdTokenError;
use crate::signin::Remedy;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Response, StatusCode, header};
use rsa::{BigUint, Pkcs1v15Sign, RsaPublicKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::time::Duration;

/// Most keys of a set; Google publishes two.
const KEYS_MAX: usize = 16;

/// Shortest and longest modulus, in bytes: 2048 to 4096 bits. Longer ones would only cost time.
const MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=512;

/// Longest time that a set may be kept, whatever the answer says: a withdrawn key is gone a day
/// later.
const KEEP_MAX: Duration = Duration::from_hours(24);

/// Keys by their id; can be stored.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct KeySet {
    keys: BTreeMap<String, Key>,
}

#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
struct Key {
    n: String,
    e: String,
}

/// Why an answer is not a set of keys. The one that is kept stays in use.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeyError {
    /// It can't be read, or has no usable key.
    #[error("Google's keys could not be read: it is tried again by itself")]
    Malformed,
    /// It is not a success.
    #[error("Google's keys could not be had (status {status}): it is tried again by itself")]
    Status {
        /// The HTTP status.
        status: u16,
    },
}

impl KeyError {
    /// What may help.
    pub fn remedy(self) -> Remedy {
        match self {
            KeyError::Malformed | KeyError::Status { .. } => Remedy::Retry { after: None },
        }
    }
}

#[derive(Deserialize)]
struct RawSet {
    keys: Vec<RawKey>,
}

#[derive(Deserialize)]
struct RawKey {
    kty: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default, rename = "use")]
    purpose: Option<String>,
    #[serde(default)]
    n: Option<String>,
    #[serde(default)]
    e: Option<String>,
}

/// Reads the answer to [`crate::google::oauth::keys_request`]: the keys, and how long they may be
/// kept by `Cache-Control: max-age`.
pub fn parse_keys(response: &Response<Bytes>) -> Result<(KeySet, Duration), KeyError> {
    if response.status() != StatusCode::OK {
        return Err(KeyError::Status {
            status: response.status().as_u16(),
        });
    }
    let raw: RawSet = serde_json::from_slice(response.body()).map_err(|_| KeyError::Malformed)?;
    let keys: BTreeMap<String, Key> = raw
        .keys
        .into_iter()
        .filter_map(to_key)
        .take(KEYS_MAX)
        .collect();
    if keys.is_empty() {
        return Err(KeyError::Malformed);
    }
    Ok((KeySet { keys }, keep_for(response)))
}

/// A key that is not for RS256 signatures is not for us.
fn to_key(raw: RawKey) -> Option<(String, Key)> {
    let is_ours = raw.kty == "RSA"
        && raw.alg.is_none_or(|alg| alg == "RS256")
        && raw.purpose.is_none_or(|purpose| purpose == "sig");
    let key = Key {
        n: raw.n?,
        e: raw.e?,
    };
    (is_ours && key.to_public().is_some()).then_some((raw.kid?, key))
}

fn keep_for(response: &Response<Bytes>) -> Duration {
    response
        .headers()
        .get(header::CACHE_CONTROL)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| {
            value
                .split(',')
                .find_map(|part| part.trim().strip_prefix("max-age="))
        })
        .and_then(|seconds| seconds.parse().ok())
        .map_or(Duration::ZERO, Duration::from_secs)
        .min(KEEP_MAX)
}

impl KeySet {
    /// Checks an RS256 signature.
    pub(super) fn verify(
        &self,
        kid: &str,
        signed: &[u8],
        signature: &[u8],
    ) -> Result<(), IdTokenError> {
        let key = self.keys.get(kid).ok_or(IdTokenError::UnknownKey)?;
        let key = key.to_public().ok_or(IdTokenError::UnknownKey)?;
        let digest = Sha256::digest(signed);
        key.verify(Pkcs1v15Sign::new::<Sha256>(), &digest, signature)
            .map_err(|_| IdTokenError::Signature)
    }
}

impl Key {
    fn to_public(&self) -> Option<RsaPublicKey> {
        let n = URL_SAFE_NO_PAD.decode(&self.n).ok()?;
        let e = URL_SAFE_NO_PAD.decode(&self.e).ok()?;
        if !MODULUS_BYTES.contains(&n.len()) {
            return None;
        }
        RsaPublicKey::new(BigUint::from_bytes_be(&n), BigUint::from_bytes_be(&e)).ok()
    }
}
