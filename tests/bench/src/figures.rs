//! The figures of a benchmark, as they are printed and as JSON.

use crate::machine::Machine;
use crate::source::Extent;
use clap::ValueEnum;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Everything that was measured.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    /// Where.
    pub(crate) machine: Machine,
    /// Sizes of the components as shipped, by id.
    pub(crate) wasm_bytes: BTreeMap<String, u64>,
    /// One for each latency.
    pub(crate) rounds: Vec<Round>,
    /// One for each file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) files: Vec<FileRound>,
    /// One for each district whose people signed in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) sign_ins: Vec<SignIns>,
}

/// Who shows the people.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Provider {
    /// ClassLink's proxy in front of a OneRoster server.
    Classlink,
    /// A district at Clever, with its sections.
    Clever,
    /// A file that an administrator sends.
    Csv,
    /// Google's directory.
    Google,
    /// A OneRoster server, with its enrolments.
    Oneroster,
}

impl Provider {
    /// The name in tables.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Provider::Classlink => "ClassLink",
            Provider::Clever => "Clever",
            Provider::Csv => "Files",
            Provider::Google => "Google",
            Provider::Oneroster => "OneRoster",
        }
    }
}

/// One latency.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Round {
    /// Who showed them.
    pub(crate) provider: Provider,
    /// People in the directory.
    pub(crate) users: usize,
    /// How long each answer was held back.
    pub(crate) latency_ms: u64,
    /// What there was to read.
    #[serde(flatten)]
    pub(crate) extent: Extent,
    /// The floor, one page after the other.
    pub(crate) floor_serial_ms: u64,
    /// The floor over several connections.
    pub(crate) floor_parallel_ms: u64,
    /// The runs, in order.
    pub(crate) runs: Vec<RunFigures>,
}

/// What is measured of one run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RunFigures {
    /// Which run.
    pub(crate) scenario: Scenario,
    /// From asking for the run to seeing it finished.
    pub(crate) wall_ms: u64,
    /// The run's phases in order, from its own record.
    pub(crate) phases: Vec<(String, u64)>,
    /// The state it ended in.
    pub(crate) state: String,
    /// What it changed, by kind.
    pub(crate) changes: BTreeMap<String, u64>,
    /// Pages of data that the provider was asked for.
    pub(crate) pages: u64,
    /// Other calls of the provider.
    pub(crate) other_calls: u64,
    /// Bytes that the provider sent, as sent.
    pub(crate) downloaded_bytes: u64,
    /// The same, decompressed.
    pub(crate) parsed_bytes: u64,
    /// Store operations by kind.
    pub(crate) store: BTreeMap<String, StoreFigures>,
    /// The largest memory of any instance since the host started, by component.
    pub(crate) memory_bytes: BTreeMap<String, u64>,
    /// The size of the store's file afterwards.
    pub(crate) database_bytes: u64,
}

/// Store operations of one kind.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct StoreFigures {
    /// Operations.
    pub(crate) calls: u64,
    /// Keys that they concerned.
    pub(crate) keys: u64,
    /// Bytes of values read.
    pub(crate) bytes_read: u64,
    /// Bytes of values written.
    pub(crate) bytes_written: u64,
    /// How long the store took for them, in microseconds.
    pub(crate) store_us: u64,
}

/// A kind of run.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scenario {
    /// Everybody is new.
    First,
    /// Nothing has changed.
    Unchanged,
    /// 1% of the people have another name.
    Renamed,
}

impl Scenario {
    /// The name in tables.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Scenario::First => "first import",
            Scenario::Unchanged => "unchanged run",
            Scenario::Renamed => "1% renamed",
        }
    }

    /// How long the run may take for 50,000 people at a latency, where there is a bar.
    pub(crate) fn bar_ms(self, provider: Provider, latency_ms: u64) -> Option<u64> {
        match (provider, self, latency_ms) {
            (Provider::Google, Scenario::First, 0)
            | (Provider::Oneroster, Scenario::Unchanged, 0) => Some(4_000),
            (Provider::Google, Scenario::Unchanged, 0) => Some(1_500),
            (Provider::Google, Scenario::First, 300) => Some(8_000),
            (Provider::Oneroster, Scenario::First, 0) => Some(10_000),
            (Provider::Clever, Scenario::First, 0) => Some(6_000),
            _ => None,
        }
    }
}

