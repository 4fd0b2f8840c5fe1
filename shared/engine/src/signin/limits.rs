//! How often a password may be guessed, across all instances: each attempt is counted in the store
//! before it is looked at.
//!
//! A guesser has three limits: for a name from one address, for a name from anywhere, and for an
//! address whatever the names. The last one is wide, since a school has one address for all. Beyond
//! them nobody who is not known gets an answer, and that must not keep the right person out:
//! whoever signed in from a browser before has a [limit of their own](super::known) there, from
//! whatever address; and a password that we made is never guessed, so it needs none.
//!
//! Names and addresses are kept as keyed digests, for two hours after their time.

use super::keyed::Key;
use crate::ephemeral;
use crate::error::Error;
use crate::ports::{Clock, Store};
use mapping::ids::TenantId;
use std::net::IpAddr;

/// Attempts at one name from one address in [`WINDOW_MS`].
pub const PER_NAME_AND_ADDRESS: i64 = 10;

/// Attempts at one name from all addresses in [`NAME_WINDOW_MS`]. More than one address can use up,
/// so that one guesser does not keep anybody out elsewhere.
pub const PER_NAME: i64 = 100;

/// Wrong passwords from one address in [`WINDOW_MS`], whatever the names. A school of thousands
/// has one address, and its children mistype.
pub const PER_ADDRESS: i64 = 600;

/// Attempts at an account from a browser that is known to be its person's, in [`WINDOW_MS`].
pub const PER_KNOWN_BROWSER: i64 = 10;

/// How long attempts are counted together, in milliseconds.
pub const WINDOW_MS: i64 = 15 * 60_000;

/// The same for [`PER_NAME`], in milliseconds.
pub const NAME_WINDOW_MS: i64 = 60 * 60_000;

/// Somebody who tries a password.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// The name that was typed, in lower case.
    pub name: &'a str,
    /// Where it comes from.
    pub address: Option<IpAddr>,
    /// The browser, where it is known to be the person's.
    pub browser: Option<&'a str>,
}

/// Whether an attempt may be looked at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Admission {
    /// It may. What it came to has to be said to [`right`] or [`wrong`].
    Admitted(Ticket),
    /// Not before this time, in milliseconds since the Unix epoch.
    Limited {
        /// The time.
        until_ms: i64,
    },
}

/// What was counted for an attempt, and what is counted if it was wrong.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Ticket {
    counted: Vec<Counter>,
    if_wrong: Option<Counter>,
}

/// Something that is counted until a time.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Counter {
    end_ms: i64,
    name: String,
    /// What it came to.
    count: i64,
}

impl Counter {
    fn new(kind: &str, end_ms: i64, digest: &str) -> Self {
        Self {
            end_ms,
            name: format!("{kind}-{end_ms}-{digest}"),
            count: 0,
        }
    }

    async fn add(mut self, store: &impl Store) -> Result<Self, Error> {
        self.count = ephemeral::count(store, self.end_ms, &self.name).await?;
        Ok(self)
    }
}

/// Counts an attempt, and says whether it may be looked at.
pub async fn admit(
    ports: &(impl Store + Clock),
    key: &Key,
    attempt: Attempt<'_>,
) -> Result<Admission, Error> {
    let now_ms = ports.now().as_millisecond();
    let end_ms = end_of(now_ms, WINDOW_MS);
    let (tenant, name) = (attempt.tenant.as_str(), attempt.name);
    let mut ticket = Ticket::default();
    if let Some(browser) = attempt.browser {
        let digest = key.digest("limit known browser", &[tenant, name, browser]);
        let counter = Counter::new("b", end_ms, &digest).add(ports).await?;
        if counter.count <= PER_KNOWN_BROWSER {
            ticket.counted.push(counter);
            return Ok(Admission::Admitted(ticket));
        }
    }
    let network = network(attempt.address);
    let digest = key.digest("limit address", &[&network]);
    let of_address = Counter::new("a", end_ms, &digest);
    if ephemeral::counted(ports, end_ms, &of_address.name).await? >= PER_ADDRESS {
        return Ok(Admission::Limited { until_ms: end_ms });
    }
    ticket.if_wrong = Some(of_address);
    let digest = key.digest("limit name and address", &[tenant, name, &network]);
    let counter = Counter::new("na", end_ms, &digest).add(ports).await?;
    if counter.count > PER_NAME_AND_ADDRESS {
        return Ok(Admission::Limited { until_ms: end_ms });
    }
    ticket.counted.push(counter);
    let end_ms = end_of(now_ms, NAME_WINDOW_MS);
    let digest = key.digest("limit name", &[tenant, name]);
    let counter = Counter::new("n", end_ms, &digest).add(ports).await?;
    if counter.count > PER_NAME {
        return Ok(Admission::Limited { until_ms: end_ms });
    }
    ticket.counted.push(counter);
    Ok(Admission::Admitted(ticket))
}

/// Says that an attempt that was admitted was right, so that it does not count. The first of a
/// window does: a counter that stays above nothing is noted for its removal once.
pub async fn right(store: &impl Store, ticket: &Ticket) -> Result<(), Error> {
    for counter in ticket.counted.iter().filter(|counter| counter.count > 1) {
        ephemeral::uncount(store, counter.end_ms, &counter.name).await?;
    }
    Ok(())
}

/// Says that an attempt that was admitted was wrong.
pub async fn wrong(store: &impl Store, ticket: &Ticket) -> Result<(), Error> {
    if let Some(counter) = &ticket.if_wrong {
        ephemeral::count(store, counter.end_ms, &counter.name).await?;
    }
    Ok(())
}

