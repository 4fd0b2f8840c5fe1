//! The scale benchmark: a whole district through the real components, in the local host, with the
//! store on disk, from a fake provider on the same machine.
//!
//! For each latency it measures a first import, a second run without any change and a run after
//! 1% of the people were renamed, beside the floor of the same run: a native program that only
//! downloads and parses the same pages. Of a file it measures how long sending it takes, how long
//! its plan, and how long it takes to carry that out, beside what reading its rows costs natively.
//! Of signing in (`--sign-in`) it measures what each step costs in time and in store operations.
//! It prints what was reached beside what should be, and asserts no time.

mod application;
mod figures;
mod files;
mod machine;
mod report;
mod scenario;
mod signing_in;
mod source;

use anyhow::Context;
use clap::Parser;
use figures::{FileRound, Provider, Report, Round};
use local_host::build;
use machine::Machine;
use std::path::Path;

/// People of a district that is synced, and of one whose people sign in.
const USERS: usize = 50_000;
const SIGN_IN_USERS: usize = 1_000_000;

/// Measures Rollcall with a large district.
#[derive(Debug, Parser)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch on the command line"
)]
struct Arguments {
    /// Who shows the people.
    #[arg(long, value_enum, default_value_t = Provider::Google)]
    provider: Provider,
    /// How many people the district has; 50,000 unless said otherwise.
    #[arg(long)]
    users: Option<usize>,
    /// How many enrolments a OneRoster server has at least: classes are repeated until it has.
    #[arg(long, default_value_t = 200_000)]
    enrolments: usize,
    /// How many people a file has.
    #[arg(long, default_value_t = 200_000)]
    rows: usize,
    /// The file is a workbook.
    #[arg(long)]
    xlsx: bool,
    /// How long the fake provider holds each answer with data back, in milliseconds; one round for
    /// each.
    #[arg(long, value_delimiter = ',', default_value = "0,50,300")]
    latency_ms: Vec<u64>,
    /// How often each round is repeated; the best of each figure is shown.
    #[arg(long, default_value_t = 1)]
    repeat: u32,
    /// A small round for a first look: 5,000 people, 20,000 enrolments, no latency.
    #[arg(long)]
    quick: bool,
    /// Measures signing in instead, in a district of so many people: a million unless `--users`
    /// says otherwise.
    #[arg(long)]
    sign_in: bool,
    /// How many people sign in for it, one after the other.
    #[arg(long, default_value_t = 200)]
    sign_ins: usize,
    /// Only the floor: no component is built or run.
    #[arg(long)]
    floor_only: bool,
    /// Link all students and all staff as one unit each, so that only two chains of pages run.
    #[arg(long)]
    two_chains: bool,
    /// Print JSON instead of tables.
    #[arg(long)]
    json: bool,
}

fn main() -> anyhow::Result<()> {
    let mut arguments = Arguments::parse();
    if arguments.quick {
        (arguments.users, arguments.rows) = (Some(5_000), 5_000);
        arguments.enrolments = 20_000;
        arguments.latency_ms = vec![0];
    }
    // The provider has threads of its own, as one on another machine would have processors.
    let provider = runtime()?;
    let application = runtime()?;
    let measured = application.block_on(measure(&arguments, provider.handle()));
    provider.shutdown_background();
    let report = measured?;
    if arguments.json {
        report::say(&serde_json::to_string_pretty(&report)?);
    }
    Ok(())
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting a runtime")
}

async fn measure(
    arguments: &Arguments,
    provider: &tokio::runtime::Handle,
) -> anyhow::Result<Report> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spin.toml");
    let mut report = Report {
        machine: Machine::look(),
        wasm_bytes: std::collections::BTreeMap::new(),
        rounds: Vec::new(),
        files: Vec::new(),
        sign_ins: Vec::new(),
    };
    if !arguments.floor_only {
        let built = manifest.clone();
        let progress = build::Progress::for_stderr();
        report.wasm_bytes = tokio::task::spawn_blocking(move || built_sizes(&built, progress))
            .await?
            .context("building the components")?;
    }
    if !arguments.json {
        report::head(&report);
    }
    if arguments.sign_in {
        let plan = signing_in::Plan {
            manifest: &manifest,
            accounts: arguments.users.unwrap_or(SIGN_IN_USERS),
            sign_ins: arguments.sign_ins,
        };
        let figures = signing_in::measure(&plan, provider).await?;
        if !arguments.json {
            report::sign_ins(&figures);
        }
        report.sign_ins.push(figures);
        return Ok(report);
    }
    if arguments.provider == Provider::Csv {
        let round = file(arguments, &manifest).await?;
        if !arguments.json {
            report::file(&round);
        }
        report.files.push(round);
        return Ok(report);
    }
    for latency_ms in &arguments.latency_ms {
        let plan = scenario::Plan {
            manifest: &manifest,
            provider: arguments.provider,
            users: arguments.users.unwrap_or(USERS),
            enrolments: arguments.enrolments,
            latency_ms: *latency_ms,
            floor_only: arguments.floor_only,
            two_chains: arguments.two_chains,
        };
        let mut best: Option<Round> = None;
        for _ in 0..arguments.repeat.max(1) {
            let round = scenario::round(&plan, provider).await?;
            best = Some(match best {
                Some(before) => before.best_of(round),
                None => round,
            });
        }
        if let Some(round) = best {
            if !arguments.json {
                report::round(&round);
            }
            report.rounds.push(round);
        }
    }
    Ok(report)
}

async fn file(arguments: &Arguments, manifest: &Path) -> anyhow::Result<FileRound> {
    let plan = files::Plan {
        manifest,
        rows: arguments.rows,
        is_workbook: arguments.xlsx,
        floor_only: arguments.floor_only,
    };
    let mut best = files::round(&plan).await?;
    for _ in 1..arguments.repeat {
        best = best.best_of(files::round(&plan).await?);
    }
    Ok(best)
}

/// Builds the components as they ship; returns the size of each `.wasm` file.
fn built_sizes(
    manifest: &Path,
    progress: build::Progress,
) -> anyhow::Result<std::collections::BTreeMap<String, u64>> {
    let artifacts = build::components(manifest, build::SHIPPED_PROFILE, progress)?;
    let mut sizes = std::collections::BTreeMap::new();
    for id in local_host::manifest::Manifest::load(manifest)?
        .components
        .keys()
    {
        if let Some(path) = artifacts.path(id) {
            sizes.insert(id.clone(), std::fs::metadata(path)?.len());
        }
    }
    Ok(sizes)
}
