//! Asking who changed between nights, where a provider tells when it is asked (SPEC sections 4 and
//! 5). Google tells by itself, see [`crate::watching`].
//!
//! A full run that was applied leaves the place from which everything is news: an event, or a time.
//! From then on the provider is asked every few minutes what came after it. Whoever it names is
//! hinted at and looked at like anybody else. Where it can't say, changes arrive at night; where it
//! lost the thread, everything is read anew.

use crate::connections;
use crate::error::Error;
use crate::hints;
use crate::keys;
use crate::ports::{Clock, Store};
use crate::record;
use crate::runs::{self, Lane, Run, RunState, Trigger, TriggerKind, Work};
use connectors::fetch::Whom;
use mapping::ids::{ConnectionId, ExternalId, RunId, TenantId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How often a provider is asked, in milliseconds.
const EVERY_MS: i64 = 300_000;

/// The longest pause after failures, in milliseconds.
const PAUSE_MS_MAX: i64 = 3_600_000;

/// How long, in milliseconds, somebody who was named is not looked at again where the same people
/// are named again and again.
const AGAIN_AFTER_MS: i64 = 3_600_000;

/// Most people who are looked at one by one; of more a whole read is quicker.
const PEOPLE_MAX: usize = 2_000;

/// From where on everything is news.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Among events, as the connector writes the place.
    Event(String),
    /// After this time, in milliseconds since the Unix epoch. A provider that tells by time names
    /// people more than once.
    Since(i64),
}

/// How far the changes of a connection were followed.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Followed {
    place: Place,
    /// How often in a row asking failed.
    #[serde(default)]
    failures: u32,
    /// Who was named lately, and when, where people are named more than once.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    named: BTreeMap<ExternalId, i64>,
}

/// When something is to be asked, for each connection of a tenant.
type Timetable = BTreeMap<ConnectionId, i64>;

/// A request to ask who changed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// The tenant.
    pub tenant: TenantId,
    /// The connection.
    pub connection: ConnectionId,
}

/// How asking ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Asked {
    /// The thread is lost: everything has to be read anew.
    Lost,
    /// Only a whole read tells.
    Nightly,
    /// Everybody who changed up to this place was named.
    UpToDate(Place),
}

/// Notes the place from which everything is news to a run that has read everybody.
pub async fn note_place(
    store: &impl Store,
    tenant: &TenantId,
    run: &RunId,
    place: &Place,
) -> Result<(), Error> {
    Ok(record::write(store, &place_key(tenant, run), place).await?)
}

/// Goes on from the place of a run that is over. May be done again; only the holder of the tenant's
/// lease may call this.
pub async fn begin<P: Store + Clock>(ports: &P, tenant: &TenantId, run: &Run) -> Result<(), Error> {
    let Some(connection) = run.connection.as_ref() else {
        return Ok(());
    };
    // A held plan may still be approved.
    if run.work != Work::Full || run.state == RunState::Held {
        return Ok(());
    }
    let key = place_key(tenant, &run.id);
    let place: Option<Place> = record::read(ports, &key).await?;
    let is_read = matches!(run.state, RunState::Applied | RunState::Unchanged);
    // Without a place, an older one goes on being true.
    let Some(place) = place else {
        return Ok(());
    };
    if is_read && run.lane == Lane::Run {
        follow_from(ports, tenant, connection, place).await?;
    }
    Ok(ports.delete(&key).await?)
}

async fn follow_from<P: Store + Clock>(
    ports: &P,
    tenant: &TenantId,
    connection: &ConnectionId,
    place: Place,
) -> Result<(), Error> {
    let followed = Followed {
        place,
        failures: 0,
        named: BTreeMap::new(),
    };
    record::write(ports, &keys::changes_of(tenant, connection), &followed).await?;
    let due_ms = ports.now().as_millisecond().saturating_add(EVERY_MS);
    set_due(ports, tenant, connection, Some(due_ms)).await
}

