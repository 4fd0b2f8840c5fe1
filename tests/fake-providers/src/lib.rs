//! fake-providers
