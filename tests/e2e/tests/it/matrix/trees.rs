//! The tree of org units, shown wrongly.

use super::answers::{ORG_UNITS, answer, error};
use super::row::{APPLIED, GIVEN_UP, Row, TOLD, UNAVAILABLE, WAITED, failed};
use fake_providers::faults::{Fault, FaultKind};
use serde_json::json;

/// The tree, which is one answer.
pub(crate) const ROWS: &[Row] = &[
    Row::answers(
        "no org units",
        GIVEN_UP,
        |_| vec![Fault::at(ORG_UNITS, FaultKind::EmptyLists)],
        UNAVAILABLE,
    ),
    Row::answers(
        "org units without their root",
        GIVEN_UP,
        |_| {
            let moved = FaultKind::ChangeField {
                index: 0,
                field: "orgUnitPath".to_owned(),
                value: Some(json!("/Elsewhere")),
            };
            vec![Fault::at(ORG_UNITS, moved)]
        },
        UNAVAILABLE,
    ),
    Row::answers(
        "a part of the org units",
        TOLD,
        |_| vec![Fault::at(ORG_UNITS, FaultKind::FirstRecords { count: 2 })],
        failed("org_unit_missing"),
    ),
    Row::answers(
        "401 for the org units, once",
        WAITED,
        |_| vec![Fault::at(ORG_UNITS, error(401, None)).times(1)],
        APPLIED,
    ),
    Row::answers(
        "403 for the org units",
        TOLD,
        |_| vec![Fault::at(ORG_UNITS, error(403, None))],
        failed("provider_refused"),
    ),
    Row::answers(
        "org units cut in the middle of their JSON, once",
        WAITED,
        |_| vec![Fault::at(ORG_UNITS, FaultKind::CutText).times(1)],
        APPLIED,
    ),
    Row::answers(
        "org units cut in the middle of their JSON, for ever",
        GIVEN_UP,
        |_| vec![Fault::at(ORG_UNITS, FaultKind::CutText)],
        UNAVAILABLE,
    ),
    Row::answers(
        "a number for the org units",
        GIVEN_UP,
        |_| vec![Fault::at(ORG_UNITS, answer("organizationUnits", json!(7)))],
        UNAVAILABLE,
    ),
];
