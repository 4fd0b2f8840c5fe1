//! Each way in which servers page differently (PROVIDERS 6.5 and 11).

use super::driver::{count, driver, now, plan, read, stage};
use super::server::{Quirks, Server, Total, parameters};
use connectors::fetch::{Asking, FetchError, Loop};
use connectors::oneroster::Version;
use connectors::oneroster::fetch::{Fetch, PAGES_PER_LIST_MAX};
use proptest::prelude::*;
use std::cell::RefCell;

/// Students of the district, and the three grown-ups that are wanted.
const ALL: usize = 57 + 3;

fn counted(quirks: Quirks) -> Result<usize, FetchError> {
    count(&Server::with(57, quirks))
}

#[test]
fn pages_after_the_first_are_asked_for_side_by_side() {
    let server = Server::with(57, Quirks::default());
    let offsets = RefCell::new(Vec::new());
    let mut driver = driver(|request: &_| {
        let asked = parameters(request);
        let number = |name: &str| asked[name].parse::<usize>().unwrap();
        if request.uri().path().ends_with("users") {
            offsets
                .borrow_mut()
                .push((number("offset"), number("limit")));
        }
        Ok(server.answer(request))
    });
    let (batches, end) = driver.run(Fetch::start(plan(Version::V1_1), now()));
    assert_eq!(driver.abreast, 4);
    assert_eq!(end.unwrap().chains()[0].pages, 8);
    assert_eq!(stage(batches).records.len(), ALL);
    let expected: Vec<_> = (0..7)
        .map(|page| (page * 10, 10))
        .chain([(61, 10)])
        .collect();
    assert_eq!(offsets.into_inner(), expected);
}

#[test]
fn without_a_total_pages_come_one_after_the_other() {
    let server = Server::with(
        57,
        Quirks {
            total: Total::Missing,
            ..Quirks::default()
        },
    );
    let mut driver = driver(|request: &_| Ok(server.answer(request)));
    let (batches, end) = driver.run(Fetch::start(plan(Version::V1_1), now()));
    assert!(end.is_ok());
    assert_eq!((driver.abreast, stage(batches).records.len()), (1, ALL));
}

#[test]
fn o2_a_total_that_is_wrong_never_hides_anybody() {
    for by in [-61, -60, -30, -11, -1] {
        let quirks = Quirks {
            total: Total::Off(by),
            ..Quirks::default()
        };
        assert_eq!(counted(quirks), Ok(ALL), "{by}");
    }
    assert_eq!(
        counted(Quirks {
            total: Total::OfPage,
            ..Quirks::default()
        }),
        Ok(ALL)
    );
    for by in [1, 9, 500, 1_000_000_000_000] {
        let quirks = Quirks {
            total: Total::Off(by),
            ..Quirks::default()
        };
        let expected = u64::try_from(61 + by).unwrap();
        let (asking, received) = (Asking::Users, 61);
        let users = FetchError::ShortOfTotal {
            asking,
            expected,
            received,
        };
        let orgs = FetchError::ShortOfTotal {
            asking: Asking::Schools,
            expected: expected - 58,
            received: 3,
        };
        let end = counted(quirks).unwrap_err();
        assert!(end == users || end == orgs, "{by}: {end}");
    }
}

#[test]
fn a_page_capped_lower_than_asked_sets_the_stride() {
    for total in [Total::Right, Total::Missing, Total::OfPage, Total::Off(-20)] {
        for cap in [1, 2, 3, 7, 9] {
            let quirks = Quirks {
                total,
                cap,
                ..Quirks::default()
            };
            assert_eq!(counted(quirks), Ok(ALL), "{total:?} {cap}");
        }
    }
}

#[test]
fn a_server_that_ignores_the_limit_gives_everything_at_once() {
    for total in [Total::Right, Total::Missing] {
        let quirks = Quirks {
            total,
            ignores_limit: true,
            ..Quirks::default()
        };
        assert_eq!(counted(quirks.clone()), Ok(ALL));
    }
}

