//! What a read is to cover, and how.

use crate::oneroster::ServiceBase;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Rows that ClassLink is asked for at once: it gives as many, in some five megabytes of people
/// (PROVIDERS 5.3).
pub const CLASSLINK_PAGE_LIMIT: u32 = 10_000;

/// Rows that any other server is asked for at once: what one of the largest consumers asks for, so
/// that servers are used to it (PROVIDERS 6.8).
pub const PAGE_LIMIT: u32 = 5_000;

/// Largest answer for a page, in bytes; a larger one is asked for in halves. Ten thousand people
/// have some nine megabytes.
pub const PAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Requests under way at once unless there is a reason: a page is large and a district's server
/// often small.
pub const WINDOW_DEFAULT: u32 = 4;

/// What a read is to cover, and how.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct FetchPlan {
    /// Where the service answers.
    pub base: ServiceBase,
    /// Whether parents and guardians are wanted.
    pub guardians: bool,
    /// Whether terms, courses, classes and enrolments are wanted.
    pub classes: bool,
    /// Domains whose addresses the district vouches for, in lower case.
    pub verified_domains: BTreeSet<String>,
    /// The day by which roles are in force, where the district is.
    pub today: Date,
    /// Rows asked for at once: [`CLASSLINK_PAGE_LIMIT`] or [`PAGE_LIMIT`].
    pub page_limit: u32,
    /// Requests under way at once, from 1 to [`crate::fetch::WINDOW_MAX`]; [`WINDOW_DEFAULT`]
    /// unless there is a reason.
    pub window: u32,
    /// Decides nonces and the random part of waiting times.
    pub seed: u64,
}
