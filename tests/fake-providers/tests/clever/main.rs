//! The fake Clever, driven over HTTP as a client would.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail wherever it likes, its helper functions too"
)]

mod admin;
mod changes;
mod district_tokens;
mod events;
mod faults;
mod limits;
mod lists;
mod records;
mod sign_in;
mod sub_lists;
mod support;
