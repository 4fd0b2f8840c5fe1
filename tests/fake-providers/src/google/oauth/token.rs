//! The token endpoint (PROVIDERS 1.4, 1.5).

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::tokens::{
    ACCESS_LIFE_S, CODE_LIFE_MS, Code, GrantEnd, Pair, REFRESH_TESTING_LIFE_S,
    REFRESH_UNUSED_LIFE_MS,
};
use super::{OAuth, error, id_token, scopes, unique_parameters};
use crate::google::config::Client;
use crate::google::reply::Reply;

type Form = BTreeMap<String, String>;

fn invalid_grant(description: &str) -> Reply {
    error(400, "invalid_grant", description)
}

fn dead() -> Reply {
    invalid_grant("Token has been expired or revoked.")
}

/// Answers `POST /token`. `authorization` is the header of that name.
pub(crate) fn exchange(
    oauth: &mut OAuth<'_>,
    content_type: &str,
    authorization: Option<&str>,
    body: &[u8],
) -> Reply {
    answer(oauth, content_type, authorization, body).unwrap_or_else(|refusal| refusal)
}

fn answer(
    oauth: &mut OAuth<'_>,
    content_type: &str,
    authorization: Option<&str>,
    body: &[u8],
) -> Result<Reply, Reply> {
    if !content_type.starts_with("application/x-www-form-urlencoded") {
        return Err(error(
            400,
            "invalid_request",
            "Missing required parameter: grant_type",
        ));
    }
    let form = unique_parameters(body).ok_or_else(|| {
        error(
            400,
            "invalid_request",
            "A parameter is there more than once.",
        )
    })?;
    let grant_type = required(&form, "grant_type")?;
    let client = authenticate(oauth, &form, authorization)?;
    match grant_type {
        "authorization_code" => from_code(oauth, &client, &form),
        "refresh_token" => from_refresh(oauth, &client, &form),
        other => Err(error(
            400,
            "unsupported_grant_type",
            &format!("Invalid grant_type: {other}"),
        )),
    }
}

fn required<'a>(form: &'a Form, name: &str) -> Result<&'a str, Reply> {
    let value = form.get(name).filter(|value| !value.is_empty());
    value.map(String::as_str).ok_or_else(|| {
        error(
            400,
            "invalid_request",
            &format!("Missing required parameter: {name}"),
        )
    })
}

/// The client, by form fields or by Basic authentication.
fn authenticate(
    oauth: &OAuth<'_>,
    form: &Form,
    authorization: Option<&str>,
) -> Result<Client, Reply> {
    let basic = authorization.and_then(basic_credentials);
    let given = |name: &str| form.get(name).cloned();
    let (id, secret) = match (basic, given("client_id")) {
        (Some((id, secret)), None) => (id, Some(secret)),
        (Some((id, secret)), Some(form_id)) if id == form_id => (id, Some(secret)),
        (None, Some(id)) => (id, given("client_secret")),
        _ => {
            return Err(error(
                400,
                "invalid_request",
                "Could not determine client ID from request.",
            ));
        }
    };
    let unknown = || error(401, "invalid_client", "The OAuth client was not found.");
    let client = oauth.client(&id).ok_or_else(unknown)?;
    if client.deleted {
        return Err(error(
            401,
            "deleted_client",
            "The OAuth client was deleted.",
        ));
    }
    let secret =
        secret.ok_or_else(|| error(400, "invalid_request", "client_secret is missing."))?;
    if !bool::from(secret.as_bytes().ct_eq(client.secret.as_bytes())) {
        return Err(error(
            401,
            "invalid_client",
            "The provided client secret is invalid.",
        ));
    }
    Ok(client.clone())
}

/// The id and secret of a Basic header, form-encoded as RFC 6749, 2.3.1 has it.
fn basic_credentials(header: &str) -> Option<(String, String)> {
    let encoded = header.strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decode = |text: &str| {
        let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
        decoded.ok().map(std::borrow::Cow::into_owned)
    };
    Some((decode(id)?, decode(secret)?))
}

fn from_code(oauth: &mut OAuth<'_>, client: &Client, form: &Form) -> Result<Reply, Reply> {
    let text = required(form, "code")?;
    let redirect_uri = required(form, "redirect_uri")?;
    if !text.starts_with("4/") {
        return Err(invalid_grant("Malformed auth code."));
    }
    if !client.redirect_uris.iter().any(|uri| uri == redirect_uri) {
        return Err(error(400, "redirect_uri_mismatch", "Bad Request"));
    }
    let now_ms = oauth.now_ms;
    let code = oauth
        .tokens
        .codes
        .get_mut(text)
        .ok_or_else(|| invalid_grant("Bad Request"))?;
    let mine = code.pair.0 == client.id && code.redirect_uri == redirect_uri;
    if !mine || code.used || now_ms - code.issued_at_ms > CODE_LIFE_MS {
        return Err(invalid_grant("Bad Request"));
    }
    check_verifier(code, form.get("code_verifier").map(String::as_str))?;
    code.used = true;
    let code = code.clone();
    check_account(oauth, &code.pair)?;
    let refresh = code
        .offline
        .then(|| oauth.tokens.issue_refresh(&code.pair, &code.scopes, now_ms));
    let mut fields = issue(
        oauth,
        client,
        &code.pair,
        &code.scopes,
        code.nonce.as_deref(),
    );
    if let Some(refresh) = refresh {
        fields.insert("refresh_token".to_owned(), json!(refresh));
        if client.test_users.is_some() {
            fields.insert(
                "refresh_token_expires_in".to_owned(),
                json!(REFRESH_TESTING_LIFE_S - 1),
            );
        }
    }
    Ok(Reply::json(200, &Value::Object(fields)).with("cache-control", "no-store"))
}

