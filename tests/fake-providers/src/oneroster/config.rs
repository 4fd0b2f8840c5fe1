//! How a fake OneRoster server is set up.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::classlink::ClassLink;
use super::dataset::IdStyle;
use super::oauth1::SignatureMethod;
use super::quirks::Quirks;
use crate::VirtualClock;

/// The id, and the OAuth 1.0a consumer key, of the default client.
pub const CLIENT_ID: &str = "rollcall-test";
/// The secret of the default client; it holds what must be escaped in a signing key.
pub const CLIENT_SECRET: &str = "s3cr&t/only+for tests";

/// A program that may read.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// The id, and the consumer key.
    pub id: String,
    /// The secret.
    pub secret: String,
    /// The scopes it may ask for, without what comes before the last slash.
    pub scopes: BTreeSet<String>,
}

impl Client {
    /// A client that may read everything.
    pub fn new(id: &str, secret: &str) -> Self {
        let scopes = super::oauth2::SCOPES.iter();
        Self {
            id: id.to_owned(),
            secret: secret.to_owned(),
            scopes: scopes.map(|scope| (*scope).to_owned()).collect(),
        }
    }
}

/// Where the token endpoint looks for a client's id and secret.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialsIn {
    /// In the `Authorization` header.
    #[default]
    Basic,
    /// In the form.
    Body,
    /// In the query, with everything else.
    Query,
}

/// What the token endpoint makes of scopes.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopeUse {
    /// It gives those asked for, or all when none is.
    #[default]
    Optional,
    /// It gives all, whatever is asked for.
    Ignored,
    /// It refuses who asks for none.
    Required,
}

/// Who gets in, and how.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Security {
    /// Where the token endpoint looks for id and secret.
    pub credentials: CredentialsIn,
    /// What it makes of scopes.
    pub scopes: ScopeUse,
    /// How long tokens work, in seconds.
    pub expires_in_s: u32,
    /// Whether it sets a cookie.
    pub sets_cookie: bool,
    /// Whether there is a token endpoint, and tokens work.
    pub takes_oauth2: bool,
    /// The signatures taken in version 1.1; none to take no signed requests.
    pub signatures: BTreeSet<SignatureMethod>,
    /// A token that always works.
    pub static_bearer: Option<String>,
}

impl Default for Security {
    fn default() -> Self {
        Self {
            credentials: CredentialsIn::default(),
            scopes: ScopeUse::default(),
            expires_in_s: 3_600,
            sets_cookie: false,
            takes_oauth2: true,
            signatures: [SignatureMethod::HmacSha1, SignatureMethod::HmacSha256].into(),
            static_bearer: None,
        }
    }
}

/// How the fake behaves.
#[derive(Clone, Debug)]
pub struct Config {
    /// The port on 127.0.0.1; 0 for a free one.
    pub port: u16,
    /// The programs that may read.
    pub clients: Vec<Client>,
    /// Who gets in, and how, at the start.
    pub security: Security,
    /// The deviations at the start.
    pub quirks: Quirks,
    /// What ids look like.
    pub ids: IdStyle,
    /// ClassLink's Roster Server and `LaunchPad` in front of the same records, at the start.
    pub class_link: ClassLink,
    /// The clock everything runs on.
    pub clock: Arc<VirtualClock>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            port: 0,
            clients: vec![Client::new(CLIENT_ID, CLIENT_SECRET)],
            security: Security::default(),
            quirks: Quirks::default(),
            ids: IdStyle::default(),
            class_link: ClassLink::default(),
            clock: Arc::default(),
        }
    }
}

impl Config {
    /// The usual setup with some deviations.
    pub fn with_quirks(quirks: Quirks) -> Self {
        Self {
            quirks,
            ..Self::default()
        }
    }
}
