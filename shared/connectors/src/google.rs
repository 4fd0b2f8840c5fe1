//! Google Workspace: authorisation and the Directory API (PROVIDERS parts 1 and 2).

pub mod channels;
pub mod connection_test;
pub mod directory;
pub mod errors;
pub mod fetch;
pub mod id_token;
pub mod look;
pub mod lookup;
pub mod oauth;
