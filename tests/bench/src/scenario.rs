//! One round: a fresh application, a fresh provider, the floor and the three runs.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON value indexed by a name it does not have is null"
)]

use crate::district::{self, Unit};
use crate::figures::{Round, RunFigures, Scenario, StoreFigures, Watch, millis};
use crate::floor::Floor;
use anyhow::{Context, bail};
use driver::{Application, District, OPERATOR_TOKEN, Providers, text};
use fake_providers::faults::{Fault, FaultKind};
use fake_providers::google::{Config, FakeGoogle};
use local_host::{Counters, CronMode, GuestOutput, Host, HostConfig, Overrides, State, build};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

/// From which the district is drawn.
const SEED: u64 = 1;

/// Connections of the parallel floor: as many as the application uses.
const FLOOR_CONNECTIONS: usize = 8;

/// How often a run is looked at. Each look costs a request through a component.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// After so many looks a scheduler's tick is sent, in case that nobody drives the run.
const LOOKS_PER_TICK: u32 = 250;

/// How long a run may take.
const LOOKS_MAX: u32 = 45_000;

/// How long a finished run may go on to tidy up before the next one is measured.
const REST: Duration = Duration::from_secs(2);

const USERS_PATH: &str = "/admin/directory/v1/users";

/// What a round measures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan<'a> {
    /// The application's manifest.
    pub(crate) manifest: &'a Path,
    /// People in the directory.
    pub(crate) users: usize,
    /// How long the provider holds back each answer.
    pub(crate) latency_ms: u64,
    /// Whether only the floor is measured.
    pub(crate) floor_only: bool,
    /// Whether all students and all staff are one unit each.
    pub(crate) two_chains: bool,
}

/// Measures one round.
pub(crate) async fn round(
    plan: &Plan<'_>,
    provider: &tokio::runtime::Handle,
) -> anyhow::Result<Round> {
    let address = free_address()?;
    let redirect = format!("http://{address}/oauth/google/callback");
    let google = start_google(plan.users, &redirect, provider).await?;
    let units = district::units(&google, plan.two_chains);
    let paths: Vec<String> = units.iter().map(|unit| unit.path.clone()).collect();
    let floor = Floor::open(&google, &redirect).await?;
    // The fake prepares its lists when they are first asked for; nobody should be charged for it.
    floor.download(&paths, FLOOR_CONNECTIONS).await?;
    set_latency(&google, plan.latency_ms);
    let (_, serial) = floor.download(&paths, 1).await?;
    let (_, parallel) = floor.download(&paths, FLOOR_CONNECTIONS).await?;
    let mut round = Round {
        users: plan.users,
        latency_ms: plan.latency_ms,
        chains: units.len(),
        pages_expected: district::pages_expected(&google, &units),
        floor_serial_ms: millis(serial),
        floor_parallel_ms: millis(parallel),
        runs: Vec::new(),
    };
    if plan.floor_only {
        return Ok(round);
    }
    let state = tempfile::tempdir().context("making a directory for the store")?;
    let host = start_host(plan.manifest, address, state.path(), &google).await?;
    google.faults().clear();
    let operator = Application::new(&host.url(), OPERATOR_TOKEN)?;
    let bench = Bench {
        district: district::set_up(&operator, &google, &units).await?,
        google: &google,
        host: &host,
        state: state.path(),
    };
    set_latency(&google, plan.latency_ms);
    for scenario in [Scenario::First, Scenario::Unchanged] {
        round.runs.push(bench.run(scenario).await?);
    }
    rename(&google, &units, &floor, &paths, plan.latency_ms).await?;
    round.runs.push(bench.run(Scenario::Renamed).await?);
    host.shutdown().await;
    Ok(round)
}

/// Renames some people and has the fake prepare its lists again.
async fn rename(
    google: &FakeGoogle,
    units: &[Unit],
    floor: &Floor,
    paths: &[String],
    latency_ms: u64,
) -> anyhow::Result<()> {
    district::rename_some(google, units)?;
    google.faults().clear();
    floor.download(paths, FLOOR_CONNECTIONS).await?;
    set_latency(google, latency_ms);
    Ok(())
}

fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").context("finding a free port")?;
    Ok(listener.local_addr()?)
}

async fn start_google(
    users: usize,
    redirect: &str,
    provider: &tokio::runtime::Handle,
) -> anyhow::Result<FakeGoogle> {
    let config = Config {
        // Its clock stands still, so all calls fall into one minute.
        quota_per_minute: u32::MAX,
        ..Config::with_redirect(redirect)
    };
    let starting = provider.spawn(async move {
        let people = fake_providers::district::District::maple_grove(SEED, users);
        FakeGoogle::start(people, config).await
    });
    starting.await?.context("starting the fake Google")
}

