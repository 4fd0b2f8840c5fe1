//! Reading a Clever district whole: the district itself, the place among the events, then the
//! lists side by side (PROVIDERS 4.4 and 4.5, DESIGN section 3 "Complete read").
//!
//! The newest event is asked for before the lists: whatever changes while they are read is an
//! event after it.

mod chain;
mod plan;

pub use chain::PAGES_PER_CHAIN_MAX;
pub use plan::FetchPlan;

use super::api::{Api, List, PAGE_BYTES_MAX, SINGLE_BYTES_MAX};
use super::cursor::EventCursor;
use super::errors::{ApiError, Reason};
use super::exchange::{self, Answer};
use crate::fetch::lanes::{Lanes, Turn};
use crate::fetch::{
    Asking, Batch, ChainId, CompleteRead, Connector, FetchError, Malformation, Poll, Totals,
    TransportFailure,
};
use bytes::Bytes;
use chain::{Chain, Found, Task};
use http::{Request, Response};
use jiff::Timestamp;
use mapping::schooling::Schooling;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Chain of the district.
const DISTRICT: ChainId = ChainId(0);
/// Chain of the newest event.
const NEWEST_EVENT: ChainId = ChainId(1);
/// First chain of a list.
const LISTS: u32 = 2;

/// A whole read of one district, storable after every answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fetch {
    api: Api,
    district: String,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    verified_domains: BTreeSet<String>,
    /// What to read once the place among the events is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pending: Vec<List>,
    lanes: Lanes,
    chains: BTreeMap<ChainId, Chain>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event_cursor: Option<EventCursor>,
    read: CompleteRead,
}

/// Why an answer was not taken.
enum Trouble {
    Failed(FetchError),
    Malformed(Malformation),
}

impl From<Malformation> for Trouble {
    fn from(malformation: Malformation) -> Self {
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
        let pending = plan.lists();
        Self {
            api: plan.api,
            district: plan.district,
            verified_domains: (plan.verified_domains.iter())
                .map(|domain| domain.to_lowercase())
                .collect(),
            pending,
            lanes: Lanes::new(plan.window, plan.seed),
            chains: BTreeMap::from([(DISTRICT, Chain::new(Task::District))]),
            event_cursor: None,
            read: CompleteRead {
                chains: Vec::new(),
                totals: Totals::default(),
                started_at: now,
                finished_at: now,
                doubts: BTreeSet::new(),
            },
        }
    }

    /// What was taken so far; complete only when [`Connector::poll`] says so.
    pub fn totals(&self) -> Totals {
        self.read.totals
    }

    /// From where on events are news to this read; for [`super::Changes::start`]. `None` while it
    /// is not known, and where Events are off.
    pub fn event_cursor(&self) -> Option<&EventCursor> {
        self.event_cursor.as_ref()
    }

    /// The request for the next page of a chain.
    fn request(
        &self,
        id: ChainId,
        access_token: &str,
    ) -> Result<(Request<Bytes>, usize), FetchError> {
        let asking = Asking::District;
        let chain = self.chains.get(&id);
        let chain = chain.ok_or(FetchError::Unbuildable { asking })?;
        let (built, body_bytes_max) = match chain.task {
            Task::District => (self.api.districts(access_token), SINGLE_BYTES_MAX),
            Task::NewestEvent => (self.api.newest_event(access_token), SINGLE_BYTES_MAX),
            Task::List(list) => {
                let after = chain.after.as_deref();
                let built = self.api.list(list, chain.limit, after, access_token);
                (built, PAGE_BYTES_MAX)
            }
        };
        let asking = chain.asking();
        let request = built.map_err(|_| FetchError::Unbuildable { asking })?;
        Ok((request, body_bytes_max))
    }

