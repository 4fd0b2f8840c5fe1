//! Proof key for code exchange, RFC 7636 with S256.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use std::fmt;

/// Fewest random bytes of a verifier: RFC 7636 section 4.1 asks for 32, which make 43 characters.
pub const VERIFIER_BYTES_MIN: usize = 32;

/// Most random bytes: 96 make the 128 characters that are allowed.
const VERIFIER_BYTES_MAX: usize = 96;

/// A verifier, which stays with us until the code is exchanged, and its challenge, which goes to
/// the consent page.
#[derive(Clone, Eq, PartialEq)]
pub struct Pkce {
    verifier: String,
    challenge: String,
}

/// Too few random bytes for a verifier, or too many.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a verifier is made from {VERIFIER_BYTES_MIN} to {VERIFIER_BYTES_MAX} random bytes")]
pub struct WeakVerifier;

impl Pkce {
    /// Makes the pair from random bytes.
    pub fn from_verifier_bytes(random: &[u8]) -> Result<Self, WeakVerifier> {
        if !(VERIFIER_BYTES_MIN..=VERIFIER_BYTES_MAX).contains(&random.len()) {
            return Err(WeakVerifier);
        }
        let verifier = URL_SAFE_NO_PAD.encode(random);
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
        Ok(Self {
            verifier,
            challenge,
        })
    }

    /// The secret half, for [`super::code_request`].
    pub fn verifier(&self) -> &str {
        &self.verifier
    }

    /// The public half, for the consent page.
    pub fn challenge(&self) -> &str {
        &self.challenge
    }
}

impl fmt::Debug for Pkce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pkce")
            .field("challenge", &self.challenge)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pair_of_rfc_7636_appendix_b_comes_out() {
        let random = [
            116, 24, 223, 180, 151, 153, 224, 37, 79, 250, 96, 125, 216, 173, 187, 186, 22, 212,
            37, 77, 105, 214, 191, 240, 91, 88, 5, 88, 83, 132, 141, 121,
        ];
        let pkce = Pkce::from_verifier_bytes(&random).unwrap();
        assert_eq!(
            pkce.verifier(),
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
        );
        assert_eq!(
            pkce.challenge(),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
        assert!(!format!("{pkce:?}").contains(pkce.verifier()));
    }

    #[test]
    fn a_verifier_that_could_be_guessed_is_refused() {
        assert_eq!(Pkce::from_verifier_bytes(&[7; 31]), Err(WeakVerifier));
        assert_eq!(Pkce::from_verifier_bytes(&[7; 97]), Err(WeakVerifier));
    }
}
