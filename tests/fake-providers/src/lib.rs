//! Realistic fake roster providers and the seeded district that fills them.
//!
//! A fake proves something only when it refuses what the provider refuses: unknown redirect
//! addresses, missing scopes, reused codes, values out of range. What a provider ignores without
//! a word (an unknown query parameter, say) the fake ignores too, and notes in its [`journal`]
//! so that a test can insist on none.
//!
//! - [`district`]: people, schools and grades, the same whatever provider shows them.
//! - [`google`]: Google's sign-in and Directory API for such a district.
//! - [`clever`]: Clever's sign-in, lists and events for such a district.
//! - [`oneroster`]: a OneRoster server, and ClassLink, for such a district.
//! - [`alerts`]: a receiver of the operator's alerts.
//! - [`clock`], [`faults`], [`journal`]: a movable clock, failures on demand and a record of every
//!   request, for every provider alike.

pub mod alerts;
pub mod clever;
pub mod clock;
pub mod district;
pub mod faults;
pub mod google;
mod hmac;
pub mod journal;
mod keys;
mod lock;
pub mod oneroster;
mod reply;
mod server;

pub use clock::VirtualClock;
