//! Records that expire: sign-ins under way, codes, tokens, sessions.
//!
//! The store knows neither expiry nor listing. So the records of a [`Drawer`] that expire in the
//! same hour are numbered, and once the hour is over [`sweep`] removes them by their numbers.
//! Whoever is to use a record holds its *handle*: where it lies, and 260 random bits of which the
//! record has a digest only. A copy of the store opens nothing.

use crate::error::Error;
use crate::ports::{Clock, Random, Store};
use crate::settings::Secret;
use crate::{keys, record, secrets};
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::fmt;

/// Milliseconds of an hour.
const HOUR_MS: i64 = 3_600_000;

/// Hours that expired records lie on before they are removed, for clocks that differ.
const GRACE_HOURS: i64 = 1;

/// Longest handle looked at, in bytes.
const HANDLE_BYTES_MAX: usize = 128;

/// How many records are removed at once.
const SWEEP_BATCH: i64 = 32;

/// A kind of records that expire. Its name stands in keys and in handles.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Drawer {
    /// Access tokens of applications.
    AccessToken,
    /// What an application asked for, while the person signs in.
    AuthorizationRequest,
    /// Authorization codes.
    Code,
    /// What a person granted an application: what its refresh tokens are good for.
    Grant,
    /// Passwords being changed by who has just proved the old one.
    PasswordChange,
    /// Sign-ins of browsers.
    Session,
    /// Sign-ins under way at a provider.
    SignIn,
}

impl Drawer {
    /// All of them.
    pub const ALL: [Drawer; 7] = [
        Drawer::AccessToken,
        Drawer::AuthorizationRequest,
        Drawer::Code,
        Drawer::Grant,
        Drawer::PasswordChange,
        Drawer::Session,
        Drawer::SignIn,
    ];

    /// The name in keys.
    fn as_str(self) -> &'static str {
        match self {
            Drawer::AccessToken => "access",
            Drawer::AuthorizationRequest => "request",
            Drawer::Code => "code",
            Drawer::Grant => "refresh",
            Drawer::PasswordChange => "change",
            Drawer::Session => "session",
            Drawer::SignIn => "state",
        }
    }
}

/// Where a record lies. Not a secret: it names the record and does not open it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Place {
    /// The hour since the Unix epoch in which it expires.
    #[serde(rename = "h")]
    hour: i64,
    /// Its number among those.
    #[serde(rename = "n")]
    number: i64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.hour, self.number)
    }
}

impl Place {
    /// Reads what [`Display`](fmt::Display) writes.
    pub fn parse(text: &str) -> Option<Self> {
        let (hour, number) = text.split_once('-')?;
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(hour) || !digits(number) {
            return None;
        }
        Some(Self {
            hour: hour.parse().ok()?,
            number: number.parse().ok()?,
        })
    }
}

/// A record that was found and has not expired.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Found<T> {
    /// Where it lies.
    pub place: Place,
    /// When it expires, in milliseconds since the Unix epoch.
    pub until_ms: i64,
    /// The digest of the secret part of its handle.
    digest: String,
    /// What was kept.
    pub value: T,
}

#[derive(Serialize)]
struct KeptRef<'a, T> {
    digest: &'a str,
    until_ms: i64,
    value: &'a T,
}

#[derive(Deserialize)]
struct Kept<T> {
    digest: String,
    until_ms: i64,
    value: T,
}

/// A handle taken apart.
struct Handle<'a> {
    place: Place,
    secret: &'a str,
}

impl<'a> Handle<'a> {
    /// Reads `rc-{drawer}_{place}_{secret}`.
    fn parse(drawer: Drawer, text: &'a str) -> Option<Self> {
        if text.len() > HANDLE_BYTES_MAX {
            return None;
        }
        let rest = text.strip_prefix("rc-")?.strip_prefix(drawer.as_str())?;
        let (place, secret) = rest.strip_prefix('_')?.split_once('_')?;
        let place = Place::parse(place)?;
        Some(Self { place, secret })
    }
}

