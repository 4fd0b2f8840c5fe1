//! Reading files that people send, as they are and as they should not be.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, in the functions that tests share too"
)]

mod bad_rows;
mod csv;
mod kind;
mod merge;
mod packages;
mod reading;
mod roster;
mod template;
mod uploads;
mod workbooks;
mod zips;
