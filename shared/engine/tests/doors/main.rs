//! The doors as a client meets them: requests in, answers out, and what stands in the store.

mod access;
mod bodies;
mod consent;
mod district;
mod google;
mod rules;
mod tokens;
mod webhook;
