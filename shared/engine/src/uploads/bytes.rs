//! An upload's bytes in the store: sealed parts of one size, read by ranges.

use crate::error::Error;
use crate::keys;
use crate::ports::{Random, Store};
use crate::record::{self, RecordError};
use crate::seal::{SealError, SealKeys, Sealed};
use mapping::ids::{TenantId, UploadId};

/// Bytes of a part before it is sealed: in base64 and in its envelope it stays below what a store
/// takes.
pub(super) const PART_BYTES: usize = 160 * 1024;

/// Why bytes of an upload can't be had.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BytesError {
    /// The surroundings failed.
    #[error(transparent)]
    Engine(#[from] Error),
    /// They can't be opened.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// Seals and writes one part.
pub(super) async fn write<P: Store + Random>(
    ports: &P,
    seal_keys: &SealKeys,
    (tenant, upload): (&TenantId, &UploadId),
    part: u32,
    plain: &[u8],
) -> Result<(), BytesError> {
    let key = keys::upload_bytes(tenant, upload, part);
    let sealed = seal_keys.seal(ports, &key, plain)?;
    record::write(ports, &key, &sealed).await.map_err(Error::from)?;
    Ok(())
}

/// What was sent, open for reading by ranges. Keeps the part that was read last.
#[derive(Debug)]
pub struct Sent<'a, S> {
    store: &'a S,
    seal_keys: &'a SealKeys,
    tenant: &'a TenantId,
    upload: &'a UploadId,
    bytes: u64,
    part: Option<(u32, Vec<u8>)>,
}

impl<'a, S: Store> Sent<'a, S> {
    /// Opens the `bytes` bytes of an upload.
    pub fn open(
        store: &'a S,
        seal_keys: &'a SealKeys,
        tenant: &'a TenantId,
        upload: &'a UploadId,
        bytes: u64,
    ) -> Self {
        Self {
            store,
            seal_keys,
            tenant,
            upload,
            bytes,
            part: None,
        }
    }

    /// How many bytes there are.
    pub fn len(&self) -> u64 {
        self.bytes
    }

    /// True for an upload without a byte; none is ever taken.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// The bytes from `offset` to the end of the part that they are in; none at the end.
    pub async fn chunk(&mut self, offset: u64) -> Result<&[u8], BytesError> {
        if offset >= self.bytes {
            return Ok(&[]);
        }
        let part = u32::try_from(offset / PART_BYTES as u64).unwrap_or(u32::MAX);
        if self.part.as_ref().is_none_or(|(known, _)| *known != part) {
            let key = keys::upload_bytes(self.tenant, self.upload, part);
            let sealed: Option<Sealed> =
                record::read(self.store, &key).await.map_err(Error::from)?;
            let sealed = sealed.ok_or_else(|| {
                let key = key.clone();
                Error::Record(RecordError::Absent { key })
            })?;
            self.part = Some((part, self.seal_keys.open(&key, &sealed)?));
        }
        let within = usize::try_from(offset % PART_BYTES as u64).unwrap_or(usize::MAX);
        let plain = self.part.as_ref().map_or(&[][..], |(_, plain)| plain);
        Ok(plain.get(within..).unwrap_or_default())
    }

    /// The bytes of a range, whole. For small ranges only: they are held together.
    pub async fn range(&mut self, range: std::ops::Range<u64>) -> Result<Vec<u8>, BytesError> {
        let mut all = Vec::new();
        let mut at = range.start;
        while at < range.end.min(self.bytes) {
            let left = usize::try_from(range.end - at).unwrap_or(usize::MAX);
            let chunk = self.chunk(at).await?;
            let taken = chunk.get(..left.min(chunk.len())).unwrap_or_default();
            if taken.is_empty() {
                break;
            }
            at += taken.len() as u64;
            all.extend_from_slice(taken);
        }
        Ok(all)
    }
}

/// Forgets the bytes of an upload.
pub(super) async fn forget(
    store: &impl Store,
    tenant: &TenantId,
    upload: &UploadId,
    bytes: u64,
) -> Result<(), Error> {
    let parts = u32::try_from(bytes.div_ceil(PART_BYTES as u64)).unwrap_or(u32::MAX);
    let keys: Vec<String> = (0..parts)
        .map(|part| keys::upload_bytes(tenant, upload, part))
        .collect();
    for batch in keys.chunks(128) {
        store.delete_many(batch).await?;
    }
    Ok(())
}
