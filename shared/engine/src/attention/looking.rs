//! Looking at how things stand.

use super::cause::{Cause, Trouble};
use super::comparing::Observation;
use super::{Alerting, Attention, changes};
use crate::connections;
use crate::error::Error;
use crate::keys;
use crate::metrics::{self, Counter};
use crate::ports::{Clock, Store};
use crate::roster::commit;
use crate::runs::{self, Lane, Place, Run, RunState};
use crate::versioned::{self, ReplaceError, Versioned};
use mapping::ids::TenantId;
use std::collections::BTreeMap;
use std::time::Duration;

/// Most runs that one look reads. A tenant whose runs were not looked at for longer than that is
/// judged by the newest.
const RUNS_MAX: u64 = 50;

/// How often the record is written when others write it at the same moment.
pub(super) const ATTEMPTS_MAX: u32 = 5;

/// The pause between.
pub(super) const PAUSE: Duration = Duration::from_millis(20);

/// Looks at how a tenant stands; opens and closes causes and makes their alerts.
///
/// May be repeated, and done by several at once: of two who found the same one writes it.
pub async fn look<P: Store + Clock>(
    ports: &P,
    tenant: &TenantId,
    alerting: &Alerting,
) -> Result<Attention, Error> {
    let key = keys::attention(tenant);
    let mut attention = Attention::default();
    for _ in 0..ATTEMPTS_MAX {
        // Read first: what is noted from here on belongs to the next look.
        let seen = changes(ports, tenant).await?;
        let found: Versioned<Attention> = versioned::read(ports, &key).await?.unwrap_or_default();
        let now_ms = ports.now().as_millisecond();
        attention = found.value.clone();
        let mut counts = Vec::new();
        if seen != attention.seen {
            let observed = observe(ports, tenant, &attention, now_ms).await?;
            attention.compare(&observed);
            attention.seen = seen;
            counts.extend(observed.runs.iter().filter_map(counter));
        }
        attention.ask_for_alerts(!matches!(alerting, Alerting::Off), now_ms);
        if let Alerting::Unusable(error) = alerting {
            let expired = attention.expire(now_ms, &error.to_string());
            counts.extend((0..expired).map(|_| Counter::AlertGivenUp));
        }
        attention.due_ms = attention.outbox.due_ms();
        if attention == found.value {
            break;
        }
        if replace(ports, &key, found.version, &attention).await? {
            counts.extend(moved(&found.value, &attention));
            for counter in counts {
                metrics::count(ports, counter, 1).await?;
            }
            break;
        }
        ports.sleep(PAUSE).await;
    }
    Ok(attention)
}

/// As what a run that ended is counted.
fn counter(run: &Run) -> Option<Counter> {
    match run.state {
        RunState::Applied => Some(Counter::RunApplied),
        RunState::Failed => Some(Counter::RunFailed),
        RunState::Held | RunState::Discarded | RunState::Superseded => Some(Counter::RunHeld),
        RunState::Unchanged => Some(Counter::RunUnchanged),
        RunState::Applying
        | RunState::Confirming
        | RunState::Evaluating
        | RunState::Fetching
        | RunState::Planned
        | RunState::Scheduled
        | RunState::Settling => None,
    }
}

/// The causes that arose or were over between two looks.
fn moved(before: &Attention, after: &Attention) -> Vec<Counter> {
    let missing = |from: &Attention, of: &Attention, counter: Counter| {
        let gone = |cause: &&Cause| from.causes.iter().all(|other| other.id != cause.id);
        let count = of.causes.iter().filter(gone).count();
        vec![counter; count]
    };
    let mut moved = missing(before, after, Counter::CauseOpened);
    moved.extend(missing(after, before, Counter::CauseClosed));
    moved
}

/// Writes the record if it is still the version it was read as; whether it was.
pub(super) async fn replace(
    ports: &(impl Store + Clock),
    key: &str,
    version: u64,
    attention: &Attention,
) -> Result<bool, Error> {
    match versioned::claim_newest(ports, key, version).await {
        Ok(()) => {
            versioned::write(ports, key, version, attention).await?;
            Ok(true)
        }
        Err(ReplaceError::Changed) => Ok(false),
        Err(ReplaceError::Engine(error)) => Err(error),
    }
}

async fn observe(
    store: &impl Store,
    tenant: &TenantId,
    known: &Attention,
    now_ms: i64,
) -> Result<Observation, Error> {
    let (seen, ended) = ended(store, tenant, known).await?;
    let mut held = BTreeMap::new();
    for cause in &known.causes {
        if let Trouble::PlanHeld { run } = &cause.trouble
            && let Some(found) = runs::read(store, tenant, run).await?
        {
            held.insert(run.clone(), found);
        }
    }
    let connections = connections::list(store, tenant).await?;
    Ok(Observation {
        now_ms,
        connections: connections
            .into_iter()
            .map(|connection| (connection.id.clone(), connection))
            .collect(),
        runs: ended,
        seen,
        held,
        newest: commit::newest(store, tenant).await?.generation,
    })
}

/// The runs that ended since the look before, in order, and the place of the newest place looked at.
async fn ended(
    store: &impl Store,
    tenant: &TenantId,
    known: &Attention,
) -> Result<(Place, Vec<Run>), Error> {
    let next = runs::next_number(store, tenant, Lane::Run).await?;
    let active = runs::active(store, tenant, Lane::Run).await?;
    // What comes after the run that is under way is still to come. One that was approved is under
    // way once more.
    let active = active.filter(|active| !active.is_alone);
    let is_to_come = |place| active.is_some_and(|active| active.place <= place);
    let mut seen = Place {
        number: known.runs_seen,
        step: known.step_seen,
    };
    let skipped = next.saturating_sub(RUNS_MAX + 1);
    if seen.number < skipped {
        seen = Place {
            number: skipped,
            step: u32::MAX,
        };
    }
    let mut ended = Vec::new();
    let mut number = seen.number.max(1);
    while number < next {
        let first = match Lane::Run.run_id(number) {
            Ok(id) => runs::read(store, tenant, &id).await?,
            Err(_) => None,
        };
        let steps = first.as_ref().map_or(1, Run::steps);
        for step in 0..steps {
            let place = Place { number, step };
            if place <= seen {
                continue;
            }
            let run = match (step, Lane::Run.id_at(place)) {
                (0, _) => first.clone(),
                (_, Ok(id)) => runs::read(store, tenant, &id).await?,
                (_, Err(_)) => None,
            };
            match run {
                // The ones after it wait for it.
                Some(run) if !run.state.is_finished() => return Ok((seen, ended)),
                None if is_to_come(place) => return Ok((seen, ended)),
                run => ended.extend(run),
            }
            seen = place;
        }
        number += 1;
    }
    Ok((seen, ended))
}
