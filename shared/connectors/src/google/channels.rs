//! Push channels: `users.watch`, `channels.stop` and what Google then sends (PROVIDERS 2.8).
//!
//! A push says that something about somebody changed. Nothing in it is data: its sender is known
//! by the channel's token alone, and of its body only the person's id is read, to look them up.

use super::directory::Directory;
use super::errors::{ApiError, RetryAdvice};
use crate::fetch::Malformation;
use crate::request::{RequestError, encode_pairs, post_json};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use mapping::ids::ExternalId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::fmt;
use std::time::Duration;

/// For how long a channel is asked for: the most that Google gives.
pub const LIFE_MAX: Duration = Duration::from_hours(48);

/// Largest answer to a request about a channel, in bytes.
pub const CHANNEL_BYTES_MAX: usize = 64 * 1024;

/// How much longer than asked for a channel may be said to live, in milliseconds: clocks differ.
const LEEWAY_MS: i64 = 60_000;

/// Longest id, token or resource id that is taken, in bytes.
const TEXT_BYTES_MAX: usize = 512;

/// What is watched; each needs a channel of its own. `makeAdmin` is left out: no rule looks at who
/// administers the district at Google.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A user was made.
    Add,
    /// A user was deleted.
    Delete,
    /// A deleted user was restored.
    Undelete,
    /// A user was changed, moved, suspended or renamed.
    Update,
}

impl Event {
    /// All that are watched.
    pub const ALL: [Self; 4] = [Self::Add, Self::Delete, Self::Undelete, Self::Update];

    /// The event as Google writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Event::Add => "add",
            Event::Delete => "delete",
            Event::Undelete => "undelete",
            Event::Update => "update",
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A channel to be opened.
#[derive(Clone, Copy, Debug)]
pub struct NewChannel<'a> {
    /// Unique for ever in the operator's project: a UUID.
    pub id: &'a str,
    /// What Google has to send with every push.
    pub token: &'a str,
    /// Where Google sends them; `https`.
    pub address: &'a str,
    /// What is watched.
    pub event: Event,
}

/// What Google granted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Granted {
    /// Needed to close the channel.
    pub resource_id: String,
    /// When the channel ends, in milliseconds since the Unix epoch.
    pub until_ms: i64,
}

/// Why a channel was not opened or closed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ChannelError {
    /// Google does not send to the address.
    #[error(
        "Google does not send pushes to the address of this application: the operator must serve \
         it over https with a valid certificate and verify its domain in the Google Cloud project"
    )]
    Address,
    /// The id was used before.
    #[error("Google knows a channel with the same id already: another id is tried by itself")]
    IdTaken,
    /// The answer is not one.
    #[error("Google's answer can't be read: {0}")]
    Malformed(Malformation),
    /// Google refuses, or is in trouble.
    #[error(transparent)]
    Refused(ApiError),
}

impl ChannelError {
    /// Whether trying again soon may help.
    pub fn is_passing(self) -> bool {
        match self {
            ChannelError::Address => false,
            ChannelError::IdTaken | ChannelError::Malformed(_) => true,
            ChannelError::Refused(error) => error.retry != RetryAdvice::No,
        }
    }

    /// Whether a fresh access token may help.
    pub fn is_stale_token(self) -> bool {
        matches!(self, ChannelError::Refused(error) if error.retry == RetryAdvice::Refresh)
    }
}

impl Directory {
    /// `POST admin/directory/v1/users/watch`: opens a channel for the people of this directory.
    pub fn watch(
        &self,
        channel: NewChannel<'_>,
        access_token: &str,
    ) -> Result<Request<Bytes>, RequestError> {
        let query = encode_pairs(&[self.population(), ("event", channel.event.as_str())]);
        let base = self.base_url().as_str();
        let life_s = LIFE_MAX.as_secs().to_string();
        let body = json!({
            "id": channel.id,
            "type": "web_hook",
            "address": channel.address,
            "token": channel.token,
            "params": {"ttl": life_s},
            "payload": true,
        });
        post_json(
            &format!("{base}/admin/directory/v1/users/watch?{query}"),
            access_token,
            &body,
        )
    }

