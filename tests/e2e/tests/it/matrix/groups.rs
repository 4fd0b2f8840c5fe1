//! Rules that look at groups, and groups that are shown wrongly.

use super::answers::error;
use super::row::{APPLIED, DOUBTED, GIVEN_UP, Row, TOLD, UNAVAILABLE, WAITED, applied, failed};
use fake_providers::faults::{Fault, FaultKind};

const GROUPS: &str = "/admin/directory/v1/groups";
const GROUP: &str = "/admin/directory/v1/groups/*";
const MEMBERS: &str = "/admin/directory/v1/groups/*/members";

/// Rules that name the one group.
pub(crate) const NAMED: &[Row] = &[
    Row::answers(
        "no members, once",
        WAITED,
        |_| vec![Fault::at(MEMBERS, FaultKind::EmptyLists).times(1)],
        APPLIED,
    ),
    Row::answers(
        "no members, for ever",
        GIVEN_UP,
        |_| vec![Fault::at(MEMBERS, FaultKind::EmptyLists)],
        UNAVAILABLE,
    ),
    Row::answers(
        "no `members` on page 2",
        GIVEN_UP,
        |_| vec![Fault::at(MEMBERS, FaultKind::EmptyPage).page(2)],
        UNAVAILABLE,
    ),
    Row::answers(
        "the list of members ends after page 1",
        DOUBTED,
        |_| vec![Fault::at(MEMBERS, FaultKind::MissingNextPageToken).page(1)],
        applied(2),
    ),
    Row::answers(
        "the last page of members empty",
        DOUBTED,
        |_| vec![Fault::at(MEMBERS, FaultKind::EmptyPage).page(3)],
        applied(2),
    ),
    Row::answers(
        "a page of members twice",
        TOLD,
        |_| {
            vec![
                Fault::at(MEMBERS, FaultKind::DuplicatePage)
                    .page(1)
                    .times(1),
            ]
        },
        failed("list_looped"),
    ),
    Row::answers(
        "503 for the members, on page 2",
        WAITED,
        |_| vec![Fault::at(MEMBERS, error(503, None)).page(2).times(1)],
        APPLIED,
    ),
    Row::answers(
        "404 for the group",
        TOLD,
        |_| vec![Fault::at(GROUP, error(404, None))],
        failed("group_missing"),
    ),
    Row::answers(
        "404 for the members",
        TOLD,
        |_| vec![Fault::at(MEMBERS, error(404, None))],
        failed("group_missing"),
    ),
    Row::answers(
        "403 for the group",
        TOLD,
        |_| {
            vec![Fault::at(
                GROUP,
                error(403, Some("insufficientPermissions")),
            )]
        },
        failed("provider_refused"),
    ),
];

/// Rules that look at every group.
pub(crate) const ALL: &[Row] = &[
    Row::answers(
        "no groups",
        GIVEN_UP,
        |_| vec![Fault::at(GROUPS, FaultKind::EmptyLists)],
        UNAVAILABLE,
    ),
    Row::answers(
        "the first page of groups empty",
        GIVEN_UP,
        |_| vec![Fault::at(GROUPS, FaultKind::EmptyPage).page(1)],
        UNAVAILABLE,
    ),
    Row::answers(
        "the list of groups ends after page 1",
        DOUBTED,
        |_| vec![Fault::at(GROUPS, FaultKind::MissingNextPageToken).page(1)],
        applied(2),
    ),
    Row::answers(
        "the list of groups cut in the middle of its JSON",
        GIVEN_UP,
        |_| vec![Fault::at(GROUPS, FaultKind::CutText)],
        UNAVAILABLE,
    ),
    Row::answers(
        "429 for the groups",
        WAITED,
        |_| vec![Fault::at(GROUPS, error(429, None)).times(1)],
        APPLIED,
    ),
];
