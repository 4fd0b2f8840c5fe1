//! The tables.

use crate::figures::{FileRound, Provider, Report, Round, RunFigures, SignIns, StoreFigures};
use std::collections::BTreeMap;

/// The district size that the bars are for.
const BAR_USERS: usize = 50_000;

/// The number of rows that the bars are for.
const BAR_ROWS: usize = 200_000;

/// The most memory that a component may take.
const MEMORY_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The largest that a component may be.
const WASM_BYTES_MAX: u64 = 1_536 * 1024;

/// The most of our own time that a sign-in may take, in microseconds.
const SIGN_IN_US_MAX: u64 = 20_000;

/// Prints a line.
#[expect(
    clippy::print_stdout,
    reason = "the figures are what this program is for"
)]
pub(crate) fn say(line: &str) {
    println!("{line}");
}

/// Prints what is the same for all rounds.
pub(crate) fn head(report: &Report) {
    say(&format!("Machine: {}.", report.machine));
    if report.wasm_bytes.is_empty() {
        return;
    }
    say("\nComponents (bar: 1.50 MiB each)");
    for (id, bytes) in &report.wasm_bytes {
        let verdict = verdict(*bytes, Some(WASM_BYTES_MAX), mebibytes);
        say(&format!("  {id:<14}{:>10}  {verdict}", mebibytes(*bytes)));
    }
}

/// Prints one round.
pub(crate) fn round(round: &Round) {
    title(round);
    timed("floor, one by one", round.floor_serial_ms, None);
    timed("floor, 8 at once", round.floor_parallel_ms, None);
    for run in &round.runs {
        let bar_ms = run.scenario.bar_ms(round.provider, round.latency_ms);
        let bar_ms = bar_ms.filter(|_| round.users == BAR_USERS);
        timed(run.scenario.title(), run.wall_ms, bar_ms);
    }
    for run in &round.runs {
        details(round, run);
    }
    if let Some(last) = round.runs.last() {
        memory(&last.memory_bytes);
    }
}

fn title(round: &Round) {
    let (users, extent) = (thousands(round.users as u64), round.extent);
    say(&match round.provider {
        Provider::Google => format!(
            "\n{users} users, {} ms per page, {} chains of pages",
            round.latency_ms, extent.chains
        ),
        Provider::Classlink | Provider::Clever | Provider::Csv | Provider::Oneroster => format!(
            "\n{}: {} people, {} classes with {} places, {} ms per page, {} lists of {} pages",
            round.provider.title(),
            thousands(extent.people),
            thousands(extent.classes),
            thousands(extent.class_members),
            round.latency_ms,
            extent.chains,
            extent.pages_expected
        ),
    });
}

/// Prints one file.
pub(crate) fn file(file: &FileRound) {
    let (rows, bytes) = (thousands(file.rows as u64), mebibytes(file.file_bytes));
    say(&format!("\n{rows} rows as {}, {bytes}", file.kind));
    timed("floor, bytes alone", file.floor_read_ms, None);
    timed("floor, rows natively", file.floor_parse_ms, None);
    for step in &file.steps {
        let bar_ms = step.bar_ms.filter(|_| file.rows == BAR_ROWS);
        timed(step.name, step.wall_ms, bar_ms);
    }
    for step in &file.steps {
        say(&format!("  {}", step.name));
        if !step.changes.is_empty() {
            say(&format!("    changes    {}", counts(&step.changes)));
        }
        if !step.phases.is_empty() {
            say(&format!("    phases     {}", phases(&step.phases)));
        }
        store(&step.store);
    }
    say(&format!(
        "  database     {}",
        mebibytes(file.database_bytes)
    ));
    memory(&file.memory_bytes);
}