fn handle(drawer: Drawer, place: Place, secret: &str) -> Secret {
    Secret::new(format!("rc-{}_{place}_{secret}", drawer.as_str()))
}

/// Keeps a value until a time and returns its handle: letters, digits, `-` and `_`, at most 128
/// bytes, fit for addresses, cookies and headers.
pub async fn put<T: Serialize>(
    ports: &(impl Store + Random),
    drawer: Drawer,
    until_ms: i64,
    value: &T,
) -> Result<Secret, Error> {
    Ok(put_at(ports, drawer, until_ms, value).await?.1)
}

/// Like [`put`], and says where the record lies.
pub async fn put_at<T: Serialize>(
    ports: &(impl Store + Random),
    drawer: Drawer,
    until_ms: i64,
    value: &T,
) -> Result<(Place, Secret), Error> {
    let hour = until_ms.div_euclid(HOUR_MS);
    let count = keys::ephemeral_count(drawer.as_str(), hour);
    let number = ports.increment(&count, 1).await?;
    let place = Place { hour, number };
    let secret = secrets::random_letters(ports, SECRET_LETTERS);
    write(
        ports,
        drawer,
        place,
        &KeptRef {
            digest: &secrets::digest(&secret),
            until_ms,
            value,
        },
    )
    .await?;
    Ok((place, handle(drawer, place, &secret)))
}

/// Letters of the secret part of a handle: 260 bits.
const SECRET_LETTERS: usize = 52;

/// Finds what a handle opens: `None` if it opens nothing, or nothing any more.
pub async fn find<T: DeserializeOwned>(
    ports: &(impl Store + Clock),
    drawer: Drawer,
    handle: &str,
) -> Result<Option<Found<T>>, Error> {
    let Some(Handle { place, secret }) = Handle::parse(drawer, handle) else {
        return Ok(None);
    };
    let found = find_at(ports, drawer, place).await?;
    Ok(found.filter(|found| secrets::is_equal(&secrets::digest(secret), &found.digest)))
}

/// Finds a record by its place, for whoever may know it without the handle.
pub async fn find_at<T: DeserializeOwned>(
    ports: &(impl Store + Clock),
    drawer: Drawer,
    place: Place,
) -> Result<Option<Found<T>>, Error> {
    let key = keys::ephemeral(drawer.as_str(), place.hour, place.number);
    let kept: Option<Kept<T>> = record::read(ports, &key).await?;
    let now_ms = ports.now().as_millisecond();
    Ok(kept
        .filter(|kept| now_ms < kept.until_ms)
        .map(|kept| Found {
            place,
            until_ms: kept.until_ms,
            digest: kept.digest,
            value: kept.value,
        }))
}

/// Writes a record again with another value. Its handle, place and time stay.
pub async fn replace<T: Serialize>(
    store: &impl Store,
    drawer: Drawer,
    found: &Found<T>,
) -> Result<(), Error> {
    let kept = KeptRef {
        digest: &found.digest,
        until_ms: found.until_ms,
        value: &found.value,
    };
    write(store, drawer, found.place, &kept).await
}

/// Gives a record a new handle in place of the one it had, and another value.
pub async fn rehandle<T: Serialize>(
    ports: &(impl Store + Random),
    drawer: Drawer,
    found: &Found<T>,
) -> Result<Secret, Error> {
    let secret = secrets::random_letters(ports, SECRET_LETTERS);
    let kept = KeptRef {
        digest: &secrets::digest(&secret),
        until_ms: found.until_ms,
        value: &found.value,
    };
    write(ports, drawer, found.place, &kept).await?;
    Ok(handle(drawer, found.place, &secret))
}

/// Counts a use of a record and returns how many there were with this one. What may happen once
/// happens for whoever gets 1, whatever else is under way.
pub async fn count_use(store: &impl Store, drawer: Drawer, place: Place) -> Result<i64, Error> {
    let key = keys::ephemeral_uses(drawer.as_str(), place.hour, place.number);
    Ok(store.increment(&key, 1).await?)
}

