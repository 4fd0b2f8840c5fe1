//! What one page yields.

use super::ChainId;
use mapping::ids::ExternalId;
use mapping::issue::Issue;
use mapping::schooling::{ClassMember, Schooling};
use mapping::source::{Group, SourceRecord};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// An org unit as the provider shows it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct OrgUnit {
    /// The provider's id; survives renaming and moving.
    pub id: String,
    /// Full path with a leading slash; the root is `/`. Compared without regard to case.
    pub path: String,
    /// Path of the unit above; `None` for the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
}

/// What one answer yields, for staging under `(chain, page)`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// The chain that the page belongs to.
    pub chain: ChainId,
    /// The page's number within its chain, from 0. A page that is asked for twice keeps its number.
    pub page: u32,
    /// Forget everything staged so far: the source changed under the read, which begins anew. What
    /// the batch has beside this counts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restarted: bool,
    /// People in scope, each at most once per chain.
    pub records: Vec<SourceRecord>,
    /// Which person belongs to which group, nested membership counted.
    pub members: Vec<(ExternalId, Group)>,
    /// People of whom the source itself says that they are gone. Staged as such: nobody needs to be
    /// asked about them.
    pub gone: Vec<ExternalId>,
    /// Schools, sessions, courses and classes.
    pub schooling: Vec<Schooling>,
    /// Who is in which class, by the class's id, where the provider lists that beside the classes.
    pub class_members: Vec<(ExternalId, ClassMember)>,
    /// Groups that everybody of the provider's customer belongs to.
    pub everyone: BTreeSet<Group>,
    /// The whole tree of org units, on the one page that carries it.
    pub units: Option<Vec<OrgUnit>>,
    /// Records that could not be taken as they stand. Their ids count as present.
    pub issues: Vec<Issue>,
}

impl Batch {
    /// The batch of an answer that yields nothing.
    pub fn empty(chain: ChainId, page: u32) -> Self {
        Self {
            chain,
            page,
            restarted: false,
            records: Vec::new(),
            members: Vec::new(),
            gone: Vec::new(),
            schooling: Vec::new(),
            class_members: Vec::new(),
            everyone: BTreeSet::new(),
            units: None,
            issues: Vec::new(),
        }
    }

    /// True when there is nothing to stage and nothing to forget.
    pub fn is_empty(&self) -> bool {
        !self.restarted
            && self.records.is_empty()
            && self.members.is_empty()
            && self.gone.is_empty()
            && self.schooling.is_empty()
            && self.class_members.is_empty()
            && self.everyone.is_empty()
            && self.units.is_none()
            && self.issues.is_empty()
    }
}
