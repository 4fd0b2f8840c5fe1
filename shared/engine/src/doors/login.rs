//! The door of the `login` component: everything that a browser opens to sign in, and what
//! administrators set about it.
//!
//! - `/login/{tenant}…`: choosing how to sign in, passwords, and where it ends;
//! - `/callback/{method}`: the way back from a provider;
//! - `/oidc/authorize` and `/oidc/logout`: browsers that applications send;
//! - `/api/v1/tenants/{tenant}/sign-in…`: for administrators and the operator.
//!
//! Variables: `operator_token`, `public_url`, `client_address_header`, and those of Google, Clever
//! and `ClassLink` that their sign-in needs. It reaches their hosts and no others, and holds no key
//! that opens anything sealed.

mod answers;
mod api;
mod browser;
mod callback;
mod change;
mod forms;
mod outcomes;
mod password;
mod start;

pub use api::{Access, ROUTES, Route};

use crate::doors::oidc;
use crate::doors::page::{escape, page};
use crate::oidc::{AUTHORIZE_PATH, LOGOUT_PATH};
use crate::ports::Ports;
use crate::problem::Problem;
use crate::signin::Method;
use answers::{Answer, method_not_allowed};
use browser::Browser;
use bytes::Bytes;
use http::StatusCode;

/// Serves one request.
pub async fn handle<P: Ports>(ports: &P, request: http::Request<Bytes>) -> http::Response<Bytes> {
    let path = request.uri().path();
    if path.starts_with("/api/") {
        let answer = api::serve(ports, &request).await;
        return answer.unwrap_or_else(|problem| problem.to_response());
    }
    // Asking for the head of one of our pages does what opening it does. Coming back from a provider
    // is no page: it works once.
    let is_head = *request.method() == http::Method::HEAD && path.starts_with("/login/");
    let mut request = request;
    if is_head {
        *request.method_mut() = http::Method::GET;
    }
    let mut response = match serve(ports, &request).await {
        Ok(response) => response,
        Err(problem) => problem_page(&problem),
    };
    if is_head {
        *response.body_mut() = Bytes::new();
    }
    response
}

async fn serve<P: Ports>(ports: &P, request: &http::Request<Bytes>) -> Answer {
    let path = request.uri().path();
    match path {
        AUTHORIZE_PATH => return Ok(oidc::authorize(ports, request).await),
        LOGOUT_PATH => return Ok(oidc::end_session(ports, request).await),
        _ => {}
    }
    let browser = Browser::new(ports, request).await?;
    if let Some(name) = path.strip_prefix("/callback/") {
        return match Method::parse(name) {
            Some(method) if method != Method::Password => {
                browser.only_get()?;
                callback::serve(&browser, method).await
            }
            _ => Err(Problem::not_found()),
        };
    }
    let Some(rest) = path.strip_prefix("/login/") else {
        return Err(Problem::not_found());
    };
    let (tenant, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let Some(tenant) = browser.tenant(tenant).await? else {
        return Ok(outcomes::no_tenant());
    };
    let is_post = *request.method() == http::Method::POST;
    match (rest, is_post) {
        ("password" | "password/change" | "sign-out", true) => {}
        (_, true) => return Err(method_not_allowed("GET")),
        _ => browser.only_get()?,
    }
    match (rest, is_post) {
        ("", _) => start::choose(&browser, &tenant).await,
        ("password", false) => password::show(&browser, &tenant).await,
        ("password", true) => password::attempt(&browser, &tenant).await,
        ("password/change", false) => change::show(&browser, &tenant).await,
        ("password/change", true) => change::choose(&browser, &tenant).await,
        ("cancel", _) => start::cancel(&browser, &tenant).await,
        ("signed-in", _) => start::signed_in(&browser, &tenant).await,
        ("sign-out", true) => start::sign_out(&browser, &tenant).await,
        ("sign-out", false) => Err(method_not_allowed("POST")),
        ("signed-out", _) => Ok(outcomes::signed_out(Some(&tenant))),
        (name, _) => match Method::parse(name) {
            Some(method) => start::away(&browser, &tenant, method).await,
            None => Err(Problem::not_found()),
        },
    }
}

/// A refusal that is nobody's fault in particular, or our own, as a page.
fn problem_page(problem: &Problem) -> http::Response<Bytes> {
    let status = problem.kind.status();
    let title = match status {
        StatusCode::NOT_FOUND => "There is no such page",
        StatusCode::METHOD_NOT_ALLOWED => "This page is opened in another way",
        _ => "This did not work",
    };
    let text = format!(
        "<p role=\"alert\">{}.</p><p>Go back and try again. If it happens again, tell the administrator of your school.</p>",
        escape(&capitalised(&problem.detail))
    );
    let mut response = page(status, title, &text);
    if let Some(allow) = problem.allow.as_deref().and_then(|a| a.parse().ok()) {
        response.headers_mut().insert(http::header::ALLOW, allow);
    }
    response
}

/// A sentence that begins like one.
fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}
