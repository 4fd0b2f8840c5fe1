//! Keyed digests: what is counted or remembered about people who try to sign in, without keeping
//! their names or addresses.
//!
//! Names and addresses of networks can be guessed, so a plain digest of one would tell it. The key
//! comes from the operator's token, which the component has for API keys anyway: what seals tokens
//! stays away from the component that everybody may reach. With another token, counts begin anew
//! and browsers are not known any more.

use crate::secrets;
use crate::settings::Secret;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// Bytes of a digest: 160 bits.
const DIGEST_BYTES: usize = 20;

/// The key of everything that is digested about people who sign in.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    /// The key that follows from a secret.
    pub fn from_secret(secret: &Secret) -> Self {
        Self(mac(secret.expose().as_bytes(), "rollcall sign-in 1", &[]))
    }

    /// The digest of some texts, in 40 hexadecimal digits. `purpose` keeps digests of one kind from
    /// standing for those of another.
    pub fn digest(&self, purpose: &str, parts: &[&str]) -> String {
        let digest = mac(&self.0, purpose, parts);
        secrets::hex(digest.get(..DIGEST_BYTES).unwrap_or_default())
    }

    /// Whether a digest is that of these texts, in a time that does not depend on where it differs.
    pub fn is_digest(&self, digest: &str, purpose: &str, parts: &[&str]) -> bool {
        let expected = self.digest(purpose, parts);
        expected.as_bytes().ct_eq(digest.as_bytes()).into()
    }
}

/// 32 bytes that follow from a secret that nobody can guess.
pub(super) fn derive(secret: &str, purpose: &str) -> [u8; 32] {
    mac(secret.as_bytes(), purpose, &[])
}

fn mac(key: &[u8], purpose: &str, parts: &[&str]) -> [u8; 32] {
    // A key of any length is taken; what follows from none is never used.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return [0; 32];
    };
    for part in std::iter::once(&purpose).chain(parts) {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part.as_bytes());
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_differ_by_key_purpose_and_parts() {
        let (one, other) = (Secret::new("operator-1"), Secret::new("operator-2"));
        let (one, other) = (Key::from_secret(&one), Key::from_secret(&other));
        let digest = one.digest("name", &["maple", "dana"]);
        assert_eq!(digest.len(), 40);
        assert_eq!(digest, one.digest("name", &["maple", "dana"]));
        for different in [
            other.digest("name", &["maple", "dana"]),
            one.digest("address", &["maple", "dana"]),
            one.digest("name", &["mapled", "ana"]),
            one.digest("name", &["maple", "dana", ""]),
        ] {
            assert_ne!(digest, different);
        }
        assert!(one.is_digest(&digest, "name", &["maple", "dana"]));
        assert!(!one.is_digest(&digest, "name", &["maple", "Dana"]));
        assert!(!one.is_digest("", "name", &["maple", "dana"]));
    }
}
