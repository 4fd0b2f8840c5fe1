//! Who changed since a time, where the service can say so.

use super::driver::{base, driver, id};
use super::server::{Quirks, Server, Total, parameters, raw};
use bytes::Bytes;
use connectors::fetch::FetchError;
use connectors::oneroster::Version;
use connectors::oneroster::changes::{CHANGES_MAX, Changes, ChangesEnd, ChangesPlan};
use http::Request;
use mapping::ids::ExternalId;
use serde_json::json;
use std::collections::BTreeSet;

fn changes() -> Changes {
    let plan = ChangesPlan {
        base: base(Version::V1_1),
        window: 3,
        seed: 7,
    };
    Changes::start(plan, "2026-08-31T12:00:00Z".parse().unwrap())
}

fn look(server: &Server) -> (BTreeSet<ExternalId>, Result<ChangesEnd, FetchError>) {
    let mut driver = driver(|request: &Request<Bytes>| {
        assert_eq!(
            parameters(request)["filter"],
            "dateLastModified>'2026-08-30T12:00:00.000Z'"
        );
        assert!(!request.uri().query().unwrap().contains('+'));
        Ok(server.answer(request))
    });
    driver.crashes = true;
    let (batches, end) = driver.run(changes());
    (batches.into_iter().flatten().collect(), end)
}

/// A district where these people changed then.
fn changed(rows: std::ops::Range<usize>, at: &str, quirks: Quirks) -> Server {
    let mut server = Server::with(rows.end + 20, quirks);
    for row in &mut server.users()[rows] {
        row["dateLastModified"] = json!(at);
    }
    server
}

#[test]
fn who_changed_is_named_once_and_nobody_else() {
    for total in [Total::Right, Total::Missing] {
        for cap in [usize::MAX, 7] {
            for empty_is_404 in [false, true] {
                let quirks = Quirks {
                    total,
                    cap,
                    empty_is_404,
                    ..Quirks::default()
                };
                let (found, end) =
                    look(&changed(3..33, "2026-08-31T11:00:00.000Z", quirks.clone()));
                assert_eq!((found.len(), end), (30, Ok(ChangesEnd::UpToDate)));
                assert!(found.contains(&id("u-00003")));
                let (found, end) = look(&changed(0..0, "", quirks));
                assert_eq!((found.len(), end), (0, Ok(ChangesEnd::UpToDate)));
            }
        }
    }
}

#[test]
fn o7_a_row_of_the_day_before_or_of_local_time_is_within_the_overlap() {
    for at in [
        "2026-08-30T13:00:00.000Z",
        "2026-08-31",
        "2026-08-30T12:00:01-06:00",
    ] {
        let (found, end) = look(&changed(0..2, at, Quirks::default()));
        assert_eq!((found.len(), end), (2, Ok(ChangesEnd::UpToDate)), "{at}");
    }
}

#[test]
fn o7_a_filter_that_is_ignored_or_refused_is_not_supported() {
    let ignores = Quirks {
        ignores_filter: true,
        ..Quirks::default()
    };
    let (found, end) = look(&changed(0..2, "2026-08-31", ignores));
    assert_eq!((found.len(), end), (0, Ok(ChangesEnd::Unsupported)));
    for error_shape in ['a', 'b', 'c'] {
        let refuses = Quirks {
            refuses_filter: true,
            error_shape,
            ..Quirks::default()
        };
        assert_eq!(
            look(&changed(0..2, "2026-08-31", refuses)).1,
            Ok(ChangesEnd::Unsupported)
        );
    }
}

#[test]
fn too_many_changes_are_left_to_a_whole_read() {
    let most = usize::try_from(CHANGES_MAX).unwrap();
    for total in [Total::Right, Total::Missing] {
        let server = changed(
            0..most + 1,
            "2026-08-31",
            Quirks {
                total,
                ..Quirks::default()
            },
        );
        assert_eq!(look(&server).1, Ok(ChangesEnd::TooMany));
    }
}

#[test]
fn a_service_that_can_not_sort_can_still_filter() {
    let quirks = Quirks {
        refuses_sort: true,
        ..Quirks::default()
    };
    let (found, end) = look(&changed(0..9, "2026-08-31", quirks));
    assert_eq!((found.len(), end), (9, Ok(ChangesEnd::UpToDate)));
}

#[test]
fn trouble_is_a_failure_and_not_the_end_of_the_changes() {
    for (status, kind, body) in [
        (200, "text/html", "<html>"),
        (200, "application/json", "{}"),
        (502, "text/html", ""),
        (403, "application/json", "{}"),
        (401, "text/html", ""),
    ] {
        let mut driver = driver(|_: &_| Ok(raw(status, kind, body)));
        let (_, end) = driver.run(changes());
        assert!(end.is_err(), "{status} {body}");
    }
}
