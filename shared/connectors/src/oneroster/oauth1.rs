//! Signing requests with OAuth 1.0a (RFC 5849, two-legged; PROVIDERS 6.2).

use super::access::SignatureMethod;
use crate::fetch::ChainId;
use crate::request::{RequestError, decode_pairs, encode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use http::Uri;
use jiff::Timestamp;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// What a request is signed with.
#[derive(Clone, Copy)]
pub struct Signer<'a> {
    /// The consumer key.
    pub key: &'a str,
    /// The consumer secret.
    pub secret: &'a str,
    /// How.
    pub method: SignatureMethod,
    /// Whether `oauth_version` is sent and signed.
    pub version_param: bool,
}

/// A nonce that does not come twice in a conversation: hashed from the conversation's seed, the
/// chain, how many requests it has made, and the time.
pub fn nonce(seed: u64, chain: ChainId, attempt: u64, now: Timestamp) -> String {
    let mut hash = Sha256::new();
    hash.update(seed.to_be_bytes());
    hash.update(chain.0.to_be_bytes());
    hash.update(attempt.to_be_bytes());
    hash.update(now.as_nanosecond().to_be_bytes());
    let number = (hash.finalize().iter().take(16))
        .fold(0_u128, |number, byte| (number << 8) | u128::from(*byte));
    format!("{number:032x}")
}

impl Signer<'_> {
    /// The `Authorization` header of a `GET` of this address.
    pub fn authorization(
        &self,
        address: &str,
        nonce: &str,
        now: Timestamp,
    ) -> Result<String, RequestError> {
        let timestamp = now.as_second().to_string();
        let mut own = vec![
            ("oauth_consumer_key", self.key),
            ("oauth_nonce", nonce),
            ("oauth_signature_method", self.method.name()),
            ("oauth_timestamp", timestamp.as_str()),
        ];
        if self.version_param {
            own.push(("oauth_version", "1.0"));
        }
        let base = base_string("GET", address, &own)?;
        let signature = self.sign(&base)?;
        own.push(("oauth_signature", &signature));
        let fields: Vec<String> = own
            .iter()
            .map(|(name, value)| format!("{name}=\"{}\"", encode(value)))
            .collect();
        Ok(format!("OAuth {}", fields.join(",")))
    }

    fn sign(&self, base: &str) -> Result<String, RequestError> {
        let key = format!("{}&", encode(self.secret));
        let digest = match self.method {
            SignatureMethod::HmacSha1 => digest::<Hmac<Sha1>>(&key, base)?,
            SignatureMethod::HmacSha256 => digest::<Hmac<Sha256>>(&key, base)?,
        };
        Ok(STANDARD.encode(digest))
    }
}

fn digest<M: Mac + hmac::digest::KeyInit>(key: &str, text: &str) -> Result<Vec<u8>, RequestError> {
    let mut mac = <M as Mac>::new_from_slice(key.as_bytes()).map_err(|_| RequestError)?;
    mac.update(text.as_bytes());
    Ok(mac.finalize().into_bytes().to_vec())
}

