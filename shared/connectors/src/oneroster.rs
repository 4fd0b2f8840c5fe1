//! OneRoster 1.1 and 1.2, directly or through ClassLink's proxy (PROVIDERS parts 5.2, 5.3 and 6).
//!
//! Servers differ more than they agree: in how requests are made ([`Access`], [`token`],
//! [`oauth1`]), in how lists end ([`fetch`]) and in how values are written. Addresses come from
//! districts, so none is used before [`address`] has looked at it.

mod access;
//AD
mod caller;
//CH
//CL
//CT
mod errors;
mod exchange;
pub mod fetch;
mod listing;
//LO
pub mod oauth1;
mod page;
mod people;
mod schooling;
mod service;
//TO
mod values;

pub use access::{Access, SignatureMethod};
pub use service::{Collection, ServiceBase, Version};
