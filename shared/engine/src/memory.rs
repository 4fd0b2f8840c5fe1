//! Ports in memory, for tests of this crate and of the ones above it.

mod gate;

pub use gate::{Fate, Gate, Operation};

use crate::ports::{
    Clock, Random, Store, StoreError, Transport, TransportError, VariableError, Variables,
};
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

/// Answers requests in a test.
pub type Handler = Arc<
    dyn Fn(
        MemoryPorts,
        http::Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<http::Response<Bytes>, TransportError>>>>,
>;

#[derive(Clone, Default)]
struct State {
    values: BTreeMap<String, Vec<u8>>,
    counters: BTreeMap<String, i64>,
    variables: BTreeMap<String, String>,
    now: Timestamp,
    random: u64,
    operations: u64,
    writes: u64,
    crash_at: Option<(u64, CrashPoint)>,
    crashed: bool,
}

impl State {
    /// Stores keep values and counters under the same keys.
    fn remove(&mut self, key: &str) {
        self.values.remove(key);
        self.counters.remove(key);
    }
}

/// Where a simulated crash stands relative to the store operation it is tied to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CrashPoint {
    /// The operation happened; its caller never heard of it.
    After,
    /// The operation did not happen.
    Before,
}

/// All ports in memory. Clones share their state, as components share a store.
#[derive(Clone, Default)]
pub struct MemoryPorts {
    state: Arc<Mutex<State>>,
    handler: Option<Handler>,
    yields: bool,
    gate: Option<Rc<dyn Gate>>,
}

/// Runs a future to its end on this thread.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    futures::executor::block_on(future)
}

