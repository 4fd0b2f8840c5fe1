//! Reading a OneRoster service whole: schools, people and, where they are wanted, terms, courses,
//! classes and enrolments.
//!
//! One list after the other, each by [`crate::oneroster`]'s rules for lists, with the pages of a
//! list side by side. ClassLink numbers the state of a district's data: when the number changes on
//! the way, what was read belongs to two states, and everything is read anew.

mod plan;

pub use super::listing::{LIMIT_MIN, PAGES_PER_LIST_MAX};
pub use plan::{CLASSLINK_PAGE_LIMIT, FetchPlan, PAGE_BYTES_MAX, PAGE_LIMIT, WINDOW_DEFAULT};

use super::access::Access;
use super::caller::Caller;
use super::errors::{ApiError, Dislike, Reason};
use super::exchange::{self, Answer, Burden};
use super::listing::{Listing, Progress, Taken};
use super::page::{Headers, Page};
use super::people::{self, Reading, Sight};
use super::schooling;
use super::service::Collection;
use crate::fetch::lanes::{Lanes, Turn};
use crate::fetch::{
    Asking, Batch, ChainCount, ChainId, CompleteRead, Connector, Doubt, FetchError, Malformation,
    Poll, Totals, TransportFailure, WINDOW_MAX,
};
use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How often a read begins anew because the district's data changed.
pub const RESTARTS_MAX: u32 = 3;

/// A whole read of one OneRoster service, storable after every answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fetch {
    plan: FetchPlan,
    lanes: Lanes,
    caller: Caller,
    /// What is being read, and after it what is left to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    listing: Option<Listing>,
    left: Vec<Collection>,
    is_sorted: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revision: Option<String>,
    restarts: u32,
    /// What the present pass over each list has brought.
    counts: BTreeMap<Collection, Count>,
    read: CompleteRead,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Count {
    chain: u32,
    listed: u64,
    /// What stayed of it: people, schools, classes, places in classes.
    kept: u64,
    gone: u64,
    issues: u64,
    pages: u32,
}

impl Fetch {
    /// A read that has not asked for anything yet. `now` is when it starts.
    pub fn start(mut plan: FetchPlan, now: Timestamp) -> Self {
        plan.window = plan.window.clamp(1, WINDOW_MAX);
        let mut fetch = Self {
            lanes: Lanes::new(plan.window, plan.seed),
            caller: Caller::new(plan.seed),
            listing: None,
            left: Vec::new(),
            is_sorted: true,
            revision: None,
            restarts: 0,
            counts: BTreeMap::new(),
            read: CompleteRead {
                chains: Vec::new(),
                totals: Totals::default(),
                started_at: now,
                finished_at: now,
                doubts: BTreeSet::new(),
            },
            plan,
        };
        fetch.begin(0);
        fetch
    }

    /// What was taken so far; complete only when [`Connector::poll`] says so.
    pub fn totals(&self) -> Totals {
        let of = |collection| self.counts.get(&collection).copied().unwrap_or_default();
        Totals {
            records: of(Collection::Users).kept,
            gone: of(Collection::Users).gone,
            schools: of(Collection::Orgs).kept,
            classes: of(Collection::Classes).kept,
            class_members: of(Collection::Enrollments).kept,
            issues: self.counts.values().map(|count| count.issues).sum(),
            ..self.read.totals
        }
    }

    /// The number that ClassLink gives to the state of the district's data, once known. If it is
    /// that of the last complete read, nothing has changed.
    pub fn revision(&self) -> Option<&str> {
        self.revision.as_deref()
    }

    /// How often the read began anew; each time a batch said so with [`Batch::restarted`].
    pub fn restarts(&self) -> u32 {
        self.restarts
    }

    /// Begins with the first list, with chains from this number on.
    fn begin(&mut self, next_chain: u32) {
        self.left = if self.plan.classes {
            vec![
                Collection::Enrollments,
                Collection::Classes,
                Collection::Courses,
                Collection::AcademicSessions,
                Collection::Users,
            ]
        } else {
            vec![Collection::Users]
        };
        self.list(Collection::Orgs, next_chain);
    }

    fn list(&mut self, collection: Collection, next_chain: u32) {
        let count = Count {
            chain: next_chain,
            ..Count::default()
        };
        self.counts.insert(collection, count);
        self.listing = Some(Listing::new(
            collection,
            None,
            self.plan.page_limit,
            self.is_sorted,
            next_chain,
        ));
    }

    fn asking(&self) -> Asking {
        self.listing
            .as_ref()
            .map_or(Asking::Users, |listing| listing.collection.asking())
    }

    fn request(
        &mut self,
        chain: ChainId,
        now: Timestamp,
        access: &Access,
    ) -> Option<Request<Bytes>> {
        let listing = self.listing.as_ref()?;
        let query = listing.query(chain)?;
        let address = self.plan.base.list(listing.collection, &query);
        self.caller.get(&address, chain, now, access).ok()
    }

