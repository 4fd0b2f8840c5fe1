//! Drives a connector to its end, with answers in any order and crashes in between.

use super::server::{Server, TOKEN};
use bytes::Bytes;
use connectors::base_url::BaseUrl;
use connectors::fetch::{Batch, ChainId, CompleteRead, FetchError};
use connectors::oneroster::fetch::{Fetch, FetchPlan};
use connectors::oneroster::{Access, ServiceBase, Version};
use http::Request;
use mapping::ids::ExternalId;
use mapping::schooling::{ClassMember, Schooling};
use mapping::source::SourceRecord;
use std::collections::{BTreeMap, BTreeSet};

pub(crate) use super::driving::{Answer, now};

pub(crate) type Driver<F> = super::driving::Driver<F, Access>;

/// A driver whose access is accepted.
pub(crate) fn driver<F: FnMut(&Request<Bytes>) -> Answer>(answer: F) -> Driver<F> {
    Driver::with_access(answer, bearer(TOKEN))
}

pub(crate) fn bearer(token: &str) -> Access {
    Access::Bearer(token.to_owned())
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
    driver(answer).run(Fetch::start(plan, now()))
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
