//! Error answers in every shape that Google has.

use super::district::{error, raw};
use bytes::Bytes;
use connectors::google::errors::{ApiError, Reason, RetryAdvice};
use http::Response;

fn new_style(status: u16, name: &str, details: &str) -> Response<Bytes> {
    let body = format!(
        r#"{{"error":{{"code":{status},"message":"x","status":"{name}","details":[{details}]}}}}"#
    );
    raw(status, "application/json", &body)
}

fn reason(response: &Response<Bytes>) -> Reason {
    ApiError::parse(response).reason
}

#[test]
fn the_meanings_of_a_403_are_told_apart() {
    let cases = [
        (
            error(
                403,
                "forbidden",
                "Not Authorized to access this resource/api",
            ),
            Reason::Forbidden,
        ),
        (
            error(403, "insufficientPermissions", "Insufficient Permission"),
            Reason::MissingScope,
        ),
        (error(403, "accessNotConfigured", "x"), Reason::ApiDisabled),
        (
            error(403, "domainCannotUseApis", "x"),
            Reason::DomainApisOff,
        ),
        (
            error(403, "userRateLimitExceeded", "x"),
            Reason::RateLimited,
        ),
        (error(403, "quotaExceeded", "x"), Reason::RateLimited),
        (error(403, "limitExceeded", "x"), Reason::LimitReached),
        (
            raw(403, "text/plain", "Domain cannot use apis."),
            Reason::DomainApisOff,
        ),
        (
            raw(403, "text/plain", "Invalid domain."),
            Reason::DomainUnknown,
        ),
        (raw(403, "text/html", "<html>403</html>"), Reason::Forbidden),
    ];
    for (response, expected) in cases {
        assert_eq!(reason(&response), expected, "{:?}", response.body());
    }
}

#[test]
fn the_new_style_is_read_by_its_details_and_its_status() {
    let scope = r#"{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"ACCESS_TOKEN_SCOPE_INSUFFICIENT"}"#;
    let cases = [
        (
            new_style(403, "PERMISSION_DENIED", scope),
            Reason::MissingScope,
        ),
        (new_style(403, "PERMISSION_DENIED", ""), Reason::Forbidden),
        (new_style(401, "UNAUTHENTICATED", ""), Reason::AuthError),
        (
            new_style(429, "RESOURCE_EXHAUSTED", ""),
            Reason::RateLimited,
        ),
        (new_style(503, "UNAVAILABLE", ""), Reason::Backend),
        (new_style(409, "ABORTED", ""), Reason::Conflict),
        (new_style(409, "ALREADY_EXISTS", ""), Reason::Duplicate),
        (new_style(418, "SURPRISE", ""), Reason::Unknown),
    ];
    for (response, expected) in cases {
        assert_eq!(reason(&response), expected, "{:?}", response.body());
    }
}

#[test]
fn a_user_that_is_not_ready_is_told_from_other_conditions() {
    let settling = error(412, "conditionNotMet", "User creation is not complete.");
    let cyclic = error(412, "conditionNotMet", "Cyclic memberships not allowed");
    assert_eq!(reason(&settling), Reason::Settling);
    assert_eq!(ApiError::parse(&settling).retry, RetryAdvice::After(None));
    assert_eq!(reason(&cyclic), Reason::ConditionNotMet);
    assert_eq!(ApiError::parse(&cyclic).retry, RetryAdvice::No);
}

#[test]
fn a_missing_user_is_told_from_a_missing_page_and_a_missing_domain() {
    let user = error(404, "notFound", "Resource Not Found: userKey");
    let domain = error(404, "notFound", "Resource Not Found: domain");
    let page = raw(404, "text/html", "<html>404</html>");
    assert!(ApiError::parse(&user).is_user_missing());
    assert!(!ApiError::parse(&domain).is_user_missing());
    assert!(!ApiError::parse(&page).is_user_missing());
}

#[test]
fn no_sentence_repeats_what_the_answer_said() {
    let secret = "dana.okafor@maplegrove.example";
    for status in [400, 401, 403, 404, 409, 412, 418, 429, 500, 503] {
        for response in [
            error(status, "invalid", secret),
            raw(status, "text/plain", secret),
        ] {
            let error = ApiError::parse(&response);
            assert!(!format!("{error} {error:?}").contains("okafor"));
            assert!(error.to_string().contains(&status.to_string()));
        }
    }
}

#[test]
fn garbage_is_read_by_its_status() {
    for body in [
        "",
        "null",
        "[]",
        "{\"error\":5}",
        "{\"error\":{\"errors\":[]}}",
        "\u{0}",
    ] {
        assert_eq!(
            reason(&raw(500, "application/json", body)),
            Reason::Backend,
            "{body:?}"
        );
        assert_eq!(
            reason(&raw(401, "application/json", body)),
            Reason::AuthError,
            "{body:?}"
        );
    }
    let huge = "x".repeat(200_000);
    assert_eq!(reason(&raw(502, "text/html", &huge)), Reason::Backend);
}