/// Removes a record. Its uses stay counted until the hour is swept, so that a second use of the
/// same handle is known as one.
pub async fn remove(store: &impl Store, drawer: Drawer, place: Place) -> Result<(), Error> {
    let key = keys::ephemeral(drawer.as_str(), place.hour, place.number);
    Ok(store.delete(&key).await?)
}

async fn write<T: Serialize>(
    store: &impl Store,
    drawer: Drawer,
    place: Place,
    kept: &KeptRef<'_, T>,
) -> Result<(), Error> {
    let key = keys::ephemeral(drawer.as_str(), place.hour, place.number);
    Ok(record::write(store, &key, kept).await?)
}

/// How far a drawer was swept.
#[derive(Deserialize, Serialize)]
struct Swept {
    hour: i64,
}

/// Removes the records of hours that are over, until there are none left or time is up. True when
/// some are left.
pub async fn sweep(ports: &(impl Store + Clock), deadline: Timestamp) -> Result<bool, Error> {
    for drawer in Drawer::ALL {
        if sweep_drawer(ports, drawer, deadline).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn sweep_drawer(
    ports: &(impl Store + Clock),
    drawer: Drawer,
    deadline: Timestamp,
) -> Result<bool, Error> {
    let name = drawer.as_str();
    let now_hour = ports.now().as_millisecond().div_euclid(HOUR_MS);
    let last = now_hour - 1 - GRACE_HOURS;
    let key = keys::ephemeral_swept(name);
    let swept: Option<Swept> = record::read(ports, &key).await?;
    // What lies in a drawer expires after the first tick, or the tick comes within the grace.
    let Some(Swept { hour }) = swept else {
        record::write(ports, &key, &Swept { hour: last }).await?;
        return Ok(false);
    };
    for hour in hour + 1..=last {
        if !sweep_hour(ports, name, hour, deadline).await? {
            return Ok(true);
        }
        record::write(ports, &key, &Swept { hour }).await?;
    }
    Ok(false)
}

/// Removes an hour's records from the last to the first, then their count, so that a sweep that
/// dies is done again. False when time was up.
async fn sweep_hour(
    ports: &(impl Store + Clock),
    drawer: &str,
    hour: i64,
    deadline: Timestamp,
) -> Result<bool, Error> {
    let count = keys::ephemeral_count(drawer, hour);
    if !ports.exists(&count).await? {
        return Ok(true);
    }
    let mut left = ports.increment(&count, 0).await?;
    while left > 0 {
        if ports.now() >= deadline {
            return Ok(false);
        }
        let from = (left - SWEEP_BATCH).max(0);
        let removed: Vec<String> = (from + 1..=left)
            .flat_map(|number| {
                [
                    keys::ephemeral(drawer, hour, number),
                    keys::ephemeral_uses(drawer, hour, number),
                ]
            })
            .collect();
        ports.delete_many(&removed).await?;
        left = ports.increment(&count, from - left).await?;
    }
    ports.delete(&count).await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{MemoryPorts, block_on};
    use jiff::SignedDuration;
    use std::time::Duration;

    const MINUTE_MS: i64 = 60_000;

    fn put_for(ports: &MemoryPorts, drawer: Drawer, life_ms: i64, value: &str) -> Secret {
        let until_ms = ports.now().as_millisecond() + life_ms;
        block_on(put(ports, drawer, until_ms, &value.to_owned())).unwrap()
    }

    fn found(ports: &MemoryPorts, drawer: Drawer, handle: &str) -> Option<String> {
        block_on(find::<String>(ports, drawer, handle))
            .unwrap()
            .map(|found| found.value)
    }

    fn sweep_all(ports: &MemoryPorts) -> bool {
        block_on(sweep(ports, ports.now() + SignedDuration::from_secs(10))).unwrap()
    }

    #[test]
    fn a_handle_opens_its_record_until_it_expires() {
        let ports = MemoryPorts::new();
        let handle = put_for(&ports, Drawer::Code, MINUTE_MS, "a");
        assert_eq!(
            found(&ports, Drawer::Code, handle.expose()).as_deref(),
            Some("a")
        );
        ports.advance(Duration::from_mins(1));
        assert_eq!(found(&ports, Drawer::Code, handle.expose()), None);
    }

    #[test]
    fn only_the_whole_handle_opens_and_only_in_its_drawer() {
        let ports = MemoryPorts::new();
        let handle = put_for(&ports, Drawer::Code, MINUTE_MS, "a");
        let text = handle.expose();
        assert!(text.len() <= HANDLE_BYTES_MAX, "{text}");
        let (start, _) = text.rsplit_once('_').unwrap();
        let other = put_for(&ports, Drawer::Code, MINUTE_MS, "b");
        let (_, other) = other.expose().rsplit_once('_').unwrap();
        for wrong in [
            "",
            start,
            &format!("{start}_"),
            &format!("{start}_{other}"),
            &format!("{text}x"),
            &text.to_uppercase(),
            "rc-code_1-1_x",
            "rc-code_-1--1_x",
            "rc-code_99999999999999999999-1_x",
            &"x".repeat(10_000),
        ] {
            assert_eq!(found(&ports, Drawer::Code, wrong), None, "{wrong}");
        }
        assert_eq!(found(&ports, Drawer::Session, text), None);
    }

    #[test]
    fn the_store_has_no_handle() {
        let ports = MemoryPorts::new();
        let handle = put_for(&ports, Drawer::Session, MINUTE_MS, "a");
        let (_, secret) = handle.expose().rsplit_once('_').unwrap();
        for (key, value) in ports.dump() {
            assert!(!key.contains(secret));
            assert!(!String::from_utf8_lossy(&value).contains(secret));
        }
    }

    #[test]
    fn a_new_handle_takes_the_place_of_the_old_one() {
        let ports = MemoryPorts::new();
        let old = put_for(&ports, Drawer::Grant, MINUTE_MS, "a");
        let mut kept = block_on(find::<String>(&ports, Drawer::Grant, old.expose()))
            .unwrap()
            .unwrap();
        "b".clone_into(&mut kept.value);
        let new = block_on(rehandle(&ports, Drawer::Grant, &kept)).unwrap();
        assert_eq!(found(&ports, Drawer::Grant, old.expose()), None);
        assert_eq!(
            found(&ports, Drawer::Grant, new.expose()).as_deref(),
            Some("b")
        );
    }

    #[test]
    fn what_expired_is_removed_and_what_did_not_stays() {
        let ports = MemoryPorts::new();
        assert!(!sweep_all(&ports));
        let before = ports.dump();
        for number in 0..100 {
            let handle = put_for(&ports, Drawer::Code, MINUTE_MS, &number.to_string());
            let kept = block_on(find::<String>(&ports, Drawer::Code, handle.expose()))
                .unwrap()
                .unwrap();
            block_on(count_use(&ports, Drawer::Code, kept.place)).unwrap();
        }
        let kept = put_for(&ports, Drawer::Session, 10 * HOUR_MS, "kept");
        ports.advance(Duration::from_hours(3));
        assert!(!sweep_all(&ports));
        assert_eq!(
            found(&ports, Drawer::Session, kept.expose()).as_deref(),
            Some("kept")
        );
        ports.advance(Duration::from_hours(12));
        assert!(!sweep_all(&ports));
        let after: Vec<String> = ports.dump().into_keys().collect();
        assert_eq!(after, before.into_keys().collect::<Vec<_>>());
    }

    #[test]
    fn a_sweep_stops_when_time_is_up_and_goes_on_later() {
        let ports = MemoryPorts::new();
        sweep_all(&ports);
        for _ in 0..5 {
            put_for(&ports, Drawer::Code, MINUTE_MS, "a");
        }
        ports.advance(Duration::from_hours(3));
        assert!(block_on(sweep(&ports, ports.now())).unwrap());
        assert!(!sweep_all(&ports));
        assert!(
            ports
                .dump()
                .keys()
                .all(|key| !key.starts_with("ephemeral/code/4"))
        );
    }
}
