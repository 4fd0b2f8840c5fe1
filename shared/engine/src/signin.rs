//! Signing people in (SPEC section 8).
//!
//! A browser proves who it is by one of the [`Method`]s, is [matched](matching) to one account of
//! the tenant, and gets a [session](sessions). Applications never see a provider: they are clients
//! of our own `OpenID` provider, which answers from the session.

pub mod accounts;
pub mod districts;
pub mod entering;
pub mod flow;
pub mod identities;
pub mod keyed;
pub mod known;
pub mod limits;
pub mod matching;
pub mod passwords;
pub mod providers;
pub mod recognising;
pub mod refusals;
pub mod sessions;
pub mod settings;
pub mod standing;

#[cfg(test)]
pub(crate) mod testing;

use serde::{Deserialize, Serialize};

/// How a person proves who they are.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// `ClassLink` `LaunchPad`.
    Classlink,
    /// Clever Instant Login.
    Clever,
    /// A Google account, personal or institutional.
    Google,
    /// A password that a file gave or we made.
    Password,
}

impl Method {
    /// All of them.
    pub const ALL: [Method; 4] = [
        Method::Classlink,
        Method::Clever,
        Method::Google,
        Method::Password,
    ];

    /// The name in addresses and records.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Classlink => "classlink",
            Method::Clever => "clever",
            Method::Google => "google",
            Method::Password => "password",
        }
    }

    /// The name that people know.
    pub fn title(self) -> &'static str {
        match self {
            Method::Classlink => "ClassLink",
            Method::Clever => "Clever",
            Method::Google => "Google",
            Method::Password => "a password",
        }
    }

    /// The method of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == name)
    }
}
