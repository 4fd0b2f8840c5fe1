//! Who changed since a time, where a service can say so (PROVIDERS 6.5, O4 and O7).
//!
//! Services stamp rows in local time, by the day, or whenever they please, and do not tell of rows
//! that are no more. So this only says whom to look at before the next whole read, never that
//! nothing else has changed.

use super::access::Access;
use super::caller::Caller;
use super::errors::{ApiError, Dislike, Reason};
use super::exchange::{self, Answer, Burden};
use super::listing::{Listing, Progress};
use super::page::{Headers, Page};
use super::service::{Collection, ServiceBase};
use crate::fetch::lanes::{Lanes, Turn};
use crate::fetch::{Asking, ChainId, Connector, FetchError, Poll, TransportFailure, WINDOW_MAX};
use bytes::Bytes;
use http::Response;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use mapping::ids::ExternalId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How far before the last look a look reaches: a service may stamp rows by the day, and with the
/// time of where it stands.
pub const OVERLAP: SignedDuration = SignedDuration::from_hours(24);

/// Most people who are looked at one by one; of more a whole read is quicker.
pub const CHANGES_MAX: u64 = 2_000;

/// Rows asked for at once.
const PAGE_LIMIT: u32 = 500;

/// Largest answer, in bytes.
const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How a look at the changes ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangesEnd {
    /// So many changed that a whole read is quicker.
    TooMany,
    /// The service does not know how to filter: only whole reads tell.
    Unsupported,
    /// Everybody who changed was named.
    UpToDate,
}

/// Where changes are asked for, and how.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct ChangesPlan {
    /// Where the service answers.
    pub base: ServiceBase,
    /// Requests under way at once.
    pub window: u32,
    /// Decides nonces and the random part of waiting times.
    pub seed: u64,
}

/// A look at who changed, storable after every answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Changes {
    plan: ChangesPlan,
    lanes: Lanes,
    caller: Caller,
    listing: Listing,
    /// No row may be older, by a day to spare.
    oldest: Date,
    named: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end: Option<ChangesEnd>,
}

impl Changes {
    /// A look at who changed since a time, and a day before it.
    pub fn start(mut plan: ChangesPlan, since: Timestamp) -> Self {
        plan.window = plan.window.clamp(1, WINDOW_MAX);
        let bound = since.checked_sub(OVERLAP).unwrap_or(Timestamp::MIN);
        let day = bound.to_zoned(TimeZone::UTC);
        let filter = format!(
            "dateLastModified>'{}'",
            day.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        );
        Self {
            lanes: Lanes::new(plan.window, plan.seed),
            caller: Caller::new(plan.seed),
            listing: Listing::new(Collection::Users, Some(filter), PAGE_LIMIT, true, 0),
            oldest: day.date().yesterday().unwrap_or(Date::MIN),
            named: 0,
            end: None,
            plan,
        }
    }

    fn take(&mut self, id: ChainId, page: &Page<'_>) -> Vec<ExternalId> {
        let is_old = |row: &&&serde_json::value::RawValue| {
            let row: Option<Value> = serde_json::from_str(row.get()).ok();
            let stamp = row.and_then(|row| super::values::date(row.get("dateLastModified")?));
            stamp.is_some_and(|stamp| stamp < self.oldest)
        };
        if page.rows.iter().find(is_old).is_some() {
            self.end = Some(ChangesEnd::Unsupported);
            return Vec::new();
        }
        let taken = match self.listing.take(id, &page.ids, &page.headers) {
            Ok(taken) => taken,
            Err(error) => {
                self.lanes.fail(error);
                return Vec::new();
            }
        };
        let ids: Vec<ExternalId> = (page.ids.iter().zip(&taken.is_new))
            .filter(|(_, is_new)| **is_new)
            .filter_map(|(id, _)| ExternalId::parse(id.clone()?).ok())
            .collect();
        self.named += ids.len() as u64;
        let promised = page.headers.total.unwrap_or(0);
        match self.listing.progress() {
            _ if self.named.max(promised) > CHANGES_MAX => self.end = Some(ChangesEnd::TooMany),
            Ok(Progress::More) => {}
            // Who is named twice is looked at once.
            Ok(Progress::Again) => self.named = 0,
            Ok(Progress::Complete) => self.end = Some(ChangesEnd::UpToDate),
            Err(error) => self.lanes.fail(error),
        }
        ids
    }

    fn take_nothing(&mut self, id: ChainId) -> Vec<ExternalId> {
        let page = Page {
            rows: Vec::new(),
            ids: Vec::new(),
            headers: Headers::default(),
        };
        self.take(id, &page)
    }

    fn refused(&mut self, id: ChainId, error: ApiError) -> Vec<ExternalId> {
        self.lanes.succeed(id);
        if error.dislike == Some(Dislike::Sort) && self.listing.unsort() {
            return Vec::new();
        }
        match error.reason {
            Reason::BadRequest if self.listing.is_past_total(id) => self.take_nothing(id),
            Reason::NotFound => self.take_nothing(id),
            Reason::BadRequest | Reason::Backend => {
                self.end = Some(ChangesEnd::Unsupported);
                Vec::new()
            }
            Reason::Forbidden | Reason::RateLimited | Reason::Unauthorized | Reason::Unknown => {
                let (asking, refusal) = (Asking::Users, error.refusal());
                self.lanes.fail(FetchError::Refused { asking, refusal });
                Vec::new()
            }
        }
    }
}

impl Connector for Changes {
    type Access = Access;
    /// The people whom the page names.
    type Batch = Vec<ExternalId>;
    type Complete = ChangesEnd;

    fn poll(&mut self, now: Timestamp, access: &Access) -> Poll<ChangesEnd> {
        if let Some(end) = self.end {
            return Poll::Done(end);
        }
        let runnable = self.listing.runnable(self.plan.window);
        match self.lanes.turn(now, runnable.into_iter()) {
            Turn::Busy | Turn::Idle => Poll::Busy,
            Turn::Failed(error) => Poll::Failed(error),
            Turn::NeedsToken => Poll::NeedsToken,
            Turn::WaitUntil(until) => Poll::WaitUntil(until),
            Turn::Send(chain) => {
                let query = self.listing.query(chain);
                let address = query.map(|query| self.plan.base.list(Collection::Users, &query));
                let request = address.map(|address| self.caller.get(&address, chain, now, access));
                if let Some(Ok(request)) = request {
                    return Poll::Send {
                        chain,
                        request,
                        body_bytes_max: PAGE_BYTES_MAX,
                    };
                }
                let asking = Asking::Users;
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
    ) -> Vec<ExternalId> {
        if self.end.is_some() || !self.listing.has(chain) {
            self.lanes.land(chain);
            return Vec::new();
        }
        let asking = Asking::Users;
        match exchange::receive(&mut self.lanes, chain, now, asking, response) {
            Answer::Body(response) => match Page::parse(response, Collection::Users.name()) {
                Ok(page) => {
                    self.lanes.succeed(chain);
                    return self.take(chain, &page);
                }
                Err(malformation) => {
                    exchange::malformed(&mut self.lanes, chain, now, asking, malformation);
                }
            },
            Answer::Handled => {}
            Answer::Refused(error) => return self.refused(chain, error),
            Answer::TooMuch(burden) => {
                let has_shrunk = self.listing.shrink(chain);
                if !(has_shrunk && matches!(burden, Burden::Bytes(_))) {
                    exchange::retry(&mut self.lanes, chain, now, asking, burden);
                }
            }
        }
        Vec::new()
    }

    fn token_refreshed(&mut self) {
        self.lanes.token_refreshed();
    }
}
