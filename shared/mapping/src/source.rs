//! Source records: people as a provider shows them, already in our vocabulary.
//!
//! A connector turns each record of its provider into a [`SourceRecord`] or an issue
//! entry; from there on nothing depends on which provider it was.

use crate::account::{Email, Role};
use crate::ids::ExternalId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt;

/// A group that a person belongs to, nested membership counted.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Group {
    /// The group's address, lower-cased.
    pub address: String,
    /// The group's display name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
}

/// What a person is in one school, where the provider itself states it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Placement {
    /// The provider's id of the school, as in [`crate::schooling::School::id`].
    #[serde(rename = "s")]
    pub school: ExternalId,
    /// The role there.
    #[serde(rename = "r")]
    pub role: Role,
    /// The grade there, normalised; for students.
    #[serde(rename = "g", default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<String>,
}

/// A person as a provider shows them.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct SourceRecord {
    /// The provider's id of the person; never an email address.
    #[serde(rename = "i")]
    pub external_id: ExternalId,
    /// The main address, if the person has a usable one.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
    /// True when the provider vouches that the address belongs to the person.
    #[serde(rename = "v", default, skip_serializing_if = "std::ops::Not::not")]
    pub email_verified: bool,
    /// Another name to sign in with, where the provider has one.
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Given name; may be empty where the provider allows it.
    #[serde(rename = "g", default, skip_serializing_if = "String::is_empty")]
    pub given_name: String,
    /// Family name; may be empty where the provider allows it.
    #[serde(rename = "f", default, skip_serializing_if = "String::is_empty")]
    pub family_name: String,
    /// Full path of the org unit, with a leading slash, where the provider has org units.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub org_unit_path: Option<String>,
    /// Groups, nested membership counted; filled only when a rule needs groups.
    #[serde(rename = "m", default, skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<Group>,
    /// Roles that the provider itself states for the whole district, beside those in schools.
    #[serde(rename = "r", default, skip_serializing_if = "BTreeSet::is_empty")]
    pub roles: BTreeSet<Role>,
    /// What the provider itself says that the person is in which school.
    #[serde(rename = "p", default, skip_serializing_if = "BTreeSet::is_empty")]
    pub placements: BTreeSet<Placement>,
    /// Grade that the provider itself states.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<String>,
    /// True when the source states only some of the person's roles, so that what it does not state
    /// is not taken away.
    #[serde(rename = "q", default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// True when the provider shows the person as suspended or archived.
    #[serde(rename = "s", default, skip_serializing_if = "std::ops::Not::not")]
    pub suspended: bool,
}

/// A digest of everything in a source record that could matter, for noticing changes between
/// runs. 128 bits of SHA-256: an accidental collision among a billion records has a chance below
/// 10⁻²⁰.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RecordDigest([u8; 16]);

impl RecordDigest {
    /// Digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let full = Sha256::digest(bytes);
        let mut short = [0_u8; 16];
        for (to, from) in short.iter_mut().zip(full.iter()) {
            *to = *from;
        }
        Self(short)
    }
}

impl fmt::Display for RecordDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl From<RecordDigest> for String {
    fn from(digest: RecordDigest) -> String {
        digest.to_string()
    }
}

/// A text that is not a digest of 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a record digest has 32 hexadecimal digits")]
pub struct DigestError;

impl TryFrom<String> for RecordDigest {
    type Error = DigestError;
    fn try_from(text: String) -> Result<Self, DigestError> {
        if text.len() != 32 || !text.is_ascii() {
            return Err(DigestError);
        }
        let mut bytes = [0_u8; 16];
        for (index, byte) in bytes.iter_mut().enumerate() {
            let digits = text.get(index * 2..index * 2 + 2).ok_or(DigestError)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| DigestError)?;
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_reads_back_as_it_was_written() {
        let digest = RecordDigest::of(b"dana");
        let text = String::from(digest);
        assert_eq!(text.len(), 32);
        assert_eq!(RecordDigest::try_from(text), Ok(digest));
        assert_ne!(digest, RecordDigest::of(b"Dana"));
    }

    #[test]
    fn a_text_that_is_no_digest_is_refused() {
        for text in ["", "zz", "é".repeat(16).as_str(), &"g".repeat(32)] {
            assert_eq!(RecordDigest::try_from(text.to_owned()), Err(DigestError));
        }
    }
}
