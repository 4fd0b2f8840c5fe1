//! `LaunchPad`: signing in at ClassLink (PROVIDERS 5.1).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use subtle::ConstantTimeEq;
use url::form_urlencoded::Serializer;

use super::TENANT_ID;
use crate::lock::{lock, read};
use crate::oneroster::State;
use crate::oneroster::dataset::{Kind, Row, User};
use crate::oneroster::exchange::Exchange;
use crate::oneroster::oauth2::opaque;
use crate::reply::Reply;

/// How long a code works.
const CODE_LIFE_MS: i64 = 5 * 60 * 1_000;
/// How long a token works.
const TOKEN_LIFE_MS: i64 = 24 * 60 * 60 * 1_000;

/// What somebody does on the page of an authorization address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SignIn {
    /// Signs in as the user with this id or address.
    As(String),
    /// Refuses.
    Deny,
}

/// Why nobody is sent back.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SignInRefused {
    /// There is no such account.
    #[error("there is no such account")]
    UnknownAccount,
    /// There is no such client.
    #[error("the client is unknown")]
    UnknownClient,
    /// The client has no such address to send people back to.
    #[error("the redirect address is not registered")]
    UnknownRedirect,
    /// Only codes are given.
    #[error("the response type is not code")]
    WrongResponseType,
}

/// What a code or a token stands for.
#[derive(Clone, Debug)]
struct Granted {
    user: String,
    scopes: BTreeSet<String>,
    nonce: Option<String>,
    redirect_uri: String,
    ends_ms: i64,
}

/// The codes and tokens given.
#[derive(Debug, Default)]
pub(in crate::oneroster) struct LaunchPad {
    codes: BTreeMap<String, Granted>,
    tokens: BTreeMap<String, Granted>,
    count: u64,
}

/// Goes through the page of an authorization address and gives the address to which the browser
/// is sent back.
pub(in crate::oneroster) fn sign_in(
    state: &State,
    query: &str,
    sign_in: &SignIn,
) -> Result<String, SignInRefused> {
    let parameters: BTreeMap<String, String> = url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let get = |name: &str| parameters.get(name).map_or("", String::as_str);
    let redirect_uri = checked(state, &parameters)?;
    let mut back = Serializer::new(String::new());
    match sign_in {
        SignIn::Deny => drop(back.append_pair("error", "access_denied")),
        SignIn::As(account) => {
            let scopes = get("scope")
                .split([',', ' '])
                .filter(|word| !word.is_empty());
            let granted = Granted {
                user: account_of(state, account)?,
                scopes: scopes.map(str::to_owned).collect(),
                nonce: parameters.get("nonce").cloned(),
                redirect_uri: redirect_uri.to_owned(),
                ends_ms: state.now_ms() + CODE_LIFE_MS,
            };
            back.append_pair("code", &code(state, granted));
            back.append_pair("response_type", "code");
        }
    }
    if let Some(given) = parameters.get("state") {
        back.append_pair("state", given);
    }
    Ok(format!("{redirect_uri}?{}", back.finish()))
}

/// A click on the tile in `LaunchPad`: a code without a state that anybody asked for.
pub(in crate::oneroster) fn launch(
    state: &State,
    redirect_uri: &str,
    account: &str,
) -> Result<String, SignInRefused> {
    let is_known = read(&state.class_link)
        .redirect_uris
        .iter()
        .any(|known| known == redirect_uri);
    if !is_known {
        return Err(SignInRefused::UnknownRedirect);
    }
    let granted = Granted {
        user: account_of(state, account)?,
        scopes: ["profile".to_owned()].into(),
        nonce: None,
        redirect_uri: redirect_uri.to_owned(),
        ends_ms: state.now_ms() + CODE_LIFE_MS,
    };
    let code = code(state, granted);
    Ok(format!("{redirect_uri}?code={code}&response_type=code"))
}

