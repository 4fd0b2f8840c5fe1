//! Following what changes: Clever's events after the one that was applied last (PROVIDERS 4.5, C7).
//!
//! Events only say whom to look at: what a person is now, [`super::Lookup`] tells. So it does no
//! harm to see an event twice, or one that a whole read has seen already.

use super::api::{Api, EVENTS_PAGE_SIZE, PAGE_BYTES_MAX, PAGE_SIZE_MIN, SINGLE_BYTES_MAX};
use super::errors::{ApiError, Reason};
use super::exchange::{self, Answer};
use super::objects::{OnlyId, Record, external_id};
use super::wire::{self, Field, Page, Text};
use crate::fetch::lanes::{Lanes, Turn};
use crate::fetch::seen::{Seen, fingerprint};
use crate::fetch::{
    Asking, ChainId, Connector, FetchError, Loop, Malformation, Poll, TransportFailure,
};
use bytes::Bytes;
use http::{Request, Response};
use jiff::{SignedDuration, Timestamp};
use mapping::ids::ExternalId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Most pages that are followed. Whoever has missed more does better to read everything.
pub const EVENT_PAGES_MAX: u32 = 200;

/// How long Clever keeps events, less a day for clocks that differ and for reading them.
pub const EVENTS_LIFE: SignedDuration = SignedDuration::from_hours(29 * 24);

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
    /// The last event of the page. Once the page is applied, go on from here.
    pub cursor: Option<String>,
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
    /// There is nothing after this event.
    UpToDate {
        /// The last event.
        cursor: String,
    },
}

/// Following as a conversation, storable after every answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Changes {
    api: Api,
    lanes: Lanes,
    cursor: String,
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

/// An event; what else its object says is not taken from it.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    id: Field<Text<'a>>,
    #[serde(borrow, default, rename = "type")]
    kind: Field<Text<'a>>,
    #[serde(borrow, default)]
    created: Field<Text<'a>>,
    #[serde(borrow, default)]
    data: Field<EventData<'a>>,
}

#[derive(Deserialize)]
struct EventData<'a> {
    #[serde(borrow, default)]
    object: Field<OnlyId<'a>>,
}

impl Changes {
    /// Follows events after this one; the rest is as in [`super::FetchPlan`].
    pub fn start(api: Api, after: String, seed: u64) -> Self {
        let mut known = Seen::default();
        known.insert(fingerprint(EVENT, &after));
        Self {
            api,
            lanes: Lanes::new(1, seed),
            cursor: after,
            is_confirmed: false,
            limit: EVENTS_PAGE_SIZE,
            pages: 0,
            seen: known,
            end: None,
        }
    }

    /// The last event that was read.
    pub fn cursor(&self) -> &str {
        &self.cursor
    }

    fn request(&self, access_token: &str) -> Option<(Request<Bytes>, usize)> {
        let (built, body_bytes_max) = if self.is_confirmed {
            (
                self.api.events(&self.cursor, self.limit, access_token),
                PAGE_BYTES_MAX,
            )
        } else {
            (self.api.event(&self.cursor, access_token), SINGLE_BYTES_MAX)
        };
        Some((built.ok()?, body_bytes_max))
    }

    /// Whether the event that we begin after is still there, and young enough.
    fn confirm(&mut self, body: &[u8], now: Timestamp) -> Result<(), Malformation> {
        let text = wire::text(body);
        let event: Event<'_> = wire::parse_envelope(&text)?;
        let id = external_id(&event.id).map_err(|_| Malformation::Shape)?;
        if id.as_str() != self.cursor {
            return Err(Malformation::Shape);
        }
        let created = event.created.text("created").ok().flatten();
        let created: Option<Timestamp> = created.and_then(|text| text.parse().ok());
        if created.is_some_and(|created| now.duration_since(created) > EVENTS_LIFE) {
            self.end = Some(ChangesEnd::Gap(Gap::TooOld));
        }
        self.is_confirmed = true;
        Ok(())
    }

    /// Reads a page of events and goes on behind it.
    fn read(&mut self, body: &[u8]) -> Result<ChangedPage, Malformation> {
        let text = wire::text(body);
        let page = wire::parse_page(&text)?;
        let Some((changed, ids)) = read_events(&page) else {
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
        if let Some(last) = &changed.cursor {
            self.seen.insert(fingerprint(EVENT, last));
            self.cursor.clone_from(last);
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

/// What the events of a page touch, and the events' ids; `None` when one can't be read.
fn read_events(page: &Page<'_>) -> Option<(ChangedPage, Vec<String>)> {
    let mut changed = ChangedPage::default();
    let mut ids = Vec::with_capacity(page.elements.len());
    for raw in &page.elements {
        let event: Event<'_> = wire::parse_envelope(raw.get()).ok()?;
        ids.push(String::from(external_id(&event.id).ok()?));
        let (record, _) = event.kind.text("type").ok()??.split_once('.')?;
        match record {
            "users" => {
                let object = event.data.value()?.object.value()?;
                changed.users.insert(external_id(object.id()).ok()?);
            }
            "schools" => changed.schools_changed = true,
            "sections" => changed.classes_changed = true,
            // Not asked for, and nothing that a person depends on.
            _ => {}
        }
        changed.events += 1;
    }
    changed.cursor = ids.last().cloned();
    Some((changed, ids))
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
