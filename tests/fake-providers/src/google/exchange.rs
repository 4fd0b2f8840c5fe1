//! A request taken apart.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, Method, Request};

use super::page::PageTokens;
use crate::faults::Subject;

/// A request.
pub(super) struct Exchange {
    pub(super) method: Method,
    /// As sent, percent-encoded.
    pub(super) path: String,
    /// Decoded.
    pub(super) plain_path: String,
    pub(super) query: String,
    /// Of a repeated parameter the last counts.
    pub(super) parameters: BTreeMap<String, String>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Exchange {
    pub(super) fn read(request: Request<Bytes>) -> Self {
        let (parts, body) = request.into_parts();
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let path = parts.uri.path().to_owned();
        let plain = percent_encoding::percent_decode_str(&path);
        Self {
            plain_path: plain.decode_utf8_lossy().into_owned(),
            parameters: url::form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
            method: parts.method,
            path,
            query,
            headers: parts.headers,
            body,
        }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The bearer token, from the header or the parameter that Google still takes.
    pub(super) fn bearer(&self) -> Option<&str> {
        let header = self
            .header("authorization")
            .and_then(|header| header.strip_prefix("Bearer "));
        header.or_else(|| self.parameters.get("access_token").map(String::as_str))
    }

    /// The page asked for; none when the request is not about pages.
    fn page(&self) -> Option<u32> {
        match self.parameters.get("pageToken") {
            Some(token) => PageTokens::page_of(token),
            None => Some(1),
        }
    }

    /// What faults look at.
    pub(super) fn subject(&self) -> Subject<'_> {
        Subject {
            method: self.method.as_str(),
            path: &self.plain_path,
            parameters: &self.parameters,
            page: self.page(),
        }
    }

    /// Whether Google would compress the answer: it wants the word in the user agent too.
    pub(super) fn takes_gzip(&self) -> bool {
        let accepts = self
            .header("accept-encoding")
            .is_some_and(|value| value.contains("gzip"));
        accepts
            && self
                .header("user-agent")
                .is_some_and(|value| value.contains("gzip"))
    }
}
