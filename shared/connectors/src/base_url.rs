//! Where a provider answers: scheme, host and perhaps a path in front of everything.

use http::Uri;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest base address accepted, in bytes.
pub const BASE_URL_BYTES_MAX: usize = 512;

/// An `http` or `https` address without query, fragment, credentials or trailing slash.
///
/// The real hosts are the defaults of each provider; tests and regional hosts set their own.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BaseUrl(String);

/// Why a text is not a base address.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a base address needs http:// or https://, a host, and no query or credentials")]
pub struct BaseUrlError;

impl BaseUrl {
    /// Checks an address and drops its trailing slashes.
    pub fn parse(text: &str) -> Result<Self, BaseUrlError> {
        let uri: Uri = text.parse().map_err(|_| BaseUrlError)?;
        let has_scheme = matches!(uri.scheme_str(), Some("http" | "https"));
        let has_host = uri.host().is_some_and(|host| !host.is_empty());
        let is_plain = !text.contains(['?', '#', '@']) && text.len() <= BASE_URL_BYTES_MAX;
        if has_scheme && has_host && is_plain {
            Ok(Self(text.trim_end_matches('/').to_owned()))
        } else {
            Err(BaseUrlError)
        }
    }

    /// One of the addresses written in this crate; a test reads each of them with `parse`.
    pub(crate) fn known(text: &'static str) -> Self {
        Self(text.to_owned())
    }

    /// The address, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for BaseUrl {
    type Error = BaseUrlError;
    fn try_from(text: String) -> Result<Self, BaseUrlError> {
        Self::parse(&text)
    }
}

impl From<BaseUrl> for String {
    fn from(base: BaseUrl) -> String {
        base.0
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_address_loses_its_trailing_slash() {
        assert_eq!(
            BaseUrl::parse("http://127.0.0.1:4000/google/").map(|base| base.to_string()),
            Ok("http://127.0.0.1:4000/google".to_owned())
        );
    }

    #[test]
    fn an_address_that_could_lead_elsewhere_is_refused() {
        for text in [
            "",
            "admin.googleapis.com",
            "ftp://a.example",
            "https://user@a.example",
            "https://a.example?x=1",
            "https://a.example#x",
            "/directory",
        ] {
            assert_eq!(BaseUrl::parse(text), Err(BaseUrlError), "{text:?}");
        }
    }
}
