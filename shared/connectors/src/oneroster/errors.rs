//! Error answers (PROVIDERS 6.7): one meaning, whatever the shape.

use super::values::plain;
use crate::fetch::Refusal;
use bytes::Bytes;
use http::{Response, header};
use serde_json::Value;
use std::time::Duration;

/// Error bodies longer than this are not read for a reason, in bytes.
const ERROR_BODY_BYTES_MAX: usize = 64 * 1024;

/// How deep the code of an error is looked for.
const DEPTH_MAX: u32 = 5;

/// What the server means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Reason {
    Backend,
    BadRequest,
    Forbidden,
    NotFound,
    RateLimited,
    Unauthorized,
    Unknown,
}

/// A part of a request that not every server knows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Dislike {
    Filter,
    Limit,
    Sort,
}

impl Dislike {
    /// By the minor code, or where that says nothing by the words of the answer.
    fn of(minor: &str, says: &str) -> Option<Self> {
        match minor {
            "invalidsortfield" => Some(Dislike::Sort),
            "invalidfilterfield" => Some(Dislike::Filter),
            _ if says.contains("sort") => Some(Dislike::Sort),
            _ if says.contains("filter") => Some(Dislike::Filter),
            _ if says.contains("limit") => Some(Dislike::Limit),
            _ => None,
        }
    }
}

/// An error answer. It never holds the answer's body: texts of servers may name persons.
#[derive(Clone, Copy, Debug)]
pub(super) struct ApiError {
    pub(super) status: u16,
    pub(super) reason: Reason,
    pub(super) retry_after: Option<Duration>,
    /// The part of the request that the server dislikes, if it says so.
    pub(super) dislike: Option<Dislike>,
    /// The body is a JSON object, as that of a service is and that of a proxy is not.
    pub(super) is_json: bool,
}

impl ApiError {
    /// Reads an answer whose status is not a success.
    pub(super) fn parse(response: &Response<Bytes>) -> Self {
        let status = response.status().as_u16();
        let body = response.body();
        let is_read = body.len() <= ERROR_BODY_BYTES_MAX;
        let body = if is_read { body.as_ref() } else { &[] };
        let json: Option<Value> = serde_json::from_slice(body).ok();
        let minor = (json.as_ref())
            .and_then(|json| minor(json, 0))
            .unwrap_or_default();
        let says = String::from_utf8_lossy(body).to_ascii_lowercase();
        let reason = match status {
            _ if minor == "serverbusy" => Reason::RateLimited,
            400 | 422 => Reason::BadRequest,
            401 => Reason::Unauthorized,
            403 => Reason::Forbidden,
            404 | 410 => Reason::NotFound,
            408 | 500..=599 => Reason::Backend,
            429 => Reason::RateLimited,
            _ => Reason::Unknown,
        };
        let is_refusal = matches!(status, 400 | 422 | 500 | 501);
        Self {
            status,
            reason,
            retry_after: retry_after(response),
            dislike: is_refusal.then(|| Dislike::of(&minor, &says)).flatten(),
            is_json: json.is_some_and(|json| json.is_object()),
        }
    }

    /// The same in words that do not depend on the provider.
    pub(super) fn refusal(&self) -> Refusal {
        match self.reason {
            Reason::BadRequest => Refusal::BadRequest,
            Reason::Forbidden => Refusal::MissingScope,
            Reason::NotFound => Refusal::NotFound,
            Reason::Backend | Reason::RateLimited | Reason::Unauthorized | Reason::Unknown => {
                Refusal::Unexpected {
                    status: self.status,
                }
            }
        }
    }
}

/// The minor code, as letters in lower case, wherever a server puts it.
fn minor(value: &Value, depth: u32) -> Option<String> {
    if depth > DEPTH_MAX {
        return None;
    }
    match value {
        Value::Array(all) => all.iter().find_map(|one| minor(one, depth + 1)),
        Value::Object(fields) => fields.iter().find_map(|(name, inner)| {
            let is_code = matches!(
                plain(name).as_str(),
                "codeminor" | "imsxcodeminor" | "imsxcodeminorfieldvalue"
            );
            match inner.as_str() {
                Some(text) => is_code.then(|| plain(text)),
                None => minor(inner, depth + 1),
            }
        }),
        Value::Bool(_) | Value::Null | Value::Number(_) | Value::String(_) => None,
    }
}

/// `Retry-After` in seconds; the form with a date counts as absent and the backoff decides.
pub(super) fn retry_after(response: &Response<Bytes>) -> Option<Duration> {
    let text = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(status: u16, body: &str) -> ApiError {
        let body = Bytes::copy_from_slice(body.as_bytes());
        ApiError::parse(&Response::builder().status(status).body(body).unwrap())
    }

    #[test]
    fn each_shape_of_error_is_understood() {
        let shapes = [
            r#"{"imsx_codeMajor":"failure","imsx_severity":"error","imsx_description":"x","imsx_CodeMinor":{"imsx_codeMinorField":[{"imsx_codeMinorFieldName":"TargetEndSystem","imsx_codeMinorFieldValue":"server_busy"}]}}"#,
            r#"{"statusInfoSet":[{"imsx_codeMajor":"failure","imsx_codeMinor":"server busy"}]}"#,
            r#"{"CodeMajor":"failure","Severity":"error","CodeMinor":"server_busy","Description":""}"#,
            r#"{"codeMajor":"failure","severity":"error","codeMinor":"server_busy"}"#,
        ];
        for shape in shapes {
            assert_eq!(error(503, shape).reason, Reason::RateLimited, "{shape}");
            assert!(error(503, shape).is_json);
        }
        assert_eq!(error(503, "<html>").reason, Reason::Backend);
        assert!(!error(404, "<html>").is_json);
        assert!(!error(404, "[]").is_json);
    }

    #[test]
    fn a_refusal_says_what_it_is_about() {
        for (status, body, dislike) in [
            (
                400,
                r#"{"codeMinor":"invalid_sort_field"}"#,
                Some(Dislike::Sort),
            ),
            (
                400,
                r#"{"codeMinor":"invalid_filter_field"}"#,
                Some(Dislike::Filter),
            ),
            (500, "Sorting is not supported", Some(Dislike::Sort)),
            (400, "The limit is too high", Some(Dislike::Limit)),
            (400, "no", None),
            (404, "sort", None),
        ] {
            assert_eq!(error(status, body).dislike, dislike, "{body}");
        }
    }
}
