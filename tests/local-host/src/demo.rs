//! The demonstration: fake providers and a district to look at. It is not part of this build yet.

/// Whether plain `cargo run` can show a demonstration.
pub(crate) const IS_AVAILABLE: bool = false;