/// PKCE (RFC 7636, 4.6).
fn check_verifier(code: &Code, verifier: Option<&str>) -> Result<(), Reply> {
    let (method, challenge) = match (&code.challenge, verifier) {
        (None, None) => return Ok(()),
        (None, Some(_)) => return Err(invalid_grant("code_verifier or verifier is not needed.")),
        (Some(_), None) => return Err(invalid_grant("Missing code verifier.")),
        (Some((method, challenge)), Some(_)) => (method, challenge),
    };
    let verifier = verifier.unwrap_or_default();
    let computed = match method.as_str() {
        "S256" => URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes())),
        _ => verifier.to_owned(),
    };
    let fits = (43..=128).contains(&verifier.len()) && computed == *challenge;
    if fits {
        Ok(())
    } else {
        Err(invalid_grant("Invalid code verifier."))
    }
}

fn check_account(oauth: &OAuth<'_>, pair: &Pair) -> Result<(), Reply> {
    match oauth.account(&pair.1) {
        None => Err(invalid_grant("Account has been deleted")),
        Some(account) if account.suspended => Err(dead()),
        Some(_) => Ok(()),
    }
}

fn from_refresh(oauth: &mut OAuth<'_>, client: &Client, form: &Form) -> Result<Reply, Reply> {
    let text = required(form, "refresh_token")?;
    let now_ms = oauth.now_ms;
    let refresh = oauth
        .tokens
        .refresh
        .get(text)
        .filter(|refresh| refresh.pair.0 == client.id);
    let refresh = refresh.ok_or_else(dead)?.clone();
    check_account(oauth, &refresh.pair)?;
    match oauth.tokens.ended.get(&refresh.pair.1) {
        None => {}
        Some(GrantEnd::Revoked) => return Err(dead()),
        Some(GrantEnd::AdminPolicy) => {
            let text =
                "Access to your account data is restricted by policies within your organization.";
            return Err(error(400, "admin_policy_enforced", text));
        }
        Some(GrantEnd::ReauthRequired) => {
            let body = json!({
                "error": "invalid_grant", "error_subtype": "invalid_rapt",
                "error_description": "reauth related error (invalid_rapt)",
            });
            return Err(Reply::json(400, &body));
        }
    }
    let unused = now_ms - refresh.used_at_ms > REFRESH_UNUSED_LIFE_MS;
    let tested = client.test_users.is_some()
        && now_ms - refresh.issued_at_ms > REFRESH_TESTING_LIFE_S * 1_000;
    if unused || tested {
        return Err(dead());
    }
    let granted = narrowed(&refresh.scopes, form.get("scope").map(String::as_str))?;
    if let Some(kept) = oauth.tokens.refresh.get_mut(text) {
        kept.used_at_ms = now_ms;
    }
    let fields = issue(oauth, client, &refresh.pair, &granted, None);
    Ok(Reply::json(200, &Value::Object(fields)).with("cache-control", "no-store"))
}

/// The scopes asked for, which must have been granted.
fn narrowed(granted: &BTreeSet<String>, asked: Option<&str>) -> Result<BTreeSet<String>, Reply> {
    let Some(asked) = asked else {
        return Ok(granted.clone());
    };
    let scopes = scopes::parse(asked)
        .ok()
        .filter(|asked| asked.is_subset(granted));
    scopes.ok_or_else(|| error(400, "invalid_scope", "Some requested scopes were invalid."))
}

fn issue(
    oauth: &mut OAuth<'_>,
    client: &Client,
    pair: &Pair,
    scopes: &BTreeSet<String>,
    nonce: Option<&str>,
) -> Map<String, Value> {
    let access = oauth.tokens.issue_access(pair, scopes, oauth.now_ms);
    let mut granted = scopes.clone();
    let id_token = scopes::identify(scopes)
        .then(|| oauth.account(&pair.1))
        .flatten()
        .map(|account| id_token::issue(oauth, client, &account, scopes, nonce, &access));
    if id_token.is_some() {
        granted.insert("openid".to_owned());
    }
    let mut fields = Map::new();
    fields.insert("access_token".to_owned(), json!(access));
    fields.insert("expires_in".to_owned(), json!(ACCESS_LIFE_S));
    fields.insert("scope".to_owned(), json!(scopes::join(&granted)));
    fields.insert("token_type".to_owned(), json!("Bearer"));
    fields.extend(id_token.map(|token| ("id_token".to_owned(), json!(token))));
    fields
}
