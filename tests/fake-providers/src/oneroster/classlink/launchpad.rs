//! `LaunchPad`: signing in at ClassLink (PROVIDERS 5.1).
//!
//! People are those of the roster; the application is another one than those which read rosters,
//! with an id and a secret of its own.

mod info;
mod page;
mod token;

use std::collections::{BTreeMap, BTreeSet};

use url::form_urlencoded::{Serializer, parse};

pub(in crate::oneroster) use info::info;
pub(in crate::oneroster) use page::{post, show};
pub(in crate::oneroster) use token::{token, unknown_fields};

use crate::lock::{lock, read};
use crate::oneroster::State;
use crate::oneroster::dataset::{Kind, Row, User};
use crate::oneroster::oauth2::opaque;

/// The id of the application that signs people in.
pub const LAUNCHPAD_CLIENT_ID: &str = "c-rollcall-sign-in";
/// Its secret; it holds what must be escaped in a form.
pub const LAUNCHPAD_CLIENT_SECRET: &str = "c-secret&only=for+tests";

/// How long a code works.
const CODE_LIFE_MS: i64 = 5 * 60 * 1_000;

/// The scopes there are.
const SCOPES: [&str; 5] = ["email", "full", "oneroster", "openid", "profile"];

/// What ClassLink knows of an authorization address.
const PARAMETERS: [&str; 6] = [
    "client_id",
    "nonce",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
];

/// What somebody does on the page of an authorization address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SignIn {
    /// Signs in as the user with this id, address or login.
    As(String),
    /// Refuses.
    Deny,
}

/// Why nobody is sent back.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SignInRefused {
    /// A parameter is there more than once (RFC 6749, 3.1).
    #[error("a parameter is there more than once")]
    Doubled,
    /// There is no such account.
    #[error("there is no such account")]
    UnknownAccount,
    /// There is no such client.
    #[error("the client is unknown")]
    UnknownClient,
    /// The client has no such address to send people back to.
    #[error("the redirect address is not registered")]
    UnknownRedirect,
    /// There is no such scope.
    #[error("a scope is unknown")]
    UnknownScope,
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

impl LaunchPad {
    /// Makes every token stop working.
    pub(in crate::oneroster) fn end_tokens(&mut self) {
        self.tokens.clear();
    }
}

/// The parameters of an authorization address that ClassLink ignores.
pub(in crate::oneroster) fn unknown_parameters(
    parameters: &BTreeMap<String, String>,
) -> BTreeSet<String> {
    let unknown = parameters.keys();
    let unknown = unknown.filter(|name| !PARAMETERS.contains(&name.as_str()));
    unknown.cloned().collect()
}

/// An authorization address that passed every check.
struct Request {
    redirect_uri: String,
    scopes: BTreeSet<String>,
    state: Option<String>,
    nonce: Option<String>,
}

impl Request {
    fn read(state: &State, query: &str) -> Result<Self, SignInRefused> {
        let mut parameters = BTreeMap::new();
        for (name, value) in parse(query.as_bytes()).into_owned() {
            if parameters.insert(name, value).is_some() {
                return Err(SignInRefused::Doubled);
            }
        }
        let get = |name: &str| parameters.get(name).map_or("", String::as_str);
        let class_link = read(&state.class_link);
        if get("client_id") != class_link.launchpad_client_id {
            return Err(SignInRefused::UnknownClient);
        }
        let redirect_uri = get("redirect_uri");
        if !class_link
            .redirect_uris
            .iter()
            .any(|known| known == redirect_uri)
        {
            return Err(SignInRefused::UnknownRedirect);
        }
        if get("response_type") != "code" {
            return Err(SignInRefused::WrongResponseType);
        }
        let scopes = get("scope").split([',', ' ']);
        let scopes: BTreeSet<String> = scopes
            .filter(|scope| !scope.is_empty())
            .map(str::to_owned)
            .collect();
        if !scopes.iter().all(|scope| SCOPES.contains(&scope.as_str())) {
            return Err(SignInRefused::UnknownScope);
        }
        Ok(Self {
            redirect_uri: redirect_uri.to_owned(),
            scopes,
            state: parameters.get("state").cloned(),
            nonce: parameters.get("nonce").cloned(),
        })
    }
}

/// Goes through the page of an authorization address and gives the address to which the browser
/// is sent back.
pub(in crate::oneroster) fn sign_in(
    state: &State,
    query: &str,
    sign_in: &SignIn,
) -> Result<String, SignInRefused> {
    let request = Request::read(state, query)?;
    let mut back = Serializer::new(String::new());
    match sign_in {
        SignIn::Deny => drop(back.append_pair("error", "access_denied")),
        SignIn::As(account) => {
            let granted = Granted {
                user: account_of(state, account)?,
                scopes: request.scopes,
                nonce: request.nonce,
                redirect_uri: request.redirect_uri.clone(),
                ends_ms: state.now_ms() + CODE_LIFE_MS,
            };
            back.append_pair("code", &code(state, granted));
            back.append_pair("response_type", "code");
        }
    }
    if let Some(given) = request.state {
        back.append_pair("state", &given);
    }
    Ok(format!("{}?{}", request.redirect_uri, back.finish()))
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

/// The id of the user with an id, address or login.
fn account_of(state: &State, account: &str) -> Result<String, SignInRefused> {
    let dataset = read(&state.dataset);
    let is_named = |row: &&Row| {
        row.user()
            .is_some_and(|user| user.email == account || user.username.as_deref() == Some(account))
    };
    let row = dataset.row(Kind::User, account);
    let row = row.filter(|row| row.user().is_some());
    let row = row.or_else(|| dataset.rows(Kind::User).find(is_named));
    row.filter(|_| !account.is_empty())
        .map(|row| row.sourced_id.clone())
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

/// What ClassLink makes of a person's roles: the name, the level, and the profile.
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
