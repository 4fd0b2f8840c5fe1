//! Everything issued.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;

use crate::clever::api::Grant;
use crate::clever::id::ObjectId;

/// How long a code can be used (PROVIDERS 4.2).
pub(super) const CODE_LIFE_MS: i64 = 60_000;

/// A code that a browser carries back.
#[derive(Clone, Debug)]
pub(super) struct Code {
    pub(super) user: ObjectId,
    pub(super) redirect_uri: String,
    /// Whether it brings an id token.
    pub(super) openid: bool,
    pub(super) nonce: Option<String>,
    pub(super) issued_at_ms: i64,
    pub(super) used: bool,
}

/// The tokens and codes that work, and what the district shares.
#[derive(Debug)]
pub(in super::super) struct Tokens {
    rng: ChaCha20Rng,
    codes: BTreeMap<String, Code>,
    users: BTreeMap<String, ObjectId>,
    /// The district's token; none while it is not connected to the application.
    district: Option<String>,
    pub(in super::super) secure_sync: bool,
}

impl Tokens {
    pub(in super::super) fn new(seed: u64, secure_sync: bool) -> Self {
        let mut tokens = Self {
            rng: ChaCha20Rng::seed_from_u64(seed),
            codes: BTreeMap::new(),
            users: BTreeMap::new(),
            district: None,
            secure_sync,
        };
        tokens.connect();
        tokens
    }

    /// Hexadecimal digits that nobody can guess.
    fn random(&mut self, length: usize) -> String {
        let digits = "0123456789abcdef".as_bytes();
        let digit = |rng: &mut ChaCha20Rng| {
            let place = rng.random_range(0..digits.len());
            digits.get(place).copied().map_or('0', char::from)
        };
        (0..length).map(|_| digit(&mut self.rng)).collect()
    }

    /// The district's token.
    pub(in super::super) fn district(&self) -> Option<&str> {
        self.district.as_deref()
    }

    /// Gives the district a new token; the one before stops working.
    pub(in super::super) fn connect(&mut self) {
        self.district = Some(self.random(40));
    }

    /// The district leaves the application.
    pub(in super::super) fn disconnect(&mut self) {
        self.district = None;
    }

    /// Every token of a person stops working.
    pub(in super::super) fn end_users(&mut self) {
        self.users.clear();
    }

    /// What a token may be used for.
    pub(super) fn grant(&self, token: &str) -> Option<Grant> {
        if self.district() == Some(token) {
            let secure_sync = self.secure_sync;
            return Some(Grant::District { secure_sync });
        }
        self.users.get(token).copied().map(Grant::User)
    }

    pub(super) fn issue_code(&mut self, code: Code) -> String {
        let text = self.random(40);
        self.codes.insert(text.clone(), code);
        text
    }

    /// Uses up a code delivered to an address. It can't be used again, nor after a minute.
    pub(super) fn redeem(&mut self, code: &str, redirect_uri: &str, now_ms: i64) -> Option<Code> {
        let code = self.codes.get_mut(code)?;
        let is_live = !code.used && now_ms - code.issued_at_ms <= CODE_LIFE_MS;
        if !is_live || code.redirect_uri != redirect_uri {
            return None;
        }
        code.used = true;
        Some(code.clone())
    }

    pub(super) fn issue_user(&mut self, user: ObjectId) -> String {
        let text = format!("il{}", self.random(38));
        self.users.insert(text.clone(), user);
        text
    }
}
