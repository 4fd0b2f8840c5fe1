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

use std::collections::BTreeMap;

use serde_json::json;

use super::config::Config;
use super::directory::Directory;
use super::reply::Reply;

/// What the OAuth endpoints work on.
pub(crate) struct OAuth<'a> {
    pub(crate) config: &'a Config,
    pub(crate) directory: &'a Directory,
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
