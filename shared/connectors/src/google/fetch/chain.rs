//! One chain of pages: where it is, and what must not happen on it.

use super::Trouble;
use super::reach::Reach;
use crate::fetch::seen::{Fingerprint, Seen, fingerprint};
use crate::fetch::{Asking, Batch, ChainCount, ChainId, FetchError, Loop, Malformation};
use crate::google::directory::{
    GroupEntry, UsersPage, parse_group, parse_groups_page, parse_members_page, parse_org_units,
    parse_users_page,
};
use jiff::{SignedDuration, Timestamp};
use mapping::source::Group;
use serde::{Deserialize, Serialize};

/// Most pages of one chain: 2,000,000 people or 800,000 members, twice the largest district.
pub const PAGES_PER_CHAIN_MAX: u32 = 4_000;

/// How long Google keeps a place in a list (PROVIDERS 2.1 and G23), less an hour for clocks that
/// differ.
pub const PAGE_TOKEN_LIFE: SignedDuration = SignedDuration::from_hours(71);

/// How often a chain begins anew because Google forgot its place.
pub const CHAIN_RESTARTS_MAX: u32 = 2;

const PAGE_TOKEN: u8 = 0;
const RECORD: u8 = 1;

/// What a chain reads.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Task {
    /// One group by address, to learn its name; then its members.
    Group { address: String },
    /// The list of groups.
    Groups,
    /// The members of one group.
    Members {
        key: String,
        group: Group,
        direct_members: u64,
    },
    /// The tree of org units.
    Tree,
    /// The people of a unit and those below it, or everybody.
    Users { unit: Option<String>, reach: Reach },
}

impl Task {
    pub(super) fn users(unit: Option<String>, reach: Reach) -> Self {
        Task::Users { unit, reach }
    }

    pub(super) fn members(entry: GroupEntry) -> Self {
        Task::Members {
            key: entry.key,
            group: entry.group,
            direct_members: entry.direct_members,
        }
    }
}

/// Where a chain is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Chain {
    pub(super) task: Task,
    /// Pages taken, those before a restart among them; numbers the batches.
    pub(super) pages: u32,
    /// Entries listed since the last restart.
    pub(super) listed: u64,
    /// People in scope since the last restart.
    pub(super) records: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) page_token: Option<String>,
    /// When the first page was taken: the page token lives from then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    begun_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Seen::is_empty")]
    seen: Seen,
    restarts: u32,
    #[serde(skip)]
    pub(super) has_ended: bool,
    #[serde(skip)]
    pub(super) found_groups: Vec<GroupEntry>,
}

impl Chain {
    pub(super) fn new(task: Task) -> Self {
        Self {
            task,
            pages: 0,
            listed: 0,
            records: 0,
            page_token: None,
            begun_at: None,
            seen: Seen::default(),
            restarts: 0,
            has_ended: false,
            found_groups: Vec::new(),
        }
    }

    pub(super) fn asking(&self) -> Asking {
        match self.task {
            Task::Group { .. } => Asking::Group,
            Task::Groups => Asking::Groups,
            Task::Members { .. } => Asking::Members,
            Task::Tree => Asking::OrgUnits,
            Task::Users { .. } => Asking::Users,
        }
    }

    pub(super) fn is_members(&self) -> bool {
        matches!(self.task, Task::Members { .. })
    }

    pub(super) fn count(&self, chain: ChainId, unit: Option<String>) -> ChainCount {
        ChainCount {
            chain,
            unit,
            listed: self.listed,
            records: self.records,
            pages: self.pages,
        }
    }

    /// Begins anew when Google can't know the place any more.
    pub(super) fn restart_if_stale(&mut self, now: Timestamp) -> Result<(), FetchError> {
        let is_stale = self.page_token.is_some()
            && self
                .begun_at
                .is_some_and(|begun_at| now.duration_since(begun_at) >= PAGE_TOKEN_LIFE);
        if is_stale { self.restart() } else { Ok(()) }
    }

    /// Begins anew. Pages go on counting, so that no batch takes the number of another.
    pub(super) fn restart(&mut self) -> Result<(), FetchError> {
        if self.restarts >= CHAIN_RESTARTS_MAX {
            return Err(FetchError::TooSlow {
                asking: self.asking(),
            });
        }
        self.restarts += 1;
        self.page_token = None;
        self.begun_at = None;
        self.seen = Seen::default();
        self.listed = 0;
        self.records = 0;
        Ok(())
    }

