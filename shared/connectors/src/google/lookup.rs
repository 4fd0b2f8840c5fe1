//! Asking for people one by one, by immutable id: nobody counts as gone before Google said so
//! (PROVIDERS 2.1 `users.get`, 2.6, DESIGN section 3). Where rules look at groups, the groups of
//! each are asked for as well: a list of groups or of members that was cut short must not take
//! anybody out of scope either.

use super::directory::{
    Directory, GroupsPage, PAGE_BYTES_MAX, SINGLE_BYTES_MAX, parse_groups_page, parse_has_member,
    parse_user,
};
use super::fetch::GroupScope;
use crate::fetch::exchange::{self, Answer};
use crate::fetch::lanes::{Lanes, Turn};
use crate::fetch::{
    Asking, ChainId, Connector, FetchError, Malformation, Poll, Presence, Refusal, TransportFailure,
};
use bytes::Bytes;
use http::Response;
use jiff::Timestamp;
use mapping::ids::ExternalId;
use mapping::source::{Group, SourceRecord};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Most groups of one person, those that they are nested in counted. Whoever has more is not
/// confirmed.
pub const GROUPS_MAX: usize = 200;

/// Looks up people by id, several at a time, storable after every answer. Nothing comes of
/// somebody of whom Google does not say everything.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Lookup {
    directory: Directory,
    groups: GroupScope,
    lanes: Lanes,
    waiting: BTreeMap<ChainId, Wanted>,
}

/// Somebody who is being looked up.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Wanted {
    id: ExternalId,
    /// The person, once Google has shown them.
    record: Option<Box<SourceRecord>>,
    /// Groups that are to be asked about the person; or the person, and groups, whose groups are
    /// to be asked for.
    left: BTreeSet<String>,
    /// Those that were.
    asked: BTreeSet<String>,
}

/// How an answer leaves a person.
enum Outcome {
    Doubtful,
    Known(Presence),
    Unfinished,
}

impl Lookup {
    /// A lookup of these people, and of those of their groups which rules look at. `window` and
    /// `seed` as in [`super::fetch::FetchPlan`].
    pub fn start(
        directory: Directory,
        ids: BTreeSet<ExternalId>,
        groups: GroupScope,
        window: u32,
        seed: u64,
    ) -> Self {
        let wanted = ids.into_iter().map(|id| Wanted {
            id,
            record: None,
            left: BTreeSet::new(),
            asked: BTreeSet::new(),
        });
        Self {
            directory,
            groups,
            lanes: Lanes::new(window, seed),
            waiting: (0..).map(ChainId).zip(wanted).collect(),
        }
    }

    /// People who have not been looked up yet.
    pub fn remaining(&self) -> usize {
        self.waiting.len()
    }

    /// Reads an answer about somebody.
    fn read(&self, wanted: &mut Wanted, body: &[u8]) -> Result<Outcome, Malformation> {
        let Some(mut record) = wanted.record.take() else {
            let (record, _) = parse_user(body)?;
            // An answer about somebody else says nothing about this one.
            if record.external_id != wanted.id {
                return Err(Malformation::Shape);
            }
            match &self.groups {
                GroupScope::All => drop(wanted.left.insert(wanted.id.as_str().to_owned())),
                GroupScope::Named(addresses) => wanted.left.clone_from(addresses),
                GroupScope::None => {}
            }
            return Ok(wanted.go_on(Box::new(record)));
        };
        let read = match &self.groups {
            GroupScope::Named(_) => wanted.read_membership(&mut record, body),
            GroupScope::All | GroupScope::None => wanted.read_groups(&mut record, body),
        };
        match read {
            Ok(true) => Ok(wanted.go_on(record)),
            Ok(false) => Ok(Outcome::Doubtful),
            Err(malformation) => {
                wanted.record = Some(record);
                Err(malformation)
            }
        }
    }

