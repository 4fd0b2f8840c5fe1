//! What applications are to be told, until they were: a durable outbox for logout tokens (OpenID
//! Connect Back-Channel Logout 1.0).
//!
//! At least once: a notice stays until an application took it, or ten attempts over eight hours
//! failed. Two that deliver at the same time tell an application twice, which changes nothing.

mod delivering;

pub(super) use delivering::deliver;

use super::clients::Client;
use super::marks;
use crate::ephemeral::Place;
use crate::error::Error;
use crate::keys;
use crate::log::Log;
use crate::ports::{Clock, Store};
use crate::versioned::{self, Versioned};
use mapping::ids::{AccountId, ClientId, TenantId};
use serde::{Deserialize, Serialize};

/// How often a notice is tried.
pub const ATTEMPTS_MAX: u32 = 10;

/// Pause after the first attempt that failed, in milliseconds. Each further one is twice as long.
pub const PAUSE_FIRST_MS: i64 = 60_000;

/// Most notices of a tenant that wait for another attempt. An application that is gone must not fill
/// the record; the oldest make room.
const WAITING_MAX: usize = 512;

/// That an application is to be told of an account.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
struct Notice {
    client: ClientId,
    account: AccountId,
    /// The session that is over; all of them when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<Place>,
}

/// A notice that was tried.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
struct Waiting {
    number: u64,
    attempts: u32,
    next_ms: i64,
}

/// Which notices are done and which wait.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
struct Outbox {
    /// The newest notice that was tried.
    tried: u64,
    /// Those that are to be tried again, the oldest first.
    waiting: Vec<Waiting>,
}

impl Outbox {
    /// Up to `limit` notices that are due, with the attempts made: those that wait first.
    fn due(&self, count: u64, now_ms: i64, limit: usize) -> Vec<(u64, u32)> {
        let waiting = self
            .waiting
            .iter()
            .filter(|waiting| waiting.next_ms <= now_ms);
        let waiting = waiting.map(|waiting| (waiting.number, waiting.attempts));
        let new = (self.tried + 1..=count).map(|number| (number, 0));
        waiting.chain(new).take(limit).collect()
    }

    /// Notes an attempt. Returns true when the notice is done with: told, or given up.
    fn note(&mut self, (number, attempts): (u64, u32), was_told: bool, now_ms: i64) -> bool {
        self.tried = self.tried.max(number);
        self.waiting.retain(|waiting| waiting.number != number);
        let attempts = attempts + 1;
        if was_told || attempts >= ATTEMPTS_MAX {
            return true;
        }
        let next_ms = now_ms.saturating_add(PAUSE_FIRST_MS << (attempts - 1));
        self.waiting.push(Waiting {
            number,
            attempts,
            next_ms,
        });
        false
    }

    /// The notices that have to make room, the oldest.
    fn overflow(&mut self) -> Vec<u64> {
        self.waiting.sort_by_key(|waiting| waiting.number);
        let surplus = self.waiting.len().saturating_sub(WAITING_MAX);
        let dropped = self.waiting.drain(..surplus);
        dropped.map(|waiting| waiting.number).collect()
    }
}

/// Puts a notice into the outbox for each of the applications that an account may be signed in to.
pub(super) async fn add(
    ports: &(impl Store + Clock),
    told: &[Client],
    (tenant, account): (&TenantId, &AccountId),
    sid: Option<Place>,
) -> Result<(), Error> {
    for client in told {
        if marks::is_set(ports, (tenant, account), &client.id, sid).await? {
            let notice = Notice {
                client: client.id.clone(),
                account: account.clone(),
                sid,
            };
            log(tenant).append(ports, &notice).await?;
        }
    }
    Ok(())
}

/// Whether a notice is to be tried now.
pub(super) async fn is_due(ports: &(impl Store + Clock), tenant: &TenantId) -> Result<bool, Error> {
    let (_, outbox) = read(ports, tenant).await?;
    let count = log(tenant).count(ports).await?;
    let now_ms = ports.now().as_millisecond();
    Ok(!outbox.due(count, now_ms, 1).is_empty())
}

async fn read(store: &impl Store, tenant: &TenantId) -> Result<(u64, Outbox), Error> {
    let found: Option<Versioned<Outbox>> =
        versioned::read(store, &keys::sign_out_outbox(tenant)).await?;
    let found = found.unwrap_or_default();
    Ok((found.version, found.value))
}

fn log(tenant: &TenantId) -> Log {
    Log::new(keys::sign_out_notices(tenant))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_tried_ten_times_over_eight_hours() {
        let mut outbox = Outbox::default();
        let mut now_ms = 0;
        for attempt in 1..=ATTEMPTS_MAX {
            let due = outbox.due(1, now_ms, 8);
            assert_eq!(due, [(1, attempt - 1)]);
            let is_done = outbox.note(due[0], false, now_ms);
            assert_eq!(is_done, attempt == ATTEMPTS_MAX);
            if let Some(waiting) = outbox.waiting.first() {
                assert!(outbox.due(1, waiting.next_ms - 1, 8).is_empty());
                now_ms = waiting.next_ms;
            }
        }
        assert_eq!(now_ms / 3_600_000, 8);
        assert!(outbox.due(1, i64::MAX, 8).is_empty());
    }

    #[test]
    fn notices_that_wait_do_not_keep_new_ones_from_their_turn() {
        let mut outbox = Outbox::default();
        outbox.note((1, 0), false, 0);
        outbox.note((2, 0), true, 0);
        assert_eq!(outbox.due(3, 0, 8), [(3, 0)]);
        assert_eq!(outbox.due(3, PAUSE_FIRST_MS, 8), [(1, 1), (3, 0)]);
    }

    #[test]
    fn the_oldest_make_room_when_too_many_wait() {
        let mut outbox = Outbox::default();
        for number in 1..=WAITING_MAX as u64 + 2 {
            outbox.note((number, 0), false, 0);
        }
        assert_eq!(outbox.overflow(), [1, 2]);
        assert_eq!(outbox.waiting.len(), WAITING_MAX);
    }
}
