//! Errors in the shapes in which servers write them (PROVIDERS 6.7).

use serde_json::{Value, json};

use super::quirks::{ErrorShape, Quirks, Unauthorized};
use super::render::Version;
use super::reply;
use crate::reply::Reply;

/// Why a read is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Minor {
    Forbidden,
    InternalServerError,
    InvalidData,
    InvalidFilterField,
    InvalidSelectionField,
    InvalidSortField,
    ServerBusy,
    Unauthorised,
    UnknownObject,
}

impl Minor {
    fn status(self) -> u16 {
        match self {
            Self::Forbidden => 403,
            Self::InternalServerError => 500,
            Self::InvalidData
            | Self::InvalidFilterField
            | Self::InvalidSelectionField
            | Self::InvalidSortField => 400,
            Self::ServerBusy => 429,
            Self::Unauthorised => 401,
            Self::UnknownObject => 404,
        }
    }

    fn text(self, version: Version) -> &'static str {
        match (self, version) {
            (Self::Forbidden, _) => "forbidden",
            (Self::InternalServerError, _) => "internal_server_error",
            (Self::InvalidData, Version::V1p1) => "invalid data",
            (Self::InvalidData, Version::V1p2) => "invaliddata",
            (Self::InvalidFilterField, _) => "invalid_filter_field",
            (Self::InvalidSelectionField, _) => "invalid_selection_field",
            (Self::InvalidSortField, _) => "invalid_sort_field",
            (Self::ServerBusy, _) => "server_busy",
            (Self::Unauthorised, Version::V1p1) => "unauthorized",
            (Self::Unauthorised, Version::V1p2) => "unauthorisedrequest",
            (Self::UnknownObject, Version::V1p1) => "unknown object",
            (Self::UnknownObject, Version::V1p2) => "unknownobject",
        }
    }
}

/// A refusal.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) minor: Minor,
    pub(super) description: String,
    /// The status, where it is not the one that usually goes with the reason.
    status: Option<u16>,
}

impl Failure {
    pub(super) fn new(minor: Minor, description: impl Into<String>) -> Self {
        Self {
            minor,
            description: description.into(),
            status: None,
        }
    }

    /// The failure of a status.
    pub(super) fn of_status(status: u16) -> Self {
        let (minor, description) = match status {
            401 => (Minor::Unauthorised, "The request is not authorized"),
            403 => (Minor::Forbidden, "The request is forbidden"),
            404 => (Minor::UnknownObject, "Unknown object"),
            429 => (Minor::ServerBusy, "Too many requests"),
            400..=499 => (Minor::InvalidData, "Invalid data"),
            _ => (Minor::InternalServerError, "Internal error"),
        };
        let failure = Self::new(minor, description);
        Self {
            status: Some(status),
            ..failure
        }
    }

    pub(super) fn reply(&self, version: Version, quirks: &Quirks) -> Reply {
        let status = self.status.unwrap_or_else(|| self.minor.status());
        if self.minor == Minor::Unauthorised && status == 401 {
            match quirks.unauthorized {
                Unauthorized::Error => {}
                Unauthorized::Empty => return Reply::empty(401),
                Unauthorized::EmptyWith200 => return Reply::empty(200),
                Unauthorized::Html => return reply::sign_in_page(401),
                Unauthorized::LoginPage => return reply::sign_in_page(200),
            }
        }
        if quirks.errors == ErrorShape::PlainText {
            return reply::text(status, &self.description);
        }
        let body = info(
            self.minor,
            ("failure", "error"),
            &self.description,
            version,
            quirks.errors,
        );
        Reply::json(status, &body)
    }
}

/// What comes beside a list that is not in the order asked for.
pub(super) fn sort_warning(version: Version, errors: ErrorShape) -> Value {
    info(
        Minor::InvalidSortField,
        ("success", "warning"),
        "The sort field is ignored",
        version,
        errors,
    )
}

fn info(
    minor: Minor,
    (major, severity): (&str, &str),
    description: &str,
    version: Version,
    shape: ErrorShape,
) -> Value {
    let code = minor.text(version);
    match (shape, version) {
        (ErrorShape::Version, Version::V1p2) => json!({
            "imsx_codeMajor": major, "imsx_severity": severity, "imsx_description": description,
            "imsx_CodeMinor": { "imsx_codeMinorField": [
                { "imsx_codeMinorFieldName": "TargetEndSystem", "imsx_codeMinorFieldValue": code },
            ] },
        }),
        (ErrorShape::PlainText | ErrorShape::StatusInfoSet | ErrorShape::Version, _) => json!({
            "statusInfoSet": [{
                "imsx_codeMajor": major, "imsx_severity": severity,
                "imsx_operationRefIdentifier": "read", "imsx_description": description,
                "imsx_codeMinor": code,
            }],
        }),
        (ErrorShape::Capitalised, _) => json!({
            "CodeMajor": major, "Severity": severity, "CodeMinor": code, "Description": description,
        }),
        (ErrorShape::LowerCase, _) => json!({
            "codeMajor": major, "severity": severity, "codeMinor": code, "description": description,
        }),
    }
}
