//! webhook component.
