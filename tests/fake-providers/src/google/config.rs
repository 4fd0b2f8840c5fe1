//! How a fake Google is set up.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::VirtualClock;

/// An OAuth client as registered in a cloud project.
#[derive(Clone, Debug)]
pub struct Client {
    /// The client id.
    pub id: String,
    /// The client secret.
    pub secret: String,
    /// Where consent may lead back to, byte for byte.
    pub redirect_uris: Vec<String>,
    /// The domain of the only organization that may use it ("Internal" user type).
    pub internal_to: Option<String>,
    /// In status "Testing" only these accounts may use it, and refresh tokens live seven days.
    pub test_users: Option<Vec<String>>,
    /// Whether the client was deleted.
    pub deleted: bool,
}

impl Client {
    /// A published client for everybody.
    pub fn new(id: &str, secret: &str, redirect_uri: &str) -> Self {
        Self {
            id: id.to_owned(),
            secret: secret.to_owned(),
            redirect_uris: vec![redirect_uri.to_owned()],
            internal_to: None,
            test_users: None,
            deleted: false,
        }
    }
}

/// A Google account that is not in the district.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Outsider {
    /// The account's id.
    pub sub: String,
    /// The address.
    pub email: String,
    /// Whether Google has seen that the account's holder reads that address.
    pub email_verified: bool,
    /// Given name.
    pub given: String,
    /// Family name.
    pub family: String,
    /// The primary domain of the account's own organization; none for a personal account.
    #[serde(default)]
    pub hosted_domain: Option<String>,
}

impl Outsider {
    /// A personal account whose address is verified.
    pub fn personal(sub: &str, email: &str) -> Self {
        Self {
            sub: sub.to_owned(),
            email: email.to_owned(),
            email_verified: true,
            given: "Pat".to_owned(),
            family: "Elsewhere".to_owned(),
            hosted_domain: None,
        }
    }
}

/// How the fake behaves.
#[derive(Clone, Debug)]
pub struct Config {
    /// The port on 127.0.0.1; 0 for a free one.
    pub port: u16,
    /// The clients registered.
    pub clients: Vec<Client>,
    /// What id tokens and the discovery document name as issuer. The endpoints are always the
    /// fake's own.
    pub issuer: String,
    /// Accounts from elsewhere who may try to sign in, at the start.
    pub outsiders: Vec<Outsider>,
    /// Calls of the Directory API per minute, user and client; Google's default is 2,400.
    pub quota_per_minute: u32,
    /// Calls per minute of everybody together, if limited.
    pub account_quota_per_minute: Option<u32>,
    /// Whether push channels may lead to `http://127.0.0.1`; at Google they may not.
    pub takes_http_channels: bool,
    /// The clock everything runs on.
    pub clock: Arc<VirtualClock>,
}

/// The id of the default client.
pub const CLIENT_ID: &str = "rollcall-test.apps.googleusercontent.com";
/// The secret of the default client.
pub const CLIENT_SECRET: &str = "GOCSPX-only-for-tests";

impl Config {
    /// One client ([`CLIENT_ID`], [`CLIENT_SECRET`]) with one redirect address.
    pub fn with_redirect(redirect_uri: &str) -> Self {
        Self {
            clients: vec![Client::new(CLIENT_ID, CLIENT_SECRET, redirect_uri)],
            ..Self::default()
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        let personal = Outsider::personal("117000000000000000001", "pat@home.example");
        let elsewhere = Outsider {
            given: "Robin".to_owned(),
            hosted_domain: Some("riverbend.example".to_owned()),
            ..Outsider::personal("117000000000000000002", "admin@riverbend.example")
        };
        Self {
            port: 0,
            clients: Vec::new(),
            issuer: "https://accounts.google.com".to_owned(),
            outsiders: vec![personal, elsewhere],
            quota_per_minute: 2_400,
            account_quota_per_minute: None,
            takes_http_channels: false,
            clock: Arc::default(),
        }
    }
}
