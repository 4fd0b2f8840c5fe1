//! One chain of pages: where it is, and what must not happen on it.

use super::Trouble;
use crate::clever::api::{List, PAGE_SIZE, PAGE_SIZE_MIN};
use crate::clever::cursor::EventCursor;
use crate::clever::objects::{
    Course, NotOurs, OnlyId, School, Section, Term, ToSchooling, User, UserRole, parse_districts,
    read_element,
};
use crate::clever::wire::{self, Page};
use crate::fetch::{Asking, Batch, ChainCount, ChainId, Doubt, FetchError, Loop, Malformation};
use jiff::Timestamp;
use mapping::ids::ExternalId;
use mapping::issue::{Issue, IssueKind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Most pages of one chain: two million people where pages have their full size, twice the
/// largest district, and 200,000 where they are as small as they get.
pub const PAGES_PER_CHAIN_MAX: u32 = 2_000;

/// What a chain reads.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Task {
    /// The district that the token is for.
    District,
    /// A list, page by page.
    List(List),
    /// The newest event.
    NewestEvent,
}

/// What an answer brought beside its batch.
pub(super) enum Found {
    /// The district, and why nobody of it may count as absent.
    District(BTreeSet<Doubt>),
    /// The list has ended.
    End,
    /// The list goes on.
    More,
    /// The place behind the newest event.
    NewestEvent(EventCursor),
}

/// Where a chain is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Chain {
    pub(super) task: Task,
    /// Pages taken; numbers the batches.
    pub(super) pages: u32,
    /// Elements listed, those that can't be read among them.
    pub(super) listed: u64,
    /// People who could be read.
    pub(super) records: u64,
    /// Elements asked for at once.
    pub(super) limit: u32,
    /// Id of the last element taken. Lists ascend by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<String>,
    /// How many elements Clever says the list has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expected: Option<u64>,
}

impl Chain {
    pub(super) fn new(task: Task) -> Self {
        Self {
            task,
            pages: 0,
            listed: 0,
            records: 0,
            limit: PAGE_SIZE,
            after: None,
            expected: None,
        }
    }

    pub(super) fn asking(&self) -> Asking {
        match self.task {
            Task::District => Asking::District,
            Task::NewestEvent => Asking::Events,
            Task::List(List::Courses) => Asking::Courses,
            Task::List(List::Schools) => Asking::Schools,
            Task::List(List::Sections) => Asking::Classes,
            Task::List(List::Terms) => Asking::Sessions,
            Task::List(List::Users(_)) => Asking::Users,
        }
    }

    pub(super) fn count(&self, chain: ChainId) -> ChainCount {
        ChainCount {
            chain,
            unit: None,
            listed: self.listed,
            records: self.records,
            pages: self.pages,
        }
    }

    /// Asks for half as many from now on; false when that can't be.
    pub(super) fn halve(&mut self) -> bool {
        let can_be = matches!(self.task, Task::List(_)) && self.limit > PAGE_SIZE_MIN;
        if can_be {
            self.limit = (self.limit / 2).max(PAGE_SIZE_MIN);
        }
        can_be
    }

    /// Reads an answer into the batch. After [`Trouble::Malformed`] the chain is where it was.
    pub(super) fn read(
        &mut self,
        body: &[u8],
        district: &str,
        verified_domains: &BTreeSet<String>,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<Found, Trouble> {
        let list = match self.task {
            Task::District => {
                return match parse_districts(body, district, now) {
                    Ok(district) => Ok(Found::District(district.doubts)),
                    Err(NotOurs::Failed(error)) => Err(error.into()),
                    Err(NotOurs::Malformed(malformation)) => Err(malformation.into()),
                };
            }
            Task::NewestEvent => return Ok(Found::NewestEvent(parse_newest_event(body, now)?)),
            Task::List(list) => list,
        };
        let text = wire::text(body);
        let page = wire::parse_page(&text)?;
        let end = match list {
            List::Courses => self.read_schooling::<Course<'_>>(&page, list, batch),
            List::Schools => self.read_schooling::<School<'_>>(&page, list, batch),
            List::Sections => self.read_schooling::<Section<'_>>(&page, list, batch),
            List::Terms => self.read_schooling::<Term<'_>>(&page, list, batch),
            List::Users(role) => self.read_users(&page, role, verified_domains, batch),
        }?;
        self.advance(&page, end, batch.records.len())
    }

    /// The people of a page. Returns the id of its last element, if that can be read.
    fn read_users(
        &self,
        page: &Page<'_>,
        role: UserRole,
        verified_domains: &BTreeSet<String>,
        batch: &mut Batch,
    ) -> Result<Option<ExternalId>, Trouble> {
        let list = List::Users(role).name();
        let mut order = Order::after(self);
        for raw in &page.elements {
            let (id, user) = match read_element::<User<'_>>(raw, list) {
                Ok(read) => read,
                Err(issue) => {
                    order.step(issue.external_id.as_ref())?;
                    batch.issues.push(issue);
                    continue;
                }
            };
            order.step(Some(&id))?;
            match user.to_person(id.clone(), verified_domains) {
                Ok(person) => {
                    // Whoever is on several lists is noted on one of them.
                    if person.roles.first() == Some(&role) {
                        batch.issues.extend(person.issues);
                    }
                    batch.records.push(person.record);
                }
                Err(kind) => batch.issues.push(Issue::new(kind, Some(id), None).at(list)),
            }
        }
        Ok(order.last)
    }

