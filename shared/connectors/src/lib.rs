//! How Rollcall talks to providers, one module per provider.
//!
//! **Invariant:** this crate never does I/O, reads no clock and draws no randomness. It builds
//! [`http::Request`]s for somebody else to send and reads the [`http::Response`]s that came back.
//! A fetch is a small serializable state: store it after any response, restore it later, and it
//! goes on with the page after the last one whose batch was kept.
//!
//! Everything that a provider answers is hostile until it was read into a typed value: each size
//! has a limit, each list a guard against loops, and nothing that went wrong can look like "nobody
//! is there".

pub mod base_url;
pub mod classlink;
pub mod clever;
pub mod fetch;
pub mod files;
pub mod google;
pub mod grade;
pub mod oneroster;
mod request;
pub mod signin;

pub use request::RequestError;
