//! The Directory API (PROVIDERS 2): which call a request is, and who may make it.

mod access;
mod call;
mod customers;
mod groups;
mod known;
mod members;
mod org_units;
mod render;
mod users;

pub(crate) use access::Caller;
pub(crate) use call::{Call, Context};
pub(crate) use users::{Listings, request_of, scope_of};
