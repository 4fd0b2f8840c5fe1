//! Passwords of accounts that came from a file (SPEC section 6): kept as salted digests alone.
//!
//! A password that a person chose, or that a district wrote into a sheet, can be guessed, so its
//! digest is slow: Argon2id. One that we made has 70 random bits, which no guessing reaches, so
//! its digest may be fast; a class of thousands has its passwords in seconds.

use crate::ephemeral::Place;
use crate::error::Error;
use crate::keys;
use crate::ports::{Random, Store};
use crate::record;
use crate::secrets;
use crate::settings::Secret;
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use mapping::ids::{AccountId, TenantId, UploadId};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

/// Memory of Argon2id, in KiB: the first choice of OWASP's password storage cheat sheet.
const ARGON2_MEMORY_KIB: u32 = 19 * 1024;

/// Passes of Argon2id over that memory.
const ARGON2_PASSES: u32 = 2;

/// Bytes of a salt and of a digest.
const SALT_BYTES: usize = 16;
const DIGEST_BYTES: usize = 32;

/// Longest password that is digested, in bytes. Longer ones only cost time.
pub const PASSWORD_BYTES_MAX: usize = 256;

/// Groups of letters in a password that we make.
const MADE_GROUPS: usize = 4;

/// Why there is no digest: the parameters are not ones that Argon2 takes. A fault of this build.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the password could not be digested")]
pub struct DigestError;

/// A salted digest, in base64 without padding.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PasswordDigest {
    /// Of a password that could be guessed.
    Argon2id {
        /// Memory, in KiB.
        memory_kib: u32,
        /// Passes over it.
        passes: u32,
        /// The salt.
        salt: String,
        /// The digest.
        digest: String,
    },
    /// Of a password that we made: SHA-256 of salt and password.
    Sha256 {
        /// The salt.
        salt: String,
        /// The digest.
        digest: String,
    },
}

/// An account's password.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Password {
    /// Its digest.
    pub digest: PasswordDigest,
    /// True until the person has chosen one.
    pub must_change: bool,
    /// When it was set, in milliseconds since the Unix epoch.
    pub set_at_ms: i64,
    /// The upload that set it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<UploadId>,
    /// Set while it is a code that works once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<CodeTerms>,
}

/// When a code works that stands for a password.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct CodeTerms {
    /// Where its uses are counted.
    pub place: Place,
    /// Until when it works, in milliseconds since the Unix epoch.
    pub until_ms: i64,
}

impl PasswordDigest {
    /// The digest of a password that could be guessed.
    pub fn slow(random: &impl Random, password: &str) -> Result<Self, DigestError> {
        let salt = salt(random);
        let digest = argon2id(ARGON2_MEMORY_KIB, ARGON2_PASSES, &salt, password)?;
        Ok(Self::Argon2id {
            memory_kib: ARGON2_MEMORY_KIB,
            passes: ARGON2_PASSES,
            salt: STANDARD_NO_PAD.encode(salt),
            digest: STANDARD_NO_PAD.encode(digest),
        })
    }

    /// The digest of a password made by [`make`].
    pub fn fast(random: &impl Random, made: &Secret) -> Self {
        let salt = salt(random);
        Self::Sha256 {
            salt: STANDARD_NO_PAD.encode(salt),
            digest: STANDARD_NO_PAD.encode(sha256(&salt, made.expose())),
        }
    }

    /// Whether a password is the one that was digested, in a time that does not depend on where it
    /// differs.
    pub fn is_of(&self, password: &str) -> bool {
        if password.len() > PASSWORD_BYTES_MAX {
            return false;
        }
        let (found, kept) = match self {
            PasswordDigest::Argon2id {
                memory_kib,
                passes,
                salt,
                digest,
            } => {
                let salt = STANDARD_NO_PAD.decode(salt).unwrap_or_default();
                match argon2id(*memory_kib, *passes, &salt, password) {
                    Ok(found) => (found, digest),
                    Err(DigestError) => return false,
                }
            }
            PasswordDigest::Sha256 { salt, digest } => {
                let salt = STANDARD_NO_PAD.decode(salt).unwrap_or_default();
                (sha256(&salt, password), digest)
            }
        };
        let kept = STANDARD_NO_PAD.decode(kept).unwrap_or_default();
        found.as_slice().ct_eq(&kept).into()
    }
}

/// Whether a password is an account's, at the cost of exactly one slow digest whatever the account
/// has, so that the time tells neither whether there is a password nor of which kind.
pub fn is_right(kept: Option<&PasswordDigest>, password: &str) -> bool {
    match kept {
        Some(digest @ PasswordDigest::Argon2id { .. }) if password.len() <= PASSWORD_BYTES_MAX => {
            digest.is_of(password)
        }
        other => {
            waste(password);
            is_made(other, password)
        }
    }
}

/// Whether a password is one that we made for an account. Costs next to nothing, and what it
/// answers can't be found by guessing.
pub fn is_made(kept: Option<&PasswordDigest>, password: &str) -> bool {
    match kept {
        Some(digest @ PasswordDigest::Sha256 { .. }) => digest.is_of(password),
        Some(PasswordDigest::Argon2id { .. }) | None => {
            std::hint::black_box(sha256(&[0; SALT_BYTES], password));
            false
        }
    }
}

