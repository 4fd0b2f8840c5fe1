//! A record of every request a fake was sent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use serde::Serialize;

use crate::lock::lock;

/// One request and how it was answered.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Entry {
    /// Counts from 1 since the start or the last clearing.
    pub number: u64,
    /// Milliseconds since 1970 on the fake's clock.
    pub at_ms: i64,
    /// The method.
    pub method: String,
    /// The path, percent-encoded as sent.
    pub path: String,
    /// The query, percent-encoded as sent.
    pub query: String,
    /// The status; 0 when the connection was dropped instead.
    pub status: u16,
    /// The size of the body as sent (compressed, if it was).
    pub body_bytes: u64,
    /// Who asked, by address, when a token said so.
    pub principal: Option<String>,
    /// The scopes of the access token.
    pub scopes: BTreeSet<String>,
    /// Query parameters that the provider ignores because it does not know them.
    pub unknown_parameters: BTreeSet<String>,
    /// The fault that was applied, if one was.
    pub fault: Option<String>,
}

impl Entry {
    /// The query's parameters, decoded; of a repeated one the last.
    pub fn parameters(&self) -> BTreeMap<String, String> {
        url::form_urlencoded::parse(self.query.as_bytes())
            .into_owned()
            .collect()
    }
}

/// The requests in the order answered.
#[derive(Debug, Default)]
pub struct Journal {
    entries: Mutex<Vec<Entry>>,
}

impl Journal {
    /// Everything so far.
    pub fn entries(&self) -> Vec<Entry> {
        lock(&self.entries).clone()
    }

    /// The entries whose path starts with `prefix`.
    pub fn entries_under(&self, prefix: &str) -> Vec<Entry> {
        let entries = lock(&self.entries);
        let under = entries
            .iter()
            .filter(|entry| entry.path.starts_with(prefix));
        under.cloned().collect()
    }

    /// How many requests were answered.
    pub fn len(&self) -> usize {
        lock(&self.entries).len()
    }

    /// Whether there was no request.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every parameter that was ignored because the provider does not know it.
    pub fn unknown_parameters(&self) -> BTreeSet<String> {
        let entries = lock(&self.entries);
        let unknown = entries.iter().flat_map(|entry| &entry.unknown_parameters);
        unknown.cloned().collect()
    }

    /// The bytes of all bodies sent.
    pub fn body_bytes(&self) -> u64 {
        lock(&self.entries)
            .iter()
            .map(|entry| entry.body_bytes)
            .sum()
    }

    /// Forgets everything and counts from 1 again.
    pub fn clear(&self) {
        lock(&self.entries).clear();
    }

    pub(crate) fn record(&self, mut entry: Entry) {
        let mut entries = lock(&self.entries);
        entry.number = u64::try_from(entries.len()).unwrap_or(u64::MAX) + 1;
        entries.push(entry);
    }
}
