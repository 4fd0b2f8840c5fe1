//! `allowed_outbound_hosts`: which requests a component may send.

use thiserror::Error;
use url::{Host, Url};

use crate::template::{Template, TemplateError};
use crate::variables::{VariableError, Variables};

/// Under this domain, `<component id>` is another component of the same application.
pub const CHAINING_SUFFIX: &str = ".spin.internal";

/// The host which means "this application" in a request and in an entry.
const SELF_ALIAS: &str = "self.alt";

/// An entry can't be used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum AllowedHostError {
    /// The host part is malformed.
    #[error("{entry:?}: {reason}")]
    Host {
        /// As written.
        entry: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// The port part is malformed, or missing for a scheme without a usual port.
    #[error("{entry:?}: a port must be a number, a range like 8000..8100 or *")]
    Port {
        /// As written.
        entry: String,
    },
    /// The scheme part is missing or malformed.
    #[error("{entry:?} has no scheme (for example https://), or one which isn't letters or *")]
    Scheme {
        /// As written.
        entry: String,
    },
    /// The template is malformed.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A variable of the template has no value.
    #[error(transparent)]
    Variable(#[from] VariableError),
}

/// One parsed entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    scheme: Option<String>,
    host: HostPattern,
    port: PortPattern,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum HostPattern {
    Any,
    Literal(Host),
    Subdomain(String),
    ThisApplication,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum PortPattern {
    Any,
    Range(std::ops::Range<u32>),
}

impl Entry {
    /// Parses `scheme://host[:port]`, where `*` stands for any scheme, host, subdomain (`*.x`) or port.
    pub fn parse(text: &str) -> Result<Self, AllowedHostError> {
        let entry = text.trim();
        let scheme_error = || AllowedHostError::Scheme {
            entry: entry.to_owned(),
        };
        let (scheme, rest) = entry.split_once("://").ok_or_else(scheme_error)?;
        let scheme = match scheme {
            "*" => None,
            letters if letters.chars().all(char::is_alphabetic) => Some(letters.to_owned()),
            _ => return Err(scheme_error()),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.rsplit_once(':') {
            // The colons of a bracketed IPv6 address aren't before a port.
            Some((host, port)) if !port.contains(']') => (host, port),
            _ => (rest, ""),
        };
        Ok(Self {
            port: parse_port(entry, port, scheme.as_deref())?,
            host: parse_host(entry, host)?,
            scheme,
        })
    }

    fn allows(&self, url: &Url) -> bool {
        let scheme = self
            .scheme
            .as_deref()
            .is_none_or(|scheme| scheme == url.scheme());
        let host = match (&self.host, url.host()) {
            (HostPattern::Any, Some(_)) => true,
            (HostPattern::Literal(literal), Some(host)) => *literal == host.to_owned(),
            (HostPattern::Subdomain(suffix), Some(Host::Domain(domain))) => {
                domain.ends_with(suffix.as_str())
            }
            _ => false,
        };
        let port = match (&self.port, url.port_or_known_default()) {
            (PortPattern::Any, _) => true,
            (PortPattern::Range(range), Some(port)) => range.contains(&u32::from(port)),
            (PortPattern::Range(_), None) => false,
        };
        scheme && host && port
    }

    fn allows_this_application(&self) -> bool {
        let scheme = self.scheme.as_deref();
        matches!(scheme, None | Some("http" | "https"))
            && matches!(self.host, HostPattern::Any | HostPattern::ThisApplication)
    }
}

fn parse_port(
    entry: &str,
    port: &str,
    scheme: Option<&str>,
) -> Result<PortPattern, AllowedHostError> {
    let error = || AllowedHostError::Port {
        entry: entry.to_owned(),
    };
    let number = |text: &str| text.parse::<u16>().map(u32::from).map_err(|_| error());
    let start = match (port, scheme) {
        ("*", _) => return Ok(PortPattern::Any),
        ("", Some("http")) => 80,
        ("", Some("https")) => 443,
        ("", Some("postgres")) => 5432,
        ("", Some("mysql")) => 3306,
        ("", Some("redis")) => 6379,
        ("", Some("mqtt")) => 1883,
        ("", _) => return Err(error()),
        (text, _) => match text.split_once("..") {
            Some((start, end)) => return Ok(PortPattern::Range(number(start)?..number(end)?)),
            None => number(text)?,
        },
    };
    Ok(PortPattern::Range(start..start + 1))
}

fn parse_host(entry: &str, host: &str) -> Result<HostPattern, AllowedHostError> {
    let error = |reason| AllowedHostError::Host {
        entry: entry.to_owned(),
        reason,
    };
    match host {
        "*" => return Ok(HostPattern::Any),
        "self" | SELF_ALIAS => return Ok(HostPattern::ThisApplication),
        _ if host.contains('/') => {
            return Err(error(
                "an entry has no path; networks are not served by this host",
            ));
        }
        _ => {}
    }
    let (wildcard, name) = match host.strip_prefix("*.") {
        Some(name) => (true, name),
        None => (false, host),
    };
    if name.contains('*') {
        return Err(error(
            "a wildcard is allowed only as the whole host or its first label",
        ));
    }
    match (wildcard, Host::parse(name)) {
        (false, Ok(host)) => Ok(HostPattern::Literal(host)),
        (true, Ok(Host::Domain(domain))) => Ok(HostPattern::Subdomain(format!(".{domain}"))),
        (true, Ok(_)) => Err(error("a wildcard must be before a domain")),
        (_, Err(_)) => Err(error("not a host")),
    }
}

/// Whether the entry allows calls to other components of the application.
pub fn is_chaining(entry: &Entry) -> bool {
    match &entry.host {
        HostPattern::Literal(Host::Domain(domain)) => domain.ends_with(CHAINING_SUFFIX),
        HostPattern::Subdomain(suffix) => suffix == CHAINING_SUFFIX,
        HostPattern::Any | HostPattern::Literal(_) | HostPattern::ThisApplication => false,
    }
}

/// The component which a service-chaining host names.
pub fn chained_component(host: &str) -> Option<&str> {
    let id = host.strip_suffix(CHAINING_SUFFIX)?;
    (!id.is_empty() && !id.contains('.')).then_some(id)
}

/// The entries of one component.
#[derive(Clone, Debug, Default)]
pub struct AllowedHosts {
    entries: Vec<Entry>,
}

impl AllowedHosts {
    /// Fills in the templates of `hosts`. An entry which is empty (or a bare `http://`) once filled in is
    /// left out, so that an optional address may be an empty variable.
    pub fn resolve(
        hosts: &[String],
        variables: &Variables,
        component: &str,
    ) -> Result<Self, AllowedHostError> {
        let mut entries = Vec::new();
        for host in hosts {
            let template = Template::parse(host)?;
            let text = variables.render(&template, || format!("component {component:?}"))?;
            let skipped = matches!(text.as_str(), "" | "http://" | "https://");
            if template.is_literal() || !skipped {
                entries.push(Entry::parse(&text)?);
            }
        }
        Ok(Self { entries })
    }

    /// Whether a request to `url` may be sent. A relative address (no authority) and `self.alt` mean this
    /// application.
    pub fn allows(&self, uri: &http::Uri) -> bool {
        if is_self(uri) {
            return self.entries.iter().any(Entry::allows_this_application);
        }
        match Url::parse(&uri.to_string()) {
            Ok(url) => self.entries.iter().any(|entry| entry.allows(&url)),
            Err(error) => {
                tracing::warn!(%uri, %error, "a component sent a request to an address which can't be parsed");
                false
            }
        }
    }
}

/// Whether the request is for this application itself.
pub fn is_self(uri: &http::Uri) -> bool {
    uri.host()
        .is_none_or(|host| host.is_empty() || host == SELF_ALIAS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(entry: &str, uri: &str) -> bool {
        let hosts = AllowedHosts {
            entries: vec![Entry::parse(entry).unwrap()],
        };
        hosts.allows(&uri.parse().unwrap())
    }

    #[test]
    fn scheme_host_and_port_must_all_match() {
        let cases = [
            ("https://example.com", "https://example.com/a?b=c", true),
            ("https://example.com", "https://example.com:443/", true),
            ("https://example.com", "http://example.com/", false),
            ("https://example.com", "https://example.com:8443/", false),
            ("https://example.com", "https://sub.example.com/", false),
            ("https://example.com/", "https://example.com/", true),
            (
                "https://example.com:8443",
                "https://example.com:8443/",
                true,
            ),
            ("https://*.example.com", "https://sub.example.com/", true),
            ("https://*.example.com", "https://example.com/", false),
            ("https://*.example.com", "https://evilexample.com/", false),
            ("*://*:*", "http://anything:99/", true),
            ("https://*:*", "https://sis.example:8443/a", true),
            ("https://*:*", "https://10.0.0.7/", true),
            ("https://*:*", "http://sis.example/", false),
            // As in Spin: who may reach every host may reach the other components.
            ("https://*:*", "https://sync.spin.internal/", true),
            ("https://*:*", "http://sync.spin.internal/", false),
            (
                "http://127.0.0.1:8000..8002",
                "http://127.0.0.1:8001/",
                true,
            ),
            (
                "http://127.0.0.1:8000..8002",
                "http://127.0.0.1:8002/",
                false,
            ),
            ("http://[::1]:80", "http://[::1]/", true),
            ("http://localhost:3000", "http://127.0.0.1:3000/", false),
            (
                "http://api.spin.internal",
                "http://api.spin.internal/x",
                true,
            ),
            (
                "http://api.spin.internal",
                "http://sync.spin.internal/x",
                false,
            ),
            (
                "http://*.spin.internal",
                "http://sync.spin.internal/x",
                true,
            ),
            ("http://self", "/x", true),
            ("http://self.alt", "http://self.alt/x", true),
            ("https://example.com", "/x", false),
        ];
        for (entry, uri, expected) in cases {
            assert_eq!(allows(entry, uri), expected, "{entry} and {uri}");
        }
    }

    #[test]
    fn malformed_entries_are_refused() {
        for entry in [
            "example.com",
            "*",
            "",
            "ht-tp://x",
            "https://x/path",
            "https://x:y",
            "https://a.*.b",
            "ftp://example.com",
            "https://",
            "https://*.1.2.3.4",
        ] {
            assert!(Entry::parse(entry).is_err(), "{entry}");
        }
    }

    #[test]
    fn a_chained_host_names_its_component() {
        assert_eq!(
            chained_component("fetch-google.spin.internal"),
            Some("fetch-google")
        );
        for host in [
            "spin.internal",
            ".spin.internal",
            "a.b.spin.internal",
            "a.spin.internal.example",
        ] {
            assert_eq!(chained_component(host), None, "{host}");
        }
    }
}
