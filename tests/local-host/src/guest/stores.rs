//! `spin:key-value`.

use wasmtime::component::{Accessor, FutureReader, Resource, StreamReader};

use super::{Guest, HasGuest, OPEN_MAX, OpenStore};
use crate::bindings::imports::spin::key_value::key_value::{
    Error, Host, HostStore, HostStoreWithStore, Store,
};
use crate::store::{KeyValue, Label, StoreError};

impl Host for Guest {}

impl HostStore for Guest {
    async fn drop(&mut self, store: Resource<Store>) -> wasmtime::Result<()> {
        self.table.delete(store)?;
        self.open_stores -= 1;
        Ok(())
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Other(error.to_string())
    }
}

/// The store behind the handle; the guest can't forge one, so a missing one is a trap.
fn opened<T>(
    accessor: &Accessor<T, HasGuest>,
    store: &Resource<Store>,
) -> wasmtime::Result<(KeyValue, Label)>
where
    T: 'static,
{
    accessor.with(|mut access| {
        let guest = access.get();
        let label = guest.table.get(store)?.label.clone();
        Ok((guest.key_value.clone(), label))
    })
}

impl<T: Send> HostStoreWithStore<T> for HasGuest {
    async fn open(
        accessor: &Accessor<T, Self>,
        label: String,
    ) -> wasmtime::Result<Result<Resource<Store>, Error>> {
        accessor.with(|mut access| {
            let guest = access.get();
            let Some(label) = guest.declared(&label) else {
                return Ok(Err(Error::AccessDenied));
            };
            if guest.open_stores == OPEN_MAX {
                return Ok(Err(Error::StoreTableFull));
            }
            guest.open_stores += 1;
            Ok(Ok(guest.table.push(OpenStore { label })?))
        })
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
        key: String,
    ) -> wasmtime::Result<Result<Option<Vec<u8>>, Error>> {
        let (key_value, label) = opened(accessor, &store)?;
        Ok(key_value.get(label, key).await.map_err(Error::from))
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
        key: String,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), Error>> {
        let (key_value, label) = opened(accessor, &store)?;
        Ok(key_value.set(label, key, value).await.map_err(Error::from))
    }

    async fn delete(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
        key: String,
    ) -> wasmtime::Result<Result<(), Error>> {
        let (key_value, label) = opened(accessor, &store)?;
        Ok(key_value.delete(label, key).await.map_err(Error::from))
    }

    async fn exists(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
        key: String,
    ) -> wasmtime::Result<Result<bool, Error>> {
        let (key_value, label) = opened(accessor, &store)?;
        Ok(key_value.exists(label, key).await.map_err(Error::from))
    }

    async fn get_keys(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
    ) -> wasmtime::Result<(StreamReader<String>, FutureReader<Result<(), Error>>)> {
        let (key_value, label) = opened(accessor, &store)?;
        let (keys, outcome) = match key_value.keys(label).await {
            Ok(keys) => (keys, Ok(())),
            Err(error) => (Vec::new(), Err(Error::from(error))),
        };
        accessor.with(|mut access| {
            let keys = StreamReader::new(&mut access, keys)?;
            let outcome =
                FutureReader::new(&mut access, async move { wasmtime::error::Ok(outcome) })?;
            Ok((keys, outcome))
        })
    }
}
