//! Whether a district is to be believed when somebody is missing from it.

use super::district::{District, error, ok};
use super::driver::{plan, read};
use connectors::fetch::{Asking, CompleteRead, Doubt, FetchError, Refusal};
use serde_json::{Value, json};

fn read_with(fields: &Value) -> Result<CompleteRead, FetchError> {
    let mut district = District::new(3, 3);
    for (name, value) in fields.as_object().unwrap() {
        district.about[name] = value.clone();
    }
    read(plan(), |request| Ok(district.answer(request))).1
}

fn doubts(fields: &Value) -> Vec<Doubt> {
    read_with(fields)
        .unwrap()
        .doubts()
        .iter()
        .copied()
        .collect()
}

#[test]
fn only_a_district_that_is_well_is_believed() {
    for state in ["running", "success"] {
        assert_eq!(doubts(&json!({ "state": state })), []);
    }
    for state in [
        json!("pending"),
        json!("error"),
        json!(""),
        json!(null),
        json!(7),
        json!("x"),
    ] {
        assert_eq!(
            doubts(&json!({ "state": state })),
            [Doubt::NotRunning],
            "{state}"
        );
    }
    assert_eq!(doubts(&json!({ "state": "paused" })), [Doubt::Paused]);
    assert_eq!(
        doubts(&json!({ "error": "the upload failed" })),
        [Doubt::NotRunning]
    );
}

#[test]
fn nobody_is_absent_while_the_sync_is_paused() {
    // It is 2026-09-01, 03:00 UTC.
    for (start, end, is_paused) in [
        (json!("2026-08-20"), json!("2026-09-10"), true),
        (
            json!("2026-08-20T00:00:00.000Z"),
            json!("2026-09-01T03:00:01.000Z"),
            true,
        ),
        (
            json!("2026-08-20T00:00:00.000Z"),
            json!("2026-09-01T02:59:59.000Z"),
            false,
        ),
        (json!("2026-09-01T03:00:01Z"), json!("2026-09-10"), false),
        // The last day is a whole day, wherever the district is.
        (json!("2026-08-20"), json!("2026-08-31"), true),
        (json!("2026-08-20"), json!("2026-08-30"), false),
        (json!("2026-09-01"), json!("2026-09-10"), true),
        (json!("2026-09-02"), json!("2026-09-10"), false),
        // One that has not been ended, and one of which the beginning is not known.
        (json!("2026-08-20"), json!(null), true),
        (json!(null), json!("2026-09-10"), true),
        (json!(null), json!("2026-08-10"), false),
        // One that can't be read may be now.
        (json!("summer"), json!("2026-09-10"), true),
        (json!("2026-08-20"), json!("autumn"), true),
        (json!(7), json!(null), true),
        (json!(""), json!(""), false),
    ] {
        let found = doubts(&json!({ "pause_start": start, "pause_end": end }));
        let wanted: &[Doubt] = if is_paused { &[Doubt::Paused] } else { &[] };
        assert_eq!(found, wanted, "{start} to {end}");
    }
}

#[test]
fn another_district_is_never_read() {
    let other = json!({ "id": "5f3a9c0e1d2b4c0011aa00d2" });
    assert_eq!(read_with(&other).err(), Some(FetchError::DistrictNotShared));
    let nobody = || ok(&json!({ "data": [], "links": [] }));
    let (batches, end) = read(plan(), |_| Ok(nobody()));
    assert_eq!(end.err(), Some(FetchError::DistrictNotShared));
    assert_eq!(batches.len(), 1);
}

#[test]
fn a_token_without_the_district_reads_nothing() {
    let (_, end) = read(plan(), |_| Ok(error(403, "Resource not in token's scopes")));
    let (asking, refusal) = (Asking::District, Refusal::MissingScope);
    assert_eq!(end.err(), Some(FetchError::Refused { asking, refusal }));
}
