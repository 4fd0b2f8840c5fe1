//! Drives a connector: sends what it asks for, stages what comes back, and stops in time.
//!
//! Works with any [`Connector`]; which provider it is shows only in how the state is begun.

use crate::error::Error;
use crate::keys;
use crate::large;
use crate::ports::{Clock, Ports, Store, TransportError};
use crate::record;
use crate::runs::{Failure, FetchStats};
use crate::slices::SliceOutcome;
use crate::staging::{BUCKETS, Parts, Stage};
use connectors::fetch::{
    Batch, CompleteRead, Connector, Doubt, FetchError, Poll, TransportFailure,
};
use futures::stream::{FuturesUnordered, StreamExt};
use jiff::{SignedDuration, Timestamp};
use mapping::ids::{ConnectionId, ExternalId, RunId, TenantId};
use mapping::schooling::School;
use mapping::source::Group;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

/// Longest pause, in milliseconds, that is waited out inside a slice; a longer one ends it.
const PAUSE_MS_MAX: i64 = 2_000;

/// How many numbers of parts are left out when a read begins anew: more than one flush can write.
/// A flush that was killed may have left parts that nothing counts, and what is read after the
/// restart must not be mixed with them.
const RESTART_GAP: u32 = 4_096;

/// How far a fetch is. Stored after everything it counts was stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound(deserialize = "C: DeserializeOwned"))]
pub struct FetchProgress<C> {
    /// The conversation with the provider.
    pub connector: C,
    /// The rest, which later phases read without knowing the connector.
    #[serde(flatten)]
    pub staged: StagedSnapshot,
}

/// What it means that somebody is not in a snapshot that is complete.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AbsenceMeaning {
    /// They may be gone: the provider is asked.
    #[default]
    Ask,
    /// They are gone: the snapshot lists everybody, and there is nobody to ask.
    Gone,
    /// Nothing: the snapshot lists only some.
    Nothing,
}

/// What a fetch has staged.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct StagedSnapshot {
    /// The first part of the snapshot: what was staged before it is forgotten.
    #[serde(default)]
    pub first_part: u32,
    /// The end of the parts of the snapshot.
    pub parts: u32,
    /// Parts that are forgotten and not removed yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<Range<u32>>,
    /// The first part of the issues.
    #[serde(default)]
    pub first_issue_part: u32,
    /// The end of the parts of the issues.
    pub issue_parts: u32,
    /// The first part of the list of schools.
    #[serde(default)]
    pub first_school_part: u32,
    /// The end of the parts of the list of schools.
    #[serde(default)]
    pub school_parts: u32,
    /// Groups of everybody.
    pub everyone: BTreeSet<Group>,
    /// Paths, as they are now, of the org units that the rules know by id.
    pub unit_paths: BTreeMap<String, String>,
    /// What was asked and given.
    pub stats: FetchStats,
    /// What it means that somebody is not in it.
    #[serde(default)]
    pub absence: AbsenceMeaning,
    /// The proof that the snapshot is complete; without it nobody may be considered absent.
    pub complete: Option<CompleteRead>,
}

impl StagedSnapshot {
    /// The parts of the snapshot.
    pub fn part_range(&self) -> Range<u32> {
        self.first_part..self.parts
    }

    /// Why the source is not believed.
    pub fn doubts(&self) -> BTreeSet<Doubt> {
        let complete = self.complete.as_ref();
        complete.map_or_else(BTreeSet::new, |complete| complete.doubts().clone())
    }

    /// Writes what a stage has gathered and counts it.
    pub(crate) async fn flush(
        &mut self,
        store: &impl Store,
        stage: &mut Stage,
    ) -> Result<(), StoreError> {
        if stage.is_empty() {
            return Ok(());
        }
        let there = Parts {
            staged: self.parts,
            issues: self.issue_parts,
            schools: self.school_parts,
        };
        let parts = stage.flush(store, there).await?;
        self.parts = parts.staged;
        self.issue_parts = parts.issues;
        self.school_parts = parts.schools;
        Ok(())
    }

