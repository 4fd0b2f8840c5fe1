//! The application that is measured: the real components in the local host, with the store on disk.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON value indexed by a name it does not have is null"
)]

use crate::figures::{StoreFigures, micros};
use anyhow::{Context, bail};
use driver::{Application, District, OPERATOR_TOKEN, Providers};
use local_host::{Counters, CronMode, GuestOutput, Host, HostConfig, Overrides, State, build};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

/// How often something under way is looked at. Each look costs a request through a component.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// After so many looks a scheduler's tick is sent, in case that nobody drives the run.
const LOOKS_PER_TICK: u32 = 250;

/// How long something may take.
const LOOKS_MAX: u32 = 45_000;

/// A running application.
pub(crate) struct Running {
    host: Host,
    state: tempfile::TempDir,
}

/// A free address on this machine.
pub(crate) fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").context("finding a free port")?;
    Ok(listener.local_addr()?)
}

impl Running {
    /// Starts the application, which takes its people from these providers.
    pub(crate) async fn start(
        manifest: &Path,
        address: SocketAddr,
        providers: &Providers<'_>,
    ) -> anyhow::Result<Self> {
        let state = tempfile::tempdir().context("making a directory for the store")?;
        let variables = driver::variables(&format!("http://{address}"), providers);
        let config = HostConfig {
            manifest: manifest.to_owned(),
            listen: address,
            state: State::Directory(state.path().to_owned()),
            variables: Overrides::Map(variables),
            profile: build::SHIPPED_PROFILE.to_owned(),
            cron: CronMode::ByHand,
            guest_output: GuestOutput::Inherit,
        };
        let host = Host::start(config).await.context("starting the host")?;
        Ok(Self { host, state })
    }

    /// The application, seen by its operator.
    pub(crate) fn operator(&self) -> anyhow::Result<Application> {
        Application::new(&self.host.url(), OPERATOR_TOKEN)
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        self.host.url()
    }

    /// What was counted since the start.
    pub(crate) fn counters(&self) -> Counters {
        self.host.counters()
    }

    /// The size of the store's files.
    pub(crate) fn database_bytes(&self) -> anyhow::Result<u64> {
        let mut bytes = 0;
        for entry in std::fs::read_dir(self.state.path())? {
            bytes += entry?.metadata()?.len();
        }
        Ok(bytes)
    }

    /// Stops it.
    pub(crate) async fn stop(self) {
        self.host.shutdown().await;
    }
}

/// Looks at a path until what is there is as it should be. The application drives its work by
/// itself; ticks in between would only compute beside it.
pub(crate) async fn wait_for(
    district: &District,
    path: &str,
    is_over: impl Fn(&Value) -> bool,
) -> anyhow::Result<Value> {
    for look in 1..=LOOKS_MAX {
        let found = district.admin.get(path).await?;
        if is_over(&found) {
            return Ok(found);
        }
        if look.is_multiple_of(LOOKS_PER_TICK) {
            district.admin.tick().await?;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    bail!("{path} takes too long")
}

/// The record of a run once it is over.
pub(crate) async fn finished(district: &District, run: &str) -> anyhow::Result<Value> {
    let path = district.path(&format!("/runs/{run}"));
    wait_for(district, &path, |run| run["finished_at_ms"].is_i64()).await
}

/// The times of a run's phases; one that was entered twice is listed twice.
pub(crate) fn phases(run: &Value) -> Vec<(String, u64)> {
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

/// What a run changed, by kind.
pub(crate) fn changes(run: &Value) -> BTreeMap<String, u64> {
    let total = run["counts"]["total"].as_object();
    total
        .into_iter()
        .flatten()
        .filter_map(|(kind, count)| Some((kind.clone(), count.as_u64().filter(|n| *n > 0)?)))
        .collect()
}

/// Store operations between two counts.
pub(crate) fn store(before: &Counters, after: &Counters) -> BTreeMap<String, StoreFigures> {
    let mut figures = BTreeMap::new();
    for (operation, total) in &after.store {
        let earlier = before.store.get(operation).copied().unwrap_or_default();
        let moved = StoreFigures {
            calls: total.calls - earlier.calls,
            keys: total.keys - earlier.keys,
            bytes_read: total.bytes_read - earlier.bytes_read,
            bytes_written: total.bytes_written - earlier.bytes_written,
            store_us: micros(total.time.saturating_sub(earlier.time)),
        };
        if moved.calls > 0 {
            figures.insert(format!("{operation:?}"), moved);
        }
    }
    figures
}
