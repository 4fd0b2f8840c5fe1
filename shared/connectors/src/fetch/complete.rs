//! The proof that a read was complete.

use super::ChainId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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
}
