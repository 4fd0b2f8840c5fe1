//! The Data API and the Events API: what to send (PROVIDERS 4.4 and 4.5).

use super::objects::UserRole;
use crate::base_url::BaseUrl;
use crate::request::{RequestError, encode, encode_pairs, get};
use bytes::Bytes;
use http::Request;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The real host of the Data API and the Events API.
pub const API_URL: &str = "https://api.clever.com";

/// Records per page. Clever gives up to 10,000, but a page of so many is some 16 MB, and several
/// chains are read at once by a component that has 64 MiB.
pub const PAGE_SIZE: u32 = 2_000;

/// Fewest records per page that are asked for after larger pages were too large.
pub const PAGE_SIZE_MIN: u32 = 100;

/// Events per page. Each carries a whole object, and often another part of one.
pub const EVENTS_PAGE_SIZE: u32 = 1_000;

/// Largest answer for a page, in bytes. A page of students has some 3 MB.
pub const PAGE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Largest answer for a single object, in bytes.
pub const SINGLE_BYTES_MAX: usize = 1024 * 1024;

/// The place after the newest record of a list.
const LAST: &str = "last";

/// What events are asked for.
const EVENT_RECORDS: [&str; 3] = ["users", "schools", "sections"];

/// A version of the API. Later ones only add fields.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub enum Version {
    /// 3.0.
    #[serde(rename = "3.0")]
    V3_0,
    /// 3.1.
    #[serde(rename = "3.1")]
    V3_1,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Version::V3_0 => "v3.0",
            Version::V3_1 => "v3.1",
        })
    }
}

/// A list of records.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum List {
    /// What is taught.
    Courses,
    /// Schools.
    Schools,
    /// Classes, as Clever calls them.
    Sections,
    /// Parts of school years.
    Terms,
    /// People with a role. One with several roles is on several lists, whole on each (C1).
    Users(UserRole),
}

impl List {
    /// The list's name in addresses.
    pub fn name(self) -> &'static str {
        match self {
            List::Courses => "courses",
            List::Schools => "schools",
            List::Sections => "sections",
            List::Terms => "terms",
            List::Users(_) => "users",
        }
    }
}

/// Builds requests. Every address is put together here; links of answers are never followed.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Api {
    /// Where Clever answers; [`API_URL`] is the real host.
    pub base_url: BaseUrl,
    /// The version to ask for.
    pub version: Version,
}

impl Api {
    /// The real host.
    pub fn real(version: Version) -> Self {
        let base_url = BaseUrl::known(API_URL);
        Self { base_url, version }
    }

    /// `GET /districts`: the one district that the token is for.
    pub fn districts(&self, access_token: &str) -> Result<Request<Bytes>, RequestError> {
        self.get("districts", &[], access_token)
    }

    /// `GET /users`, `/schools` and so on: a page of records after the one with this id.
    pub fn list(
        &self,
        list: List,
        limit: u32,
        after: Option<&str>,
        access_token: &str,
    ) -> Result<Request<Bytes>, RequestError> {
        let limit = limit.to_string();
        let mut pairs = vec![("limit", limit.as_str())];
        if let List::Users(role) = list {
            pairs.push(("role", role.name()));
        }
        match (after, list) {
            (Some(after), _) => pairs.push(("starting_after", after)),
            // Whether a total counts only those of the role, nobody documents: it would be no use.
            (None, List::Users(_)) => {}
            // The total is of the whole list: once is enough.
            (None, _) => pairs.push(("count", "true")),
        }
        self.get(list.name(), &pairs, access_token)
    }

    /// `GET /me`: whose token it is.
    pub fn me(&self, access_token: &str) -> Result<Request<Bytes>, RequestError> {
        self.get("me", &[], access_token)
    }

    /// `GET /users/{id}`.
    pub fn user(&self, id: &str, access_token: &str) -> Result<Request<Bytes>, RequestError> {
        self.get(&format!("users/{}", encode(id)), &[], access_token)
    }

    /// `GET /events` with the newest event only.
    pub fn newest_event(&self, access_token: &str) -> Result<Request<Bytes>, RequestError> {
        let pairs = [("limit", "1"), ("ending_before", LAST)];
        self.get("events", &pairs, access_token)
    }

    /// `GET /events/{id}`.
    pub fn event(&self, id: &str, access_token: &str) -> Result<Request<Bytes>, RequestError> {
        self.get(&format!("events/{}", encode(id)), &[], access_token)
    }

    /// `GET /events`: a page of events about people, schools and classes, the oldest first, from
    /// the first one or after the one with this id.
    pub fn events(
        &self,
        after: Option<&str>,
        limit: u32,
        access_token: &str,
    ) -> Result<Request<Bytes>, RequestError> {
        let limit = limit.to_string();
        let mut pairs = vec![("limit", limit.as_str())];
        pairs.extend(after.map(|after| ("starting_after", after)));
        pairs.extend(EVENT_RECORDS.map(|record| ("record_type", record)));
        self.get("events", &pairs, access_token)
    }

    fn get(
        &self,
        path: &str,
        pairs: &[(&str, &str)],
        access_token: &str,
    ) -> Result<Request<Bytes>, RequestError> {
        let Self { base_url, version } = self;
        let between = if pairs.is_empty() { "" } else { "?" };
        let query = encode_pairs(pairs);
        get(
            &format!("{base_url}/{version}/{path}{between}{query}"),
            access_token,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_real_host_is_a_base_address() {
        assert_eq!(
            BaseUrl::parse(API_URL),
            Ok(Api::real(Version::V3_1).base_url)
        );
    }

    #[test]
    fn an_id_is_encoded_once_and_stays_one_segment() {
        let request = Api::real(Version::V3_0).user("../a?b", "t").unwrap();
        assert_eq!(request.uri().path(), "/v3.0/users/..%2Fa%3Fb");
        assert_eq!(request.uri().query(), None);
    }
}
