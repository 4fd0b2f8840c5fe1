//! Hints: people of a connection at whom somebody should look soon, because the provider said
//! that something about them changed or because an administrator asked (SPEC section 3, "on the
//! fly").
//!
//! A hint names a person and nothing else; what became of them is for the look to find out. Hints
//! are appended to a list of their connection. A look takes those after the place that looks have
//! come to, and that place moves only when the look is over: a look that is killed loses none.

use crate::error::Error;
use crate::keys;
use crate::log::Log;
use crate::ports::{Clock, Store};
use crate::record;
use crate::runs::{self, Lane, Run, RunState, Work};
use connectors::fetch::Whom;
use mapping::ids::{ConnectionId, RunId, TenantId};
use mapping::summary::Counts;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Most hints that one look takes; the rest is for the next one, which follows at once.
pub const HINTS_PER_LOOK_MAX: u64 = 500;

/// How many looks may fail on the same hints before they count as dealt with: the next night looks
/// at everybody.
pub const ATTEMPTS_MAX: u32 = 3;

/// How long, in milliseconds, a number that was given out may be without its hint before whoever
/// took it counts as dead. Longer than any request lives.
const HOLE_MS_MAX: i64 = 60_000;

/// How many keys are removed at once.
const REMOVED_AT_ONCE: usize = 128;

/// How far the looks of a connection have come.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct Looks {
    /// The last hint that was dealt with.
    done: u64,
    /// How many looks failed on the hints after it.
    #[serde(default)]
    attempts: u32,
    /// The first hint that was given a number and not written yet, and since when that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hole: Option<(u64, i64)>,
    /// The last look that was counted here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last: Option<RunId>,
    /// What looks have changed since everybody was read last.
    #[serde(default)]
    changed: Counts,
}

/// The hints that one look takes.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct Taken {
    /// The last of them.
    to: u64,
    /// Whether there were more.
    more: bool,
    people: BTreeSet<Whom>,
}

/// Adds a hint. A look has to be asked for afterwards, see [`runs::request_look`].
pub async fn add(
    store: &impl Store,
    tenant: &TenantId,
    connection: &ConnectionId,
    whom: &Whom,
) -> Result<(), Error> {
    log(tenant, connection).append(store, whom).await?;
    Ok(())
}

/// Whether there are hints that no look has dealt with.
pub async fn are_waiting(
    store: &impl Store,
    tenant: &TenantId,
    connection: &ConnectionId,
) -> Result<bool, Error> {
    let looks: Option<Looks> = record::read(store, &keys::looks(tenant, connection)).await?;
    let count = log(tenant, connection).count(store).await?;
    Ok(count > looks.unwrap_or_default().done)
}

/// Takes the hints for a look that begins; false when there are none. Taking them again after a
/// crash is harmless.
pub async fn take<P: Store + Clock>(
    ports: &P,
    tenant: &TenantId,
    connection: &ConnectionId,
    run: &RunId,
) -> Result<bool, Error> {
    let key = keys::looks(tenant, connection);
    let mut looks: Looks = record::read(ports, &key).await?.unwrap_or_default();
    let list = log(tenant, connection);
    let count = list.count(ports).await?;
    let to = count.min(looks.done + HINTS_PER_LOOK_MAX);
    let now_ms = ports.now().as_millisecond();
    let mut taken = Taken {
        to,
        more: to < count,
        people: BTreeSet::new(),
    };
    let known_hole = looks.hole.take();
    for number in looks.done + 1..=to {
        let hint: Option<Whom> = record::read(ports, &list.entry_key(number)).await?;
        match hint {
            Some(whom) => {
                taken.people.insert(whom);
            }
            // Whoever took the number may still be about to write: the place stays before it, and
            // what comes after is looked at once more.
            None if looks.hole.is_none() => {
                let since_ms = known_hole
                    .filter(|(known, _)| *known == number)
                    .map_or(now_ms, |(_, since_ms)| since_ms);
                if now_ms - since_ms <= HOLE_MS_MAX {
                    looks.hole = Some((number, since_ms));
                    taken.to = number - 1;
                }
            }
            None => {}
        }
    }
    if looks.hole != known_hole {
        record::write(ports, &key, &looks).await?;
    }
    record::write(ports, &taken_key(tenant, run), &taken).await?;
    Ok(!taken.people.is_empty())
}

/// The people whom a look is about.
pub async fn taken(
    store: &impl Store,
    tenant: &TenantId,
    run: &RunId,
) -> Result<BTreeSet<Whom>, Error> {
    let taken: Option<Taken> = record::read(store, &taken_key(tenant, run)).await?;
    Ok(taken.unwrap_or_default().people)
}

/// What looks have changed since everybody was read last. A guard that saw each look alone would
/// let a district go in small pieces.
pub async fn changed(
    store: &impl Store,
    tenant: &TenantId,
    connection: &ConnectionId,
) -> Result<Counts, Error> {
    let looks: Option<Looks> = record::read(store, &keys::looks(tenant, connection)).await?;
    Ok(looks.unwrap_or_default().changed)
}

