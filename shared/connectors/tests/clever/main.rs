//! The Clever connector against a small district in memory, friendly and hostile.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, in the functions that tests share too"
)]

mod changes;
mod connection_test;
mod district;
mod driver;
#[path = "../every/driving.rs"]
mod driving;
mod hazards;
mod hostile;
mod lookup;
mod paging;
mod pausing;
mod people;
mod reading;
mod resuming;
mod retrying;
mod tokens;

use district::TOKEN;
