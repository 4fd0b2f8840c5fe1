//! A code for a token.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use subtle::ConstantTimeEq;

use super::{Granted, role_of, user_number};
use crate::lock::{lock, read};
use crate::oneroster::State;
use crate::oneroster::dataset::{Kind, Row};
use crate::oneroster::exchange::Exchange;
use crate::oneroster::oauth2::opaque;
use crate::reply::Reply;

/// How long a token works.
const TOKEN_LIFE_MS: i64 = 24 * 60 * 60 * 1_000;

/// What ClassLink knows of an exchange. Whether it looks at the redirect address is not known: the
/// fake does when it is there.
const FIELDS: [&str; 5] = [
    "client_id",
    "client_secret",
    "code",
    "grant_type",
    "redirect_uri",
];

/// The fields of an exchange that ClassLink ignores.
pub(in crate::oneroster) fn unknown_fields(exchange: &Exchange) -> BTreeSet<String> {
    let fields = exchange.form().unwrap_or_default().into_keys();
    fields
        .filter(|name| !FIELDS.contains(&name.as_str()))
        .collect()
}

/// Exchanges a code.
pub(in crate::oneroster) fn token(state: &State, exchange: &Exchange) -> Reply {
    answer(state, exchange).unwrap_or_else(|refusal| refusal)
}

fn answer(state: &State, exchange: &Exchange) -> Result<Reply, Reply> {
    let refuse = |status: u16, error: &str, message: &str| {
        Reply::json(status, &json!({ "error": error, "message": message }))
    };
    let form = exchange.form();
    let form = form.ok_or_else(|| refuse(400, "invalid_request", "The body is not a form"))?;
    let get = |name: &str| form.get(name).map_or("", String::as_str);
    if !is_client(state, get("client_id"), get("client_secret")) {
        return Err(refuse(
            401,
            "invalid_client",
            "Unknown client or wrong secret",
        ));
    }
    if !matches!(get("grant_type"), "" | "authorization_code") {
        return Err(refuse(
            400,
            "unsupported_grant_type",
            "Only codes are exchanged",
        ));
    }
    let now_ms = state.now_ms();
    let mut launchpad = lock(&state.launchpad);
    // Whatever comes of it, a code works once.
    let granted = launchpad.codes.remove(get("code"));
    let granted = granted.filter(|granted| {
        let redirect_uri = get("redirect_uri");
        now_ms < granted.ends_ms
            && (redirect_uri.is_empty() || redirect_uri == granted.redirect_uri)
    });
    let granted = granted.ok_or_else(|| refuse(400, "invalid_grant", "The code is not valid"))?;
    launchpad.count += 1;
    let token = opaque(&format!("c token {} {now_ms}", launchpad.count));
    let token = format!("c{token}");
    let mut body = json!({
        "access_token": token, "token_type": "Bearer", "response_type": "code",
    });
    if let (true, Value::Object(fields)) = (granted.scopes.contains("openid"), &mut body) {
        let id_token = id_token(state, &granted, get("client_id"), now_ms / 1_000);
        fields.insert("id_token".to_owned(), json!(id_token));
    }
    let ends_ms = now_ms + TOKEN_LIFE_MS;
    launchpad
        .tokens
        .insert(token, Granted { ends_ms, ..granted });
    Ok(Reply::json(200, &body))
}

fn is_client(state: &State, id: &str, secret: &str) -> bool {
    let class_link = read(&state.class_link);
    let own = class_link.launchpad_client_secret.as_bytes();
    id == class_link.launchpad_client_id && bool::from(own.ct_eq(secret.as_bytes()))
}

fn id_token(state: &State, granted: &Granted, client: &str, now_s: i64) -> String {
    let dataset = read(&state.dataset);
    let row = dataset.row(Kind::User, &granted.user);
    let Some(user) = row.and_then(Row::user) else {
        return String::new();
    };
    let mut claims = json!({
        "iss": "https://launchpad.classlink.com", "sub": user_number(user).to_string(),
        "aud": client, "iat": now_s, "exp": now_s + TOKEN_LIFE_MS / 1_000,
        "auth_time": now_s, "login_hint": user.username, "email": user.email,
        "email_verified": false, "name": format!("{} {}", user.given_name, user.family_name),
        "given_name": user.given_name, "family_name": user.family_name,
        "profile": role_of(user).0,
        "address": { "locality": format!("{} Schools", state.district.shape().name), "region": "New Jersey" },
    });
    if let (Some(nonce), Value::Object(fields)) = (&granted.nonce, &mut claims) {
        fields.insert("nonce".to_owned(), json!(nonce));
    }
    state.keys.token(&claims)
}
