//! The key-value stores: two backends, and in front of them the counters and the faults which tests ask for.

mod backend;
mod faults;
mod memory;
mod sqlite;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

pub use self::backend::StoreError;
pub(crate) use self::backend::{Backend, Pairs, Values};
pub use self::faults::{Counted, Crash, Failure, When};
pub use self::memory::MemoryStore;

use self::faults::{Blow, Faults};
use self::sqlite::Sqlite;
use crate::counters::{Operation, Recorder, Traffic};

/// Where stores are kept.
#[derive(Clone, Debug)]
pub enum State {
    /// In `sqlite_key_value.db` in this directory (Spin's is `.spin` beside the manifest), with Spin's
    /// tables: either host goes on with what the other wrote.
    Directory(PathBuf),
    /// In memory. Clones share their content, so a test can restart a host on it.
    Memory(MemoryStore),
}

/// Every store of the application.
#[derive(Clone)]
pub(crate) struct KeyValue {
    backend: Arc<dyn Backend>,
    faults: Arc<Faults>,
    recorder: Recorder,
    halted: CancellationToken,
}

impl KeyValue {
    pub(crate) fn open(
        state: &State,
        recorder: Recorder,
        halted: CancellationToken,
    ) -> Result<Self, StoreError> {
        let backend: Arc<dyn Backend> = match state {
            State::Directory(directory) => Arc::new(Sqlite::open(directory)?),
            State::Memory(memory) => Arc::new(memory.clone()),
        };
        Ok(Self {
            backend,
            faults: Arc::default(),
            recorder,
            halted,
        })
    }

    pub(crate) fn faults(&self) -> &Faults {
        &self.faults
    }

    pub(crate) async fn get(
        &self,
        store: Label,
        key: String,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let traffic = |value: &Option<Vec<u8>>| Traffic::read(1, value.iter().map(Vec::len).sum());
        let blow = self.faults.enter(Operation::Get, &[&key]);
        self.run(Operation::Get, blow, traffic, move |backend| {
            backend.get(&store, &key)
        })
        .await
    }

    pub(crate) async fn exists(&self, store: Label, key: String) -> Result<bool, StoreError> {
        let blow = self.faults.enter(Operation::Exists, &[&key]);
        self.run(
            Operation::Exists,
            blow,
            |_| Traffic::read(1, 0),
            move |backend| Ok(backend.get(&store, &key)?.is_some()),
        )
        .await
    }

    pub(crate) async fn keys(&self, store: Label) -> Result<Vec<String>, StoreError> {
        let traffic =
            |keys: &Vec<String>| Traffic::read(keys.len(), keys.iter().map(String::len).sum());
        let blow = self.faults.enter(Operation::GetKeys, &[]);
        self.run(Operation::GetKeys, blow, traffic, move |backend| {
            backend.keys(&store)
        })
        .await
    }

    pub(crate) async fn get_many(
        &self,
        store: Label,
        keys: Vec<String>,
    ) -> Result<Values, StoreError> {
        let broken = self.faults.is_like_redis();
        let asked = keys.len();
        let traffic = move |values: &Values| {
            Traffic::read(
                asked,
                values
                    .iter()
                    .filter_map(|(_, value)| value.as_ref())
                    .map(Vec::len)
                    .sum(),
            )
        };
        let blow = self.enter_many(Operation::GetMany, keys.iter());
        self.run(Operation::GetMany, blow, traffic, move |backend| {
            if broken {
                return Err(StoreError::LikeRedis);
            }
            backend.get_many(&store, &keys)
        })
        .await
    }

    pub(crate) async fn set(
        &self,
        store: Label,
        key: String,
        value: Vec<u8>,
    ) -> Result<(), StoreError> {
        let traffic = Traffic::write(1, value.len());
        let blow = self.faults.enter(Operation::Set, &[&key]);
        self.run(
            Operation::Set,
            blow,
            move |()| traffic,
            move |backend| backend.set_many(&store, &[(key, value)]),
        )
        .await
    }

    pub(crate) async fn set_many(&self, store: Label, pairs: Pairs) -> Result<(), StoreError> {
        let traffic = Traffic::write(
            pairs.len(),
            pairs.iter().map(|(_, value)| value.len()).sum(),
        );
        let blow = self.enter_many(Operation::SetMany, pairs.iter().map(|(key, _)| key));
        self.run(
            Operation::SetMany,
            blow,
            move |()| traffic,
            move |backend| backend.set_many(&store, &pairs),
        )
        .await
    }

