//! The keys that sign what we issue (RS256, RFC 7515, 7517, 7518), and their rotation.
//!
//! A set of keys is numbered, immutable and written once: whoever takes its ticket (`increment`
//! gives 1 to exactly one taker) writes it, as with commits of the roster. Every key of a set has a
//! time from which it signs, so all instances that see a set agree on the key, and of two that make
//! a key at once one finds itself beaten and forgets its own.
//!
//! A new key is published [`LEAD_MS`] before it signs, since applications keep the published set for
//! a while. An old one stays published for [`KEPT_MS`]: far longer than anything it signed is valid,
//! so that an id token of weeks ago still says, at sign-out, whose it is.

mod key;
mod ring;
mod rotation;

pub use ring::{PublicKey, Ring};
pub use rotation::{attend, is_due};

use crate::error::Error;
use crate::ports::{Clock, Random, Store};
use crate::seal::{SealError, SealKeys};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use key::PrivateKey;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// How long a key signs, in milliseconds: a quarter of a year.
pub const SIGNS_FOR_MS: i64 = 90 * 86_400_000;

/// How long a key is published before it signs, in milliseconds: two days. The published set may be
/// kept for an hour.
pub const LEAD_MS: i64 = 2 * 86_400_000;

/// How long a key is published after it signed last, in milliseconds: 31 days.
pub const KEPT_MS: i64 = 31 * 86_400_000;

/// Longest token looked at, in bytes.
const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// Why something could not be signed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SigningError {
    /// The surroundings failed.
    #[error(transparent)]
    Engine(#[from] Error),
    /// The key is of no use: a fault of this build, or of the store.
    #[error("the signing key {0} can't be used")]
    Key(String),
    /// The key does not open.
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl From<crate::ports::StoreError> for SigningError {
    fn from(error: crate::ports::StoreError) -> Self {
        SigningError::Engine(error.into())
    }
}

impl From<crate::record::RecordError> for SigningError {
    fn from(error: crate::record::RecordError) -> Self {
        SigningError::Engine(error.into())
    }
}

/// The head of what we sign.
#[derive(Deserialize, Serialize)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
    /// Extensions that must be understood (RFC 7515 section 4.1.11): we understand none.
    #[serde(default, skip_serializing)]
    crit: Option<serde::de::IgnoredAny>,
}

/// A key that signs now.
#[derive(Debug)]
pub struct Signer(PrivateKey);

impl Signer {
    /// Opens the key that signs now. If there is none yet, one is made, which takes a second or two;
    /// registering a client makes it beforehand.
    pub async fn open(
        ports: &(impl Store + Clock + Random),
        seal_keys: &SealKeys,
    ) -> Result<Self, SigningError> {
        let ring = Ring::newest(ports).await?;
        let now_ms = ports.now().as_millisecond();
        let ring = if ring.current(now_ms).is_some() {
            ring
        } else {
            rotation::rotate(ports, seal_keys).await?
        };
        let Some(public) = ring.current(now_ms) else {
            return Err(SigningError::Key("that is to be first".to_owned()));
        };
        Ok(Self(PrivateKey::read(ports, seal_keys, &public.kid).await?))
    }

    /// Signs claims as a token of this type.
    pub fn sign(
        &self,
        random: &impl Random,
        typ: &str,
        claims: &impl Serialize,
    ) -> Result<String, SigningError> {
        let header = Header {
            alg: "RS256".to_owned(),
            typ: typ.to_owned(),
            kid: self.0.kid().to_owned(),
            crit: None,
        };
        let signed = format!("{}.{}", part(&header), part(claims));
        let signature = self.0.sign(random, signed.as_bytes())?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

fn part(value: &impl Serialize) -> String {
    // What we sign has string keys and no failing serializers.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).unwrap_or_default())
}

/// The claims of a token of ours of this type, whatever its time. `None` when it is not ours, of
/// another type, changed, or signed with a key that is published no longer.
pub async fn verify<T: DeserializeOwned>(
    ports: &(impl Store + Clock),
    typ: &str,
    token: &str,
) -> Result<Option<T>, Error> {
    let Some((signed, signature, header)) = take_apart(token) else {
        return Ok(None);
    };
    if header.alg != "RS256" || header.typ != typ || header.crit.is_some() {
        return Ok(None);
    }
    let ring = Ring::newest(ports).await?;
    let now_ms = ports.now().as_millisecond();
    let mut published = ring.published(now_ms);
    let Some(public) = published.find(|key| key.kid == header.kid) else {
        return Ok(None);
    };
    if !public.verifies(signed.as_bytes(), &signature) {
        return Ok(None);
    }
    let claims = signed.split_once('.').map(|(_, claims)| claims);
    Ok(claims.and_then(parse_part))
}

fn take_apart(token: &str) -> Option<(&str, Vec<u8>, Header)> {
    if token.len() > TOKEN_BYTES_MAX {
        return None;
    }
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, _) = signed.split_once('.')?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    Some((signed, signature, parse_part(header)?))
}

fn parse_part<T: DeserializeOwned>(part: &str) -> Option<T> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
    serde_json::from_slice(&bytes).ok()
}
