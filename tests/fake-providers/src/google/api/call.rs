//! From a path to a call.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;

use super::access::{Caller, Rights};
use super::{customers, groups, members, org_units, users};
use crate::google::channels::{self, Channels};
use crate::google::directory::{Directory, Privilege};
use crate::google::fields::{Known, Mask};
use crate::google::page::PageTokens;
use crate::google::reply::{ApiError, Reply};

/// Parameters that every call of Google's knows.
const GLOBAL_PARAMETERS: [&str; 11] = [
    "$.xgafv",
    "access_token",
    "alt",
    "callback",
    "fields",
    "key",
    "oauth_token",
    "prettyPrint",
    "quotaUser",
    "uploadType",
    "upload_protocol",
];

/// A call of the Directory API, with the keys from its path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Call {
    Customer(String),
    Domains(String),
    Group(String),
    Groups,
    HasMember(String, String),
    Member(String, String),
    Members(String),
    OrgUnit(String, String),
    OrgUnits(String),
    StopChannel,
    User(String),
    Users,
    WatchUsers,
}

/// What a call needs besides its request.
pub(crate) struct Context<'a> {
    pub(crate) directory: &'a Directory,
    pub(crate) caller: &'a Caller,
    pub(crate) path: &'a str,
    pub(crate) parameters: &'a BTreeMap<String, String>,
    pub(crate) tokens: &'a PageTokens,
    pub(crate) listings: &'a users::Listings,
    /// The most records of a page, whatever was asked for.
    pub(crate) page_limit: Option<usize>,
    pub(crate) channels: &'a Channels,
    pub(crate) takes_http_channels: bool,
    pub(crate) body: &'a [u8],
    pub(crate) now_ms: i64,
}

impl Context<'_> {
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// What page tokens of this request are bound to.
    pub(crate) fn request(&self) -> u64 {
        users::request_of(self.path, &self.caller.email, self.parameters)
    }

    /// The mask of the answer.
    pub(crate) fn mask(&self, known: &Known) -> Result<Mask, ApiError> {
        match self.parameter("fields") {
            None => Ok(Mask::All),
            Some(text) => Mask::parse(text, known)
                .map_err(|error| ApiError::invalid_parameter("fields", error.to_string())),
        }
    }

    /// A number within limits.
    pub(crate) fn page_size(&self, default: usize, max: usize) -> Result<usize, ApiError> {
        let limit = self.page_limit.unwrap_or(max);
        let Some(text) = self.parameter("maxResults") else {
            return Ok(default.min(limit));
        };
        let size = text.parse().ok().filter(|size| (1..=max).contains(size));
        size.map(|size| size.min(limit)).ok_or_else(|| {
            let message =
                format!("Invalid value '{text}'. Values must be within the range: [1, {max}]");
            ApiError::invalid_parameter("maxResults", message)
        })
    }

    /// One of the words a parameter may have; the first when it is absent.
    pub(crate) fn choice(
        &self,
        name: &str,
        words: &[&'static str],
    ) -> Result<&'static str, ApiError> {
        let given = self.parameter(name);
        let chosen = match given {
            None => words.first(),
            Some(text) => words.iter().find(|word| word.eq_ignore_ascii_case(text)),
        };
        chosen.copied().ok_or_else(|| {
            let given = given.unwrap_or_default();
            let message = format!(
                "Invalid string value: '{given}'. Allowed values: [{}]",
                words.join(", ")
            );
            ApiError::invalid_parameter(name, message)
        })
    }

    /// True or false; false when absent.
    pub(crate) fn boolean(&self, name: &str) -> Result<bool, ApiError> {
        Ok(self.choice(name, &["false", "true"])? == "true")
    }
}

impl Call {
    /// The call of a path below `/admin/directory/v1/`, whose segments are still encoded.
    pub(crate) fn of(method: &Method, path: &str) -> Option<Self> {
        if method == Method::POST {
            return match path {
                "/admin/directory/v1/users/watch" => Some(Self::WatchUsers),
                "/admin/directory_v1/channels/stop" => Some(Self::StopChannel),
                _ => None,
            };
        }
        let rest = path.strip_prefix("/admin/directory/v1/")?;
        let segments: Option<Vec<String>> = rest.split('/').map(decode).collect();
        let segments = segments?;
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        if method != Method::GET {
            return None;
        }
        match segments.as_slice() {
            ["users"] => Some(Self::Users),
            ["users", key] => Some(Self::User((*key).to_owned())),
            ["customer", customer, "orgunits"] => Some(Self::OrgUnits((*customer).to_owned())),
            ["customer", customer, "orgunits", path @ ..] => {
                Some(Self::OrgUnit((*customer).to_owned(), path.join("/")))
            }
            ["customer", customer, "domains"] => Some(Self::Domains((*customer).to_owned())),
            ["customers", customer] => Some(Self::Customer((*customer).to_owned())),
            ["groups"] => Some(Self::Groups),
            ["groups", key] => Some(Self::Group((*key).to_owned())),
            ["groups", key, "members"] => Some(Self::Members((*key).to_owned())),
            ["groups", key, "members", member] => {
                Some(Self::Member((*key).to_owned(), (*member).to_owned()))
            }
            ["groups", key, "hasMember", member] => {
                Some(Self::HasMember((*key).to_owned(), (*member).to_owned()))
            }
            _ => None,
        }
    }

