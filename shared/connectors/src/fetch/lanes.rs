//! Which request may go now: the window, retries with backoff, pauses and the access token.

use super::{Asking, Cause, ChainId, FetchError};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::time::Duration;

/// How many requests are under way at once unless the plan says otherwise. Google allows 40
/// requests a second for each user (PROVIDERS 2.10) and takes some 300 ms for a page: twelve keep
/// within it.
pub const WINDOW_DEFAULT: u32 = 12;

/// Most requests under way at once; more only meet the provider's concurrency limit sooner.
pub const WINDOW_MAX: u32 = 32;

/// How often one page is tried before the read fails (PROVIDERS 2.10: about 5-10).
pub const ATTEMPTS_MAX: u32 = 8;

/// How often a success-shaped answer that can't be one is tried. A proxy's hiccup passes; a
/// changed protocol does not, and then the administrator should hear of it soon.
pub const MALFORMED_ATTEMPTS_MAX: u32 = 3;

/// Longest wait that a provider's `Retry-After` can impose.
pub const RETRY_AFTER_MAX: Duration = Duration::from_hours(1);

/// Longest wait by our own backoff, before the random second.
const BACKOFF_MAX: Duration = Duration::from_mins(1);

/// Failed attempts at one page.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
struct Wait {
    attempts: u32,
    retry_at: Timestamp,
}

/// What the access token is known to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Token {
    /// Not refused yet, or accepted since it was refreshed.
    Usable,
    /// Refused: a fresh one is needed.
    Refused,
    /// Refreshed because it was refused, and not accepted yet.
    Fresh,
}

/// What to do next, as far as the lanes know.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Turn {
    Busy,
    Failed(FetchError),
    /// No chain is left.
    Idle,
    NeedsToken,
    Send(ChainId),
    WaitUntil(Timestamp),
}

/// The traffic of one conversation. What is under way is not stored: a restored conversation
/// asks again.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct Lanes {
    window: u32,
    seed: u64,
    token: Token,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    waits: BTreeMap<ChainId, Wait>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    paused_until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failed: Option<FetchError>,
    /// Chains under way, with the number of the access token that their request carries.
    #[serde(skip)]
    in_flight: BTreeMap<ChainId, u64>,
    #[serde(skip)]
    token_number: u64,
}

impl Lanes {
    pub(crate) fn new(window: u32, seed: u64) -> Self {
        Self {
            window: window.clamp(1, WINDOW_MAX),
            seed,
            token: Token::Usable,
            waits: BTreeMap::new(),
            paused_until: None,
            failed: None,
            in_flight: BTreeMap::new(),
            token_number: 0,
        }
    }

    /// Decides what happens next; `runnable` are the chains that have a request to send, the most
    /// urgent first. A chain that is named in [`Turn::Send`] counts as under way.
    pub(crate) fn turn(&mut self, now: Timestamp, runnable: impl Iterator<Item = ChainId>) -> Turn {
        if let Some(error) = &self.failed {
            return Turn::Failed(error.clone());
        }
        if self.token == Token::Refused {
            return Turn::NeedsToken;
        }
        let mut runnable = runnable.peekable();
        if runnable.peek().is_none() && self.in_flight.is_empty() {
            return Turn::Idle;
        }
        if self.in_flight.len() >= usize::try_from(self.window).unwrap_or(1) {
            return Turn::Busy;
        }
        let mut earliest: Option<Timestamp> = None;
        for chain in runnable {
            if self.in_flight.contains_key(&chain) {
                continue;
            }
            match self.held_until(chain).filter(|until| *until > now) {
                None => {
                    self.in_flight.insert(chain, self.token_number);
                    return Turn::Send(chain);
                }
                Some(until) => earliest = Some(earliest.map_or(until, |other| other.min(until))),
            }
        }
        match earliest {
            Some(until) if self.in_flight.is_empty() => Turn::WaitUntil(until),
            _ => Turn::Busy,
        }
    }

