//! The Google connector against a small Directory API in memory, friendly and hostile.
#![allow(missing_docs, reason = "tests")]

mod connection_test;
mod district;
mod driver;
mod errors;
mod hostile;
mod id_tokens;
mod lookup;
mod oauth;
mod reading;
mod resuming;
mod retrying;
mod tokens;