    /// What the caller needs. Names of scopes are without their common prefix.
    pub(crate) fn rights(&self) -> Rights {
        let (method, scopes, privilege): (&str, &'static [&'static str], _) = match self {
            Self::Users => (
                "DirectoryUsers.List",
                &["user", "user.readonly"],
                Some(Privilege::UsersRead),
            ),
            Self::User(_) => (
                "DirectoryUsers.Get",
                &["user", "user.readonly"],
                Some(Privilege::UsersRead),
            ),
            Self::WatchUsers => (
                "DirectoryUsers.Watch",
                &["user", "user.readonly"],
                Some(Privilege::UsersRead),
            ),
            Self::StopChannel => (
                "AdminChannels.Stop",
                &["user", "user.alias", "user.alias.readonly", "user.readonly"],
                None,
            ),
            Self::OrgUnits(_) => (
                "DirectoryOrgunits.List",
                &["orgunit", "orgunit.readonly"],
                Some(Privilege::OrgUnitsRead),
            ),
            Self::OrgUnit(..) => (
                "DirectoryOrgunits.Get",
                &["orgunit", "orgunit.readonly"],
                Some(Privilege::OrgUnitsRead),
            ),
            Self::Groups => (
                "DirectoryGroups.List",
                &["group", "group.readonly"],
                Some(Privilege::GroupsRead),
            ),
            Self::Group(_) => (
                "DirectoryGroups.Get",
                &["group", "group.readonly"],
                Some(Privilege::GroupsRead),
            ),
            Self::Members(_) | Self::Member(..) | Self::HasMember(..) => (
                "DirectoryMembers.List",
                &[
                    "group",
                    "group.member",
                    "group.member.readonly",
                    "group.readonly",
                ],
                Some(Privilege::GroupsRead),
            ),
            Self::Domains(_) => (
                "DirectoryDomains.List",
                &["domain", "domain.readonly"],
                Some(Privilege::Domains),
            ),
            // Any administrator may read the customer.
            Self::Customer(_) => (
                "DirectoryCustomers.Get",
                &["customer", "customer.readonly"],
                None,
            ),
        };
        Rights {
            method,
            scopes,
            privilege,
        }
    }

    fn parameters(&self) -> &'static [&'static str] {
        match self {
            Self::Users | Self::WatchUsers => &[
                "customFieldMask",
                "customer",
                "domain",
                "event",
                "maxResults",
                "orderBy",
                "pageToken",
                "projection",
                "query",
                "showDeleted",
                "sortOrder",
                "viewType",
            ],
            Self::User(_) => &["customFieldMask", "projection", "viewType"],
            Self::OrgUnits(_) => &["orgUnitPath", "type"],
            Self::Groups => &[
                "customer",
                "domain",
                "maxResults",
                "orderBy",
                "pageToken",
                "query",
                "sortOrder",
                "userKey",
            ],
            Self::Members(_) => &[
                "includeDerivedMembership",
                "maxResults",
                "pageToken",
                "roles",
            ],
            Self::Customer(_)
            | Self::Domains(_)
            | Self::Group(_)
            | Self::HasMember(..)
            | Self::Member(..)
            | Self::OrgUnit(..)
            | Self::StopChannel => &[],
        }
    }

    /// The parameters that Google would ignore.
    pub(crate) fn unknown_parameters(
        &self,
        parameters: &BTreeMap<String, String>,
    ) -> BTreeSet<String> {
        let own = self.parameters();
        let is_known = |name: &&String| {
            own.contains(&name.as_str()) || GLOBAL_PARAMETERS.contains(&name.as_str())
        };
        parameters
            .keys()
            .filter(|name| !is_known(name))
            .cloned()
            .collect()
    }

    /// Answers the call; the caller's scopes and role were checked.
    pub(crate) fn answer(&self, context: &Context<'_>) -> Result<Reply, ApiError> {
        if let Some(alt) = context.parameter("alt").filter(|alt| *alt != "json") {
            let message = format!("Invalid string value: '{alt}'. Allowed values: [json]");
            return Err(ApiError::invalid_parameter("alt", message));
        }
        match self {
            Self::Customer(customer) => customers::get(context, customer),
            Self::Domains(customer) => customers::domains(context, customer),
            Self::Group(key) => groups::get(context, key),
            Self::Groups => groups::list(context),
            Self::HasMember(group, member) => members::has_member(context, group, member),
            Self::Member(group, member) => members::get(context, group, member),
            Self::Members(group) => members::list(context, group),
            Self::OrgUnit(customer, path) => org_units::get(context, customer, path),
            Self::OrgUnits(customer) => org_units::list(context, customer),
            Self::StopChannel => channels::stop(context.channels, context, context.body),
            Self::User(key) => users::get(context, key),
            Self::Users => users::list(context),
            Self::WatchUsers => {
                let takes_http = context.takes_http_channels;
                channels::watch(context.channels, context, context.body, takes_http)
            }
        }
    }
}

fn decode(segment: &str) -> Option<String> {
    let decoded = percent_encoding::percent_decode_str(segment)
        .decode_utf8()
        .ok()?;
    (!decoded.is_empty()).then(|| decoded.into_owned())
}
