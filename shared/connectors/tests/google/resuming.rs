//! A read that is stored and restored, and answers in any order, give the same people.

use super::district::District;
use super::driver::{Staged, driver, now, plan, stage, unit};
use connectors::fetch::ChainCount;
use connectors::google::fetch::{Fetch, GroupScope, UnitScopes};
use proptest::prelude::*;

fn district(users_per_unit: usize, page_size: usize) -> District {
    let paths = [
        "/A",
        "/A/One",
        "/A/Two",
        "/B",
        "/C",
        "/C/Deep",
        "/C/Deep/Er",
    ];
    let mut district = District::new(&paths, users_per_unit, page_size);
    let ids: Vec<String> = district
        .users
        .iter()
        .map(|user| user["id"].as_str().unwrap().to_owned())
        .collect();
    for (number, part) in ids.chunks(5).enumerate() {
        let members: Vec<(&str, &str)> = part.iter().map(|id| (id.as_str(), "USER")).collect();
        district.add_group(&format!("g{number}@maplegrove.example"), &members);
    }
    district
}

fn scopes() -> UnitScopes {
    UnitScopes::Units(vec![
        unit("/A", false),
        unit("/A/Two", false),
        unit("/B", true),
        unit("/C/Deep", true),
    ])
}

/// Reads the district and returns what was staged, the counts and the number of calls.
fn run(
    district: &District,
    window: u32,
    seed: u64,
    crashes: bool,
) -> (Staged, Vec<ChainCount>, usize) {
    let mut driver = driver(|request: &_| Ok(district.answer(request)));
    driver.seed = seed;
    driver.crashes = crashes;
    let mut plan = plan(scopes(), GroupScope::All);
    plan.window = window;
    let (batches, end) = driver.run(Fetch::start(plan, now()));
    (stage(batches), end.unwrap().chains().to_vec(), driver.calls)
}

#[test]
fn a_read_restored_after_every_answer_gives_the_same_people() {
    let district = district(7, 3);
    let (uninterrupted, chains, _) = run(&district, 1, 1, false);
    assert_eq!(uninterrupted.records.len(), 7 * 5);
    let (restored, restored_chains, _) = run(&district, 4, 9, true);
    assert_eq!(restored, uninterrupted);
    assert_eq!(restored_chains, chains);
}

#[test]
fn a_stored_read_stays_small() {
    let district = District::new(&["/A"], 800, 20);
    let mut largest = 0;
    let plan = plan(UnitScopes::Everyone, GroupScope::None);
    let mut fetch = Fetch::start(plan, now());
    for _ in 0..82 {
        use connectors::fetch::{Connector, Poll};
        if let Poll::Send { chain, request, .. } = fetch.poll(now(), super::district::TOKEN) {
            fetch.handle_response(chain, now(), Ok(&district.answer(&request)));
            largest = largest.max(serde_json::to_string(&fetch).unwrap().len());
        }
    }
    assert_eq!(fetch.totals().records, 1_600);
    assert!(largest < 5_000, "{largest} bytes");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_order_of_answers_gives_the_same_people(
        users_per_unit in 1_usize..9,
        page_size in 1_usize..6,
        window in 1_u32..12,
        seed: u64,
        crashes: bool,
    ) {
        let district = district(users_per_unit, page_size);
        let (expected, _, calls) = run(&district, 1, 1, false);
        let (staged, _, calls_now) = run(&district, window, seed, crashes);
        prop_assert_eq!(staged, expected);
        prop_assert!(crashes || calls == calls_now);
    }
}
