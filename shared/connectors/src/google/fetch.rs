//! Reading a Google Workspace whole: the tree of org units, the people of the linked units, the
//! groups (PROVIDERS 2.1-2.6 and 2.10, DESIGN section 3 "Complete read").
//!
//! The tree comes first, because a query by org unit answers with everything below the unit: only
//! the topmost linked units are asked for, each in a chain of its own, so that nobody is listed
//! twice and the chains run in parallel.

mod chain;
mod plan;
mod reach;

pub use chain::{CHAIN_RESTARTS_MAX, PAGE_TOKEN_LIFE, PAGES_PER_CHAIN_MAX};
pub use plan::{FetchPlan, GroupScope, UnitScope, UnitScopes};
pub(crate) use reach::missing_unit;

use super::directory::{
    Directory, GROUPS_PAGE_SIZE, ORG_UNITS_BYTES_MAX, PAGE_BYTES_MAX, SINGLE_BYTES_MAX,
    USERS_PAGE_SIZE,
};
use super::errors::{ApiError, Reason};
use crate::fetch::exchange::{self, Answer};
use crate::fetch::lanes::{Lanes, Turn};
use crate::fetch::{
    Asking, Batch, ChainId, CompleteRead, Connector, FetchError, Poll, Refusal, Totals,
    TransportFailure,
};
use crate::request::RequestError;
use bytes::Bytes;
use chain::{Chain, Task};
use http::{Request, Response};
use jiff::Timestamp;
use plan::Pending;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Groups whose members wait to be read before the list of groups is read further. Keeps the
/// stored state small however many groups there are.
pub const GROUPS_QUEUED_MAX: usize = 200;

/// A whole read of one Google Workspace, storable after every answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fetch {
    directory: Directory,
    lanes: Lanes,
    /// What to read once the tree is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pending: Option<Pending>,
    chains: BTreeMap<ChainId, Chain>,
    next_chain: u32,
    read: CompleteRead,
}

/// Why an answer was not taken.
enum Trouble {
    Failed(FetchError),
    Malformed(crate::fetch::Malformation),
}

impl From<crate::fetch::Malformation> for Trouble {
    fn from(malformation: crate::fetch::Malformation) -> Self {
        Self::Malformed(malformation)
    }
}

impl From<FetchError> for Trouble {
    fn from(error: FetchError) -> Self {
        Self::Failed(error)
    }
}

impl Fetch {
    /// A read that has not asked for anything yet. `now` is when it starts.
    pub fn start(plan: FetchPlan, now: Timestamp) -> Self {
        let mut fetch = Self {
            directory: Directory::new(plan.base_url, plan.population),
            lanes: Lanes::new(plan.window, plan.seed),
            pending: None,
            chains: BTreeMap::new(),
            next_chain: 0,
            read: CompleteRead {
                chains: Vec::new(),
                totals: Totals::default(),
                started_at: now,
                finished_at: now,
                doubts: BTreeSet::new(),
            },
        };
        if matches!(&plan.units, UnitScopes::Units(units) if units.is_empty()) {
            fetch.lanes.fail(FetchError::NothingToRead);
        }
        fetch.pending = Some(Pending {
            units: plan.units,
            groups: plan.groups,
        });
        fetch.add(Task::Tree);
        fetch
    }

    /// What was taken so far; complete only when [`Connector::poll`] says so.
    pub fn totals(&self) -> Totals {
        self.read.totals
    }

    fn add(&mut self, task: Task) {
        self.chains
            .insert(ChainId(self.next_chain), Chain::new(task));
        self.next_chain += 1;
    }

    /// The request for the next page of a chain.
    fn request(
        &mut self,
        id: ChainId,
        now: Timestamp,
        access_token: &str,
    ) -> Result<(Request<Bytes>, usize), FetchError> {
        let Some(chain) = self.chains.get_mut(&id) else {
            return Err(FetchError::Unbuildable {
                asking: Asking::OrgUnits,
            });
        };
        chain.restart_if_stale(now)?;
        let directory = &self.directory;
        let page_token = chain.page_token.as_deref();
        let built: Result<_, RequestError> = match &chain.task {
            Task::Tree => directory
                .org_units(access_token)
                .map(|request| (request, ORG_UNITS_BYTES_MAX)),
            Task::Users { unit, .. } => directory
                .users(unit.as_deref(), USERS_PAGE_SIZE, page_token, access_token)
                .map(|request| (request, PAGE_BYTES_MAX)),
            Task::Groups => directory
                .groups(GROUPS_PAGE_SIZE, page_token, access_token)
                .map(|request| (request, PAGE_BYTES_MAX)),
            Task::Group { address } => directory
                .group(address, access_token)
                .map(|request| (request, SINGLE_BYTES_MAX)),
            Task::Members { key, .. } => directory
                .members(key, page_token, access_token)
                .map(|request| (request, PAGE_BYTES_MAX)),
        };
        built.map_err(|_| FetchError::Unbuildable {
            asking: chain.asking(),
        })
    }

