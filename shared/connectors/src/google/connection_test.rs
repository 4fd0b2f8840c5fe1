//! Right after authorisation: may we read what a sync will read? Reports each missing permission
//! by the name that the Google Admin console shows (SPEC section 3 "Set up").

use super::directory::{
    Directory, ORG_UNITS_BYTES_MAX, PAGE_BYTES_MAX, parse_groups_page, parse_members_page,
    parse_org_units, parse_users_page,
};
use super::errors::ApiError;
use crate::fetch::exchange::{self, Answer};
use crate::fetch::lanes::{Lanes, Turn, WINDOW_DEFAULT};
use crate::fetch::{
    Asking, ChainId, Connector, FetchError, Malformation, Poll, Refusal, TransportFailure,
};
use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Something that a sync has to be allowed to do.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Read the members of groups.
    ReadGroupMembers,
    /// Read groups.
    ReadGroups,
    /// Read organizational units.
    ReadOrgUnits,
    /// Read users.
    ReadUsers,
}

impl Permission {
    fn asking(self) -> Asking {
        match self {
            Permission::ReadGroupMembers => Asking::Members,
            Permission::ReadGroups => Asking::Groups,
            Permission::ReadOrgUnits => Asking::OrgUnits,
            Permission::ReadUsers => Asking::Users,
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Permission::ReadGroupMembers => "Groups > Read (members)",
            Permission::ReadGroups => "Groups > Read",
            Permission::ReadOrgUnits => "Organizational Units > Read",
            Permission::ReadUsers => "Users > Read",
        })
    }
}

/// What the test found about one permission.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// It works.
    Granted,
    /// Google refuses.
    Refused(Refusal),
    /// It can't be tried: there is no group whose members could be read.
    Untested,
}

/// What the test found, permission by permission.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct PermissionReport {
    /// The findings about the permissions that were asked for.
    pub findings: BTreeMap<Permission, Finding>,
}

impl PermissionReport {
    /// The permissions that are missing, each with the reason.
    pub fn missing(&self) -> impl Iterator<Item = (Permission, Refusal)> + '_ {
        self.findings
            .iter()
            .filter_map(|(permission, finding)| match finding {
                Finding::Granted | Finding::Untested => None,
                Finding::Refused(refusal) => Some((*permission, *refusal)),
            })
    }

    /// True when nothing is missing.
    pub fn is_ok(&self) -> bool {
        self.missing().next().is_none()
    }
}

impl fmt::Display for PermissionReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_ok() {
            return f.write_str("everything that a sync needs can be read");
        }
        for (index, (permission, refusal)) in self.missing().enumerate() {
            let between = if index == 0 { "" } else { "; " };
            write!(f, "{between}{permission} is missing: {refusal}")?;
        }
        Ok(())
    }
}

/// The test as a conversation, storable after every answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ConnectionTest {
    directory: Directory,
    lanes: Lanes,
    waiting: BTreeMap<ChainId, Probe>,
    report: PermissionReport,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Probe {
    Groups,
    Members { key: String },
    OrgUnits,
    Users,
}

impl Probe {
    fn permission(&self) -> Permission {
        match self {
            Probe::Groups => Permission::ReadGroups,
            Probe::Members { .. } => Permission::ReadGroupMembers,
            Probe::OrgUnits => Permission::ReadOrgUnits,
            Probe::Users => Permission::ReadUsers,
        }
    }
}

/// Chain of the probe that follows on the list of groups.
const MEMBERS_CHAIN: ChainId = ChainId(3);

impl ConnectionTest {
    /// A test of reading users and org units, and groups if a rule needs them.
    pub fn start(directory: Directory, uses_groups: bool, seed: u64) -> Self {
        let mut waiting =
            BTreeMap::from([(ChainId(0), Probe::Users), (ChainId(1), Probe::OrgUnits)]);
        if uses_groups {
            waiting.insert(ChainId(2), Probe::Groups);
        }
        Self {
            directory,
            lanes: Lanes::new(WINDOW_DEFAULT, seed),
            waiting,
            report: PermissionReport::default(),
        }
    }

    fn request(&self, chain: ChainId, access_token: &str) -> Option<(Request<Bytes>, usize)> {
        let directory = &self.directory;
        let (request, limit) = match self.waiting.get(&chain)? {
            Probe::Users => (directory.users(None, 1, None, access_token), PAGE_BYTES_MAX),
            Probe::OrgUnits => (directory.org_units(access_token), ORG_UNITS_BYTES_MAX),
            Probe::Groups => (directory.groups(1, None, access_token), PAGE_BYTES_MAX),
            Probe::Members { key } => (directory.members(key, None, access_token), PAGE_BYTES_MAX),
        };
        Some((request.ok()?, limit))
    }

    /// What a success says about the permission.
    fn read(&mut self, probe: &Probe, body: &[u8]) -> Result<Finding, Malformation> {
        match probe {
            // The account that asks is a user itself, so a list without any is none.
            Probe::Users => {
                let page = parse_users_page(body)?;
                if page.people.is_empty() && page.issues.is_empty() {
                    return Err(Malformation::MissingList);
                }
            }
            Probe::OrgUnits => {
                parse_org_units(body)?;
            }
            Probe::Groups => match parse_groups_page(body)?.groups.into_iter().next() {
                Some(entry) => {
                    let probe = Probe::Members { key: entry.key };
                    self.waiting.insert(MEMBERS_CHAIN, probe);
                }
                None => self.note(Permission::ReadGroupMembers, Finding::Untested),
            },
            Probe::Members { .. } => {
                parse_members_page(body)?;
            }
        }
        Ok(Finding::Granted)
    }

    fn note(&mut self, permission: Permission, finding: Finding) {
        self.report.findings.insert(permission, finding);
    }
}

impl Connector for ConnectionTest {
    type Access = str;
    type Batch = ();
    type Complete = PermissionReport;

    fn poll(&mut self, now: Timestamp, access_token: &str) -> Poll<PermissionReport> {
        match self.lanes.turn(now, self.waiting.keys().copied()) {
            Turn::Busy => Poll::Busy,
            Turn::Failed(error) => Poll::Failed(error),
            Turn::Idle => Poll::Done(self.report.clone()),
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
                let asking = self
                    .waiting
                    .get(&chain)
                    .map_or(Asking::Users, |probe| probe.permission().asking());
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
        let Some(probe) = self.waiting.get(&chain).cloned() else {
            return;
        };
        let permission = probe.permission();
        let asking = permission.asking();
        let finding = match exchange::receive(&mut self.lanes, chain, now, asking, response) {
            Answer::Body(body) => match self.read(&probe, body) {
                Ok(finding) => finding,
                Err(malformation) => {
                    exchange::malformed(&mut self.lanes, chain, now, asking, malformation);
                    return;
                }
            },
            Answer::Handled => return,
            Answer::Refused(error) => Finding::Refused(ApiError::refusal(&error)),
        };
        self.lanes.succeed(chain);
        self.waiting.remove(&chain);
        self.note(permission, finding);
    }

    fn token_refreshed(&mut self) {
        self.lanes.token_refreshed();
    }
}