    /// Reads the next page into the batch. After [`Trouble::Malformed`] the chain is where it was.
    pub(super) fn read(
        &mut self,
        body: &[u8],
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<(), Trouble> {
        match &self.task {
            Task::Tree => {
                batch.units = Some(parse_org_units(body)?);
                self.advance(now, &[], None)
            }
            Task::Users { .. } => self.read_users(parse_users_page(body)?, now, batch),
            Task::Groups => {
                let page = parse_groups_page(body)?;
                let ids = fingerprints(page.groups.iter().map(|entry| entry.key.as_str()))?;
                let listed = self.listed + page.groups.len() as u64;
                // Rules look at groups: no group at all would take people out of scope.
                if page.next_page_token.is_none() && listed == 0 {
                    return Err(Malformation::MissingList.into());
                }
                self.listed = listed;
                self.found_groups = page.groups;
                self.advance(now, &ids, page.next_page_token)
            }
            Task::Group { address } => {
                let mut entry = parse_group(body)?;
                entry.group.address.clone_from(address);
                self.task = Task::members(entry);
                self.pages += 1;
                Ok(())
            }
            Task::Members { .. } => self.read_members(body, now, batch),
        }
    }

    fn read_users(
        &mut self,
        page: UsersPage<'_>,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<(), Trouble> {
        let ids = fingerprints(page.people.iter().filter_map(|person| person.id()))?;
        let Task::Users { reach, .. } = &self.task else {
            return Err(Malformation::Shape.into());
        };
        batch.issues = page.issues;
        let unreadable = batch.issues.len();
        for person in &page.people {
            let is_covered = match person.org_unit_path() {
                Some(path) => reach.covers(path),
                // Whoever has no unit is in scope only where everybody is; the issue says why.
                None => *reach == Reach::All,
            };
            if is_covered {
                batch.records.extend(person.to_record(&mut batch.issues));
            } else if person.org_unit_path().is_none() {
                person.to_record(&mut batch.issues);
            }
        }
        self.listed += (page.people.len() + unreadable) as u64;
        self.records += batch.records.len() as u64;
        self.advance(now, &ids, page.next_page_token)
    }

    fn read_members(
        &mut self,
        body: &[u8],
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<(), Trouble> {
        let Task::Members {
            group,
            direct_members,
            ..
        } = &self.task
        else {
            return Err(Malformation::Shape.into());
        };
        let page = parse_members_page(body)?;
        let is_last = page.next_page_token.is_none();
        let listed = self.listed + page.listed as u64;
        // A list without anybody would take everybody of the group out of scope.
        if is_last && listed == 0 && *direct_members > 0 {
            return Err(Malformation::MembersMissing.into());
        }
        let ids = fingerprints(page.users.iter().map(mapping::ids::ExternalId::as_str))?;
        if page.has_everyone {
            batch.everyone.insert(group.clone());
        }
        batch.issues = page.issues;
        batch.members = page
            .users
            .into_iter()
            .map(|user| (user, group.clone()))
            .collect();
        self.listed = listed;
        self.advance(now, &ids, page.next_page_token)
    }

    /// Goes on to the next page, unless the chain turns back on itself or never ends.
    fn advance(
        &mut self,
        now: Timestamp,
        ids: &[Fingerprint],
        next_page_token: Option<String>,
    ) -> Result<(), Trouble> {
        let asking = self.asking();
        // An entry that began or ended an earlier page came again: the page, or a part of it, was
        // given twice, and then another part may not have been given at all.
        if ids.iter().any(|id| self.seen.contains(*id)) {
            let by = Loop::Record;
            return Err(FetchError::Looped { asking, by }.into());
        }
        self.begun_at.get_or_insert(now);
        self.pages += 1;
        self.page_token = next_page_token;
        let Some(token) = &self.page_token else {
            self.has_ended = true;
            return Ok(());
        };
        if !self.seen.insert(fingerprint(PAGE_TOKEN, token)) {
            let by = Loop::PageToken;
            return Err(FetchError::Looped { asking, by }.into());
        }
        if self.pages >= PAGES_PER_CHAIN_MAX {
            let pages_max = PAGES_PER_CHAIN_MAX;
            return Err(FetchError::Endless { asking, pages_max }.into());
        }
        for id in [ids.first(), ids.last()].into_iter().flatten() {
            self.seen.insert(*id);
        }
        Ok(())
    }
}

/// Fingerprints of a page's entries, each of which may stand there only once.
fn fingerprints<'a>(ids: impl Iterator<Item = &'a str>) -> Result<Vec<Fingerprint>, Malformation> {
    let all: Vec<Fingerprint> = ids.map(|id| fingerprint(RECORD, id)).collect();
    let mut sorted = all.clone();
    sorted.sort_unstable();
    sorted.dedup();
    if sorted.len() < all.len() {
        return Err(Malformation::DuplicateRecord);
    }
    Ok(all)
}