    /// Forgets everything that was staged.
    fn restart(&mut self) {
        if !self.part_range().is_empty() {
            self.dropped.push(self.part_range());
        }
        self.parts = self.parts.saturating_add(RESTART_GAP);
        self.first_part = self.parts;
        self.first_issue_part = self.issue_parts;
        self.first_school_part = self.school_parts;
        self.everyone.clear();
        self.unit_paths.clear();
        self.stats.records = 0;
        self.stats.issues = 0;
    }
}

/// Whose fetch it is.
#[derive(Clone, Copy, Debug)]
pub struct FetchScope<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// The connection that is read.
    pub connection: &'a ConnectionId,
    /// The run that the snapshot belongs to.
    pub run: &'a RunId,
}

/// The key of a run's [`FetchProgress`].
pub fn progress_key(tenant: &TenantId, run: &RunId) -> String {
    keys::run_progress(tenant, run, "fetch")
}

/// Does a bounded part of a fetch. `unit_ids` are the org units that the rules know; `begin` makes
/// the connector's first state; `access` gives what requests are made with, afresh when asked with
/// `true`, or says how the slice ends without it.
pub async fn slice<P, C, A>(
    ports: &P,
    scope: FetchScope<'_>,
    unit_ids: BTreeSet<String>,
    begin: impl FnOnce() -> C,
    access: impl AsyncFn(bool) -> Result<A, SliceOutcome>,
    deadline: Timestamp,
) -> Result<SliceOutcome, Error>
where
    P: Ports,
    A: Borrow<C::Access>,
    C: Connector<Batch = Batch, Complete = CompleteRead> + Serialize + DeserializeOwned,
{
    let stored = record::read(ports, &progress_key(scope.tenant, scope.run)).await?;
    let mut driver = Driver {
        progress: stored.unwrap_or_else(|| FetchProgress {
            connector: begin(),
            staged: StagedSnapshot::default(),
        }),
        stage: Stage::new(scope.tenant, scope.connection, scope.run),
        unit_ids,
        scope,
    };
    if driver.progress.staged.complete.is_some() {
        return Ok(SliceOutcome::Done);
    }
    let given = match access(false).await {
        Ok(given) => given,
        Err(outcome) => return Ok(outcome),
    };
    driver.drive(ports, given, access, deadline).await
}

struct Driver<'a, C> {
    progress: FetchProgress<C>,
    stage: Stage,
    unit_ids: BTreeSet<String>,
    scope: FetchScope<'a>,
}

