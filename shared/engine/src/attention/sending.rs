//! Sending the alerts that wait to the operator's address, signed as our incoming webhook is
//! ([`crate::webhooks`]).
//!
//! At least once: an attempt is written down before it is made, so that nobody else makes it too,
//! and its end after. Whoever dies in between has it made again after the pause.

use super::Attention;
use super::looking::{ATTEMPTS_MAX, PAUSE, replace};
use super::outbox::Alert;
use crate::error::Error;
use crate::keys;
use crate::metrics::{self, Counter};
use crate::ports::{Clock, Store, Transport, TransportError};
use crate::settings::AlertSettings;
use crate::versioned::{self, Versioned};
use crate::webhooks::{SIGNATURE_HEADER, TIMESTAMP_HEADER, sign};
use bytes::Bytes;
use futures::future::{Either, select};
use http::header::CONTENT_TYPE;
use jiff::SignedDuration;
use mapping::ids::TenantId;
use serde::{Deserialize, Serialize};
use std::pin::pin;
use std::time::Duration;

/// How long a receiver may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(8);

/// For how long alerts of one tenant are sent in a row: together with the last one's answer within
/// what every host allows a request.
const SENDS_FOR: SignedDuration = SignedDuration::from_secs(8);

/// Longest answer read, in bytes. It is not looked at.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// What became of the alerts that were due.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Delivered {
    /// How many were received.
    pub sent: u32,
    /// How many were not.
    pub failed: u32,
}

/// Sends a tenant's alerts that are due, one after the other, until none is left, time is up, or
/// the receiver does not answer at all.
pub async fn deliver<P: Store + Clock + Transport>(
    ports: &P,
    tenant: &TenantId,
    settings: &AlertSettings,
) -> Result<Delivered, Error> {
    let deadline = ports.now() + SENDS_FOR;
    let mut delivered = Delivered::default();
    while ports.now() < deadline {
        let Some(alert) = begin(ports, tenant).await? else {
            break;
        };
        let outcome = send(ports, tenant, settings, &alert).await;
        let stays = outcome.is_err();
        let is_silent = matches!(outcome, Err(SendError::Silent | SendError::Transport(_)));
        if stays {
            delivered.failed += 1;
        } else {
            delivered.sent += 1;
        }
        finish(ports, tenant, &alert, outcome).await?;
        if is_silent {
            break;
        }
    }
    Ok(delivered)
}

/// Why an alert was not received.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
enum SendError {
    /// The address and `alert_host` do not go together.
    #[error(
        "the address for alerts may not be reached: set alert_host to the scheme and host of \
         alert_url"
    )]
    Denied,
    /// No answer within [`ANSWER_WITHIN`].
    #[error("the receiver did not answer within {} s", ANSWER_WITHIN.as_secs())]
    Silent,
    /// The receiver did not take it.
    #[error("the receiver answered {0}")]
    Status(u16),
    /// It could not be reached.
    #[error("the receiver could not be reached: {0}")]
    Transport(TransportError),
}

/// Takes the next alert that is due for this caller alone and notes the attempt.
async fn begin<P: Store + Clock>(ports: &P, tenant: &TenantId) -> Result<Option<Alert>, Error> {
    let mut taken = None;
    change(ports, tenant, |attention, now_ms| {
        taken = attention.outbox.due(now_ms).cloned();
        if let Some(alert) = &taken {
            attention.change_alert(alert, |alert| alert.begin(now_ms));
        }
    })
    .await
    .map(|written| taken.filter(|_| written))
}

/// Notes how an attempt ended.
async fn finish<P: Store + Clock>(
    ports: &P,
    tenant: &TenantId,
    alert: &Alert,
    outcome: Result<(), SendError>,
) -> Result<(), Error> {
    let problem = outcome.err().map(|error| error.to_string());
    let mut expired = 0;
    // Should others write again and again, the alert is sent a second time: it has its id.
    change(ports, tenant, |attention, now_ms| match &problem {
        None => attention.received(alert, now_ms),
        Some(problem) => {
            attention.change_alert(alert, |alert| alert.problem = Some(problem.clone()));
            expired = attention.expire(now_ms, problem);
        }
    })
    .await?;
    let counter = if problem.is_none() {
        Counter::AlertSent
    } else {
        Counter::AlertFailed
    };
    metrics::count(ports, counter, 1).await?;
    metrics::count(ports, Counter::AlertGivenUp, expired).await
}

/// Changes the record; whether that was written.
async fn change<P: Store + Clock>(
    ports: &P,
    tenant: &TenantId,
    mut change: impl FnMut(&mut Attention, i64),
) -> Result<bool, Error> {
    let key = keys::attention(tenant);
    for _ in 0..ATTEMPTS_MAX {
        let found: Option<Versioned<Attention>> = versioned::read(ports, &key).await?;
        let Some(found) = found else {
            return Ok(false);
        };
        let mut next = found.value.clone();
        change(&mut next, ports.now().as_millisecond());
        if next == found.value {
            return Ok(false);
        }
        if replace(ports, &key, found.version, &next).await? {
            return Ok(true);
        }
        ports.sleep(PAUSE).await;
    }
    Ok(false)
}

async fn send<P: Clock + Transport>(
    ports: &P,
    tenant: &TenantId,
    settings: &AlertSettings,
    alert: &Alert,
) -> Result<(), SendError> {
    let body = serde_json::to_vec(&alert.body(tenant)).unwrap_or_default();
    let timestamp = ports.now().as_second().to_string();
    let signature = sign(settings.secret.expose().as_bytes(), &timestamp, &body);
    let request = http::Request::post(&settings.url)
        .header(CONTENT_TYPE, "application/json")
        .header(TIMESTAMP_HEADER, timestamp)
        .header(SIGNATURE_HEADER, format!("v1={signature}"))
        .body(Bytes::from(body))
        .map_err(|_| SendError::Denied)?;
    let exchange = pin!(ports.send(request, ANSWER_BYTES_MAX));
    let timeout = pin!(ports.sleep(ANSWER_WITHIN));
    match select(exchange, timeout).await {
        Either::Left((Ok(answer), _)) if answer.status().is_success() => Ok(()),
        Either::Left((Ok(answer), _)) => Err(SendError::Status(answer.status().as_u16())),
        Either::Left((Err(TransportError::Denied), _)) => Err(SendError::Denied),
        Either::Left((Err(error), _)) => Err(SendError::Transport(error)),
        Either::Right(((), _)) => Err(SendError::Silent),
    }
}
