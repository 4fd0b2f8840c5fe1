//! Short conversations with a provider within one request, and what a connection test changes.

use super::{
    Authorization, Change, Connection, ConnectionError, Provider, State, TestError, TestReport,
    TokenFailure, modify,
};
use crate::audit::{Action, Actor};
use crate::fetching::to_transport_failure;
use crate::ports::{Clock, Store, Transport};
use connectors::fetch::{Connector, Poll};
use jiff::SignedDuration;
use mapping::ids::TenantId;
use std::borrow::Borrow;
use std::collections::BTreeSet;

/// Longest time that a whole conversation may take: within what every host allows a request.
const TIME_MAX: SignedDuration = SignedDuration::from_secs(15);

/// Has a conversation to its end. `access` gives what requests are made with, afresh when asked
/// with `true`.
pub(crate) async fn converse<C, A>(
    ports: &(impl Clock + Transport),
    conversation: &mut C,
    access: impl AsyncFn(bool) -> Result<A, TokenFailure>,
) -> Result<C::Complete, TestError>
where
    C: Connector<Batch = ()>,
    A: Borrow<C::Access>,
{
    converse_and_take(ports, conversation, access, |()| {}).await
}

/// The same, with what each answer yields.
pub(crate) async fn converse_and_take<C, A>(
    ports: &(impl Clock + Transport),
    conversation: &mut C,
    access: impl AsyncFn(bool) -> Result<A, TokenFailure>,
    mut take: impl FnMut(C::Batch),
) -> Result<C::Complete, TestError>
where
    C: Connector,
    A: Borrow<C::Access>,
{
    let late = || TestError::Provider("the provider takes too long: try again later".to_owned());
    let deadline = ports.now().checked_add(TIME_MAX).map_err(|_| late())?;
    let mut given = access(false).await?;
    loop {
        if ports.now() > deadline {
            return Err(late());
        }
        match conversation.poll(ports.now(), given.borrow()) {
            Poll::Done(complete) => return Ok(complete),
            Poll::Failed(error) => return Err(TestError::Provider(error.to_string())),
            Poll::NeedsToken => {
                given = access(true).await?;
                conversation.token_refreshed();
            }
            Poll::Send {
                chain,
                request,
                body_bytes_max,
            } => {
                let answer = ports.send(request, body_bytes_max).await;
                let answer = answer
                    .as_ref()
                    .map_err(|error| to_transport_failure(*error));
                take(conversation.handle_response(chain, ports.now(), answer));
            }
            Poll::WaitUntil(until) if until <= deadline => {
                let pause = until.duration_since(ports.now());
                ports.sleep(pause.try_into().unwrap_or_default()).await;
            }
            // Nothing is ever under way here when the conversation is polled.
            Poll::WaitUntil(_) | Poll::Busy => return Err(late()),
        }
    }
}

/// Refuses to test a connection whose unsaved edits lead elsewhere: what was tested would not be
/// what is put to use.
pub(crate) fn check_testable(connection: &Connection) -> Result<(), ConnectionError> {
    let source = &connection.settings.source;
    let draft = connection.draft.as_ref();
    if draft.is_some_and(|draft| draft.source.leads_elsewhere(source)) {
        let what = "there are unsaved changes of where the connection leads: save or discard them, \
                    then test";
        return Err(ConnectionError::State(what.to_owned()));
    }
    Ok(())
}

/// Keeps a test's report. Where nobody consents in a browser, a test that passes is what puts a
/// connection at the disposal of its administrator.
pub(crate) async fn conclude(
    ports: &(impl Store + Clock),
    who: &Actor,
    (tenant, tested): (&TenantId, &Connection),
    report: TestReport,
) -> Result<Connection, ConnectionError> {
    let what = (who, Action::ConnectionTested);
    modify(ports, tenant, &tested.id, what, |connection| {
        let source = &connection.settings.source;
        if source.leads_elsewhere(&tested.settings.source) {
            return Err(ConnectionError::Changed);
        }
        connection.last_test = Some(report.clone());
        if !report.passed || connection.provider == Provider::Google {
            return Ok(Change::Write);
        }
        connection.state = match connection.state {
            State::Active | State::ReconnectNeeded => State::Active,
            State::Authorized | State::Draft | State::Revoked => State::Authorized,
        };
        connection.attention = None;
        connection.authorization = Some(Authorization {
            at_ms: report.at_ms,
            scopes: BTreeSet::new(),
        });
        Ok(Change::Write)
    })
    .await
}
