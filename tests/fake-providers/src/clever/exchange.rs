//! A request taken apart.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Method, Request};

use super::id::ObjectId;

/// A request.
pub(super) struct Exchange {
    pub(super) method: Method,
    /// As sent, percent-encoded.
    pub(super) path: String,
    /// As sent, percent-encoded.
    pub(super) query: String,
    /// The query decoded, in the order sent.
    pub(super) pairs: Vec<(String, String)>,
    /// The same by name; of a repeated parameter the last counts.
    pub(super) parameters: BTreeMap<String, String>,
    headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Exchange {
    pub(super) fn read(request: Request<Bytes>) -> Self {
        let (parts, body) = request.into_parts();
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        Self {
            path: parts.uri.path().to_owned(),
            parameters: pairs.iter().cloned().collect(),
            pairs,
            query,
            method: parts.method,
            headers: parts.headers,
            body,
        }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// The bearer token.
    pub(super) fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }

    /// The id and secret of a Basic header.
    pub(super) fn basic(&self) -> Option<(String, String)> {
        let encoded = self.header("authorization")?.strip_prefix("Basic ")?;
        let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
        let (id, secret) = text.split_once(':')?;
        Some((id.to_owned(), secret.to_owned()))
    }

    /// The path and query, as sent.
    pub(super) fn own_uri(&self) -> String {
        match self.query.as_str() {
            "" => self.path.clone(),
            query => format!("{}?{query}", self.path),
        }
    }

    /// The parameters sent, but for another page; for the first when none is given.
    pub(super) fn pairs_at(&self, place: Option<(&str, ObjectId)>) -> Vec<(String, String)> {
        let is_place = |name: &str| matches!(name, "starting_after" | "ending_before");
        let pairs = self.pairs.iter().filter(|(name, _)| !is_place(name));
        let place = place.map(|(name, id)| (name.to_owned(), id.to_string()));
        pairs.cloned().chain(place).collect()
    }

    /// The same as an address.
    pub(super) fn uri_at(&self, place: Option<(&str, ObjectId)>) -> String {
        let pairs = self.pairs_at(place);
        if pairs.is_empty() {
            return self.path.clone();
        }
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        format!("{}?{}", self.path, query.extend_pairs(pairs).finish())
    }

    pub(super) fn takes_gzip(&self) -> bool {
        self.header("accept-encoding")
            .is_some_and(|value| value.contains("gzip"))
    }
}