    /// Takes a success.
    fn take(&mut self, id: ChainId, now: Timestamp, response: &Response<Bytes>) -> Batch {
        let Some(listing) = self.listing.as_mut() else {
            return Batch::empty(id, 0);
        };
        let collection = listing.collection;
        let asking = collection.asking();
        let is_start = listing.is_at_start(id);
        let page = match Page::parse(response, collection.name()) {
            // A district without a single school is a list that was not made.
            Ok(page) if page.rows.is_empty() && is_start && collection == Collection::Orgs => {
                Err(Malformation::MissingList)
            }
            other => other,
        };
        let page = match page {
            Ok(page) => page,
            Err(malformation) => {
                exchange::malformed(&mut self.lanes, id, now, asking, malformation);
                return Batch::empty(id, 0);
            }
        };
        self.lanes.succeed(id);
        self.read.finished_at = self.read.finished_at.max(now);
        self.read.totals.pages += 1;
        self.read.totals.bytes += response.body().len() as u64;
        if self.has_changed(&page.headers) {
            return self.restart(id);
        }
        if page.headers.is_obfuscated {
            self.read.doubts.insert(Doubt::Obfuscated);
        }
        if page.rows.is_empty() && is_start && collection == Collection::Users {
            self.lanes.fail(FetchError::NobodyListed);
            return Batch::empty(id, 0);
        }
        self.take_rows(id, &page)
    }

    fn take_rows(&mut self, id: ChainId, page: &Page<'_>) -> Batch {
        let Some(listing) = self.listing.as_mut() else {
            return Batch::empty(id, 0);
        };
        let collection = listing.collection;
        let taken = match listing.take(id, &page.ids, &page.headers) {
            Ok(taken) => taken,
            Err(error) => {
                self.lanes.fail(error);
                return Batch::empty(id, 0);
            }
        };
        let batch = self.read_rows(id, collection, page, &taken);
        let count = self.counts.entry(collection).or_default();
        count.listed += taken.is_new.iter().filter(|is_new| **is_new).count() as u64;
        count.kept += match collection {
            Collection::Users => batch.records.len(),
            Collection::Enrollments => batch.class_members.len(),
            Collection::AcademicSessions
            | Collection::Classes
            | Collection::Courses
            | Collection::Orgs => batch.schooling.len(),
        } as u64;
        count.gone += batch.gone.len() as u64;
        count.issues += batch.issues.len() as u64;
        count.pages += 1;
        self.go_on(collection);
        batch
    }

    /// The rows that are new, in our vocabulary.
    fn read_rows(
        &self,
        id: ChainId,
        collection: Collection,
        page: &Page<'_>,
        taken: &Taken,
    ) -> Batch {
        let mut batch = Batch::empty(id, taken.page);
        let reading = Reading {
            guardians: self.plan.guardians,
            verified_domains: &self.plan.verified_domains,
            today: self.plan.today,
        };
        let rows = page.rows.iter().zip(&page.ids).zip(&taken.is_new);
        for ((row, id), _) in rows.filter(|(_, is_new)| **is_new) {
            if collection != Collection::Users {
                schooling::read(collection, row.get(), id.as_deref(), &mut batch);
                continue;
            }
            match people::read(row.get(), reading, &mut batch.issues) {
                Sight::Gone(id) => batch.gone.push(id),
                Sight::Present(record) => batch.records.push(*record),
                Sight::Skipped | Sight::Unreadable => {}
            }
        }
        batch
    }

    /// Goes on with the list, with the next one, or with the same one from its start.
    fn go_on(&mut self, collection: Collection) {
        let Some(listing) = self.listing.as_mut() else {
            return;
        };
        match listing.progress() {
            Ok(Progress::More) => {}
            Ok(Progress::Again) => {
                let next_chain = listing.next_chain;
                self.count_anew(collection, next_chain);
            }
            Ok(Progress::Complete) => {
                let next_chain = listing.next_chain;
                match self.left.pop() {
                    Some(next) => self.list(next, next_chain),
                    None => self.listing = None,
                }
            }
            Err(error) => self.lanes.fail(error),
        }
    }

    /// The list was begun anew, with the chain before this one.
    fn count_anew(&mut self, collection: Collection, next_chain: u32) {
        let chain = next_chain.saturating_sub(1);
        let count = Count {
            chain,
            ..Count::default()
        };
        self.counts.insert(collection, count);
    }

    /// Whether the data are not those any more that the read began with.
    fn has_changed(&mut self, headers: &Headers) -> bool {
        let Some(revision) = &headers.revision else {
            return false;
        };
        let before = self.revision.replace(revision.clone());
        before.is_some_and(|before| before != *revision)
    }

    /// Begins anew, which the batch says. Answers under way belong to chains that are no more.
    fn restart(&mut self, id: ChainId) -> Batch {
        self.restarts += 1;
        if self.restarts > RESTARTS_MAX {
            self.lanes.fail(FetchError::Unsettled);
            return Batch::empty(id, 0);
        }
        let next_chain = self
            .listing
            .as_ref()
            .map_or(0, |listing| listing.next_chain);
        self.counts.clear();
        self.read.doubts.clear();
        self.begin(next_chain);
        Batch {
            restarted: true,
            ..Batch::empty(id, 0)
        }
    }

