//! Codes, tokens and grants.

use std::collections::{BTreeMap, BTreeSet};

use rand::SeedableRng;
use rand::distr::{Alphanumeric, SampleString};
use rand_chacha::ChaCha20Rng;

/// How long a code can be exchanged.
pub(super) const CODE_LIFE_MS: i64 = 10 * 60 * 1_000;
/// How long an access token works.
pub(super) const ACCESS_LIFE_S: i64 = 3_599;
/// How many refresh tokens an account can have with one client; the oldest dies silently.
const REFRESH_TOKENS_MAX: usize = 100;
/// How long a refresh token lives without use: six months.
pub(super) const REFRESH_UNUSED_LIFE_MS: i64 = 183 * 24 * 3_600 * 1_000;
/// How long a refresh token of a client in testing lives: seven days.
pub(super) const REFRESH_TESTING_LIFE_S: i64 = 7 * 24 * 3_600;

/// A client and an account.
pub(super) type Pair = (String, String);

/// An authorization code.
#[derive(Clone, Debug)]
pub(super) struct Code {
    pub(super) pair: Pair,
    pub(super) redirect_uri: String,
    pub(super) scopes: BTreeSet<String>,
    pub(super) nonce: Option<String>,
    /// The method and the challenge.
    pub(super) challenge: Option<(String, String)>,
    pub(super) issued_at_ms: i64,
    pub(super) offline: bool,
    pub(super) used: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Refresh {
    pub(super) pair: Pair,
    pub(super) scopes: BTreeSet<String>,
    pub(super) issued_at_ms: i64,
    pub(super) used_at_ms: i64,
}

#[derive(Clone, Debug)]
pub(super) struct Access {
    pub(super) pair: Pair,
    pub(super) scopes: BTreeSet<String>,
    pub(super) expires_at_ms: i64,
}

/// Why every refresh token of an account stops working.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum GrantEnd {
    /// An administrator restricted the client: `admin_policy_enforced`.
    AdminPolicy,
    /// The session-length policy wants a new sign-in: `invalid_rapt`.
    ReauthRequired,
    /// The user or an administrator revoked it, the password changed, ...
    Revoked,
}

/// Everything issued.
#[derive(Debug)]
pub(crate) struct Tokens {
    rng: ChaCha20Rng,
    pub(super) codes: BTreeMap<String, Code>,
    pub(super) refresh: BTreeMap<String, Refresh>,
    /// The refresh tokens of each pair, the oldest first.
    pub(super) order: BTreeMap<Pair, Vec<String>>,
    pub(super) access: BTreeMap<String, Access>,
    /// What each account has allowed each client.
    pub(super) granted: BTreeMap<Pair, BTreeSet<String>>,
    /// Accounts whose refresh tokens are refused, by id.
    pub(super) ended: BTreeMap<String, GrantEnd>,
}

impl Tokens {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            rng: ChaCha20Rng::seed_from_u64(seed),
            codes: BTreeMap::new(),
            refresh: BTreeMap::new(),
            order: BTreeMap::new(),
            access: BTreeMap::new(),
            granted: BTreeMap::new(),
            ended: BTreeMap::new(),
        }
    }

    pub(super) fn random(&mut self, length: usize) -> String {
        Alphanumeric.sample_string(&mut self.rng, length)
    }

    pub(super) fn issue_code(&mut self, code: Code) -> String {
        // The slash is there in Google's codes too, and catches double decoding.
        let text = format!("4/0A{}", self.random(70));
        self.codes.insert(text.clone(), code);
        text
    }

    pub(super) fn issue_access(
        &mut self,
        pair: &Pair,
        scopes: &BTreeSet<String>,
        now_ms: i64,
    ) -> String {
        let text = format!("ya29.a0{}", self.random(160));
        let access = Access {
            pair: pair.clone(),
            scopes: scopes.clone(),
            expires_at_ms: now_ms + ACCESS_LIFE_S * 1_000,
        };
        self.access.insert(text.clone(), access);
        text
    }

    pub(super) fn issue_refresh(
        &mut self,
        pair: &Pair,
        scopes: &BTreeSet<String>,
        now_ms: i64,
    ) -> String {
        let text = format!("1//0{}", self.random(95));
        let refresh = Refresh {
            pair: pair.clone(),
            scopes: scopes.clone(),
            issued_at_ms: now_ms,
            used_at_ms: now_ms,
        };
        self.refresh.insert(text.clone(), refresh);
        let order = self.order.entry(pair.clone()).or_default();
        order.push(text.clone());
        if order.len() > REFRESH_TOKENS_MAX {
            let oldest = order.remove(0);
            self.refresh.remove(&oldest);
        }
        // A new consent ends whatever ended the old one.
        self.ended.remove(&pair.1);
        text
    }

    /// The scopes and the pair of an access token that works now.
    pub(super) fn live_access(&self, token: &str, now_ms: i64) -> Option<&Access> {
        self.access
            .get(token)
            .filter(|access| now_ms < access.expires_at_ms)
    }

    /// Forgets everything a pair has.
    pub(super) fn forget(&mut self, pair: &Pair) {
        self.granted.remove(pair);
        self.order.remove(pair);
        self.refresh.retain(|_, refresh| refresh.pair != *pair);
        self.access.retain(|_, access| access.pair != *pair);
    }

    /// Ends the grants of an account: access tokens at once, refresh tokens when next used.
    pub(crate) fn end(&mut self, sub: &str, why: GrantEnd) {
        self.access.retain(|_, access| access.pair.1 != sub);
        self.granted.retain(|pair, _| pair.1 != sub);
        self.ended.insert(sub.to_owned(), why);
    }

    /// Every access token stops working, as if it had expired early.
    pub(crate) fn expire_access(&mut self) {
        self.access.clear();
    }

    /// How many refresh tokens work.
    pub(crate) fn refresh_count(&self) -> usize {
        self.refresh.len()
    }
}
