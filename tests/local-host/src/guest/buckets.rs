//! `wasi:keyvalue/store` and `wasi:keyvalue/batch`.

use wasmtime::component::Resource;

use super::{Guest, OPEN_MAX, OpenStore};
use crate::bindings::imports::wasi::keyvalue::batch;
use crate::bindings::imports::wasi::keyvalue::store::{
    Bucket, Error, Host, HostBucket, KeyResponse,
};
use crate::store::{Label, Pairs, StoreError, Values};

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Other(error.to_string())
    }
}

impl Guest {
    pub(super) fn bucket(&self, bucket: &Resource<Bucket>) -> wasmtime::Result<Label> {
        Ok(self.table.get(bucket)?.label.clone())
    }
}

impl Host for Guest {
    async fn open(
        &mut self,
        identifier: String,
    ) -> wasmtime::Result<Result<Resource<Bucket>, Error>> {
        let Some(label) = self.declared(&identifier) else {
            return Ok(Err(Error::AccessDenied));
        };
        if self.open_stores == OPEN_MAX {
            return Ok(Err(Error::Other("store table full".to_owned())));
        }
        self.open_stores += 1;
        Ok(Ok(self.table.push(OpenStore { label })?))
    }
}

impl HostBucket for Guest {
    async fn get(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
    ) -> wasmtime::Result<Result<Option<Vec<u8>>, Error>> {
        let label = self.bucket(&bucket)?;
        Ok(self.key_value.get(label, key).await.map_err(Error::from))
    }

    async fn set(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), Error>> {
        let label = self.bucket(&bucket)?;
        Ok(self
            .key_value
            .set(label, key, value)
            .await
            .map_err(Error::from))
    }

    async fn delete(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
    ) -> wasmtime::Result<Result<(), Error>> {
        let label = self.bucket(&bucket)?;
        Ok(self.key_value.delete(label, key).await.map_err(Error::from))
    }

    async fn exists(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
    ) -> wasmtime::Result<Result<bool, Error>> {
        let label = self.bucket(&bucket)?;
        Ok(self.key_value.exists(label, key).await.map_err(Error::from))
    }

    async fn list_keys(
        &mut self,
        bucket: Resource<Bucket>,
        cursor: Option<String>,
    ) -> wasmtime::Result<Result<KeyResponse, Error>> {
        if cursor.is_some() {
            return Ok(Err(Error::Other(
                "list_keys: cursor not supported".to_owned(),
            )));
        }
        let label = self.bucket(&bucket)?;
        let keys = self.key_value.keys(label).await;
        Ok(keys
            .map(|keys| KeyResponse { keys, cursor: None })
            .map_err(Error::from))
    }

    async fn drop(&mut self, bucket: Resource<Bucket>) -> wasmtime::Result<()> {
        self.table.delete(bucket)?;
        self.open_stores -= 1;
        Ok(())
    }
}

impl batch::Host for Guest {
    async fn get_many(
        &mut self,
        bucket: Resource<Bucket>,
        keys: Vec<String>,
    ) -> wasmtime::Result<Result<Values, Error>> {
        let label = self.bucket(&bucket)?;
        if keys.is_empty() {
            return Ok(Ok(Vec::new()));
        }
        Ok(self
            .key_value
            .get_many(label, keys)
            .await
            .map_err(Error::from))
    }

    async fn set_many(
        &mut self,
        bucket: Resource<Bucket>,
        pairs: Pairs,
    ) -> wasmtime::Result<Result<(), Error>> {
        let label = self.bucket(&bucket)?;
        if pairs.is_empty() {
            return Ok(Ok(()));
        }
        Ok(self
            .key_value
            .set_many(label, pairs)
            .await
            .map_err(Error::from))
    }

    async fn delete_many(
        &mut self,
        bucket: Resource<Bucket>,
        keys: Vec<String>,
    ) -> wasmtime::Result<Result<(), Error>> {
        let label = self.bucket(&bucket)?;
        if keys.is_empty() {
            return Ok(Ok(()));
        }
        Ok(self
            .key_value
            .delete_many(label, keys)
            .await
            .map_err(Error::from))
    }
}
