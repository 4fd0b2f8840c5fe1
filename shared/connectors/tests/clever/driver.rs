//! Drives a connector to its end, with answers in any order and crashes in between.

use super::district::{DISTRICT, TOKEN};
use bytes::Bytes;
use connectors::base_url::BaseUrl;
use connectors::clever::{Api, Fetch, FetchPlan, Version};
use connectors::fetch::{
    Batch, ChainId, CompleteRead, Connector, FetchError, Poll, TransportFailure,
};
use http::{Request, Response};
use jiff::Timestamp;
use mapping::ids::ExternalId;
use mapping::schooling::Schooling;
use mapping::source::SourceRecord;
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
        let (batches, end, _) = self.run_keeping(connector);
        (batches, end)
    }

    /// The same, with what is left of the connector.
    pub(crate) fn run_keeping<C>(
        &mut self,
        mut connector: C,
    ) -> (Vec<C::Batch>, Result<C::Complete, FetchError>, C)
    where
        C: Connector<Access = str> + Serialize + DeserializeOwned,
    {
        let mut batches = Vec::new();
        let mut under_way: Vec<(ChainId, Answer, usize)> = Vec::new();
        for _ in 0..STEPS_MAX {
            match connector.poll(self.now, &self.access_token) {
                Poll::Done(complete) => return (batches, Ok(complete), connector),
                Poll::Failed(error) => return (batches, Err(error), connector),
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

pub(crate) fn api() -> Api {
    Api {
        base_url: BaseUrl::parse("http://clever.example/").unwrap(),
        version: Version::V3_1,
    }
}

pub(crate) fn domains(domains: &[&str]) -> BTreeSet<String> {
    domains.iter().map(|domain| (*domain).to_owned()).collect()
}

pub(crate) fn plan() -> FetchPlan {
    FetchPlan {
        api: api(),
        district: DISTRICT.to_owned(),
        guardians: true,
        classes: true,
        verified_domains: domains(&["MapleGrove.example"]),
        window: 4,
        seed: 7,
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
    pub schooling: BTreeMap<String, Schooling>,
    pub issues: Vec<String>,
}

pub(crate) fn stage(batches: Vec<Batch>) -> Staged {
    let mut pages = BTreeMap::new();
    for batch in batches.into_iter().filter(|batch| !batch.is_empty()) {
        pages.insert((batch.chain, batch.page), batch);
    }
    let mut staged = Staged::default();
    for batch in pages.into_values() {
        let mut ids = BTreeSet::new();
        for record in batch.records {
            let id = record.external_id.clone();
            assert!(ids.insert(id.clone()), "nobody is on a page twice");
            if let Some(other) = staged.records.insert(id, record.clone()) {
                assert_eq!(other, record, "the same person is the same on every list");
            }
        }
        for one in batch.schooling {
            let id = match &one {
                Schooling::Class(class) => &class.id,
                Schooling::Course(course) => &course.id,
                Schooling::School(school) => &school.id,
                Schooling::Session(session) => &session.id,
            };
            let twice = staged.schooling.insert(id.as_str().to_owned(), one);
            assert_eq!(twice, None);
        }
        let issues = batch.issues.iter().map(ToString::to_string);
        staged.issues.extend(issues);
    }
    staged.issues.sort();
    staged
}