    /// A final refusal: an answer about the person, or none.
    fn refused(&mut self, wanted: &Wanted, error: super::errors::ApiError) -> Outcome {
        if wanted.record.is_some() {
            return Outcome::Doubtful;
        }
        if error.is_user_missing() {
            return Outcome::Known(Presence::Deleted);
        }
        // A 404 that does not speak of the user may be of a proxy, and decides nothing.
        let refusal = if error.refusal() == Refusal::NotFound {
            let status = error.status;
            Refusal::Unexpected { status }
        } else {
            error.refusal()
        };
        let asking = Asking::User;
        self.lanes.fail(FetchError::Refused { asking, refusal });
        Outcome::Unfinished
    }
}

impl Wanted {
    /// What is being asked about.
    fn asking(&self) -> Asking {
        if self.record.is_some() {
            Asking::Groups
        } else {
            Asking::User
        }
    }

    /// Goes on to the next group, if one is left.
    fn go_on(&mut self, record: Box<SourceRecord>) -> Outcome {
        if self.left.is_empty() {
            return Outcome::Known(Presence::Present(record));
        }
        self.record = Some(record);
        Outcome::Unfinished
    }

    /// Whether the person is in the group that was asked about.
    fn read_membership(
        &mut self,
        record: &mut SourceRecord,
        body: &[u8],
    ) -> Result<bool, Malformation> {
        let is_member = parse_has_member(body)?;
        if let Some(address) = self.left.pop_first()
            && is_member
        {
            let name = String::new();
            record.groups.insert(Group { address, name });
        }
        Ok(true)
    }

    /// The groups of the person, or of a group of theirs; false when they are too many to tell.
    fn read_groups(
        &mut self,
        record: &mut SourceRecord,
        body: &[u8],
    ) -> Result<bool, Malformation> {
        let GroupsPage {
            groups,
            next_page_token,
        } = parse_groups_page(body)?;
        self.asked.extend(self.left.pop_first());
        for entry in groups {
            record.groups.insert(entry.group);
            if !self.asked.contains(&entry.key) {
                self.left.insert(entry.key);
            }
        }
        Ok(next_page_token.is_none() && record.groups.len() <= GROUPS_MAX)
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
                let Some(wanted) = self.waiting.get(&chain) else {
                    return Poll::Busy;
                };
                let id = wanted.id.as_str();
                let built = match (wanted.left.first(), &self.groups) {
                    (None, _) => self.directory.user(id, access_token),
                    (Some(group), GroupScope::Named(_)) => {
                        self.directory.has_member(group, id, access_token)
                    }
                    (Some(key), GroupScope::All | GroupScope::None) => {
                        self.directory.groups_of(key, access_token)
                    }
                };
                let asking = wanted.asking();
                let body_bytes_max = if asking == Asking::Groups {
                    PAGE_BYTES_MAX
                } else {
                    SINGLE_BYTES_MAX
                };
                if let Ok(request) = built {
                    return Poll::Send {
                        chain,
                        request,
                        body_bytes_max,
                    };
                }
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
        let mut wanted = self.waiting.remove(&chain)?;
        let asking = wanted.asking();
        let outcome = match exchange::receive(&mut self.lanes, chain, now, asking, response) {
            Answer::Body(body) => match self.read(&mut wanted, body) {
                Ok(outcome) => {
                    self.lanes.succeed(chain);
                    outcome
                }
                Err(malformation) => {
                    exchange::malformed(&mut self.lanes, chain, now, asking, malformation);
                    Outcome::Unfinished
                }
            },
            Answer::Handled => Outcome::Unfinished,
            Answer::Refused(error) => {
                self.lanes.succeed(chain);
                self.refused(&wanted, error)
            }
        };
        match outcome {
            Outcome::Doubtful => None,
            Outcome::Known(presence) => Some((wanted.id, presence)),
            Outcome::Unfinished => {
                self.waiting.insert(chain, wanted);
                None
            }
        }
    }

    fn token_refreshed(&mut self) {
        self.lanes.token_refreshed();
    }
}
