//! From a request's body to a typed value, or to a problem that names the field.

use super::locate::{Behind, path_at};
use super::{FieldError, Kind, Problem};
use bytes::Bytes;
use http::header;
use serde::de::DeserializeOwned;

/// Largest body accepted, in bytes, unless a door says otherwise.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// Reads a JSON body strictly: the media type must be JSON, the size within [`BODY_BYTES_MAX`],
/// and the types must fit.
pub fn parse_json<T: DeserializeOwned>(request: &http::Request<Bytes>) -> Result<T, Problem> {
    let body = request.body();
    if body.len() > BODY_BYTES_MAX {
        return Err(Problem::new(
            Kind::TooLarge,
            format!("the body may have at most {BODY_BYTES_MAX} bytes"),
        ));
    }
    if !is_json(request) {
        return Err(Problem::new(
            Kind::UnsupportedMediaType,
            "the body must be sent with the header content-type: application/json",
        ));
    }
    let text = std::str::from_utf8(body).map_err(|error| {
        Problem::new(
            Kind::BadRequest,
            format!("the body is not UTF-8 at byte {}", error.valid_up_to()),
        )
    })?;
    serde_json::from_slice(text.as_bytes()).map_err(|error| {
        let is_missing = error.to_string().starts_with("missing field");
        let behind = if is_missing {
            Behind::Whole
        } else {
            Behind::Element
        };
        let path = path_at(text, (error.line(), error.column()), behind);
        to_problem(&path, &error)
    })
}

fn is_json(request: &http::Request<Bytes>) -> bool {
    request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|media| {
            let media = media.trim().to_ascii_lowercase();
            media == "application/json" || media.ends_with("+json")
        })
}

fn to_problem(path: &str, error: &serde_json::Error) -> Problem {
    if !error.is_data() {
        return Problem::new(
            Kind::BadRequest,
            format!(
                "the body is not JSON: it breaks off or has a fault at line {} column {}",
                error.line(),
                error.column()
            ),
        );
    }
    let message = error.to_string();
    let (field, detail) = describe(path, strip_position(&message));
    Problem {
        kind: Kind::Unprocessable,
        detail: if field.is_empty() {
            detail.clone()
        } else {
            format!("{field}: {detail}")
        },
        errors: vec![FieldError { field, detail }],
        allow: None,
    }
}

fn strip_position(message: &str) -> &str {
    message
        .rfind(" at line ")
        .and_then(|at| message.get(..at))
        .unwrap_or(message)
}

/// The parser's message without the value it complains about: everything it quotes comes from the
/// request, except the names it expected.
fn describe(path: &str, message: &str) -> (String, String) {
    let field = if path == "." { "" } else { path };
    for (start, detail) in [
        ("missing field `", "must be there"),
        ("duplicate field `", "is there twice"),
    ] {
        if let Some(name) = quoted_after(message, start) {
            return (join(field, name), detail.to_owned());
        }
    }
    let expected = message
        .rsplit_once(", expected ")
        .map(|(_, expected)| expected);
    let detail = match (expected, message.split(' ').take(2).last()) {
        (Some(expected), Some("field")) => {
            format!("is not a known field; expected {expected}")
        }
        (None, Some("field")) if message.starts_with("unknown") => {
            "is not a known field".to_owned()
        }
        (Some(expected), _) => format!("must be {expected}"),
        (None, _) => message.to_owned(),
    };
    (field.to_owned(), detail)
}

fn join(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        _ if path == name || path.ends_with(&format!(".{name}")) => path.to_owned(),
        _ => format!("{path}.{name}"),
    }
}

fn quoted_after<'a>(message: &'a str, start: &str) -> Option<&'a str> {
    message.strip_prefix(start)?.split('`').next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        name: String,
        #[serde(default)]
        list: Vec<Inner>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        limit: u8,
    }

    fn check(body: &[u8], status: StatusCode, field: &str) -> Problem {
        let request = http::Request::post("/")
            .header("content-type", "application/json; charset=utf-8")
            .body(Bytes::copy_from_slice(body))
            .unwrap();
        let problem = parse_json::<Sample>(&request).unwrap_err();
        assert_eq!(problem.kind.status(), status, "{problem:?}");
        let found = problem.errors.first().map_or("", |e| e.field.as_str());
        assert_eq!(found, field, "{problem:?}");
        problem
    }

    #[test]
    fn a_fault_names_its_field_and_never_its_value() {
        let refused = StatusCode::UNPROCESSABLE_ENTITY;
        for (body, field) in [
            (
                r#"{"name":"a","list":[{"limit":1},{"limit":"dana"}]}"#,
                "list[1].limit",
            ),
            (
                r#"{"name":"a","list":[{"limit":1,"dana":2}]}"#,
                "list[0].dana",
            ),
            (r#"{"name":"a","list":[{}]}"#, "list[0].limit"),
            (r#"{"list":[]}"#, "name"),
            (r#"{"name":"dana","name":"b"}"#, "name"),
            (r#"{"name":7}"#, "name"),
            (r#""dana""#, ""),
        ] {
            let problem = check(body.as_bytes(), refused, field);
            if !field.contains("dana") {
                assert!(!problem.detail.contains("dana"), "{problem:?}");
            }
        }
    }

    #[test]
    fn what_is_no_json_is_a_bad_request() {
        for body in [
            &b""[..],
            b"{",
            b"{\"name\":\"a\"} x",
            b"\xff\xfe",
            b"{\"name\":\"a\xff\"}",
        ] {
            check(body, StatusCode::BAD_REQUEST, "");
        }
    }

    #[test]
    fn a_body_over_the_limit_is_refused_before_parsing() {
        check(
            &vec![b' '; BODY_BYTES_MAX + 1],
            StatusCode::PAYLOAD_TOO_LARGE,
            "",
        );
    }

    #[test]
    fn another_media_type_is_refused() {
        let request = http::Request::post("/")
            .header("content-type", "text/plain")
            .body(Bytes::from_static(b"{\"name\":\"a\"}"))
            .unwrap();
        let problem = parse_json::<Sample>(&request).unwrap_err();
        assert_eq!(problem.kind, Kind::UnsupportedMediaType);
    }
}
