//! The key-value store.

use crate::{Platform, batch};
use engine::ports::{Store, StoreError};
use spin_sdk::experimental::wasi::keyvalue::store::Bucket;
use spin_sdk::key_value;
use std::cell::OnceCell;
use std::rc::Rc;

/// The store that every component with data uses.
const LABEL: &str = "default";

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
        self.plain().await?.get(key).await.map_err(to_store_error)
    }

    async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.plain()
            .await?
            .set(key, value)
            .await
            .map_err(to_store_error)
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.plain()
            .await?
            .delete(key)
            .await
            .map_err(to_store_error)
    }

    async fn exists(&self, key: &str) -> Result<bool, StoreError> {
        self.plain()
            .await?
            .exists(key)
            .await
            .map_err(to_store_error)
    }

    async fn set_many(&self, values: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
        batch::set_many(&*self.batch()?, values)
    }

    async fn delete_many(&self, keys: &[String]) -> Result<(), StoreError> {
        batch::delete_many(&*self.batch()?, keys)
    }

    async fn increment(&self, key: &str, delta: i64) -> Result<i64, StoreError> {
        batch::increment(&*self.batch()?, key, delta)
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