/// Takes the time of a slow digest.
fn waste(password: &str) {
    let end = password.floor_char_boundary(PASSWORD_BYTES_MAX);
    let start = password.get(..end).unwrap_or_default();
    let salt = [0; SALT_BYTES];
    let _ = std::hint::black_box(argon2id(ARGON2_MEMORY_KIB, ARGON2_PASSES, &salt, start));
}

/// Makes a password of 70 random bits, easy to read out and to type: `k7mwp-x2hqe-…`.
pub fn make(random: &impl Random) -> Secret {
    let letters = secrets::random_letters(random, 14);
    let groups: Vec<&str> = (0..MADE_GROUPS)
        .filter_map(|group| letters.get(group * 4..(group * 4 + 4).min(letters.len())))
        .filter(|group| !group.is_empty())
        .collect();
    Secret::new(groups.join("-"))
}

/// The password of an account, if it has one.
pub async fn read(
    store: &impl Store,
    tenant: &TenantId,
    account: &AccountId,
) -> Result<Option<Password>, Error> {
    Ok(record::read(store, &keys::password(tenant, account)).await?)
}

/// Sets an account's password.
pub async fn write(
    store: &impl Store,
    tenant: &TenantId,
    account: &AccountId,
    password: &Password,
) -> Result<(), Error> {
    let key = keys::password(tenant, account);
    Ok(record::write(store, &key, password).await?)
}

fn salt(random: &impl Random) -> [u8; SALT_BYTES] {
    let mut salt = [0_u8; SALT_BYTES];
    random.fill(&mut salt);
    salt
}

fn argon2id(
    memory_kib: u32,
    passes: u32,
    salt: &[u8],
    password: &str,
) -> Result<[u8; DIGEST_BYTES], DigestError> {
    let params = Params::new(memory_kib, passes, 1, Some(DIGEST_BYTES)).map_err(|_| DigestError)?;
    let mut digest = [0_u8; DIGEST_BYTES];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password.as_bytes(), salt, &mut digest)
        .map_err(|_| DigestError)?;
    Ok(digest)
}

fn sha256(salt: &[u8], password: &str) -> [u8; DIGEST_BYTES] {
    let mut hasher = Sha256::new();
    hasher.update(salt);
    hasher.update(password.as_bytes());
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryPorts;

    #[test]
    fn a_digest_knows_its_password_and_no_other() {
        let ports = MemoryPorts::new();
        let made = make(&ports);
        for digest in [
            PasswordDigest::fast(&ports, &made),
            PasswordDigest::slow(&ports, made.expose()).unwrap(),
        ] {
            assert!(digest.is_of(made.expose()));
            assert!(!digest.is_of(""));
            assert!(!digest.is_of(&made.expose().to_uppercase()));
            assert!(!digest.is_of(&"x".repeat(PASSWORD_BYTES_MAX + 1)));
            let json = serde_json::to_string(&digest).unwrap();
            assert!(!json.contains(made.expose()));
            assert_eq!(
                serde_json::from_str::<PasswordDigest>(&json).unwrap(),
                digest
            );
        }
    }

    #[test]
    fn equal_passwords_have_different_digests() {
        let ports = MemoryPorts::new();
        let one = PasswordDigest::slow(&ports, "Welcome1").unwrap();
        let two = PasswordDigest::slow(&ports, "Welcome1").unwrap();
        assert_ne!(one, two);
    }

    #[test]
    fn a_damaged_digest_lets_nobody_in() {
        let damaged = PasswordDigest::Sha256 {
            salt: "?".to_owned(),
            digest: String::new(),
        };
        assert!(!damaged.is_of(""));
        let weak = PasswordDigest::Argon2id {
            memory_kib: 0,
            passes: 0,
            salt: String::new(),
            digest: String::new(),
        };
        assert!(!weak.is_of(""));
    }

    #[test]
    fn only_the_right_password_is_right_whatever_the_digest() {
        let ports = MemoryPorts::new();
        let made = make(&ports);
        let fast = PasswordDigest::fast(&ports, &made);
        let slow = PasswordDigest::slow(&ports, "Welcome1").unwrap();
        let long = "x".repeat(PASSWORD_BYTES_MAX + 1);
        for (digest, typed, right, made) in [
            (Some(&fast), made.expose(), true, true),
            (Some(&fast), "Welcome1", false, false),
            (Some(&slow), "Welcome1", true, false),
            (Some(&slow), "welcome1", false, false),
            (Some(&slow), &long, false, false),
            (None, "", false, false),
            (None, &long, false, false),
        ] {
            assert_eq!(is_right(digest, typed), right, "{typed:.20}");
            assert_eq!(is_made(digest, typed), made, "{typed:.20}");
        }
    }

    #[test]
    fn a_made_password_is_long_readable_and_new_each_time() {
        let ports = MemoryPorts::new();
        let (one, two) = (make(&ports), make(&ports));
        assert_ne!(one.expose(), two.expose());
        assert_eq!(one.expose().len(), 17, "{}", one.expose());
        assert!(
            one.expose()
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-')
        );
    }
}
