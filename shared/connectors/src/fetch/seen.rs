//! What a chain of pages has shown, so that a loop is noticed. Stored as fingerprints: eight bytes
//! for a page token, a first and a last record each.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// 64 bits of FNV-1a. Among the ten million comparisons of a read of a million people an accidental
/// equality has a chance below 10⁻⁸, and its price is a read that is tried again. It need not
/// withstand an attacker: a provider that makes equal fingerprints only fails its own read.
pub(crate) type Fingerprint = u64;

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// The fingerprint of a text of one kind; equal texts of different kinds differ.
pub(crate) fn fingerprint(kind: u8, text: &str) -> Fingerprint {
    std::iter::once(kind)
        .chain(text.bytes())
        .fold(FNV_OFFSET, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME)
        })
}

/// Fingerprints of one chain.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Seen(BTreeSet<Fingerprint>);

impl Seen {
    /// Remembers it; false when it was there before.
    pub(crate) fn insert(&mut self, fingerprint: Fingerprint) -> bool {
        self.0.insert(fingerprint)
    }

    pub(crate) fn contains(&self, fingerprint: Fingerprint) -> bool {
        self.0.contains(&fingerprint)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Seen> for String {
    fn from(seen: Seen) -> String {
        let bytes: Vec<u8> = seen.0.iter().flat_map(|one| one.to_be_bytes()).collect();
        STANDARD_NO_PAD.encode(bytes)
    }
}

/// A stored text that does not hold fingerprints.
#[derive(Debug, thiserror::Error)]
#[error("a list of fingerprints can't be read")]
pub(crate) struct SeenError;

impl TryFrom<String> for Seen {
    type Error = SeenError;
    fn try_from(text: String) -> Result<Self, SeenError> {
        let bytes = STANDARD_NO_PAD.decode(text).map_err(|_| SeenError)?;
        let (whole, rest) = bytes.as_chunks::<8>();
        if !rest.is_empty() {
            return Err(SeenError);
        }
        Ok(Self(
            whole.iter().map(|one| u64::from_be_bytes(*one)).collect(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_still_seen_after_a_restore() {
        let mut seen = Seen::default();
        assert!(seen.insert(fingerprint(0, "a")));
        assert!(seen.insert(fingerprint(1, "a")));
        assert!(!seen.insert(fingerprint(0, "a")));
        let text = serde_json::to_string(&seen).unwrap();
        let back: Seen = serde_json::from_str(&text).unwrap();
        assert_eq!(back, seen);
        assert!(back.contains(fingerprint(1, "a")));
        assert!(serde_json::from_str::<Seen>("\"AAAA\"").is_err());
    }
}
