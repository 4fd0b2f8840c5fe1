//! One worker per tenant: a lease with an expiry and a fencing number.
//!
//! A worker takes the number after the last holder's with `increment`; whoever gets 1 has the
//! lease. The number goes into every commit. A holder that lives renews; one that died is
//! followed when its time is over. Should a worker die between taking a number and writing the
//! lease down, a later attempt on that number burns it after `BURN_AFTER_MS`; one that only slept
//! there notices by its clock and gives up.

use crate::error::Error;
use crate::keys;
use crate::ports::{Clock, Store, StoreError};
use crate::record::{self, RecordError};
use mapping::ids::TenantId;
use serde::{Deserialize, Serialize};

/// How long a lease lasts without renewal, in milliseconds. Longer than any host lets a request
/// run that renews at the start of its slice and writes at its end.
pub const LEASE_MS: i64 = 60_000;

/// A lease that lasts longer than this, in milliseconds, was written by a clock that has been set
/// back since: nobody can be at work under it, and to wait for its end could take days. More than
/// the clocks of two hosts are ever apart.
const AHEAD_MS_MAX: i64 = 600_000;

/// How long before its end a lease counts as over for its holder, in milliseconds: more than the
/// clocks of two hosts may differ and one operation of the store may take, together.
pub const MARGIN_MS: i64 = 10_000;

/// How long, in milliseconds, a number that was taken may stay without its lease before it is
/// burned. Longer, by more than the clocks of two hosts may differ, than [`MARGIN_MS`], within which
/// whoever took it writes the lease down or gives up.
const BURN_AFTER_MS: i64 = 30_000;

/// The right to change a tenant's roster for a while.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Lease {
    /// The fencing number.
    pub fence: u64,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Held {
    fence: u64,
    until_ms: i64,
}

impl Lease {
    /// Takes the lease on a tenant, or `None` while another worker has it.
    pub async fn take<P: Store + Clock>(
        ports: &P,
        tenant: &TenantId,
    ) -> Result<Option<Self>, Error> {
        let began_ms = ports.now().as_millisecond();
        let has_slept = || ports.now().as_millisecond() - began_ms >= MARGIN_MS;
        let held = held(ports, tenant).await?;
        let left_ms = held.until_ms.saturating_sub(ports.now().as_millisecond());
        if (1..=AHEAD_MS_MAX).contains(&left_ms) {
            return Ok(None);
        }
        let fence = held.fence + 1;
        let attempt = ports
            .increment(&keys::lease_number(tenant, fence), 1)
            .await?;
        let lease = Self { fence };
        if attempt == 1 && !has_slept() {
            lease
                .write(ports, tenant, ports.now().as_millisecond() + LEASE_MS)
                .await?;
            return Ok(Some(lease));
        }
        let key = keys::lease_stuck(tenant, fence);
        let now_ms = ports.now().as_millisecond();
        let Some(since_ms) = record::read::<i64>(ports, &key).await? else {
            record::write(ports, &key, &now_ms).await?;
            return Ok(None);
        };
        let is_young = (-AHEAD_MS_MAX..BURN_AFTER_MS).contains(&(now_ms - since_ms));
        if !is_young && !has_slept() {
            lease.write(ports, tenant, 0).await?;
        }
        Ok(None)
    }

    /// Goes on with a lease that another component of the same run took.
    pub fn from_fence(fence: u64) -> Self {
        Self { fence }
    }

    /// Whether the lease is still ours and not over.
    pub async fn is_held<P: Store + Clock>(
        &self,
        ports: &P,
        tenant: &TenantId,
    ) -> Result<bool, Error> {
        let until_ms = held_until(ports, tenant, self.fence).await?;
        let now_ms = ports.now().as_millisecond();
        Ok(until_ms.is_some_and(|until_ms| now_ms + MARGIN_MS < until_ms))
    }

    /// Prolongs the lease; false when it was lost.
    pub async fn renew<P: Store + Clock>(
        &self,
        ports: &P,
        tenant: &TenantId,
    ) -> Result<bool, Error> {
        if !self.is_held(ports, tenant).await? {
            return Ok(false);
        }
        self.write(ports, tenant, ports.now().as_millisecond() + LEASE_MS)
            .await?;
        Ok(true)
    }

