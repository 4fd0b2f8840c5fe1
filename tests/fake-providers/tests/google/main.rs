//! The fake Google, driven over HTTP as a client would.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail wherever it likes, its helper functions too"
)]
#![expect(
    clippy::type_complexity,
    clippy::duration_suboptimal_units,
    reason = "tables of cases and spans of time are read beside the rules they come from"
)]

mod admin;
mod channels;
mod consent;
mod directory;
mod faults;
mod groups;
mod sign_in;
mod support;
mod token;
