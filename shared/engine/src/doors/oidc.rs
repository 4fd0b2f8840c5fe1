//! The door of the `oidc` component: what applications ask our OpenID provider for, the operator's
//! list of applications, and, over service chaining from `sync`, `/sign-outs` and `/keys`.
//!
//! Variables: `seal_keys`, `public_url` and `operator_token`. It reaches the applications' host, to
//! tell them who is signed out.
//!
//! [`authorize`] and [`end_session`] are opened by browsers and concern their session: the `login`
//! component serves them.

mod browser;
mod clients;
mod discovery;
mod routes;
mod tokens;
mod userinfo;

pub use browser::{authorize, end_session};
pub use routes::{ROUTES, Route};

use crate::doors::json;
use crate::oidc::{self, Question, signing};
use crate::ports::Ports;
use crate::problem::{Kind, Problem, parse_json};
use crate::settings;
use crate::slices::Done;
use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{HeaderValue, Method, StatusCode};

/// Serves one request.
pub async fn handle<P: Ports>(ports: &P, request: http::Request<Bytes>) -> http::Response<Bytes> {
    let is_head = request.method() == Method::HEAD;
    let answer = serve(ports, &request).await;
    let mut response = answer.unwrap_or_else(|problem| problem.to_response());
    if is_head {
        *response.body_mut() = Bytes::new();
    }
    response
}

async fn serve<P: Ports>(
    ports: &P,
    request: &http::Request<Bytes>,
) -> Result<http::Response<Bytes>, Problem> {
    let path = request.uri().path();
    if path == "/api/v1/clients" || path.starts_with("/api/v1/clients/") {
        return clients::serve(ports, request).await;
    }
    let methods: &[Method] = match path {
        "/.well-known/oauth-authorization-server"
        | "/.well-known/openid-configuration"
        | "/oidc/jwks" => &[Method::GET, Method::HEAD],
        "/oidc/revoke" | "/oidc/token" | "/keys" | "/sign-outs" => &[Method::POST],
        "/oidc/userinfo" => &[Method::GET, Method::HEAD, Method::POST],
        _ => return Err(Problem::not_found()),
    };
    let is_open = !matches!(path, "/keys" | "/sign-outs");
    if is_open && request.method() == Method::OPTIONS {
        return Ok(shared(preflight(methods)));
    }
    if !methods.contains(request.method()) {
        return Err(other_methods(methods));
    }
    match path {
        "/oidc/jwks" => discovery::keys(ports).await.map(shared),
        "/oidc/revoke" => Ok(shared(tokens::revoke(ports, request).await)),
        "/oidc/token" => Ok(shared(tokens::exchange(ports, request).await)),
        "/oidc/userinfo" => Ok(shared(userinfo::serve(ports, request).await)),
        "/keys" => attend_keys(ports, request).await,
        "/sign-outs" => tell_sign_outs(ports, request).await,
        _ => discovery::document(ports).await.map(shared),
    }
}

fn other_methods(methods: &[Method]) -> Problem {
    let allow = list(methods);
    let detail = format!("this path takes {allow}");
    Problem {
        allow: Some(allow),
        ..Problem::new(Kind::MethodNotAllowed, detail)
    }
}

fn list(methods: &[Method]) -> String {
    let names: Vec<&str> = methods.iter().map(Method::as_str).collect();
    names.join(", ")
}

/// Lets pages of applications read an answer. Nothing here is decided by a cookie.
fn shared(mut response: http::Response<Bytes>) -> http::Response<Bytes> {
    let all = HeaderValue::from_static("*");
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, all);
    response
}

/// The answer to a browser that asks whether a page of an application may ask.
fn preflight(methods: &[Method]) -> http::Response<Bytes> {
    let mut response = http::Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers: [(HeaderName, String); 3] = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, list(methods)),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "authorization, content-type".to_owned(),
        ),
        (header::ACCESS_CONTROL_MAX_AGE, "3600".to_owned()),
    ];
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

async fn tell_sign_outs<P: Ports>(
    ports: &P,
    request: &http::Request<Bytes>,
) -> Result<http::Response<Bytes>, Problem> {
    let Question { tenant } = parse_json(request)?;
    let issuer = settings::public_url(ports).await?;
    let seal_keys = settings::seal_keys(ports).await?;
    let done = oidc::look_after(ports, (&issuer, &seal_keys), &tenant).await?;
    Ok(json(StatusCode::OK, &done))
}

async fn attend_keys<P: Ports>(
    ports: &P,
    request: &http::Request<Bytes>,
) -> Result<http::Response<Bytes>, Problem> {
    let Done {} = parse_json(request)?;
    let seal_keys = settings::seal_keys(ports).await?;
    signing::attend(ports, &seal_keys).await?;
    Ok(json(StatusCode::OK, &Done {}))
}