/// The text that is signed: method, address without query, and every parameter in order.
fn base_string(method: &str, address: &str, own: &[(&str, &str)]) -> Result<String, RequestError> {
    let uri: Uri = address.parse().map_err(|_| RequestError)?;
    let scheme = uri.scheme_str().ok_or(RequestError)?;
    let host = uri.host().ok_or(RequestError)?.to_ascii_lowercase();
    let port = match (scheme, uri.port_u16()) {
        (_, None) | ("https", Some(443)) | ("http", Some(80)) => String::new(),
        (_, Some(port)) => format!(":{port}"),
    };
    let mut pairs: Vec<(String, String)> = decode_pairs(uri.query().unwrap_or_default())
        .map(|(name, value)| (encode(&name), encode(&value)))
        .collect();
    pairs.extend(
        own.iter()
            .map(|(name, value)| (encode(name), encode(value))),
    );
    pairs.sort_unstable();
    let pairs: Vec<String> = (pairs.iter())
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let place = format!("{scheme}://{host}{port}{}", uri.path());
    Ok(format!(
        "{method}&{}&{}",
        encode(&place),
        encode(&pairs.join("&"))
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "https://sis.maplegrove.example/ims/oneroster/v1p1/users?limit=500&offset=0&filter=dateLastModified%3E%272026-08-01T00%3A00%3A00.000Z%27%20AND%20status%3D%27active%27&sort=sourcedId&orderBy=asc";
    const ORGS: &str = "https://sis.maplegrove.example/ims/oneroster/v1p1/orgs";

    fn signer(method: SignatureMethod, version_param: bool) -> Signer<'static> {
        Signer {
            key: "ck-demo-0001",
            secret: "s3cr&t/Key+1",
            method,
            version_param,
        }
    }

    fn own() -> [(&'static str, &'static str); 4] {
        [
            ("oauth_consumer_key", "ck-demo-0001"),
            ("oauth_nonce", "a1B2c3D4e5"),
            ("oauth_signature_method", "HMAC-SHA256"),
            ("oauth_timestamp", "1767225600"),
        ]
    }

    #[test]
    fn the_text_that_is_signed_is_the_one_of_the_vectors() {
        assert_eq!(
            base_string("GET", LIST, &own()).unwrap(),
            "GET&https%3A%2F%2Fsis.maplegrove.example%2Fims%2Foneroster%2Fv1p1%2Fusers&filter%3DdateLastModified%253E%25272026-08-01T00%253A00%253A00.000Z%2527%2520AND%2520status%253D%2527active%2527%26limit%3D500%26oauth_consumer_key%3Dck-demo-0001%26oauth_nonce%3Da1B2c3D4e5%26oauth_signature_method%3DHMAC-SHA256%26oauth_timestamp%3D1767225600%26offset%3D0%26orderBy%3Dasc%26sort%3DsourcedId"
        );
    }

    #[test]
    fn signatures_are_those_of_the_vectors() {
        let now = Timestamp::from_second(1_767_225_600).unwrap();
        for (method, version_param, address, signature) in [
            (
                SignatureMethod::HmacSha256,
                false,
                LIST,
                "N1%2Bhr6Ny1K9Z7triqYpXffYA%2F8myojYMGl7f6e3YOt4%3D",
            ),
            (
                SignatureMethod::HmacSha1,
                true,
                LIST,
                "8GeRTQYzaBcXtRBShQJ5jx%2B8DCc%3D",
            ),
            (
                SignatureMethod::HmacSha256,
                false,
                ORGS,
                "F8cXP%2FS2FScVEtfgC%2FoMSjmT9XF3rq%2F4B446DNzzK1c%3D",
            ),
        ] {
            let header = signer(method, version_param).authorization(address, "a1B2c3D4e5", now);
            let header = header.unwrap();
            assert!(header.starts_with("OAuth oauth_consumer_key=\"ck-demo-0001\","));
            assert!(
                header.ends_with(&format!("oauth_signature=\"{signature}\"")),
                "{header}"
            );
            assert_eq!(header.contains("oauth_version=\"1.0\""), version_param);
        }
    }

    #[test]
    fn only_a_port_of_its_own_is_signed_and_the_host_in_lower_case() {
        let text = |address| base_string("GET", address, &[]).unwrap();
        assert_eq!(
            text("https://SIS.example:443/a"),
            "GET&https%3A%2F%2Fsis.example%2Fa&"
        );
        assert_eq!(
            text("http://sis.example:8080/a%2Fb"),
            "GET&http%3A%2F%2Fsis.example%3A8080%2Fa%252Fb&"
        );
        assert_eq!(base_string("GET", "/a", &[]), Err(RequestError));
    }

    #[test]
    fn a_nonce_changes_with_everything_that_it_is_made_of() {
        let now = Timestamp::from_second(1_767_225_600).unwrap();
        let first = nonce(1, ChainId(2), 3, now);
        assert_eq!(first.len(), 32);
        assert_eq!(first, nonce(1, ChainId(2), 3, now));
        for other in [
            nonce(2, ChainId(2), 3, now),
            nonce(1, ChainId(3), 3, now),
            nonce(1, ChainId(2), 4, now),
            nonce(
                1,
                ChainId(2),
                3,
                Timestamp::from_second(1_767_225_601).unwrap(),
            ),
        ] {
            assert_ne!(first, other);
        }
    }
}