/// The page of an authorization address: what to post to sign in, or why there is none.
pub(in crate::oneroster) fn show(state: &State, exchange: &Exchange) -> Reply {
    if let Err(refused) = checked(state, &exchange.parameters) {
        return refusal_page(refused);
    }
    let query = exchange.query.replace('&', "&amp;").replace('"', "&quot;");
    let page = format!(
        "<!DOCTYPE html><html><head><title>ClassLink</title></head><body>\
             <form method=\"post\" action=\"/oauth2/v2/auth?{query}\">\
             <label>Account <input name=\"account\"></label><button>Sign in</button></form></body></html>"
    );
    Reply::html(200, page)
}

/// The posted page.
pub(in crate::oneroster) fn post(state: &State, exchange: &Exchange) -> Reply {
    let account = exchange.form().and_then(|mut form| form.remove("account"));
    let choice = account.map_or(SignIn::Deny, SignIn::As);
    match sign_in(state, &exchange.query, &choice) {
        Ok(to) => Reply::redirect(&to),
        Err(refused) => refusal_page(refused),
    }
}

fn refusal_page(refused: SignInRefused) -> Reply {
    let page = format!("<!DOCTYPE html><html><body><p>{refused}</p></body></html>");
    Reply::html(400, page)
}

/// Exchanges a code.
pub(in crate::oneroster) fn token(state: &State, exchange: &Exchange) -> Reply {
    let refuse = |status: u16, error: &str, message: &str| {
        Reply::json(status, &json!({ "error": error, "message": message }))
    };
    let Some(form) = exchange.form() else {
        return refuse(400, "invalid_request", "The body is not a form");
    };
    let get = |name: &str| form.get(name).map_or("", String::as_str);
    let client = state.config.clients.iter();
    let client = client.filter(|client| client.id == get("client_id"));
    let secret = get("client_secret").as_bytes();
    let is_client = client
        .into_iter()
        .any(|client| bool::from(client.secret.as_bytes().ct_eq(secret)));
    if !is_client {
        return refuse(401, "invalid_client", "Unknown client or wrong secret");
    }
    if !matches!(get("grant_type"), "" | "authorization_code") {
        return refuse(400, "unsupported_grant_type", "Only codes are exchanged");
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
    let Some(mut granted) = granted else {
        return refuse(400, "invalid_grant", "The code is not valid");
    };
    launchpad.count += 1;
    let token = opaque(&format!("c token {} {now_ms}", launchpad.count));
    granted.ends_ms = now_ms + TOKEN_LIFE_MS;
    let mut body = json!({
        "access_token": format!("c{token}"), "token_type": "Bearer", "response_type": "code",
    });
    if granted.scopes.contains("openid") {
        let id_token = id_token(state, &granted, get("client_id"), now_ms / 1_000);
        if let Value::Object(fields) = &mut body {
            fields.insert("id_token".to_owned(), json!(id_token));
        }
    }
    launchpad.tokens.insert(format!("c{token}"), granted);
    Reply::json(200, &body)
}

/// Who somebody is.
pub(in crate::oneroster) fn info(state: &State, exchange: &Exchange) -> Reply {
    let now_ms = state.now_ms();
    let token = exchange.authorization("Bearer").unwrap_or_default();
    let granted = lock(&state.launchpad).tokens.get(token).cloned();
    let granted = granted.filter(|granted| now_ms < granted.ends_ms);
    let dataset = read(&state.dataset);
    let row = granted.and_then(|granted| dataset.row(Kind::User, &granted.user));
    match row.and_then(|row| Some((row, row.user()?))) {
        Some((row, user)) => Reply::json(200, &profile(state, row, user)),
        None => Reply::json(401, &json!({ "message": "Invalid token" })),
    }
}

fn profile(state: &State, row: &Row, user: &User) -> Value {
    let class_link = read(&state.class_link);
    let (role, level, profile) = role_of(user);
    let mut orgs: Vec<&str> = Vec::new();
    for role in &user.roles {
        if !orgs.contains(&role.org.as_str()) {
            orgs.push(&role.org);
        }
    }
    let org_id = match orgs.as_slice() {
        [org] if !class_link.org_ids_as_list => json!(org),
        orgs => json!(orgs),
    };
    let sourced_id = if class_link.has_roster_server {
        row.sourced_id.as_str()
    } else {
        ""
    };
    let tenant = format!("{} Schools", state.district.shape().name);
    json!({
        "UserId": user_number(user), "TenantId": TENANT_ID, "StateId": 35, "StateName": "New Jersey",
        "BuildingId": 44, "AuthenticationType": "Active Directory",
        "DisplayName": format!("{} {}", user.given_name, user.family_name),
        "FirstName": user.given_name, "LastName": user.family_name, "Email": user.email,
        "LoginId": user.username, "ImagePath": "", "LanguageId": 1, "Language": "English",
        "DefaultTimeFormat": 0, "Profile": profile, "ProfileId": 221, "Tenant": tenant,
        "Building": "", "Role": role, "Role_Level": level,
        "LastAccessTime": "2026-08-20T11:02:00.000Z", "OrgId": org_id, "SourcedId": sourced_id,
        "or_email": "",
    })
}

fn role_of(user: &User) -> (&'static str, u32, &'static str) {
    match user.roles.first().map_or("", |role| role.role.as_str()) {
        "student" => ("Student", 4, "Students"),
        "guardian" | "parent" | "relative" => ("Parent", 5, "Parents"),
        role if role.ends_with("Administrator") => ("Tenant Administrator", 1, "Administrators"),
        _ => ("Teacher", 3, "Teachers"),
    }
}

/// The number of an account, which has nothing to do with any roster.
fn user_number(user: &User) -> u64 {
    1_000_000 + user.identifier.parse::<u64>().unwrap_or_default()
}

fn checked<'a>(
    state: &State,
    parameters: &'a BTreeMap<String, String>,
) -> Result<&'a str, SignInRefused> {
    let get = |name: &str| parameters.get(name).map_or("", String::as_str);
    let mut clients = state.config.clients.iter();
    if !clients.any(|client| client.id == get("client_id")) {
        return Err(SignInRefused::UnknownClient);
    }
    let redirect_uri = get("redirect_uri");
    let class_link = read(&state.class_link);
    let mut known = class_link.redirect_uris.iter();
    if !known.any(|known| known == redirect_uri) {
        return Err(SignInRefused::UnknownRedirect);
    }
    if get("response_type") != "code" {
        return Err(SignInRefused::WrongResponseType);
    }
    Ok(redirect_uri)
}