/// Holds back every answer of the Directory API.
fn set_latency(google: &FakeGoogle, milliseconds: u64) {
    google.faults().clear();
    if milliseconds > 0 {
        let late = FaultKind::Latency { milliseconds };
        google
            .faults()
            .add(Fault::at("/admin/directory/v1/*", late));
    }
}

async fn start_host(
    manifest: &Path,
    address: SocketAddr,
    state: &Path,
    google: &FakeGoogle,
) -> anyhow::Result<Host> {
    let providers = Providers {
        google: google.base_url(),
        ..Providers::default()
    };
    let variables = driver::variables(&format!("http://{address}"), &providers);
    let config = HostConfig {
        manifest: manifest.to_owned(),
        listen: address,
        state: State::Directory(state.to_owned()),
        variables: Overrides::Map(variables),
        profile: build::SHIPPED_PROFILE.to_owned(),
        cron: CronMode::ByHand,
        guest_output: GuestOutput::Inherit,
    };
    Host::start(config).await.context("starting the host")
}

/// An application with a district, ready to run.
struct Bench<'a> {
    district: District,
    google: &'a FakeGoogle,
    host: &'a Host,
    state: &'a Path,
}

impl Bench<'_> {
    /// Measures one run.
    async fn run(&self, scenario: Scenario) -> anyhow::Result<RunFigures> {
        tokio::time::sleep(REST).await;
        self.district.admin.tick().await?;
        self.google.journal().clear();
        let before = self.host.counters();
        let watch = Watch::start();
        let run = self.sync().await?;
        let wall_ms = millis(watch.elapsed());
        let after = self.host.counters();
        let state = text(&run, "state")?.to_owned();
        let wanted = match scenario {
            Scenario::First | Scenario::Renamed => "applied",
            Scenario::Unchanged => "unchanged",
        };
        if state != wanted {
            bail!("the {} ended as {state}: {run}", scenario.title());
        }
        let entries = self.google.journal().entries();
        let pages = entries.iter().filter(|entry| entry.path == USERS_PATH);
        let pages = pages.count() as u64;
        Ok(RunFigures {
            scenario,
            wall_ms,
            phases: phases(&run),
            state,
            changes: changes(&run),
            pages,
            other_calls: entries.len() as u64 - pages,
            downloaded_bytes: self.google.journal().body_bytes(),
            parsed_bytes: run["fetched"]["bytes"].as_u64().unwrap_or_default(),
            store: store(&before, &after),
            memory_bytes: after.peak_memory,
            database_bytes: directory_bytes(self.state)?,
        })
    }

    /// Asks for a run and waits until it is finished. The application drives it by itself; ticks
    /// in between would only compute beside it.
    async fn sync(&self) -> anyhow::Result<Value> {
        let admin = &self.district.admin;
        let asked = admin.post(&self.district.path("/runs"), &json!({})).await?;
        let path = self
            .district
            .path(&format!("/runs/{}", text(&asked, "run")?));
        for look in 1..=LOOKS_MAX {
            let run = admin.get(&path).await?;
            if run["finished_at_ms"].is_i64() {
                return Ok(run);
            }
            if look.is_multiple_of(LOOKS_PER_TICK) {
                admin.tick().await?;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        bail!("the run takes too long")
    }
}

/// The times of a run's phases; one that was entered twice is listed twice.
fn phases(run: &Value) -> Vec<(String, u64)> {
    let listed = run["phases"].as_array().map_or(&[][..], Vec::as_slice);
    listed
        .iter()
        .filter_map(|phase| {
            let started = phase["started_at_ms"].as_u64()?;
            let finished = phase["finished_at_ms"].as_u64()?;
            let name = phase["phase"].as_str()?.to_owned();
            Some((name, finished.saturating_sub(started)))
        })
        .collect()
}

fn changes(run: &Value) -> BTreeMap<String, u64> {
    let total = run["counts"]["total"].as_object();
    total
        .into_iter()
        .flatten()
        .filter_map(|(kind, count)| Some((kind.clone(), count.as_u64().filter(|n| *n > 0)?)))
        .collect()
}

fn store(before: &Counters, after: &Counters) -> BTreeMap<String, StoreFigures> {
    let mut figures = BTreeMap::new();
    for (operation, total) in &after.store {
        let earlier = before.store.get(operation).copied().unwrap_or_default();
        let moved = StoreFigures {
            calls: total.calls - earlier.calls,
            keys: total.keys - earlier.keys,
            bytes_read: total.bytes_read - earlier.bytes_read,
            bytes_written: total.bytes_written - earlier.bytes_written,
        };
        if moved.calls > 0 {
            figures.insert(format!("{operation:?}"), moved);
        }
    }
    figures
}

fn directory_bytes(directory: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(directory)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}
