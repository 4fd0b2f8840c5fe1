//! Looking at a few people, one by one, whoever they are: what stands behind a push, or behind
//! "sync this person" (PROVIDERS 2.1 `users.get`, 2.5, 2.6 and 2.8).
//!
//! A look reads the tree of org units too, so that rules follow a unit that was renamed today, and
//! fails as a whole read does when a linked unit is gone. What it can't find out it says: groups
//! are known only as far as [`GroupLook`] goes, and whoever may not be read is hidden.

use super::directory::{
    Directory, ORG_UNITS_BYTES_MAX, PAGE_BYTES_MAX, SINGLE_BYTES_MAX, parse_groups_page,
    parse_has_member, parse_org_units, parse_user,
};
use super::errors::{ApiError, Reason};
use super::fetch::{UnitScopes, missing_unit};
use crate::fetch::exchange::{self, Answer};
use crate::fetch::lanes::{Lanes, Turn};
use crate::fetch::{
    Asking, ChainId, Connector, FetchError, Malformation, Poll, Sight, Sighting, TransportFailure,
    Whom,
};
use crate::request::RequestError;
use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;
use mapping::issue::Issue;
use mapping::source::{Group, SourceRecord};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

fn key(whom: &Whom) -> &str {
    match whom {
        Whom::Email(email) => email.as_str(),
        Whom::Id(id) => id.as_str(),
    }
}

/// How the groups of a person are found out.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupLook {
    /// The groups that list the person themselves; nested ones stay unknown.
    Direct,
    /// Google is asked about each of these, nested membership counted.
    Named(BTreeSet<String>),
    /// Not at all: no rule needs them.
    None,
}

/// What a look is to cover.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct LookPlan {
    /// Where and whose people.
    pub directory: Directory,
    /// Who.
    pub whom: BTreeSet<Whom>,
    /// The linked units, which have to exist.
    pub units: UnitScopes,
    /// Which groups.
    pub groups: GroupLook,
    /// As in [`super::fetch::FetchPlan`].
    pub window: u32,
    /// As in [`super::fetch::FetchPlan`].
    pub seed: u64,
}

/// What a chain asks next.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Groups {
        whom: Whom,
        record: Box<SourceRecord>,
        issues: Vec<Issue>,
    },
    Member {
        whom: Whom,
        record: Box<SourceRecord>,
        issues: Vec<Issue>,
        left: BTreeSet<String>,
    },
    Tree,
    User(Whom),
}

impl Step {
    fn asking(&self) -> Asking {
        match self {
            Step::Groups { .. } => Asking::Groups,
            Step::Member { .. } => Asking::Members,
            Step::Tree => Asking::OrgUnits,
            Step::User(_) => Asking::User,
        }
    }
}

/// Looks at people, several at a time, storable after every answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Look {
    directory: Directory,
    units: UnitScopes,
    groups: GroupLook,
    lanes: Lanes,
    steps: BTreeMap<ChainId, Step>,
}

impl Look {
    /// A look of this extent.
    pub fn start(plan: LookPlan) -> Self {
        let people = plan.whom.into_iter().map(Step::User);
        let steps = std::iter::once(Step::Tree).chain(people);
        Self {
            directory: plan.directory,
            units: plan.units,
            groups: plan.groups,
            lanes: Lanes::new(plan.window, plan.seed),
            steps: (0..).map(ChainId).zip(steps).collect(),
        }
    }

    fn request(
        &self,
        step: &Step,
        access_token: &str,
    ) -> Result<(Request<Bytes>, usize), RequestError> {
        let directory = &self.directory;
        Ok(match step {
            Step::Groups { record, .. } => (
                directory.groups_of(record.external_id.as_str(), access_token)?,
                PAGE_BYTES_MAX,
            ),
            Step::Member { record, left, .. } => {
                let group = left.first().map_or("", String::as_str);
                let member = record.external_id.as_str();
                (
                    directory.has_member(group, member, access_token)?,
                    SINGLE_BYTES_MAX,
                )
            }
            Step::Tree => (directory.org_units(access_token)?, ORG_UNITS_BYTES_MAX),
            Step::User(whom) => (directory.user(key(whom), access_token)?, SINGLE_BYTES_MAX),
        })
    }

