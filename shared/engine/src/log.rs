//! Append-only lists over a store that can't list keys: a counter and numbered entries.
//!
//! An appender takes a number by `increment` and then writes its entry, so two appenders never
//! meet. One that dies in between leaves a hole; readers pass over holes.

use crate::ports::{Store, StoreError};
use crate::record::{self, RecordError};
use serde::{Serialize, de::DeserializeOwned};

/// A list under a key of its own.
#[derive(Clone, Debug)]
pub struct Log {
    key: String,
}

/// One page of a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Page<T> {
    /// Entries with their numbers, in the order asked for.
    pub entries: Vec<(u64, T)>,
    /// Where to go on, when there may be more.
    pub next: Option<u64>,
}

impl Log {
    /// The list under this key.
    pub fn new(key: impl Into<String>) -> Self {
        Self { key: key.into() }
    }

    /// The key of entry `number`.
    pub fn entry_key(&self, number: u64) -> String {
        format!("{}/{number}", self.key)
    }

    /// How many numbers were given out; the newest entry, if it was written, has this number.
    pub async fn count(&self, store: &impl Store) -> Result<u64, StoreError> {
        let count = store.increment(&self.counter_key(), 0).await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Appends an entry and returns its number; the first is 1.
    pub async fn append<T: Serialize>(
        &self,
        store: &impl Store,
        entry: &T,
    ) -> Result<u64, StoreError> {
        let number = store.increment(&self.counter_key(), 1).await?;
        let number = u64::try_from(number).unwrap_or(0);
        record::write(store, &self.entry_key(number), entry).await?;
        Ok(number)
    }

    /// Up to `limit` entries with numbers above `after`, oldest first.
    pub async fn page_after<T: DeserializeOwned>(
        &self,
        store: &impl Store,
        after: u64,
        limit: usize,
    ) -> Result<Page<T>, RecordError> {
        let count = self.count(store).await?;
        let mut entries = Vec::new();
        let mut number = after;
        while number < count && entries.len() < limit {
            number += 1;
            if let Some(entry) = record::read(store, &self.entry_key(number)).await? {
                entries.push((number, entry));
            }
        }
        Ok(Page {
            entries,
            next: (number < count).then_some(number),
        })
    }

    /// Up to `limit` entries with numbers below `before` (or from the newest), newest first.
    pub async fn page_before<T: DeserializeOwned>(
        &self,
        store: &impl Store,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Page<T>, RecordError> {
        let count = self.count(store).await?;
        let mut number = before.map_or(count + 1, |before| before.min(count + 1));
        let mut entries = Vec::new();
        while number > 1 && entries.len() < limit {
            number -= 1;
            if let Some(entry) = record::read(store, &self.entry_key(number)).await? {
                entries.push((number, entry));
            }
        }
        Ok(Page {
            entries,
            next: (number > 1).then_some(number),
        })
    }

    fn counter_key(&self) -> String {
        format!("{}/count", self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{MemoryPorts, block_on};

    #[test]
    fn entries_come_back_in_order_and_holes_are_passed_over() {
        let ports = MemoryPorts::new();
        block_on(async {
            let log = Log::new("audit/t");
            for text in ["a", "b", "c"] {
                log.append(&ports, &text).await.unwrap();
            }
            ports.delete(&log.entry_key(2)).await.unwrap();
            let page = log.page_after::<String>(&ports, 0, 10).await.unwrap();
            assert_eq!(page.entries, [(1, "a".to_owned()), (3, "c".to_owned())]);
            assert_eq!(page.next, None);
            let newest = log.page_before::<String>(&ports, None, 1).await.unwrap();
            assert_eq!(newest.entries, [(3, "c".to_owned())]);
            let rest = log
                .page_before::<String>(&ports, newest.next, 5)
                .await
                .unwrap();
            assert_eq!(rest.entries, [(1, "a".to_owned())]);
            assert_eq!(rest.next, None);
        });
    }
}
