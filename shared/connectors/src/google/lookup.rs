//! Asking for people one by one, by immutable id: nobody counts as gone before Google said so
//! (PROVIDERS 2.1 `users.get`, DESIGN section 3).

use super::directory::{Directory, SINGLE_BYTES_MAX, parse_user};
use super::exchange::{self, Answer};
use crate::fetch::lanes::{Lanes, Turn};
use crate::fetch::{Asking, ChainId, Connector, FetchError, Poll, Refusal, TransportFailure};
use bytes::Bytes;
use http::Response;
use jiff::Timestamp;
use mapping::ids::ExternalId;
use mapping::source::SourceRecord;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What Google says about a person.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// There is no such user any more.
    Deleted,
    /// The user is there, perhaps in another org unit than before.
    Present(Box<SourceRecord>),
}

/// Looks up people by id, several at a time, storable after every answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Lookup {
    directory: Directory,
    lanes: Lanes,
    waiting: BTreeMap<ChainId, ExternalId>,
}

impl Lookup {
    /// A lookup of these people. `window` and `seed` as in [`super::fetch::FetchPlan`].
    pub fn start(directory: Directory, ids: BTreeSet<ExternalId>, window: u32, seed: u64) -> Self {
        Self {
            directory,
            lanes: Lanes::new(window, seed),
            waiting: (0..).map(ChainId).zip(ids).collect(),
        }
    }

    /// People who have not been looked up yet.
    pub fn remaining(&self) -> usize {
        self.waiting.len()
    }

    fn read(
        &mut self,
        chain: ChainId,
        now: Timestamp,
        id: &ExternalId,
        body: &[u8],
    ) -> Option<Presence> {
        match parse_user(body) {
            Ok((record, _)) if record.external_id == *id => {
                Some(Presence::Present(Box::new(record)))
            }
            // An answer about somebody else says nothing about this one.
            Ok(_) => {
                let malformation = crate::fetch::Malformation::Shape;
                exchange::malformed(&mut self.lanes, chain, now, Asking::User, malformation);
                None
            }
            Err(malformation) => {
                exchange::malformed(&mut self.lanes, chain, now, Asking::User, malformation);
                None
            }
        }
    }
}

impl Connector for Lookup {
    /// The person whom the answer decides, if it does.
    type Batch = Option<(ExternalId, Presence)>;
    type Complete = ();

    fn poll(&mut self, now: Timestamp, access_token: &str) -> Poll<()> {
        match self.lanes.turn(now, self.waiting.keys().copied()) {
            Turn::Busy => Poll::Busy,
            Turn::Failed(error) => Poll::Failed(error),
            Turn::Idle => Poll::Done(()),
            Turn::NeedsToken => Poll::NeedsToken,
            Turn::WaitUntil(until) => Poll::WaitUntil(until),
            Turn::Send(chain) => {
                let id = self.waiting.get(&chain).map_or("", ExternalId::as_str);
                if let Ok(request) = self.directory.user(id, access_token) {
                    return Poll::Send {
                        chain,
                        request,
                        body_bytes_max: SINGLE_BYTES_MAX,
                    };
                }
                let asking = Asking::User;
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
    ) -> Option<(ExternalId, Presence)> {
        let id = self.waiting.get(&chain)?.clone();
        let asking = Asking::User;
        let presence = match exchange::receive(&mut self.lanes, chain, now, asking, response) {
            Answer::Body(body) => self.read(chain, now, &id, body)?,
            Answer::Handled => return None,
            Answer::Refused(error) if error.is_user_missing() => Presence::Deleted,
            Answer::Refused(error) => {
                // A 404 that does not speak of the user may be of a proxy, and decides nothing.
                let refusal = if error.refusal() == Refusal::NotFound {
                    let status = error.status;
                    Refusal::Unexpected { status }
                } else {
                    error.refusal()
                };
                self.lanes.fail(FetchError::Refused { asking, refusal });
                return None;
            }
        };
        self.lanes.succeed(chain);
        self.waiting.remove(&chain);
        Some((id, presence))
    }

    fn token_refreshed(&mut self) {
        self.lanes.token_refreshed();
    }
}