    /// Reads a success. The next step of the chain, or what it came to.
    fn read(&self, step: Step, body: &[u8]) -> Result<Next, Malformation> {
        match step {
            Step::Tree => {
                let tree = parse_org_units(body)?;
                Ok(match missing_unit(&self.units, &tree) {
                    Some(path) => Next::Fail(FetchError::UnitMissing { path }),
                    None => Next::Done(Sighting::Tree(tree)),
                })
            }
            Step::User(whom) => {
                let (record, issues) = parse_user(body)?;
                let is_other = matches!(&whom, Whom::Id(id) if record.external_id != *id);
                let is_outside = !self.directory.covers(record.email.as_ref());
                if is_other || is_outside {
                    return Ok(Next::Done(Sighting::Person(whom, Sight::Hidden)));
                }
                Ok(self.ask_for_groups(whom, Box::new(record), issues))
            }
            Step::Groups {
                whom,
                mut record,
                issues,
            } => {
                let page = parse_groups_page(body)?;
                let groups = page.groups.into_iter().map(|entry| entry.group);
                record.groups.extend(groups);
                Ok(seen(whom, record, issues))
            }
            Step::Member {
                whom,
                mut record,
                issues,
                mut left,
            } => {
                let is_member = parse_has_member(body)?;
                if let Some(address) = left.pop_first().filter(|_| is_member) {
                    let name = String::new();
                    record.groups.insert(Group { address, name });
                }
                Ok(next_member(whom, record, issues, left))
            }
        }
    }

    fn ask_for_groups(&self, whom: Whom, record: Box<SourceRecord>, issues: Vec<Issue>) -> Next {
        match &self.groups {
            GroupLook::Direct => Next::Step(Step::Groups {
                whom,
                record,
                issues,
            }),
            GroupLook::Named(groups) => next_member(whom, record, issues, groups.clone()),
            GroupLook::None => seen(whom, record, issues),
        }
    }

    /// Reads a refusal.
    fn refused(step: Step, error: ApiError) -> Next {
        let asking = step.asking();
        match step {
            Step::User(whom) if error.is_user_missing() => {
                Next::Done(Sighting::Person(whom, Sight::Gone))
            }
            // One person whom the authorising account may not see, or a key that is none: no
            // reason to leave the others alone.
            Step::User(whom)
                if matches!(
                    error.reason,
                    Reason::BadRequest | Reason::Forbidden | Reason::Invalid
                ) =>
            {
                Next::Done(Sighting::Person(whom, Sight::Hidden))
            }
            // Nested membership across domains: Google does not say.
            Step::Member { whom, .. }
                if matches!(error.reason, Reason::BadRequest | Reason::Invalid) =>
            {
                Next::Done(Sighting::Person(whom, Sight::Hidden))
            }
            Step::Groups { .. } | Step::Member { .. } | Step::Tree | Step::User(_) => {
                let refusal = error.refusal();
                Next::Fail(FetchError::Refused { asking, refusal })
            }
        }
    }
}

enum Next {
    Done(Sighting),
    Fail(FetchError),
    Step(Step),
}

fn seen(whom: Whom, record: Box<SourceRecord>, issues: Vec<Issue>) -> Next {
    Next::Done(Sighting::Person(whom, Sight::Seen { record, issues }))
}

fn next_member(
    whom: Whom,
    record: Box<SourceRecord>,
    issues: Vec<Issue>,
    left: BTreeSet<String>,
) -> Next {
    if left.is_empty() {
        return seen(whom, record, issues);
    }
    Next::Step(Step::Member {
        whom,
        record,
        issues,
        left,
    })
}

impl Connector for Look {
    type Access = str;
    type Batch = Option<Sighting>;
    type Complete = ();

    fn poll(&mut self, now: Timestamp, access_token: &str) -> Poll<()> {
        match self.lanes.turn(now, self.steps.keys().copied()) {
            Turn::Busy => Poll::Busy,
            Turn::Failed(error) => Poll::Failed(error),
            Turn::Idle => Poll::Done(()),
            Turn::NeedsToken => Poll::NeedsToken,
            Turn::WaitUntil(until) => Poll::WaitUntil(until),
            Turn::Send(chain) => {
                let step = self.steps.get(&chain);
                let asking = step.map_or(Asking::User, Step::asking);
                let request = step.and_then(|step| self.request(step, access_token).ok());
                if let Some((request, body_bytes_max)) = request {
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
    ) -> Option<Sighting> {
        let step = self.steps.get(&chain)?.clone();
        let asking = step.asking();
        let next = match exchange::receive(&mut self.lanes, chain, now, asking, response) {
            Answer::Body(body) => match self.read(step, body) {
                Ok(next) => next,
                Err(malformation) => {
                    exchange::malformed(&mut self.lanes, chain, now, asking, malformation);
                    return None;
                }
            },
            Answer::Handled => return None,
            Answer::Refused(error) => Self::refused(step, error),
        };
        match next {
            Next::Done(sighting) => {
                self.lanes.succeed(chain);
                self.steps.remove(&chain);
                Some(sighting)
            }
            Next::Fail(error) => {
                self.lanes.fail(error);
                None
            }
            Next::Step(step) => {
                self.lanes.succeed(chain);
                self.steps.insert(chain, step);
                None
            }
        }
    }

    fn token_refreshed(&mut self) {
        self.lanes.token_refreshed();
    }
}
