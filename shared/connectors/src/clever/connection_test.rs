//! Right after a district approved the application: does it share what a sync will read? Reports
//! what is missing by the names that Clever's dashboard shows (SPEC section 3 "Set up").

use super::api::{Api, List, PAGE_BYTES_MAX, SINGLE_BYTES_MAX};
use super::errors::{ApiError, Reason};
use super::exchange::{self, Answer};
use super::objects::{NotOurs, UserRole, parse_districts};
use super::wire;
use crate::fetch::lanes::{Lanes, Turn, WINDOW_DEFAULT};
use crate::fetch::{
    Asking, ChainId, Connector, Doubt, FetchError, Malformation, Poll, Refusal, TransportFailure,
};
use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Something that the district shares, or the application has switched on.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Share {
    /// Contacts of students, for guardians.
    Contacts,
    /// Administrators of the district.
    DistrictAdmins,
    /// Events: without them every sync reads everything.
    Events,
    /// Schools.
    Schools,
    /// Secure Sync: without it nobody can be read at all.
    SecureSync,
    /// Staff.
    Staff,
    /// Students.
    Students,
    /// Teachers.
    Teachers,
}

impl Share {
    fn of(role: UserRole) -> Self {
        match role {
            UserRole::Contact => Share::Contacts,
            UserRole::DistrictAdmin => Share::DistrictAdmins,
            UserRole::Staff => Share::Staff,
            UserRole::Student => Share::Students,
            UserRole::Teacher => Share::Teachers,
        }
    }

    /// Whether a sync can do without.
    pub fn is_optional(self) -> bool {
        match self {
            Share::Contacts | Share::DistrictAdmins | Share::Events | Share::Staff => true,
            Share::Schools | Share::SecureSync | Share::Students | Share::Teachers => false,
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Share::Contacts => "share contacts",
            Share::DistrictAdmins => "share district admins",
            Share::Events => "Events",
            Share::Schools => "share schools",
            Share::SecureSync => "Secure Sync",
            Share::Staff => "share staff",
            Share::Students => "share students",
            Share::Teachers => "share teachers",
        })
    }
}

/// What the test found about one of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// It can be read, and there is something.
    Granted,
    /// It can be read, but there is nothing: not shared, as a rule.
    Nothing,
    /// Clever refuses.
    Refused(Refusal),
}

/// What the test found.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct ShareReport {
    /// The district's name.
    pub district_name: String,
    /// Why nobody of the district could count as absent now.
    pub doubts: BTreeSet<Doubt>,
    /// The findings about everything that was tried.
    pub findings: BTreeMap<Share, Finding>,
}

impl ShareReport {
    /// What is missing, optional or not.
    pub fn missing(&self) -> impl Iterator<Item = (Share, Finding)> + '_ {
        self.findings
            .iter()
            .filter(|(_, finding)| **finding != Finding::Granted)
            .map(|(share, finding)| (*share, *finding))
    }

    /// True when nothing is missing that a sync can't do without.
    pub fn is_ok(&self) -> bool {
        self.missing().all(|(share, _)| share.is_optional())
    }

    /// Every list refused for want of a scope means that the token is not one of Secure Sync; then
    /// nothing is known about the single lists.
    fn conclude(&mut self) {
        let missing = Finding::Refused(Refusal::MissingScope);
        let mut lists = self
            .findings
            .iter()
            .filter(|(share, _)| **share != Share::Events);
        if lists.all(|(_, finding)| *finding == missing) {
            self.findings = BTreeMap::from([(Share::SecureSync, missing)]);
        } else {
            self.findings.insert(Share::SecureSync, Finding::Granted);
        }
    }
}

impl fmt::Display for ShareReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.missing().next().is_none() {
            return f.write_str("everything that a sync needs can be read");
        }
        for (index, (share, finding)) in self.missing().enumerate() {
            let between = if index == 0 { "" } else { "; " };
            write!(f, "{between}{share} is missing")?;
            match finding {
                Finding::Granted => {}
                Finding::Nothing => f.write_str(": Clever shows none")?,
                Finding::Refused(
                    Refusal::MissingPrivilege | Refusal::MissingScope | Refusal::NotFound,
                ) => f.write_str(": Clever does not give it to this application")?,
                Finding::Refused(refusal) => write!(f, ": {refusal}")?,
            }
        }
        Ok(())
    }
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Probe {
    District,
    Events,
    List(List),
}

impl Probe {
    fn asking(self) -> Asking {
        match self {
            Probe::District => Asking::District,
            Probe::Events => Asking::Events,
            Probe::List(List::Courses) => Asking::Courses,
            Probe::List(List::Schools) => Asking::Schools,
            Probe::List(List::Sections) => Asking::Classes,
            Probe::List(List::Terms) => Asking::Sessions,
            Probe::List(List::Users(_)) => Asking::Users,
        }
    }

    /// What the probe is about; nothing in particular for the district.
    fn share(self) -> Option<Share> {
        match self {
            Probe::Events => Some(Share::Events),
            Probe::List(List::Schools) => Some(Share::Schools),
            Probe::List(List::Users(role)) => Some(Share::of(role)),
            Probe::District | Probe::List(List::Courses | List::Sections | List::Terms) => None,
        }
    }
}