    /// Everything that is not a person. Returns the id of the page's last element, if that can be
    /// read.
    fn read_schooling<'a, T>(
        &self,
        page: &Page<'a>,
        list: List,
        batch: &mut Batch,
    ) -> Result<Option<ExternalId>, Trouble>
    where
        T: ToSchooling<'a>,
    {
        let mut order = Order::after(self);
        for raw in &page.elements {
            let issue = match read_element::<T>(raw, list.name()) {
                Ok((id, object)) => {
                    order.step(Some(&id))?;
                    match object.to_schooling(id.clone()) {
                        Ok(schooling) => {
                            batch.schooling.push(schooling);
                            continue;
                        }
                        Err(wrong) => {
                            let kind = IssueKind::from(wrong);
                            Issue::new(kind, Some(id), None).at(list.name())
                        }
                    }
                }
                Err(issue) => {
                    order.step(issue.external_id.as_ref())?;
                    issue
                }
            };
            batch.issues.push(issue);
        }
        Ok(order.last)
    }

    /// Goes on to the next page, unless the chain turns back on itself or never ends.
    fn advance(
        &mut self,
        page: &Page<'_>,
        last: Option<ExternalId>,
        records: usize,
    ) -> Result<Found, Trouble> {
        let asking = self.asking();
        let elements = page.elements.len();
        // A full page may have another one behind it even where no link says so; an empty one is
        // the end even where a link leads further (PROVIDERS 4.4).
        let is_full = u32::try_from(elements).unwrap_or(u32::MAX) >= self.limit;
        let goes_on = elements > 0 && (page.has_next || is_full);
        // The place is that of the last element. A link can't lead past anybody; it counts only
        // where the last element has no id of its own.
        let next = last.map(String::from).or_else(|| page.next_after.clone());
        if goes_on && next.is_none() {
            return Err(Malformation::Shape.into());
        }
        if self.after.is_none() {
            self.expected = page.count;
        }
        self.pages += 1;
        self.listed += elements as u64;
        self.records += records as u64;
        if !goes_on {
            return self.end();
        }
        if self.after >= next {
            let by = Loop::PageToken;
            return Err(FetchError::Looped { asking, by }.into());
        }
        if self.pages >= PAGES_PER_CHAIN_MAX {
            let pages_max = PAGES_PER_CHAIN_MAX;
            return Err(FetchError::Endless { asking, pages_max }.into());
        }
        self.after = next;
        Ok(Found::More)
    }

    fn end(&self) -> Result<Found, Trouble> {
        let (asking, received) = (self.asking(), self.listed);
        match self.expected {
            Some(expected) if received < expected => Err(FetchError::ShortOfTotal {
                asking,
                expected,
                received,
            }
            .into()),
            Some(_) | None => Ok(Found::End),
        }
    }
}

/// Sees to it that ids ascend: then nothing came twice, and no page came again.
struct Order<'a> {
    chain: &'a Chain,
    greatest: Option<ExternalId>,
    /// The last element's id, if it has one.
    last: Option<ExternalId>,
}

impl<'a> Order<'a> {
    fn after(chain: &'a Chain) -> Self {
        let (greatest, last) = (None, None);
        Self {
            chain,
            greatest,
            last,
        }
    }

    fn step(&mut self, id: Option<&ExternalId>) -> Result<(), Trouble> {
        self.last = id.cloned();
        let Some(id) = id else {
            return Ok(());
        };
        if (self.chain.after.as_deref()).is_some_and(|after| id.as_str() <= after) {
            let (asking, by) = (self.chain.asking(), Loop::Record);
            return Err(FetchError::Looped { asking, by }.into());
        }
        if self.greatest.as_ref() == Some(id) {
            return Err(Malformation::DuplicateRecord.into());
        }
        if self.greatest.as_ref() > Some(id) {
            return Err(Malformation::Shape.into());
        }
        self.greatest = Some(id.clone());
        Ok(())
    }
}

/// The place behind the newest event.
fn parse_newest_event(body: &[u8], now: Timestamp) -> Result<EventCursor, Malformation> {
    let text = wire::text(body);
    let page = wire::parse_page(&text)?;
    let Some(raw) = page.elements.last() else {
        return Ok(EventCursor::Start { at: now });
    };
    match read_element::<OnlyId<'_>>(raw, "events") {
        Ok((id, _)) => Ok(EventCursor::After(id.into())),
        Err(_) => Err(Malformation::Shape),
    }
}
