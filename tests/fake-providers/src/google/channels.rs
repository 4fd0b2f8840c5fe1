//! Push channels (PROVIDERS 2.8): opening and closing them, and what is sent through them.
//!
//! Deliveries are real requests to the address of the channel. As at Google the first message of a
//! channel is `sync`, message numbers have gaps, an answer of 500 to 504 is tried again with a
//! growing pause, and any other failure drops the message.

mod delivery;
mod open;

pub use delivery::Delivery;
pub(crate) use delivery::{Parcel, bring};
pub(crate) use open::{stop, watch};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use serde::Serialize;
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::directory::{Change, Changed, Directory, RoleChange};
use crate::lock::lock;

/// A channel.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Channel {
    /// The id that its owner chose.
    pub id: String,
    /// Sent with every message.
    pub token: Option<String>,
    /// Where messages go.
    pub address: String,
    /// `add`, `delete`, `makeAdmin`, `undelete` or `update`.
    pub event: String,
    /// The domain whose users are watched; none for the whole customer.
    pub domain: Option<String>,
    /// Google's name of what is watched.
    pub resource_id: String,
    /// The same as an address.
    pub resource_uri: String,
    /// Whether messages say whom they are about.
    pub payload: bool,
    /// When it ends, in milliseconds since 1970 on the fake's clock.
    pub until_ms: i64,
    /// Who opened it.
    pub owner: String,
    /// The number of the last message.
    number: u64,
}

/// What happens to pushes on their way.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum PushWeather {
    /// Each arrives once.
    #[default]
    Fair,
    /// None arrives.
    Lost,
    /// Each arrives twice.
    Twice,
}

#[derive(Debug, Default)]
struct Registry {
    open: BTreeMap<String, Channel>,
    used: BTreeSet<String>,
    deliveries: Vec<Delivery>,
    weather: PushWeather,
    /// Messages on their way.
    under_way: usize,
}

/// All channels, and what was sent through them.
#[derive(Debug)]
pub(crate) struct Channels {
    registry: Mutex<Registry>,
    parcels: UnboundedSender<Parcel>,
}

impl Channels {
    /// No channels, and the far end of the post.
    pub(crate) fn new() -> (Self, UnboundedReceiver<Parcel>) {
        let (parcels, post) = unbounded_channel();
        let channels = Self {
            registry: Mutex::default(),
            parcels,
        };
        (channels, post)
    }

    pub(crate) fn open_at(&self, now_ms: i64) -> Vec<Channel> {
        let registry = lock(&self.registry);
        let open = registry.open.values();
        open.filter(|channel| now_ms < channel.until_ms)
            .cloned()
            .collect()
    }

    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        lock(&self.registry).deliveries.clone()
    }

    pub(crate) fn set_weather(&self, weather: PushWeather) {
        lock(&self.registry).weather = weather;
    }

    pub(crate) fn are_delivered(&self) -> bool {
        lock(&self.registry).under_way == 0
    }

    pub(crate) fn clear(&self) {
        let mut registry = lock(&self.registry);
        registry.open.clear();
        registry.deliveries.clear();
        registry.weather = PushWeather::default();
    }

    /// Sends what a change of the directory makes Google say about a user.
    pub(crate) fn tell(&self, change: &Change, changed: &Changed, user: &Told, now_ms: i64) {
        let Some(event) = event_of(change) else {
            return;
        };
        let mut registry = lock(&self.registry);
        registry.open.retain(|_, channel| now_ms < channel.until_ms);
        let domain = user.email.rsplit('@').next().unwrap_or_default();
        let body = json!({
            "kind": "admin#directory#user", "id": changed.id, "etag": user.etag,
            "primaryEmail": user.email,
        });
        let body = body.to_string();
        let registry = &mut *registry;
        for channel in registry.open.values_mut() {
            let is_watched = channel.domain.as_deref().is_none_or(|own| own == domain);
            if channel.event != event || !is_watched {
                continue;
            }
            // Numbers grow and are not consecutive.
            channel.number += 1 + (channel.number * 7 + now_ms.unsigned_abs()) % 5;
            let body = if channel.payload {
                body.clone()
            } else {
                String::new()
            };
            let copies = match registry.weather {
                PushWeather::Fair => 1,
                PushWeather::Lost => 0,
                PushWeather::Twice => 2,
            };
            for _ in 0..copies {
                let parcel = Parcel::new(channel, event, body.clone());
                registry.under_way += usize::from(self.parcels.send(parcel).is_ok());
            }
        }
    }

    fn sent(&self, delivery: Delivery, is_last: bool) {
        let mut registry = lock(&self.registry);
        registry.deliveries.push(delivery);
        registry.under_way -= usize::from(is_last);
    }
}

/// What a message says about a user.
#[derive(Debug)]
pub(crate) struct Told {
    email: String,
    etag: String,
}

impl Told {
    /// The user as they are after a change.
    pub(crate) fn of(directory: &Directory, id: &str, now_ms: i64) -> Option<Self> {
        let deleted = || {
            let mut deleted = directory.deleted_users(now_ms);
            deleted.find(|user| user.id.to_string() == id)
        };
        let user = directory.user(id).or_else(deleted)?;
        Some(Self {
            email: user.email.to_string(),
            etag: user.etag(),
        })
    }
}

/// The event that a change is to whoever watches users.
fn event_of(change: &Change) -> Option<&'static str> {
    match change {
        Change::AddUser { .. } => Some("add"),
        Change::DeleteUser { .. } => Some("delete"),
        Change::UndeleteUser { .. } => Some("undelete"),
        Change::MoveUser { .. }
        | Change::RenameUser { .. }
        | Change::SetArchived { .. }
        | Change::SetSuspended { .. } => Some("update"),
        Change::SetRole {
            role: RoleChange::Delegated { .. } | RoleChange::Super,
            ..
        } => Some("makeAdmin"),
        Change::AddGroup { .. }
        | Change::AddMember { .. }
        | Change::AddOrgUnit { .. }
        | Change::DeleteGroup { .. }
        | Change::DeleteOrgUnit { .. }
        | Change::MoveOrgUnit { .. }
        | Change::RemoveMember { .. }
        | Change::RenameGroup { .. }
        | Change::RenameOrgUnit { .. }
        | Change::SetRole {
            role: RoleChange::None,
            ..
        } => None,
    }
}
