//! Records that can't be right.

use super::answers::students;
use super::row::{APPLIED, GIVEN_UP, NAMED, Row, UNAVAILABLE};
use fake_providers::faults::{Fault, FaultKind};
use serde_json::{Value, json};

/// A field of the record at a place of the first page.
fn record(index: usize, field: &str, value: Option<Value>) -> Fault {
    let kind = FaultKind::ChangeField {
        index,
        field: field.to_owned(),
        value,
    };
    students(kind).times(1)
}

/// People of the first page of students.
pub(crate) const ROWS: &[Row] = &[
    Row::answers(
        "somebody in no org unit",
        NAMED,
        |_| vec![record(0, "orgUnitPath", None)],
        APPLIED,
    ),
    Row::answers(
        "somebody without an id",
        NAMED,
        |_| vec![record(1, "id", None)],
        APPLIED,
    ),
    Row::answers(
        "somebody without an address",
        NAMED,
        |_| vec![record(2, "primaryEmail", None)],
        APPLIED,
    ),
    Row::answers(
        "a number for an address",
        NAMED,
        |_| vec![record(5, "primaryEmail", Some(json!(7)))],
        APPLIED,
    ),
    Row::answers(
        "an address that is none",
        NAMED,
        |_| vec![record(6, "primaryEmail", Some(json!("nobody")))],
        APPLIED,
    ),
    Row::answers(
        "a list for a name",
        NAMED,
        |_| vec![record(3, "name", Some(json!([1])))],
        APPLIED,
    ),
    Row::answers(
        "a word for suspended",
        NAMED,
        |_| vec![record(4, "suspended", Some(json!("yes")))],
        APPLIED,
    ),
    Row::answers(
        "one address in two records",
        NAMED,
        |scene| {
            let second = scene.students().get(1).cloned();
            vec![record(0, "primaryEmail", Some(json!(second)))]
        },
        APPLIED,
    ),
    Row::answers(
        "an address in capitals",
        "it is the same address",
        |scene| {
            let first = scene
                .students()
                .first()
                .map(|address| address.to_uppercase());
            vec![record(0, "primaryEmail", Some(json!(first)))]
        },
        APPLIED,
    ),
    Row::answers(
        "one record twice on a page",
        GIVEN_UP,
        |scene| {
            let id = scene.students().first().and_then(|first| {
                scene.world.google.with_directory(|directory| {
                    directory.user(first).map(|user| user.id.to_string())
                })
            });
            let kind = FaultKind::ChangeField {
                index: 1,
                field: "id".to_owned(),
                value: Some(json!(id)),
            };
            vec![students(kind).page(1)]
        },
        UNAVAILABLE,
    ),
];
