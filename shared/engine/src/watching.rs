//! Push channels: through which a provider says that something about somebody changed (SPEC
//! section 3, "on the fly").
//!
//! A tenant has at most one set of channels, for one connection whose provider tells of changes,
//! from its first full run on. Of several such connections it is the one that was read first; the
//! others are read at night, and take over when that one is in use no longer. Channels are renewed half-way through their life; the new ones are open before the
//! old ones are closed. Of a channel's token only the digest is kept. None of this is needed for
//! the roster to be right: without channels, changes arrive at night.

mod turn;

pub use turn::{close, turn};

use crate::connections;
use crate::error::Error;
use crate::keys;
use crate::ports::{Clock, Store};
use crate::record;
use crate::secrets;
use connectors::google::channels::{Event, Notice};
use mapping::ids::{ConnectionId, TenantId};
use serde::{Deserialize, Serialize};

/// Whether pushes come.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PushState {
    /// Not now: they are not asked for yet, or asking failed and is tried again soon.
    #[default]
    Off,
    /// They do.
    On,
    /// The provider does not want to; asked again each day.
    Refused,
}

/// What an administrator is told about pushes.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct PushStatus {
    /// Whether they come.
    pub state: PushState,
    /// Why not, or why they may end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Until when they come if nothing is renewed, in milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<i64>,
}

/// A channel at the provider.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Channel {
    id: String,
    event: Event,
    /// The provider's name of what is watched; absent while nobody knows whether it was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resource_id: Option<String>,
    opened_ms: i64,
    until_ms: i64,
}

impl Channel {
    fn is_live(&self, now_ms: i64) -> bool {
        self.resource_id.is_some() && now_ms < self.until_ms
    }

    /// When it is time for the next one.
    fn renew_at_ms(&self) -> i64 {
        self.opened_ms + (self.until_ms - self.opened_ms) / 2
    }
}

/// The channels of a tenant.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Watch {
    connection: ConnectionId,
    /// When something is to be done next, in milliseconds since the Unix epoch.
    due_ms: i64,
    #[serde(default)]
    channels: Vec<Channel>,
    /// How often in a row opening failed.
    #[serde(default)]
    failures: u32,
    /// True in a season in which nothing happens by itself.
    #[serde(default)]
    is_paused: bool,
    #[serde(default)]
    push: PushStatus,
}

/// What decides whether something is to be done: the part of [`Watch`] that the scheduler's
/// component reads, and how it begins.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Timetable {
    connection: ConnectionId,
    due_ms: i64,
    #[serde(default)]
    is_paused: bool,
}

/// The part of [`Watch`] that is shown.
#[derive(Clone, Debug, Deserialize)]
struct Shown {
    connection: ConnectionId,
    #[serde(default)]
    push: PushStatus,
}

/// Where a channel leads.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Door {
    tenant: TenantId,
    connection: ConnectionId,
    token_digest: String,
    until_ms: i64,
}

/// What has to be done for a tenant's channels.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// The tenant.
    pub tenant: TenantId,
    /// The connection that is watched.
    pub connection: ConnectionId,
    /// Whether nothing may happen by itself at present.
    pub is_paused: bool,
}

/// Notes that everybody of a connection was read: from now on pushes are of use. While channels of
/// another connection are there, nothing: their next turn finds it if that is not read any more.
pub async fn begin<P: Store + Clock>(
    ports: &P,
    tenant: &TenantId,
    connection: &ConnectionId,
) -> Result<(), Error> {
    let key = keys::watch(tenant);
    if ports.exists(&key).await? || !is_watched(ports, tenant, connection).await? {
        return Ok(());
    }
    let begun = Timetable {
        connection: connection.clone(),
        due_ms: ports.now().as_millisecond(),
        is_paused: false,
    };
    Ok(record::write(ports, &key, &begun).await?)
}

/// Whether a connection is in use and its provider tells of changes.
async fn is_watched(
    store: &impl Store,
    tenant: &TenantId,
    connection: &ConnectionId,
) -> Result<bool, Error> {
    let found = connections::read(store, tenant, connection).await?;
    Ok(found.is_some_and(|found| found.is_in_use() && found.provider.pushes()))
}

/// What has to be done now for a tenant's channels, if anything. One look at the store.
pub async fn due<P: Store + Clock>(
    ports: &P,
    tenant: &TenantId,
    is_paused: bool,
) -> Result<Option<Turn>, Error> {
    let now_ms = ports.now().as_millisecond();
    let due: Option<Timetable> = record::read(ports, &keys::watch(tenant)).await?;
    let due = due.filter(|due| {
        let is_time = !is_paused && due.due_ms <= now_ms;
        is_time || due.is_paused != is_paused
    });
    Ok(due.map(|due| Turn {
        tenant: tenant.clone(),
        connection: due.connection,
        is_paused,
    }))
}

/// What an administrator is told about the pushes of a connection; nothing before its first full
/// run.
pub async fn status(
    store: &impl Store,
    tenant: &TenantId,
    connection: &ConnectionId,
) -> Result<Option<PushStatus>, Error> {
    let shown: Option<Shown> = record::read(store, &keys::watch(tenant)).await?;
    let shown = shown.filter(|shown| shown.connection == *connection);
    Ok(shown.map(|shown| shown.push))
}

/// Why a push is not listened to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PushRefused {
    /// It does not carry the channel's token.
    Token,
    /// The channel is not known, or has ended, or its connection is not in use.
    UnknownChannel,
}

/// Whose people a push is about.
pub async fn admit<P: Store + Clock>(
    ports: &P,
    notice: &Notice<'_>,
) -> Result<Result<(TenantId, ConnectionId), PushRefused>, Error> {
    let door: Option<Door> = record::read(ports, &keys::channel(notice.channel)).await?;
    let now_ms = ports.now().as_millisecond();
    let Some(door) = door.filter(|door| now_ms < door.until_ms) else {
        return Ok(Err(PushRefused::UnknownChannel));
    };
    if !secrets::is_equal(&secrets::digest(notice.token), &door.token_digest) {
        return Ok(Err(PushRefused::Token));
    }
    let connection = connections::read(ports, &door.tenant, &door.connection).await?;
    if connection.is_some_and(|connection| connection.is_active()) {
        Ok(Ok((door.tenant, door.connection)))
    } else {
        Ok(Err(PushRefused::UnknownChannel))
    }
}

async fn read(store: &impl Store, tenant: &TenantId) -> Result<Option<Watch>, Error> {
    Ok(record::read(store, &keys::watch(tenant)).await?)
}

async fn write(store: &impl Store, tenant: &TenantId, watch: &Watch) -> Result<(), Error> {
    Ok(record::write(store, &keys::watch(tenant), watch).await?)
}

/// Closes our side of channels: what still comes through them is not listened to.
async fn forget_doors<'a>(
    store: &impl Store,
    channels: impl IntoIterator<Item = &'a Channel>,
) -> Result<(), Error> {
    let doors: Vec<String> = channels
        .into_iter()
        .map(|channel| keys::channel(&channel.id))
        .collect();
    if doors.is_empty() {
        return Ok(());
    }
    Ok(store.delete_many(&doors).await?)
}
