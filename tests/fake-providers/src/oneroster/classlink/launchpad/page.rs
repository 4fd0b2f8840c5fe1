//! The page of an authorization address: plain forms, no script.

use super::{Request, SignIn, SignInRefused, role_of, sign_in};
use crate::lock::read;
use crate::oneroster::State;
use crate::oneroster::dataset::Kind;
use crate::oneroster::exchange::Exchange;
use crate::reply::Reply;

/// The roles of which somebody can be chosen with one click.
const ROLES: [&str; 4] = ["Student", "Teacher", "Tenant Administrator", "Parent"];

/// The page: one of each role to choose from, a field for everybody else, and a way out.
pub(in crate::oneroster) fn show(state: &State, exchange: &Exchange) -> Reply {
    if let Err(refused) = Request::read(state, &exchange.query) {
        return refusal_page(refused);
    }
    let dataset = read(&state.dataset);
    let button = |role: &&str| {
        let mut rows = dataset.rows(Kind::User);
        let row = rows.find(|row| row.user().is_some_and(|user| role_of(user).0 == *role))?;
        let id = escape(&row.sourced_id);
        Some(format!(
            "<button name=\"account\" value=\"{id}\">{role}</button> "
        ))
    };
    let buttons: String = ROLES.iter().filter_map(button).collect();
    let query = escape(&exchange.query);
    let page = format!(
        "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><title>ClassLink</title>\
         <form method=\"post\" action=\"/oauth2/v2/auth?{query}\">\
         <label>Id, address or login <input name=\"other_account\"></label> \
         <button>Sign in</button> {buttons}\
         <button name=\"deny\" value=\"deny\">Cancel</button></form></html>"
    );
    Reply::html(200, page)
}

/// The posted page.
pub(in crate::oneroster) fn post(state: &State, exchange: &Exchange) -> Reply {
    let form = exchange.form().unwrap_or_default();
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    let account = match field("other_account") {
        "" => field("account"),
        other => other,
    };
    let choice = match field("deny") {
        "" => SignIn::As(account.to_owned()),
        _ => SignIn::Deny,
    };
    match sign_in(state, &exchange.query, &choice) {
        Ok(to) => Reply::redirect(&to),
        Err(refused) => refusal_page(refused),
    }
}

fn refusal_page(refused: SignInRefused) -> Reply {
    let page = format!(
        "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><title>ClassLink</title>\
         <p>{refused}</p></html>"
    );
    Reply::html(400, page)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}
