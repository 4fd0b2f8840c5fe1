//! Cookies of ours: one form for all of them.
//!
//! Each is for this host alone, out of reach of scripts, and sent along when another site leads here
//! but not when it posts here or embeds us. Over `https` it is secure, and its name has the prefix
//! that keeps other hosts of the domain from setting it (RFC 6265bis section 4.1.3.2); over plain
//! `http`, on this machine itself, browsers refuse that prefix.

use crate::settings::PublicUrl;
use http::HeaderMap;

/// The name that a cookie has at an address.
pub fn name(public_url: &PublicUrl, plain: &str) -> String {
    if public_url.is_https() {
        format!("__Host-{plain}")
    } else {
        plain.to_owned()
    }
}

/// The `Set-Cookie` that sets a cookie, for so many seconds or until the browser ends; 0 takes it
/// away.
pub fn set(public_url: &PublicUrl, plain: &str, value: &str, seconds: Option<i64>) -> String {
    let name = name(public_url, plain);
    let life = seconds.map_or_else(String::new, |seconds| format!("; Max-Age={seconds}"));
    let secure = if public_url.is_https() {
        "; Secure"
    } else {
        ""
    };
    // Lax: it has to come along when a provider or an application leads back to us.
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{life}{secure}")
}

/// The value of a cookie. Of two with one name, the first: browsers send the one of the longer path
/// first, and ours all have the path `/`.
pub fn read<'a>(public_url: &PublicUrl, headers: &'a HeaderMap, plain: &str) -> Option<&'a str> {
    let name = name(public_url, plain);
    headers
        .get_all(http::header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(found, value)| (found == name).then_some(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn url(text: &str) -> PublicUrl {
        PublicUrl::parse(text).unwrap()
    }

    #[test]
    fn a_cookie_is_of_this_host_and_kept_from_scripts_and_other_sites() {
        assert_eq!(
            set(&url("https://sync.example"), "a", "v", Some(60)),
            "__Host-a=v; Path=/; HttpOnly; SameSite=Lax; Max-Age=60; Secure"
        );
        assert_eq!(
            set(&url("http://127.0.0.1:3000"), "a", "v", None),
            "a=v; Path=/; HttpOnly; SameSite=Lax"
        );
    }

    #[test]
    fn a_cookie_without_the_prefix_is_not_ours_over_https() {
        let mut headers = HeaderMap::new();
        let all = HeaderValue::from_static("a=forged; __Host-a=ours; __Host-a=second; broken");
        headers.insert(http::header::COOKIE, all);
        let secure = url("https://sync.example");
        assert_eq!(read(&secure, &headers, "a"), Some("ours"));
        assert_eq!(
            read(&url("http://127.0.0.1:3000"), &headers, "a"),
            Some("forged")
        );
        assert_eq!(read(&secure, &headers, "b"), None);
        assert_eq!(read(&secure, &headers, "broken"), None);
    }
}
