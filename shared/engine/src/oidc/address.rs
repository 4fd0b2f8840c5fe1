//! Addresses of applications, as the operator may register them.

use http::Uri;

/// Longest address that is registered, in bytes.
const ADDRESS_BYTES_MAX: usize = 2_000;

/// What our answers add to an address. One that has it already could be read in two ways.
const ADDED: [&str; 5] = ["code", "error", "error_description", "iss", "state"];

/// Checks an address that browsers are sent to or that we send to: `https`, or `http` on the
/// machine itself for development. It is compared byte for byte later, so it has to be whole: no
/// wildcards, no fragment (RFC 6749 section 3.1.2, RFC 9700 section 2.1).
pub(super) fn check(address: &str) -> Result<(), &'static str> {
    if address.len() > ADDRESS_BYTES_MAX {
        return Err("may have at most 2000 bytes");
    }
    let is_plain = address.bytes().all(|b| b.is_ascii_graphic());
    if !is_plain || address.contains(['\\', '"', '<', '>', '`', '{', '}', '|', '^']) {
        return Err("has a character that an address can't have: write it with %");
    }
    if address.contains('#') {
        return Err("must have no fragment");
    }
    if address.contains('*') {
        return Err("must be whole: wildcards are not possible");
    }
    let uri: Uri = address.parse().map_err(|_| "must be an absolute address")?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err("must be an absolute address");
    };
    if authority.as_str().contains('@') || authority.host().is_empty() {
        return Err("needs a host, and no user name or password");
    }
    let is_local = matches!(authority.host(), "localhost" | "127.0.0.1" | "[::1]");
    if scheme != "https" && !(scheme == "http" && is_local) {
        return Err("must start with https:// (http:// only for this machine itself)");
    }
    let query = uri.query().unwrap_or_default();
    let mut names = form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name);
    if names.any(|name| ADDED.contains(&name.as_ref())) {
        return Err("must not have a parameter that our answers add to it");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_whole_and_https_or_on_this_machine() {
        for address in [
            "https://app.example/callback",
            "https://app.example:8443/a/b?tenant=maple&x",
            "http://127.0.0.1:4000/callback",
            "http://localhost/callback",
            "http://[::1]:4000/",
        ] {
            assert_eq!(check(address), Ok(()), "{address}");
        }
    }

    #[test]
    fn every_other_address_is_refused() {
        for address in [
            "",
            "/callback",
            "app.example/callback",
            "http://app.example/callback",
            "http://127.0.0.1.example/callback",
            "http://localhost@evil.example/",
            "https://user:word@app.example/",
            "https://app.example/callback#",
            "https://app.example/callback#top",
            "https://*.app.example/callback",
            "https://app.example/*",
            "https://app.example/a b",
            "https://app.example/\r\nset-cookie:a=b",
            "https://app.example\\@evil.example/",
            "https://app.example/ü",
            "https://app.example/?code=1",
            "https://app.example/?a=b&st%61te=1",
            "javascript:alert(1)",
            "com.example.app:/callback",
            "https://",
            &format!("https://app.example/{}", "a".repeat(2_000)),
        ] {
            assert!(check(address).is_err(), "{address}");
        }
    }
}
