//! A read that is stored and restored, and answers in any order, give the same people.

use super::district::{District, TOKEN};
use super::driver::{Staged, driver, now, plan, stage};
use connectors::clever::Fetch;
use connectors::fetch::{ChainCount, Connector, Poll, Totals};
use proptest::prelude::*;

/// Reads the district and returns what was staged, the counts and the number of calls.
fn run(
    district: &District,
    window: u32,
    seed: u64,
    crashes: bool,
) -> (Staged, Vec<ChainCount>, Totals, usize) {
    let mut driver = driver(|request: &_| Ok(district.answer(request)));
    driver.seed = seed;
    driver.crashes = crashes;
    let mut plan = plan();
    plan.window = window;
    let (batches, end) = driver.run(Fetch::start(plan, now()));
    let complete = end.unwrap();
    (
        stage(batches),
        complete.chains().to_vec(),
        complete.totals(),
        driver.calls,
    )
}

#[test]
fn a_read_restored_after_every_answer_gives_the_same_people() {
    let district = District::new(23, 3);
    let (uninterrupted, chains, totals, _) = run(&district, 1, 1, false);
    assert_eq!(uninterrupted.records.len(), district.users.len());
    let (restored, restored_chains, restored_totals, _) = run(&district, 4, 9, true);
    assert_eq!(restored, uninterrupted);
    assert_eq!(restored_chains, chains);
    assert_eq!(restored_totals, totals);
}

#[test]
fn a_stored_read_stays_small() {
    let district = District::new(600, 20);
    let mut largest = 0;
    let mut fetch = Fetch::start(plan(), now());
    while let Poll::Send { chain, request, .. } = fetch.poll(now(), TOKEN) {
        fetch.handle_response(chain, now(), Ok(&district.answer(&request)));
        largest = largest.max(serde_json::to_string(&fetch).unwrap().len());
    }
    assert_eq!(fetch.totals().records, 903);
    assert!(largest < 3_000, "{largest} bytes");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_order_of_answers_gives_the_same_people(
        students in 1_usize..20,
        page_size in 1_usize..6,
        window in 1_u32..12,
        seed: u64,
        crashes: bool,
        trails: bool,
    ) {
        let mut district = District::new(students, page_size);
        district.trails = trails;
        let (expected, _, _, calls) = run(&district, 1, 1, false);
        let (staged, _, _, calls_now) = run(&district, window, seed, crashes);
        prop_assert_eq!(staged, expected);
        prop_assert!(crashes || calls == calls_now);
    }
}
