//! What each component answers: from a request to one call of the engine and back.
//!
//! A door decodes, calls and encodes; it decides nothing about data. Components are frames around
//! these functions, so that everything they do is tested without the platform.

pub mod nudge;
pub mod rules;
pub mod sync;
