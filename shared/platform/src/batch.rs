//! The one file that names the platform's batch and atomic operations, whose interface is still
//! experimental.

use engine::ports::StoreError;
use spin_sdk::experimental::wasi::keyvalue::store::{Bucket, Error, open};
use spin_sdk::experimental::wasi::keyvalue::{atomics, batch};

/// Opens a store for batches and atomics.
pub(crate) fn open_bucket(label: &str) -> Result<Bucket, StoreError> {
    open(label).map_err(to_store_error)
}

/// Writes all of these or none.
pub(crate) fn set_many(bucket: &Bucket, values: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
    batch::set_many(bucket, values).map_err(to_store_error)
}

/// Removes all of these.
pub(crate) fn delete_many(bucket: &Bucket, keys: &[String]) -> Result<(), StoreError> {
    batch::delete_many(bucket, keys).map_err(to_store_error)
}

/// Adds to a counter.
pub(crate) fn increment(bucket: &Bucket, key: &str, delta: i64) -> Result<i64, StoreError> {
    atomics::increment(bucket, key, delta).map_err(to_store_error)
}

fn to_store_error(error: Error) -> StoreError {
    match error {
        Error::NoSuchStore => StoreError::Denied("there is no such store".to_owned()),
        Error::AccessDenied => StoreError::Denied("the component may not open it".to_owned()),
        Error::Other(reason) => StoreError::Failed(reason),
    }
}
