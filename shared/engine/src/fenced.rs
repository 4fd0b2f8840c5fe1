//! The ports of a worker that holds a lease: they refuse to write once it may be over.
//!
//! A worker can sleep between any two operations, for longer than its lease lasts, while another
//! goes on with the same run. What the sleeper writes when it wakes would put back a record that
//! is further by now. So each write first looks at the clock, which costs nothing; only when the
//! lease was not seen for long is it read again.

use crate::lease::{self, MARGIN_MS};
use crate::ports::{
    Clock, Random, Store, StoreError, Transport, TransportError, VariableError, Variables,
};
use bytes::Bytes;
use jiff::Timestamp;
use mapping::ids::TenantId;
use std::cell::Cell;
use std::time::Duration;

/// Ports that write only while a lease is held.
#[derive(Debug)]
pub struct Fenced<'a, P> {
    ports: &'a P,
    tenant: &'a TenantId,
    fence: u64,
    /// Until when the lease was held when it was last read, in milliseconds since the Unix epoch.
    until_ms: Cell<i64>,
}

impl<'a, P: Store + Clock> Fenced<'a, P> {
    /// The ports of the holder of the lease with this fencing number.
    pub fn new(ports: &'a P, tenant: &'a TenantId, fence: u64) -> Self {
        Self {
            ports,
            tenant,
            fence,
            until_ms: Cell::new(i64::MIN),
        }
    }

    async fn check(&self) -> Result<(), StoreError> {
        let is_sure = || {
            let now_ms = self.ports.now().as_millisecond();
            now_ms.saturating_add(MARGIN_MS) < self.until_ms.get()
        };
        if is_sure() {
            return Ok(());
        }
        let until_ms = lease::held_until(self.ports, self.tenant, self.fence).await?;
        self.until_ms.set(until_ms.unwrap_or(i64::MIN));
        if is_sure() {
            Ok(())
        } else {
            Err(StoreError::LeaseLost)
        }
    }
}

impl<P: Store + Clock> Store for Fenced<'_, P> {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.ports.get(key).await
    }

    async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.check().await?;
        self.ports.set(key, value).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.check().await?;
        self.ports.delete(key).await
    }

    async fn exists(&self, key: &str) -> Result<bool, StoreError> {
        self.ports.exists(key).await
    }

    async fn set_many(&self, values: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
        self.check().await?;
        self.ports.set_many(values).await
    }

    async fn delete_many(&self, keys: &[String]) -> Result<(), StoreError> {
        self.check().await?;
        self.ports.delete_many(keys).await
    }

    async fn increment(&self, key: &str, delta: i64) -> Result<i64, StoreError> {
        if delta != 0 {
            self.check().await?;
        }
        self.ports.increment(key, delta).await
    }
}

impl<P: Transport> Transport for Fenced<'_, P> {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        body_bytes_max: usize,
    ) -> Result<http::Response<Bytes>, TransportError> {
        self.ports.send(request, body_bytes_max).await
    }
}

impl<P: Clock> Clock for Fenced<'_, P> {
    fn now(&self) -> Timestamp {
        self.ports.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.ports.sleep(duration).await;
    }
}

impl<P: Random> Random for Fenced<'_, P> {
    fn fill(&self, buffer: &mut [u8]) {
        self.ports.fill(buffer);
    }
}

impl<P: Variables> Variables for Fenced<'_, P> {
    async fn variable(&self, name: &str) -> Result<String, VariableError> {
        self.ports.variable(name).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::Lease;
    use crate::memory::{MemoryPorts, block_on};

    #[test]
    fn a_worker_that_overslept_its_lease_writes_nothing() {
        let (ports, tenant) = (MemoryPorts::new(), TenantId::parse("maple-grove").unwrap());
        block_on(async {
            let lease = Lease::take(&ports, &tenant).await.unwrap().unwrap();
            let fenced = Fenced::new(&ports, &tenant, lease.fence);
            fenced.set("key", b"old").await.unwrap();
            ports.advance(Duration::from_secs(61));
            let other = Lease::take(&ports, &tenant).await.unwrap().unwrap();
            ports.set("key", b"new").await.unwrap();
            assert_eq!(fenced.set("key", b"old").await, Err(StoreError::LeaseLost));
            assert_eq!(fenced.delete("key").await, Err(StoreError::LeaseLost));
            assert_eq!(fenced.increment("n", 1).await, Err(StoreError::LeaseLost));
            assert_eq!(ports.get("key").await.unwrap().unwrap(), b"new");
            let fenced = Fenced::new(&ports, &tenant, other.fence);
            fenced.delete("key").await.unwrap();
        });
    }

    #[test]
    fn a_lease_that_was_renewed_goes_on() {
        let (ports, tenant) = (MemoryPorts::new(), TenantId::parse("maple-grove").unwrap());
        block_on(async {
            let lease = Lease::take(&ports, &tenant).await.unwrap().unwrap();
            let fenced = Fenced::new(&ports, &tenant, lease.fence);
            for _ in 0..10 {
                ports.advance(Duration::from_secs(45));
                assert!(lease.renew(&fenced, &tenant).await.unwrap());
                fenced.set("key", b"value").await.unwrap();
            }
        });
    }
}
