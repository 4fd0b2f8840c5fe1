//! Right after a connection was set up: which lists answer, and what can the service do?

mod report;

pub use report::{Finding, Part, ServiceReport};

use super::access::{Access, SignatureMethod};
use super::caller::Caller;
use super::errors::Dislike;
use super::exchange::{self, Answer};
use super::page::Page;
use super::service::{ListQuery, ServiceBase};
use crate::fetch::lanes::{Lanes, Turn};
use crate::fetch::{Asking, ChainId, Connector, FetchError, Poll, TransportFailure};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Largest answer, in bytes: a server may ignore that one row is asked for.
const PAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// After the chains of the lists.
const FILTERS_CHAIN: ChainId = ChainId(5);

/// Nothing was changed after this: a filter that is heeded leaves nobody.
const FAR: &str = "dateLastModified>'2999-01-01T00:00:00.000Z'";

/// The test as a conversation, storable after every answer. One question after the other: the
/// first finds out how requests are signed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ConnectionTest {
    base: ServiceBase,
    lanes: Lanes,
    caller: Caller,
    left: BTreeSet<Question>,
    is_sorted: bool,
    /// How requests are signed now, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    method: Option<SignatureMethod>,
    /// Some signature was accepted.
    is_signed_right: bool,
    report: ServiceReport,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Question {
    Lists(Part),
    Filters,
}

impl Question {
    fn chain(self) -> ChainId {
        match self {
            Question::Lists(part) => ChainId(part.number()),
            Question::Filters => FILTERS_CHAIN,
        }
    }

    fn part(self) -> Part {
        match self {
            Question::Lists(part) => part,
            Question::Filters => Part::Users,
        }
    }
}

impl ConnectionTest {
    /// A test that has not asked for anything yet.
    pub fn start(base: ServiceBase, seed: u64) -> Self {
        let lists = Part::ALL.into_iter().map(Question::Lists);
        Self {
            base,
            lanes: Lanes::new(1, seed),
            caller: Caller::new(seed),
            left: lists.chain([Question::Filters]).collect(),
            is_sorted: true,
            method: None,
            is_signed_right: false,
            report: ServiceReport {
                sorts: true,
                ..ServiceReport::default()
            },
        }
    }

    fn asking(&self) -> Asking {
        self.left.first().map_or(Asking::Users, |question| {
            question.part().collection().asking()
        })
    }

    fn request(&mut self, now: Timestamp, access: &Access) -> Option<Request<Bytes>> {
        let question = *self.left.first()?;
        let query = ListQuery {
            limit: 1,
            offset: 0,
            is_sorted: self.is_sorted,
            filter: (question == Question::Filters).then_some(FAR),
        };
        let address = self.base.list(question.part().collection(), &query);
        let access = self.signed(access);
        (self.caller.get(&address, question.chain(), now, &access)).ok()
    }

    /// The access with the signature that is being tried: SHA-256 first (PROVIDERS O12).
    fn signed(&mut self, access: &Access) -> Access {
        let mut access = access.clone();
        if let Access::OAuth1 { method, .. } = &mut access {
            *method = *self.method.get_or_insert(SignatureMethod::HmacSha256);
        }
        access
    }

    /// A 401 to a signature: another may do. True when it was seen to.
    fn try_other_signature(
        &mut self,
        chain: ChainId,
        response: Result<&Response<Bytes>, TransportFailure>,
    ) -> bool {
        let is_refused =
            response.is_ok_and(|response| response.status() == StatusCode::UNAUTHORIZED);
        if !is_refused || self.is_signed_right {
            return false;
        }
        match self.method {
            None => return false,
            Some(SignatureMethod::HmacSha256) => self.method = Some(SignatureMethod::HmacSha1),
            Some(SignatureMethod::HmacSha1) => self.lanes.fail(FetchError::Unauthorized),
        }
        self.lanes.land(chain);
        true
    }

    fn note(&mut self, question: Question, finding: Finding) {
        match question {
            Question::Lists(part) => drop(self.report.findings.insert(part, finding)),
            Question::Filters => self.report.filters = finding == Finding::Empty,
        }
        self.left.remove(&question);
    }
}

impl Connector for ConnectionTest {
    type Access = Access;
    type Batch = ();
    type Complete = ServiceReport;

    fn poll(&mut self, now: Timestamp, access: &Access) -> Poll<ServiceReport> {
        let next = self.left.first().map(|question| question.chain());
        match self.lanes.turn(now, next.into_iter()) {
            Turn::Busy => Poll::Busy,
            Turn::Failed(error) => Poll::Failed(error),
            Turn::Idle => {
                let mut report = self.report.clone();
                report.method = self.method;
                Poll::Done(report)
            }
            Turn::NeedsToken => Poll::NeedsToken,
            Turn::WaitUntil(until) => Poll::WaitUntil(until),
            Turn::Send(chain) => {
                if let Some(request) = self.request(now, access) {
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
    ) {
        let question = (self.left.first().copied()).filter(|question| question.chain() == chain);
        let Some(question) = question else {
            return;
        };
        if self.try_other_signature(chain, response) {
            return;
        }
        let asking = self.asking();
        let finding = match exchange::receive(&mut self.lanes, chain, now, asking, response) {
            Answer::Body(response) => {
                match Page::parse(response, question.part().collection().name()) {
                    Ok(page) if page.rows.is_empty() => Finding::Empty,
                    Ok(_) => Finding::Answers,
                    Err(malformation) => {
                        exchange::malformed(&mut self.lanes, chain, now, asking, malformation);
                        return;
                    }
                }
            }
            Answer::Handled => return,
            Answer::TooMuch(burden) => {
                exchange::retry(&mut self.lanes, chain, now, asking, burden);
                return;
            }
            Answer::Refused(error) if error.dislike == Some(Dislike::Sort) && self.is_sorted => {
                self.is_sorted = false;
                self.report.sorts = false;
                self.lanes.succeed(chain);
                return;
            }
            // Nobody is left by the filter, and some call that not found.
            Answer::Refused(error) if question == Question::Filters && error.status == 404 => {
                Finding::Empty
            }
            Answer::Refused(error) => Finding::Refused(error.refusal()),
        };
        self.is_signed_right = true;
        self.lanes.succeed(chain);
        self.note(question, finding);
    }

    fn token_refreshed(&mut self) {
        self.lanes.token_refreshed();
    }
}
