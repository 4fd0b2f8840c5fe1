//! The pure core of Rollcall: who is on the roster, which rules put them there, and what a run
//! would change.
//!
//! **Invariant:** this crate never does I/O, reads no clock, draws no randomness and spawns
//! nothing. Times, ids and seeds are parameters; collections whose order can show are ordered.
//! It knows no provider's name except as data.
//!
//! A run goes through it in this order: [`rules`] are compiled for [`evaluate`], which turns each
//! [`source`] record into a desired account; [`plan`] compares that with what the connection said
//! last time and with the [`account`] as it is ([`matching`] finds it for people not seen before)
//! and says what would change; [`summary`] counts the changes and [`guard`] says whether so many
//! may happen unseen. What is wrong with single records becomes an [`issue`].

pub mod account;
pub mod ant_path;
pub mod evaluate;
pub mod guard;
pub mod ids;
pub mod issue;
pub mod matching;
pub mod plan;
pub mod rules;
pub mod schooling;
pub mod source;
pub mod summary;
