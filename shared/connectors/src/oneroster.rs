//! OneRoster 1.1 and 1.2, directly or through ClassLink's proxy (PROVIDERS parts 5.2, 5.3 and 6).
//!
//! Servers differ more than they agree: in how requests are made ([`Access`], [`token`],
//! [`oauth1`]), in how lists end ([`fetch`]) and in how values are written. Addresses come from
//! districts, so none is used before [`address`] has looked at it.

mod access;
pub mod address;
mod caller;
pub mod changes;
pub mod classlink;
pub mod connection_test;
mod errors;
mod exchange;
pub mod fetch;
mod listing;
pub mod lookup;
pub mod oauth1;
mod page;
mod people;
mod schooling;
mod service;
pub mod token;
mod values;

pub use access::{Access, SignatureMethod};
pub use service::{Collection, ServiceBase, Version};
