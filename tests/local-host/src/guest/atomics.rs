//! `wasi:keyvalue/atomics`.

use wasmtime::component::Resource;

use super::{Cas, Guest, OPEN_MAX};
use crate::bindings::imports::wasi::keyvalue::atomics::{CasError, Host, HostCas};
use crate::bindings::imports::wasi::keyvalue::store::{Bucket, Error};

impl Guest {
    fn push_cas(&mut self, cas: Cas) -> wasmtime::Result<Result<Resource<Cas>, Error>> {
        if self.open_cas == OPEN_MAX {
            return Ok(Err(Error::Other(
                "too many compare_and_swaps opened".to_owned(),
            )));
        }
        self.open_cas += 1;
        Ok(Ok(self.table.push(cas)?))
    }
}

impl HostCas for Guest {
    async fn new(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
    ) -> wasmtime::Result<Result<Resource<Cas>, Error>> {
        let label = self.bucket(&bucket)?;
        // As in Spin, nothing is read yet: a swap without a look at `current` always writes.
        self.push_cas(Cas {
            label,
            key,
            current: None,
        })
    }

    async fn current(
        &mut self,
        cas: Resource<Cas>,
    ) -> wasmtime::Result<Result<Option<Vec<u8>>, Error>> {
        let Cas { label, key, .. } = self.table.get(&cas)?;
        let value = match self.key_value.get(label.clone(), key.clone()).await {
            Ok(value) => value,
            Err(error) => return Ok(Err(error.into())),
        };
        self.table.get_mut(&cas)?.current.clone_from(&value);
        Ok(Ok(value))
    }

    async fn drop(&mut self, cas: Resource<Cas>) -> wasmtime::Result<()> {
        self.table.delete(cas)?;
        self.open_cas -= 1;
        Ok(())
    }
}

impl Host for Guest {
    async fn increment(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
        delta: i64,
    ) -> wasmtime::Result<Result<i64, Error>> {
        let label = self.bucket(&bucket)?;
        Ok(self
            .key_value
            .increment(label, key, delta)
            .await
            .map_err(Error::from))
    }

    async fn swap(
        &mut self,
        cas: Resource<Cas>,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), CasError>> {
        let Cas {
            label,
            key,
            current,
        } = self.table.delete(cas)?;
        self.open_cas -= 1;
        let swapped = self
            .key_value
            .swap(label.clone(), key.clone(), current, value)
            .await;
        match swapped {
            Ok(true) => Ok(Ok(())),
            Ok(false) => {
                let current = match self.key_value.get(label.clone(), key.clone()).await {
                    Ok(value) => value,
                    Err(error) => return Ok(Err(CasError::StoreError(error.into()))),
                };
                let next = self.push_cas(Cas {
                    label,
                    key,
                    current,
                })?;
                Ok(Err(match next {
                    Ok(cas) => CasError::CasFailed(cas),
                    Err(error) => CasError::StoreError(error),
                }))
            }
            Err(error) => Ok(Err(CasError::StoreError(error.into()))),
        }
    }
}
