//! Drives a connector to its end, with answers in any order and crashes in between. Shared by the
//! tests of all connectors.

use bytes::Bytes;
use connectors::fetch::{ChainId, Connector, FetchError, Poll, TransportFailure};
use http::{Request, Response};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::borrow::Borrow;

pub(crate) type Answer = Result<Response<Bytes>, TransportFailure>;

/// Stops a test that would never end.
const STEPS_MAX: usize = 200_000;

/// What must never stand in a stored state.
const SECRETS: [&str; 2] = [super::TOKEN, "hunter2"];

/// How a connector is driven, with access of the kind `A`.
pub(crate) struct Driver<F, A> {
    pub answer: F,
    /// Decides which of the answers under way comes first.
    pub seed: u64,
    /// Stores and restores the connector after every answer; what is under way is lost.
    pub crashes: bool,
    pub now: Timestamp,
    pub access: A,
    /// What the connector is given when it asks for access afresh.
    fresh: A,
    pub calls: usize,
    /// Most requests that were under way at once.
    pub abreast: usize,
    pub tokens_asked: usize,
    /// Largest state that was stored, in bytes.
    pub largest: usize,
}

impl<F: FnMut(&Request<Bytes>) -> Answer, A: Clone> Driver<F, A> {
    pub(crate) fn with_access(answer: F, access: A) -> Self {
        Self {
            answer,
            seed: 1,
            crashes: false,
            now: now(),
            fresh: access.clone(),
            access,
            calls: 0,
            abreast: 0,
            tokens_asked: 0,
            largest: 0,
        }
    }

    /// Polls until it is over. Returns every batch, and how it ended.
    pub(crate) fn run<C>(
        &mut self,
        connector: C,
    ) -> (Vec<C::Batch>, Result<C::Complete, FetchError>)
    where
        C: Connector + Serialize + DeserializeOwned,
        A: Borrow<C::Access>,
    {
        let (batches, end, _) = self.run_keeping(connector);
        (batches, end)
    }

    /// The same, with what is left of the connector.
    pub(crate) fn run_keeping<C>(
        &mut self,
        mut connector: C,
    ) -> (Vec<C::Batch>, Result<C::Complete, FetchError>, C)
    where
        C: Connector + Serialize + DeserializeOwned,
        A: Borrow<C::Access>,
    {
        let mut batches = Vec::new();
        let mut under_way: Vec<(ChainId, Answer, usize)> = Vec::new();
        for _ in 0..STEPS_MAX {
            match connector.poll(self.now, self.access.borrow()) {
                Poll::Done(complete) => return (batches, Ok(complete), connector),
                Poll::Failed(error) => return (batches, Err(error), connector),
                Poll::NeedsToken => {
                    self.tokens_asked += 1;
                    self.access = self.fresh.clone();
                    connector.token_refreshed();
                }
                Poll::WaitUntil(until) => {
                    assert!(until > self.now && under_way.is_empty());
                    self.now = until;
                }
                Poll::Send {
                    chain,
                    request,
                    body_bytes_max,
                } => {
                    self.calls += 1;
                    let answer = (self.answer)(&request);
                    under_way.push((chain, answer, body_bytes_max));
                    self.abreast = self.abreast.max(under_way.len());
                }
                Poll::Busy => {
                    assert!(!under_way.is_empty(), "busy with nothing under way");
                    let (chain, answer, limit) = under_way.remove(self.pick(under_way.len()));
                    if let Ok(answer) = &answer {
                        assert!(answer.body().len() <= limit);
                    }
                    let answer = answer.as_ref().map_err(|failure| *failure);
                    batches.push(connector.handle_response(chain, self.now, answer));
                    if self.crashes {
                        let stored = serde_json::to_string(&connector).unwrap();
                        assert!(!SECRETS.iter().any(|secret| stored.contains(secret)));
                        self.largest = self.largest.max(stored.len());
                        connector = serde_json::from_str(&stored).unwrap();
                        under_way.clear();
                    }
                }
            }
        }
        panic!("it did not end");
    }

    fn pick(&mut self, count: usize) -> usize {
        self.seed = self
            .seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(self.seed >> 33).unwrap() % count
    }
}

pub(crate) fn now() -> Timestamp {
    "2026-09-01T03:00:00Z".parse().unwrap()
}