impl<C> Driver<'_, C>
where
    C: Connector<Batch = Batch, Complete = CompleteRead> + Serialize,
{
    async fn drive<P: Ports, A: Borrow<C::Access>>(
        &mut self,
        ports: &P,
        mut given: A,
        access: impl AsyncFn(bool) -> Result<A, SliceOutcome>,
        deadline: Timestamp,
    ) -> Result<SliceOutcome, Error> {
        let mut under_way = FuturesUnordered::new();
        loop {
            let now = ports.now();
            if now < deadline {
                match self.progress.connector.poll(now, given.borrow()) {
                    Poll::Send {
                        chain,
                        request,
                        body_bytes_max,
                    } => {
                        self.progress.staged.stats.calls += 1;
                        under_way.push(async move {
                            (chain, ports.send(request, body_bytes_max).await)
                        });
                        continue;
                    }
                    Poll::NeedsToken => {
                        match access(true).await {
                            Ok(fresh) => given = fresh,
                            Err(outcome) => {
                                self.save(ports).await?;
                                return Ok(outcome);
                            }
                        }
                        self.progress.connector.token_refreshed();
                        continue;
                    }
                    Poll::WaitUntil(until) if under_way.is_empty() => {
                        if let Some(outcome) = self.pause(ports, now, until, deadline).await? {
                            return Ok(outcome);
                        }
                        continue;
                    }
                    Poll::Busy | Poll::WaitUntil(_) => {}
                    Poll::Done(complete) => {
                        self.finish(ports, complete).await?;
                        return Ok(SliceOutcome::Done);
                    }
                    Poll::Failed(error) => {
                        return Ok(SliceOutcome::Failed {
                            failure: to_failure(&error),
                        });
                    }
                }
            }
            let Some((chain, answer)) = under_way.next().await else {
                self.save(ports).await?;
                return Ok(SliceOutcome::More);
            };
            let answer = answer
                .as_ref()
                .map_err(|error| to_transport_failure(*error));
            if let Ok(response) = &answer {
                self.progress.staged.stats.bytes += response.body().len() as u64;
            }
            let batch = self
                .progress
                .connector
                .handle_response(chain, ports.now(), answer);
            self.take(batch);
            if self.stage.is_full() {
                self.save(ports).await?;
            }
        }
    }

    /// Waits out a short pause; a long one ends the slice.
    async fn pause<P: Store + Clock>(
        &mut self,
        ports: &P,
        now: Timestamp,
        until: Timestamp,
        deadline: Timestamp,
    ) -> Result<Option<SliceOutcome>, Error> {
        let wait_ms = until
            .as_millisecond()
            .saturating_sub(now.as_millisecond())
            .max(0);
        if wait_ms > PAUSE_MS_MAX || now + SignedDuration::from_millis(wait_ms) > deadline {
            self.save(ports).await?;
            return Ok(Some(SliceOutcome::Wait {
                until_ms: until.as_millisecond(),
            }));
        }
        ports
            .sleep(Duration::from_millis(
                u64::try_from(wait_ms).unwrap_or(0).max(1),
            ))
            .await;
        Ok(None)
    }

    fn take(&mut self, mut batch: Batch) {
        if batch.restarted {
            self.stage.clear();
            self.progress.staged.restart();
        }
        let staged = &mut self.progress.staged;
        staged.stats.records += batch.records.len() as u64;
        staged.stats.issues += batch.issues.len() as u64;
        staged.everyone.append(&mut batch.everyone);
        for unit in batch.units.take().unwrap_or_default() {
            if self.unit_ids.contains(&unit.id) {
                staged.unit_paths.insert(unit.id, unit.path);
            }
        }
        self.stage.add(batch);
    }

    /// Ends the fetch.
    async fn finish(&mut self, store: &impl Store, complete: CompleteRead) -> Result<(), Error> {
        self.flush(store).await?;
        if !complete.doubts().contains(&Doubt::Obfuscated) {
            self.keep_schools(store).await?;
        }
        self.progress.staged.complete = Some(complete);
        self.save(store).await
    }

    /// Keeps the schools for whoever writes rules, whatever becomes of the run.
    async fn keep_schools(&self, store: &impl Store) -> Result<(), Error> {
        let scope = self.scope;
        let shown = schools_of(store, scope.tenant, scope.run, &self.progress.staged).await?;
        if shown != schools_last_read(store, scope.tenant, scope.connection).await? {
            let key = keys::schools(scope.tenant, scope.connection);
            large::replace(store, &key, &shown).await?;
        }
        Ok(())
    }

    /// Writes what is gathered.
    async fn flush(&mut self, store: &impl Store) -> Result<(), Error> {
        if !self.stage.is_empty() {
            let staged = &mut self.progress.staged;
            let there = Parts {
                staged: staged.parts,
                issues: staged.issue_parts,
                schools: staged.school_parts,
            };
            let parts = self.stage.flush(store, there).await?;
            staged.parts = parts.staged;
            staged.issue_parts = parts.issues;
            staged.school_parts = parts.schools;
        }
        Ok(())
    }

    /// Writes what is gathered, then the state that counts it.
    async fn save(&mut self, store: &impl Store) -> Result<(), Error> {
        self.flush(store).await?;
        let key = progress_key(self.scope.tenant, self.scope.run);
        Ok(record::write(store, &key, &self.progress).await?)
    }
}

/// A fetch's error as the history shows it.
pub(crate) fn to_failure(error: &FetchError) -> Failure {
    let code = match error {
        FetchError::AnswerTooLarge { .. } => "answer_too_large",
        FetchError::Blocked => "host_not_allowed",
        FetchError::DistrictNotShared => "district_not_shared",
        FetchError::EmptyDirectory => "empty_directory",
        FetchError::Endless { .. } => "endless_list",
        FetchError::GaveUp { .. } => "provider_unavailable",
        FetchError::GroupMissing { .. } => "group_missing",
        FetchError::Looped { .. } => "list_looped",
        FetchError::NobodyListed => "nobody_listed",
        FetchError::NothingToRead => "no_mappings",
        FetchError::Refused { .. } => "provider_refused",
        FetchError::ShortOfTotal { .. } => "list_short",
        FetchError::TooSlow { .. } => "too_slow",
        FetchError::Unauthorized => "unauthorized",
        FetchError::Unbuildable { .. } => "bad_configuration",
        FetchError::UnitMissing { .. } => "org_unit_missing",
        FetchError::Unsettled => "source_unsettled",
    };
    Failure {
        code: code.to_owned(),
        message: error.to_string(),
    }
}

