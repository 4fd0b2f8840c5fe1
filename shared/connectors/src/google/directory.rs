//! The Directory API: what to send (PROVIDERS 2.1-2.6). The modules below read what comes back.

mod groups;
mod org_units;
mod users;

pub use groups::{
    GroupEntry, GroupsPage, MembersPage, parse_group, parse_groups_page, parse_has_member,
    parse_members_page,
};
pub use org_units::parse_org_units;
pub use users::{NAME_BYTES_MAX, Person, UsersPage, parse_user, parse_users_page};

use crate::base_url::BaseUrl;
use crate::request::{RequestError, encode, encode_pairs, get};
use bytes::Bytes;
use http::Request;
use mapping::account::Email;
use serde::{Deserialize, Serialize};

/// The real host.
pub const DIRECTORY_URL: &str = "https://admin.googleapis.com";

/// Users per page; the most that Google gives.
pub const USERS_PAGE_SIZE: u32 = 500;

/// Groups or members per page; the most that Google gives.
pub const GROUPS_PAGE_SIZE: u32 = 200;

/// Largest answer for a page of users, groups or members, in bytes. A page with the fields asked
/// for has some 150 kB.
pub const PAGE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Largest answer for the tree of org units, in bytes: some 50,000 units.
pub const ORG_UNITS_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Largest answer for a single user or group, in bytes.
pub const SINGLE_BYTES_MAX: usize = 1024 * 1024;

/// Without `nextPageToken` in the mask a list silently ends after its first page (PROVIDERS G2).
/// `kind` tells an empty list from an answer that is no list at all.
const USERS_FIELDS: &str = "kind,nextPageToken,users(id,primaryEmail,name/givenName,name/familyName,orgUnitPath,suspended,archived)";
const USER_FIELDS: &str =
    "id,primaryEmail,name/givenName,name/familyName,orgUnitPath,suspended,archived";
const ORG_UNITS_FIELDS: &str = "kind,organizationUnits(orgUnitId,orgUnitPath,parentOrgUnitPath)";
const GROUPS_FIELDS: &str = "kind,nextPageToken,groups(id,email,name,directMembersCount)";
const GROUP_FIELDS: &str = "id,email,name,directMembersCount";
const MEMBERS_FIELDS: &str = "kind,nextPageToken,members(id,type)";

/// Whose people are listed.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Population {
    /// Everybody of the Google customer, whichever of its domains they are in. The right choice
    /// unless the district wants one domain only (PROVIDERS G3).
    Customer,
    /// The people of one domain.
    Domain(String),
}

/// Builds requests for one customer or domain.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Directory {
    base_url: BaseUrl,
    population: Population,
}

impl Directory {
    /// Requests to this host about these people.
    pub fn new(base_url: BaseUrl, population: Population) -> Self {
        Self {
            base_url,
            population,
        }
    }

    /// `GET admin/directory/v1/users`: a page of people; of a unit **and everything below it** if
    /// one is named.
    pub fn users(
        &self,
        unit_path: Option<&str>,
        page_size: u32,
        page_token: Option<&str>,
        access_token: &str,
    ) -> Result<Request<Bytes>, RequestError> {
        let size = page_size.to_string();
        let query = unit_path.map(org_unit_query);
        let mut pairs = vec![
            self.population(),
            ("maxResults", &size),
            ("fields", USERS_FIELDS),
        ];
        pairs.extend(query.as_deref().map(|query| ("query", query)));
        pairs.extend(page_token.map(|token| ("pageToken", token)));
        self.get("users", &pairs, access_token)
    }

    /// `GET admin/directory/v1/users/{userKey}`: one person by immutable id or address.
    pub fn user(&self, key: &str, access_token: &str) -> Result<Request<Bytes>, RequestError> {
        let path = format!("users/{}", encode(key));
        self.get(&path, &[("fields", USER_FIELDS)], access_token)
    }

    /// `GET admin/directory/v1/customer/my_customer/orgunits`: the whole tree with its root.
    pub fn org_units(&self, access_token: &str) -> Result<Request<Bytes>, RequestError> {
        let pairs = [("type", "allIncludingParent"), ("fields", ORG_UNITS_FIELDS)];
        self.get("customer/my_customer/orgunits", &pairs, access_token)
    }