impl Round {
    /// The better of both for each figure that is a time.
    pub(crate) fn best_of(mut self, other: Self) -> Self {
        self.floor_serial_ms = self.floor_serial_ms.min(other.floor_serial_ms);
        self.floor_parallel_ms = self.floor_parallel_ms.min(other.floor_parallel_ms);
        for (mine, theirs) in self.runs.iter_mut().zip(other.runs) {
            if theirs.wall_ms < mine.wall_ms {
                *mine = theirs;
            }
        }
        self
    }
}

/// One file.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FileRound {
    /// People in it.
    pub(crate) rows: usize,
    /// `csv` or `xlsx`.
    pub(crate) kind: &'static str,
    /// Its size.
    pub(crate) file_bytes: u64,
    /// The floor: one pass over its bytes.
    pub(crate) floor_read_ms: u64,
    /// The floor: reading its rows natively, with the reader of the application.
    pub(crate) floor_parse_ms: u64,
    /// What was done with it, in order.
    pub(crate) steps: Vec<Step>,
    /// The largest memory of any instance since the host started, by component.
    pub(crate) memory_bytes: BTreeMap<String, u64>,
    /// The size of the store's file afterwards.
    pub(crate) database_bytes: u64,
}

/// A step of a file's way into the roster.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Step {
    /// Which.
    pub(crate) name: &'static str,
    /// How long it took.
    pub(crate) wall_ms: u64,
    /// How long it may take for 200,000 rows, where there is a bar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bar_ms: Option<u64>,
    /// The phases of its run, if it had one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) phases: Vec<(String, u64)>,
    /// What its run changed or would change, by kind.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) changes: BTreeMap<String, u64>,
    /// Store operations by kind.
    pub(crate) store: BTreeMap<String, StoreFigures>,
}

impl FileRound {
    /// The better of both for each figure that is a time.
    pub(crate) fn best_of(mut self, other: Self) -> Self {
        self.floor_read_ms = self.floor_read_ms.min(other.floor_read_ms);
        self.floor_parse_ms = self.floor_parse_ms.min(other.floor_parse_ms);
        for (mine, theirs) in self.steps.iter_mut().zip(other.steps) {
            if theirs.wall_ms < mine.wall_ms {
                *mine = theirs;
            }
        }
        self
    }
}

/// People signing in, one after the other.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SignIns {
    /// Accounts of the tenant.
    pub(crate) accounts: u64,
    /// How long importing them took.
    pub(crate) import_ms: u64,
    /// How many signed in.
    pub(crate) people: usize,
    /// The floor: as many requests as a sign-in has, answered by the host without a component.
    pub(crate) floor_host_us: u64,
    /// What the provider takes for its part, asked natively.
    pub(crate) provider_us: u64,
    /// The steps, in order.
    pub(crate) steps: Vec<SignInStep>,
    /// What the store takes for a whole sign-in: half of them took no longer.
    pub(crate) store_us: u64,
    /// A whole sign-in without the parts of the provider and of the store: half of them took no
    /// longer.
    pub(crate) own_us: u64,
    /// The same: 95 of 100 took no longer.
    pub(crate) own_p95_us: u64,
    /// The part of that from the redirect of the provider on: callback, code and userinfo.
    pub(crate) back_us: u64,
    /// The largest memory of any instance since the host started, by component.
    pub(crate) memory_bytes: BTreeMap<String, u64>,
    /// The size of the store's file afterwards.
    pub(crate) database_bytes: u64,
}

/// A step of a sign-in.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SignInStep {
    /// Which.
    pub(crate) name: &'static str,
    /// Half of them took no longer.
    pub(crate) median_us: u64,
    /// 95 of 100 took no longer.
    pub(crate) p95_us: u64,
    /// The part of the store: half of them took no longer.
    pub(crate) store_us: u64,
    /// Store operations of one, by kind.
    pub(crate) store: BTreeMap<String, StoreFigures>,
}

/// A stopwatch.
pub(crate) struct Watch(Instant);

impl Watch {
    /// Starts.
    #[expect(
        clippy::disallowed_methods,
        reason = "a benchmark measures the real time"
    )]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// How long it has been running.
    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Whole microseconds.
pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Whole milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
