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
    /// Names of what is counted for a while, see [`count`].
    Counter,
    /// What a person granted an application: what its refresh tokens are good for.
    Grant,
    /// Passwords being changed by who has just proved the old one.
    PasswordChange,
    /// One-time codes of people whose passwords were reset.
    ResetCode,
    /// Sign-ins of browsers.
    Session,
    /// Sign-ins under way at a provider.
    SignIn,
}

impl Drawer {
    /// All of them.
    pub const ALL: [Drawer; 9] = [
        Drawer::AccessToken,
        Drawer::AuthorizationRequest,
        Drawer::Code,
        Drawer::Counter,
        Drawer::Grant,
        Drawer::PasswordChange,
        Drawer::ResetCode,
        Drawer::Session,
        Drawer::SignIn,
    ];

    /// The name in keys.
    fn as_str(self) -> &'static str {
        match self {
            Drawer::AccessToken => "access",
            Drawer::AuthorizationRequest => "request",
            Drawer::Code => "code",
            Drawer::Counter => "counter",
            Drawer::Grant => "refresh",
            Drawer::PasswordChange => "change",
            Drawer::ResetCode => "reset",
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
    let unwritten = prepare(ports, drawer, until_ms, value).await?;
    let (key, bytes) = &unwritten.value;
    ports.set(key, bytes).await?;
    Ok((unwritten.place, unwritten.handle))
}

/// Letters of the secret part of a handle: 260 bits.
const SECRET_LETTERS: usize = 52;

/// A record that is not written yet: somebody else writes it together with others.
#[derive(Debug)]
pub struct Unwritten {
    /// Where it will lie.
    pub place: Place,
    /// Its handle.
    pub handle: Secret,
    /// What [`Store::set_many`] takes.
    pub value: (String, Vec<u8>),
}

/// Like [`put_at`], and leaves the writing to the caller.
pub async fn prepare<T: Serialize>(
    ports: &(impl Store + Random),
    drawer: Drawer,
    until_ms: i64,
    value: &T,
) -> Result<Unwritten, Error> {
    let hour = until_ms.div_euclid(HOUR_MS);
    let count = keys::ephemeral_count(drawer.as_str(), hour);
    let number = ports.increment(&count, 1).await?;
    let place = Place { hour, number };
    let secret = secrets::random_letters(ports, SECRET_LETTERS);
    let kept = KeptRef {
        digest: &secrets::digest(&secret),
        until_ms,
        value,
    };
    let key = keys::ephemeral(drawer.as_str(), place.hour, place.number);
    Ok(Unwritten {
        place,
        handle: handle(drawer, place, &secret),
        value: (key, record::encode(&kept)),
    })
}

/// What [`replace`] would write.
pub fn replacement<T: Serialize>(drawer: Drawer, found: &Found<T>) -> (String, Vec<u8>) {
    let kept = KeptRef {
        digest: &found.digest,
        until_ms: found.until_ms,
        value: &found.value,
    };
    let key = keys::ephemeral(drawer.as_str(), found.place.hour, found.place.number);
    (key, record::encode(&kept))
}

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
    let (key, bytes) = replacement(drawer, found);
    Ok(store.set(&key, &bytes).await?)
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

/// Counts something until a time, and returns how often that was done. `name` says what, as a part
/// of a key. Counts that end in different hours have nothing to do with each other.
pub async fn count(store: &impl Store, until_ms: i64, name: &str) -> Result<i64, Error> {
    let drawer = Drawer::Counter;
    let hour = until_ms.div_euclid(HOUR_MS);
    let counted = store
        .increment(&keys::ephemeral_counter(hour, name), 1)
        .await?;
    if counted == 1 {
        // Noted for the sweep.
        let count = keys::ephemeral_count(drawer.as_str(), hour);
        let number = store.increment(&count, 1).await?;
        let kept = KeptRef {
            digest: "",
            until_ms,
            value: &name,
        };
        write(store, drawer, Place { hour, number }, &kept).await?;
    }
    Ok(counted)
}

/// Takes back that something was counted, which was counted more than once.
pub async fn uncount(store: &impl Store, until_ms: i64, name: &str) -> Result<(), Error> {
    let key = keys::ephemeral_counter(until_ms.div_euclid(HOUR_MS), name);
    store.increment(&key, -1).await?;
    Ok(())
}

/// How often something was counted.
pub async fn counted(store: &impl Store, until_ms: i64, name: &str) -> Result<i64, Error> {
    let key = keys::ephemeral_counter(until_ms.div_euclid(HOUR_MS), name);
    // Reading a counter would make one on some stores.
    if store.exists(&key).await? {
        Ok(store.increment(&key, 0).await?)
    } else {
        Ok(0)
    }
}

/// How many uses of a record were counted so far.
pub async fn uses(store: &impl Store, drawer: Drawer, place: Place) -> Result<i64, Error> {
    let key = keys::ephemeral_uses(drawer.as_str(), place.hour, place.number);
    Ok(store.increment(&key, 0).await?)
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

/// How far the drawers were swept.
#[derive(Deserialize, Serialize)]
struct Swept {
    hour: i64,
}

/// Removes the records of hours that are over, until there are none left or time is up. True when
/// some are left.
pub async fn sweep(ports: &(impl Store + Clock), deadline: Timestamp) -> Result<bool, Error> {
    let now_hour = ports.now().as_millisecond().div_euclid(HOUR_MS);
    let last = now_hour - 1 - GRACE_HOURS;
    let key = keys::ephemeral_swept();
    let swept: Option<Swept> = record::read(ports, &key).await?;
    // What lies in a drawer expires after the first tick, or the tick comes within the grace.
    let Some(Swept { hour }) = swept else {
        record::write(ports, &key, &Swept { hour: last }).await?;
        return Ok(false);
    };
    for hour in hour + 1..=last {
        if ports.now() >= deadline {
            return Ok(true);
        }
        for drawer in Drawer::ALL {
            if !sweep_hour(ports, drawer, hour, deadline).await? {
                return Ok(true);
            }
        }
        record::write(ports, &key, &Swept { hour }).await?;
    }
    Ok(false)
}

/// Removes an hour's records from the last to the first, then their count, so that a sweep that
/// dies is done again. False when time was up.
async fn sweep_hour(
    ports: &(impl Store + Clock),
    drawer: Drawer,
    hour: i64,
    deadline: Timestamp,
) -> Result<bool, Error> {
    let name = drawer.as_str();
    let count = keys::ephemeral_count(name, hour);
    if !ports.exists(&count).await? {
        return Ok(true);
    }
    let mut left = ports.increment(&count, 0).await?;
    while left > 0 {
        if ports.now() >= deadline {
            return Ok(false);
        }
        let from = (left - SWEEP_BATCH).max(0);
        let mut removed = Vec::new();
        for number in from + 1..=left {
            let record = keys::ephemeral(name, hour, number);
            if drawer == Drawer::Counter {
                let named: Option<Kept<String>> = record::read(ports, &record).await?;
                removed.extend(named.map(|named| keys::ephemeral_counter(hour, &named.value)));
            } else {
                removed.push(keys::ephemeral_uses(name, hour, number));
            }
            removed.push(record);
        }
        ports.delete_many(&removed).await?;
        left = ports.increment(&count, from - left).await?;
    }
    ports.delete(&count).await?;
    Ok(true)
}

#[cfg(test)]
mod tests;
