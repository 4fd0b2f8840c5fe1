//! Sealing secrets at rest: XChaCha20-Poly1305 with the record's key as associated data, so that
//! a sealed value moved to another record does not open.
//!
//! Keys rotate: the first of the configured keys seals, every one of them opens what it sealed.

use crate::ports::Random;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Bytes of a key.
const KEY_BYTES: usize = 32;

/// Bytes of a nonce; random ones never meet at this length.
const NONCE_BYTES: usize = 24;

/// Longest key id, in bytes.
const KEY_ID_BYTES_MAX: usize = 32;

/// Why a text is not a list of seal keys. Says nothing of the keys themselves.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ParseError {
    /// Two keys have the same id.
    #[error("entry {entry} has the id of another entry")]
    Duplicate {
        /// Which entry, from 1.
        entry: usize,
    },
    /// An entry has no colon, or no usable id before it.
    #[error("entry {entry} must be an id of letters and digits, a colon and a key")]
    Entry {
        /// Which entry, from 1.
        entry: usize,
    },
    /// The key is not 32 bytes in base64.
    #[error("entry {entry} must have a key of 32 bytes in base64")]
    Key {
        /// Which entry, from 1.
        entry: usize,
    },
}

/// Why a sealed value did not open or could not be made.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SealError {
    /// The value was changed, cut short, or belongs to another record.
    #[error("the sealed value of {record} is damaged or was sealed for another record")]
    Damaged {
        /// The record's key.
        record: String,
    },
    /// It could not be sealed; only a value of many gigabytes is refused.
    #[error("the value of {record} could not be sealed")]
    Refused {
        /// The record's key.
        record: String,
    },
    /// It was sealed with a key that is not configured any more.
    #[error(
        "the sealed value of {record} needs the key {key_id}, which is not among the variable seal_keys"
    )]
    UnknownKey {
        /// The record's key.
        record: String,
        /// The id of the key.
        key_id: String,
    },
}

/// A sealed value as it is stored.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Sealed {
    /// The id of the key.
    kid: String,
    /// Nonce and ciphertext in base64.
    #[serde(rename = "box")]
    box_: String,
}

/// The keys, the sealing one first.
#[derive(Clone)]
pub struct SealKeys {
    first: (String, [u8; KEY_BYTES]),
    rest: Vec<(String, [u8; KEY_BYTES])>,
}

impl fmt::Debug for SealKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(
                std::iter::once(&self.first)
                    .chain(&self.rest)
                    .map(|(id, _)| id),
            )
            .finish()
    }
}

impl SealKeys {
    /// Reads `kid:base64key[,kid2:base64key2…]`.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let mut keys: Vec<(String, [u8; KEY_BYTES])> = Vec::new();
        for (index, entry) in text.split(',').enumerate() {
            let entry_number = index + 1;
            let (id, key) = parse_entry(entry.trim(), entry_number)?;
            if keys.iter().any(|(known, _)| *known == id) {
                return Err(ParseError::Duplicate {
                    entry: entry_number,
                });
            }
            keys.push((id, key));
        }
        let mut keys = keys.into_iter();
        let first = keys.next().ok_or(ParseError::Entry { entry: 1 })?;
        Ok(Self {
            first,
            rest: keys.collect(),
        })
    }

    /// Seals a value for the record with this key.
    pub fn seal(
        &self,
        random: &impl Random,
        record: &str,
        plain: &[u8],
    ) -> Result<Sealed, SealError> {
        let (kid, key) = &self.first;
        let mut nonce = [0_u8; NONCE_BYTES];
        random.fill(&mut nonce);
        let payload = Payload {
            msg: plain,
            aad: record.as_bytes(),
        };
        let cipher = XChaCha20Poly1305::new(key.into())
            .encrypt(XNonce::from_slice(&nonce), payload)
            .map_err(|_| SealError::Refused {
                record: record.to_owned(),
            })?;
        let mut bytes = nonce.to_vec();
        bytes.extend(cipher);
        Ok(Sealed {
            kid: kid.clone(),
            box_: URL_SAFE_NO_PAD.encode(bytes),
        })
    }

    /// Opens a value that was sealed for the record with this key.
    pub fn open(&self, record: &str, sealed: &Sealed) -> Result<Vec<u8>, SealError> {
        let damaged = || SealError::Damaged {
            record: record.to_owned(),
        };
        let key = std::iter::once(&self.first)
            .chain(&self.rest)
            .find_map(|(id, key)| (*id == sealed.kid).then_some(key))
            .ok_or_else(|| SealError::UnknownKey {
                record: record.to_owned(),
                key_id: sealed.kid.clone(),
            })?;
        let bytes = URL_SAFE_NO_PAD
            .decode(&sealed.box_)
            .map_err(|_| damaged())?;
        let (nonce, cipher) = bytes.split_at_checked(NONCE_BYTES).ok_or_else(damaged)?;
        let payload = Payload {
            msg: cipher,
            aad: record.as_bytes(),
        };
        XChaCha20Poly1305::new(key.into())
            .decrypt(XNonce::from_slice(nonce), payload)
            .map_err(|_| damaged())
    }

    /// True when the value was sealed with a key that no longer seals, so that writing it again
    /// would move it to the current one.
    pub fn is_outdated(&self, sealed: &Sealed) -> bool {
        sealed.kid != self.first.0
    }
}