    pub(crate) async fn delete(&self, store: Label, key: String) -> Result<(), StoreError> {
        let blow = self.faults.enter(Operation::Delete, &[&key]);
        self.run(
            Operation::Delete,
            blow,
            |()| Traffic::write(1, 0),
            move |backend| backend.delete_many(&store, &[key]),
        )
        .await
    }

    pub(crate) async fn delete_many(
        &self,
        store: Label,
        keys: Vec<String>,
    ) -> Result<(), StoreError> {
        let traffic = Traffic::write(keys.len(), 0);
        let blow = self.enter_many(Operation::DeleteMany, keys.iter());
        self.run(
            Operation::DeleteMany,
            blow,
            move |()| traffic,
            move |backend| backend.delete_many(&store, &keys),
        )
        .await
    }

    pub(crate) async fn increment(
        &self,
        store: Label,
        key: String,
        delta: i64,
    ) -> Result<i64, StoreError> {
        let blow = self.faults.enter(Operation::Increment, &[&key]);
        self.run(
            Operation::Increment,
            blow,
            |_| Traffic::write(1, size_of::<i64>()),
            move |backend| backend.increment(&store, &key, delta),
        )
        .await
    }

    /// Whether the value was replaced.
    pub(crate) async fn swap(
        &self,
        store: Label,
        key: String,
        old: Option<Vec<u8>>,
        new: Vec<u8>,
    ) -> Result<bool, StoreError> {
        let broken = self.faults.is_like_redis();
        let traffic = Traffic::write(1, new.len());
        let blow = self.faults.enter(Operation::Swap, &[&key]);
        self.run(
            Operation::Swap,
            blow,
            move |_| traffic,
            move |backend| {
                if broken {
                    // There the write happens and the answer is "failed" all the same.
                    return backend.set_many(&store, &[(key, new)]).map(|()| false);
                }
                backend.swap(&store, &key, old.as_deref(), &new)
            },
        )
        .await
    }

    fn enter_many<'a>(
        &self,
        operation: Operation,
        keys: impl Iterator<Item = &'a String>,
    ) -> Option<Blow> {
        let keys: Vec<&str> = keys.map(String::as_str).collect();
        self.faults.enter(operation, &keys)
    }

    /// Every operation passes here: what befalls it, latency, the work itself, counters. A host which has
    /// "crashed" answers nothing ever again, as a killed process.
    #[expect(
        clippy::disallowed_methods,
        reason = "how long the store takes is real time"
    )]
    async fn run<T: Send + 'static>(
        &self,
        operation: Operation,
        blow: Option<Blow>,
        traffic: impl FnOnce(&T) -> Traffic,
        work: impl FnOnce(&dyn Backend) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        if blow == Some(Blow::Crash(When::Before)) {
            self.halted.cancel();
        }
        if let Some(latency) = self.faults.latency() {
            tokio::time::sleep(latency).await;
        }
        if self.halted.is_cancelled() {
            return std::future::pending().await;
        }
        if blow == Some(Blow::Failure(When::Before)) {
            return Err(StoreError::AskedFor);
        }
        let started = Instant::now();
        let result = self.execute(operation, work).await;
        let time = started.elapsed();
        if blow == Some(Blow::Crash(When::After)) {
            self.halted.cancel();
        }
        if self.halted.is_cancelled() {
            return std::future::pending().await;
        }
        if blow == Some(Blow::Failure(When::After)) {
            return Err(StoreError::AskedFor);
        }
        let moved = result.as_ref().map(traffic).unwrap_or_default();
        let moved = Traffic { time, ..moved };
        self.recorder.store_operation(operation, moved);
        result
    }

    /// A read of one key takes less time than a change of threads; whatever waits for the disk, or for
    /// another operation which does, goes to a thread where it may wait.
    async fn execute<T: Send + 'static>(
        &self,
        operation: Operation,
        work: impl FnOnce(&dyn Backend) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let one_read = matches!(operation, Operation::Exists | Operation::Get);
        if !self.backend.is_blocking() || one_read && self.backend.is_free() {
            return work(self.backend.as_ref());
        }
        let backend = Arc::clone(&self.backend);
        let halted = self.halted.clone();
        let work = move || {
            // The host may have died while this waited for its thread: then nothing may be written any more.
            if halted.is_cancelled() {
                return Err(StoreError::Halted);
            }
            work(backend.as_ref())
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|error| StoreError::Other(error.to_string()))?
    }
}

/// A store's label, cheap to clone.
pub(crate) type Label = Arc<str>;
