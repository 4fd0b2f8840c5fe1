//! What a turn does: opens channels that are missing, renews those that are half over, closes the
//! others.

use super::{Channel, Door, PushState, PushStatus, Turn, Watch, forget_doors, read, write};
use crate::connections::TokenFailure;
use crate::error::Error;
use crate::keys;
use crate::ports::{Ports, Random, Store};
use crate::record;
use crate::secrets;
use connectors::google::channels::{
    CHANNEL_BYTES_MAX, ChannelError, Event, Granted, LIFE_MAX, NewChannel, read_granted,
    read_stopped,
};
use connectors::google::directory::Directory;
use mapping::ids::{ConnectionId, TenantId};
use std::collections::BTreeSet;

/// How soon a channel is renewed at the earliest, in milliseconds, however short its life is.
const RENEWAL_PAUSE_MS_MIN: i64 = 5 * 60_000;

/// The first pause after a failure that may pass, in milliseconds; the next is twice as long.
const FAILURE_PAUSE_MS: i64 = 60_000;

/// The longest pause after a failure that may pass, in milliseconds.
const FAILURE_PAUSE_MS_MAX: i64 = 60 * 60_000;

/// The pause after a refusal, in milliseconds.
const REFUSAL_PAUSE_MS: i64 = 24 * 60 * 60_000;

/// Why no channel was opened.
enum Failure {
    /// It may pass.
    Passing(String),
    /// It will not pass by itself.
    Refused(String),
    /// The authorisation is gone.
    Unauthorized,
}

impl From<ChannelError> for Failure {
    fn from(error: ChannelError) -> Self {
        if error.is_passing() {
            Failure::Passing(error.to_string())
        } else {
            Failure::Refused(error.to_string())
        }
    }
}

impl From<TokenFailure> for Failure {
    fn from(failure: TokenFailure) -> Self {
        match failure {
            TokenFailure::NotAuthorized(_) | TokenFailure::ReconnectNeeded { .. } => {
                Failure::Unauthorized
            }
            TokenFailure::Engine(_)
            | TokenFailure::Blocked(_)
            | TokenFailure::Operator(_)
            | TokenFailure::Policy(_)
            | TokenFailure::Provider(_)
            | TokenFailure::Seal(_) => Failure::Passing(failure.to_string()),
        }
    }
}

/// Does what is due for a tenant's channels. `address` is where pushes are to be sent; `token`
/// gives an access token, a fresh one when asked with `true`.
///
/// Only one turn of a tenant may be under way: call it under the tenant's lease.
pub async fn turn<P: Ports>(
    ports: &P,
    asked: &Turn,
    directory: &Directory,
    address: &str,
    token: impl AsyncFn(bool) -> Result<String, TokenFailure>,
) -> Result<(), Error> {
    let tenant = &asked.tenant;
    let Some(mut watch) = read(ports, tenant).await? else {
        return Ok(());
    };
    if !super::is_watched(ports, tenant, &watch.connection).await? {
        return forget(ports, tenant, &watch).await;
    }
    let google = Google {
        ports,
        directory,
        address,
        token,
    };
    watch.is_paused = asked.is_paused;
    if watch.is_paused {
        google.stop(&watch.channels).await;
        forget_doors(ports, &watch.channels).await?;
        watch.channels.clear();
        watch.push = PushStatus {
            reason: Some("the tenant is in a season without scheduled runs".to_owned()),
            ..PushStatus::default()
        };
        return write(ports, tenant, &watch).await;
    }
    let now_ms = ports.now().as_millisecond();
    let dead = watch
        .channels
        .extract_if(.., |channel| !channel.is_live(now_ms));
    let dead: Vec<Channel> = dead.collect();
    forget_doors(ports, &dead).await?;
    let fresh = watch
        .channels
        .iter()
        .filter(|channel| now_ms < channel.renew_at_ms());
    let fresh: BTreeSet<Event> = fresh.map(|channel| channel.event).collect();
    let missing = Event::ALL
        .into_iter()
        .filter(|event| !fresh.contains(event));
    let opened = google.open(tenant, &mut watch, missing.collect()).await?;
    if matches!(opened, Err(Failure::Unauthorized)) {
        return forget(ports, tenant, &watch).await;
    }
    let now_ms = ports.now().as_millisecond();
    let over = superseded(&mut watch.channels);
    google.stop(&over).await;
    forget_doors(ports, &over).await?;
    settle(&mut watch, opened.err(), now_ms);
    write(ports, tenant, &watch).await
}

