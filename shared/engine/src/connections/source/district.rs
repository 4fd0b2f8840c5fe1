//! Districts that one key of ours opens with all others.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest id of a district, in bytes. Clever's have 24 and ClassLink's some digits.
const DISTRICT_ID_BYTES_MAX: usize = 64;

/// A district's id at Clever, or a tenant's at ClassLink.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct DistrictId(String);

/// A text that is no id of a district.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an id of 1 to {DISTRICT_ID_BYTES_MAX} letters, digits, hyphens and underscores")]
pub struct DistrictIdError;

impl DistrictId {
    /// Checks an id. It becomes part of a key, so the separator can't be in it.
    pub fn parse(text: impl Into<String>) -> Result<Self, DistrictIdError> {
        let text = text.into();
        let is_id = !text.is_empty()
            && text.len() <= DISTRICT_ID_BYTES_MAX
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        is_id.then_some(Self(text)).ok_or(DistrictIdError)
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for DistrictId {
    type Error = DistrictIdError;
    fn try_from(text: String) -> Result<Self, DistrictIdError> {
        Self::parse(text)
    }
}

impl From<DistrictId> for String {
    fn from(id: DistrictId) -> String {
        id.0
    }
}

impl fmt::Display for DistrictId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A district, with where it is.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum District {
    /// A tenant of ClassLink.
    Classlink(DistrictId),
    /// A district at Clever.
    Clever(DistrictId),
}

/// As a part of keys: `clever/5f3a…`.
impl fmt::Display for District {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            District::Classlink(id) => write!(f, "classlink/{id}"),
            District::Clever(id) => write!(f, "clever/{id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_a_district_can_not_break_out_of_a_key_or_a_path() {
        let id = DistrictId::parse("5f3a9c0e1d2b4c0011aa00d1").unwrap();
        let district = District::Clever(id);
        assert_eq!(district.to_string(), "clever/5f3a9c0e1d2b4c0011aa00d1");
        for text in ["", "a/b", "a b", "a%2Fb", "é", &"a".repeat(65)] {
            assert_eq!(DistrictId::parse(text), Err(DistrictIdError), "{text}");
        }
    }
}
