//! rules component.
