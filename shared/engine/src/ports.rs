//! What the engine needs from its surroundings.
//!
//! The components implement these with the platform, the tests with memory. All methods take
//! `&self`; components run on one thread, so no `Send` is asked for.

use bytes::Bytes;
use jiff::Timestamp;
use std::time::Duration;

/// Largest value the engine ever stores, in bytes. Some hosts refuse larger ones.
pub const VALUE_BYTES_MAX: usize = 256 * 1024;

/// How many values go into one [`Store::set_many`]: enough to share the wait for the disk, few
/// enough that a batch of the largest values stays at some megabytes.
pub const BATCH_VALUES_MAX: usize = 64;

/// Why a store operation failed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum StoreError {
    /// The component may not use the store: a fault of configuration, final.
    #[error("the key-value store may not be used by this component: {0}")]
    Denied(String),
    /// The store did not do it this time; the operation may or may not have happened.
    #[error("the key-value store failed: {0}")]
    Failed(String),
    /// The lease under which it should have happened is over; it did not happen.
    #[error("the lease on the tenant is over")]
    LeaseLost,
}

/// The key-value store.
///
/// Only what works on SQLite **and** on Redis-compatible stores: no compare-and-swap, no reading
/// of several keys, no listing of keys.
#[expect(
    async_fn_in_trait,
    reason = "components run on one thread: no Send is needed"
)]
pub trait Store {
    /// The value under this key.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError>;
    /// Writes one value.
    async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError>;
    /// Removes a key; no error when it is absent.
    async fn delete(&self, key: &str) -> Result<(), StoreError>;
    /// Whether the key has a value.
    async fn exists(&self, key: &str) -> Result<bool, StoreError>;
    /// Writes all of these or none.
    async fn set_many(&self, values: &[(String, Vec<u8>)]) -> Result<(), StoreError>;
    /// Removes all of these.
    async fn delete_many(&self, keys: &[String]) -> Result<(), StoreError>;
    /// Adds to a counter and returns its new value. A counter is read only by adding 0: its raw
    /// bytes differ between stores.
    async fn increment(&self, key: &str, delta: i64) -> Result<i64, StoreError>;
}

/// Why a request to another server got no answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TransportError {
    /// The answer was larger than the limit given.
    #[error("the answer was larger than {limit} bytes")]
    BodyTooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The host is not on the list that this component may reach, or the address is unusable.
    #[error("the address may not be reached from here")]
    Denied,
    /// The answer said it was compressed but could not be read.
    #[error("the answer could not be decompressed")]
    Encoding,
    /// Connecting, sending or receiving failed, or took too long. Worth another try.
    #[error("the connection failed")]
    Failed,
}

/// The body of a request, as its bytes come.
#[expect(
    async_fn_in_trait,
    reason = "components run on one thread: no Send is needed"
)]
pub trait Chunks {
    /// The next bytes; `None` at the end.
    async fn next(&mut self) -> Option<Result<Bytes, TransportError>>;

    /// Reads the rest and forgets it, up to so many bytes.
    async fn drain(&mut self, bytes_max: usize) {
        let mut drained = 0;
        while let Some(Ok(chunk)) = self.next().await {
            drained += chunk.len();
            if drained > bytes_max {
                return;
            }
        }
    }
}

/// Sends requests to other servers and to other components.
#[expect(
    async_fn_in_trait,
    reason = "components run on one thread: no Send is needed"
)]
pub trait Transport {
    /// Sends one request and reads the whole answer, decompressed, of at most `body_bytes_max`
    /// bytes.
    async fn send(
        &self,
        request: http::Request<Bytes>,
        body_bytes_max: usize,
    ) -> Result<http::Response<Bytes>, TransportError>;
}

/// The time.
#[expect(
    async_fn_in_trait,
    reason = "components run on one thread: no Send is needed"
)]
pub trait Clock {
    /// Now.
    fn now(&self) -> Timestamp;
    /// Waits. Only for pauses that fit in a slice.
    async fn sleep(&self, duration: Duration);
}

/// Randomness fit for secrets.
pub trait Random {
    /// Fills the buffer.
    fn fill(&self, buffer: &mut [u8]);
}

/// Why a variable has no value.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum VariableError {
    /// It is not set, or empty.
    #[error(
        "the application variable {0} is not set: set SPIN_VARIABLE_{upper} and start again",
        upper = .0.to_uppercase()
    )]
    Missing(String),
    /// It is set to something that it may not be.
    #[error("the application variable {name} is not usable: {reason}")]
    Unusable {
        /// The variable's name.
        name: String,
        /// What is wrong with it; never its value.
        reason: String,
    },
}

/// The application's variables.
#[expect(
    async_fn_in_trait,
    reason = "components run on one thread: no Send is needed"
)]
pub trait Variables {
    /// The value of a variable; missing and empty are the same error.
    async fn variable(&self, name: &str) -> Result<String, VariableError>;
}

/// All ports together, so that a step takes one parameter.
pub trait Ports: Store + Transport + Clock + Random + Variables {}

impl<T: Store + Transport + Clock + Random + Variables> Ports for T {}
