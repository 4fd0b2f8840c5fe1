//! The OneRoster connector against a small service in memory, friendly and hostile.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, in the functions that tests share too"
)]

mod district;
mod driver;
mod hazards;
mod people;
mod quirks;
mod restarting;
mod resuming;
mod retrying;
mod server;
