//! Names of things: each kind of id is its own type, checked once where it enters.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest id that Rollcall itself hands out or accepts for its own records, in bytes.
///
/// Ids stand in store keys and in addresses, so they stay short.
pub const ID_BYTES_MAX: usize = 64;

/// Longest id of a record at a provider, in bytes. Google documents 255 for an account key;
/// OneRoster sourcedIds are GUIDs or short strings.
pub const EXTERNAL_ID_BYTES_MAX: usize = 256;

/// Why a text is not an id.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum IdError {
    /// Nothing was given.
    #[error("an id must not be empty")]
    Empty,
    /// A byte that is not allowed stands at this offset.
    #[error("an id may not have the character at byte {at}")]
    Character {
        /// Offset of the character, in bytes.
        at: usize,
    },
    /// The text is longer than the limit.
    #[error("an id may have at most {limit} bytes")]
    Long {
        /// The limit that was passed, in bytes.
        limit: usize,
    },
}

fn check(text: &str, limit: usize, allowed: impl Fn(char) -> bool) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > limit {
        return Err(IdError::Long { limit });
    }
    match text.char_indices().find(|(_, c)| !allowed(*c)) {
        Some((at, _)) => Err(IdError::Character { at }),
        None => Ok(()),
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $limit:expr, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks a text and makes it an id.
            pub fn parse(text: impl Into<String>) -> Result<Self, IdError> {
                let text = text.into();
                check(&text, $limit, $allowed)?;
                Ok(Self(text))
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// Characters of our own ids: lower-case letters, digits, `-` and `_`, so that an id is safe in a
/// store key, a URL path and a log line.
fn is_own_character(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_'
}

id!(
    /// A district. Chosen by the operator, for instance `maple-grove`.
    TenantId, ID_BYTES_MAX, is_own_character
);
id!(
    /// A tenant's authorised link to one provider.
    ConnectionId, ID_BYTES_MAX, is_own_character
);
id!(
    /// A school or office of a tenant.
    OrganizationId, ID_BYTES_MAX, is_own_character
);
id!(
    /// A person as Rollcall keeps them. Stable for ever.
    AccountId, ID_BYTES_MAX, is_own_character
);
id!(
    /// One execution of a sync.
    RunId, ID_BYTES_MAX, is_own_character
);
id!(
    /// A file that an administrator sent.
    UploadId, ID_BYTES_MAX, is_own_character
);
id!(
    /// An application that signs people in through us.
    ClientId, ID_BYTES_MAX, is_own_character
);
id!(
    /// An org-unit link, an assignment, a filter rule or an attribute mapping set.
    RuleId, ID_BYTES_MAX, is_own_character
);
id!(
    /// A record's id at its provider: opaque, compared byte for byte.
    ExternalId, EXTERNAL_ID_BYTES_MAX, |c: char| !c.is_control()
);

/// The number of a roster commit. The empty roster before the first commit is 0.
#[derive(
    Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Generation(pub u64);

impl Generation {
    /// The generation after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_safe_in_a_store_key() {
        assert!(TenantId::parse("maple-grove_2").is_ok());
        assert_eq!(TenantId::parse(""), Err(IdError::Empty));
        assert_eq!(TenantId::parse("a/b"), Err(IdError::Character { at: 1 }));
        assert_eq!(TenantId::parse("Maple"), Err(IdError::Character { at: 0 }));
        assert_eq!(
            TenantId::parse("x".repeat(65)),
            Err(IdError::Long {
                limit: ID_BYTES_MAX
            })
        );
    }

    #[test]
    fn an_external_id_is_opaque_but_has_no_control_characters() {
        assert!(ExternalId::parse("Ärger/1 & so on").is_ok());
        assert!(ExternalId::parse("a\nb").is_err());
    }

    #[test]
    fn a_bad_id_is_refused_when_read_from_json() {
        assert!(serde_json::from_str::<AccountId>("\"../x\"").is_err());
    }
}
