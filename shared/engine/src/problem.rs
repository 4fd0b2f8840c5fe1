//! Problem documents (RFC 9457): the one form of every refusal over HTTP.
//!
//! A document names the field and the rule that was broken, never the value that broke it: values
//! may be personal data.

mod body;
mod from;
mod locate;

pub use body::{BODY_BYTES_MAX, parse_json};

use crate::error::Error;
use crate::ports::VariableError;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

/// The media type of a problem document (RFC 9457 section 3).
pub const MEDIA_TYPE: &str = "application/problem+json";

/// What is wrong with one field of a request.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct FieldError {
    /// The field, as a path: `filters[2].expression`. Empty for the document as a whole.
    pub field: String,
    /// Which rule it breaks.
    pub detail: String,
}

/// The kinds of refusal. Each has one status and one title.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A request that can't be understood: 400.
    BadRequest,
    /// The state of things does not allow it now: 409.
    Conflict,
    /// The principal may not do this: 403.
    Forbidden,
    /// Our own fault or an unusable record: 500.
    Internal,
    /// The path knows other methods: 405.
    MethodNotAllowed,
    /// There is nothing here, or nothing that this principal may know of: 404.
    NotFound,
    /// The feature is not there yet: 501.
    NotImplemented,
    /// The version in `If-Match` is not the one stored: 412.
    PreconditionFailed,
    /// `If-Match` is needed: 428.
    PreconditionRequired,
    /// The body is over the limit: 413.
    TooLarge,
    /// Another server did not answer as it should: 502.
    Provider,
    /// No usable credentials: 401.
    Unauthorized,
    /// The body is of another kind: 415.
    UnsupportedMediaType,
    /// A value breaks a rule: 422.
    Unprocessable,
    /// Configuration or store missing: 503.
    Unavailable,
}

impl Kind {
    /// The status of this kind.
    pub fn status(self) -> StatusCode {
        match self {
            Kind::BadRequest => StatusCode::BAD_REQUEST,
            Kind::Conflict => StatusCode::CONFLICT,
            Kind::Forbidden => StatusCode::FORBIDDEN,
            Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Kind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Kind::NotFound => StatusCode::NOT_FOUND,
            Kind::NotImplemented => StatusCode::NOT_IMPLEMENTED,
            Kind::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Kind::PreconditionRequired => StatusCode::PRECONDITION_REQUIRED,
            Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Kind::Provider => StatusCode::BAD_GATEWAY,
            Kind::Unauthorized => StatusCode::UNAUTHORIZED,
            Kind::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Kind::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
            Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn slug_and_title(self) -> (&'static str, &'static str) {
        match self {
            Kind::BadRequest => ("bad-request", "The request can't be understood"),
            Kind::Conflict => ("conflict", "Not possible in the present state"),
            Kind::Forbidden => ("forbidden", "Not allowed with this key"),
            Kind::Internal => ("internal", "Something is wrong on our side"),
            Kind::MethodNotAllowed => ("method-not-allowed", "This path has other methods"),
            Kind::NotFound => ("not-found", "There is nothing here"),
            Kind::NotImplemented => ("not-available-yet", "Not available yet"),
            Kind::PreconditionFailed => ("changed-meanwhile", "It was changed meanwhile"),
            Kind::PreconditionRequired => ("version-needed", "The version is needed"),
            Kind::TooLarge => ("too-large", "The request is too large"),
            Kind::Provider => ("provider", "The provider did not answer as it should"),
            Kind::Unauthorized => ("unauthorized", "Credentials are needed"),
            Kind::UnsupportedMediaType => ("unsupported-media-type", "Send JSON"),
            Kind::Unprocessable => ("invalid", "A value can't be accepted"),
            Kind::Unavailable => ("unavailable", "Not able to work at present"),
        }
    }
}

/// A refusal, ready to be sent.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{detail}")]
pub struct Problem {
    /// Decides status, type and title.
    pub kind: Kind,
    /// What happened, for a person.
    pub detail: String,
    /// Fields at fault.
    pub errors: Vec<FieldError>,
    /// The methods of the path, for [`Kind::MethodNotAllowed`].
    pub allow: Option<String>,
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    errors: &'a [FieldError],
}

impl Problem {
    /// A refusal of this kind.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            errors: Vec::new(),
            allow: None,
        }
    }