    /// A final refusal, unless it only means that there is nothing there, or no order.
    fn refused(&mut self, id: ChainId, error: ApiError) -> Batch {
        let empty = Batch::empty(id, 0);
        let Some(listing) = self.listing.as_mut() else {
            return empty;
        };
        let asking = listing.collection.asking();
        let may_be_empty = !listing.is_at_start(id)
            || !matches!(listing.collection, Collection::Orgs | Collection::Users);
        if error.dislike == Some(Dislike::Sort) && listing.unsort() {
            self.is_sorted = false;
            let (collection, next_chain) = (listing.collection, listing.next_chain);
            self.count_anew(collection, next_chain);
            self.lanes.succeed(id);
            return empty;
        }
        if error.dislike == Some(Dislike::Limit) && listing.shrink(id) {
            self.lanes.succeed(id);
            return empty;
        }
        let is_nothing = match error.reason {
            Reason::NotFound => may_be_empty,
            // Some call it a fault to ask for what is beyond the end.
            Reason::BadRequest => listing.is_past_total(id),
            Reason::Backend
            | Reason::Forbidden
            | Reason::RateLimited
            | Reason::Unauthorized
            | Reason::Unknown => false,
        };
        if is_nothing {
            self.lanes.succeed(id);
            let page = Page {
                rows: Vec::new(),
                ids: Vec::new(),
                headers: Headers::default(),
            };
            return self.take_rows(id, &page);
        }
        let refusal = error.refusal();
        self.lanes.fail(FetchError::Refused { asking, refusal });
        empty
    }

    /// Asks for less at once, from the same place on (PROVIDERS O14).
    fn too_much(&mut self, id: ChainId, now: Timestamp, burden: Burden) {
        let asking = self.asking();
        let has_shrunk = (self.listing.as_mut()).is_some_and(|listing| listing.shrink(id));
        match burden {
            Burden::Bytes(_) if has_shrunk => {}
            Burden::Bytes(_) | Burden::Gateway(..) => {
                exchange::retry(&mut self.lanes, id, now, asking, burden);
            }
        }
    }

    fn complete(&self) -> CompleteRead {
        let people = (self.counts.get(&Collection::Users)).map(|count| ChainCount {
            chain: ChainId(count.chain),
            unit: None,
            listed: count.listed,
            records: count.kept,
            pages: count.pages,
        });
        CompleteRead {
            chains: people.into_iter().collect(),
            totals: self.totals(),
            ..self.read.clone()
        }
    }
}

impl Connector for Fetch {
    type Access = Access;
    type Batch = Batch;
    type Complete = CompleteRead;

    fn poll(&mut self, now: Timestamp, access: &Access) -> Poll<CompleteRead> {
        let window = self.plan.window;
        let runnable = (self.listing.as_mut()).map(|listing| listing.runnable(window));
        match self.lanes.turn(now, runnable.into_iter().flatten()) {
            Turn::Busy => Poll::Busy,
            Turn::Failed(error) => Poll::Failed(error),
            Turn::Idle if self.listing.is_none() => Poll::Done(self.complete()),
            // Nothing to ask for although a list has not ended: never a complete read.
            Turn::Idle => {
                let asking = self.asking();
                Poll::Failed(FetchError::Unbuildable { asking })
            }
            Turn::NeedsToken => Poll::NeedsToken,
            Turn::WaitUntil(until) => Poll::WaitUntil(until),
            Turn::Send(chain) => {
                if let Some(request) = self.request(chain, now, access) {
                    return Poll::Send {
                        chain,
                        request,
                        body_bytes_max: PAGE_BYTES_MAX,
                    };
                }
                let asking = self.asking();
                self.lanes.fail(FetchError::Unbuildable { asking });
                Poll::Failed(FetchError::Unbuildable { asking })
            }
        }
    }

    fn handle_response(
        &mut self,
        chain: ChainId,
        now: Timestamp,
        response: Result<&Response<Bytes>, TransportFailure>,
    ) -> Batch {
        let id = chain;
        let is_awaited = (self.listing.as_ref()).is_some_and(|listing| listing.has(id));
        if !is_awaited {
            // Of a chain that ended when the read began anew: only its place is free again.
            self.lanes.land(id);
            return Batch::empty(id, 0);
        }
        let asking = self.asking();
        match exchange::receive(&mut self.lanes, id, now, asking, response) {
            Answer::Body(response) => return self.take(id, now, response),
            Answer::Handled => {}
            Answer::Refused(error) => return self.refused(id, error),
            Answer::TooMuch(burden) => self.too_much(id, now, burden),
        }
        Batch::empty(id, 0)
    }

    fn token_refreshed(&mut self) {
        self.lanes.token_refreshed();
    }
}
