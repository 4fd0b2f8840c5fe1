//! The store fails at one kind of record, before or after it was written.

use super::row::{APPLIED, Break, Row};
use local_host::{Counted, Failure, When};

const AGAIN: &str = "it is done again";

const fn fails(fault: &'static str, when: When, pattern: &'static str, nth: u64) -> Row {
    let failure = Failure {
        when,
        nth,
        times: 1,
        counted: Counted::WritesTo(pattern),
    };
    Row::new(fault, AGAIN, Break::Store(failure), APPLIED)
}

/// The record was not written.
const fn before(fault: &'static str, pattern: &'static str, nth: u64) -> Row {
    fails(fault, When::Before, pattern, nth)
}

/// The record was written, and nobody was told.
const fn after(fault: &'static str, pattern: &'static str, nth: u64) -> Row {
    fails(fault, When::After, pattern, nth)
}

/// Kinds of records, in the order of a run.
pub(crate) const ROWS: &[Row] = &[
    before("the request for a run is not counted", "lane/*/run/*", 1),
    after(
        "the request for a run is counted, unheard",
        "lane/*/run/*",
        1,
    ),
    before("the lease's number is not given", "lease/*/*", 1),
    before("the lease is not written", "lease/*", 1),
    after("the lease is written, unheard", "lease/*", 1),
    before("the lease is not renewed", "lease/*", 3),
    before("the run's record is not written", "run/*/*", 3),
    after("the run's record is written, unheard", "run/*/*", 4),
    before("the frozen rules are not written", "run/*/*/rules", 1),
    before("the staged people are not written", "run/*/*/stage/**", 1),
    after(
        "the staged people are written, unheard",
        "run/*/*/stage/**",
        1,
    ),
    before(
        "the state of the reading is not written",
        "run/*/*/fetch",
        1,
    ),
    after(
        "the state of the reading is written, unheard",
        "run/*/*/fetch",
        1,
    ),
    before("the plan is not written", "run/*/*/plan/**", 1),
    after("the plan is written, unheard", "run/*/*/plan/**", 1),
    before("the absent are not written", "run/*/*/absent/**", 1),
    after(
        "the confirmation is written, unheard",
        "run/*/*/confirmed/*",
        1,
    ),
    before("the state of the plan is not written", "run/*/*/plan", 2),
    before("a shard is not written", "blob/**", 1),
    after("a shard is written, unheard", "blob/**", 1),
    before("the ticket is not given", "roster/*/ticket/*", 1),
    after("the ticket is given, unheard", "roster/*/ticket/*", 1),
    before("the commit is not written", "roster/*/commit/*", 1),
    after("the commit is written, unheard", "roster/*/commit/*", 1),
    before("the head is not written", "roster/*/head", 1),
    after("the head is written, unheard", "roster/*/head", 1),
    before(
        "what says that the run is over is not written",
        "run/*/*",
        6,
    ),
    before("the staged people are not removed", "run/*/*/stage/**", 2),
    before("the lane is not left", "lane/*/run/active", 2),
    before("the lease is not given back", "lease/*", 8),
];
