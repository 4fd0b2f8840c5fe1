//! Single answers of Google's that are errors, or nonsense.

use super::row::{APPLIED, Break, Faults, GIVEN_UP, Row, TOLD, UNAVAILABLE, WAITED, failed};
use fake_providers::faults::{Fault, FaultKind};
use serde_json::json;

pub(crate) const USERS: &str = "/admin/directory/v1/users";
pub(crate) const ORG_UNITS: &str = "/admin/directory/v1/customer/*/orgunits";

/// A fault of the list of students.
pub(crate) fn students(kind: FaultKind) -> Fault {
    Fault::at(USERS, kind).with_parameter("query", "orgUnitPath='/Students'")
}

pub(crate) fn error(status: u16, reason: Option<&str>) -> FaultKind {
    FaultKind::Error {
        status,
        reason: reason.map(str::to_owned),
        retry_after_seconds: None,
    }
}

fn retry_after(status: u16, seconds: u32) -> FaultKind {
    FaultKind::Error {
        status,
        reason: None,
        retry_after_seconds: Some(seconds),
    }
}

/// A part of the answer itself that is something else.
pub(crate) fn answer(field: &str, value: serde_json::Value) -> FaultKind {
    FaultKind::ChangeAnswer {
        field: field.to_owned(),
        value: Some(value),
    }
}

const fn passes(fault: &'static str, faults: Faults) -> Row {
    Row::answers(fault, WAITED, faults, APPLIED)
}

const fn stays(fault: &'static str, faults: Faults) -> Row {
    Row::answers(fault, GIVEN_UP, faults, UNAVAILABLE)
}

const fn tells(fault: &'static str, faults: Faults, code: &'static str) -> Row {
    Row::answers(fault, TOLD, faults, failed(code))
}

/// Errors, as Google words them.
pub(crate) const ERRORS: &[Row] = &[
    passes("401 once", |_| vec![students(error(401, None)).times(1)]),
    tells(
        "401 for ever",
        |_| vec![students(error(401, None))],
        "unauthorized",
    ),
    passes("403 for the rate, on page 2", |_| {
        vec![
            students(error(403, Some("rateLimitExceeded")))
                .page(2)
                .times(1),
        ]
    }),
    passes("403 for the user's rate", |_| {
        vec![students(error(403, Some("userRateLimitExceeded"))).times(1)]
    }),
    passes("403 for the quota", |_| {
        vec![students(error(403, Some("quotaExceeded"))).times(1)]
    }),
    tells(
        "403 for a scope",
        |_| vec![students(error(403, Some("insufficientPermissions")))],
        "provider_refused",
    ),
    tells(
        "403 for a privilege, on page 3",
        |_| vec![students(error(403, None)).page(3)],
        "provider_refused",
    ),
    tells(
        "403 for the domain's policy",
        |_| vec![students(error(403, Some("domainCannotUseApis")))],
        "provider_refused",
    ),
    tells(
        "403 for an API that is off",
        |_| vec![students(error(403, Some("accessNotConfigured")))],
        "provider_refused",
    ),
    tells(
        "404 for a list",
        |_| vec![students(error(404, None))],
        "provider_refused",
    ),
    tells(
        "400 for a list",
        |_| vec![students(error(400, None))],
        "provider_refused",
    ),
    passes("412 once", |_| vec![students(error(412, None)).times(1)]),
    stays("412 for ever", |_| vec![students(error(412, None))]),
    passes("429 with `Retry-After`", |_| {
        vec![students(retry_after(429, 7)).times(1)]
    }),
    passes("429 without `Retry-After`, on page 2", |_| {
        vec![students(error(429, None)).page(2).times(1)]
    }),
    stays("429 for ever", |_| vec![students(error(429, None))]),
    passes("three times 500 in the middle of a list", |_| {
        vec![students(error(500, None)).page(2).times(3)]
    }),
    stays("500 for ever in the middle of a list", |_| {
        vec![students(error(500, None)).page(3)]
    }),
    passes("502 as a page of HTML", |_| {
        vec![students(FaultKind::Html { status: 502 }).page(2).times(1)]
    }),
    passes("503 with `Retry-After` on the last page", |_| {
        vec![students(retry_after(503, 20)).page(4).times(1)]
    }),
    stays("503 for ever", |_| {
        vec![Fault::at("/admin/*", error(503, None))]
    }),
    passes("500 when somebody who is missing is asked for", |_| {
        vec![Fault::at("/admin/directory/v1/users/*", error(500, None)).times(2)]
    }),
];

/// Answers that are no answers.
pub(crate) const NONSENSE: &[Row] = &[
    passes("HTML with 200, once", |_| {
        vec![students(FaultKind::Html { status: 200 }).times(1)]
    }),
    stays("HTML with 200, for ever", |_| {
        vec![students(FaultKind::Html { status: 200 })]
    }),
    passes("a page cut in the middle of its JSON, once", |_| {
        vec![students(FaultKind::CutText).page(2).times(1)]
    }),
    stays("a page cut in the middle of its JSON, for ever", |_| {
        vec![students(FaultKind::CutText).page(4)]
    }),
    passes("a compressed page cut off", |_| {
        vec![students(FaultKind::TruncatedBody).page(3).times(1)]
    }),
    stays("a text where the list ought to be", |_| {
        vec![students(answer("users", json!("none"))).page(2)]
    }),
    stays("an answer of another kind", |_| {
        vec![students(answer("kind", json!("admin#directory#groups")))]
    }),
    stays("a number for the next page's token", |_| {
        vec![students(answer("nextPageToken", json!(7))).page(1)]
    }),
    passes("a connection reset in the middle of a list", |_| {
        vec![students(FaultKind::ConnectionReset).page(3).times(2)]
    }),
    stays("connections reset for ever", |_| {
        vec![students(FaultKind::ConnectionReset)]
    }),
    Row::new(
        "connections refused",
        GIVEN_UP,
        Break::Before(|scene| {
            Box::pin(async {
                scene.world.google.go_down();
                Ok(())
            })
        }),
        UNAVAILABLE,
    )
    .mended(|scene| Box::pin(async { Ok(scene.world.google.come_up().await?) })),
    passes("no answer for 30 s", |_| {
        vec![students(FaultKind::Stall { seconds: 30 }).page(2).times(1)]
    }),
];