/// Accounts for a run that is over. May be done again; only the holder of the tenant's lease may
/// call this.
pub async fn account<P: Store + Clock>(
    ports: &P,
    tenant: &TenantId,
    run: &Run,
) -> Result<(), Error> {
    let Some(connection) = run.connection.as_ref().filter(|_| run.lane == Lane::Run) else {
        return Ok(());
    };
    match run.work {
        Work::Look => account_look(ports, tenant, connection, run).await,
        Work::Full if matches!(run.state, RunState::Applied | RunState::Unchanged) => {
            let key = keys::looks(tenant, connection);
            let looks: Option<Looks> = record::read(ports, &key).await?;
            if let Some(mut looks) = looks.filter(|looks| looks.changed != Counts::default()) {
                looks.changed = Counts::default();
                record::write(ports, &key, &looks).await?;
            }
            Ok(())
        }
        Work::Full => Ok(()),
    }
}

async fn account_look<P: Store + Clock>(
    ports: &P,
    tenant: &TenantId,
    connection: &ConnectionId,
    run: &Run,
) -> Result<(), Error> {
    let taken_key = taken_key(tenant, &run.id);
    // A look that was accounted for, then approved: an administrator looked at what it does.
    let Some(taken) = record::read::<Taken>(ports, &taken_key).await? else {
        return Ok(());
    };
    let key = keys::looks(tenant, connection);
    let mut looks: Looks = record::read(ports, &key).await?.unwrap_or_default();
    if looks.last.as_ref() != Some(&run.id) {
        let is_failed = run.state == RunState::Failed;
        let is_retried = is_failed && looks.attempts + 1 < ATTEMPTS_MAX;
        if is_retried || taken.more {
            runs::request_look(ports, tenant, run.trigger.clone()).await?;
        }
        if is_retried {
            looks.attempts += 1;
        } else {
            remove(ports, tenant, connection, looks.done, taken.to).await?;
            looks.done = looks.done.max(taken.to);
            looks.attempts = 0;
        }
        if run.state == RunState::Applied {
            looks.changed.merge(&run.counts);
        }
        looks.last = Some(run.id.clone());
        record::write(ports, &key, &looks).await?;
    }
    Ok(ports.delete(&taken_key).await?)
}

async fn remove(
    store: &impl Store,
    tenant: &TenantId,
    connection: &ConnectionId,
    after: u64,
    to: u64,
) -> Result<(), Error> {
    let list = log(tenant, connection);
    let gone: Vec<String> = (after + 1..=to)
        .map(|number| list.entry_key(number))
        .collect();
    for keys in gone.chunks(REMOVED_AT_ONCE) {
        store.delete_many(keys).await?;
    }
    Ok(())
}

fn log(tenant: &TenantId, connection: &ConnectionId) -> Log {
    Log::new(keys::hints(tenant, connection))
}

fn taken_key(tenant: &TenantId, run: &RunId) -> String {
    keys::run_progress(tenant, run, "hints")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{MemoryPorts, block_on};
    use mapping::ids::ExternalId;
    use std::time::Duration;

    fn whom(number: u64) -> Whom {
        Whom::Id(ExternalId::parse(number.to_string()).unwrap())
    }

    fn at() -> (TenantId, ConnectionId) {
        let tenant = TenantId::parse("maple-grove").unwrap();
        (tenant, ConnectionId::parse("google").unwrap())
    }

    fn run(number: u64) -> RunId {
        Lane::Run.run_id(number).unwrap()
    }

    #[test]
    fn a_hint_whose_writer_is_slow_is_waited_for_and_a_dead_writer_is_not() {
        let ports = MemoryPorts::new();
        let (tenant, connection) = at();
        block_on(async {
            add(&ports, &tenant, &connection, &whom(1)).await.unwrap();
            // Number 2 is taken and not written; number 3 comes after.
            let list = log(&tenant, &connection);
            let counter = format!("{}/count", keys::hints(&tenant, &connection));
            ports.increment(&counter, 1).await.unwrap();
            add(&ports, &tenant, &connection, &whom(3)).await.unwrap();
            let place = async |number| {
                take(&ports, &tenant, &connection, &run(number))
                    .await
                    .unwrap();
                let key = taken_key(&tenant, &run(number));
                let taken: Taken = record::read(&ports, &key).await.unwrap().unwrap();
                (taken.to, taken.people.len())
            };
            assert_eq!(place(1).await, (1, 2));
            ports.advance(Duration::from_secs(30));
            assert_eq!(place(2).await, (1, 2));
            record::write(&ports, &list.entry_key(2), &whom(2))
                .await
                .unwrap();
            assert_eq!(place(3).await, (3, 3));
            ports.delete(&list.entry_key(2)).await.unwrap();
            assert_eq!(place(4).await, (1, 2));
            ports.advance(Duration::from_secs(61));
            assert_eq!(place(5).await, (3, 2));
        });
    }

    #[test]
    fn a_look_takes_so_many_hints_and_says_that_there_are_more() {
        let ports = MemoryPorts::new();
        let (tenant, connection) = at();
        block_on(async {
            for number in 0..HINTS_PER_LOOK_MAX + 3 {
                add(&ports, &tenant, &connection, &whom(number))
                    .await
                    .unwrap();
            }
            assert!(take(&ports, &tenant, &connection, &run(1)).await.unwrap());
            let people = taken(&ports, &tenant, &run(1)).await.unwrap();
            assert_eq!(people.len() as u64, HINTS_PER_LOOK_MAX);
            let key = taken_key(&tenant, &run(1));
            let taken: Taken = record::read(&ports, &key).await.unwrap().unwrap();
            assert!(taken.more);
        });
    }
}
