//! A read that is stored and restored, and answers in any order, give the same people.

use super::driver::{Staged, driver, now, plan, stage};
use super::server::Server;
use connectors::oneroster::Version;
use connectors::oneroster::fetch::Fetch;
use proptest::prelude::*;

fn run(server: &Server, window: u32, seed: u64, crashes: bool) -> (Staged, usize, usize) {
    let mut driver = driver(|request: &_| Ok(server.answer(request)));
    driver.seed = seed;
    driver.crashes = crashes;
    let mut plan = plan(server.version);
    plan.window = window;
    plan.classes = true;
    let (batches, end) = driver.run(Fetch::start(plan, now()));
    let staged = stage(batches);
    assert_eq!(end.unwrap().totals().records, staged.records.len() as u64);
    (staged, driver.calls, driver.largest)
}

#[test]
fn a_read_restored_after_every_answer_gives_the_same_people() {
    let server = Server::new(Version::V1_2, 47);
    let (uninterrupted, _, _) = run(&server, 1, 1, false);
    assert_eq!(uninterrupted.records.len(), 50);
    let (restored, _, _) = run(&server, 4, 9, true);
    assert_eq!(restored, uninterrupted);
}

#[test]
fn a_stored_read_stays_small_however_large_the_district() {
    let server = Server::new(Version::V1_1, 14_000);
    let mut driver = driver(|request: &_| Ok(server.answer(request)));
    driver.crashes = true;
    let mut plan = plan(Version::V1_1);
    plan.page_limit = 1_000;
    let (batches, end) = driver.run(Fetch::start(plan, now()));
    assert_eq!(end.unwrap().totals().records, 14_003);
    assert_eq!(stage(batches).records.len(), 14_003);
    assert!(driver.largest < 130_000, "{} bytes", driver.largest);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_order_of_answers_gives_the_same_people(
        students in 0_usize..60,
        window in 1_u32..12,
        seed: u64,
        crashes: bool,
    ) {
        let server = Server::new(Version::V1_1, students);
        let (expected, calls, _) = run(&server, 1, 1, false);
        let (staged, calls_now, _) = run(&server, window, seed, crashes);
        prop_assert_eq!(staged, expected);
        prop_assert!(crashes || calls == calls_now);
    }
}