#[test]
fn a_server_that_ignores_limit_and_offset_is_no_loop() {
    for total in [Total::Right, Total::Missing] {
        let quirks = Quirks {
            total,
            ignores_limit: true,
            ignores_offset: true,
            ..Quirks::default()
        };
        // Without a total a page that is as large as asked might be a part.
        let end = counted(quirks);
        match total {
            Total::Missing => assert!(matches!(end, Err(FetchError::Looped { .. }))),
            _ => assert_eq!(end, Ok(ALL)),
        }
    }
}

#[test]
fn o1_a_server_that_ignores_the_offset_and_has_more_is_a_loop() {
    let looped = |asking| {
        Err(FetchError::Looped {
            asking,
            by: Loop::Record,
        })
    };
    let quirks = Quirks {
        ignores_offset: true,
        ..Quirks::default()
    };
    assert_eq!(counted(quirks.clone()), looped(Asking::Users));
    let silent = Quirks {
        total: Total::Missing,
        ..quirks.clone()
    };
    assert_eq!(counted(silent), looped(Asking::Users));
    let link = Some("<http://sis.example/users?limit=10&offset=50>; rel=\"last\"");
    let hinting = Quirks {
        total: Total::Missing,
        cap: 9,
        link,
        ..quirks
    };
    assert_eq!(counted(hinting), looped(Asking::Schools));
}

#[test]
fn a_list_counted_from_one_loses_nobody() {
    for total in [Total::Right, Total::Missing, Total::OfPage] {
        for students in [0, 6, 7, 16, 17, 18, 57] {
            let quirks = Quirks {
                total,
                counts_from_one: true,
                ..Quirks::default()
            };
            assert_eq!(
                count(&Server::with(students, quirks)),
                Ok(students + 3),
                "{total:?} {students}"
            );
        }
    }
}

#[test]
fn a_list_that_repeats_its_last_page_has_ended() {
    for total in [Total::Right, Total::Missing] {
        for students in [16, 17, 57] {
            let quirks = Quirks {
                total,
                clamps: true,
                ..Quirks::default()
            };
            assert_eq!(count(&Server::with(students, quirks)), Ok(students + 3));
        }
    }
}

#[test]
fn an_empty_page_may_be_not_found() {
    for total in [Total::Right, Total::Missing] {
        let mut server = Server::with(
            57,
            Quirks {
                total,
                empty_is_404: true,
                ..Quirks::default()
            },
        );
        for name in ["academicSessions", "courses", "classes", "enrollments"] {
            server.lists.get_mut(name).unwrap().clear();
        }
        let mut plan = plan(Version::V1_1);
        plan.classes = true;
        let (batches, end) = read(&server, plan);
        assert_eq!(end.unwrap().totals().classes, 0);
        assert_eq!(stage(batches).records.len(), ALL);
    }
}

#[test]
fn asking_beyond_the_end_may_be_refused() {
    let quirks = Quirks {
        refuses_past_end: true,
        ..Quirks::default()
    };
    assert_eq!(counted(quirks.clone()), Ok(ALL));
    // Nothing says that the refusal is about the end.
    let total = Total::Missing;
    let end = counted(Quirks { total, ..quirks });
    assert!(matches!(end, Err(FetchError::Refused { .. })));
}

#[test]
fn a_limit_that_is_refused_is_halved() {
    let quirks = Quirks {
        refuses_limit_over: Some(30),
        ..Quirks::default()
    };
    let server = Server::with(157, quirks);
    let mut plan = plan(Version::V1_1);
    plan.page_limit = 1_000;
    let (batches, end) = read(&server, plan);
    assert!(end.is_ok(), "{end:?}");
    assert_eq!(stage(batches).records.len(), 160);
}

#[test]
fn a_window_of_none_is_a_window_of_one() {
    for (window, abreast) in [(0, 1), (1, 1), (u32::MAX, 6)] {
        let server = Server::with(57, Quirks::default());
        let mut driver = driver(|request: &_| Ok(server.answer(request)));
        let mut plan = plan(Version::V1_1);
        plan.window = window;
        let (batches, end) = driver.run(Fetch::start(plan, now()));
        assert!(end.is_ok());
        assert_eq!(
            (stage(batches).records.len(), driver.abreast),
            (ALL, abreast)
        );
    }
}

