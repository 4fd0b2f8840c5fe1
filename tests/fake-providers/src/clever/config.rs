//! How a fake Clever is set up.

use std::sync::Arc;

use crate::VirtualClock;

/// The id of the application.
pub const CLIENT_ID: &str = "rollcall-test-client";
/// The secret of the application.
pub const CLIENT_SECRET: &str = "clever-secret-only-for-tests";

/// How many people in a thousand have an address that careless software trips over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct EmailRates {
    /// None at all (`null`).
    pub null: u32,
    /// An empty one.
    pub empty: u32,
    /// One without `@`.
    pub without_at: u32,
    /// That of the student before, for students.
    pub shared: u32,
}

impl EmailRates {
    /// Everybody has an address of their own.
    pub const NONE: Self = Self {
        null: 0,
        empty: 0,
        without_at: 0,
        shared: 0,
    };
}

impl Default for EmailRates {
    fn default() -> Self {
        Self {
            null: 20,
            empty: 10,
            without_at: 3,
            shared: 5,
        }
    }
}

/// How the fake behaves.
#[derive(Clone, Debug)]
pub struct Config {
    /// The port on 127.0.0.1; 0 for a free one.
    pub port: u16,
    /// The application's client id.
    pub client_id: String,
    /// The application's client secret.
    pub client_secret: String,
    /// Where a sign-in may lead, byte for byte. What starts at Clever leads to the first.
    pub redirect_uris: Vec<String>,
    /// Whose addresses are odd.
    pub emails: EmailRates,
    /// How many teachers in a thousand are staff too; a tenth as many are district administrators.
    pub several_roles_per_mille: u32,
    /// Whether guardians are shared with the application.
    pub contacts: bool,
    /// Whether the district shares its rosters from the start, not only its name.
    pub secure_sync: bool,
    /// Whether events are switched on from the start.
    pub events: bool,
    /// Requests per minute and token; Clever documents 1,200.
    pub requests_per_minute: u32,
    /// The clock everything runs on.
    pub clock: Arc<VirtualClock>,
}

impl Config {
    /// One address to which sign-ins may lead.
    pub fn with_redirect(redirect_uri: &str) -> Self {
        Self {
            redirect_uris: vec![redirect_uri.to_owned()],
            ..Self::default()
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            port: 0,
            client_id: CLIENT_ID.to_owned(),
            client_secret: CLIENT_SECRET.to_owned(),
            redirect_uris: Vec::new(),
            emails: EmailRates::default(),
            several_roles_per_mille: 50,
            contacts: true,
            secure_sync: true,
            events: true,
            requests_per_minute: 1_200,
            clock: Arc::default(),
        }
    }
}