/// Asks no more, until a full run is applied again.
async fn forget(
    store: &impl Store,
    tenant: &TenantId,
    connection: &ConnectionId,
) -> Result<(), Error> {
    set_due(store, tenant, connection, None).await?;
    let key = keys::changes_of(tenant, connection);
    if store.exists(&key).await? {
        store.delete(&key).await?;
    }
    Ok(())
}

async fn set_due(
    store: &impl Store,
    tenant: &TenantId,
    connection: &ConnectionId,
    due_ms: Option<i64>,
) -> Result<(), Error> {
    let key = keys::changes(tenant);
    let known: Option<Timetable> = record::read(store, &key).await?;
    let mut timetable = known.clone().unwrap_or_default();
    match due_ms {
        Some(due_ms) => drop(timetable.insert(connection.clone(), due_ms)),
        None => drop(timetable.remove(connection)),
    }
    if timetable != known.unwrap_or_default() {
        record::write(store, &key, &timetable).await?;
    }
    Ok(())
}

/// What has to be asked now for a tenant, if anything. One look at the store.
pub async fn due<P: Store + Clock>(
    ports: &P,
    tenant: &TenantId,
    is_paused: bool,
) -> Result<Option<Turn>, Error> {
    if is_paused {
        return Ok(None);
    }
    let now_ms = ports.now().as_millisecond();
    let timetable: Option<Timetable> = record::read(ports, &keys::changes(tenant)).await?;
    let mut due = timetable.into_iter().flatten();
    let due = due.find(|(_, due_ms)| *due_ms <= now_ms);
    Ok(due.map(|(connection, _)| Turn {
        tenant: tenant.clone(),
        connection,
    }))
}

/// From where on a connection has to be asked; `None` when it is not to be asked any more.
pub async fn place(store: &impl Store, turn: &Turn) -> Result<Option<Place>, Error> {
    let (tenant, id) = (&turn.tenant, &turn.connection);
    let connection = connections::read(store, tenant, id).await?;
    let key = keys::changes_of(tenant, id);
    let followed: Option<Followed> = record::read(store, &key).await?;
    if connection.is_some_and(|connection| connection.is_in_use())
        && let Some(followed) = followed
    {
        return Ok(Some(followed.place));
    }
    forget(store, tenant, id).await?;
    Ok(None)
}

/// Takes what was named, and goes on from where asking came to. Only one turn of a tenant may be
/// under way: call it under the tenant's lease.
pub async fn take<P: Store + Clock>(
    ports: &P,
    turn: &Turn,
    people: &BTreeSet<ExternalId>,
    asked: &Asked,
) -> Result<(), Error> {
    let (tenant, connection) = (&turn.tenant, &turn.connection);
    let key = keys::changes_of(tenant, connection);
    let Some(mut followed) = record::read::<Followed>(ports, &key).await? else {
        return Ok(());
    };
    let lost = &Asked::Lost;
    let asked = if people.len() > PEOPLE_MAX {
        lost
    } else {
        asked
    };
    let now_ms = ports.now().as_millisecond();
    let repeats = matches!(followed.place, Place::Since(_));
    followed
        .named
        .retain(|_, at_ms| now_ms.saturating_sub(*at_ms) < AGAIN_AFTER_MS);
    let mut is_anybody_new = false;
    for id in people.iter().filter(|_| asked != lost) {
        if repeats && followed.named.contains_key(id) {
            continue;
        }
        hints::add(ports, tenant, connection, &Whom::Id(id.clone())).await?;
        is_anybody_new = true;
        if repeats {
            followed.named.insert(id.clone(), now_ms);
        }
    }
    let trigger = Trigger {
        kind: TriggerKind::Push,
        by: "changes".to_owned(),
    };
    if is_anybody_new {
        runs::request_look(ports, tenant, trigger.clone()).await?;
    }
    match asked {
        Asked::UpToDate(place) => {
            followed.place = place.clone();
            followed.failures = 0;
            record::write(ports, &key, &followed).await?;
            let due_ms = now_ms.saturating_add(EVERY_MS);
            set_due(ports, tenant, connection, Some(due_ms)).await
        }
        Asked::Lost => {
            runs::request_in(ports, tenant, Lane::Run, trigger, Some(connection)).await?;
            forget(ports, tenant, connection).await
        }
        Asked::Nightly => forget(ports, tenant, connection).await,
    }
}