    /// Gives the lease back, if it is still ours.
    pub async fn release<P: Store + Clock>(
        self,
        ports: &P,
        tenant: &TenantId,
    ) -> Result<(), Error> {
        if held(ports, tenant).await?.fence == self.fence {
            self.write(ports, tenant, 0).await?;
        }
        Ok(())
    }

    async fn write(
        self,
        store: &impl Store,
        tenant: &TenantId,
        until_ms: i64,
    ) -> Result<(), Error> {
        let held = Held {
            fence: self.fence,
            until_ms,
        };
        Ok(record::write(store, &keys::lease(tenant), &held).await?)
    }
}

/// Until when the lease with this fencing number lasts, in milliseconds since the Unix epoch;
/// `None` when another one was given out since.
pub(crate) async fn held_until(
    store: &impl Store,
    tenant: &TenantId,
    fence: u64,
) -> Result<Option<i64>, StoreError> {
    match held(store, tenant).await {
        Ok(held) => Ok((held.fence == fence).then_some(held.until_ms)),
        Err(Error::Store(error) | Error::Record(RecordError::Store(error))) => Err(error),
        Err(other) => Err(StoreError::Failed(other.to_string())),
    }
}

async fn held(store: &impl Store, tenant: &TenantId) -> Result<Held, Error> {
    Ok(record::read(store, &keys::lease(tenant))
        .await?
        .unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{CrashPoint, MemoryPorts, block_on};
    use std::time::Duration;

    fn tenant() -> TenantId {
        TenantId::parse("maple-grove").unwrap()
    }

    #[test]
    fn only_one_worker_has_the_lease_until_it_is_over() {
        let ports = MemoryPorts::new();
        block_on(async {
            let first = Lease::take(&ports, &tenant()).await.unwrap().unwrap();
            assert_eq!(Lease::take(&ports, &tenant()).await.unwrap(), None);
            ports.advance(Duration::from_secs(61));
            assert!(!first.is_held(&ports, &tenant()).await.unwrap());
            let second = Lease::take(&ports, &tenant()).await.unwrap().unwrap();
            assert!(second.fence > first.fence);
            assert!(!first.renew(&ports, &tenant()).await.unwrap());
            first.release(&ports, &tenant()).await.unwrap();
            assert!(second.is_held(&ports, &tenant()).await.unwrap());
        });
    }

    #[test]
    fn a_released_lease_is_free_at_once() {
        let ports = MemoryPorts::new();
        block_on(async {
            let first = Lease::take(&ports, &tenant()).await.unwrap().unwrap();
            first.release(&ports, &tenant()).await.unwrap();
            assert!(Lease::take(&ports, &tenant()).await.unwrap().is_some());
        });
    }

    #[test]
    fn a_lease_of_a_clock_that_was_set_back_since_blocks_nobody() {
        let ports = MemoryPorts::new();
        block_on(async {
            let dead = Lease::take(&ports, &tenant()).await.unwrap().unwrap();
            ports.set_now(ports.now() - jiff::SignedDuration::from_hours(24));
            let alive = Lease::take(&ports, &tenant()).await.unwrap().unwrap();
            assert!(alive.fence > dead.fence);
            assert!(!dead.is_held(&ports, &tenant()).await.unwrap());
            assert!(Lease::take(&ports, &tenant()).await.unwrap().is_none());
        });
    }

    #[test]
    fn a_worker_that_dies_while_taking_the_lease_does_not_block_the_tenant() {
        let ports = MemoryPorts::new();
        block_on(async {
            // Operations: 1 reads the lease, 2 takes the number, 3 would write the lease.
            ports.crash_at(Some((3, CrashPoint::Before)));
            assert!(Lease::take(&ports, &tenant()).await.is_err());
            ports.crash_at(None);
            let mut attempts = 0;
            while Lease::take(&ports, &tenant()).await.unwrap().is_none() {
                ports.advance(Duration::from_secs(10));
                attempts += 1;
                assert!(attempts < 10);
            }
        });
    }
}