fn parse_entry(entry: &str, number: usize) -> Result<(String, [u8; KEY_BYTES]), ParseError> {
    let (id, key) = entry
        .split_once(':')
        .ok_or(ParseError::Entry { entry: number })?;
    let usable = !id.is_empty()
        && id.len() <= KEY_ID_BYTES_MAX
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !usable {
        return Err(ParseError::Entry { entry: number });
    }
    let unusable = ParseError::Key { entry: number };
    let key = STANDARD
        .decode(key)
        .or_else(|_| URL_SAFE_NO_PAD.decode(key))
        .map_err(|_| unusable)?;
    Ok((id.to_owned(), key.try_into().map_err(|_| unusable)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryPorts;

    fn entry(id: &str, byte: u8) -> String {
        format!("{id}:{}", STANDARD.encode([byte; 32]))
    }

    #[test]
    fn a_sealed_value_opens_for_its_own_record_only() {
        let ports = MemoryPorts::new();
        let keys = SealKeys::parse(&entry("k1", 1)).unwrap();
        let sealed = keys.seal(&ports, "a", b"token").unwrap();
        assert_eq!(keys.open("a", &sealed).unwrap(), b"token");
        assert!(matches!(
            keys.open("b", &sealed),
            Err(SealError::Damaged { .. })
        ));
    }

    #[test]
    fn the_same_value_is_sealed_differently_each_time() {
        let ports = MemoryPorts::new();
        let keys = SealKeys::parse(&entry("k1", 1)).unwrap();
        let first = keys.seal(&ports, "a", b"token").unwrap();
        assert_ne!(first, keys.seal(&ports, "a", b"token").unwrap());
    }

    #[test]
    fn an_old_key_opens_until_it_is_removed() {
        let ports = MemoryPorts::new();
        let old = SealKeys::parse(&entry("k1", 1)).unwrap();
        let sealed = old.seal(&ports, "a", b"token").unwrap();
        let both = SealKeys::parse(&format!("{},{}", entry("k2", 2), entry("k1", 1))).unwrap();
        assert_eq!(both.open("a", &sealed).unwrap(), b"token");
        assert!(both.is_outdated(&sealed));
        let new = SealKeys::parse(&entry("k2", 2)).unwrap();
        assert_eq!(
            new.open("a", &sealed),
            Err(SealError::UnknownKey {
                record: "a".to_owned(),
                key_id: "k1".to_owned()
            })
        );
    }

    #[test]
    fn a_changed_or_cut_value_does_not_open() {
        let ports = MemoryPorts::new();
        let keys = SealKeys::parse(&entry("k1", 1)).unwrap();
        let mut sealed = keys.seal(&ports, "a", b"token").unwrap();
        for box_ in [String::new(), "!".to_owned(), sealed.box_[..8].to_owned()] {
            sealed.box_ = box_;
            assert!(matches!(
                keys.open("a", &sealed),
                Err(SealError::Damaged { .. })
            ));
        }
    }

    #[test]
    fn a_bad_list_of_keys_is_refused_by_entry_without_showing_it() {
        assert_eq!(
            SealKeys::parse("k1").unwrap_err(),
            ParseError::Entry { entry: 1 }
        );
        assert_eq!(
            SealKeys::parse("k1:c2hvcnQ=").unwrap_err(),
            ParseError::Key { entry: 1 }
        );
        let twice = format!("{},{}", entry("k1", 1), entry("k1", 2));
        assert_eq!(
            SealKeys::parse(&twice).unwrap_err(),
            ParseError::Duplicate { entry: 2 }
        );
        let keys = SealKeys::parse(&entry("k1", 1)).unwrap();
        assert_eq!(format!("{keys:?}"), "[\"k1\"]");
    }
}