/// When the window ends that a moment is in.
fn end_of(now_ms: i64, window_ms: i64) -> i64 {
    (now_ms.div_euclid(window_ms) + 1).saturating_mul(window_ms)
}

/// What counts as one address: of version 6 a network of 64 bits, which is what one household or
/// one guesser has. Where none is known, all are one.
fn network(address: Option<IpAddr>) -> String {
    match address.map(|address| address.to_canonical()) {
        Some(IpAddr::V4(address)) => address.to_string(),
        Some(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}")
        }
        None => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{MemoryPorts, block_on};
    use crate::settings::Secret;
    use crate::signin::testing::tenant;
    use std::time::Duration;

    struct Gate {
        ports: MemoryPorts,
        key: Key,
        tenant: TenantId,
    }

    fn gate() -> Gate {
        Gate {
            ports: MemoryPorts::new(),
            key: Key::from_secret(&Secret::new("operator")),
            tenant: tenant(),
        }
    }

    impl Gate {
        /// Whether a wrong attempt is looked at.
        fn admits(&self, name: &str, address: &str, browser: Option<&str>) -> bool {
            self.tries(name, address, browser, false)
        }

        /// Whether an attempt is looked at.
        fn tries(&self, name: &str, address: &str, browser: Option<&str>, is_right: bool) -> bool {
            let attempt = Attempt {
                tenant: &self.tenant,
                name,
                address: address.parse().ok(),
                browser,
            };
            block_on(async {
                match admit(&self.ports, &self.key, attempt).await.unwrap() {
                    Admission::Admitted(ticket) => {
                        let done = if is_right {
                            right(&self.ports, &ticket).await
                        } else {
                            wrong(&self.ports, &ticket).await
                        };
                        done.unwrap();
                        true
                    }
                    Admission::Limited { until_ms } => {
                        assert!(until_ms > self.ports.now().as_millisecond());
                        false
                    }
                }
            })
        }

        fn admitted(&self, times: usize, name: &str, address: &str) -> usize {
            (0..times)
                .filter(|_| self.admits(name, address, None))
                .count()
        }
    }

    #[test]
    fn a_guesser_at_one_name_is_stopped_and_nobody_elsewhere_is() {
        let gate = gate();
        assert_eq!(gate.admitted(10_000, "dana", "203.0.113.7"), 10);
        assert!(gate.admits("dana", "203.0.113.8", None));
        assert!(gate.admits("leo", "203.0.113.7", None));
        gate.ports.advance(Duration::from_mins(15));
        assert_eq!(gate.admitted(100, "dana", "203.0.113.7"), 10);
    }

    #[test]
    fn one_address_can_not_use_a_name_up() {
        let gate = gate();
        for _ in 0..4 {
            gate.admitted(1_000, "dana", "203.0.113.7");
            assert!(gate.admits("dana", "198.51.100.1", None));
            gate.ports.advance(Duration::from_mins(15));
        }
    }

    #[test]
    fn a_guesser_with_many_addresses_is_stopped_and_the_known_browser_is_not() {
        let gate = gate();
        let guesses: usize = (0..10_000)
            .map(|n| gate.admitted(1, "dana", &format!("10.0.{}.{}", n / 250, n % 250)))
            .sum();
        assert_eq!(guesses, 100);
        assert!(!gate.admits("dana", "198.51.100.1", None));
        assert!(gate.admits("dana", "198.51.100.1", Some("hers")));
        assert!(gate.admits("dana", "10.0.0.1", Some("hers")));
    }

    #[test]
    fn a_guesser_at_many_names_is_stopped_at_their_address() {
        let gate = gate();
        let guesses: usize = (0..5_000)
            .map(|n| gate.admitted(1, &format!("name-{n}"), "203.0.113.7"))
            .sum();
        assert_eq!(guesses, 600);
        assert!(!gate.admits("dana", "203.0.113.7", None));
        assert!(gate.admits("dana", "203.0.113.7", Some("hers")));
        assert!(gate.admits("dana", "203.0.113.8", None));
    }

    #[test]
    fn a_known_browser_that_guesses_is_stopped_too() {
        let gate = gate();
        let tries = || gate.admits("dana", "203.0.113.7", Some("hers"));
        // Ten as the known browser, ten more as any other.
        assert_eq!((0..100).filter(|_| tries()).count(), 20);
    }

    #[test]
    fn right_attempts_do_not_count_but_for_the_first() {
        let gate = gate();
        for browser in [None, Some("hers")] {
            for _ in 0..100 {
                assert!(gate.tries("dana", "203.0.113.7", browser, true));
            }
        }
        assert_eq!(gate.admitted(100, "dana", "203.0.113.7"), 9);
    }

    #[test]
    fn a_network_of_version_6_is_one_address() {
        let gate = gate();
        let guesses: usize = (0..50)
            .map(|n| gate.admitted(1, "dana", &format!("2001:db8:1:2::{n:x}")))
            .sum();
        assert_eq!(guesses, 10);
        assert!(gate.admits("dana", "2001:db8:1:3::1", None));
        assert_eq!(gate.admitted(20, "leo", "::ffff:203.0.113.7"), 10);
        assert!(!gate.admits("leo", "203.0.113.7", None));
    }

    #[test]
    fn the_store_knows_neither_names_nor_addresses() {
        let gate = gate();
        gate.admitted(3, "dana", "203.0.113.7");
        for (key, value) in gate.ports.dump() {
            let all = format!("{key} {}", String::from_utf8_lossy(&value));
            assert!(!all.contains("dana") && !all.contains("203.0"), "{all}");
        }
    }
}
