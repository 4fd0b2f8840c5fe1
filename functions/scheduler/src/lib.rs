//! scheduler component.
