//! The proof that a read was complete.

use super::ChainId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// Why a source that was read whole is not believed when somebody is missing from it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// The provider shows invented people in the place of the real ones.
    Obfuscated,
    /// The district has paused its sync with the provider.
    Paused,
    /// The provider's own sync of the district is not running.
    NotRunning,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Doubt::Obfuscated => "the provider shows obfuscated people",
            Doubt::Paused => "the district has paused its sync with the provider",
            Doubt::NotRunning => "the provider's own sync of the district is not running",
        })
    }
}

/// How much one chain of people's pages brought.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct ChainCount {
    /// The chain.
    pub chain: ChainId,
    /// Path of the org unit that was read with everything below it; `None` for everybody.
    pub unit: Option<String>,
    /// People that the provider listed, in scope or not.
    pub listed: u64,
    /// People in scope.
    pub records: u64,
    /// Pages.
    pub pages: u32,
}

/// Counts over a whole read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// People in scope.
    pub records: u64,
    /// Org units in the tree.
    pub units: u64,
    /// Groups whose members were read.
    pub groups: u64,
    /// Memberships of people in groups.
    pub members: u64,
    /// People of whom the source says that they are gone.
    #[serde(default)]
    pub gone: u64,
    /// Schools, offices and other organizations of the provider.
    #[serde(default)]
    pub schools: u64,
    /// Classes.
    #[serde(default)]
    pub classes: u64,
    /// Places of people in classes.
    #[serde(default)]
    pub class_members: u64,
    /// Issues.
    pub issues: u64,
    /// Answers that were taken.
    pub pages: u64,
    /// Bytes of the answers that were taken, after decompression.
    pub bytes: u64,
}

/// Proof that a read was complete: every chain ended as the protocol says it ends and no guard
/// objected. Only a connector of this crate makes one; only with one may anybody be considered
/// absent.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct CompleteRead {
    pub(crate) chains: Vec<ChainCount>,
    pub(crate) totals: Totals,
    pub(crate) started_at: Timestamp,
    pub(crate) finished_at: Timestamp,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) doubts: BTreeSet<Doubt>,
}

impl CompleteRead {
    /// Counts per chain of people's pages, in order of chain.
    pub fn chains(&self) -> &[ChainCount] {
        &self.chains
    }

    /// Counts over everything.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// When the read started.
    pub fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// When the last answer was taken.
    pub fn finished_at(&self) -> Timestamp {
        self.finished_at
    }

    /// Why nobody may count as absent all the same; empty when they may.
    pub fn doubts(&self) -> &BTreeSet<Doubt> {
        &self.doubts
    }
}
