//! fetch-google component.
