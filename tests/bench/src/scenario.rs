//! One round: a fresh application, a fresh provider, the floor and the three runs.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON value indexed by a name it does not have is null"
)]

use crate::application::{self, Running, free_address};
use crate::figures::{Provider, Round, RunFigures, Scenario, Watch, millis};
use crate::source::{AUTHORIZED_PATH, Clever, Google, OneRoster, Source};
use anyhow::bail;
use driver::{District, text};
use serde_json::json;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// Connections of the parallel floor: as many as the application uses.
const FLOOR_CONNECTIONS: usize = 8;

/// How long a finished run may go on to tidy up before the next one is measured.
const REST: Duration = Duration::from_secs(2);

/// What a round measures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan<'a> {
    /// The application's manifest.
    pub(crate) manifest: &'a Path,
    /// Who shows the people.
    pub(crate) provider: Provider,
    /// People in the directory.
    pub(crate) users: usize,
    /// Enrolments, at least, at a OneRoster server.
    pub(crate) enrolments: usize,
    /// How long the provider holds back each answer.
    pub(crate) latency_ms: u64,
    /// Whether only the floor is measured.
    pub(crate) floor_only: bool,
    /// Whether all students and all staff are one unit each.
    pub(crate) two_chains: bool,
}

/// Measures one round. The fake runs on `runtime`.
pub(crate) async fn round(
    plan: &Plan<'_>,
    runtime: &tokio::runtime::Handle,
) -> anyhow::Result<Round> {
    let address = free_address()?;
    let (users, enrolments) = (plan.users, plan.enrolments);
    match plan.provider {
        Provider::Google => {
            let redirect = format!("http://{address}{AUTHORIZED_PATH}");
            let google = Google::start(users, plan.two_chains, &redirect, runtime).await?;
            of_source(plan, address, google).await
        }
        Provider::Clever => {
            let clever = Clever::start(users, runtime).await?;
            of_source(plan, address, clever).await
        }
        Provider::Classlink | Provider::Oneroster => {
            let is_classlink = plan.provider == Provider::Classlink;
            let oneroster = OneRoster::start(users, enrolments, is_classlink, runtime).await?;
            of_source(plan, address, oneroster).await
        }
        Provider::Csv => bail!("files have rounds of their own"),
    }
}

async fn of_source(
    plan: &Plan<'_>,
    address: SocketAddr,
    mut source: impl Source,
) -> anyhow::Result<Round> {
    let extent = source.prepare().await?;
    source.set_latency(plan.latency_ms);
    let serial = source.floor(1).await?;
    let parallel = source.floor(FLOOR_CONNECTIONS).await?;
    let mut round = Round {
        provider: plan.provider,
        users: plan.users,
        latency_ms: plan.latency_ms,
        extent,
        floor_serial_ms: millis(serial),
        floor_parallel_ms: millis(parallel),
        runs: Vec::new(),
    };
    if plan.floor_only {
        return Ok(round);
    }
    let running = Running::start(plan.manifest, address, &source.providers()).await?;
    source.set_latency(0);
    let district = source.set_up(&running.operator()?).await?;
    let bench = Bench { district, running };
    source.set_latency(plan.latency_ms);
    for scenario in [Scenario::First, Scenario::Unchanged] {
        round.runs.push(bench.run(&source, scenario).await?);
    }
    source.rename_some()?;
    source.prepare().await?;
    source.set_latency(plan.latency_ms);
    round
        .runs
        .push(bench.run(&source, Scenario::Renamed).await?);
    bench.running.stop().await;
    Ok(round)
}

/// An application with a district, ready to run.
struct Bench {
    district: District,
    running: Running,
}

impl Bench {
    /// Measures one run.
    async fn run(&self, source: &impl Source, scenario: Scenario) -> anyhow::Result<RunFigures> {
        tokio::time::sleep(REST).await;
        let admin = &self.district.admin;
        admin.tick().await?;
        source.journal().clear();
        let before = self.running.counters();
        let watch = Watch::start();
        let asked = admin.post(&self.district.path("/runs"), &json!({})).await?;
        let run = application::finished(&self.district, text(&asked, "run")?).await?;
        let wall_ms = millis(watch.elapsed());
        let after = self.running.counters();
        let state = text(&run, "state")?.to_owned();
        let wanted = match scenario {
            Scenario::First | Scenario::Renamed => "applied",
            Scenario::Unchanged => "unchanged",
        };
        if state != wanted {
            bail!("the {} ended as {state}: {run}", scenario.title());
        }
        let entries = source.journal().entries();
        let pages = entries.iter().filter(|entry| source.is_page(entry)).count() as u64;
        Ok(RunFigures {
            scenario,
            wall_ms,
            phases: application::phases(&run),
            state,
            changes: application::changes(&run),
            pages,
            other_calls: entries.len() as u64 - pages,
            downloaded_bytes: source.journal().body_bytes(),
            parsed_bytes: run["fetched"]["bytes"].as_u64().unwrap_or_default(),
            store: application::store(&before, &after),
            memory_bytes: after.peak_memory,
            database_bytes: self.running.database_bytes()?,
        })
    }
}
