//! Id tokens, and where to find what they are checked with (PROVIDERS 4.2).

use serde_json::json;

use super::user_info::sign_in_role;
use crate::clever::State;
use crate::clever::reply::Reply;
use crate::clever::roster::{Roster, User};

/// The issuer; the endpoints are the fake's own.
const ISSUER: &str = "https://clever.com";

const LIFE_S: i64 = 3_600;

/// Answers `GET /.well-known/openid-configuration`.
pub(in super::super) fn discovery(state: &State) -> Reply {
    let base = &state.base_url;
    let document = json!({
        "issuer": ISSUER,
        "authorization_endpoint": format!("{base}/oauth/authorize"),
        "token_endpoint": format!("{base}/oauth/tokens"),
        "userinfo_endpoint": format!("{base}/userinfo"),
        "jwks_uri": format!("{base}/oauth/certs"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
    });
    Reply::json(200, &document)
}

/// Answers `GET /oauth/certs`.
pub(in super::super) fn certs(state: &State) -> Reply {
    Reply::json(200, &state.keys.jwks())
}

/// An id token of somebody who signed in.
pub(super) fn id_token(state: &State, roster: &Roster, user: &User, nonce: Option<&str>) -> String {
    let now_s = state.now_ms() / 1_000;
    let role = sign_in_role(user);
    let mut claims = json!({
        "iss": ISSUER, "sub": user.id, "aud": state.config.client_id,
        "iat": now_s, "exp": now_s + LIFE_S,
        "user_id": role.map(|(_, part)| part.legacy_id),
        "user_type": role.map(|(role, _)| role.name()),
        "district": roster.district().id, "multi_role_user_id": user.id, "email": user.email,
        "email_verified": false, "given_name": user.first, "family_name": user.last,
    });
    if let (Some(nonce), Some(fields)) = (nonce, claims.as_object_mut()) {
        fields.insert("nonce".to_owned(), json!(nonce));
    }
    state.keys.token(&claims)
}
