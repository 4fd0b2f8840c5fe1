//! Two-legged OAuth 1.0a as servers of version 1.1 check it (RFC 5849, PROVIDERS 6.2).

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use crate::hmac::{hmac_sha1, hmac_sha256};

/// How far a timestamp may lie in the past, in seconds.
const PAST_S: i64 = 600;
/// How far a timestamp may lie in the future, in seconds.
const FUTURE_S: i64 = 300;

/// All but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// How a request is signed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub enum SignatureMethod {
    /// HMAC with SHA-1.
    #[serde(rename = "HMAC-SHA1")]
    HmacSha1,
    /// HMAC with SHA-256.
    #[serde(rename = "HMAC-SHA256")]
    HmacSha256,
}

impl SignatureMethod {
    fn named(name: &str) -> Option<Self> {
        match name {
            "HMAC-SHA1" => Some(Self::HmacSha1),
            "HMAC-SHA256" => Some(Self::HmacSha256),
            _ => None,
        }
    }

    fn sign(self, key: &[u8], text: &[u8]) -> String {
        STANDARD.encode(match self {
            Self::HmacSha1 => hmac_sha1(key, text),
            Self::HmacSha256 => hmac_sha256(key, text),
        })
    }
}

/// Why a signed request is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the authorization header can't be read")]
    Malformed,
    #[error("nonce was used before")]
    NonceUsed,
    #[error("signature is wrong")]
    Signature,
    #[error("timestamp is outside the window")]
    Timestamp,
    #[error("consumer key is unknown")]
    UnknownConsumer,
    #[error("signature method is not taken")]
    UnknownMethod,
    #[error("version is not 1.0")]
    Version,
}

/// What a signature covers besides its own parameters.
pub(super) struct Signed<'a> {
    pub(super) method: &'a str,
    pub(super) scheme: &'a str,
    /// With the port, if it is not the usual one.
    pub(super) host: &'a str,
    /// As sent.
    pub(super) path: &'a str,
    /// As sent.
    pub(super) query: &'a str,
}

/// The nonces seen, by consumer and timestamp.
#[derive(Debug, Default)]
pub(super) struct Nonces(BTreeSet<(i64, String, String)>);

/// Checks a request against the parameters of its `OAuth` header and gives the consumer's key.
pub(super) fn verify<'a>(
    signed: &Signed<'_>,
    header: &str,
    secret_of: impl Fn(&str) -> Option<&'a str>,
    methods: &BTreeSet<SignatureMethod>,
    nonces: &mut Nonces,
    now_s: i64,
) -> Result<String, Refusal> {
    let parameters = parse(header).ok_or(Refusal::Malformed)?;
    let get = |name: &str| parameters.get(name).map(String::as_str);
    let need = |name: &str| get(name).ok_or(Refusal::Malformed);
    let (key, nonce) = (need("oauth_consumer_key")?, need("oauth_nonce")?);
    let given = need("oauth_signature")?;
    let method = SignatureMethod::named(need("oauth_signature_method")?)
        .filter(|method| methods.contains(method))
        .ok_or(Refusal::UnknownMethod)?;
    if get("oauth_version").is_some_and(|version| version != "1.0") {
        return Err(Refusal::Version);
    }
    let timestamp: i64 = need("oauth_timestamp")?
        .parse()
        .map_err(|_| Refusal::Malformed)?;
    if !(now_s - PAST_S..=now_s + FUTURE_S).contains(&timestamp) {
        return Err(Refusal::Timestamp);
    }
    let secret = secret_of(key).ok_or(Refusal::UnknownConsumer)?;
    let expected = method.sign(
        format!("{}&", encode(secret)).as_bytes(),
        base_string(signed, &parameters).as_bytes(),
    );
    if !bool::from(expected.as_bytes().ct_eq(given.as_bytes())) {
        return Err(Refusal::Signature);
    }
    if nonce.is_empty() || !nonces.take(timestamp, key, nonce, now_s) {
        return Err(Refusal::NonceUsed);
    }
    Ok(key.to_owned())
}

impl Nonces {
    /// Whether the nonce is new; those that are too old to be sent again are forgotten.
    fn take(&mut self, timestamp: i64, key: &str, nonce: &str, now_s: i64) -> bool {
        let oldest = (now_s - PAST_S, String::new(), String::new());
        self.0 = self.0.split_off(&oldest);
        self.0.insert((timestamp, key.to_owned(), nonce.to_owned()))
    }
}

/// The parameters of a header, decoded; none when it can't be read or repeats one.
fn parse(header: &str) -> Option<BTreeMap<String, String>> {
    let mut parameters = BTreeMap::new();
    for part in header.split(',') {
        let (name, value) = part.trim().split_once('=')?;
        let value = value.strip_prefix('"')?.strip_suffix('"')?;
        let value = decode(value);
        if name != "realm" && parameters.insert(decode(name), value).is_some() {
            return None;
        }
    }
    Some(parameters)
}

