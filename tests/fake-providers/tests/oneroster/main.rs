//! The fake OneRoster server and ClassLink, driven over HTTP as a client would.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail wherever it likes, its helper functions too"
)]

mod access;
mod admin;
mod classlink;
mod faults;
mod launchpad;
mod lists;
mod objects;
mod paging;
mod quirks;
mod speed;
mod support;
