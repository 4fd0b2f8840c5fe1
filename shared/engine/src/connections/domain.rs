//! Domain names of districts.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest domain name, in bytes (RFC 1035 section 2.3.4).
const DOMAIN_BYTES_MAX: usize = 253;

/// Longest label of a domain name, in bytes (RFC 1035 section 2.3.4).
const LABEL_BYTES_MAX: usize = 63;

/// A domain name, lower-cased, of at least two labels.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Domain(String);

/// A text that is not a domain name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a domain name, for instance maplegrove.example")]
pub struct DomainError;

impl Domain {
    /// Checks a name.
    pub fn parse(text: &str) -> Result<Self, DomainError> {
        let text = text.trim().to_ascii_lowercase();
        let label = |label: &str| {
            !label.is_empty()
                && label.len() <= LABEL_BYTES_MAX
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let is_name =
            text.len() <= DOMAIN_BYTES_MAX && text.contains('.') && text.split('.').all(label);
        is_name.then_some(Self(text)).ok_or(DomainError)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Domain {
    type Error = DomainError;
    fn try_from(text: String) -> Result<Self, DomainError> {
        Self::parse(&text)
    }
}

impl From<Domain> for String {
    fn from(domain: Domain) -> String {
        domain.0
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_lower_cased_and_has_two_labels() {
        let domain = Domain::parse(" K12.MapleGrove.example ").unwrap();
        assert_eq!(domain.as_str(), "k12.maplegrove.example");
        for text in [
            "",
            "localhost",
            "a..b",
            "-a.b",
            "a b.c",
            "http://a.b",
            "a.b/",
            "a@b.c",
        ] {
            assert_eq!(Domain::parse(text), Err(DomainError), "{text}");
        }
    }
}
