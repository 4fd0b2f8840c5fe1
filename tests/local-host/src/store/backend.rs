//! What a backend must do. All of it blocks; [`super::KeyValue`] decides on which thread.

use thiserror::Error;

pub(crate) type Pairs = Vec<(String, Vec<u8>)>;
pub(crate) type Values = Vec<(String, Option<Vec<u8>>)>;

/// A store operation failed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum StoreError {
    /// A test asked for it (see [`crate::Controls::fail_at`]).
    #[error("the store failed, as it was asked to")]
    AskedFor,
    /// The host has ended or "crashed".
    #[error("the host has ended")]
    Halted,
    /// The store behaves as Spin's Redis store does (see [`crate::Controls::behave_like_redis`]).
    #[error("batch get is broken on this store")]
    LikeRedis,
    /// The value under the key isn't a counter.
    #[error("the value isn't a 64-bit counter")]
    NotACounter,
    /// The database or its directory failed.
    #[error("{0}")]
    Other(String),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Other(error.to_string())
    }
}

/// One place where values are kept.
pub(crate) trait Backend: Send + Sync {
    /// Whether operations may wait for a disk.
    fn is_blocking(&self) -> bool;
    /// Whether an operation would start at once.
    fn is_free(&self) -> bool;
    fn get(&self, store: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError>;
    fn keys(&self, store: &str) -> Result<Vec<String>, StoreError>;
    /// All or nothing.
    fn set_many(&self, store: &str, pairs: &[(String, Vec<u8>)]) -> Result<(), StoreError>;
    /// All or nothing.
    fn delete_many(&self, store: &str, keys: &[String]) -> Result<(), StoreError>;
    /// Atomic; an absent key counts as 0.
    fn increment(&self, store: &str, key: &str, delta: i64) -> Result<i64, StoreError>;
    /// Replaces `old` by `new` and says whether it did. Without `old` it always does, even over a value:
    /// so does Spin's own SQLite store.
    fn swap(
        &self,
        store: &str,
        key: &str,
        old: Option<&[u8]>,
        new: &[u8],
    ) -> Result<bool, StoreError>;

    /// The keys which exist, in their order, each once: what Spin's SQLite store answers.
    fn get_many(&self, store: &str, keys: &[String]) -> Result<Values, StoreError> {
        let keys: std::collections::BTreeSet<_> = keys.iter().collect();
        let mut found = Vec::new();
        for key in keys {
            if let Some(value) = self.get(store, key)? {
                found.push((key.clone(), Some(value)));
            }
        }
        Ok(found)
    }
}

/// A counter as Spin's SQLite store keeps it: eight bytes, little-endian, two's complement.
pub(super) fn counter(value: Option<&[u8]>, delta: i64) -> Result<i64, StoreError> {
    let current = match value {
        Some(bytes) => i64::from_le_bytes(bytes.try_into().map_err(|_| StoreError::NotACounter)?),
        None => 0,
    };
    current.checked_add(delta).ok_or(StoreError::NotACounter)
}
