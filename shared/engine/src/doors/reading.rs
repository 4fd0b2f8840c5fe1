//! What the components that read a provider have in common: how a slice begins, what it does for a
//! provider whose people stand in lists and can be asked about by id, and how one person is found.

use crate::changing::{self, Asked, Place, Turn};
use crate::connections::{TestError, TokenFailure};
use crate::error::Error;
use crate::evaluation::internal;
use crate::explaining::{Person, Question};
use crate::fenced::Fenced;
use crate::fetching::{self, FetchProgress, FetchScope};
use crate::ports::{Clock, Ports};
use crate::record;
use crate::roster::Reader;
use crate::runs::{self, Failure, Run, Work};
use crate::slices::{SliceOutcome, SliceRequest, Task};
use crate::{confirming, looking};
use connectors::fetch::{Batch, ById, CompleteRead, Connector, Presence, Whom};
use jiff::{SignedDuration, Timestamp};
use mapping::ids::{ConnectionId, ExternalId};
use serde::{Serialize, de::DeserializeOwned};
use std::borrow::Borrow;
use std::collections::BTreeSet;

/// How long to wait, in milliseconds, when no access can be had for a passing reason.
const ACCESS_PAUSE_MS: i64 = 5_000;

/// A slice that can begin.
pub(super) struct Reading {
    /// The run.
    pub(super) run: Run,
    /// What it reads.
    pub(super) connection: ConnectionId,
    /// When the slice has to be over.
    pub(super) deadline: Timestamp,
}

/// Finds what a slice is about, or says how it ends without it.
pub(super) async fn begin<P: Ports>(
    ports: &P,
    asked: &SliceRequest,
) -> Result<Result<Reading, SliceOutcome>, Error> {
    let deadline = ports.now() + SignedDuration::from_millis(asked.budget_ms);
    let Some(run) = runs::read(ports, &asked.tenant, &asked.run).await? else {
        return Ok(Err(failed("there is no such run")));
    };
    let Some(connection) = run.connection.clone() else {
        return Ok(Err(failed("the run has no connection")));
    };
    Ok(Ok(Reading {
        run,
        connection,
        deadline,
    }))
}

/// A slice that should not have been asked for.
pub(super) fn failed(what: &str) -> SliceOutcome {
    let failure = internal(what);
    SliceOutcome::Failed { failure }
}

/// How a slice ends for which no access can be had.
pub(super) fn without_access(clock: &impl Clock, failure: &TokenFailure) -> SliceOutcome {
    let code = match failure {
        TokenFailure::Provider(_) | TokenFailure::Engine(_) => {
            let until_ms = clock.now().as_millisecond() + ACCESS_PAUSE_MS;
            return SliceOutcome::Wait { until_ms };
        }
        TokenFailure::Blocked(_) => "host_not_allowed",
        TokenFailure::NotAuthorized(_) => "not_authorized",
        TokenFailure::Operator(_) => "operator_action_needed",
        TokenFailure::Policy(_) => "policy_enforced",
        TokenFailure::ReconnectNeeded { .. } => "reconnect_needed",
        TokenFailure::Seal(_) => "tokens_unreadable",
    };
    SliceOutcome::Failed {
        failure: Failure {
            code: code.to_owned(),
            message: format!("{failure}; nothing was changed"),
        },
    }
}

