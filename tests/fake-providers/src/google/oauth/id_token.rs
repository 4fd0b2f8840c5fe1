//! Id tokens, right and wrong (PROVIDERS 1.6).

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::accounts::Account;
use super::{OAuth, scopes};
use crate::google::config::Client;
use crate::hmac::hmac_sha256;
use crate::keys::Keyring;

/// What is wrong with the id tokens issued from now on.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IdTokenFault {
    /// Signed with a secret that everybody knows, the published key as PEM, and said to be so.
    AlgorithmHs256,
    /// The same with the key's modulus.
    AlgorithmHs256Modulus,
    /// The header says `none` and there is no signature.
    AlgorithmNone,
    /// Signed with another key than the one named.
    BadSignature,
    /// The address is not verified.
    EmailNotVerified,
    /// Expired an hour ago.
    Expired,
    /// Another hosted domain.
    HostedDomain(String),
    /// The header names no key.
    NoKeyId,
    /// Signed with a key that was never published.
    UnknownKey,
    /// For another client.
    WrongAudience,
    /// From another issuer.
    WrongIssuer,
    /// With another nonce.
    WrongNonce,
}

const LIFE_S: i64 = 3_600;

/// Signs an id token for an account.
pub(super) fn issue(
    oauth: &OAuth<'_>,
    client: &Client,
    account: &Account,
    scopes: &BTreeSet<String>,
    nonce: Option<&str>,
    access_token: &str,
) -> String {
    let mut claims = claims(oauth, client, account, scopes, nonce, access_token);
    let fault = oauth.id_token_fault;
    if let Some(fault) = fault {
        spoil(&mut claims, fault, oauth.now_ms / 1_000);
    }
    signed(oauth.keys, &claims, fault)
}

/// The claims as a token, signed as the fault says.
fn signed(keys: &Keyring, claims: &Value, fault: Option<&IdTokenFault>) -> String {
    let newest = keys.newest();
    // The key after the newest is not published yet.
    let (named, signing) = match fault {
        Some(IdTokenFault::UnknownKey) => (newest + 1, newest + 1),
        Some(IdTokenFault::BadSignature) => (newest, newest + 1),
        _ => (newest, newest),
    };
    let secret = match fault {
        Some(IdTokenFault::AlgorithmHs256) => Some(keys.public_pem(newest).into_bytes()),
        Some(IdTokenFault::AlgorithmHs256Modulus) => Some(keys.modulus(newest)),
        _ => None,
    };
    let is_unsigned = fault == Some(&IdTokenFault::AlgorithmNone);
    let algorithm = match &secret {
        _ if is_unsigned => "none",
        Some(_) => "HS256",
        None => "RS256",
    };
    let mut header = json!({ "alg": algorithm, "typ": "JWT" });
    if !is_unsigned && fault != Some(&IdTokenFault::NoKeyId) {
        set(&mut header, "kid", json!(Keyring::id(named)));
    }
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(&header), encode(claims));
    let signature = match secret {
        _ if is_unsigned => Vec::new(),
        Some(secret) => hmac_sha256(&secret, signed.as_bytes()),
        None => keys.sign(signing, signed.as_bytes()),
    };
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn claims(
    oauth: &OAuth<'_>,
    client: &Client,
    account: &Account,
    scopes: &BTreeSet<String>,
    nonce: Option<&str>,
    access_token: &str,
) -> Value {
    let now_s = oauth.now_ms / 1_000;
    let digest = Sha256::digest(access_token.as_bytes());
    let half = digest.get(..16).unwrap_or_default();
    let mut claims = json!({
        "iss": oauth.config.issuer, "azp": client.id, "aud": client.id, "sub": account.sub,
        "at_hash": URL_SAFE_NO_PAD.encode(half), "iat": now_s, "exp": now_s + LIFE_S,
    });
    if let (Some(domain), true) = (&account.hosted_domain, oauth.hd_claim) {
        set(&mut claims, "hd", json!(domain));
    }
    if let Some(nonce) = nonce {
        set(&mut claims, "nonce", json!(nonce));
    }
    if scopes::has_email(scopes) {
        set(&mut claims, "email", json!(account.email));
        set(&mut claims, "email_verified", json!(account.email_verified));
    }
    if scopes::has_profile(scopes) {
        set(
            &mut claims,
            "name",
            json!(format!("{} {}", account.given, account.family)),
        );
        set(&mut claims, "given_name", json!(account.given));
        set(&mut claims, "family_name", json!(account.family));
        set(
            &mut claims,
            "picture",
            json!("https://lh3.googleusercontent.com/a/demo"),
        );
    }
    claims
}

fn set(object: &mut Value, name: &str, value: Value) {
    if let Value::Object(fields) = object {
        fields.insert(name.to_owned(), value);
    }
}

fn spoil(claims: &mut Value, fault: &IdTokenFault, now_s: i64) {
    match fault {
        IdTokenFault::AlgorithmHs256
        | IdTokenFault::AlgorithmHs256Modulus
        | IdTokenFault::AlgorithmNone
        | IdTokenFault::BadSignature
        | IdTokenFault::NoKeyId
        | IdTokenFault::UnknownKey => {}
        IdTokenFault::EmailNotVerified => set(claims, "email_verified", json!(false)),
        IdTokenFault::Expired => {
            set(claims, "iat", json!(now_s - 2 * LIFE_S));
            set(claims, "exp", json!(now_s - LIFE_S));
        }
        IdTokenFault::HostedDomain(domain) => set(claims, "hd", json!(domain)),
        IdTokenFault::WrongAudience => {
            set(
                claims,
                "aud",
                json!("somebody-else.apps.googleusercontent.com"),
            );
        }
        IdTokenFault::WrongIssuer => set(claims, "iss", json!("https://accounts.evil.example")),
        IdTokenFault::WrongNonce => set(claims, "nonce", json!("another nonce")),
    }
}
