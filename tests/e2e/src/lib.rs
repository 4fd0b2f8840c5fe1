//! The whole application under test: the real components in the local host, on one side an
//! administrator who knows nothing but HTTP, on the other a fake Google.
//!
//! A [`World`] is cheap: the components are built once per process and compiled once per machine,
//! so every test has a host, a store and a Google of its own.

mod browser;
mod schools;
mod world;

pub use browser::Browser;
pub use schools::{DOMAIN, Expected, expected_accounts, map_schools};
pub use world::{ADMIN_TENANT, Setup, World, artifacts, strings};
