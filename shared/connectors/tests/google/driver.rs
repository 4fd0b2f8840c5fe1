//! Drives a connector to its end, with answers in any order and crashes in between.

use super::district::TOKEN;
use bytes::Bytes;
use connectors::base_url::BaseUrl;
use connectors::fetch::{
    Batch, ChainId, CompleteRead, Connector, FetchError, Poll, TransportFailure,
};
use connectors::google::directory::{Directory, Population};
use connectors::google::fetch::{Fetch, FetchPlan, GroupScope, UnitScope, UnitScopes};
use http::{Request, Response};
use jiff::Timestamp;
use mapping::ids::ExternalId;
use mapping::source::{Group, SourceRecord};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};

pub(crate) type Answer = Result<Response<Bytes>, TransportFailure>;

/// Stops a test that would never end.
const STEPS_MAX: usize = 200_000;

/// How a connector is driven.
pub(crate) struct Driver<F> {
    pub answer: F,
    /// Decides which of the answers under way comes first.
    pub seed: u64,
    /// Stores and restores the connector after every answer; what is under way is lost.
    pub crashes: bool,
    pub now: Timestamp,
    pub access_token: String,
    pub calls: usize,
    pub tokens_asked: usize,
}

impl<F: FnMut(&Request<Bytes>) -> Answer> Driver<F> {
    pub(crate) fn new(answer: F) -> Self {
        Self {
            answer,
            seed: 1,
            crashes: false,
            now: now(),
            access_token: TOKEN.to_owned(),
            calls: 0,
            tokens_asked: 0,
        }
    }

    /// Polls until it is over. Returns every batch, and how it ended.
    pub(crate) fn run<C>(
        &mut self,
        connector: C,
    ) -> (Vec<C::Batch>, Result<C::Complete, FetchError>)
    where
        C: Connector<Access = str> + Serialize + DeserializeOwned,
    {
        let mut connector = connector;
        let mut batches = Vec::new();
        let mut under_way: Vec<(ChainId, Answer, usize)> = Vec::new();
        for _ in 0..STEPS_MAX {
            match connector.poll(self.now, &self.access_token) {
                Poll::Done(complete) => return (batches, Ok(complete)),
                Poll::Failed(error) => return (batches, Err(error)),
                Poll::NeedsToken => {
                    self.tokens_asked += 1;
                    TOKEN.clone_into(&mut self.access_token);
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

pub(crate) fn base_url() -> BaseUrl {
    BaseUrl::parse("http://directory.example/").unwrap()
}

pub(crate) fn directory() -> Directory {
    Directory::new(base_url(), Population::Customer)
}

pub(crate) fn plan(units: UnitScopes, groups: GroupScope) -> FetchPlan {
    FetchPlan {
        base_url: base_url(),
        population: Population::Customer,
        units,
        groups,
        window: 4,
        seed: 7,
    }
}

pub(crate) fn unit(path: &str, include_sub_units: bool) -> UnitScope {
    UnitScope {
        id: None,
        path: path.to_owned(),
        include_sub_units,
    }
}

/// Reads with answers in order and no crash.
pub(crate) fn read(
    plan: FetchPlan,
    answer: impl FnMut(&Request<Bytes>) -> Answer,
) -> (Vec<Batch>, Result<CompleteRead, FetchError>) {
    Driver::new(answer).run(Fetch::start(plan, now()))
}

/// What a read amounts to once staged: batches under chain and page, the last one kept.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Staged {
    pub records: BTreeMap<ExternalId, SourceRecord>,
    pub members: BTreeSet<(ExternalId, Group)>,
    pub everyone: BTreeSet<Group>,
    pub units: usize,
    pub issues: BTreeSet<String>,
}

pub(crate) fn stage(batches: Vec<Batch>) -> Staged {
    let mut pages = BTreeMap::new();
    for batch in batches.into_iter().filter(|batch| !batch.is_empty()) {
        pages.insert((batch.chain, batch.page), batch);
    }
    let mut staged = Staged::default();
    for batch in pages.into_values() {
        for record in batch.records {
            let twice = staged.records.insert(record.external_id.clone(), record);
            assert_eq!(twice, None, "nobody is listed twice");
        }
        staged.members.extend(batch.members);
        staged.everyone.extend(batch.everyone);
        staged.units += batch.units.map_or(0, |units| units.len());
        staged
            .issues
            .extend(batch.issues.iter().map(ToString::to_string));
    }
    staged
}
