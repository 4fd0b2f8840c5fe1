//! Logout tokens (OpenID Connect Back-Channel Logout 1.0, section 2.6). The client library does not
//! know them, but has what checks their signature.

use anyhow::{Context, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::JsonWebKey;
use openidconnect::core::{CoreJsonWebKey, CoreJwsSigningAlgorithm};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::time::{SystemTime, UNIX_EPOCH};

/// The event that a logout token tells of.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// What a token has to say to be meant for us.
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) audience: &'a str,
}

#[derive(Deserialize)]
struct Header {
    alg: CoreJwsSigningAlgorithm,
    typ: String,
    kid: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    exp: u64,
    sub: String,
    events: Map<String, Value>,
    nonce: Option<Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn has(&self, audience: &str) -> bool {
        match self {
            Self::One(one) => one == audience,
            Self::Several(all) => all.iter().any(|one| one == audience),
        }
    }
}

/// The subject of a logout token, if it is signed by one of the keys and meant for us.
pub(crate) fn verify(
    token: &str,
    keys: &[CoreJsonWebKey],
    expected: &Expected<'_>,
) -> anyhow::Result<String> {
    let (signed, signature) = token.rsplit_once('.').context("not a token")?;
    let (header, claims) = signed.split_once('.').context("not a token")?;
    let header: Header = part(header)?;
    ensure!(header.typ == "logout+jwt", "not a logout token");
    let is_ours =
        |key: &&CoreJsonWebKey| key.key_id().map(|id| id.as_str()) == header.kid.as_deref();
    let key = keys
        .iter()
        .find(is_ours)
        .context("an unknown key signed it")?;
    let signature = URL_SAFE_NO_PAD.decode(signature)?;
    if key
        .verify_signature(&header.alg, signed.as_bytes(), &signature)
        .is_err()
    {
        bail!("the signature does not hold");
    }
    let claims: Claims = part(claims)?;
    ensure!(claims.iss == expected.issuer, "somebody else issued it");
    ensure!(
        claims.aud.has(expected.audience),
        "it is meant for somebody else"
    );
    ensure!(claims.exp > now_s(), "it has expired");
    ensure!(
        claims.events.contains_key(EVENT),
        "it tells of something else"
    );
    ensure!(claims.nonce.is_none(), "a logout token has no nonce");
    Ok(claims.sub)
}

fn part<T: DeserializeOwned>(text: &str) -> anyhow::Result<T> {
    Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text)?)?)
}

#[expect(
    clippy::disallowed_methods,
    reason = "an application reads the real clock"
)]
fn now_s() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}
