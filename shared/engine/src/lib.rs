//! The durable steps of Rollcall, over ports that tests replace: a store, a transport to other
//! servers, a clock, randomness and variables.
//!
//! **Invariants:** nothing here names the platform; every step can be killed before or after any
//! store operation and be done again; data is written first and the pointer to it last; only
//! store operations that work on every store of the platform are used (see [`ports::Store`]).

pub mod access;
pub mod applying;
pub mod attention;
pub mod audit;
pub mod authorize;
pub mod by_hand;
pub mod changing;
pub mod confirming;
pub mod connections;
pub mod cookies;
pub mod doors;
pub mod driving;
pub mod ephemeral;
pub mod error;
pub mod evaluation;
pub mod explaining;
pub mod fenced;
pub mod fetching;
pub mod guarding;
pub mod hints;
pub mod history;
pub mod holding;
pub mod keys;
pub mod large;
pub mod lease;
pub mod log;
pub mod looking;
pub mod memory;
pub mod metrics;
pub mod oidc;
pub mod organizations;
pub mod passwords;
pub mod places;
pub mod planning;
pub mod ports;
pub mod problem;
pub mod record;
pub mod resolutions;
pub mod roster;
pub mod rules;
pub mod runs;
pub mod schedule;
pub mod scheduling;
pub mod schooling;
pub mod seal;
pub mod secrets;
pub mod series;
pub mod settings;
pub mod settling;
pub mod signin;
pub mod slices;
pub mod staging;
pub mod tenants;
pub mod tick;
pub mod uploads;
pub mod verdict;
pub mod versioned;
pub mod watching;
pub mod webhooks;

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod world;
