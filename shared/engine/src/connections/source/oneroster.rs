//! What is set for a OneRoster server.

use super::{DistrictId, Extent};
use connectors::base_url::BaseUrl;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Longest id of an application, in bytes.
const APPLICATION_ID_BYTES_MAX: usize = 256;

/// Versions of OneRoster.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub enum OneRosterVersion {
    /// 1.1.
    #[default]
    #[serde(rename = "1.1")]
    V1p1,
    /// 1.2.
    #[serde(rename = "1.2")]
    V1p2,
}

/// How a OneRoster server is reached.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Way {
    /// ClassLink's proxy, with our key as a partner. The tenant is the operator's to set: the key
    /// opens every district that approved us.
    ClasslinkPartner {
        /// The district's id at ClassLink.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tenant: Option<DistrictId>,
    },
    /// ClassLink's proxy, with one district's application and its token.
    ClasslinkProxy {
        /// The application.
        application: ApplicationId,
    },
    /// The district's own server.
    Direct {
        /// Where it is.
        base_url: BaseUrl,
        /// Where OAuth 2 tokens come from, and how they are asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<TokenSettings>,
    },
}

/// Where a request for a token carries the client's secret.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Placement {
    /// In the header of basic authentication.
    #[default]
    Basic,
    /// In the form that is posted.
    Body,
    /// In the query.
    Query,
}

/// How OAuth 2 tokens of a server are had.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TokenSettings {
    /// Where they are asked for.
    pub token_url: BaseUrl,
    /// Where the secret goes.
    #[serde(default)]
    pub placement: Placement,
    /// The scopes asked for; those of the version when absent, none when empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<BTreeSet<String>>,
}

/// What is set for OneRoster.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct OneRosterSettings {
    /// The version that the server speaks.
    #[serde(default)]
    pub version: OneRosterVersion,
    /// How it is reached.
    pub way: Way,
    /// What is read.
    #[serde(flatten)]
    pub extent: Extent,
}

/// The id of an application at ClassLink. It goes into paths as it is: ClassLink shows it escaped.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct ApplicationId(String);

/// A text that is no id of an application.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an application id as ClassLink shows it: letters, digits and percent escapes")]
pub struct ApplicationIdError;

impl ApplicationId {
    /// Checks an id: one segment of a path, whatever becomes of it.
    pub fn parse(text: impl Into<String>) -> Result<Self, ApplicationIdError> {
        let text = text.into();
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'~' | b'%');
        // An escaped dot could become a step upwards on the way.
        let climbs = text.to_ascii_lowercase().contains("%2e");
        let is_id = !text.is_empty()
            && text.len() <= APPLICATION_ID_BYTES_MAX
            && text.bytes().all(is_plain)
            && !climbs;
        is_id.then_some(Self(text)).ok_or(ApplicationIdError)
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ApplicationId {
    type Error = ApplicationIdError;
    fn try_from(text: String) -> Result<Self, ApplicationIdError> {
        Self::parse(text)
    }
}

impl From<ApplicationId> for String {
    fn from(id: ApplicationId) -> String {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_id_is_one_segment_of_a_path_that_leads_nowhere_else() {
        let id = ApplicationId::parse("%2FgVa0demo%3D").unwrap();
        assert_eq!(id.as_str(), "%2FgVa0demo%3D");
        for text in [
            "",
            "a/b",
            "..",
            "%2e%2E",
            "a?b",
            "a#b",
            "a b",
            &"a".repeat(257),
        ] {
            assert_eq!(
                ApplicationId::parse(text),
                Err(ApplicationIdError),
                "{text}"
            );
        }
    }
}
