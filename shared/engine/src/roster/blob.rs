//! Immutable values named by their content.

use crate::error::Error;
use crate::keys;
use crate::ports::{BATCH_VALUES_MAX, Store, StoreError, VALUE_BYTES_MAX};
use crate::record::RecordError;
use mapping::ids::TenantId;
use sha2::{Digest, Sha256};

/// Bytes of values gathered before a batch is written, so that memory stays small.
const BATCH_BYTES_MAX: usize = 2 * 1024 * 1024;

/// The name of a blob: 160 bits of the SHA-256 of its bytes, in hexadecimal.
pub fn digest(bytes: &[u8]) -> String {
    digest_parts(&[bytes])
}

/// The digest of several parts, each preceded by its length so that no two lists agree.
pub fn digest_parts(parts: &[&[u8]]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        if parts.len() > 1 {
            hasher.update((part.len() as u64).to_be_bytes());
        }
        hasher.update(part);
    }
    let mut text = String::with_capacity(40);
    for byte in hasher.finalize().iter().take(20) {
        for half in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(half), 16).unwrap_or('0'));
        }
    }
    text
}

/// Reads a blob that a commit names.
pub async fn read(store: &impl Store, tenant: &TenantId, name: &str) -> Result<Vec<u8>, Error> {
    let key = keys::blob(tenant, name);
    match store.get(&key).await? {
        Some(bytes) => Ok(bytes),
        None => Err(RecordError::Absent { key }.into()),
    }
}

/// Gathers blobs and writes them in batches.
#[derive(Debug, Default)]
pub struct Batch {
    values: Vec<(String, Vec<u8>)>,
    bytes: usize,
}

impl Batch {
    /// Adds a blob and returns its name; writes the gathered ones when they are many.
    pub async fn put(
        &mut self,
        store: &impl Store,
        tenant: &TenantId,
        bytes: Vec<u8>,
    ) -> Result<String, Error> {
        let name = digest(&bytes);
        let key = keys::blob(tenant, &name);
        if bytes.len() > VALUE_BYTES_MAX {
            return Err(RecordError::Large {
                key,
                bytes: bytes.len(),
            }
            .into());
        }
        self.bytes += bytes.len();
        self.values.push((key, bytes));
        if self.values.len() >= BATCH_VALUES_MAX || self.bytes >= BATCH_BYTES_MAX {
            self.flush(store).await?;
        }
        Ok(name)
    }

    /// Writes what is gathered.
    pub async fn flush(&mut self, store: &impl Store) -> Result<(), StoreError> {
        if !self.values.is_empty() {
            store.set_many(&self.values).await?;
            self.values.clear();
            self.bytes = 0;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_parts_never_agree_by_moving_a_border() {
        assert_ne!(digest_parts(&[b"ab", b"c"]), digest_parts(&[b"a", b"bc"]));
        assert_eq!(digest(b"a").len(), 40);
    }
}
