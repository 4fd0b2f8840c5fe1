//! The durable steps of Rollcall, over ports that tests replace: a store, a transport to other
//! servers, a clock, randomness and variables.
//!
//! **Invariants:** nothing here names the platform; every step can be killed before or after any
//! store operation and be done again; data is written first and the pointer to it last; only
//! store operations that work on every store of the platform are used (see [`ports::Store`]).

pub mod applying;
pub mod confirming;
pub mod driving;
pub mod error;
pub mod evaluation;
pub mod fetching;
pub mod keys;
pub mod lease;
pub mod log;
pub mod memory;
pub mod planning;
pub mod ports;
pub mod record;
pub mod roster;
pub mod runs;
pub mod schedule;
pub mod settling;
pub mod slices;
pub mod staging;
pub mod tick;
pub mod verdict;
