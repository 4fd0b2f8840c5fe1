//! A request taken apart.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Method, Request};

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

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// What follows a scheme in the `Authorization` header.
    pub(super) fn authorization(&self, scheme: &str) -> Option<&str> {
        let (given, rest) = self.header("authorization")?.split_once(' ')?;
        given.eq_ignore_ascii_case(scheme).then(|| rest.trim())
    }

    /// The name and the password of the `Basic` scheme.
    pub(super) fn basic(&self) -> Option<(String, String)> {
        let decoded = STANDARD.decode(self.authorization("Basic")?).ok()?;
        let text = String::from_utf8(decoded).ok()?;
        let (name, password) = text.split_once(':')?;
        Some((name.to_owned(), password.to_owned()))
    }

    /// The fields of a posted form; none when the body is something else.
    pub(super) fn form(&self) -> Option<BTreeMap<String, String>> {
        let is_form = self
            .header("content-type")
            .is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"));
        is_form.then(|| {
            url::form_urlencoded::parse(&self.body)
                .into_owned()
                .collect()
        })
    }

    /// The page asked for, from 1, when pages are of one size.
    fn page(&self) -> Option<u32> {
        let number = |name: &str| self.parameter(name).map(str::parse::<u32>);
        let offset = number("offset").unwrap_or(Ok(0)).ok()?;
        let limit = number("limit").unwrap_or(Ok(100)).ok()?.max(1);
        Some(offset / limit + 1)
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

    pub(super) fn takes_gzip(&self) -> bool {
        self.header("accept-encoding")
            .is_some_and(|value| value.contains("gzip"))
    }
}
