//! Making the next key in time, and moving private halves to the seal key in use.

use super::key::PrivateKey;
use super::ring::{BURNED_MAX, Ring};
use super::{LEAD_MS, SigningError};
use crate::error::Error;
use crate::keys;
use crate::oidc::clients;
use crate::ports::{Clock, Random, Store};
use crate::record;
use crate::seal::{SealKeys, Sealed};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How often the keys are looked after though no new one is wanted, in milliseconds: once a day.
const ATTENDED_EVERY_MS: i64 = 86_400_000;

/// How often, and with which pause, to look whether somebody else has written the set whose ticket
/// they hold: two seconds in all. Between the two they do nothing else.
const LOOKS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(100);

/// When the keys were looked after.
#[derive(Deserialize, Serialize)]
struct Attended {
    at_ms: i64,
}

/// Whether [`attend`] has something to do. Costs a read where there are no clients.
pub async fn is_due(ports: &(impl Store + Clock)) -> Result<bool, Error> {
    if !clients::any(ports).await? {
        return Ok(false);
    }
    let now_ms = ports.now().as_millisecond();
    let attended: Option<Attended> = record::read(ports, &keys::signing_keys_attended()).await?;
    let is_old = attended.is_none_or(|attended| attended.at_ms + ATTENDED_EVERY_MS <= now_ms);
    Ok(is_old || Ring::newest(ports).await?.wants(now_ms).is_some())
}

/// Makes the next key if it is time, seals anew what an older seal key sealed, and forgets private
/// halves that sign no more.
pub async fn attend(
    ports: &(impl Store + Clock + Random),
    seal_keys: &SealKeys,
) -> Result<(), SigningError> {
    let ring = rotate(ports, seal_keys).await?;
    let now_ms = ports.now().as_millisecond();
    // Not at once: a clock that is behind still has the old one sign.
    let settled = ring.current(now_ms - LEAD_MS);
    let settled_ms = settled.map_or(i64::MIN, |key| key.from_ms);
    for public in &ring.keys {
        let record = keys::signing_key(&public.kid);
        if public.from_ms < settled_ms {
            ports.delete(&record).await?;
            continue;
        }
        let sealed: Option<Sealed> = record::read(ports, &record).await?;
        if sealed.is_some_and(|sealed| seal_keys.is_outdated(&sealed)) {
            let key = PrivateKey::read(ports, seal_keys, &public.kid).await?;
            key.write(ports, seal_keys).await?;
        }
    }
    let attended = Attended { at_ms: now_ms };
    Ok(record::write(ports, &keys::signing_keys_attended(), &attended).await?)
}

/// Makes the next key if one is wanted, and returns the newest set.
pub(super) async fn rotate(
    ports: &(impl Store + Clock + Random),
    seal_keys: &SealKeys,
) -> Result<Ring, SigningError> {
    let ring = Ring::newest(ports).await?;
    let now_ms = ports.now().as_millisecond();
    let Some(from_ms) = ring.wants(now_ms) else {
        return Ok(ring);
    };
    let (private, public) = PrivateKey::generate(ports, from_ms)?;
    // The private half first: a set never names a key that is not there.
    private.write(ports, seal_keys).await?;
    let mut next = ring.clone();
    next.keys = ring.published(now_ms).cloned().collect();
    next.keys.push(public);
    let newest = publish(ports, ring.number, next).await?;
    if !newest.keys.iter().any(|key| key.kid == private.kid()) {
        // Somebody else was faster; nothing was signed with ours.
        ports.delete(&keys::signing_key(private.kid())).await?;
    }
    Ok(newest)
}

/// Writes the set that follows number `after`, unless somebody else does, and returns the newest.
async fn publish(
    ports: &(impl Store + Clock),
    after: u64,
    mut next: Ring,
) -> Result<Ring, SigningError> {
    for number in after + 1..=after + BURNED_MAX {
        let ticket = keys::signing_keys_ticket(number);
        if ports.increment(&ticket, 1).await? == 1 {
            next.number = number;
            record::write(ports, &keys::signing_keys_set(number), &next).await?;
            record::write(ports, &keys::signing_keys(), &number).await?;
            return Ok(Ring::newest(ports).await?);
        }
        for _ in 0..LOOKS {
            if Ring::read(ports, number).await?.is_some() {
                return Ok(Ring::newest(ports).await?);
            }
            ports.sleep(PAUSE).await;
        }
        // Whoever took the ticket died before they wrote.
    }
    Err(Error::Busy("the signing keys".to_owned()).into())
}
