//! Following what changes: Clever's events after the one that was applied last (PROVIDERS 4.5, C7).
//!
//! Events only say whom to look at: what a person is now, [`super::Lookup`] tells. So it does no
//! harm to see an event twice, or one that a whole read has seen already.

use super::api::{Api, EVENTS_PAGE_SIZE, PAGE_BYTES_MAX, PAGE_SIZE_MIN, SINGLE_BYTES_MAX};
use super::cursor::{EventCursor, is_too_old};
use super::errors::{ApiError, Reason};
use super::exchange::{self, Answer};
use super::objects::{parse_event, read_events};
use super::wire;
use crate::fetch::lanes::{Lanes, Turn};
use crate::fetch::seen::{Seen, fingerprint};
use crate::fetch::{
    Asking, ChainId, Connector, FetchError, Loop, Malformation, Poll, TransportFailure,
};
use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;
use mapping::ids::ExternalId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Most pages that are followed. Whoever has missed more does better to read everything.
pub const EVENT_PAGES_MAX: u32 = 200;

/// The one chain.
const CHAIN: ChainId = ChainId(0);

const EVENT: u8 = 0;

/// What a page of events touches.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct ChangedPage {
    /// People who were created, changed or removed.
    pub users: BTreeSet<ExternalId>,
    /// Whether a school was: people's placements may name one that is not known yet.
    pub schools_changed: bool,
    /// Whether a class was.
    pub classes_changed: bool,
    /// How many events the page has.
    pub events: u32,
    /// Where to go on once the page is applied; `None` where it is where it was.
    pub cursor: Option<EventCursor>,
}

/// Why events can't be followed from where we are. Everything has to be read anew.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gap {
    /// Clever does not know the event, or not any more.
    CursorUnknown,
    /// Events are off for the application.
    EventsOff,
    /// The event is so old that others after it may be gone.
    TooOld,
    /// So much changed that reading everything is quicker.
    TooMany,
    /// An event can't be read: it may be about anybody.
    Unreadable,
}

/// How following ended.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangesEnd {
    /// Events are missing. The pages that came are right all the same.
    Gap(Gap),
    /// There is nothing more.
    UpToDate {
        /// Where to go on the next time.
        cursor: EventCursor,
    },
}

/// Following as a conversation, storable after every answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Changes {
    api: Api,
    lanes: Lanes,
    cursor: EventCursor,
    /// Whether Clever has shown that it still knows where we begin: a place that it forgot would
    /// otherwise look like one without news.
    is_confirmed: bool,
    /// Events asked for at once.
    limit: u32,
    pages: u32,
    #[serde(default, skip_serializing_if = "Seen::is_empty")]
    seen: Seen,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end: Option<ChangesEnd>,
}

impl Changes {
    /// Follows events from here on; the rest is as in [`super::FetchPlan`].
    pub fn start(api: Api, cursor: EventCursor, seed: u64, now: Timestamp) -> Self {
        let (mut known, mut end) = (Seen::default(), None);
        match &cursor {
            EventCursor::After(id) => drop(known.insert(fingerprint(EVENT, id))),
            EventCursor::Start { at } if is_too_old(*at, now) => {
                end = Some(ChangesEnd::Gap(Gap::TooOld));
            }
            EventCursor::Start { .. } => {}
        }
        Self {
            api,
            lanes: Lanes::new(1, seed),
            is_confirmed: cursor.after().is_none(),
            cursor,
            limit: EVENTS_PAGE_SIZE,
            pages: 0,
            seen: known,
            end,
        }
    }

    /// Where it is.
    pub fn cursor(&self) -> &EventCursor {
        &self.cursor
    }

    fn request(&self, access_token: &str) -> Option<(Request<Bytes>, usize)> {
        let (built, body_bytes_max) = match self.cursor.after() {
            Some(id) if !self.is_confirmed => (self.api.event(id, access_token), SINGLE_BYTES_MAX),
            after => (
                self.api.events(after, self.limit, access_token),
                PAGE_BYTES_MAX,
            ),
        };
        Some((built.ok()?, body_bytes_max))
    }

    /// Whether the event that we begin after is still there, and young enough.
    fn confirm(&mut self, body: &[u8], now: Timestamp) -> Result<(), Malformation> {
        let (id, created) = parse_event(body)?;
        if Some(id.as_str()) != self.cursor.after() {
            return Err(Malformation::Shape);
        }
        if created.is_some_and(|created| is_too_old(created, now)) {
            self.end = Some(ChangesEnd::Gap(Gap::TooOld));
        }
        self.is_confirmed = true;
        Ok(())
    }

