//! The pages a person sees: consent and errors. Plain forms, no script.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::OAuth;
use super::authorize::{AuthorizeRequest, ErrorPage};
use crate::google::directory::AdminRole;
use crate::google::reply::Reply;

/// The codes offered as outcomes: every error page of PROVIDERS 1.3.
const ERROR_CODES: [&str; 12] = [
    "access_denied",
    "admin_policy_enforced",
    "deleted_client",
    "disallowed_useragent",
    "invalid_client",
    "invalid_request",
    "invalid_scope",
    "org_internal",
    "origin_mismatch",
    "rate_limit_exceeded",
    "redirect_uri_mismatch",
    "unauthorized_client",
];

/// How many of the district's accounts the chooser offers.
const ACCOUNTS_MAX: usize = 8;

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <style>body{{font:16px sans-serif;max-width:40rem;margin:3rem auto}}label{{display:block}}\
         </style></head><body>{body}<hr><p>This is a fake Google for tests.</p></body></html>"
    )
}

/// An error page; it leads nowhere.
pub(super) fn error(page: &ErrorPage) -> Reply {
    let body = format!(
        "<h1>Access blocked</h1><p>{}</p><p>Error {}: <code id=\"error\">{}</code></p>",
        escape(&page.message),
        page.status,
        escape(&page.code),
    );
    Reply::html(
        page.status,
        document(&format!("Error {}", page.status), &body),
    )
}

/// The consent page with account chooser, scopes and every outcome.
pub(super) fn consent(oauth: &OAuth<'_>, request: &AuthorizeRequest, query: &str) -> Reply {
    let mut body = format!(
        "<h1>Sign in with Google</h1><p><b>{}</b> wants access to your Google Account.</p>\
         <form method=\"post\" action=\"/o/oauth2/v2/auth/consent\">\
         <input type=\"hidden\" name=\"request\" value=\"{}\"><fieldset><legend>Account</legend>",
        escape(&request.client.id),
        escape(query),
    );
    for (position, email) in chooser(oauth, request).iter().enumerate() {
        let checked = if position == 0 { " checked" } else { "" };
        let email = escape(email);
        let _ = write!(
            body,
            "<label><input type=\"radio\" name=\"account\" value=\"{email}\"{checked}> {email}</label>"
        );
    }
    body.push_str(
        "<label>Another one: <input name=\"other_account\" type=\"email\"></label></fieldset>\
         <fieldset><legend>It may</legend>",
    );
    for scope in &request.scopes {
        let scope = escape(scope);
        let _ = write!(
            body,
            "<label><input type=\"checkbox\" name=\"scope\" value=\"{scope}\" checked> {scope}</label>"
        );
    }
    body.push_str(
        "</fieldset><p><button name=\"outcome\" value=\"allow\">Allow</button> \
         <button name=\"outcome\" value=\"deny\">Cancel</button></p><p>Or meet an error page: ",
    );
    for code in ERROR_CODES {
        let _ = write!(
            body,
            "<button name=\"outcome\" value=\"error:{code}\">{code}</button> "
        );
    }
    body.push_str("</p></form>");
    Reply::html(200, document("Sign in with Google", &body))
}

/// The accounts offered: the hinted one, administrators, a few others, strangers.
fn chooser(oauth: &OAuth<'_>, request: &AuthorizeRequest) -> Vec<String> {
    let directory = oauth.directory;
    let is_admin = |id| directory.role(id) != &AdminRole::None;
    let hinted = request
        .login_hint
        .as_deref()
        .and_then(|hint| oauth.account(hint));
    let mut administrators: Vec<_> = directory.users().filter(|user| is_admin(user.id)).collect();
    administrators.sort_by_key(|user| (directory.role(user.id) != &AdminRole::Super, user.number));
    let others = directory
        .users()
        .filter(|user| !is_admin(user.id) && !user.suspended && !user.archived);
    let inside = administrators
        .into_iter()
        .take(ACCOUNTS_MAX / 2)
        .chain(others);
    let mut seen = BTreeSet::new();
    let mut emails: Vec<String> = hinted.map(|account| account.email).into_iter().collect();
    emails.extend(inside.take(ACCOUNTS_MAX).map(|user| user.email.to_string()));
    if request.hosted_domain.is_none() {
        emails.extend(
            oauth
                .outsiders
                .iter()
                .map(|outsider| outsider.email.clone()),
        );
    }
    emails.retain(|email| seen.insert(email.clone()));
    emails
}
