//! The set of keys that are published, and which of them signs.

use super::{KEPT_MS, LEAD_MS, SIGNS_FOR_MS};
use crate::error::Error;
use crate::keys;
use crate::ports::Store;
use crate::record;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::{BigUint, Pkcs1v15Sign, RsaPublicKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How many burned numbers in a row a reader looks past. Each stands for a process that died between
/// taking a ticket and writing what it was for.
pub(super) const BURNED_MAX: u64 = 100;

/// The public half of a key.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct PublicKey {
    /// Its id: its thumbprint (RFC 7638).
    pub kid: String,
    /// The modulus, as in a JSON Web Key.
    pub n: String,
    /// The exponent, as in a JSON Web Key.
    pub e: String,
    /// From when it signs, in milliseconds since the Unix epoch.
    pub from_ms: i64,
}

impl PublicKey {
    /// The public half of a key that signs from a time.
    pub(super) fn new(n: &BigUint, e: &BigUint, from_ms: i64) -> Self {
        let n = URL_SAFE_NO_PAD.encode(n.to_bytes_be());
        let e = URL_SAFE_NO_PAD.encode(e.to_bytes_be());
        // The members in this order, without white space (RFC 7638 section 3).
        let members = format!("{{\"e\":\"{e}\",\"kty\":\"RSA\",\"n\":\"{n}\"}}");
        let kid = URL_SAFE_NO_PAD.encode(Sha256::digest(members.as_bytes()));
        Self { kid, n, e, from_ms }
    }

    /// Whether a signature is this key's.
    pub(super) fn verifies(&self, signed: &[u8], signature: &[u8]) -> bool {
        let part = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
        let (Some(n), Some(e)) = (part(&self.n), part(&self.e)) else {
            return false;
        };
        let (n, e) = (BigUint::from_bytes_be(&n), BigUint::from_bytes_be(&e));
        let digest = Sha256::digest(signed);
        let padding = Pkcs1v15Sign::new::<Sha256>();
        RsaPublicKey::new(n, e).is_ok_and(|key| key.verify(padding, &digest, signature).is_ok())
    }
}

/// A set of keys, in the order in which they sign.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Ring {
    /// Its number; 0 is the empty set that there is at first.
    pub(super) number: u64,
    /// The keys.
    pub(super) keys: Vec<PublicKey>,
}

impl Ring {
    /// The newest set. The pointer is a hint: newer ones are found by looking on from it.
    pub async fn newest(store: &impl Store) -> Result<Self, Error> {
        let hint: Option<u64> = record::read(store, &keys::signing_keys()).await?;
        let mut number = hint.unwrap_or_default();
        let mut newest = Self::read(store, number).await?.unwrap_or_default();
        let mut burned = 0;
        while burned < BURNED_MAX {
            number += 1;
            if let Some(ring) = Self::read(store, number).await? {
                newest = ring;
                burned = 0;
            } else if store.exists(&keys::signing_keys_ticket(number)).await? {
                burned += 1;
            } else {
                break;
            }
        }
        Ok(newest)
    }

    /// The set with a number, if it was written.
    pub(super) async fn read(store: &impl Store, number: u64) -> Result<Option<Self>, Error> {
        if number == 0 {
            return Ok(Some(Self::default()));
        }
        Ok(record::read(store, &keys::signing_keys_set(number)).await?)
    }

    /// The key that signs at a time. The oldest one signs at once, also for whoever looked at the
    /// clock before it was made, or has one that is behind.
    pub fn current(&self, now_ms: i64) -> Option<&PublicKey> {
        let due = self.keys.iter().rfind(|key| key.from_ms <= now_ms);
        due.or_else(|| self.keys.first())
    }

    /// The keys that are published at a time: those that will sign, that which does, and those that
    /// did not long ago.
    pub fn published(&self, now_ms: i64) -> impl Iterator<Item = &PublicKey> {
        let successors = self.keys.iter().skip(1).map(Some);
        let successors = successors.chain(std::iter::once(None));
        let all = self.keys.iter().zip(successors);
        all.filter_map(move |(key, successor)| {
            let is_old = successor.is_some_and(|next| next.from_ms + KEPT_MS <= now_ms);
            (!is_old).then_some(key)
        })
    }

    /// From when a key would sign that is made now, if one is to be made.
    pub(super) fn wants(&self, now_ms: i64) -> Option<i64> {
        match self.keys.last() {
            None => Some(now_ms),
            Some(last) if last.from_ms + SIGNS_FOR_MS - LEAD_MS <= now_ms => Some(now_ms + LEAD_MS),
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kid: &str, from_ms: i64) -> PublicKey {
        PublicKey {
            kid: kid.to_owned(),
            n: String::new(),
            e: String::new(),
            from_ms,
        }
    }

    fn kids<'a>(keys: impl Iterator<Item = &'a PublicKey>) -> Vec<&'a str> {
        keys.map(|key| key.kid.as_str()).collect()
    }

    #[test]
    fn a_key_is_published_before_it_signs_and_for_long_after() {
        let ring = Ring {
            number: 2,
            keys: vec![key("a", 0), key("b", 1_000)],
        };
        assert_eq!(kids(ring.published(0)), ["a", "b"]);
        assert_eq!(ring.current(-1).unwrap().kid, "a");
        assert_eq!(Ring::default().current(0), None);
        assert_eq!(ring.current(999).unwrap().kid, "a");
        assert_eq!(ring.current(1_000).unwrap().kid, "b");
        assert_eq!(kids(ring.published(1_000 + KEPT_MS - 1)), ["a", "b"]);
        assert_eq!(kids(ring.published(1_000 + KEPT_MS)), ["b"]);
    }

    #[test]
    fn the_first_key_signs_at_once_and_the_next_after_its_lead() {
        assert_eq!(Ring::default().wants(5), Some(5));
        let ring = Ring {
            number: 1,
            keys: vec![key("a", 0)],
        };
        let due_ms = SIGNS_FOR_MS - LEAD_MS;
        assert_eq!(ring.wants(due_ms - 1), None);
        assert_eq!(ring.wants(due_ms), Some(SIGNS_FOR_MS));
    }

    #[test]
    fn the_thumbprint_is_that_of_the_example_of_rfc_7638() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let n = BigUint::from_bytes_be(&URL_SAFE_NO_PAD.decode(n).unwrap());
        let key = PublicKey::new(&n, &BigUint::from(65_537_u32), 0);
        assert_eq!(key.kid, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }
}