/// Notes that asking failed: it is tried again, after a longer pause each time.
pub async fn fail<P: Store + Clock>(ports: &P, turn: &Turn) -> Result<(), Error> {
    let (tenant, connection) = (&turn.tenant, &turn.connection);
    let key = keys::changes_of(tenant, connection);
    let Some(mut followed) = record::read::<Followed>(ports, &key).await? else {
        return Ok(());
    };
    followed.failures = followed.failures.saturating_add(1);
    record::write(ports, &key, &followed).await?;
    let pause_ms = (EVERY_MS << followed.failures.min(4)).min(PAUSE_MS_MAX);
    let due_ms = ports.now().as_millisecond().saturating_add(pause_ms);
    set_due(ports, tenant, connection, Some(due_ms)).await
}

fn place_key(tenant: &TenantId, run: &RunId) -> String {
    keys::run_progress(tenant, run, "place")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{MemoryPorts, block_on};
    use std::time::Duration;

    fn turn() -> Turn {
        Turn {
            tenant: TenantId::parse("maple-grove").unwrap(),
            connection: ConnectionId::parse("sis").unwrap(),
        }
    }

    async fn following(place: Place) -> MemoryPorts {
        let ports = MemoryPorts::new();
        let Turn { tenant, connection } = turn();
        follow_from(&ports, &tenant, &connection, place)
            .await
            .unwrap();
        ports.advance(Duration::from_mins(5));
        ports
    }

    async fn is_due(ports: &MemoryPorts, is_paused: bool) -> bool {
        due(ports, &turn().tenant, is_paused)
            .await
            .unwrap()
            .is_some()
    }

    #[test]
    fn nothing_is_asked_in_a_season_in_which_nothing_happens_by_itself() {
        block_on(async {
            let ports = following(Place::Since(0)).await;
            assert!(is_due(&ports, false).await);
            assert!(!is_due(&ports, true).await);
        });
    }

    #[test]
    fn after_each_failure_the_pause_is_longer_up_to_an_hour() {
        block_on(async {
            let ports = following(Place::Since(0)).await;
            for minutes in [10, 20, 40, 60, 60] {
                fail(&ports, &turn()).await.unwrap();
                ports.advance(Duration::from_mins(minutes - 1));
                assert!(!is_due(&ports, false).await, "{minutes}");
                ports.advance(Duration::from_mins(1));
                assert!(is_due(&ports, false).await, "{minutes}");
            }
        });
    }

    #[test]
    fn more_people_than_can_be_looked_at_lead_to_a_full_run_and_leave_no_hint() {
        block_on(async {
            let ports = following(Place::Event("e-1".to_owned())).await;
            let people = (0..=PEOPLE_MAX).map(|n| ExternalId::parse(format!("u-{n}")).unwrap());
            let asked = Asked::UpToDate(Place::Event("e-2".to_owned()));
            take(&ports, &turn(), &people.collect(), &asked)
                .await
                .unwrap();
            let Turn { tenant, connection } = turn();
            let hints = crate::hints::take(&ports, &tenant, &connection, &run()).await;
            assert!(!hints.unwrap());
            assert!(runs::has_work(&ports, &tenant, Lane::Run).await.unwrap());
            assert!(!is_due(&ports, false).await);
            ports.advance(Duration::from_hours(24));
            assert!(
                !is_due(&ports, false).await,
                "not before everybody was read"
            );
        });
    }

    fn run() -> RunId {
        Lane::Run.run_id(9).unwrap()
    }

    #[test]
    fn asking_a_connection_that_is_not_in_use_ends() {
        block_on(async {
            let ports = following(Place::Since(0)).await;
            assert_eq!(place(&ports, &turn()).await.unwrap(), None);
            assert!(!is_due(&ports, false).await);
            let Turn { tenant, connection } = turn();
            let key = keys::changes_of(&tenant, &connection);
            assert!(!ports.exists(&key).await.unwrap());
        });
    }
}