/// Prints how people signed in.
pub(crate) fn sign_ins(figures: &SignIns) {
    say(&format!(
        "\n{} accounts, imported in {}; {} people sign in with Google, one after the other",
        thousands(figures.accounts),
        seconds(figures.import_ms),
        figures.people
    ));
    let line =
        |name: &str, us: u64, rest: &str| say(&format!("  {name:<24}{:>10}  {rest}", micros(us)));
    line(
        "floor, host alone",
        figures.floor_host_us,
        "as many requests, no component",
    );
    line(
        "the provider's part",
        figures.provider_us,
        "asked natively: its token endpoint",
    );
    for step in &figures.steps {
        let (mut calls, mut read, mut written) = (0, 0, 0);
        for moved in step.store.values() {
            calls += moved.calls;
            read += moved.bytes_read;
            written += moved.bytes_written;
        }
        let by_kind: Vec<String> = step
            .store
            .iter()
            .map(|(kind, moved)| format!("{kind} {}", moved.calls))
            .collect();
        let rest = format!(
            "p95 {:>9}; the store {:>9}: {calls} operations ({}), {read} B read, {written} B written",
            micros(step.p95_us),
            micros(step.store_us),
            by_kind.join(", ")
        );
        line(step.name, step.median_us, &rest);
    }
    line(
        "the store's part",
        figures.store_us,
        "of all steps, on this disk",
    );
    let bar = |us: u64| {
        format!(
            "bar {}  {}",
            micros(SIGN_IN_US_MAX),
            verdict(us, Some(SIGN_IN_US_MAX), micros)
        )
    };
    line(
        "own: from callback on",
        figures.back_us,
        &bar(figures.back_us),
    );
    line("own: all steps", figures.own_us, &bar(figures.own_us));
    line("  95 of 100 within", figures.own_p95_us, "");
    say(&format!(
        "  database     {}",
        mebibytes(figures.database_bytes)
    ));
    memory(&figures.memory_bytes);
}

fn micros(us: u64) -> String {
    format!("{}.{:02} ms", us / 1_000, us % 1_000 / 10)
}

fn timed(name: &str, ms: u64, bar_ms: Option<u64>) {
    let rest = bar_ms.map_or_else(String::new, |bar_ms| {
        let verdict = verdict(ms, Some(bar_ms), seconds);
        format!("bar {:>7}  {verdict}", seconds(bar_ms))
    });
    say(&format!("  {name:<24}{:>9}  {rest}", seconds(ms)));
}

fn memory(bytes: &BTreeMap<String, u64>) {
    say("  peak memory of an instance (bar 64.00 MiB)");
    for (id, bytes) in bytes {
        let verdict = verdict(*bytes, Some(MEMORY_BYTES_MAX), mebibytes);
        say(&format!("    {id:<14}{:>10}  {verdict}", mebibytes(*bytes)));
    }
}

fn phases(phases: &[(String, u64)]) -> String {
    let listed = phases.iter();
    let listed: Vec<String> = listed
        .map(|(name, ms)| format!("{name} {}", seconds(*ms)))
        .collect();
    listed.join(", ")
}

fn store(operations: &BTreeMap<String, StoreFigures>) {
    for (operation, moved) in operations {
        say(&format!(
            "    store      {operation:<11}{:>8} calls {:>9} keys {:>11} read {:>11} written",
            thousands(moved.calls),
            thousands(moved.keys),
            mebibytes(moved.bytes_read),
            mebibytes(moved.bytes_written)
        ));
    }
}

fn details(round: &Round, run: &RunFigures) {
    say(&format!("  {}: {}", run.scenario.title(), run.state));
    say(&format!("    changes    {}", counts(&run.changes)));
    say(&format!("    phases     {}", phases(&run.phases)));
    say(&format!(
        "    calls      {} pages ({} expected), {} others; {} downloaded, {} parsed",
        thousands(run.pages),
        thousands(round.extent.pages_expected),
        run.other_calls,
        mebibytes(run.downloaded_bytes),
        mebibytes(run.parsed_bytes)
    ));
    store(&run.store);
    say(&format!("    database   {}", mebibytes(run.database_bytes)));
}

fn counts(counts: &BTreeMap<String, u64>) -> String {
    if counts.is_empty() {
        return "none".to_owned();
    }
    let listed: Vec<String> = counts
        .iter()
        .map(|(kind, count)| format!("{kind} {}", thousands(*count)))
        .collect();
    listed.join(", ")
}

/// Whether a figure is within its bar.
fn verdict(figure: u64, bar: Option<u64>, show: impl Fn(u64) -> String) -> String {
    match bar.map(|bar| figure.saturating_sub(bar)) {
        None => String::new(),
        Some(0) => "met".to_owned(),
        Some(over) => format!("missed by {}", show(over)),
    }
}

fn seconds(ms: u64) -> String {
    format!("{}.{:02} s", ms / 1_000, ms % 1_000 / 10)
}

fn mebibytes(bytes: u64) -> String {
    let hundredths = bytes * 100 / (1024 * 1024);
    format!("{}.{:02} MiB", hundredths / 100, hundredths % 100)
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}
