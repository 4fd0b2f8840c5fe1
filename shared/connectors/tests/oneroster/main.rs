//! The OneRoster connector against a small service in memory, friendly and hostile.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, in the functions that tests share too"
)]

mod address;
mod changes;
mod classlink;
mod connection_test;
mod district;
mod driver;
#[path = "../every/driving.rs"]
mod driving;
mod hazards;
mod lookup;
mod people;
mod quirks;
mod restarting;
mod resuming;
mod retrying;
mod server;
mod tokens;

use server::TOKEN;
