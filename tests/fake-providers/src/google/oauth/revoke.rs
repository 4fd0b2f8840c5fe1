//! The revocation endpoint (PROVIDERS 1.7).

use serde_json::json;

use super::{OAuth, error, unique_parameters};
use crate::google::reply::Reply;

/// Answers `POST /revoke`: either token ends the whole grant.
pub(crate) fn revoke(oauth: &mut OAuth<'_>, query: &str, body: &[u8]) -> Reply {
    let token = [body, query.as_bytes()]
        .into_iter()
        .find_map(|text| unique_parameters(text)?.remove("token"));
    let Some(token) = token else {
        return error(400, "invalid_request", "Missing required parameter: token");
    };
    let refresh = oauth
        .tokens
        .refresh
        .get(&token)
        .map(|refresh| refresh.pair.clone());
    let access = || {
        oauth
            .tokens
            .live_access(&token, oauth.now_ms)
            .map(|access| access.pair.clone())
    };
    match refresh.or_else(access) {
        Some(pair) if !oauth.tokens.ended.contains_key(&pair.1) => {
            oauth.tokens.forget(&pair);
            Reply::json(200, &json!({}))
        }
        _ => error(400, "invalid_token", "Token expired or revoked"),
    }
}
