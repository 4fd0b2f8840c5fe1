//! Signing in: asked for by the application, or begun at Clever's portal (PROVIDERS 4.2).
//!
//! What begins at Clever leads to the first address of the application, with a code and without
//! any state.

use std::collections::{BTreeMap, BTreeSet};

use url::form_urlencoded::{Serializer, parse};

use super::tokens::Code;
use crate::clever::State;
use crate::clever::exchange::Exchange;
use crate::clever::reply::{Reply, no_such_path, page};
use crate::clever::roster::Role;
use crate::lock::{lock, read};

/// Where a sign-in begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in super::super) enum From {
    Application,
    Clever,
}

/// What somebody does on Clever's page.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SignIn {
    /// Signs in as the user with this id, number or address.
    As(String),
    /// Does not let the application know who it is.
    Deny,
}

/// What Clever knows of an authorization address.
const PARAMETERS: [&str; 7] = [
    "client_id",
    "district_id",
    "nonce",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
];

/// The parameters of a sign-in's address that Clever ignores.
pub(in super::super) fn unknown_parameters(parameters: &Parameters) -> BTreeSet<String> {
    let unknown = parameters.keys();
    let unknown = unknown.filter(|name| !PARAMETERS.contains(&name.as_str()));
    unknown.cloned().collect()
}

/// Why nobody is sent back to the application.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SignInRefused {
    /// Clever has no other answer than a code.
    #[error("the response type is not code")]
    NotACode,
    /// A parameter is there more than once (RFC 6749, 3.1).
    #[error("a parameter is there more than once")]
    Doubled,
    /// Nobody of that id, number or address is shown to the application.
    #[error("there is no such user")]
    NoSuchUser,
    /// The application is unknown.
    #[error("the client is unknown")]
    UnknownClient,
    /// The district is not connected to the application, or is another one.
    #[error("the district is not connected")]
    UnknownDistrict,
    /// The address is not on the application's list.
    #[error("the redirect address is not registered")]
    UnknownRedirect,
}

type Parameters = BTreeMap<String, String>;

/// Where a sign-in leads, and with what.
struct Way {
    redirect_uri: String,
    state: Option<String>,
    openid: bool,
}

impl Way {
    /// Where the browser is sent, with parameters added.
    fn back(&self, parameters: &[(&str, &str)]) -> String {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(parameters);
        if let Some(state) = &self.state {
            query.append_pair("state", state);
        }
        let mark = if self.redirect_uri.contains('?') {
            '&'
        } else {
            '?'
        };
        format!("{}{mark}{}", self.redirect_uri, query.finish())
    }
}

/// The parameters of a query, each of which may be there once.
fn parameters_of(query: &str) -> Result<Parameters, SignInRefused> {
    let mut parameters = Parameters::new();
    for (name, value) in parse(query.as_bytes()).into_owned() {
        if parameters.insert(name, value).is_some() {
            return Err(SignInRefused::Doubled);
        }
    }
    Ok(parameters)
}

fn way(state: &State, parameters: &Parameters, from: From) -> Result<Way, SignInRefused> {
    let given = |name: &str| parameters.get(name);
    if given("client_id") != Some(&state.config.client_id) {
        return Err(SignInRefused::UnknownClient);
    }
    let district = read(&state.roster).district().id.to_string();
    let is_connected = lock(&state.tokens).district().is_some();
    if !is_connected || given("district_id").is_some_and(|id| *id != district) {
        return Err(SignInRefused::UnknownDistrict);
    }
    let mut registered = state.config.redirect_uris.iter();
    let redirect_uri = match from {
        From::Clever => registered.next(),
        From::Application => registered.find(|uri| given("redirect_uri") == Some(uri)),
    };
    if from == From::Application && given("response_type").is_none_or(|kind| kind != "code") {
        return Err(SignInRefused::NotACode);
    }
    Ok(Way {
        redirect_uri: redirect_uri
            .cloned()
            .ok_or(SignInRefused::UnknownRedirect)?,
        openid: given("scope").is_some_and(|scope| scope.split(' ').any(|one| one == "openid")),
        state: given("state")
            .filter(|_| from == From::Application)
            .cloned(),
    })
}

/// Goes through Clever's page and gives the address to which the browser is sent.
pub(in super::super) fn sign_in(
    state: &State,
    query: &str,
    from: From,
    sign_in: &SignIn,
) -> Result<String, SignInRefused> {
    let parameters = parameters_of(query)?;
    let way = way(state, &parameters, from)?;
    let SignIn::As(user) = sign_in else {
        return Ok(way.back(&[("error", "access_denied")]));
    };
    let roster = read(&state.roster);
    let user = roster.find_user(user).and_then(|user| roster.user(user.id));
    let user = user.ok_or(SignInRefused::NoSuchUser)?.id;
    let code = lock(&state.tokens).issue_code(Code {
        user,
        redirect_uri: way.redirect_uri.clone(),
        openid: way.openid,
        nonce: parameters.get("nonce").cloned(),
        issued_at_ms: state.now_ms(),
        used: false,
    });
    Ok(way.back(&[("code", &code), ("scope", "read:user_id")]))
}

/// The same for somebody who opens the application in Clever's portal.
pub(in super::super) fn launch(state: &State, user: &str) -> Result<String, SignInRefused> {
    let query = Serializer::new(String::new())
        .append_pair("client_id", &state.config.client_id)
        .finish();
    sign_in(state, &query, From::Clever, &SignIn::As(user.to_owned()))
}

/// Shows the page on which people sign in, with one of each role to choose from and a field for
/// everybody else.
pub(in super::super) fn show(state: &State, exchange: &Exchange, from: From) -> Reply {
    let checked = parameters_of(&exchange.query);
    if let Err(refused) = checked.and_then(|parameters| way(state, &parameters, from)) {
        return page(400, &refused.to_string());
    }
    let escape = |text: &str| text.replace('&', "&amp;").replace('"', "&quot;");
    let roster = read(&state.roster);
    let button = |role: Role| {
        let user = roster.users().find(|user| user.has(role))?;
        let (id, name) = (user.id, role.name());
        Some(format!("<button name=account value={id}>{name}</button> "))
    };
    let buttons: String = Role::ALL.into_iter().filter_map(button).collect();
    let query = escape(&exchange.query);
    let from = match from {
        From::Application => "application",
        From::Clever => "clever",
    };
    Reply::html(
        200,
        format!(
            "<!DOCTYPE html><html lang=en><meta charset=utf-8><title>Log in</title>\
             <form method=post action=/oauth/sign-in><input type=hidden name=from value={from}>\
             <input type=hidden name=request value=\"{query}\">\
             <label>Id, number or address <input name=other_account></label> \
             <button>Log in</button> {buttons}\
             <button name=deny value=deny>Cancel</button></form>"
        ),
    )
}

/// The posted page.
pub(in super::super) fn signed_in(state: &State, exchange: &Exchange) -> Reply {
    let form: Parameters = parse(&exchange.body).into_owned().collect();
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    let from = match field("from") {
        "application" => From::Application,
        "clever" => From::Clever,
        _ => return no_such_path(),
    };
    let account = match field("other_account") {
        "" => field("account"),
        other => other,
    };
    let choice = match field("deny") {
        "" => SignIn::As(account.to_owned()),
        _ => SignIn::Deny,
    };
    match sign_in(state, field("request"), from, &choice) {
        Ok(to) => Reply::redirect(&to),
        Err(refused) => page(400, &refused.to_string()),
    }
}
