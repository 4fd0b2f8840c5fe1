//! The OAuth host: sign-in, tokens and what they are for (PROVIDERS 4.1 to 4.3).

mod district;
mod exchange;
mod openid;
mod sign_in;
mod tokens;
mod user_info;

use serde_json::json;
use subtle::ConstantTimeEq;

pub(super) use district::district_tokens;
pub(super) use exchange::{exchange, unknown_fields};
pub(super) use openid::{certs, discovery};
pub(super) use sign_in::{From, launch, show, sign_in, signed_in, unknown_parameters};
pub use sign_in::{SignIn, SignInRefused};
pub(super) use tokens::Tokens;
pub(super) use user_info::user_info;

use super::State;
use super::api::Grant;
use super::exchange::Exchange;
use super::reply::{Reply, oauth_error};
use super::roster::Role;
use crate::lock::{lock, read};

/// Clever's public tokens of people.
const DEMO_TOKENS: [(&str, Role); 4] = [
    ("ilc_DEMO_DISTRICT_ADMIN_TOKEN", Role::DistrictAdmin),
    ("ilc_DEMO_SCHOOL_ADMIN_TOKEN", Role::Staff),
    ("ilc_DEMO_STUDENT_TOKEN", Role::Student),
    ("ilc_DEMO_TEACHER_TOKEN", Role::Teacher),
];

/// Clever's public token of a district.
const DEMO_DISTRICT_TOKEN: &str = "TEST_TOKEN";

/// The application's id and secret in a Basic header, or the refusal.
fn authenticate(state: &State, exchange: &Exchange) -> Result<(), Reply> {
    let (id, secret) = exchange.basic().unwrap_or_default();
    let config = &state.config;
    let id = id.as_bytes().ct_eq(config.client_id.as_bytes());
    let secret = secret.as_bytes().ct_eq(config.client_secret.as_bytes());
    if bool::from(id & secret) {
        return Ok(());
    }
    let refusal = oauth_error(401, "invalid_client", "Invalid client id or secret");
    Err(refusal.with("www-authenticate", "Basic realm=\"Clever\""))
}

/// The token of a request and what it may be used for, if it works.
pub(super) fn grant<'a>(state: &State, exchange: &'a Exchange) -> Option<(&'a str, Grant)> {
    let token = exchange.bearer()?;
    let issued = lock(&state.tokens).grant(token);
    let grant = issued.or_else(|| demo_grant(state, token))?;
    Some((token, grant))
}

fn demo_grant(state: &State, token: &str) -> Option<Grant> {
    if token == DEMO_DISTRICT_TOKEN {
        return Some(Grant::District { secure_sync: true });
    }
    let (_, role) = DEMO_TOKENS.iter().find(|(demo, _)| *demo == token)?;
    let roster = read(&state.roster);
    let first = roster.users().find(|user| user.has(*role));
    first.map(|user| Grant::User(user.id))
}

/// Answers `GET /oauth/tokeninfo`.
pub(super) fn token_info(state: &State, exchange: &Exchange) -> Reply {
    let Some((_, grant)) = grant(state, exchange) else {
        return oauth_error(401, "invalid_token", "The token does not work");
    };
    let info = json!({ "client_id": state.config.client_id, "scopes": scopes(&grant) });
    Reply::json(200, &info)
}

/// What a token's scopes are called.
fn scopes(grant: &Grant) -> &'static [&'static str] {
    match grant {
        Grant::District { secure_sync: true } => &[
            "read:district_admins",
            "read:school_admins",
            "read:sis",
            "read:students",
            "read:teachers",
            "read:user_id",
        ],
        Grant::District { secure_sync: false } | Grant::User(_) => &["read:user_id"],
    }
}
