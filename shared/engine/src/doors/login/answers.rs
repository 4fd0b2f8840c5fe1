//! Answers that lead a browser on.

use crate::problem::{Kind, Problem};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};

pub(super) type Answer = Result<http::Response<Bytes>, Problem>;

/// Schemes that are no addresses of applications but would do something here.
const FORBIDDEN_SCHEMES: [&str; 4] = ["blob", "data", "javascript", "vbscript"];

/// Sends the browser on.
pub(super) fn redirect(location: &str) -> Answer {
    let mut response = http::Response::new(Bytes::new());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, value(check(location)?)?);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    Ok(response)
}

fn check(location: &str) -> Result<&str, Problem> {
    let scheme = location.split(':').next().unwrap_or_default().trim();
    let is_forbidden = FORBIDDEN_SCHEMES
        .iter()
        .any(|forbidden| scheme.eq_ignore_ascii_case(forbidden));
    if is_forbidden {
        return Err(unusable());
    }
    Ok(location)
}

/// Adds a `Set-Cookie`.
pub(super) fn with_cookie(
    mut response: http::Response<Bytes>,
    cookie: &str,
) -> Result<http::Response<Bytes>, Problem> {
    let cookie = value(cookie)?;
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

fn value(text: &str) -> Result<HeaderValue, Problem> {
    HeaderValue::from_str(text).map_err(|_| unusable())
}

fn unusable() -> Problem {
    Problem::new(Kind::Internal, "the address to go on to can't be used")
}

/// The path takes another method.
pub(super) fn method_not_allowed(allow: &str) -> Problem {
    Problem {
        allow: Some(allow.to_owned()),
        ..Problem::new(
            Kind::MethodNotAllowed,
            format!("this path takes {allow} alone"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_sent_to_addresses_alone() {
        for location in ["https://app.example/x?a=b", "/login/maple", "com.app:/back"] {
            assert_eq!(redirect(location).unwrap().headers()["location"], location);
        }
        for location in [
            "javascript:alert(1)",
            " JavaScript://x",
            "data:text/html,x",
            "https://a\r\nset-cookie: x=1",
        ] {
            assert!(redirect(location).is_err(), "{location}");
        }
    }
}
