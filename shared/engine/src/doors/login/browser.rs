//! A browser's request on its way: who it may be, and what it brought.

use super::answers::method_not_allowed;
use super::forms::{self, Form};
use crate::oidc::{self, Asking};
use crate::ports::Ports;
use crate::problem::Problem;
use crate::settings::{self, PublicUrl};
use crate::signin::keyed::Key;
use crate::tenants::{self, Tenant};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method};
use mapping::ids::TenantId;
use std::net::{IpAddr, SocketAddr};

/// Longest handle of a request that is carried along, in bytes.
const HANDLE_BYTES_MAX: usize = 128;

/// A request of a browser.
pub(super) struct Browser<'a, P> {
    /// The surroundings.
    pub(super) ports: &'a P,
    /// What was sent.
    pub(super) request: &'a http::Request<Bytes>,
    /// Our own address.
    pub(super) public_url: PublicUrl,
    /// For digests about people.
    pub(super) key: Key,
}

impl<'a, P: Ports> Browser<'a, P> {
    /// Reads what every page needs.
    pub(super) async fn new(
        ports: &'a P,
        request: &'a http::Request<Bytes>,
    ) -> Result<Self, Problem> {
        let token = settings::operator_token(ports).await?;
        Ok(Self {
            ports,
            request,
            public_url: settings::public_url(ports).await?,
            key: Key::from_secret(&token),
        })
    }

    /// The headers.
    pub(super) fn headers(&self) -> &'a HeaderMap {
        self.request.headers()
    }

    /// Our address and the headers: what cookies are about.
    pub(super) fn at(&self) -> (&PublicUrl, &'a HeaderMap) {
        (&self.public_url, self.request.headers())
    }

    /// The query, without its `?`.
    pub(super) fn query(&self) -> &'a str {
        self.request.uri().query().unwrap_or_default()
    }

    /// Refuses everything but `GET`.
    pub(super) fn only_get(&self) -> Result<(), Problem> {
        if *self.request.method() == Method::GET {
            Ok(())
        } else {
            Err(method_not_allowed("GET"))
        }
    }

    /// The tenant of a path, if there is one.
    pub(super) async fn tenant(&self, id: &str) -> Result<Option<Tenant>, Problem> {
        match TenantId::parse(id) {
            Ok(id) => Ok(tenants::read(self.ports, &id).await?),
            Err(_) => Ok(None),
        }
    }

    /// The handle of the application's request that waits, as the address carries it along.
    pub(super) fn waiting(&self) -> Option<String> {
        let mut pairs = form_urlencoded::parse(self.query().as_bytes());
        let found = pairs.find(|(name, _)| name == "request");
        found.and_then(|(_, value)| handle(&value))
    }

    /// Where somebody may be sent on to who is signed in here.
    pub(super) async fn leads_to(
        &self,
        tenant: &TenantId,
        asking: Option<&Asking>,
    ) -> Result<Vec<String>, Problem> {
        let home = oidc::home(self.ports, tenant).await?;
        let waiting = asking.map(|asking| asking.returns_to.clone());
        Ok(home.into_iter().chain(waiting).collect())
    }

    /// The application that waits, by the handle of its request.
    pub(super) async fn asking(&self, waiting: Option<&str>) -> Result<Option<Asking>, Problem> {
        match waiting {
            Some(waiting) => Ok(oidc::asking(self.ports, waiting).await?),
            None => Ok(None),
        }
    }

    /// The form that was sent, if it is from a page of ours and for this purpose.
    pub(super) fn form(&self, tenant: &TenantId, purpose: &str) -> Result<Form, forms::Foreign> {
        forms::read(self, tenant, purpose)
    }

    /// Where the request comes from, as whatever stands before us says.
    pub(super) async fn address(&self) -> Result<Option<IpAddr>, Problem> {
        let name = settings::client_address_header(self.ports).await?;
        Ok(address(self.headers(), &name))
    }
}

/// A handle as we make them, and nothing else: it goes into addresses and cookies.
pub(super) fn handle(text: &str) -> Option<String> {
    let is_handle = !text.is_empty()
        && text.len() <= HANDLE_BYTES_MAX
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    is_handle.then(|| text.to_owned())
}

/// The last address of the last such header: what was added nearest to us. With or without a port.
fn address(headers: &HeaderMap, name: &HeaderName) -> Option<IpAddr> {
    let value = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    let last = value.rsplit(',').next()?.trim();
    let bare = last.trim_start_matches('[').trim_end_matches(']');
    let with_port = last.parse::<SocketAddr>().map(|address| address.ip());
    bare.parse().or(with_port).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_the_one_that_was_added_last() {
        let name = HeaderName::from_static("x-forwarded-for");
        for (value, expected) in [
            ("203.0.113.7", Some("203.0.113.7")),
            ("203.0.113.7:51000", Some("203.0.113.7")),
            ("10.0.0.1, 203.0.113.7", Some("203.0.113.7")),
            ("[2001:db8::1]:443", Some("2001:db8::1")),
            ("[2001:db8::1]", Some("2001:db8::1")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("203.0.113.7, unknown", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.append(&name, "198.51.100.1".parse().unwrap());
            headers.append(&name, value.parse().unwrap());
            let found = address(&headers, &name).map(|address| address.to_string());
            assert_eq!(found.as_deref(), expected, "{value}");
        }
        assert_eq!(address(&HeaderMap::new(), &name), None);
    }

    #[test]
    fn nothing_but_a_handle_is_carried_along() {
        assert!(handle("rc-request_495602-1_abc").is_some());
        let long = "x".repeat(129);
        for text in [
            "",
            "a b",
            "a.b",
            "\"><script>",
            "a;b",
            "//evil.example",
            &long,
        ] {
            assert_eq!(handle(text), None, "{text}");
        }
    }
}