    /// Takes a success: the chain goes on, ends, or brings forth others.
    fn take(&mut self, id: ChainId, mut chain: Chain, now: Timestamp, body: &[u8]) -> Batch {
        let mut batch = Batch::empty(id, chain.pages);
        let asking = chain.asking();
        match chain.read(body, now, &mut batch) {
            Ok(()) => {}
            Err(Trouble::Malformed(malformation)) => {
                exchange::malformed(&mut self.lanes, id, now, asking, malformation);
                self.chains.insert(id, chain);
                return Batch::empty(id, batch.page);
            }
            Err(Trouble::Failed(error)) => {
                self.lanes.fail(error);
                self.chains.insert(id, chain);
                return Batch::empty(id, batch.page);
            }
        }
        self.lanes.succeed(id);
        self.read.finished_at = self.read.finished_at.max(now);
        let totals = &mut self.read.totals;
        totals.pages += 1;
        totals.bytes += body.len() as u64;
        totals.issues += batch.issues.len() as u64;
        totals.members += batch.members.len() as u64;
        if let Some(units) = &batch.units {
            totals.units += units.len() as u64;
            self.plan_chains(units);
        }
        for entry in std::mem::take(&mut chain.found_groups) {
            self.add(Task::members(entry));
        }
        if chain.has_ended {
            self.finish(id, &chain);
        } else {
            self.chains.insert(id, chain);
        }
        batch
    }

    /// The tree is known: one chain per topmost linked unit, and those for the groups.
    fn plan_chains(&mut self, tree: &[crate::fetch::OrgUnit]) {
        let Some(pending) = self.pending.take() else {
            return;
        };
        match reach::user_tasks(&pending.units, tree) {
            Ok(tasks) => tasks.into_iter().for_each(|task| self.add(task)),
            Err(error) => self.lanes.fail(error),
        }
        match pending.groups {
            GroupScope::None => {}
            GroupScope::All => self.add(Task::Groups),
            GroupScope::Named(addresses) => {
                for address in addresses {
                    self.add(Task::Group {
                        address: address.to_lowercase(),
                    });
                }
            }
        }
    }

    fn finish(&mut self, id: ChainId, chain: &Chain) {
        match &chain.task {
            Task::Users { unit, .. } => {
                if unit.is_none() && chain.listed == 0 {
                    self.lanes.fail(FetchError::EmptyDirectory);
                }
                self.read.totals.records += chain.records;
                let count = chain.count(id, unit.clone());
                let at = self.read.chains.partition_point(|other| other.chain < id);
                self.read.chains.insert(at, count);
            }
            Task::Members { .. } => self.read.totals.groups += 1,
            Task::Group { .. } | Task::Groups | Task::Tree => {}
        }
    }

    /// A final refusal, unless it only means that Google forgot where we were.
    fn refused(&mut self, id: ChainId, chain: &mut Chain, error: ApiError) {
        let asking = chain.asking();
        let lost_place = matches!(error.reason, Reason::BadRequest | Reason::Invalid)
            && chain.page_token.is_some();
        if lost_place && chain.restart().is_ok() {
            self.lanes.succeed(id);
            return;
        }
        let refusal = error.refusal();
        self.lanes.fail(match &chain.task {
            Task::Group { address } if refusal == Refusal::NotFound => FetchError::GroupMissing {
                address: address.clone(),
            },
            Task::Members { group, .. } if refusal == Refusal::NotFound => {
                FetchError::GroupMissing {
                    address: group.address.clone(),
                }
            }
            Task::Group { .. }
            | Task::Groups
            | Task::Members { .. }
            | Task::Tree
            | Task::Users { .. } => FetchError::Refused { asking, refusal },
        });
    }
}

impl Connector for Fetch {
    type Access = str;
    type Batch = Batch;
    type Complete = CompleteRead;

    fn poll(&mut self, now: Timestamp, access_token: &str) -> Poll<CompleteRead> {
        let members_waiting = self
            .chains
            .values()
            .filter(|chain| chain.is_members())
            .count();
        let hold_groups = members_waiting >= GROUPS_QUEUED_MAX;
        let runnable = self
            .chains
            .iter()
            .filter(|(_, chain)| !(hold_groups && matches!(chain.task, Task::Groups)))
            .map(|(id, _)| *id);
        match self.lanes.turn(now, runnable) {
            Turn::Busy => Poll::Busy,
            Turn::Failed(error) => Poll::Failed(error),
            Turn::Idle => Poll::Done(self.read.clone()),
            Turn::NeedsToken => Poll::NeedsToken,
            Turn::WaitUntil(until) => Poll::WaitUntil(until),
            Turn::Send(chain) => match self.request(chain, now, access_token) {
                Ok((request, body_bytes_max)) => Poll::Send {
                    chain,
                    request,
                    body_bytes_max,
                },
                Err(error) => {
                    self.lanes.fail(error.clone());
                    Poll::Failed(error)
                }
            },
        }
    }

    fn handle_response(
        &mut self,
        chain: ChainId,
        now: Timestamp,
        response: Result<&Response<Bytes>, TransportFailure>,
    ) -> Batch {
        let id = chain;
        let Some(mut chain) = self.chains.remove(&id) else {
            return Batch::empty(id, 0);
        };
        let page = chain.pages;
        match exchange::receive(&mut self.lanes, id, now, chain.asking(), response) {
            Answer::Body(body) => return self.take(id, chain, now, body),
            Answer::Handled => {}
            Answer::Refused(error) => self.refused(id, &mut chain, error),
        }
        self.chains.insert(id, chain);
        Batch::empty(id, page)
    }

    fn token_refreshed(&mut self) {
        self.lanes.token_refreshed();
    }
}
