//! Drives a connector to its end, with answers in any order and crashes in between.

use super::district::{DISTRICT, TOKEN};
use bytes::Bytes;
use connectors::base_url::BaseUrl;
use connectors::clever::{Api, Fetch, FetchPlan, Version};
use connectors::fetch::{Batch, CompleteRead, FetchError};
use http::Request;
use mapping::ids::ExternalId;
use mapping::schooling::Schooling;
use mapping::source::SourceRecord;
use std::collections::{BTreeMap, BTreeSet};

pub(crate) use super::driving::{Answer, now};

pub(crate) type Driver<F> = super::driving::Driver<F, String>;

/// A driver whose access is accepted.
pub(crate) fn driver<F: FnMut(&Request<Bytes>) -> Answer>(answer: F) -> Driver<F> {
    Driver::with_access(answer, TOKEN.to_owned())
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
    driver(answer).run(Fetch::start(plan, now()))
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
