//! Drives a connector to its end, with answers in any order and crashes in between.

use super::server::{Server, TOKEN};
use bytes::Bytes;
use connectors::base_url::BaseUrl;
use connectors::fetch::{
    Batch, ChainId, CompleteRead, Connector, FetchError, Poll, TransportFailure,
};
use connectors::oneroster::fetch::{Fetch, FetchPlan};
use connectors::oneroster::{Access, ServiceBase, Version};
use http::{Request, Response};
use jiff::Timestamp;
use mapping::ids::ExternalId;
use mapping::schooling::{ClassMember, Schooling};
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
    pub access: Access,
    pub calls: usize,
    /// Most requests that were under way at once.
    pub abreast: usize,
    pub tokens_asked: usize,
    /// Largest state that was stored, in bytes.
    pub largest: usize,
}

impl<F: FnMut(&Request<Bytes>) -> Answer> Driver<F> {
    pub(crate) fn new(answer: F) -> Self {
        Self {
            answer,
            seed: 1,
            crashes: false,
            now: now(),
            access: bearer(TOKEN),
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
        C: Connector<Access = Access> + Serialize + DeserializeOwned,
    {
        let mut connector = connector;
        let mut batches = Vec::new();
        let mut under_way: Vec<(ChainId, Answer, usize)> = Vec::new();
        for _ in 0..STEPS_MAX {
            match connector.poll(self.now, &self.access) {
                Poll::Done(complete) => return (batches, Ok(complete)),
                Poll::Failed(error) => return (batches, Err(error)),
                Poll::NeedsToken => {
                    self.tokens_asked += 1;
                    self.access = bearer(TOKEN);
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
                        assert!(!stored.contains(TOKEN) && !stored.contains("hunter2"));
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

pub(crate) fn bearer(token: &str) -> Access {
    Access::Bearer(token.to_owned())
}

pub(crate) fn now() -> Timestamp {
    "2026-09-01T03:00:00Z".parse().unwrap()
}

pub(crate) fn id(text: &str) -> ExternalId {
    ExternalId::parse(text).unwrap()
}

pub(crate) fn base(version: Version) -> ServiceBase {
    let base = BaseUrl::parse("http://sis.example/api/").unwrap();
    ServiceBase::new(&base, version).unwrap()
}

pub(crate) fn plan(version: Version) -> FetchPlan {
    FetchPlan {
        base: base(version),
        guardians: false,
        classes: false,
        verified_domains: BTreeSet::from(["maplegrove.example".to_owned()]),
        today: "2026-09-01".parse().unwrap(),
        page_limit: 10,
        window: 4,
        seed: 7,
    }
}

/// Reads a server with answers in order and no crash.
pub(crate) fn read(
    server: &Server,
    plan: FetchPlan,
) -> (Vec<Batch>, Result<CompleteRead, FetchError>) {
    read_with(plan, |request| Ok(server.answer(request)))
}

pub(crate) fn read_with(
    plan: FetchPlan,
    answer: impl FnMut(&Request<Bytes>) -> Answer,
) -> (Vec<Batch>, Result<CompleteRead, FetchError>) {
    Driver::new(answer).run(Fetch::start(plan, now()))
}

/// What a read amounts to once staged: batches under chain and page in the order that they first
/// came, the last one of a page kept, and what came before a restart forgotten.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Staged {
    pub records: BTreeMap<ExternalId, SourceRecord>,
    pub gone: BTreeSet<ExternalId>,
    pub schooling: BTreeMap<String, Schooling>,
    pub class_members: BTreeSet<(ExternalId, ClassMember)>,
    pub issues: BTreeSet<String>,
}

pub(crate) fn stage(batches: Vec<Batch>) -> Staged {
    let mut pages: BTreeMap<(ChainId, u32), Batch> = BTreeMap::new();
    for batch in batches.into_iter().filter(|batch| !batch.is_empty()) {
        if batch.restarted {
            assert!(batch.records.is_empty());
            pages.clear();
            continue;
        }
        pages.insert((batch.chain, batch.page), batch);
    }
    let mut staged = Staged::default();
    for batch in pages.into_values() {
        for record in batch.records {
            staged.records.insert(record.external_id.clone(), record);
        }
        for entry in batch.schooling {
            let key = match &entry {
                Schooling::Class(class) => format!("class {}", class.id),
                Schooling::Course(course) => format!("course {}", course.id),
                Schooling::School(school) => format!("school {}", school.id),
                Schooling::Session(session) => format!("session {}", session.id),
            };
            staged.schooling.insert(key, entry);
        }
        staged.gone.extend(batch.gone);
        staged.class_members.extend(batch.class_members);
        staged
            .issues
            .extend(batch.issues.iter().map(ToString::to_string));
    }
    staged
}

/// Reads a server and returns how many people of it were staged.
pub(crate) fn count(server: &Server) -> Result<usize, FetchError> {
    let (batches, end) = read(server, plan(server.version));
    let complete = end?;
    let staged = stage(batches);
    assert_eq!(complete.totals().records, staged.records.len() as u64);
    Ok(staged.records.len())
}