/// The id of the user with an id or address.
fn account_of(state: &State, account: &str) -> Result<String, SignInRefused> {
    let dataset = read(&state.dataset);
    let by_address = |row: &&Row| row.user().is_some_and(|user| user.email == account);
    let row = dataset.row(Kind::User, account);
    let row = row.or_else(|| dataset.rows(Kind::User).find(by_address));
    row.map(|row| row.sourced_id.clone())
        .ok_or(SignInRefused::UnknownAccount)
}

fn code(state: &State, granted: Granted) -> String {
    let mut launchpad = lock(&state.launchpad);
    launchpad.count += 1;
    let text = opaque(&format!("code {} {}", launchpad.count, granted.ends_ms));
    let code = format!("c{text}");
    launchpad.codes.insert(code.clone(), granted);
    code
}

fn id_token(state: &State, granted: &Granted, client: &str, now_s: i64) -> String {
    let dataset = read(&state.dataset);
    let row = dataset.row(Kind::User, &granted.user);
    let Some(user) = row.and_then(Row::user) else {
        return String::new();
    };
    let claims = json!({
        "iss": "https://launchpad.classlink.com", "sub": user_number(user).to_string(),
        "aud": client, "nonce": granted.nonce, "iat": now_s, "exp": now_s + TOKEN_LIFE_MS / 1_000,
        "auth_time": now_s, "login_hint": user.username, "email": user.email,
        "email_verified": false, "name": format!("{} {}", user.given_name, user.family_name),
        "given_name": user.given_name, "family_name": user.family_name,
        "profile": role_of(user).0,
        "address": { "locality": format!("{} Schools", state.district.shape().name), "region": "New Jersey" },
    });
    state.keys.token(&claims)
}
