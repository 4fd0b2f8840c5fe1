//! Asking for people one by one, by id: nobody counts as gone before Clever said so
//! (PROVIDERS 4.4 and 4.6, DESIGN section 3).

use super::api::{Api, SINGLE_BYTES_MAX};
use super::errors::{ApiError, Reason};
use super::exchange::{self, Answer};
use super::objects::parse_user;
use crate::fetch::lanes::{Lanes, Turn};
use crate::fetch::{
    Asking, ChainId, Connector, FetchError, Malformation, Poll, Presence, TransportFailure,
};
use bytes::Bytes;
use http::Response;
use jiff::Timestamp;
use mapping::ids::ExternalId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Looks up people by id, several at a time, storable after every answer. Nothing comes of
/// somebody of whom Clever does not say everything.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Lookup {
    api: Api,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    verified_domains: BTreeSet<String>,
    lanes: Lanes,
    waiting: BTreeMap<ChainId, ExternalId>,
}

impl Lookup {
    /// A lookup of these people. The rest is as in [`super::FetchPlan`].
    pub fn start(
        api: Api,
        ids: BTreeSet<ExternalId>,
        verified_domains: &BTreeSet<String>,
        window: u32,
        seed: u64,
    ) -> Self {
        Self {
            api,
            verified_domains: (verified_domains.iter())
                .map(|domain| domain.to_lowercase())
                .collect(),
            lanes: Lanes::new(window, seed),
            waiting: (0..).map(ChainId).zip(ids).collect(),
        }
    }

    /// People who have not been looked up yet.
    pub fn remaining(&self) -> usize {
        self.waiting.len()
    }

    /// What a success says about the person with this id, if it says it.
    fn read(&self, id: &ExternalId, body: &[u8]) -> Result<Option<Presence>, Malformation> {
        let record = parse_user(body, &self.verified_domains)?;
        // Somebody with another id may be the same person, merged with another record (C4): that
        // is for the next read to show, and says nothing about this id.
        let record = record.filter(|record| record.external_id == *id);
        Ok(record.map(|record| Presence::Present(Box::new(record))))
    }

    /// A final refusal: an answer about the person, or none. `Err` when another attempt comes, or
    /// the lookup has failed.
    fn refused(&mut self, chain: ChainId, now: Timestamp, error: ApiError) -> Result<Presence, ()> {
        let asking = Asking::User;
        match error.reason {
            Reason::NotFound => return Ok(Presence::Deleted),
            // A page for people, perhaps of a proxy, decides nothing.
            Reason::NoSuchPath => {
                let malformation = Malformation::NotJson;
                exchange::malformed(&mut self.lanes, chain, now, asking, malformation);
            }
            Reason::AuthError
            | Reason::Backend
            | Reason::BadRequest
            | Reason::Forbidden
            | Reason::MissingScope
            | Reason::NotSupported
            | Reason::PageTooLarge
            | Reason::RateLimited
            | Reason::Unknown => {
                let refusal = error.refusal();
                self.lanes.fail(FetchError::Refused { asking, refusal });
            }
        }
        Err(())
    }
}

impl Connector for Lookup {
    type Access = str;
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
                let id = self.waiting.get(&chain);
                let built = id.map(|id| self.api.user(id.as_str(), access_token));
                if let Some(Ok(request)) = built {
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
            Answer::Body(body) => match self.read(&id, body) {
                Ok(presence) => presence,
                Err(malformation) => {
                    exchange::malformed(&mut self.lanes, chain, now, asking, malformation);
                    return None;
                }
            },
            Answer::Handled => return None,
            Answer::Refused(error) => Some(self.refused(chain, now, error).ok()?),
        };
        self.lanes.succeed(chain);
        self.waiting.remove(&chain);
        presence.map(|presence| (id, presence))
    }

    fn token_refreshed(&mut self) {
        self.lanes.token_refreshed();
    }
}
