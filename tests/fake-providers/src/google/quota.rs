//! Queries per minute (PROVIDERS 2.10).

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::api::Caller;
use super::config::Config;
use super::reply::ApiError;
use crate::lock::lock;

const MINUTE_MS: i64 = 60_000;

/// How many calls each user made with each client in the present minute.
#[derive(Debug, Default)]
pub(super) struct Quota {
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    minute: i64,
    all: u32,
    by_caller: BTreeMap<(String, String), u32>,
}

impl Quota {
    pub(super) fn clear(&self) {
        *lock(&self.counts) = Counts::default();
    }

    /// Counts a call, or refuses it.
    pub(super) fn take(
        &self,
        caller: &Caller,
        config: &Config,
        now_ms: i64,
    ) -> Result<(), ApiError> {
        let mut counts = lock(&self.counts);
        let minute = now_ms / MINUTE_MS;
        if counts.minute != minute {
            *counts = Counts {
                minute,
                ..Counts::default()
            };
        }
        if config
            .account_quota_per_minute
            .is_some_and(|limit| counts.all >= limit)
        {
            return Err(ApiError::new(
                429,
                "rateLimitExceeded",
                "Rate Limit Exceeded",
            ));
        }
        let key = (caller.client_id.clone(), caller.email.clone());
        let own = counts.by_caller.entry(key).or_default();
        if *own >= config.quota_per_minute {
            let message = "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute \
                           per user' of service 'admin.googleapis.com'.";
            return Err(ApiError::new(403, "userRateLimitExceeded", message));
        }
        *own += 1;
        counts.all += 1;
        Ok(())
    }
}
