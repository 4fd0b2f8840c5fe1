//! Addresses that districts give us, looked at before anything is sent to them.
//!
//! Whoever may name a base address could otherwise make this system ask its own network. An
//! address is taken only if the operator's [`AllowList`] covers it and it leads to a public host
//! by https; what else the operator wants to reach, a server of the same network for instance, has
//! to stand in the list as a whole origin. A public name may still resolve to an inner address:
//! that is for the network policy of whoever sends the request.

mod allow;
mod host;

pub use allow::{AllowList, AllowListError};

use super::service::{ServiceBase, Version};
use crate::base_url::BaseUrl;
use host::Host;
use http::Uri;

/// Ports that need no mention in the list.
const PORTS: [u16; 2] = [443, 8443];

/// Why an address is not used.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AddressRefusal {
    /// It has a user name or password.
    #[error("the address may not have a user name or password: enter the key and secret apart")]
    Credentials,
    /// It is no address.
    #[error(
        "this is not an address: enter it as https://host/path, without a question mark and what follows it"
    )]
    Form,
    /// It leads to a host that is not public.
    #[error("the address leads to a host that is not public: enter the public name of the server")]
    NotPublic,
    /// The operator's list does not cover it.
    #[error("the operator does not allow this host: ask the operator to add it")]
    NotAllowed,
    /// It has an unusual port.
    #[error("the address may only have the port 443 or 8443: ask the operator to allow another")]
    Port,
    /// It does not begin with `https`.
    #[error("the address must begin with https://")]
    Scheme,
}

/// Scheme, host and port of an address.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

impl Origin {
    fn of(text: &str) -> Result<Self, AddressRefusal> {
        let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
        if text.contains('@') {
            return Err(AddressRefusal::Credentials);
        }
        if !text.bytes().all(is_plain) || text.contains(['?', '#']) {
            return Err(AddressRefusal::Form);
        }
        let uri: Uri = text.parse().map_err(|_| AddressRefusal::Form)?;
        let scheme = uri.scheme_str().ok_or(AddressRefusal::Form)?;
        let scheme = scheme.to_ascii_lowercase();
        let usual = match scheme.as_str() {
            "https" => 443,
            "http" => 80,
            _ => return Err(AddressRefusal::Scheme),
        };
        let authority = uri.authority().ok_or(AddressRefusal::Form)?;
        let host = authority.host().to_ascii_lowercase();
        // A port that can't be read is no usual one.
        let port = match authority.port_u16() {
            Some(port) => port,
            None if authority.as_str().len() == host.len() => usual,
            None => return Err(AddressRefusal::Port),
        };
        let climbs = |segment: &str| {
            matches!(
                segment.to_ascii_lowercase().as_str(),
                "." | ".." | "%2e" | "%2e%2e" | ".%2e" | "%2e."
            )
        };
        if host.is_empty() || uri.path().split('/').any(climbs) {
            return Err(AddressRefusal::Form);
        }
        Ok(Self { scheme, host, port })
    }
}

/// Checks a base address or the address of a token endpoint.
pub fn check(text: &str, allowed: &AllowList) -> Result<BaseUrl, AddressRefusal> {
    let text = text.trim();
    let origin = Origin::of(text)?;
    let base = || BaseUrl::parse(text).map_err(|_| AddressRefusal::Form);
    if allowed.has_origin(&origin) {
        return base();
    }
    if origin.scheme != "https" {
        return Err(AddressRefusal::Scheme);
    }
    match Host::of(&origin.host) {
        Host::Invalid => return Err(AddressRefusal::Form),
        Host::Inner => return Err(AddressRefusal::NotPublic),
        Host::Public => {}
    }
    if !allowed.has_host(&origin.host) {
        return Err(AddressRefusal::NotAllowed);
    }
    if !PORTS.contains(&origin.port) {
        return Err(AddressRefusal::Port);
    }
    base()
}

/// Checks a base address and finds the service of a version below it.
pub fn service(
    text: &str,
    version: Version,
    allowed: &AllowList,
) -> Result<ServiceBase, AddressRefusal> {
    let base = check(text, allowed)?;
    ServiceBase::new(&base, version).map_err(|_| AddressRefusal::Form)
}
