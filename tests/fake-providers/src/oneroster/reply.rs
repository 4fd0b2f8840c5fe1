//! An answer before it is put on the wire.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde_json::Value;

/// An answer.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

const JSON: &str = "application/json;charset=UTF-8";
const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

impl Reply {
    fn new(status: u16, content_type: &'static str, body: Vec<u8>) -> Self {
        Self {
            status,
            content_type,
            headers: Vec::new(),
            body,
        }
    }

    pub(super) fn json(status: u16, value: &Value) -> Self {
        Self::bytes(status, value.to_string().into_bytes())
    }

    /// JSON that is already written.
    pub(super) fn bytes(status: u16, body: Vec<u8>) -> Self {
        Self::new(status, JSON, body)
    }

    pub(super) fn html(status: u16, page: &str) -> Self {
        Self::new(status, HTML, page.as_bytes().to_vec())
    }

    pub(super) fn text(status: u16, text: &str) -> Self {
        Self::new(status, TEXT, text.as_bytes().to_vec())
    }

    pub(super) fn empty(status: u16) -> Self {
        Self::bytes(status, Vec::new())
    }

    pub(super) fn redirect(to: &str) -> Self {
        Self::empty(302).with("location", to)
    }

    /// The page on which people sign in, as a server sends it to programs too.
    pub(super) fn sign_in_page(status: u16) -> Self {
        Self::html(
            status,
            "<!DOCTYPE html><html><head><title>Sign in</title></head><body>\
             <form method=\"post\"><label>User name <input name=\"username\"></label>\
             <label>Password <input name=\"password\" type=\"password\"></label></form></body></html>",
        )
    }

    #[must_use]
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same, compressed.
    pub(super) fn compressed(self) -> Self {
        if self.body.is_empty() {
            return self;
        }
        let mut encoder =
            GzEncoder::new(Vec::with_capacity(self.body.len() / 4), Compression::fast());
        let written = encoder
            .write_all(&self.body)
            .and_then(|()| encoder.finish());
        match written {
            Ok(body) => Self { body, ..self }.with("content-encoding", "gzip"),
            // Writing to memory does not fail; uncompressed is right too.
            Err(_) => self,
        }
    }

    /// The first half, announced as all of it.
    pub(super) fn truncated(mut self) -> Self {
        self.body.truncate(self.body.len() / 2);
        self
    }

    pub(super) fn into_response(self) -> Response<Bytes> {
        let has_body = !self.body.is_empty();
        let mut response = Response::new(Bytes::from(self.body));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        if has_body {
            let content_type = HeaderValue::from_static(self.content_type);
            headers.insert(http::header::CONTENT_TYPE, content_type);
        }
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.append(HeaderName::from_static(name), value);
            }
        }
        response
    }
}
