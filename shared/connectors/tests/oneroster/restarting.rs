//! ClassLink's numbered states, invented people, and rows that shift while they are read.

use super::district::{students, user};
use super::driver::{Staged, driver, now, plan, stage};
use super::server::Server;
use bytes::Bytes;
use connectors::fetch::{Asking, CompleteRead, Connector, Doubt, FetchError, Poll};
use connectors::oneroster::Version;
use connectors::oneroster::fetch::{Fetch, RESTARTS_MAX};
use http::Request;

use proptest::prelude::*;
use std::collections::BTreeMap;

type End = Result<CompleteRead, FetchError>;

/// Reads a server that changes between answers; `change` is told how many lists of users it gave.
fn read(change: impl Fn(&mut Server, usize), crashes: bool, seed: u64) -> (Staged, usize, End) {
    let mut server = Server::new(Version::V1_1, 57);
    server.headers.insert("x-perm-rev", "r1".to_owned());
    let mut given = 0;
    let mut driver = driver(|request: &Request<Bytes>| {
        if request.uri().path().ends_with("users") {
            change(&mut server, given);
            given += 1;
        }
        Ok(server.answer(request))
    });
    driver.crashes = crashes;
    driver.seed = seed;
    let (batches, end) = driver.run(Fetch::start(plan(Version::V1_1), now()));
    let restarts = batches.iter().filter(|batch| batch.restarted).count();
    (stage(batches), restarts, end)
}

#[test]
fn a_state_that_changes_voids_what_was_read() {
    for (crashes, seed) in [(false, 1), (true, 1), (false, 5), (true, 5), (false, 11)] {
        let change = |server: &mut Server, given: usize| {
            if given == 3 {
                server.headers.insert("x-perm-rev", "r2".to_owned());
                *server.users() = students(Version::V1_1, 20);
                server
                    .users()
                    .push(user(Version::V1_1, "zz", "teacher", &["HS-01"]));
            }
        };
        let (staged, restarts, end) = read(change, crashes, seed);
        assert!(restarts >= 1);
        assert_eq!(end.unwrap().totals().records, 21);
        assert_eq!(staged.records.len(), 21);
        assert_eq!(staged.schooling.len(), 3);
    }
}

#[test]
fn a_state_that_never_rests_is_a_failure() {
    let change = |server: &mut Server, given: usize| {
        server.headers.insert("x-perm-rev", given.to_string());
    };
    let (_, restarts, end) = read(change, false, 1);
    assert_eq!(end, Err(FetchError::Unsettled));
    assert_eq!(restarts, usize::try_from(RESTARTS_MAX).unwrap());
}

#[test]
fn the_state_that_was_read_is_known() {
    let mut server = Server::new(Version::V1_1, 1);
    server.headers.insert("x-perm-rev", "r9".to_owned());
    let mut fetch = Fetch::start(plan(Version::V1_1), now());
    assert_eq!((fetch.revision(), fetch.restarts()), (None, 0));
    let access = super::driver::bearer(super::server::TOKEN);
    if let Poll::Send { chain, request, .. } = fetch.poll(now(), &access) {
        fetch.handle_response(chain, now(), Ok(&server.answer(&request)));
    }
    assert_eq!(fetch.revision(), Some("r9"));
}

#[test]
fn o18_invented_people_are_doubted() {
    for (value, is_doubted) in [("true", true), ("false", false)] {
        let change = |server: &mut Server, _: usize| {
            server.headers.insert("x-obfuscated", value.to_owned());
        };
        let (_, _, end) = read(change, false, 1);
        assert_eq!(
            end.unwrap().doubts().contains(&Doubt::Obfuscated),
            is_doubted
        );
    }
}

#[test]
fn o6_rows_that_shift_are_read_once_more() {
    // Somebody leaves from an early page: the row that moves up is on no page.
    let leave = |server: &mut Server, given: usize| {
        if given == 3 {
            server.users().retain(|user| user["sourcedId"] != "u-00001");
        }
    };
    let (staged, restarts, end) = read(leave, true, 1);
    assert_eq!(end.unwrap().totals().records, 59);
    assert_eq!((staged.records.len(), restarts), (60, 0));
    // Somebody comes: the row that moves down is on two pages.
    let come = |server: &mut Server, given: usize| {
        if given == 3 {
            server
                .users()
                .push(user(Version::V1_1, "u-00000b", "student", &["HS-01"]));
        }
    };
    let (staged, _, end) = read(come, true, 1);
    assert_eq!(end.unwrap().totals().records, 61);
    assert_eq!(staged.records.len(), 61);
}

#[test]
fn o6_a_page_lost_once_is_found_and_one_lost_for_good_is_a_failure() {
    for (times, is_found) in [(1, true), (usize::MAX, false)] {
        let server = Server::new(Version::V1_1, 57);
        let mut left = times;
        let mut driver = driver(|request: &Request<Bytes>| {
            let mut response = server.answer(request);
            let asked = super::server::parameters(request);
            if left > 0 && request.uri().path().ends_with("users") && asked["offset"] == "20" {
                left -= 1;
                *response.body_mut() = Bytes::from_static(b"{\"users\":[]}");
            }
            Ok(response)
        });
        let (batches, end) = driver.run(Fetch::start(plan(Version::V1_1), now()));
        if is_found {
            assert!(end.is_ok(), "{end:?}");
            assert_eq!(stage(batches).records.len(), 60);
        } else {
            assert!(matches!(
                end,
                Err(FetchError::ShortOfTotal {
                    asking: Asking::Users,
                    expected: 61,
                    ..
                })
            ));
        }
    }
}

#[test]
fn o6_rows_that_shift_again_and_again_are_a_failure() {
    let leave = |server: &mut Server, _: usize| {
        server.users().remove(0);
    };
    assert_eq!(read(leave, false, 1).2, Err(FetchError::Unsettled));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn o6_whoever_stays_is_read_or_the_read_fails(
        leaves in proptest::collection::btree_map(0_usize..30, 0_usize..61, 1..5),
        crashes: bool,
        seed: u64,
    ) {
        let leaves: BTreeMap<usize, usize> = leaves;
        let left = std::cell::RefCell::new(std::collections::BTreeSet::new());
        let leave = |server: &mut Server, given: usize| {
            if let Some(at) = leaves.get(&given) {
                let at = at % server.users().len();
                let gone = server.users().remove(at);
                left.borrow_mut().insert(gone["sourcedId"].as_str().unwrap().to_owned());
            }
        };
        let (staged, _, end) = read(leave, crashes, seed);
        if end.is_ok() {
            let all = Server::new(Version::V1_1, 57);
            for user in &all.lists["users"] {
                let id = user["sourcedId"].as_str().unwrap();
                let is_read = staged.records.contains_key(&super::driver::id(id));
                prop_assert!(is_read || id == "p-1" || left.borrow().contains(id), "{} is missing", id);
            }
        }
    }
}
