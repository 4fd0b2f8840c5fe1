//! What Spin does to a request's address and headers before a component sees it.

use std::net::SocketAddr;

use http::header::{CONNECTION, HOST};
use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri};
use thiserror::Error;

use crate::allowed_hosts::chained_component;
use crate::routes::RouteMatch;

/// The request's authority isn't clear.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum AuthorityError {
    /// `Host` and the address name different ones.
    #[error("authority in 'Host' header does not match authority in URI")]
    Differs,
    /// `Host` isn't an authority.
    #[error("'Host' header contains an invalid authority")]
    Invalid,
    /// Neither is there.
    #[error("no 'Host' header present in request")]
    Missing,
}

/// Removes what a client must not send: a `Host` inside the service-chaining domain, and `Connection`.
pub(crate) fn strip_forbidden(headers: &mut HeaderMap) {
    let chained = headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .and_then(|host| host.split(':').next())
        .is_some_and(|host| chained_component(host).is_some());
    if chained {
        headers.remove(HOST);
    }
    headers.remove(CONNECTION);
}

/// Gives the request an absolute address, from its own authority or its `Host`.
pub(crate) fn make_absolute<B>(request: &mut Request<B>) -> Result<(), AuthorityError> {
    let from_header = match request.headers().get(HOST) {
        Some(host) => {
            let authority = Authority::try_from(host.as_bytes());
            Some(authority.map_err(|_| AuthorityError::Invalid)?)
        }
        None => None,
    };
    let mut parts = request.uri().clone().into_parts();
    let authority = match (from_header, parts.authority.take()) {
        (Some(header), Some(uri)) if header != uri => return Err(AuthorityError::Differs),
        (Some(authority), _) | (None, Some(authority)) => authority,
        (None, None) => return Err(AuthorityError::Missing),
    };
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(authority);
    *request.uri_mut() = Uri::from_parts(parts).map_err(|_| AuthorityError::Invalid)?;
    Ok(())
}

/// Adds the headers which tell a component about its route and its client.
pub(crate) fn add_spin_headers<B>(
    request: &mut Request<B>,
    found: &RouteMatch,
    client: SocketAddr,
) {
    let host = request
        .headers()
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("localhost");
    let scheme = request.uri().scheme_str().unwrap_or("http");
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str());
    let full_url = format!("{scheme}://{host}{path}");
    let client = client.to_string();
    let mut added: Vec<(String, &str)> = [
        ("spin-path-info", found.path_info.as_str()),
        ("spin-full-url", &full_url),
        ("spin-matched-route", &found.based_pattern),
        ("spin-base-path", "/"),
        ("spin-raw-component-route", &found.pattern),
        ("spin-component-route", found.prefix()),
        ("spin-client-addr", &client),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    for (name, value) in &found.segments {
        let name = name.to_ascii_lowercase().replace('_', "-");
        added.push((format!("spin-path-match-{name}"), value));
    }
    // Spin replaces nothing: a client which sends such a header itself has it beside the real one.
    for (name, value) in added {
        let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value))
        else {
            continue;
        };
        request.headers_mut().append(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(uri: &str, host: Option<&str>) -> Request<()> {
        let mut request = Request::builder().uri(uri);
        if let Some(host) = host {
            request = request.header(HOST, host);
        }
        request.body(()).unwrap()
    }

    #[test]
    fn a_component_learns_its_route_and_its_client() {
        let mut request = request("http://localhost:3000/t/9/a?b=c", Some("localhost:3000"));
        let found = RouteMatch {
            component: "web".to_owned(),
            pattern: "/t/:tenant_id/...".to_owned(),
            based_pattern: "/t/:tenant_id/...".to_owned(),
            path_info: "/a".to_owned(),
            segments: [("tenant_id".to_owned(), "9".to_owned())].into(),
        };
        add_spin_headers(&mut request, &found, ([127, 0, 0, 1], 5).into());
        let mut lines: Vec<_> = request
            .headers()
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        lines.sort();
        insta::assert_snapshot!(lines.join("\n"), @r"
        host: localhost:3000
        spin-base-path: /
        spin-client-addr: 127.0.0.1:5
        spin-component-route: /t/:tenant_id
        spin-full-url: http://localhost:3000/t/9/a?b=c
        spin-matched-route: /t/:tenant_id/...
        spin-path-info: /a
        spin-path-match-tenant-id: 9
        spin-raw-component-route: /t/:tenant_id/...
        ");
    }

    #[test]
    fn the_authority_comes_from_one_place_or_two_which_agree() {
        let mut relative = request("/a", Some("localhost:3000"));
        make_absolute(&mut relative).unwrap();
        assert_eq!(relative.uri(), "http://localhost:3000/a");
        let cases = [
            (request("/a", None), AuthorityError::Missing),
            (request("/a", Some("a b")), AuthorityError::Invalid),
            (request("http://a/", Some("b")), AuthorityError::Differs),
        ];
        for (mut request, expected) in cases {
            assert_eq!(make_absolute(&mut request), Err(expected));
        }
    }

    #[test]
    fn a_client_can_not_pretend_to_be_a_chained_call() {
        for (host, kept) in [
            ("api.spin.internal", false),
            ("api.spin.internal:80", false),
            ("example.com", true),
        ] {
            let mut request = request("/", Some(host));
            strip_forbidden(request.headers_mut());
            assert_eq!(request.headers().contains_key(HOST), kept, "{host}");
        }
    }
}
