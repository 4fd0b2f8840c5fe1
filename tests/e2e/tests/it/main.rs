//! End to end: every request over HTTP, through the real components.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "in a test, support which fails fails the test"
)]

mod attention;
mod bad_input;
mod by_hand;
mod clever;
mod consent;
mod crashes;
mod elsewhere;
mod elsewhere_faults;
mod explaining;
mod faults;
mod limits;
mod matrix;
mod oneroster;
mod people;
mod pushes;
mod signin;
mod together;
mod uploads;
mod webhook;
mod whole_path;
