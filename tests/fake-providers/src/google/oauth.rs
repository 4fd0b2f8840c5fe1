//! Google's OAuth 2.0 and OpenID Connect (PROVIDERS 1).

mod accounts;
mod authorize;
mod consent_page;
mod discovery;
mod id_token;
mod revoke;
mod scopes;
mod token;
mod tokens;
mod userinfo;

pub(crate) use crate::keys::Keyring;
pub use crate::keys::KeysUnusable;
pub(crate) use authorize::{Decision, decide, show};
pub use authorize::{ErrorPage, Outcome};
pub(crate) use discovery::{certs, discovery};
pub use id_token::IdTokenFault;
pub(crate) use revoke::revoke;
pub(crate) use token::exchange;
pub use tokens::GrantEnd;
pub(crate) use tokens::Tokens;
pub(crate) use userinfo::{token_info, user_info, user_info_v2};

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::config::{Config, Outsider};
use super::directory::Directory;
use super::reply::Reply;

/// What Google knows of an authorization address (PROVIDERS 1.2).
const AUTHORIZE_PARAMETERS: [&str; 14] = [
    "access_type",
    "client_id",
    "code_challenge",
    "code_challenge_method",
    "enable_granular_consent",
    "hd",
    "include_granted_scopes",
    "login_hint",
    "nonce",
    "prompt",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
];

/// What it knows of a token request (PROVIDERS 1.4).
const TOKEN_FIELDS: [&str; 8] = [
    "client_id",
    "client_secret",
    "code",
    "code_verifier",
    "grant_type",
    "redirect_uri",
    "refresh_token",
    "scope",
];

/// The parameters of an authorization address that Google ignores.
pub(crate) fn unknown_parameters(query: &str) -> BTreeSet<String> {
    unknown(query.as_bytes(), &AUTHORIZE_PARAMETERS)
}

/// The fields of a token request that it ignores.
pub(crate) fn unknown_fields(body: &[u8]) -> BTreeSet<String> {
    unknown(body, &TOKEN_FIELDS)
}

fn unknown(text: &[u8], known: &[&str]) -> BTreeSet<String> {
    let names = url::form_urlencoded::parse(text).map(|(name, _)| name.into_owned());
    names
        .filter(|name| !known.contains(&name.as_str()))
        .collect()
}

/// What the OAuth endpoints work on.
pub(crate) struct OAuth<'a> {
    pub(crate) config: &'a Config,
    pub(crate) directory: &'a Directory,
    pub(crate) outsiders: &'a [Outsider],
    pub(crate) tokens: &'a mut Tokens,
    pub(crate) keys: &'a Keyring,
    pub(crate) hd_claim: bool,
    pub(crate) id_token_fault: Option<&'a IdTokenFault>,
    pub(crate) now_ms: i64,
}

/// An error as the token, revocation and userinfo endpoints give it.
pub(crate) fn error(status: u16, code: &str, description: &str) -> Reply {
    Reply::json(
        status,
        &json!({ "error": code, "error_description": description }),
    )
}

/// The parameters of a form or query; none if one is there twice.
pub(crate) fn unique_parameters(text: &[u8]) -> Option<BTreeMap<String, String>> {
    let mut parameters = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(text).into_owned() {
        if parameters.insert(name, value).is_some() {
            return None;
        }
    }
    Some(parameters)
}
