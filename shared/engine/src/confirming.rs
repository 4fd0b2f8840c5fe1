//! Confirming: asks the provider about everybody whom a listing did not show, one by one, before
//! anybody counts as gone. A listing by org unit comes from a search index that lags behind.

use crate::error::Error;
use crate::fetching::{to_failure, to_transport_failure};
use crate::keys;
use crate::planning::PlanProgress;
use crate::ports::Ports;
use crate::record;
use crate::settling::read_absent;
use crate::slices::SliceOutcome;
use connectors::fetch::{Connector, Poll, Presence};
use futures::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;
use mapping::ids::{ExternalId, RunId, TenantId};
use serde::{Deserialize, Serialize};
use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};

/// Most people who are asked about in one run. Whoever is left stays as they are, and a source
/// that lost so many is held as collapsed.
pub const PEOPLE_MAX: u64 = 5_000;

/// Longest pause, in milliseconds, that ends a slice instead of being waited out.
const PAUSE_MS_MAX: i64 = 2_000;

/// How far confirming is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct ConfirmProgress {
    next_bucket: u32,
    asked: u64,
}

/// Does a bounded part of confirming. `begin` makes the lookup of some people; `access` gives what
/// requests are made with, afresh when asked with `true`, or says how the slice ends without it.
pub async fn slice<P, C, A>(
    ports: &P,
    tenant: &TenantId,
    run: &RunId,
    begin: impl Fn(BTreeSet<ExternalId>) -> C,
    access: impl AsyncFn(bool) -> Result<A, SliceOutcome>,
    deadline: Timestamp,
) -> Result<SliceOutcome, Error>
where
    P: Ports,
    C: Connector<Batch = Option<(ExternalId, Presence)>, Complete = ()>,
    A: Borrow<C::Access>,
{
    let plan: PlanProgress = record::read(ports, &PlanProgress::key(tenant, run))
        .await?
        .unwrap_or_default();
    let key = keys::run_progress(tenant, run, "confirm");
    let mut progress: ConfirmProgress = record::read(ports, &key).await?.unwrap_or_default();
    let left: Vec<u32> = plan
        .absent
        .range(progress.next_bucket..)
        .map(|(bucket, _)| *bucket)
        .collect();
    for bucket in left {
        if ports.now() >= deadline {
            return Ok(SliceOutcome::More);
        }
        let absent = read_absent(ports, tenant, run, bucket).await?;
        let ids: BTreeSet<ExternalId> = absent.into_iter().map(|row| row.external_id).collect();
        if progress.asked + ids.len() as u64 > PEOPLE_MAX {
            return Ok(SliceOutcome::Done);
        }
        progress.asked += ids.len() as u64;
        let confirmed = match look_up(ports, begin(ids), &access).await {
            Ok(confirmed) => confirmed,
            Err(outcome) => return Ok(outcome),
        };
        record::write(ports, &keys::confirmed(tenant, run, bucket), &confirmed).await?;
        progress.next_bucket = bucket + 1;
        record::write(ports, &key, &progress).await?;
    }
    Ok(SliceOutcome::Done)
}

/// Asks about people until each is answered for, or says how the slice ends.
pub(crate) async fn look_up<P, C, A>(
    ports: &P,
    mut lookup: C,
    access: &impl AsyncFn(bool) -> Result<A, SliceOutcome>,
) -> Result<BTreeMap<ExternalId, Presence>, SliceOutcome>
where
    P: Ports,
    C: Connector<Batch = Option<(ExternalId, Presence)>, Complete = ()>,
    A: Borrow<C::Access>,
{
    let mut given = access(false).await?;
    let mut confirmed = BTreeMap::new();
    let mut under_way = FuturesUnordered::new();
    loop {
        match lookup.poll(ports.now(), given.borrow()) {
            Poll::Send {
                chain,
                request,
                body_bytes_max,
            } => {
                under_way.push(async move { (chain, ports.send(request, body_bytes_max).await) });
                continue;
            }
            Poll::NeedsToken => {
                given = access(true).await?;
                lookup.token_refreshed();
                continue;
            }
            Poll::Done(()) => return Ok(confirmed),
            Poll::Failed(error) => {
                return Err(SliceOutcome::Failed {
                    failure: to_failure(&error),
                });
            }
            Poll::WaitUntil(until) if under_way.is_empty() => {
                let wait_ms = until.as_millisecond() - ports.now().as_millisecond();
                if wait_ms > PAUSE_MS_MAX {
                    return Err(SliceOutcome::Wait {
                        until_ms: until.as_millisecond(),
                    });
                }
                let pause = u64::try_from(wait_ms).unwrap_or(0).max(1);
                ports.sleep(std::time::Duration::from_millis(pause)).await;
                continue;
            }
            Poll::Busy | Poll::WaitUntil(_) => {}
        }
        if let Some((chain, answer)) = under_way.next().await {
            let answer = answer
                .as_ref()
                .map_err(|error| to_transport_failure(*error));
            if let Some((id, presence)) = lookup.handle_response(chain, ports.now(), answer) {
                confirmed.insert(id, presence);
            }
        }
    }
}