    /// A value of one field that breaks a rule.
    pub fn field(field: impl Into<String>, detail: impl Into<String>) -> Self {
        let error = FieldError {
            field: field.into(),
            detail: detail.into(),
        };
        Self {
            kind: Kind::Unprocessable,
            detail: if error.field.is_empty() {
                error.detail.clone()
            } else {
                format!("{}: {}", error.field, error.detail)
            },
            errors: vec![error],
            allow: None,
        }
    }

    /// Nothing here, or nothing that the principal may know of: the same words for both.
    pub fn not_found() -> Self {
        Self::new(Kind::NotFound, "there is nothing at this address")
    }

    /// The document as an answer.
    pub fn to_response(&self) -> http::Response<Bytes> {
        let status = self.kind.status();
        let (slug, title) = self.kind.slug_and_title();
        let document = Document {
            r#type: format!("urn:rollcall:problem:{slug}"),
            title,
            status: status.as_u16(),
            detail: &self.detail,
            errors: &self.errors,
        };
        let mut response = http::Response::new(Bytes::from(
            serde_json::to_vec(&document).unwrap_or_default(),
        ));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(allow) = self.allow.as_deref().and_then(|a| a.parse().ok()) {
            headers.insert(header::ALLOW, allow);
        }
        if self.kind == Kind::Unauthorized {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"rollcall\""),
            );
        }
        response
    }
}

impl From<VariableError> for Problem {
    fn from(error: VariableError) -> Self {
        Problem::new(Kind::Unavailable, error.to_string())
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Variable(error) => error.into(),
            // The text of a store may have anything in it; the operator finds it in the log.
            Error::Store(_) => Problem::new(
                Kind::Unavailable,
                "the key-value store did not answer; try again",
            ),
            Error::Record(crate::record::RecordError::Store(error)) => Error::Store(error).into(),
            Error::Record(error) => Problem::new(Kind::Internal, error.to_string()),
            Error::Busy(_) => Problem::new(Kind::Conflict, error.to_string()),
            #[expect(
                unreachable_patterns,
                reason = "the engine's steps add their own failures"
            )]
            other => Problem::new(Kind::Internal, other.to_string()),
        }
    }
}

impl From<crate::ports::StoreError> for Problem {
    fn from(error: crate::ports::StoreError) -> Self {
        Error::from(error).into()
    }
}

impl From<crate::record::RecordError> for Problem {
    fn from(error: crate::record::RecordError) -> Self {
        Error::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_document_has_the_members_of_rfc_9457() {
        let response = Problem::field("filters[2].status", "must be ALLOW or BLOCK").to_response();
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(response.headers()[header::CONTENT_TYPE], MEDIA_TYPE);
        let document: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        insta::assert_json_snapshot!(document, @r#"
        {
          "detail": "filters[2].status: must be ALLOW or BLOCK",
          "errors": [
            {
              "detail": "must be ALLOW or BLOCK",
              "field": "filters[2].status"
            }
          ],
          "status": 422,
          "title": "A value can't be accepted",
          "type": "urn:rollcall:problem:invalid"
        }
        "#);
    }

    #[test]
    fn a_missing_variable_is_named_and_answered_503() {
        let problem = Problem::from(VariableError::Missing("seal_keys".to_owned()));
        assert_eq!(problem.kind.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(problem.detail.contains("seal_keys"), "{problem}");
        assert!(problem.detail.contains("SPIN_VARIABLE_SEAL_KEYS"));
    }

    #[test]
    fn the_text_of_a_store_failure_is_not_repeated() {
        let failure = crate::ports::StoreError::Failed("key tenant/maple-grove".to_owned());
        assert!(!Problem::from(failure).detail.contains("maple"));
    }
}
