//! Requests per minute and token (PROVIDERS 4.6).

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::reply::Reply;
use crate::lock::lock;

const MINUTE_MS: i64 = 60_000;

/// How many requests each token made in the present minute.
#[derive(Debug, Default)]
pub(super) struct Quota {
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    minute: i64,
    by_token: BTreeMap<String, u32>,
}

/// What is left of a minute, as the headers tell it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Left {
    limit: u32,
    remaining: u32,
    reset_s: i64,
    pub(super) is_over: bool,
}

impl Quota {
    pub(super) fn clear(&self) {
        *lock(&self.counts) = Counts::default();
    }

    /// Counts a request of a token.
    pub(super) fn take(&self, token: &str, limit: u32, now_ms: i64) -> Left {
        let mut counts = lock(&self.counts);
        let minute = now_ms.div_euclid(MINUTE_MS);
        if counts.minute != minute {
            *counts = Counts {
                minute,
                ..Counts::default()
            };
        }
        let made = counts.by_token.entry(token.to_owned()).or_default();
        let is_over = *made >= limit;
        *made = made.saturating_add(1);
        Left {
            limit,
            remaining: limit.saturating_sub(*made),
            reset_s: (minute + 1) * MINUTE_MS / 1_000,
            is_over,
        }
    }
}

impl Left {
    /// Nothing is left of the minute.
    pub(super) fn none(limit: u32, now_ms: i64) -> Self {
        Self {
            limit,
            remaining: 0,
            reset_s: (now_ms.div_euclid(MINUTE_MS) + 1) * MINUTE_MS / 1_000,
            is_over: true,
        }
    }

    /// The answer with the headers.
    pub(super) fn tell(self, reply: Reply) -> Reply {
        reply
            .with("x-ratelimit-limit", self.limit.to_string())
            .with("x-ratelimit-remaining", self.remaining.to_string())
            .with("x-ratelimit-reset", self.reset_s.to_string())
            .with("x-ratelimit-bucket", "data-api-per-minute")
    }
}
