//! The key-value store.

use crate::{Platform, batch};
use engine::ports::{Store, StoreError};
use spin_sdk::experimental::wasi::keyvalue::store::Bucket;
use spin_sdk::key_value;
use std::cell::OnceCell;
use std::rc::Rc;
use std::time::Duration;

/// The store that every component with data uses.
const LABEL: &str = "default";

/// How a store in one SQLite file says that another process is writing to it. It says so at once
/// and then has written nothing, so that even adding to a counter may be done again.
const BUSY: [&str; 2] = ["DatabaseBusy", "database is locked"];

/// How long to wait before each further try at a busy store, in milliseconds: half a second in
/// all, well within a slice.
const BUSY_PAUSES_MS: [u64; 8] = [5, 10, 20, 40, 60, 80, 120, 200];

/// Open handles of one request.
#[derive(Default)]
pub(crate) struct Handles {
    plain: OnceCell<Rc<key_value::Store>>,
    batch: OnceCell<Rc<Bucket>>,
}

impl Platform {
    async fn plain(&self) -> Result<Rc<key_value::Store>, StoreError> {
        if let Some(store) = self.store.plain.get() {
            return Ok(Rc::clone(store));
        }
        let opened = Rc::new(
            key_value::Store::open(LABEL)
                .await
                .map_err(to_store_error)?,
        );
        Ok(Rc::clone(self.store.plain.get_or_init(|| opened)))
    }

    fn batch(&self) -> Result<Rc<Bucket>, StoreError> {
        if let Some(bucket) = self.store.batch.get() {
            return Ok(Rc::clone(bucket));
        }
        let opened = Rc::new(batch::open_bucket(LABEL)?);
        Ok(Rc::clone(self.store.batch.get_or_init(|| opened)))
    }
}

impl Store for Platform {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let store = self.plain().await?;
        retry(async || store.get(key).await.map_err(to_store_error)).await
    }

    async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        let store = self.plain().await?;
        retry(async || store.set(key, value).await.map_err(to_store_error)).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let store = self.plain().await?;
        retry(async || store.delete(key).await.map_err(to_store_error)).await
    }

    async fn exists(&self, key: &str) -> Result<bool, StoreError> {
        let store = self.plain().await?;
        retry(async || store.exists(key).await.map_err(to_store_error)).await
    }

    async fn set_many(&self, values: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
        let bucket = self.batch()?;
        retry(async || batch::set_many(&bucket, values)).await
    }

    async fn delete_many(&self, keys: &[String]) -> Result<(), StoreError> {
        let bucket = self.batch()?;
        retry(async || batch::delete_many(&bucket, keys)).await
    }

    async fn increment(&self, key: &str, delta: i64) -> Result<i64, StoreError> {
        let bucket = self.batch()?;
        retry(async || batch::increment(&bucket, key, delta)).await
    }
}

/// Does an operation again while the store is busy with another process.
async fn retry<T>(operation: impl AsyncFn() -> Result<T, StoreError>) -> Result<T, StoreError> {
    for pause_ms in BUSY_PAUSES_MS {
        match operation().await {
            Err(error) if is_busy(&error) => {
                spin_sdk::time::sleep(Duration::from_millis(pause_ms)).await;
            }
            other => return other,
        }
    }
    operation().await
}

/// Whether nothing was written because another process was writing to the same file.
fn is_busy(error: &StoreError) -> bool {
    match error {
        StoreError::Denied(_) | StoreError::LeaseLost => false,
        StoreError::Failed(reason) => BUSY.iter().any(|text| reason.contains(text)),
    }
}

fn to_store_error(error: key_value::Error) -> StoreError {
    match error {
        key_value::Error::NoSuchStore => StoreError::Denied("there is no such store".to_owned()),
        key_value::Error::AccessDenied => {
            StoreError::Denied("the component may not open it".to_owned())
        }
        key_value::Error::StoreTableFull => StoreError::Failed("too many open stores".to_owned()),
        key_value::Error::Other(reason) => StoreError::Failed(reason),
    }
}