impl MemoryPorts {
    /// Surroundings of their own that are in the same state now; without a handler.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self {
            state: Arc::new(Mutex::new(self.state().clone())),
            handler: None,
            ..self.clone()
        }
    }

    /// An empty store, the clock at the Unix epoch, no variables, no server to reach.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same state with this handler for requests.
    #[must_use]
    pub fn with_handler(&self, handler: Handler) -> Self {
        Self {
            handler: Some(handler),
            ..self.clone()
        }
    }

    /// The same state as one process sees it through this gate.
    #[must_use]
    pub fn with_gate(&self, gate: Rc<dyn Gate>) -> Self {
        Self {
            gate: Some(gate),
            ..self.clone()
        }
    }

    /// The same state, with a pause before each store operation in which a test may let others
    /// have their turn.
    #[must_use]
    pub fn yielding(&self) -> Self {
        Self {
            yields: true,
            ..self.clone()
        }
    }

    async fn turn(&self) {
        let mut waited = !self.yields;
        std::future::poll_fn(|context| {
            if std::mem::replace(&mut waited, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    /// Sets a variable.
    pub fn set_variable(&self, name: &str, value: &str) {
        self.state()
            .variables
            .insert(name.to_owned(), value.to_owned());
    }

    /// Sets the clock.
    pub fn set_now(&self, now: Timestamp) {
        self.state().now = now;
    }

    /// Moves the clock.
    pub fn advance(&self, duration: Duration) {
        let mut state = self.state();
        let by = SignedDuration::try_from(duration).unwrap_or(SignedDuration::ZERO);
        state.now = state.now.checked_add(by).unwrap_or(state.now);
    }

    /// How many store operations were done so far.
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// How many values were written so far.
    pub fn writes(&self) -> u64 {
        self.state().writes
    }

    /// Makes the store operation with this number (counted from the first ever, which is 1), and
    /// all after it, fail as if the process had died; `None` brings the process back.
    pub fn crash_at(&self, operation: Option<(u64, CrashPoint)>) {
        let mut state = self.state();
        state.crash_at = operation;
        state.crashed = false;
    }

    /// A copy of all values and counters, to compare states.
    pub fn dump(&self) -> BTreeMap<String, Vec<u8>> {
        let state = self.state();
        let mut all = state.values.clone();
        for (key, value) in &state.counters {
            all.insert(key.clone(), value.to_string().into_bytes());
        }
        all
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does an operation, or not, as the gate says.
    async fn operate<T>(
        &self,
        key: &str,
        writes: bool,
        work: impl FnOnce(&mut State) -> T,
    ) -> Result<T, StoreError> {
        self.turn().await;
        let fate = self
            .gate
            .as_ref()
            .map_or(Fate::Proceed, |gate| gate.admit(Operation { key, writes }));
        let done = match fate {
            Fate::FailBefore => Err(failed()),
            Fate::FailAfter => self.perform(work).and(Err(failed())),
            Fate::Proceed => self.perform(work),
        };
        self.pause().await;
        done
    }

    fn perform<T>(&self, work: impl FnOnce(&mut State) -> T) -> Result<T, StoreError> {
        let dead = || StoreError::Failed("the process died (simulated)".to_owned());
        let mut state = self.state();
        if state.crashed {
            return Err(dead());
        }
        state.operations += 1;
        match state.crash_at {
            Some((at, point)) if state.operations >= at => {
                state.crashed = true;
                if point == CrashPoint::After {
                    work(&mut state);
                }
                Err(dead())
            }
            _ => Ok(work(&mut state)),
        }
    }

    async fn pause(&self) {
        if let Some(gate) = &self.gate {
            gate.pause().await;
        }
    }
}

fn failed() -> StoreError {
    StoreError::Failed("the store failed (simulated)".to_owned())
}

impl Store for MemoryPorts {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.operate(key, false, |state| state.values.get(key).cloned())
            .await
    }

    async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.operate(key, true, |state| {
            state.writes += 1;
            state.values.insert(key.to_owned(), value.to_vec());
        })
        .await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.operate(key, true, |state| {
            state.remove(key);
        })
        .await
    }

    async fn exists(&self, key: &str) -> Result<bool, StoreError> {
        self.operate(key, false, |state| {
            state.values.contains_key(key) || state.counters.contains_key(key)
        })
        .await
    }

    async fn set_many(&self, values: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
        let first = values.first().map_or("", |(key, _)| key);
        self.operate(first, true, |state| {
            for (key, value) in values {
                state.writes += 1;
                state.values.insert(key.clone(), value.clone());
            }
        })
        .await
    }

    async fn delete_many(&self, keys: &[String]) -> Result<(), StoreError> {
        let first = keys.first().map_or("", String::as_str);
        self.operate(first, true, |state| {
            for key in keys {
                state.remove(key);
            }
        })
        .await
    }

    async fn increment(&self, key: &str, delta: i64) -> Result<i64, StoreError> {
        self.operate(key, delta != 0, |state| {
            if delta == 0 {
                return state.counters.get(key).copied().unwrap_or(0);
            }
            let counter = state.counters.entry(key.to_owned()).or_insert(0);
            *counter += delta;
            *counter
        })
        .await
    }
}

impl Transport for MemoryPorts {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        body_bytes_max: usize,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let handler = self.handler.clone().ok_or(TransportError::Denied)?;
        let answer = handler(self.clone(), request).await;
        self.pause().await;
        let response = answer?;
        if response.body().len() > body_bytes_max {
            return Err(TransportError::BodyTooLarge {
                limit: body_bytes_max,
            });
        }
        Ok(response)
    }
}

impl Clock for MemoryPorts {
    fn now(&self) -> Timestamp {
        let now = self.state().now;
        let skew = self.gate.as_ref().map(|gate| gate.skew());
        skew.and_then(|skew| now.checked_add(skew).ok())
            .unwrap_or(now)
    }

    async fn sleep(&self, duration: Duration) {
        self.advance(duration);
        self.pause().await;
    }
}

impl Random for MemoryPorts {
    /// A counted sequence, the same in every run of a test.
    fn fill(&self, buffer: &mut [u8]) {
        let mut state = self.state();
        for byte in buffer {
            state.random = state
                .random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *byte = state.random.to_be_bytes()[0];
        }
    }
}

impl Variables for MemoryPorts {
    async fn variable(&self, name: &str) -> Result<String, VariableError> {
        match self.state().variables.get(name) {
            Some(value) if !value.is_empty() => Ok(value.clone()),
            _ => Err(VariableError::Missing(name.to_owned())),
        }
    }
}
