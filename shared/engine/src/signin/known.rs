//! Browsers that are known to be a person's: they signed in there with the right password.
//!
//! What a browser keeps for it is signed and says nothing to anybody else. A browser that several
//! people use knows the last few of them. It opens no account: it gives its holder attempts of
//! their own, so that guessing elsewhere keeps nobody out ([`super::limits`]).

use super::keyed::Key;
use crate::cookies;
use crate::ports::{Clock, Random};
use crate::secrets;
use crate::settings::PublicUrl;
use http::HeaderMap;
use mapping::ids::{AccountId, TenantId};

/// How long a browser is known, in milliseconds: a school year and its summer are shorter.
const KNOWN_MS: i64 = 400 * 24 * 3_600_000;

/// People that one browser is known for.
const PEOPLE_MAX: usize = 5;

/// Letters of a browser's name: 80 bits.
const NAME_LETTERS: usize = 16;

/// The cookie.
const COOKIE: &str = "rollcall-known";

/// Longest cookie looked at, in bytes.
const COOKIE_BYTES_MAX: usize = 1_024;

/// What the signature is for.
const PURPOSE: &str = "known browser";

/// One person that a browser is known for: until when, the browser's name, and the signature over
/// both and the account.
#[derive(Clone, Copy)]
struct Entry<'a> {
    text: &'a str,
    until_ms: i64,
    name: &'a str,
    signature: &'a str,
}

impl<'a> Entry<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (until, rest) = text.split_once('-')?;
        let (name, signature) = rest.split_once('-')?;
        Some(Self {
            text,
            until_ms: until.parse().ok()?,
            name,
            signature,
        })
    }

    fn is_of(self, key: &Key, tenant: &TenantId, account: &AccountId) -> bool {
        let until = self.until_ms.to_string();
        let parts = [tenant.as_str(), account.as_str(), &until, self.name];
        key.is_digest(self.signature, PURPOSE, &parts)
    }
}

fn entries<'a>(
    public_url: &PublicUrl,
    headers: &'a HeaderMap,
) -> impl Iterator<Item = Entry<'a>> + use<'a> {
    let value = cookies::read(public_url, headers, COOKIE).unwrap_or_default();
    let value = if value.len() > COOKIE_BYTES_MAX {
        ""
    } else {
        value
    };
    value.split('.').filter_map(Entry::parse).take(PEOPLE_MAX)
}

/// The name of a browser that is known to be of an account's person.
pub fn browser<'a>(
    clock: &impl Clock,
    key: &Key,
    (public_url, headers): (&PublicUrl, &'a HeaderMap),
    (tenant, account): (&TenantId, &AccountId),
) -> Option<&'a str> {
    let now_ms = clock.now().as_millisecond();
    let found = entries(public_url, headers)
        .find(|entry| now_ms < entry.until_ms && entry.is_of(key, tenant, account));
    found.map(|entry| entry.name)
}

/// The `Set-Cookie` after which a browser is known to be of an account's person too.
pub fn remember(
    ports: &(impl Clock + Random),
    key: &Key,
    (public_url, headers): (&PublicUrl, &HeaderMap),
    (tenant, account): (&TenantId, &AccountId),
) -> String {
    let now_ms = ports.now().as_millisecond();
    let until = now_ms.saturating_add(KNOWN_MS).to_string();
    let name = secrets::random_letters(ports, NAME_LETTERS);
    let signature = key.digest(PURPOSE, &[tenant.as_str(), account.as_str(), &until, &name]);
    let mut value = format!("{until}-{name}-{signature}");
    let others = entries(public_url, headers)
        .filter(|entry| now_ms < entry.until_ms && !entry.is_of(key, tenant, account));
    for other in others.take(PEOPLE_MAX - 1) {
        value.push('.');
        value.push_str(other.text);
    }
    cookies::set(public_url, COOKIE, &value, Some(KNOWN_MS / 1_000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryPorts;
    use crate::settings::Secret;
    use crate::signin::testing::tenant;
    use std::time::Duration;

    struct Browser {
        ports: MemoryPorts,
        key: Key,
        url: PublicUrl,
        headers: HeaderMap,
    }

    fn browser_of_nobody() -> Browser {
        Browser {
            ports: MemoryPorts::new(),
            key: Key::from_secret(&Secret::new("operator")),
            url: PublicUrl::parse("https://sync.example").unwrap(),
            headers: HeaderMap::new(),
        }
    }

    fn account(id: &str) -> AccountId {
        AccountId::parse(id).unwrap()
    }

    impl Browser {
        fn is_known(&self, id: &str) -> bool {
            let of = (&tenant(), &account(id));
            let at = (&self.url, &self.headers);
            browser(&self.ports, &self.key, at, of).is_some()
        }

        fn remember(&mut self, id: &str) -> String {
            let of = (&tenant(), &account(id));
            let at = (&self.url, &self.headers);
            let set = remember(&self.ports, &self.key, at, of);
            let (cookie, flags) = set.split_once(';').unwrap();
            assert!(flags.contains("HttpOnly") && flags.contains("Secure"));
            assert!(!set.contains(id));
            self.headers.insert("cookie", cookie.parse().unwrap());
            cookie.to_owned()
        }
    }

    #[test]
    fn a_browser_knows_the_last_few_people() {
        let mut browser = browser_of_nobody();
        assert!(!browser.is_known("p0"));
        for id in ["p0", "p1", "p2", "p3", "p4", "p4", "p5"] {
            browser.remember(id);
            assert!(browser.is_known(id));
        }
        let known: Vec<bool> = (0..6).map(|n| browser.is_known(&format!("p{n}"))).collect();
        assert_eq!(known, [false, true, true, true, true, true]);
        browser.ports.advance(Duration::from_hours(24 * 401));
        assert!(!browser.is_known("p5"));
    }

    #[test]
    fn what_a_browser_keeps_can_not_be_made_up() {
        let mut browser = browser_of_nobody();
        let cookie = browser.remember("p0");
        let long = format!("{cookie}.{}", "x".repeat(2_000));
        for tampered in [
            cookie.replace('-', "--"),
            cookie.replacen('3', "9", 1),
            format!("{cookie}0"),
            "__Host-rollcall-known=".to_owned(),
            "__Host-rollcall-known=99999999999999--".to_owned(),
            long,
        ] {
            browser.headers.insert("cookie", tampered.parse().unwrap());
            assert!(!browser.is_known("p0"), "{tampered}");
        }
    }
}
