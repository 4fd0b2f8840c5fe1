//! Drives a connector to its end, with answers in any order and crashes in between.

use super::district::TOKEN;
use bytes::Bytes;
use connectors::base_url::BaseUrl;
use connectors::fetch::{Batch, CompleteRead, FetchError};
use connectors::google::directory::{Directory, Population};
use connectors::google::fetch::{Fetch, FetchPlan, GroupScope, UnitScope, UnitScopes};
use http::Request;
use mapping::ids::ExternalId;
use mapping::source::{Group, SourceRecord};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) use super::driving::{Answer, now};

pub(crate) type Driver<F> = super::driving::Driver<F, String>;

/// A driver whose access is accepted.
pub(crate) fn driver<F: FnMut(&Request<Bytes>) -> Answer>(answer: F) -> Driver<F> {
    Driver::with_access(answer, TOKEN.to_owned())
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
    driver(answer).run(Fetch::start(plan, now()))
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