    /// Takes a success: the chain goes on, ends, or brings forth others.
    fn take(&mut self, id: ChainId, mut chain: Chain, now: Timestamp, body: &[u8]) -> Batch {
        let mut batch = Batch::empty(id, chain.pages);
        let asking = chain.asking();
        let read = chain.read(
            body,
            &self.district,
            &self.verified_domains,
            now,
            &mut batch,
        );
        let found = match read {
            Ok(found) => found,
            Err(trouble) => {
                match trouble {
                    Trouble::Failed(error) => self.lanes.fail(error),
                    Trouble::Malformed(malformation) => {
                        exchange::malformed(&mut self.lanes, id, now, asking, malformation);
                    }
                }
                self.chains.insert(id, chain);
                return Batch::empty(id, batch.page);
            }
        };
        self.lanes.succeed(id);
        self.read.finished_at = self.read.finished_at.max(now);
        self.count(&batch, body.len());
        match found {
            Found::District(doubts) => {
                self.read.doubts = doubts;
                self.chains
                    .insert(NEWEST_EVENT, Chain::new(Task::NewestEvent));
            }
            Found::NewestEvent(cursor) => {
                self.event_cursor = Some(cursor);
                self.begin_lists();
            }
            Found::End => self.finish(id, &chain),
            Found::More => drop(self.chains.insert(id, chain)),
        }
        batch
    }

    fn count(&mut self, batch: &Batch, bytes: usize) {
        let totals = &mut self.read.totals;
        totals.pages += 1;
        totals.bytes += bytes as u64;
        totals.issues += batch.issues.len() as u64;
        for one in &batch.schooling {
            match one {
                Schooling::Class(class) => {
                    totals.classes += 1;
                    totals.class_members += class.members.len() as u64;
                }
                Schooling::School(_) => totals.schools += 1,
                Schooling::Course(_) | Schooling::Session(_) => {}
            }
        }
    }

    fn begin_lists(&mut self) {
        let lists = std::mem::take(&mut self.pending);
        let chains = lists.into_iter().map(|list| Chain::new(Task::List(list)));
        self.chains.extend((LISTS..).map(ChainId).zip(chains));
    }

    /// A list has ended. The last of them tells whether there was anybody at all.
    fn finish(&mut self, id: ChainId, chain: &Chain) {
        if let Task::List(List::Users(_)) = chain.task {
            self.read.totals.records += chain.records;
            let at = self.read.chains.partition_point(|other| other.chain < id);
            self.read.chains.insert(at, chain.count(id));
        }
        let listed: u64 = self.read.chains.iter().map(|chain| chain.listed).sum();
        if self.chains.is_empty() && listed == 0 && self.read.totals.schools == 0 {
            self.lanes.fail(FetchError::NobodyListed);
        }
    }

    /// A final refusal, unless there is another way. True when the chain has ended with it.
    fn refused(&mut self, id: ChainId, chain: &mut Chain, now: Timestamp, error: ApiError) -> bool {
        let asking = chain.asking();
        if matches!(chain.task, Task::NewestEvent) && error.are_events_off() {
            self.lanes.succeed(id);
            self.begin_lists();
            return true;
        }
        if error.reason == Reason::PageTooLarge && chain.halve() {
            self.lanes.succeed(id);
        } else if error.reason == Reason::NoSuchPath {
            // Perhaps a page of a proxy: Clever itself knows every path that is asked for.
            exchange::malformed(&mut self.lanes, id, now, asking, Malformation::NotJson);
        } else {
            let refusal = error.refusal();
            self.lanes.fail(FetchError::Refused { asking, refusal });
        }
        false
    }
}

impl Connector for Fetch {
    type Access = str;
    type Batch = Batch;
    type Complete = CompleteRead;

    fn poll(&mut self, now: Timestamp, access_token: &str) -> Poll<CompleteRead> {
        match self.lanes.turn(now, self.chains.keys().copied()) {
            Turn::Busy => Poll::Busy,
            Turn::Failed(error) => Poll::Failed(error),
            Turn::Idle => Poll::Done(self.read.clone()),
            Turn::NeedsToken => Poll::NeedsToken,
            Turn::WaitUntil(until) => Poll::WaitUntil(until),
            Turn::Send(chain) => match self.request(chain, access_token) {
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
        let is_too_large = matches!(response, Err(TransportFailure::BodyTooLarge { .. }));
        if is_too_large && chain.halve() {
            self.lanes.land(id);
            self.lanes.succeed(id);
        } else {
            match exchange::receive(&mut self.lanes, id, now, chain.asking(), response) {
                Answer::Body(body) => return self.take(id, chain, now, body),
                Answer::Handled => {}
                Answer::Refused(error) => {
                    if self.refused(id, &mut chain, now, error) {
                        return Batch::empty(id, page);
                    }
                }
            }
        }
        self.chains.insert(id, chain);
        Batch::empty(id, page)
    }

    fn token_refreshed(&mut self) {
        self.lanes.token_refreshed();
    }
}
