//! Why a read ended without being complete. Each error is a sentence that says what to do.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What was being asked for.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asking {
    /// The list of applications that districts share with us.
    Applications,
    /// The list of classes.
    Classes,
    /// The list of courses.
    Courses,
    /// The district.
    District,
    /// The list of who is in which class.
    Enrollments,
    /// The list of what changed.
    Events,
    /// One group.
    Group,
    /// The list of groups.
    Groups,
    /// The members of a group.
    Members,
    /// The tree of org units.
    OrgUnits,
    /// The list of schools.
    Schools,
    /// The list of terms and school years.
    Sessions,
    /// One user.
    User,
    /// The list of users.
    Users,
}

impl fmt::Display for Asking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Asking::Applications => "the list of applications",
            Asking::Classes => "the list of classes",
            Asking::Courses => "the list of courses",
            Asking::District => "the district",
            Asking::Enrollments => "the list of enrolments",
            Asking::Events => "the list of changes",
            Asking::Group => "a group",
            Asking::Groups => "the list of groups",
            Asking::Members => "the members of a group",
            Asking::OrgUnits => "the tree of org units",
            Asking::Schools => "the list of schools",
            Asking::Sessions => "the list of terms",
            Asking::User => "a user",
            Asking::Users => "the list of users",
        })
    }
}

/// What is wrong with an answer that says it is a success.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Malformation {
    /// The same record stands on a page twice.
    DuplicateRecord,
    /// A group that has members was listed without any.
    MembersMissing,
    /// The list is missing although more pages follow, or nothing says what the answer is.
    MissingList,
    /// It is not JSON: perhaps a page of a proxy.
    NotJson,
    /// The tree of org units has no root, or a unit's parent is not in it.
    PartialTree,
    /// It is JSON of another shape.
    Shape,
    /// It ends in the middle.
    Truncated,
}

impl fmt::Display for Malformation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Malformation::DuplicateRecord => "the same record stood on a page twice",
            Malformation::MembersMissing => "a group with members was listed without any",
            Malformation::MissingList => "the list was missing in an answer that must have it",
            Malformation::NotJson => "the answer was not JSON, perhaps a page of a proxy",
            Malformation::PartialTree => "the tree of org units was not whole",
            Malformation::Shape => "the answer did not have the documented shape",
            Malformation::Truncated => "the answer ended in the middle",
        })
    }
}

/// What went wrong at the last of several attempts.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// No connection, or it broke.
    Connection,
    /// A success that can't be one.
    Malformed(Malformation),
    /// Too many requests.
    RateLimited,
    /// The provider is in trouble.
    ServerError {
        /// The HTTP status.
        status: u16,
    },
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Connection => f.write_str("the connection failed"),
            Cause::Malformed(malformation) => malformation.fmt(f),
            Cause::RateLimited => f.write_str("the provider allows fewer requests"),
            Cause::ServerError { status } => write!(f, "the provider answered {status}"),
        }
    }
}

/// Why the provider refuses, whoever the provider is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The provider's API is switched off in the operator's project.
    ApiDisabled,
    /// The request is wrong: a fault of Rollcall or of its configuration.
    BadRequest,
    /// The district switched off API access.
    DomainApisOff,
    /// The domain is not one of the district's.
    DomainUnknown,
    /// The authorising account lacks an administrator privilege.
    MissingPrivilege,
    /// The authorisation lacks a scope.
    MissingScope,
    /// What was asked for does not exist.
    NotFound,
    /// A condition of the provider does not hold.
    Precondition,
    /// Anything else.
    Unexpected {
        /// The HTTP status.
        status: u16,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::ApiDisabled => f.write_str(
                "the provider's API is switched off in the operator's project: the operator must enable the Admin SDK API",
            ),
            Refusal::BadRequest => {
                f.write_str("the provider did not accept the request: check the connection's domain and report this")
            }
            Refusal::DomainApisOff => f.write_str(
                "the district does not allow API access: enable it in the provider's admin console",
            ),
            Refusal::DomainUnknown => {
                f.write_str("the domain is not one of the district's: correct the connection's domain")
            }
            Refusal::MissingPrivilege => f.write_str(
                "the account that authorised the connection may not read this: give it an administrator role that can, or authorise with another account",
            ),
            Refusal::MissingScope => {
                f.write_str("the authorisation does not cover this: authorise again and tick every box")
            }
            Refusal::NotFound => f.write_str("the provider says that it does not exist"),
            Refusal::Precondition => {
                f.write_str("the provider says that a condition does not hold: try again later")
            }
            Refusal::Unexpected { status } => {
                write!(f, "the provider answered {status}: try again later and report this if it stays")
            }
        }
    }
}

