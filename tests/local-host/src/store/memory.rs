//! Values in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::backend::{Backend, StoreError, counter};

type Content = BTreeMap<(String, String), Vec<u8>>;

/// Stores which live as long as their last clone.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    content: Arc<Mutex<Content>>,
}

impl MemoryStore {
    /// Every value of the store `label`, by key: for a test to look at.
    pub fn dump(&self, label: &str) -> BTreeMap<String, Vec<u8>> {
        let content = self.content();
        let ours = content.iter().filter(|((store, _), _)| store == label);
        ours.map(|((_, key), value)| (key.clone(), value.clone()))
            .collect()
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        // A panic elsewhere leaves whole values: nothing here panics half-way.
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place(store: &str, key: &str) -> (String, String) {
    (store.to_owned(), key.to_owned())
}

impl Backend for MemoryStore {
    fn is_blocking(&self) -> bool {
        false
    }

    fn is_free(&self) -> bool {
        true
    }

    fn get(&self, store: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.content().get(&place(store, key)).cloned())
    }

    fn keys(&self, store: &str) -> Result<Vec<String>, StoreError> {
        let content = self.content();
        let ours = content.keys().filter(|(label, _)| label == store);
        Ok(ours.map(|(_, key)| key.clone()).collect())
    }

    fn set_many(&self, store: &str, pairs: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
        let mut content = self.content();
        for (key, value) in pairs {
            content.insert(place(store, key), value.clone());
        }
        Ok(())
    }

    fn delete_many(&self, store: &str, keys: &[String]) -> Result<(), StoreError> {
        let mut content = self.content();
        for key in keys {
            content.remove(&place(store, key));
        }
        Ok(())
    }

    fn increment(&self, store: &str, key: &str, delta: i64) -> Result<i64, StoreError> {
        let mut content = self.content();
        let place = place(store, key);
        let next = counter(content.get(&place).map(Vec::as_slice), delta)?;
        content.insert(place, next.to_le_bytes().to_vec());
        Ok(next)
    }

    fn swap(
        &self,
        store: &str,
        key: &str,
        old: Option<&[u8]>,
        new: &[u8],
    ) -> Result<bool, StoreError> {
        let mut content = self.content();
        let place = place(store, key);
        let current = content.get(&place).map(Vec::as_slice);
        let may = old.is_none() || old == current;
        if may {
            content.insert(place, new.to_vec());
        }
        Ok(may)
    }
}
