//! What happened, counted: for the benchmark and for tests which limit calls.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A kind of store operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// Of one key.
    Delete,
    /// Of several keys.
    DeleteMany,
    /// Whether a key is there.
    Exists,
    /// Of one key.
    Get,
    /// The list of all keys.
    GetKeys,
    /// Of several keys.
    GetMany,
    /// Of a counter.
    Increment,
    /// Of one key.
    Set,
    /// Of several keys.
    SetMany,
    /// Compare and swap.
    Swap,
}

impl Operation {
    /// Whether it changes the store.
    pub fn is_write(self) -> bool {
        match self {
            Self::Delete
            | Self::DeleteMany
            | Self::Increment
            | Self::Set
            | Self::SetMany
            | Self::Swap => true,
            Self::Exists | Self::Get | Self::GetKeys | Self::GetMany => false,
        }
    }
}

/// Keys and bytes which store operations moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Operations.
    pub calls: u64,
    /// Keys named (or listed, for the list of keys).
    pub keys: u64,
    /// Bytes of values which the guest got.
    pub bytes_read: u64,
    /// Bytes of values which the guest gave.
    pub bytes_written: u64,
    /// How long the store took: the disk, and whatever the operation waited for.
    pub time: Duration,
}

impl Traffic {
    pub(crate) fn read(keys: usize, bytes: usize) -> Self {
        Self {
            keys: keys as u64,
            bytes_read: bytes as u64,
            ..Self::default()
        }
    }

    pub(crate) fn write(keys: usize, bytes: usize) -> Self {
        Self {
            keys: keys as u64,
            bytes_written: bytes as u64,
            ..Self::default()
        }
    }
}

/// Everything counted since the start or the last reset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Store operations by kind.
    pub store: BTreeMap<Operation, Traffic>,
    /// Requests sent by components, by `host:port` as in their address; a chained call counts under
    /// `<id>.spin.internal`.
    pub outbound: BTreeMap<String, u64>,
    /// Requests handled, by component id, chained ones too.
    pub requests: BTreeMap<String, u64>,
    /// Cron ticks handled, by component id.
    pub ticks: BTreeMap<String, u64>,
    /// The largest linear memory of any instance, in bytes, by component id.
    pub peak_memory: BTreeMap<String, u64>,
}

/// Where the parts of the host report; clones share their counters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorder {
    counters: Arc<Mutex<Counters>>,
}

impl Recorder {
    fn counters(&self) -> MutexGuard<'_, Counters> {
        // Numbers can't be half-written by a panic elsewhere.
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn snapshot(&self) -> Counters {
        self.counters().clone()
    }

    pub(crate) fn reset(&self) {
        *self.counters() = Counters::default();
    }

    pub(crate) fn store_operation(&self, operation: Operation, moved: Traffic) {
        let mut counters = self.counters();
        let total = counters.store.entry(operation).or_default();
        total.calls += 1;
        total.keys += moved.keys;
        total.bytes_read += moved.bytes_read;
        total.bytes_written += moved.bytes_written;
        total.time += moved.time;
    }

    pub(crate) fn outbound(&self, authority: &str) {
        add_one(&mut self.counters().outbound, authority);
    }

    pub(crate) fn request(&self, component: &str) {
        add_one(&mut self.counters().requests, component);
    }

    pub(crate) fn tick(&self, component: &str) {
        add_one(&mut self.counters().ticks, component);
    }

    pub(crate) fn memory(&self, component: &str, bytes: u64) {
        let mut counters = self.counters();
        let peak = counters
            .peak_memory
            .entry(component.to_owned())
            .or_default();
        *peak = bytes.max(*peak);
    }
}

fn add_one(counts: &mut BTreeMap<String, u64>, key: &str) {
    match counts.get_mut(key) {
        Some(count) => *count += 1,
        None => drop(counts.insert(key.to_owned(), 1)),
    }
}
