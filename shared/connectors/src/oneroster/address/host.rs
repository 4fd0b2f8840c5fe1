//! Whether the host of an address is public, as far as its text tells.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Names of inner networks, and names that stand for whatever address is written in them.
const INNER_SUFFIXES: [&str; 14] = [
    ".localhost",
    ".local",
    ".internal",
    ".localdomain",
    ".intranet",
    ".lan",
    ".home",
    ".corp",
    ".private",
    ".home.arpa",
    ".in-addr.arpa",
    ".nip.io",
    ".sslip.io",
    ".localtest.me",
];

/// Longest name of a host and of one of its labels (RFC 1035), in bytes.
const NAME_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;

/// What a host is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Host {
    Inner,
    Invalid,
    Public,
}

impl Host {
    /// Looks at a host in lower case.
    pub(super) fn of(host: &str) -> Self {
        if let Some(inner) = host.strip_prefix('[') {
            let address = inner.strip_suffix(']').and_then(|text| text.parse().ok());
            return match address {
                Some(address) => Self::public_if(is_public_v6(address)),
                None => Host::Invalid,
            };
        }
        let last = host.rsplit('.').next().unwrap_or_default();
        if is_number(last) {
            // A host that ends in a number is an address, perhaps written so that it does not look
            // like one: 2130706433, 0x7f.1 and 0177.0.0.1 are all 127.0.0.1.
            let address: Option<Ipv4Addr> = host.parse().ok();
            return Self::public_if(address.is_some_and(is_public_v4));
        }
        let is_label = |label: &str| {
            !label.is_empty()
                && label.len() <= LABEL_BYTES_MAX
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if host.len() > NAME_BYTES_MAX || !host.split('.').all(is_label) {
            return Host::Invalid;
        }
        let is_inner = !host.contains('.')
            || INNER_SUFFIXES
                .iter()
                .any(|suffix| host.ends_with(suffix) || suffix.strip_prefix('.') == Some(host));
        Self::public_if(!is_inner)
    }

    fn public_if(is_public: bool) -> Self {
        if is_public { Host::Public } else { Host::Inner }
    }
}

/// Decimal, octal or hexadecimal, as the parts of an IPv4 address can be written.
fn is_number(label: &str) -> bool {
    let is_decimal = !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_digit());
    let hexadecimal = label.strip_prefix("0x");
    is_decimal
        || hexadecimal.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let is_known = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast();
    // This network, carrier-grade NAT, protocol assignments, relays, benchmarks, reserved, and the
    // host service of a large cloud.
    let is_special = matches!(
        address.octets(),
        [0 | 240..=255, ..]
            | [100, 64..=127, ..]
            | [192, 0, 0, _]
            | [192, 88, 99, _]
            | [198, 18 | 19, ..]
            | [168, 63, 129, 16]
    );
    !is_known && !is_special
}

/// Only global unicast, less what has another address inside it or is reserved. Mapped, translated,
/// unique-local, link-local and loopback addresses are all outside of it.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let is_global = (0x2000..=0x3fff).contains(&first);
    let is_special = matches!((first, second), (0x2001, 0..=0x01ff | 0x0db8) | (0x2002, _))
        || (first == 0x3fff && second <= 0x0fff);
    is_global && !is_special
}
