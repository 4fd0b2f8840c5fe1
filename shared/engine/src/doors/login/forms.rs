//! Forms: only those that a page of ours showed to this browser are taken (OWASP's cheat sheet on
//! cross-site request forgery: a token bound to a cookie, and where the request comes from).

use super::browser::{Browser, handle};
use crate::cookies;
use crate::ports::{Ports, Random};
use crate::secrets;
use crate::settings::PublicUrl;
use crate::signin::keyed::Key;
use http::{HeaderMap, header};
use mapping::ids::TenantId;
use std::collections::BTreeMap;

/// The cookie that forms belong to.
const COOKIE: &str = "rollcall-form";

/// Largest form taken, in bytes.
const FORM_BYTES_MAX: usize = 16 * 1024;

/// Longest cookie looked at, in bytes.
const COOKIE_BYTES_MAX: usize = 128;

/// The field with the token.
const TOKEN_FIELD: &str = "token";

/// What the token is for.
const PURPOSE: &str = "form";

/// The fields of a form; of several with one name the first.
#[derive(Clone, Debug, Default)]
pub(super) struct Form(BTreeMap<String, String>);

impl Form {
    /// A field; empty when it was not sent.
    pub(super) fn field(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }
}

/// A form that no page of ours showed to this browser, or that is no form.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Foreign;

/// What a page with a form needs.
pub(super) struct Token {
    /// The hidden field.
    pub(super) field: String,
    /// The `Set-Cookie` that it is bound to, where the browser has none yet.
    pub(super) cookie: Option<String>,
}

/// Makes the token of a form.
pub(super) fn token<P: Ports>(browser: &Browser<'_, P>, tenant: &TenantId, purpose: &str) -> Token {
    let (value, cookie) = match held(browser.at()) {
        Some(value) => (value.to_owned(), None),
        None => fresh(browser.ports, &browser.public_url),
    };
    let token = of(&browser.key, &value, tenant, purpose);
    Token {
        field: format!("<input type=\"hidden\" name=\"{TOKEN_FIELD}\" value=\"{token}\">"),
        cookie,
    }
}

fn of(key: &Key, cookie: &str, tenant: &TenantId, purpose: &str) -> String {
    key.digest(PURPOSE, &[cookie, tenant.as_str(), purpose])
}

/// A new cookie and its `Set-Cookie`. It ends with the browser.
fn fresh(random: &impl Random, public_url: &PublicUrl) -> (String, Option<String>) {
    let value = secrets::random_secret(random, "form");
    let cookie = cookies::set(public_url, COOKIE, &value, None);
    (value, Some(cookie))
}

fn held<'a>((public_url, headers): (&PublicUrl, &'a HeaderMap)) -> Option<&'a str> {
    let value = cookies::read(public_url, headers, COOKIE)?;
    let is_ours = value.len() <= COOKIE_BYTES_MAX && value.starts_with("form_");
    is_ours.then_some(value)
}

/// The handle that a form carries along, even if nothing else of it is believed.
pub(super) fn carried<P: Ports>(browser: &Browser<'_, P>) -> Option<String> {
    let body = browser.request.body();
    if body.len() > FORM_BYTES_MAX {
        return None;
    }
    let mut pairs = form_urlencoded::parse(body);
    let found = pairs.find(|(name, _)| name == "request");
    found.and_then(|(_, value)| handle(&value))
}

/// Reads the form that a request brings.
pub(super) fn read<P: Ports>(
    browser: &Browser<'_, P>,
    tenant: &TenantId,
    purpose: &str,
) -> Result<Form, Foreign> {
    let body = browser.request.body();
    if body.len() > FORM_BYTES_MAX || !is_form(browser.headers()) || !is_own(browser.at()) {
        return Err(Foreign);
    }
    let mut form = Form::default();
    for (name, value) in form_urlencoded::parse(body) {
        form.0
            .entry(name.into_owned())
            .or_insert(value.into_owned());
    }
    let cookie = held(browser.at()).ok_or(Foreign)?;
    let expected = of(&browser.key, cookie, tenant, purpose);
    if secrets::is_equal(form.field(TOKEN_FIELD), &expected) {
        Ok(form)
    } else {
        Err(Foreign)
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let media = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next());
    media.is_some_and(|media| {
        media
            .trim()
            .eq_ignore_ascii_case("application/x-www-form-urlencoded")
    })
}

/// Whether a request comes from a page of ours, as far as the browser says. Old ones say nothing;
/// then the token has to do.
fn is_own((public_url, headers): (&PublicUrl, &HeaderMap)) -> bool {
    let says = |name: &str| headers.get(name).map(|value| value.as_bytes().to_vec());
    let origin = says("origin").is_none_or(|origin| origin == public_url.at("").as_bytes());
    let site = says("sec-fetch-site").is_none_or(|site| site == b"same-origin");
    origin && site
}