#[test]
fn a_list_without_end_is_a_failure() {
    for total in [None, Some(u64::MAX)] {
        let (_, end) = super::driver::read_with(plan(Version::V1_1), |request| {
            let offset = &parameters(request)["offset"];
            let mut page =
                super::server::ok(&serde_json::json!({ "orgs": [{ "sourcedId": offset }] }));
            if let Some(total) = total {
                page.headers_mut().insert("x-total-count", total.into());
            }
            Ok(page)
        });
        let (asking, pages_max) = (Asking::Schools, PAGES_PER_LIST_MAX);
        assert_eq!(end, Err(FetchError::Endless { asking, pages_max }));
    }
}

#[test]
fn a_list_may_go_by_another_name() {
    assert_eq!(
        counted(Quirks {
            key: Some("results"),
            ..Quirks::default()
        }),
        Ok(ALL)
    );
}

#[test]
fn a_server_that_can_not_sort_is_read_page_by_page() {
    for total in [Total::Right, Total::Missing] {
        for error_shape in ['a', 'b', 'c'] {
            let quirks = Quirks {
                total,
                refuses_sort: true,
                error_shape,
                ..Quirks::default()
            };
            assert_eq!(counted(quirks), Ok(ALL));
        }
    }
}

#[test]
fn o2_malformed_links_do_no_harm() {
    for link in [
        "https://evil.example/users?limit=10&offset=10; rel=next",
        "<http://sis.example/users?limit=10&offset=11>; rel=\"next\", <http://sis.example/users?limit=10&offset=51>; rel=\"last\"",
        "<>; rel=\"last\"",
        "<https://x/?offset=99999999999999999999>; rel=last",
        "<https://x/?offset=3>; rel=last",
    ] {
        for total in [Total::Right, Total::Missing] {
            let server = Server::with(
                57,
                Quirks {
                    total,
                    link: Some(link),
                    ..Quirks::default()
                },
            );
            let (batches, end) = super::driver::read_with(plan(Version::V1_1), |request| {
                assert_eq!(request.uri().host(), Some("sis.example"));
                Ok(server.answer(request))
            });
            assert!(end.is_ok(), "{link} {total:?} {end:?}");
            assert_eq!(stage(batches).records.len(), ALL);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn what_is_read_is_what_is_served(
        students in 0_usize..80,
        cap in prop_oneof![Just(usize::MAX), 1_usize..30],
        page_limit in 1_u32..40,
        window in 1_u32..9,
        total in prop_oneof![
            Just(Total::Right), Just(Total::Missing), Just(Total::OfPage), (-30_i64..0).prop_map(Total::Off)
        ],
        counts_from_one: bool,
        refuses_sort: bool,
        empty_is_404: bool,
        ignores_limit: bool,
        gateway in prop_oneof![Just(None), (20_usize..40).prop_map(Some)],
        seed: u64,
        crashes: bool,
    ) {
        let gateway = gateway.filter(|_| !ignores_limit);
        let quirks = Quirks { total, cap, ignores_limit, counts_from_one, empty_is_404, refuses_sort, gateway, ..Quirks::default() };
        let server = Server::with(students, quirks);
        let mut plan = plan(Version::V1_1);
        plan.page_limit = page_limit;
        plan.window = window;
        let mut driver = driver(|request: &_| Ok(server.answer(request)));
        driver.seed = seed;
        driver.crashes = crashes;
        let (batches, end) = driver.run(Fetch::start(plan, now()));
        let read: Vec<_> = stage(batches).records.into_keys().map(String::from).collect();
        let mut served: Vec<_> = server.lists["users"].iter()
            .map(|user| user["sourcedId"].as_str().unwrap().to_owned())
            .filter(|id| id != "p-1")
            .collect();
        served.sort();
        prop_assert!(end.is_ok(), "{:?}", end);
        prop_assert_eq!(read, served);
    }

    #[test]
    fn a_total_of_too_many_ends_in_a_failure(
        students in 0_usize..40,
        by in 1_i64..50,
        cap in 1_usize..30,
        window in 1_u32..9,
    ) {
        let server = Server::with(students, Quirks { total: Total::Off(by), cap, ..Quirks::default() });
        let mut plan = plan(Version::V1_1);
        plan.window = window;
        let (_, end) = read(&server, plan);
        prop_assert!(matches!(end, Err(FetchError::ShortOfTotal { .. })), "{:?}", end);
    }
}
