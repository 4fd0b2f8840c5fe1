//! The keys with which the fakes sign id tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::RsaPrivateKey;
use rsa::pkcs1::DecodeRsaPrivateKey;
use rsa::pkcs1v15::SigningKey;
use rsa::pkcs8::{EncodePublicKey, LineEnding};
use rsa::signature::{SignatureEncoding, Signer};
use rsa::traits::PublicKeyParts;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Published in this repository; they protect nothing.
const TEST_KEYS: [&[u8]; 3] = [
    include_bytes!("../keys/test-only-1.der"),
    include_bytes!("../keys/test-only-2.der"),
    include_bytes!("../keys/test-only-3.der"),
];

/// The embedded keys can't be read.
#[derive(Debug, thiserror::Error)]
#[error("the embedded test keys are unusable")]
pub struct KeysUnusable(#[from] rsa::pkcs1::Error);

/// The keys in use. The newest signs; it and the one before are published.
#[derive(Debug)]
pub(crate) struct Keyring {
    keys: Vec<RsaPrivateKey>,
    newest: usize,
}

impl Keyring {
    pub(crate) fn new() -> Result<Self, KeysUnusable> {
        let keys: Result<_, rsa::pkcs1::Error> = TEST_KEYS
            .iter()
            .map(|key| RsaPrivateKey::from_pkcs1_der(key))
            .collect();
        Ok(Self {
            keys: keys?,
            newest: 1,
        })
    }

    /// Signs with another key from now on; the one before stays published, older ones don't.
    pub(crate) fn rotate(&mut self) {
        self.newest += 1;
    }

    pub(crate) fn newest(&self) -> usize {
        self.newest
    }

    /// The key id of a key, new with every rotation.
    pub(crate) fn id(number: usize) -> String {
        let half = |text: String| {
            let digest = Sha256::digest(text.as_bytes());
            let half = digest.first_chunk::<8>();
            half.map_or(0, |bytes| u64::from_be_bytes(*bytes))
        };
        let one = half(format!("key {number}"));
        let two = half(format!("more of key {number}"));
        format!("{one:016x}{two:016x}")
    }

    /// Signs a text with a key.
    pub(crate) fn sign(&self, number: usize, text: &[u8]) -> Vec<u8> {
        let key = self.keys.get(number % self.keys.len().max(1)).cloned();
        key.map(|key| SigningKey::<Sha256>::new(key).sign(text).to_vec())
            .unwrap_or_default()
    }

    /// The public half of a key as everybody may write it down.
    pub(crate) fn public_pem(&self, number: usize) -> String {
        let key = self.keys.get(number % self.keys.len().max(1));
        let pem = key.and_then(|key| key.to_public_key().to_public_key_pem(LineEnding::LF).ok());
        pem.unwrap_or_default()
    }

    /// The modulus of a key.
    pub(crate) fn modulus(&self, number: usize) -> Vec<u8> {
        let key = self.keys.get(number % self.keys.len().max(1));
        key.map(|key| key.n().to_bytes_be()).unwrap_or_default()
    }

    /// Claims as a token, signed with the newest key.
    pub(crate) fn token(&self, claims: &Value) -> String {
        let header = json!({ "alg": "RS256", "kid": Self::id(self.newest), "typ": "JWT" });
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&header), encode(claims));
        let signature = self.sign(self.newest, signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The published keys as a JWK set.
    pub(crate) fn jwks(&self) -> Value {
        let published = [self.newest, self.newest.saturating_sub(1)];
        let keys: Vec<Value> = published
            .into_iter()
            .filter_map(|number| {
                let key = self.keys.get(number % self.keys.len().max(1))?;
                let encode = |bytes: Vec<u8>| URL_SAFE_NO_PAD.encode(bytes);
                Some(json!({
                    "kid": Self::id(number), "kty": "RSA", "alg": "RS256", "use": "sig",
                    "n": encode(key.n().to_bytes_be()), "e": encode(key.e().to_bytes_be()),
                }))
            })
            .collect();
        json!({ "keys": keys })
    }
}
