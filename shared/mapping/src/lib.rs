//! The pure core of Rollcall: who is on the roster, which rules put them there, and what a run
//! would change.
//!
//! **Invariant:** this crate never does I/O, reads no clock, draws no randomness and spawns
//! nothing. Times, ids and seeds are parameters; collections whose order can show are ordered.
//! It knows no provider's name except as data.

pub mod account;
pub mod ids;
pub mod source;
