//! Drives a connector: sends what it asks for, stages what comes back, and stops in time.
//!
//! Works with any [`Connector`]; which provider it is shows only in how the state is begun.

use crate::error::Error;
use crate::keys;
use crate::ports::{Clock, Ports, Store, TransportError};
use crate::record;
use crate::runs::{Failure, FetchStats};
use crate::slices::SliceOutcome;
use crate::staging::Stage;
use connectors::fetch::{Batch, CompleteRead, Connector, FetchError, Poll, TransportFailure};
use futures::stream::{FuturesUnordered, StreamExt};
use jiff::{SignedDuration, Timestamp};
use mapping::ids::{ConnectionId, RunId, TenantId};
use mapping::source::Group;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Longest pause, in milliseconds, that is waited out inside a slice; a longer one ends it.
const PAUSE_MS_MAX: i64 = 2_000;

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

/// What a fetch has staged.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct StagedSnapshot {
    /// How many parts the snapshot has.
    pub parts: u32,
    /// How many parts the issues have.
    pub issue_parts: u32,
    /// Groups of everybody.
    pub everyone: BTreeSet<Group>,
    /// Paths, as they are now, of the org units that the rules know by id.
    pub unit_paths: BTreeMap<String, String>,
    /// What was asked and given.
    pub stats: FetchStats,
    /// The proof that the snapshot is complete; without it nobody may be considered absent.
    pub complete: Option<CompleteRead>,
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
                        self.progress.staged.complete = Some(complete);
                        self.save(ports).await?;
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

    /// Writes what is gathered, then the state that counts it.
    async fn save(&mut self, store: &impl Store) -> Result<(), Error> {
        if !self.stage.is_empty() {
            let staged = &mut self.progress.staged;
            let issue_parts = self
                .stage
                .flush(store, staged.parts, staged.issue_parts)
                .await?;
            staged.parts += 1;
            staged.issue_parts += issue_parts;
        }
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