    /// Reads a page of events and goes on behind it.
    fn read(&mut self, body: &[u8]) -> Result<ChangedPage, Malformation> {
        let text = wire::text(body);
        let page = wire::parse_page(&text)?;
        let Some((mut changed, ids)) = read_events(&page) else {
            self.end = Some(ChangesEnd::Gap(Gap::Unreadable));
            return Ok(ChangedPage::default());
        };
        if ids
            .iter()
            .any(|id| self.seen.contains(fingerprint(EVENT, id)))
        {
            let (asking, by) = (Asking::Events, Loop::Record);
            self.lanes.fail(FetchError::Looped { asking, by });
            return Ok(ChangedPage::default());
        }
        self.pages += 1;
        if let Some(last) = ids.into_iter().next_back() {
            self.seen.insert(fingerprint(EVENT, &last));
            self.cursor = EventCursor::After(last);
            changed.cursor = Some(self.cursor.clone());
        }
        // As in a list: an empty page is the end, and a full one need not be.
        let goes_on = changed.events > 0 && (page.has_next || changed.events >= self.limit);
        if !goes_on {
            self.finish();
        } else if self.pages >= EVENT_PAGES_MAX {
            self.end = Some(ChangesEnd::Gap(Gap::TooMany));
        }
        Ok(changed)
    }

    fn finish(&mut self) {
        let cursor = self.cursor.clone();
        self.end = Some(ChangesEnd::UpToDate { cursor });
    }

    /// Asks for half as many from now on; false when that can't be.
    fn halve(&mut self) -> bool {
        let can_be = self.is_confirmed && self.limit > PAGE_SIZE_MIN;
        if can_be {
            self.limit = (self.limit / 2).max(PAGE_SIZE_MIN);
        }
        can_be
    }

    /// A final refusal, which as a rule says that there is a gap.
    fn refused(&mut self, error: ApiError) {
        if matches!(error.reason, Reason::NotFound | Reason::BadRequest) {
            self.end = Some(ChangesEnd::Gap(Gap::CursorUnknown));
        } else if error.are_events_off() {
            self.end = Some(ChangesEnd::Gap(Gap::EventsOff));
        } else if !(error.reason == Reason::PageTooLarge && self.halve()) {
            let (asking, refusal) = (Asking::Events, error.refusal());
            self.lanes.fail(FetchError::Refused { asking, refusal });
        }
    }

    fn take(&mut self, now: Timestamp, body: &[u8]) -> ChangedPage {
        let read = if self.is_confirmed {
            self.read(body)
        } else {
            self.confirm(body, now).map(|()| ChangedPage::default())
        };
        match read {
            Ok(changed) => {
                self.lanes.succeed(CHAIN);
                changed
            }
            Err(malformation) => {
                exchange::malformed(&mut self.lanes, CHAIN, now, Asking::Events, malformation);
                ChangedPage::default()
            }
        }
    }
}

impl Connector for Changes {
    type Access = str;
    /// What a page of events touches; store its cursor once the page is applied.
    type Batch = ChangedPage;
    type Complete = ChangesEnd;

    fn poll(&mut self, now: Timestamp, access_token: &str) -> Poll<ChangesEnd> {
        let is_open = self.end.is_none();
        match self.lanes.turn(now, is_open.then_some(CHAIN).into_iter()) {
            Turn::Busy => Poll::Busy,
            Turn::Failed(error) => Poll::Failed(error),
            Turn::Idle => match &self.end {
                Some(end) => Poll::Done(end.clone()),
                None => Poll::Busy,
            },
            Turn::NeedsToken => Poll::NeedsToken,
            Turn::WaitUntil(until) => Poll::WaitUntil(until),
            Turn::Send(chain) => {
                if let Some((request, body_bytes_max)) = self.request(access_token) {
                    return Poll::Send {
                        chain,
                        request,
                        body_bytes_max,
                    };
                }
                let asking = Asking::Events;
                let error = FetchError::Unbuildable { asking };
                self.lanes.fail(error.clone());
                Poll::Failed(error)
            }
        }
    }

    fn handle_response(
        &mut self,
        chain: ChainId,
        now: Timestamp,
        response: Result<&Response<Bytes>, TransportFailure>,
    ) -> ChangedPage {
        if chain != CHAIN || self.end.is_some() {
            return ChangedPage::default();
        }
        let is_too_large = matches!(response, Err(TransportFailure::BodyTooLarge { .. }));
        if is_too_large && self.halve() {
            self.lanes.land(chain);
            return ChangedPage::default();
        }
        match exchange::receive(&mut self.lanes, chain, now, Asking::Events, response) {
            Answer::Body(body) => return self.take(now, body),
            Answer::Handled => {}
            Answer::Refused(error) => self.refused(error),
        }
        ChangedPage::default()
    }

    fn token_refreshed(&mut self) {
        self.lanes.token_refreshed();
    }
}
