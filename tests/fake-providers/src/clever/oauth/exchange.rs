//! A code for a token (PROVIDERS 4.2).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::authenticate;
use super::openid::id_token;
use crate::clever::State;
use crate::clever::exchange::Exchange;
use crate::clever::reply::{Reply, oauth_error};
use crate::lock::{lock, read};

/// What Clever knows of an exchange.
const FIELDS: [&str; 3] = ["code", "grant_type", "redirect_uri"];

/// Answers `POST /oauth/tokens`.
pub(in super::super) fn exchange(state: &State, exchange: &Exchange) -> Reply {
    answer(state, exchange).unwrap_or_else(|refusal| refusal)
}

fn answer(state: &State, exchange: &Exchange) -> Result<Reply, Reply> {
    authenticate(state, exchange)?;
    let fields = fields(exchange)
        .ok_or_else(|| oauth_error(400, "invalid_request", "Body must be JSON or a form"))?;
    let field = |name: &str| fields.get(name).map(String::as_str);
    if field("grant_type") != Some("authorization_code") {
        let description = "grant_type must be authorization_code";
        return Err(oauth_error(400, "unsupported_grant_type", description));
    }
    let (Some(code), Some(redirect_uri)) = (field("code"), field("redirect_uri")) else {
        let description = "code and redirect_uri are needed";
        return Err(oauth_error(400, "invalid_request", description));
    };
    let in_words = lock(&state.switches).codes_refused_in_words;
    let invalid = || {
        if in_words {
            Reply::json(400, &json!({ "error": "invalid grant: invalid code" }))
        } else {
            oauth_error(400, "invalid_grant", "invalid code")
        }
    };
    let roster = read(&state.roster);
    let mut tokens = lock(&state.tokens);
    let code = tokens.redeem(code, redirect_uri, state.now_ms());
    let code = code.ok_or_else(invalid)?;
    let user = roster.user(code.user).ok_or_else(invalid)?;
    let token = tokens.issue_user(user.id);
    let mut body = json!({ "access_token": token, "token_type": "bearer" });
    if let (true, Some(fields)) = (code.openid, body.as_object_mut()) {
        let id_token = id_token(state, &roster, &user, code.nonce.as_deref());
        fields.insert("id_token".to_owned(), json!(id_token));
    }
    Ok(Reply::json(200, &body).with("cache-control", "no-store"))
}

/// The fields of an exchange that Clever ignores.
pub(in super::super) fn unknown_fields(exchange: &Exchange) -> BTreeSet<String> {
    let fields = fields(exchange).unwrap_or_default();
    let unknown = fields.into_keys();
    unknown
        .filter(|name| !FIELDS.contains(&name.as_str()))
        .collect()
}

/// The fields of a body of either type.
fn fields(exchange: &Exchange) -> Option<BTreeMap<String, String>> {
    let content_type = exchange.header("content-type").unwrap_or_default();
    if content_type.starts_with("application/x-www-form-urlencoded") {
        let form = url::form_urlencoded::parse(&exchange.body).into_owned();
        return Some(form.collect());
    }
    if !content_type.starts_with("application/json") {
        return None;
    }
    let fields: BTreeMap<String, Value> = serde_json::from_slice(&exchange.body).ok()?;
    let texts = fields.into_iter().filter_map(|(name, value)| match value {
        Value::String(text) => Some((name, text)),
        Value::Array(_) | Value::Bool(_) | Value::Null | Value::Number(_) | Value::Object(_) => {
            None
        }
    });
    Some(texts.collect())
}