    /// `GET admin/directory/v1/groups`: a page of groups.
    pub fn groups(
        &self,
        page_size: u32,
        page_token: Option<&str>,
        access_token: &str,
    ) -> Result<Request<Bytes>, RequestError> {
        let size = page_size.to_string();
        let mut pairs = vec![
            self.population(),
            ("maxResults", &size),
            ("fields", GROUPS_FIELDS),
        ];
        pairs.extend(page_token.map(|token| ("pageToken", token)));
        self.get("groups", &pairs, access_token)
    }

    /// `GET admin/directory/v1/groups?userKey=…`: a page of the groups that a person belongs to
    /// directly; groups that those are nested in are not shown.
    pub fn groups_of(
        &self,
        user_key: &str,
        access_token: &str,
    ) -> Result<Request<Bytes>, RequestError> {
        let size = GROUPS_PAGE_SIZE.to_string();
        let pairs = [
            ("userKey", user_key),
            ("maxResults", &size),
            ("fields", GROUPS_FIELDS),
        ];
        self.get("groups", &pairs, access_token)
    }

    /// `GET admin/directory/v1/groups/{groupKey}`: one group by id or address.
    pub fn group(&self, key: &str, access_token: &str) -> Result<Request<Bytes>, RequestError> {
        let path = format!("groups/{}", encode(key));
        self.get(&path, &[("fields", GROUP_FIELDS)], access_token)
    }

    /// `GET admin/directory/v1/groups/{groupKey}/members`: a page of members, those of nested
    /// groups among them.
    pub fn members(
        &self,
        key: &str,
        page_token: Option<&str>,
        access_token: &str,
    ) -> Result<Request<Bytes>, RequestError> {
        let path = format!("groups/{}/members", encode(key));
        let size = GROUPS_PAGE_SIZE.to_string();
        let mut pairs = vec![
            ("maxResults", size.as_str()),
            ("includeDerivedMembership", "true"),
            ("fields", MEMBERS_FIELDS),
        ];
        pairs.extend(page_token.map(|token| ("pageToken", token)));
        self.get(&path, &pairs, access_token)
    }

    /// `GET admin/directory/v1/groups/{groupKey}/hasMember/{memberKey}`: whether somebody belongs
    /// to a group, nested membership counted.
    pub fn has_member(
        &self,
        group_key: &str,
        member_key: &str,
        access_token: &str,
    ) -> Result<Request<Bytes>, RequestError> {
        let path = format!(
            "groups/{}/hasMember/{}",
            encode(group_key),
            encode(member_key)
        );
        self.get(&path, &[("fields", "isMember")], access_token)
    }

    /// Whether somebody with this address is one of the people of this directory. Google shows an
    /// administrator nobody of another customer.
    pub fn covers(&self, email: Option<&Email>) -> bool {
        match &self.population {
            Population::Customer => true,
            Population::Domain(domain) => email
                .and_then(|email| email.as_str().rsplit_once('@'))
                .is_some_and(|(_, own)| own.eq_ignore_ascii_case(domain)),
        }
    }

    /// Where these requests go.
    pub(crate) fn base_url(&self) -> &BaseUrl {
        &self.base_url
    }

    pub(crate) fn population(&self) -> (&str, &str) {
        match &self.population {
            Population::Customer => ("customer", "my_customer"),
            Population::Domain(domain) => ("domain", domain),
        }
    }

    fn get(
        &self,
        path: &str,
        pairs: &[(&str, &str)],
        access_token: &str,
    ) -> Result<Request<Bytes>, RequestError> {
        let base = self.base_url.as_str();
        let query = encode_pairs(pairs);
        get(
            &format!("{base}/admin/directory/v1/{path}?{query}"),
            access_token,
        )
    }
}

/// `orgUnitPath='…'`, an apostrophe escaped (PROVIDERS 2.2).
fn org_unit_query(path: &str) -> String {
    format!("orgUnitPath='{}'", path.replace('\'', "\\'"))
}
