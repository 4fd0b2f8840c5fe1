//! Bringing messages to the addresses of channels.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::mpsc::UnboundedReceiver;

use super::Channel;
use crate::google::State;

/// How often a message is tried.
const ATTEMPTS_MAX: u32 = 6;

/// The pause after the first attempt, in real time: no test waits for Google's.
const PAUSE: Duration = Duration::from_millis(50);

/// The longest time an attempt may take.
const ATTEMPT_FOR_MAX: Duration = Duration::from_secs(10);

/// One attempt to bring a message.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Delivery {
    /// The channel.
    pub channel: String,
    /// `sync` or an event.
    pub state: String,
    /// The number of the message.
    pub number: u64,
    /// Counts from 1.
    pub attempt: u32,
    /// The status of the answer; none when there was no answer, or the channel had ended.
    pub status: Option<u16>,
}

/// A message on its way.
#[derive(Debug)]
pub(crate) struct Parcel {
    channel: Channel,
    state: String,
    number: u64,
    body: String,
}

impl Parcel {
    pub(super) fn new(channel: &Channel, state: &str, body: String) -> Self {
        Self {
            channel: channel.clone(),
            state: state.to_owned(),
            number: channel.number,
            body,
        }
    }

    fn delivery(&self, attempt: u32, status: Option<u16>) -> Delivery {
        Delivery {
            channel: self.channel.id.clone(),
            state: self.state.clone(),
            number: self.number,
            attempt,
            status,
        }
    }

    async fn post(&self, client: &reqwest::Client) -> Option<u16> {
        let channel = &self.channel;
        let expiration = Timestamp::from_millisecond(channel.until_ms).unwrap_or(Timestamp::MAX);
        let expiration = expiration.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let mut request = client
            .post(&channel.address)
            .header("content-type", "application/json; utf-8")
            .header("x-goog-channel-id", &channel.id)
            .header("x-goog-channel-expiration", expiration)
            .header("x-goog-resource-id", &channel.resource_id)
            .header("x-goog-resource-uri", &channel.resource_uri)
            .header("x-goog-resource-state", &self.state)
            .header("x-goog-message-number", self.number)
            .body(self.body.clone());
        if let Some(token) = &channel.token {
            request = request.header("x-goog-channel-token", token);
        }
        let answer = request.timeout(ATTEMPT_FOR_MAX).send().await.ok()?;
        Some(answer.status().as_u16())
    }
}

/// Brings messages until the fake is gone.
pub(crate) async fn bring(state: Arc<State>, mut post: UnboundedReceiver<Parcel>) {
    let client = reqwest::Client::new();
    while let Some(parcel) = post.recv().await {
        let (state, client) = (Arc::clone(&state), client.clone());
        // Messages overtake each other, as Google's do.
        tokio::spawn(async move { bring_one(&state, &client, &parcel).await });
    }
}

async fn bring_one(state: &State, client: &reqwest::Client, parcel: &Parcel) {
    for attempt in 1..=ATTEMPTS_MAX {
        if state.now_ms() >= parcel.channel.until_ms {
            state.channels.sent(parcel.delivery(attempt, None), true);
            return;
        }
        let status = parcel.post(client).await;
        let may_help = status.is_none_or(|status| matches!(status, 500 | 502..=504));
        let is_last = !may_help || attempt == ATTEMPTS_MAX;
        state
            .channels
            .sent(parcel.delivery(attempt, status), is_last);
        if is_last {
            return;
        }
        tokio::time::sleep(PAUSE * (1 << attempt)).await;
    }
}