fn base_string(signed: &Signed<'_>, oauth: &BTreeMap<String, String>) -> String {
    let mut pairs: Vec<(String, String)> = signed
        .query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            // Not as a form: a plus is a plus.
            (encode(&decode(name)), encode(&decode(value)))
        })
        .collect();
    let own = oauth.iter().filter(|(name, _)| *name != "oauth_signature");
    pairs.extend(own.map(|(name, value)| (encode(name), encode(value))));
    pairs.sort();
    let pairs: Vec<_> = pairs
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let usual_port = if signed.scheme == "https" {
        ":443"
    } else {
        ":80"
    };
    let host = signed.host.to_ascii_lowercase();
    let host = host.strip_suffix(usual_port).unwrap_or(&host);
    let address = format!("{}://{host}{}", signed.scheme, signed.path);
    let method = signed.method.to_ascii_uppercase();
    format!("{method}&{}&{}", encode(&address), encode(&pairs.join("&")))
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ck-demo-0001";
    const NOW: i64 = 1_767_225_600;
    const USERS: &str = "limit=500&offset=0&filter=dateLastModified%3E%272026-08-01T00%3A00%3A00.000Z%27\
                         %20AND%20status%3D%27active%27&sort=sourcedId&orderBy=asc";

    fn header(method: &str, version: &str, signature: &str) -> String {
        format!(
            "oauth_consumer_key=\"{KEY}\",oauth_nonce=\"a1B2c3D4e5\",oauth_signature_method=\"{method}\",\
             oauth_timestamp=\"{NOW}\",{version}oauth_signature=\"{}\"",
            encode(signature)
        )
    }

    fn check(
        path: &str,
        query: &str,
        header: &str,
        nonces: &mut Nonces,
    ) -> Result<String, Refusal> {
        let signed = Signed {
            method: "GET",
            scheme: "https",
            host: "SIS.maplegrove.example:443",
            path,
            query,
        };
        let methods = BTreeSet::from([SignatureMethod::HmacSha1, SignatureMethod::HmacSha256]);
        let secret_of = |key: &str| (key == KEY).then_some("s3cr&t/Key+1");
        verify(&signed, header, secret_of, &methods, nonces, NOW + 5)
    }

    #[test]
    fn signatures_of_another_library_are_taken_once() {
        let users = "/ims/oneroster/v1p1/users";
        let version = "oauth_version=\"1.0\",";
        for (path, query, header) in [
            (
                users,
                USERS,
                header(
                    "HMAC-SHA256",
                    "",
                    "N1+hr6Ny1K9Z7triqYpXffYA/8myojYMGl7f6e3YOt4=",
                ),
            ),
            (
                users,
                USERS,
                header("HMAC-SHA1", version, "8GeRTQYzaBcXtRBShQJ5jx+8DCc="),
            ),
            (
                "/ims/oneroster/v1p1/orgs",
                "",
                header(
                    "HMAC-SHA256",
                    "",
                    "F8cXP/S2FScVEtfgC/oMSjmT9XF3rq/4B446DNzzK1c=",
                ),
            ),
        ] {
            let mut nonces = Nonces::default();
            assert_eq!(check(path, query, &header, &mut nonces).unwrap(), KEY);
            let again = check(path, query, &header, &mut nonces);
            assert_eq!(again, Err(Refusal::NonceUsed));
        }
    }

    #[test]
    fn what_was_changed_after_signing_is_refused() {
        let header = header(
            "HMAC-SHA256",
            "",
            "N1+hr6Ny1K9Z7triqYpXffYA/8myojYMGl7f6e3YOt4=",
        );
        let users = "/ims/oneroster/v1p1/users";
        for (path, query) in [
            (users, USERS.replace("500", "501")),
            (users, USERS.replace("%20", "+")),
            ("/ims/oneroster/v1p1/orgs", USERS.to_owned()),
        ] {
            let answer = check(path, &query, &header, &mut Nonces::default());
            assert_eq!(answer, Err(Refusal::Signature));
        }
        // The order of parameters is none of its business.
        let turned = USERS.replace("limit=500&offset=0", "offset=0&limit=500");
        assert!(check(users, &turned, &header, &mut Nonces::default()).is_ok());
    }

    #[test]
    fn a_header_that_repeats_a_parameter_is_refused() {
        let twice = format!("{0},oauth_nonce=\"b\"", header("HMAC-SHA256", "", "x"));
        let answer = check("/", "", &twice, &mut Nonces::default());
        assert_eq!(answer, Err(Refusal::Malformed));
    }
}