/// Closes the channels of a connection whose authorisation is about to be given back. Whatever the
/// provider says, nothing that still comes through them is listened to.
pub async fn close<P: Ports>(
    ports: &P,
    (tenant, connection): (&TenantId, &ConnectionId),
    directory: &Directory,
    token: impl AsyncFn(bool) -> Result<String, TokenFailure>,
) -> Result<(), Error> {
    let watch = read(ports, tenant).await?;
    let Some(watch) = watch.filter(|watch| watch.connection == *connection) else {
        return Ok(());
    };
    let google = Google {
        ports,
        directory,
        address: "",
        token,
    };
    google.stop(&watch.channels).await;
    forget(ports, tenant, &watch).await
}

/// Forgets channels that can't be closed, or are closed.
async fn forget(store: &impl Store, tenant: &TenantId, watch: &Watch) -> Result<(), Error> {
    forget_doors(store, &watch.channels).await?;
    Ok(store.delete(&keys::watch(tenant)).await?)
}

/// Takes out the channels of which a newer one is open.
fn superseded(channels: &mut Vec<Channel>) -> Vec<Channel> {
    let newest = |event: Event, channels: &[Channel]| {
        let of_event = channels.iter().filter(|channel| channel.event == event);
        let newest = of_event.max_by_key(|channel| channel.opened_ms);
        newest.map(|channel| channel.id.clone())
    };
    let kept: BTreeSet<String> = Event::ALL
        .into_iter()
        .filter_map(|event| newest(event, channels))
        .collect();
    let over = channels.extract_if(.., |channel| !kept.contains(&channel.id));
    over.collect()
}

/// Says how things stand and when to look again.
fn settle(watch: &mut Watch, failure: Option<Failure>, now_ms: i64) {
    let until_ms = watch.channels.iter().map(|channel| channel.until_ms).min();
    let is_whole = watch.channels.len() >= Event::ALL.len();
    let (state, reason, pause_ms) = match failure {
        None => {
            watch.failures = 0;
            (PushState::On, None, None)
        }
        Some(Failure::Passing(reason)) => {
            let pause_ms = FAILURE_PAUSE_MS << watch.failures.min(6);
            watch.failures += 1;
            let pause_ms = pause_ms.min(FAILURE_PAUSE_MS_MAX);
            (PushState::Off, Some(reason), Some(pause_ms))
        }
        Some(Failure::Refused(reason)) => {
            watch.failures = 0;
            (PushState::Refused, Some(reason), Some(REFUSAL_PAUSE_MS))
        }
        Some(Failure::Unauthorized) => (PushState::Off, None, Some(REFUSAL_PAUSE_MS)),
    };
    let renewals = watch.channels.iter().map(Channel::renew_at_ms);
    watch.due_ms = match pause_ms {
        Some(pause_ms) => now_ms + pause_ms,
        None => renewals
            .min()
            .unwrap_or(now_ms)
            .max(now_ms + RENEWAL_PAUSE_MS_MIN),
    };
    watch.push = PushStatus {
        state: if is_whole { PushState::On } else { state },
        reason,
        until_ms: until_ms.filter(|_| is_whole),
    };
}

/// The provider, as a turn talks with it.
struct Google<'a, P, T> {
    ports: &'a P,
    directory: &'a Directory,
    address: &'a str,
    token: T,
}

