//! The host is killed at one operation of the store, and another goes on from what is there.

use super::row::{APPLIED, Break, Row};
use local_host::{Counted, Crash, When};

const GOES_ON: &str = "the next tick goes on from there";

const fn killed(fault: &'static str, when: When, pattern: &'static str, nth: u64) -> Row {
    let crash = Crash {
        when,
        nth,
        counted: Counted::WritesTo(pattern),
    };
    Row::new(fault, GOES_ON, Break::Kill(crash), APPLIED)
}

const fn before(fault: &'static str, pattern: &'static str, nth: u64) -> Row {
    killed(fault, When::Before, pattern, nth)
}

const fn after(fault: &'static str, pattern: &'static str, nth: u64) -> Row {
    killed(fault, When::After, pattern, nth)
}

/// From the request to the tidying.
pub(crate) const ROWS: &[Row] = &[
    after(
        "when the request is counted, before its run is there",
        "lane/*/run/*",
        1,
    ),
    after("when it has taken the lease", "lease/*", 1),
    before(
        "while fetching, before people are staged",
        "run/*/*/stage/**",
        1,
    ),
    after(
        "while fetching, when people are staged",
        "run/*/*/stage/**",
        1,
    ),
    before(
        "while evaluating, before the plan is written",
        "run/*/*/plan/**",
        1,
    ),
    after(
        "while evaluating, when the plan is written",
        "run/*/*/plan",
        1,
    ),
    before(
        "while confirming, before the answer is written",
        "run/*/*/confirmed/*",
        1,
    ),
    after(
        "while confirming, when the answer is written",
        "run/*/*/confirmed/*",
        1,
    ),
    after("while settling, when the plan is final", "run/*/*/plan", 3),
    before("while applying, before a shard is written", "blob/**", 1),
    after("while applying, when a shard is written", "blob/**", 1),
    after("when the commit has its ticket", "roster/*/ticket/*", 1),
    after("when the commit is written", "roster/*/commit/*", 1),
    after("when the head is written", "roster/*/head", 1),
    before("before the run says that it is applied", "run/*/*", 6),
    after("when the run says that it is applied", "run/*/*", 6),
    after("while tidying", "run/*/*/stage/**", 2),
];
