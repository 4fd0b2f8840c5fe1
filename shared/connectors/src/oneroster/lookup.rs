//! Asking for people one by one: nobody counts as gone before the service said so.

use super::access::Access;
use super::caller::Caller;
use super::errors::Reason;
use super::exchange::{self, Answer};
use super::page::why;
use super::people::{self, Reading, Sight};
use super::service::ServiceBase;
use super::values::plain;
use crate::fetch::lanes::{Lanes, Turn};
use crate::fetch::{
    Asking, ChainId, Connector, FetchError, Malformation, Poll, Presence, TransportFailure,
};
use bytes::Bytes;
use http::Response;
use jiff::Timestamp;
use jiff::civil::Date;
use mapping::ids::ExternalId;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};

/// Largest answer about one person, in bytes.
const SINGLE_BYTES_MAX: usize = 1024 * 1024;

/// How people are looked up; each field as in [`super::fetch::FetchPlan`].
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct LookupPlan {
    /// Where the service answers.
    pub base: ServiceBase,
    /// Whether parents and guardians are wanted.
    pub guardians: bool,
    /// Domains whose addresses the district vouches for, in lower case.
    pub verified_domains: BTreeSet<String>,
    /// The day by which roles are in force.
    pub today: Date,
    /// Requests under way at once.
    pub window: u32,
    /// Decides nonces and the random part of waiting times.
    pub seed: u64,
}

/// Looks up people by id, several at a time, storable after every answer. Nothing comes of
/// somebody of whom the service does not say clearly whether they are there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Lookup {
    plan: LookupPlan,
    lanes: Lanes,
    caller: Caller,
    waiting: BTreeMap<ChainId, ExternalId>,
}

impl Lookup {
    /// A lookup of these people.
    pub fn start(plan: LookupPlan, ids: BTreeSet<ExternalId>) -> Self {
        Self {
            lanes: Lanes::new(plan.window, plan.seed),
            caller: Caller::new(plan.seed),
            waiting: (0..).map(ChainId).zip(ids).collect(),
            plan,
        }
    }

    /// People who have not been looked up yet.
    pub fn remaining(&self) -> usize {
        self.waiting.len()
    }

    /// What the answer says about the person; `None` when it is about somebody else.
    fn read(&self, id: &ExternalId, body: &[u8]) -> Result<Option<Presence>, Malformation> {
        let Some(json) = user(body)? else {
            return Ok(None);
        };
        let see = |guardians| {
            let reading = Reading {
                guardians,
                verified_domains: &self.plan.verified_domains,
                today: self.plan.today,
            };
            people::read(json, reading, &mut Vec::new())
        };
        let presence = match see(self.plan.guardians) {
            // Neither a person nor nobody.
            Sight::Unreadable => return Ok(None),
            Sight::Gone(gone) => (gone, Presence::Deleted),
            Sight::Present(record) => (record.external_id.clone(), Presence::Present(record)),
            // A parent by now, who is not wanted: there, but in no school.
            Sight::Skipped => match see(true) {
                Sight::Present(mut record) => {
                    record.placements.clear();
                    (record.external_id.clone(), Presence::Present(record))
                }
                Sight::Gone(_) | Sight::Skipped | Sight::Unreadable => return Ok(None),
            },
        };
        Ok((presence.0 == *id).then_some(presence.1))
    }
}

/// The person of an answer, whatever it is called there; `None` when the answer is an error, with
/// the status of a success.
fn user(body: &[u8]) -> Result<Option<&str>, Malformation> {
    let text = std::str::from_utf8(body).map_err(|_| Malformation::NotJson)?;
    if text.trim().is_empty() {
        return Err(Malformation::Truncated);
    }
    let fields: BTreeMap<String, &RawValue> = serde_json::from_str(text).map_err(|e| why(&e))?;
    if fields.contains_key("sourcedId") {
        return Ok(Some(text));
    }
    let is_error = |name: &String| {
        matches!(
            plain(name).as_str(),
            "codemajor" | "imsxcodemajor" | "statusinfoset"
        )
    };
    match (fields.get("user"), fields.len()) {
        (Some(user), _) => Ok(Some(user.get())),
        (None, _) if fields.keys().any(is_error) => Ok(None),
        (None, 1) => Ok(fields.values().next().map(|user| user.get())),
        (None, _) => Err(Malformation::Shape),
    }
}

impl Connector for Lookup {
    type Access = Access;
    /// The person whom the answer decides, if it does.
    type Batch = Option<(ExternalId, Presence)>;
    type Complete = ();

    fn poll(&mut self, now: Timestamp, access: &Access) -> Poll<()> {
        match self.lanes.turn(now, self.waiting.keys().copied()) {
            Turn::Busy => Poll::Busy,
            Turn::Failed(error) => Poll::Failed(error),
            Turn::Idle => Poll::Done(()),
            Turn::NeedsToken => Poll::NeedsToken,
            Turn::WaitUntil(until) => Poll::WaitUntil(until),
            Turn::Send(chain) => {
                let address = (self.waiting.get(&chain)).map(|id| self.plan.base.user(id.as_str()));
                let request = address.map(|address| self.caller.get(&address, chain, now, access));
                if let Some(Ok(request)) = request {
                    return Poll::Send {
                        chain,
                        request,
                        body_bytes_max: SINGLE_BYTES_MAX,
                    };
                }
                let asking = Asking::User;
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
    ) -> Option<(ExternalId, Presence)> {
        let id = self.waiting.remove(&chain)?;
        let asking = Asking::User;
        let presence = match exchange::receive(&mut self.lanes, chain, now, asking, response) {
            Answer::Body(response) => match self.read(&id, response.body()) {
                Ok(presence) => presence,
                Err(malformation) => {
                    exchange::malformed(&mut self.lanes, chain, now, asking, malformation);
                    self.waiting.insert(chain, id);
                    return None;
                }
            },
            Answer::Handled => {
                self.waiting.insert(chain, id);
                return None;
            }
            Answer::TooMuch(burden) => {
                exchange::retry(&mut self.lanes, chain, now, asking, burden);
                self.waiting.insert(chain, id);
                return None;
            }
            Answer::Refused(error) => match error.reason {
                Reason::NotFound if error.is_json => Some(Presence::Deleted),
                // A page of a proxy, or a dislike of the id: it says nothing about the person.
                Reason::NotFound | Reason::BadRequest => None,
                Reason::Backend
                | Reason::Forbidden
                | Reason::RateLimited
                | Reason::Unauthorized
                | Reason::Unknown => {
                    let refusal = error.refusal();
                    self.lanes.fail(FetchError::Refused { asking, refusal });
                    self.waiting.insert(chain, id);
                    return None;
                }
            },
        };
        self.lanes.succeed(chain);
        presence.map(|presence| (id, presence))
    }

    fn token_refreshed(&mut self) {
        self.lanes.token_refreshed();
    }
}