impl<P: Ports, T: AsyncFn(bool) -> Result<String, TokenFailure>> Google<'_, P, T> {
    /// Opens a channel for each event. What is about to be opened is written first, so that our
    /// side of a channel is there before its first message, and is closed again should nobody
    /// learn whether it was opened.
    async fn open(
        &self,
        tenant: &TenantId,
        watch: &mut Watch,
        events: Vec<Event>,
    ) -> Result<Result<(), Failure>, Error> {
        if events.is_empty() {
            return Ok(Ok(()));
        }
        let mut access_token = match (self.token)(false).await {
            Ok(access_token) => access_token,
            Err(failure) => return Ok(Err(failure.into())),
        };
        let now_ms = self.ports.now().as_millisecond();
        let life_ms = i64::try_from(LIFE_MAX.as_millis()).unwrap_or(i64::MAX);
        let opening: Vec<(Channel, String)> = events
            .into_iter()
            .map(|event| {
                let channel = Channel {
                    id: random_uuid(self.ports),
                    event,
                    resource_id: None,
                    opened_ms: now_ms,
                    until_ms: now_ms + life_ms,
                };
                (channel, secrets::random_secret(self.ports, "push"))
            })
            .collect();
        let known = watch.channels.clone();
        let channels = opening.iter().map(|(channel, _)| channel.clone());
        watch.channels.extend(channels);
        let mut values = vec![(keys::watch(tenant), record::encode(watch))];
        for (channel, secret) in &opening {
            values.push(door(tenant, watch, channel, secret));
        }
        self.ports.set_many(&values).await?;
        watch.channels = known;
        let mut outcome = Ok(());
        let mut values = Vec::new();
        let mut unopened = Vec::new();
        for (mut channel, secret) in opening {
            if outcome.is_err() {
                // What was refused once would be refused again.
                unopened.push(channel);
                continue;
            }
            match self.open_one(&channel, &secret, &mut access_token).await {
                Ok(granted) => {
                    channel.resource_id = Some(granted.resource_id);
                    channel.until_ms = granted.until_ms;
                    values.push(door(tenant, watch, &channel, &secret));
                    watch.channels.push(channel);
                }
                Err(failure) => {
                    unopened.push(channel);
                    outcome = Err(failure);
                }
            }
        }
        if !values.is_empty() {
            self.ports.set_many(&values).await?;
        }
        forget_doors(self.ports, &unopened).await?;
        Ok(outcome)
    }

    async fn open_one(
        &self,
        channel: &Channel,
        secret: &str,
        access_token: &mut String,
    ) -> Result<Granted, Failure> {
        let asked = NewChannel {
            id: &channel.id,
            token: secret,
            address: self.address,
            event: channel.event,
        };
        let first = self.ask(asked, access_token).await?;
        match first {
            Err(error) if error.is_stale_token() => {
                *access_token = (self.token)(true).await?;
                Ok(self.ask(asked, access_token).await??)
            }
            answer => Ok(answer?),
        }
    }

    async fn ask(
        &self,
        asked: NewChannel<'_>,
        access_token: &str,
    ) -> Result<Result<Granted, ChannelError>, Failure> {
        let request = self.directory.watch(asked, access_token);
        let request = request.map_err(|error| Failure::Refused(error.to_string()))?;
        let answer = self.ports.send(request, CHANNEL_BYTES_MAX).await;
        let answer = answer.map_err(|error| Failure::Passing(error.to_string()))?;
        let now_ms = self.ports.now().as_millisecond();
        Ok(read_granted(&answer, asked.id, now_ms))
    }

    /// Closes channels. One that can't be closed ends by itself within two days.
    async fn stop(&self, channels: &[Channel]) {
        let now_ms = self.ports.now().as_millisecond();
        let live: Vec<&Channel> = channels
            .iter()
            .filter(|channel| channel.is_live(now_ms))
            .collect();
        if live.is_empty() {
            return;
        }
        let Ok(mut access_token) = (self.token)(false).await else {
            return;
        };
        for channel in live {
            let resource_id = channel.resource_id.as_deref().unwrap_or_default();
            for is_retry in [false, true] {
                let request = self.directory.stop(&channel.id, resource_id, &access_token);
                let Ok(request) = request else { return };
                let Ok(answer) = self.ports.send(request, CHANNEL_BYTES_MAX).await else {
                    return;
                };
                match read_stopped(&answer) {
                    Err(error) if error.is_stale_token() && !is_retry => {
                        match (self.token)(true).await {
                            Ok(fresh) => access_token = fresh,
                            Err(_) => return,
                        }
                    }
                    Ok(()) | Err(_) => break,
                }
            }
        }
    }
}

/// Our side of a channel, as it is stored.
fn door(tenant: &TenantId, watch: &Watch, channel: &Channel, secret: &str) -> (String, Vec<u8>) {
    let door = Door {
        tenant: tenant.clone(),
        connection: watch.connection.clone(),
        token_digest: secrets::digest(secret),
        until_ms: channel.until_ms,
    };
    (keys::channel(&channel.id), record::encode(&door))
}

/// A random UUID (RFC 9562 section 5.4).
fn random_uuid(random: &impl Random) -> String {
    let mut bytes = [0_u8; 16];
    random.fill(&mut bytes);
    let [.., sixth, _, eighth, _, _, _, _, _, _, _] = &mut bytes;
    *sixth = (*sixth & 0x0f) | 0x40;
    *eighth = (*eighth & 0x3f) | 0x80;
    let digits = secrets::hex(&bytes);
    let mut uuid = String::with_capacity(36);
    for (place, digit) in digits.chars().enumerate() {
        if matches!(place, 8 | 12 | 16 | 20) {
            uuid.push('-');
        }
        uuid.push(digit);
    }
    uuid
}