/// Reads, looks at or asks about people of a provider that has lists and can be asked by id.
/// `begin` makes the whole read, `look_up` the lookup of some people; `access` is as in
/// [`fetching::slice`]; `place` tells from where on everything is news to a whole read.
pub(super) async fn slice<P, F, L, A>(
    ports: &P,
    asked: &SliceRequest,
    reading: &Reading,
    begin: impl FnOnce() -> F,
    look_up: impl Fn(BTreeSet<ExternalId>) -> L,
    place: impl Fn(&F, &CompleteRead) -> Option<Place>,
    access: impl AsyncFn(bool) -> Result<A, SliceOutcome>,
) -> Result<SliceOutcome, Error>
where
    P: Ports,
    F: Connector<Batch = Batch, Complete = CompleteRead> + Serialize + DeserializeOwned,
    L: Connector<Access = F::Access, Batch = Option<(ExternalId, Presence)>, Complete = ()>
        + Serialize
        + DeserializeOwned,
    A: Borrow<F::Access>,
{
    let fenced = Fenced::new(ports, &asked.tenant, asked.fence);
    let (run, deadline) = (&reading.run, reading.deadline);
    let scope = FetchScope {
        tenant: &asked.tenant,
        connection: &reading.connection,
        run: &run.id,
    };
    match (asked.task, run.work) {
        (Task::Fetch, Work::Full) => {
            let units = BTreeSet::new();
            let outcome = fetching::slice(&fenced, scope, units, begin, access, deadline).await?;
            if outcome == SliceOutcome::Done {
                let key = fetching::progress_key(scope.tenant, scope.run);
                let read: Option<FetchProgress<F>> = record::read(&fenced, &key).await?;
                let place = read.and_then(|read| {
                    let complete = read.staged.complete?;
                    place(&read.connector, &complete)
                });
                if let Some(place) = place {
                    changing::note_place(&fenced, scope.tenant, scope.run, &place).await?;
                }
            }
            Ok(outcome)
        }
        (Task::Fetch, Work::Look) => {
            let begin = async || {
                // Nobody can be asked for by address here: who is in the roster is known by id.
                let people = looking::people(ports, scope, run.parent).await?;
                let ids = people.into_iter().filter_map(|whom| match whom {
                    Whom::Email(_) => None,
                    Whom::Id(id) => Some(id),
                });
                Ok(ById(look_up(ids.collect())))
            };
            looking::slice(&fenced, scope, BTreeSet::new(), begin, access, deadline).await
        }
        (Task::Confirm, _) => {
            confirming::slice(&fenced, scope.tenant, scope.run, look_up, access, deadline).await
        }
        (Task::Draft | Task::Evaluate | Task::Settle, _) => {
            Ok(failed("this component evaluates nothing"))
        }
    }
}

/// One person for a question: the one whom the roster has under the address, asked about by id.
pub(super) async fn person<P, L, A>(
    ports: &P,
    question: &Question,
    look_up: impl Fn(BTreeSet<ExternalId>) -> L,
    access: impl AsyncFn(bool) -> Result<A, TokenFailure>,
) -> Result<Person, Error>
where
    P: Ports,
    L: Connector<Batch = Option<(ExternalId, Presence)>, Complete = ()>,
    A: Borrow<L::Access>,
{
    let reader = Reader::open(ports, &question.tenant).await?;
    let account = reader
        .account_by_address(ports, question.email.as_str())
        .await?;
    let mut sources = account.into_iter().flat_map(|account| account.sources);
    let source = sources.find(|source| source.connection == question.connection);
    let Some(source) = source else {
        let reason = "the provider can't be asked for a person by address, and the roster has \
                      nobody of this connection with it";
        return Ok(Person::Unavailable {
            reason: reason.to_owned(),
        });
    };
    let ids = BTreeSet::from([source.external_id.clone()]);
    let unavailable = |reason: String| Person::Unavailable { reason };
    let access = async |fresh: bool| {
        let given = access(fresh).await;
        given.map_err(|failure| {
            let failure = internal(&failure.to_string());
            SliceOutcome::Failed { failure }
        })
    };
    Ok(
        match confirming::look_up(ports, look_up(ids), &access).await {
            Ok(mut found) => match found.remove(&source.external_id) {
                Some(Presence::Present(record)) => Person::Record { record },
                Some(Presence::Deleted) => Person::Nobody,
                None => unavailable("the provider does not say who that is".to_owned()),
            },
            Err(SliceOutcome::Failed { failure }) => unavailable(failure.message),
            Err(SliceOutcome::Done | SliceOutcome::More | SliceOutcome::Wait { .. }) => {
                unavailable("the provider asks to wait: try again later".to_owned())
            }
        },
    )
}

/// Keeps what asking for changes came to. A provider that does not answer is asked again later: at
/// night everybody is read anyway.
pub(super) async fn take_changes<P: Ports>(
    ports: &P,
    turn: &Turn,
    people: &BTreeSet<ExternalId>,
    asked: Result<Asked, TestError>,
) -> Result<(), Error> {
    match asked {
        Ok(asked) => changing::take(ports, turn, people, &asked).await,
        Err(_) => changing::fail(ports, turn).await,
    }
}
