//! sync component.
