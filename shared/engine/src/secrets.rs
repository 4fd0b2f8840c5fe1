//! Random ids and secrets, their digests, and comparing them without telling by the time it takes.

use crate::ports::Random;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Letters of ids and secrets: lower case and digits without the ones that look alike, so that a
/// double click selects the whole and a person can read it out.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Letters of an id: 80 bits, unique without looking.
const ID_LETTERS: usize = 16;

/// Letters of a secret: 260 bits.
const SECRET_LETTERS: usize = 52;

/// A random id: `{prefix}-` and 80 random bits.
pub fn random_id(random: &impl Random, prefix: &str) -> String {
    format!("{prefix}-{}", letters(random, ID_LETTERS))
}

/// A random secret: `{prefix}_` and 260 random bits.
pub fn random_secret(random: &impl Random, prefix: &str) -> String {
    format!("{prefix}_{}", letters(random, SECRET_LETTERS))
}

/// The digest under which a secret is kept: SHA-256 in hexadecimal. The secrets are random, so no
/// slow hash is needed.
pub fn digest(secret: &str) -> String {
    hex(&Sha256::digest(secret.as_bytes()))
}

/// Bytes in lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Whether two secrets are equal, in a time that does not depend on where they differ.
pub fn is_equal(left: &str, right: &str) -> bool {
    let left = Sha256::digest(left.as_bytes());
    let right = Sha256::digest(right.as_bytes());
    left.as_slice().ct_eq(right.as_slice()).into()
}

/// Random letters that are easy to tell apart, five bits each.
pub fn random_letters(random: &impl Random, count: usize) -> String {
    letters(random, count)
}

fn letters(random: &impl Random, count: usize) -> String {
    let mut bytes = vec![0_u8; count];
    random.fill(&mut bytes);
    bytes
        .iter()
        .filter_map(|byte| ALPHABET.get(usize::from(byte & 31)))
        .map(|letter| char::from(*letter))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryPorts;
    use mapping::ids::ConnectionId;

    #[test]
    fn a_random_id_is_an_id_and_differs_from_the_next() {
        let ports = MemoryPorts::new();
        let id = random_id(&ports, "con");
        assert_eq!(id.len(), 20);
        assert!(ConnectionId::parse(id.clone()).is_ok());
        assert_ne!(id, random_id(&ports, "con"));
    }

    #[test]
    fn a_digest_is_sha_256_in_hexadecimal() {
        assert_eq!(
            digest("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn equal_secrets_are_equal_and_others_are_not() {
        assert!(is_equal("a", "a"));
        assert!(!is_equal("a", "b"));
        assert!(!is_equal("a", "aa"));
    }
}