    fn held_until(&self, chain: ChainId) -> Option<Timestamp> {
        let own = self.waits.get(&chain).map(|wait| wait.retry_at);
        own.max(self.paused_until)
    }

    /// An answer came. Returns the number of the token that was sent, or `None` when nobody waits
    /// for the answer.
    pub(crate) fn land(&mut self, chain: ChainId) -> Option<u64> {
        self.in_flight.remove(&chain)
    }

    /// The provider accepted the access token with this number.
    pub(crate) fn token_accepted(&mut self, number: u64) {
        if number == self.token_number && self.token == Token::Fresh {
            self.token = Token::Usable;
        }
    }

    /// The provider refused the access token with this number. An old one is no news.
    pub(crate) fn token_refused(&mut self, number: u64) {
        if number != self.token_number {
            return;
        }
        match self.token {
            Token::Usable | Token::Refused => self.token = Token::Refused,
            Token::Fresh => self.fail(FetchError::Unauthorized),
        }
    }

    pub(crate) fn token_refreshed(&mut self) {
        self.token_number += 1;
        if self.token == Token::Refused {
            self.token = Token::Fresh;
        }
    }

    /// The answer was taken: earlier failures of the chain are forgotten.
    pub(crate) fn succeed(&mut self, chain: ChainId) {
        self.waits.remove(&chain);
    }

    /// The attempt failed but another may not: waits, or fails for good after the last attempt.
    pub(crate) fn retry(
        &mut self,
        chain: ChainId,
        now: Timestamp,
        asking: Asking,
        cause: Cause,
        retry_after: Option<Duration>,
    ) {
        let attempts = self.waits.get(&chain).map_or(0, |wait| wait.attempts) + 1;
        let attempts_max = match cause {
            Cause::Malformed(_) => MALFORMED_ATTEMPTS_MAX,
            Cause::Connection | Cause::RateLimited | Cause::ServerError { .. } => ATTEMPTS_MAX,
        };
        if attempts >= attempts_max {
            self.fail(FetchError::GaveUp {
                asking,
                attempts,
                cause,
            });
            return;
        }
        let wait = self
            .backoff(chain, attempts)
            .max(retry_after.unwrap_or_default().min(RETRY_AFTER_MAX));
        let retry_at = later(now, wait);
        // A rate limit concerns every chain: going on with the others would only lengthen it.
        if cause == Cause::RateLimited {
            self.paused_until = self.paused_until.max(Some(retry_at));
        }
        self.waits.insert(chain, Wait { attempts, retry_at });
    }

    /// The provider said that nothing more is allowed before this time.
    pub(crate) fn pause(&mut self, now: Timestamp, until: Timestamp) {
        let latest = later(now, RETRY_AFTER_MAX);
        self.paused_until = self.paused_until.max(Some(until.min(latest)));
    }

    /// The first failure is the one that is reported.
    pub(crate) fn fail(&mut self, error: FetchError) {
        self.failed.get_or_insert(error);
    }

    /// `2^attempts` seconds up to [`BACKOFF_MAX`], and up to a second more that depends on the
    /// seed so that many tenants do not come back at the same moment.
    fn backoff(&self, chain: ChainId, attempts: u32) -> Duration {
        let whole = Duration::from_secs(1_u64 << attempts.min(10)).min(BACKOFF_MAX);
        let mut hash = Sha256::new();
        hash.update(self.seed.to_be_bytes());
        hash.update(chain.0.to_be_bytes());
        hash.update(attempts.to_be_bytes());
        let random = hash
            .finalize()
            .iter()
            .take(4)
            .fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
        whole + Duration::from_millis(random % 1_000)
    }
}

/// `now` and so much more, or the end of time.
fn later(now: Timestamp, wait: Duration) -> Timestamp {
    SignedDuration::try_from(wait)
        .ok()
        .and_then(|wait| now.checked_add(wait).ok())
        .unwrap_or(Timestamp::MAX)
}