pub(crate) fn to_transport_failure(error: TransportError) -> TransportFailure {
    match error {
        TransportError::BodyTooLarge { limit } => TransportFailure::BodyTooLarge { limit },
        TransportError::Denied => TransportFailure::Denied,
        TransportError::Encoding => TransportFailure::Encoding,
        TransportError::Failed => TransportFailure::Failed,
    }
}

/// What a run's fetch has staged, or `None` before it began.
pub async fn staged_snapshot(
    store: &impl Store,
    tenant: &TenantId,
    run: &RunId,
) -> Result<Option<StagedSnapshot>, Error> {
    Ok(record::read(store, &progress_key(tenant, run)).await?)
}

/// The schools that a run was shown, in order of their ids.
pub async fn schools(
    store: &impl Store,
    tenant: &TenantId,
    run: &RunId,
) -> Result<Vec<School>, Error> {
    match staged_snapshot(store, tenant, run).await? {
        Some(snapshot) => schools_of(store, tenant, run, &snapshot).await,
        None => Ok(Vec::new()),
    }
}

/// The schools of a snapshot, in order of their ids; what was read later stands.
pub(crate) async fn schools_of(
    store: &impl Store,
    tenant: &TenantId,
    run: &RunId,
    snapshot: &StagedSnapshot,
) -> Result<Vec<School>, Error> {
    let mut schools: BTreeMap<ExternalId, School> = BTreeMap::new();
    for part in snapshot.first_school_part..snapshot.school_parts {
        let key = keys::staged_schools(tenant, run, part);
        let more: Vec<School> = record::read(store, &key).await?.unwrap_or_default();
        schools.extend(more.into_iter().map(|school| (school.id.clone(), school)));
    }
    Ok(schools.into_values().collect())
}

/// The schools that a connection showed when it was last read whole.
pub async fn schools_last_read(
    store: &impl Store,
    tenant: &TenantId,
    connection: &ConnectionId,
) -> Result<Vec<School>, Error> {
    let schools = large::read(store, &keys::schools(tenant, connection)).await?;
    Ok(schools.unwrap_or_default())
}

/// Removes what a fetch has staged, once its run is over.
pub(crate) async fn tidy(
    store: &impl Store,
    tenant: &TenantId,
    run: &RunId,
    staged: &StagedSnapshot,
) -> Result<(), Error> {
    let current = [staged.part_range()];
    for part in staged.dropped.iter().chain(&current).cloned().flatten() {
        let keys: Vec<String> = (0..BUCKETS)
            .map(|bucket| keys::staged(tenant, run, part, bucket))
            .collect();
        store.delete_many(&keys).await?;
    }
    let schools: Vec<String> = (0..staged.school_parts)
        .map(|part| keys::staged_schools(tenant, run, part))
        .collect();
    if !schools.is_empty() {
        store.delete_many(&schools).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_after_a_restart_lies_behind_everything_that_a_killed_flush_may_have_left() {
        let mut staged = StagedSnapshot {
            parts: 3,
            issue_parts: 2,
            school_parts: 1,
            ..StagedSnapshot::default()
        };
        staged.stats.records = 40;
        staged.stats.calls = 7;
        staged.restart();
        assert!(staged.first_part >= 3 + RESTART_GAP);
        assert!(staged.part_range().is_empty());
        assert_eq!((staged.first_issue_part, staged.first_school_part), (2, 1));
        assert_eq!((staged.stats.records, staged.stats.calls), (0, 7));
        // Nothing was staged in between: there is nothing to remove.
        staged.restart();
        assert_eq!(staged.dropped, vec![Range { start: 0, end: 3 }]);
        let text = serde_json::to_string(&staged).unwrap();
        let back: StagedSnapshot = serde_json::from_str(&text).unwrap();
        assert_eq!(back.part_range(), staged.part_range());
    }
}