/// How a chain of pages turned back on itself.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loop {
    /// A page token was given a second time.
    PageToken,
    /// A record of an earlier page came again.
    Record,
}

/// Why a read failed. Nothing may be concluded about anybody from a failed read.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum FetchError {
    /// An answer was larger than allowed.
    #[error("the answer for {asking} was larger than {limit} bytes: report this")]
    AnswerTooLarge {
        /// What was asked for.
        asking: Asking,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The host may not be reached from the component: a fault of the operator's configuration.
    #[error("the provider's address may not be reached from here: the operator must allow it")]
    Blocked,
    /// The provider does not share the district with us any more, or never did.
    #[error(
        "the provider does not share the district with this application: ask the district to approve it again; nothing was changed"
    )]
    DistrictNotShared,
    /// The provider lists nobody at all.
    #[error("the provider listed nobody at all: nothing was changed, the next sync tries again")]
    NobodyListed,
    /// The provider lists nobody at all, not even the account that asks.
    #[error(
        "the provider listed nobody at all, not even the account that asked: nothing was changed"
    )]
    EmptyDirectory,
    /// A chain has more pages than any district has.
    #[error("{asking} did not end after {pages_max} pages: nothing was changed")]
    Endless {
        /// What was asked for.
        asking: Asking,
        /// The limit, in pages.
        pages_max: u32,
    },
    /// Several attempts failed.
    #[error(
        "reading {asking} failed {attempts} times, at last because {cause}: nothing was changed, the next sync tries again"
    )]
    GaveUp {
        /// What was asked for.
        asking: Asking,
        /// How many times it was tried.
        attempts: u32,
        /// What went wrong the last time.
        cause: Cause,
    },
    /// A group that a rule names does not exist any more.
    #[error("the group {address} does not exist at the provider: correct the rules that name it")]
    GroupMissing {
        /// The group's address.
        address: String,
    },
    /// A chain of pages turned back on itself.
    #[error(
        "{asking} came back to a page it had given before: nothing was changed, the next sync tries again"
    )]
    Looped {
        /// What was asked for.
        asking: Asking,
        /// How it showed.
        by: Loop,
    },
    /// The plan names no org unit: reading nothing must not look like a directory without people.
    #[error("no org unit is linked, so there is nothing to read: link at least one")]
    NothingToRead,
    /// The provider refuses.
    #[error("reading {asking} was refused: {refusal}")]
    Refused {
        /// What was asked for.
        asking: Asking,
        /// Why.
        refusal: Refusal,
    },
    /// A list ended before as many records had come as the provider says it has.
    #[error(
        "{asking} ended after {received} of {expected} records: nothing was changed, the next sync tries again"
    )]
    ShortOfTotal {
        /// What was asked for.
        asking: Asking,
        /// How many records the provider said there were.
        expected: u64,
        /// How many different ones came.
        received: u64,
    },
    /// The list could not be read within the life of its page tokens, several times over.
    #[error(
        "{asking} could not be read while the provider kept its place: run the sync again without long pauses"
    )]
    TooSlow {
        /// What was asked for.
        asking: Asking,
    },
    /// The provider accepts neither the access token nor a fresh one.
    #[error("the provider does not accept the connection's authorisation: authorise again")]
    Unauthorized,
    /// A request can't be built from the configured values.
    #[error("a request for {asking} can't be built from the configured values: report this")]
    Unbuildable {
        /// What was to be asked for.
        asking: Asking,
    },
    /// The provider's data changed while they were read, several times over.
    #[error(
        "the provider's data changed again and again while they were read: nothing was changed, the next sync tries again"
    )]
    Unsettled,
    /// A linked org unit does not exist any more.
    #[error(
        "the org unit {path} does not exist at the provider any more: link another one or remove the link"
    )]
    UnitMissing {
        /// Its path when it was linked.
        path: String,
    },
}
