//! Clever: signing in, district tokens, the Data API and the Events API (PROVIDERS part 4).

pub mod api;
pub mod changes;
pub mod connection_test;
pub mod cursor;
pub mod errors;
mod exchange;
pub mod fetch;
pub mod lookup;
mod objects;
pub mod signin;
pub mod tokens;
mod wire;

pub use api::{Api, Version};
pub use changes::{ChangedPage, Changes, ChangesEnd, Gap};
pub use connection_test::ConnectionTest;
pub use cursor::EventCursor;
pub use fetch::{Fetch, FetchPlan};
pub use lookup::Lookup;
pub use objects::UserRole;
