//! Lists of people that end too soon, never, or come twice.

use super::answers::{USERS, students};
use super::row::{
    APPLIED, DOUBTED, Ends, GIVEN_UP, HELD, Row, TOLD, UNAVAILABLE, WAITED, applied, failed,
};
use fake_providers::faults::{Fault, FaultKind};

const LOOPED: Ends = failed("list_looped");

const STOPPED: &str = "the plan is held";

/// Chains of pages.
pub(crate) const ROWS: &[Row] = &[
    Row::answers(
        "the first page empty, once",
        WAITED,
        |_| vec![students(FaultKind::EmptyPage).page(1).times(1)],
        APPLIED,
    ),
    Row::answers(
        "the first page empty, for ever",
        GIVEN_UP,
        |_| vec![students(FaultKind::EmptyPage).page(1)],
        UNAVAILABLE,
    ),
    Row::answers(
        "a middle page empty, once",
        WAITED,
        |_| vec![students(FaultKind::EmptyPage).page(3).times(1)],
        APPLIED,
    ),
    Row::answers(
        "a middle page empty, for ever",
        GIVEN_UP,
        |_| vec![students(FaultKind::EmptyPage).page(2)],
        UNAVAILABLE,
    ),
    Row::answers(
        "the last page empty",
        DOUBTED,
        |_| vec![students(FaultKind::EmptyPage).page(4)],
        applied(2),
    ),
    Row::answers(
        "no next page's token on page 1 of 4",
        STOPPED,
        |_| vec![students(FaultKind::MissingNextPageToken).page(1)],
        HELD,
    ),
    Row::answers(
        "no next page's token on page 3 of 4",
        DOUBTED,
        |_| vec![students(FaultKind::MissingNextPageToken).page(3)],
        applied(2),
    ),
    Row::answers(
        "a page's token repeated",
        TOLD,
        |_| vec![students(FaultKind::RepeatedPageToken)],
        LOOPED,
    ),
    Row::answers(
        "a list without an end",
        TOLD,
        |_| vec![students(FaultKind::EndlessPages)],
        LOOPED,
    ),
    Row::answers(
        "the same page twice",
        TOLD,
        |_| vec![students(FaultKind::DuplicatePage).page(2).times(1)],
        LOOPED,
    ),
    Row::answers(
        "200 with empty lists everywhere",
        STOPPED,
        |_| vec![Fault::at(USERS, FaultKind::EmptyLists)],
        HELD,
    ),
    Row::answers(
        "200 without `users` everywhere",
        GIVEN_UP,
        |_| vec![Fault::at(USERS, FaultKind::EmptyPage)],
        UNAVAILABLE,
    ),
    Row::answers(
        "200 with `{}`",
        GIVEN_UP,
        |_| {
            let no_kind = FaultKind::ChangeAnswer {
                field: "kind".to_owned(),
                value: None,
            };
            vec![
                Fault::at(USERS, FaultKind::EmptyLists),
                Fault::at(USERS, no_kind),
            ]
        },
        UNAVAILABLE,
    ),
    Row::answers(
        "200 with no students",
        STOPPED,
        |_| vec![students(FaultKind::EmptyLists)],
        HELD,
    ),
    Row::answers(
        "200 with no staff",
        DOUBTED,
        |_| {
            let staff = Fault::at(USERS, FaultKind::EmptyLists);
            vec![staff.with_parameter("query", "orgUnitPath='/Staff'")]
        },
        applied(2),
    ),
    Row::answers(
        "a third of each page",
        STOPPED,
        |_| vec![Fault::at(USERS, FaultKind::FirstRecords { count: 10 })],
        HELD,
    ),
];