    /// `POST admin/directory_v1/channels/stop`: closes a channel. The path is Google's own.
    pub fn stop(
        &self,
        id: &str,
        resource_id: &str,
        access_token: &str,
    ) -> Result<Request<Bytes>, RequestError> {
        let base = self.base_url().as_str();
        let body = json!({"id": id, "resourceId": resource_id});
        post_json(
            &format!("{base}/admin/directory_v1/channels/stop"),
            access_token,
            &body,
        )
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawChannel {
    id: String,
    resource_id: String,
    /// A number written as a string (PROVIDERS G19).
    expiration: String,
}

/// Reads the answer to [`Directory::watch`] for a channel with this id.
pub fn read_granted(
    response: &Response<Bytes>,
    id: &str,
    now_ms: i64,
) -> Result<Granted, ChannelError> {
    if response.status() != StatusCode::OK {
        return Err(refusal(response));
    }
    let malformed = |what| ChannelError::Malformed(what);
    let channel: RawChannel = serde_json::from_slice(response.body()).map_err(|error| {
        malformed(if error.is_data() {
            Malformation::Shape
        } else {
            Malformation::NotJson
        })
    })?;
    let life_ms = i64::try_from(LIFE_MAX.as_millis()).unwrap_or(i64::MAX);
    let latest_ms = now_ms.saturating_add(life_ms).saturating_add(LEEWAY_MS);
    let until_ms = channel.expiration.parse::<i64>().ok();
    let until_ms = until_ms.filter(|until_ms| *until_ms > now_ms);
    let is_ours = channel.id == id;
    let is_closable = (1..=TEXT_BYTES_MAX).contains(&channel.resource_id.len());
    match until_ms {
        Some(until_ms) if is_ours && is_closable => Ok(Granted {
            resource_id: channel.resource_id,
            until_ms: until_ms.min(latest_ms),
        }),
        _ => Err(malformed(Malformation::Shape)),
    }
}

/// Reads the answer to [`Directory::stop`]. A channel that Google does not know is closed.
pub fn read_stopped(response: &Response<Bytes>) -> Result<(), ChannelError> {
    if response.status().is_success() || response.status() == StatusCode::NOT_FOUND {
        return Ok(());
    }
    Err(refusal(response))
}

#[derive(Deserialize)]
struct Refusal {
    error: Reasons,
}

#[derive(Deserialize)]
struct Reasons {
    errors: Vec<Reason>,
}

#[derive(Deserialize)]
struct Reason {
    reason: String,
}

fn refusal(response: &Response<Bytes>) -> ChannelError {
    let body = response.body();
    let refusal = match body.len() {
        0..=CHANNEL_BYTES_MAX => serde_json::from_slice::<Refusal>(body).ok(),
        _ => None,
    };
    let first = refusal.and_then(|refusal| refusal.error.errors.into_iter().next());
    match first.as_ref().map(|first| first.reason.as_str()) {
        Some("channelIdNotUnique") => ChannelError::IdTaken,
        Some(reason) if reason.starts_with("push.webhookUrl") => ChannelError::Address,
        _ => ChannelError::Refused(ApiError::parse(response)),
    }
}

/// The headers of a push.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Notice<'a> {
    /// The channel that it came through.
    pub channel: &'a str,
    /// The token that it carries. Not checked yet.
    pub token: &'a str,
    /// True for the first message of a channel, which is about nobody.
    pub is_sync: bool,
}

impl<'a> Notice<'a> {
    /// Reads the headers of a push; `None` without a channel. Numbers and dates in them are of no
    /// use: messages are repeated, left out and in any order.
    pub fn read(headers: &'a HeaderMap) -> Option<Self> {
        let text = |name: &str| {
            let value = headers.get(name)?.to_str().ok()?;
            (value.len() <= TEXT_BYTES_MAX).then_some(value)
        };
        let is_id = |id: &&str| {
            !id.is_empty()
                && id
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        Some(Self {
            channel: text("x-goog-channel-id").filter(is_id)?,
            token: text("x-goog-channel-token").unwrap_or_default(),
            is_sync: text("x-goog-resource-state") == Some("sync"),
        })
    }
}

#[derive(Deserialize)]
struct Pushed {
    id: String,
}

/// The person whom a push is about. Whatever its `Content-Type` says, it is JSON or nothing.
pub fn parse_push(body: &[u8]) -> Option<ExternalId> {
    let pushed: Pushed = serde_json::from_slice(body).ok()?;
    ExternalId::parse(pushed.id).ok()
}
