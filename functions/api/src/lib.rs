//! api component.
