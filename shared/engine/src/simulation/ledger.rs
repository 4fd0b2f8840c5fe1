//! What is noted of every write while it happens.

use crate::memory::MemoryPorts;
use crate::ports::Store;
use crate::record;
use crate::runs::{self, Lane, Run, RunState};
use futures::FutureExt;
use mapping::ids::{RunId, TenantId};
use std::collections::{BTreeMap, BTreeSet};

/// Writes as the processes do them.
pub(super) struct Ledger {
    tenant: TenantId,
    /// How many of a thousand operations fail.
    pub(super) store_failures_per_mille: u64,
    /// Keys that were written in this step.
    pub(super) written: BTreeSet<String>,
    /// How often each commit was written.
    pub(super) commit_writes: BTreeMap<String, u32>,
    /// Held runs whose approval was begun.
    pub(super) approved: BTreeSet<RunId>,
    /// Held runs whose discarding was begun.
    pub(super) discarded: BTreeSet<RunId>,
    /// The first broken promise that was noticed at a write.
    pub(super) broken: Option<String>,
}

impl Ledger {
    pub(super) fn new(tenant: &TenantId) -> Self {
        Self {
            tenant: tenant.clone(),
            store_failures_per_mille: 0,
            written: BTreeSet::new(),
            commit_writes: BTreeMap::new(),
            approved: BTreeSet::new(),
            discarded: BTreeSet::new(),
            broken: None,
        }
    }

    pub(super) fn note_write(&mut self, ports: &MemoryPorts, key: &str) {
        if key.starts_with(&format!("roster/{}/commit/", self.tenant)) {
            *self.commit_writes.entry(key.to_owned()).or_default() += 1;
        }
        if key.starts_with("blob/") || key.starts_with("roster/") {
            self.check_roster_write(ports, key);
        }
        self.written.insert(key.to_owned());
    }

    /// Roster data is written by a run that is applying its plan and by nothing else: neither by
    /// one that has nothing to change, nor by a preview, nor by one that is held.
    fn check_roster_write(&mut self, ports: &MemoryPorts, key: &str) {
        let states = [Lane::Run, Lane::Edit]
            .map(|lane| active_run(ports, &self.tenant, lane).map(|run| run.state));
        if !states.contains(&Some(RunState::Applying)) && self.broken.is_none() {
            self.broken = Some(format!("{key} was written while the runs were {states:?}"));
        }
    }
}

/// The run of a lane that is under way.
fn active_run(ports: &MemoryPorts, tenant: &TenantId, lane: Lane) -> Option<Run> {
    let active = runs::active(ports, tenant, lane).now_or_never().unwrap();
    let id = lane.id_at(active.unwrap()?.place).unwrap();
    runs::read(ports, tenant, &id)
        .now_or_never()
        .unwrap()
        .unwrap()
}

/// A record as it is now.
pub(super) fn peek<T: serde::de::DeserializeOwned>(ports: &MemoryPorts, key: &str) -> Option<T> {
    let bytes = ports.get(key).now_or_never().unwrap().unwrap()?;
    Some(record::decode(key, &bytes).unwrap())
}
