//! The Google connector against a small Directory API in memory, friendly and hostile.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, in the functions that tests share too"
)]

mod channels;
mod connection_test;
mod district;
mod driver;
#[path = "../every/driving.rs"]
mod driving;
mod errors;
mod hostile;
mod id_tokens;
mod look;
mod lookup;
mod oauth;
mod reading;
mod resuming;
mod retrying;
mod sign_in;
mod tokens;

use district::TOKEN;
