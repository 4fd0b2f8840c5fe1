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
use crate::keys::Keyring;

/// What is wrong with the id tokens issued from now on.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IdTokenFault {
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
    let newest = oauth.keys.newest();
    // The key after the newest is not published yet.
    let (named, signing) = match fault {
        Some(IdTokenFault::UnknownKey) => (newest + 1, newest + 1),
        Some(IdTokenFault::BadSignature) => (newest, newest + 1),
        _ => (newest, newest),
    };
    let is_unsigned = fault == Some(&IdTokenFault::AlgorithmNone);
    let header = if is_unsigned {
        json!({ "alg": "none", "typ": "JWT" })
    } else {
        json!({ "alg": "RS256", "kid": Keyring::id(named), "typ": "JWT" })
    };
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(&header), encode(&claims));
    let signature = if is_unsigned {
        String::new()
    } else {
        URL_SAFE_NO_PAD.encode(oauth.keys.sign(signing, signed.as_bytes()))
    };
    format!("{signed}.{signature}")
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
        set(&mut claims, "email_verified", json!(true));
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

fn set(claims: &mut Value, name: &str, value: Value) {
    if let Value::Object(fields) = claims {
        fields.insert(name.to_owned(), value);
    }
}

fn spoil(claims: &mut Value, fault: &IdTokenFault, now_s: i64) {
    match fault {
        IdTokenFault::AlgorithmNone | IdTokenFault::BadSignature | IdTokenFault::UnknownKey => {}
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