/// The test as a conversation, storable after every answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ConnectionTest {
    api: Api,
    district: String,
    lanes: Lanes,
    waiting: BTreeMap<ChainId, Probe>,
    report: ShareReport,
}

impl ConnectionTest {
    /// A test of what this district shares; of contacts only where guardians are wanted.
    pub fn start(api: Api, district: String, guardians: bool, seed: u64) -> Self {
        let roles = UserRole::ALL.into_iter();
        let roles = roles.filter(|role| guardians || *role != UserRole::Contact);
        let lists = std::iter::once(List::Schools).chain(roles.map(List::Users));
        let probes = [Probe::District, Probe::Events].into_iter();
        let probes = probes.chain(lists.map(Probe::List));
        Self {
            api,
            district,
            lanes: Lanes::new(WINDOW_DEFAULT, seed),
            waiting: (0..).map(ChainId).zip(probes).collect(),
            report: ShareReport::default(),
        }
    }

    fn request(&self, chain: ChainId, access_token: &str) -> Option<(Request<Bytes>, usize)> {
        let api = &self.api;
        let (request, limit) = match *self.waiting.get(&chain)? {
            Probe::District => (api.districts(access_token), SINGLE_BYTES_MAX),
            Probe::Events => (api.newest_event(access_token), SINGLE_BYTES_MAX),
            Probe::List(list) => (api.list(list, 1, None, access_token), PAGE_BYTES_MAX),
        };
        Some((request.ok()?, limit))
    }

    /// What a success says.
    fn read(&mut self, probe: Probe, now: Timestamp, body: &[u8]) -> Result<Finding, NotOurs> {
        if matches!(probe, Probe::District) {
            let district = parse_districts(body, &self.district, now)?;
            self.report.district_name = district.name;
            self.report.doubts = district.doubts;
            return Ok(Finding::Granted);
        }
        let text = wire::text(body);
        let page = wire::parse_page(&text).map_err(NotOurs::Malformed)?;
        // Events that are on but have not happened yet are on.
        let is_granted = !page.elements.is_empty() || matches!(probe, Probe::Events);
        Ok(if is_granted {
            Finding::Granted
        } else {
            Finding::Nothing
        })
    }

    /// A final refusal: what it says about the probe, unless another attempt comes or the test
    /// has failed.
    fn refused(
        &mut self,
        chain: ChainId,
        probe: Probe,
        now: Timestamp,
        error: ApiError,
    ) -> Option<Finding> {
        let (asking, refusal) = (probe.asking(), error.refusal());
        match (probe, error.reason) {
            (Probe::District, _) => {
                self.lanes.fail(FetchError::Refused { asking, refusal });
                None
            }
            (Probe::List(_), Reason::NoSuchPath) => {
                let malformation = Malformation::NotJson;
                exchange::malformed(&mut self.lanes, chain, now, asking, malformation);
                None
            }
            (Probe::Events | Probe::List(_), _) => Some(Finding::Refused(refusal)),
        }
    }
}

impl Connector for ConnectionTest {
    type Access = str;
    type Batch = ();
    type Complete = ShareReport;

    fn poll(&mut self, now: Timestamp, access_token: &str) -> Poll<ShareReport> {
        match self.lanes.turn(now, self.waiting.keys().copied()) {
            Turn::Busy => Poll::Busy,
            Turn::Failed(error) => Poll::Failed(error),
            Turn::Idle => {
                let mut report = self.report.clone();
                report.conclude();
                Poll::Done(report)
            }
            Turn::NeedsToken => Poll::NeedsToken,
            Turn::WaitUntil(until) => Poll::WaitUntil(until),
            Turn::Send(chain) => {
                if let Some((request, body_bytes_max)) = self.request(chain, access_token) {
                    return Poll::Send {
                        chain,
                        request,
                        body_bytes_max,
                    };
                }
                let probe = self.waiting.get(&chain);
                let asking = probe.map_or(Asking::District, |probe| probe.asking());
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
    ) {
        let Some(probe) = self.waiting.get(&chain).copied() else {
            return;
        };
        let asking = probe.asking();
        let finding = match exchange::receive(&mut self.lanes, chain, now, asking, response) {
            Answer::Body(body) => match self.read(probe, now, body) {
                Ok(finding) => finding,
                Err(NotOurs::Failed(error)) => return self.lanes.fail(error),
                Err(NotOurs::Malformed(malformation)) => {
                    exchange::malformed(&mut self.lanes, chain, now, asking, malformation);
                    return;
                }
            },
            Answer::Handled => return,
            Answer::Refused(error) => match self.refused(chain, probe, now, error) {
                Some(finding) => finding,
                None => return,
            },
        };
        self.lanes.succeed(chain);
        self.waiting.remove(&chain);
        if let Some(share) = probe.share() {
            self.report.findings.insert(share, finding);
        }
    }

    fn token_refreshed(&mut self) {
        self.lanes.token_refreshed();
    }
}
