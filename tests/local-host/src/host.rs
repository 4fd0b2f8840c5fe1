//! Starting, steering and stopping a host.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::app::{App, LoadError, Parts};
use crate::build::{Artifacts, BuildError};
use crate::clock::MovableClock;
use crate::counters::{Counters, Recorder};
use crate::cron::{self, CronError};
use crate::manifest::{Manifest, ManifestError};
use crate::serve::serve;
use crate::store::{Crash, Failure, KeyValue, State, StoreError};
use crate::variables::{Overrides, VariableError, Variables};

/// How long [`Host::shutdown`] waits for open requests.
const GRACE: Duration = Duration::from_secs(5);

/// What to run, and how.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// `spin.toml`.
    pub manifest: PathBuf,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where stores are kept.
    pub state: State,
    /// Values of variables before the manifest's defaults.
    pub variables: Overrides,
    /// The cargo profile with which [`crate::build::components`] built.
    pub profile: String,
    /// Whether cron triggers fire.
    pub cron: CronMode,
    /// What becomes of what components print.
    pub guest_output: GuestOutput,
}

/// Whether cron triggers fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CronMode {
    /// Only through [`Host::fire_cron`].
    ByHand,
    /// As the clock reaches their times.
    OnSchedule,
}

/// What becomes of what components print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuestOutput {
    /// It is dropped.
    Discard,
    /// It goes where this process prints.
    Inherit,
}

impl HostConfig {
    /// A host for tests: a free port on loopback, stores in memory, variables from `variables` alone, the
    /// `e2e` profile, cron by hand, guest output shown.
    pub fn for_test(manifest: impl Into<PathBuf>, variables: BTreeMap<String, String>) -> Self {
        Self {
            manifest: manifest.into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            state: State::Memory(crate::store::MemoryStore::default()),
            variables: Overrides::Map(variables),
            profile: "e2e".to_owned(),
            cron: CronMode::ByHand,
            guest_output: GuestOutput::Inherit,
        }
    }
}

/// A host can't start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The built components can't be found.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The address is taken or not ours.
    #[error("can't listen on {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's answer.
        error: std::io::Error,
    },
    /// The application can't be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The manifest is malformed.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// Components would answer on an address which others can reach.
    #[error("{0} is not a loopback address: this host is for development and tests only")]
    NotLoopback(SocketAddr),
    /// The stores can't be opened.
    #[error("the stores can't be opened: {0}")]
    Store(#[from] StoreError),
    /// The thread which loads components panicked.
    #[error("loading the components failed: {0}")]
    Thread(#[from] tokio::task::JoinError),
    /// A variable has no value or a template is wrong.
    #[error(transparent)]
    Variable(#[from] VariableError),
}

/// A running host. Dropping it ends it at once, as a killed process; [`Host::shutdown`] lets open requests
/// finish first.
pub struct Host {
    app: Arc<App>,
    closing: CancellationToken,
    server: Option<JoinHandle<()>>,
    schedules: Vec<JoinHandle<()>>,
}

impl Host {
    /// Loads the built components and listens. A multi-threaded tokio runtime is best: guests compute on
    /// its threads.
    pub async fn start(config: HostConfig) -> Result<Self, StartError> {
        if !config.listen.ip().is_loopback() {
            return Err(StartError::NotLoopback(config.listen));
        }
        let manifest = Manifest::load(&config.manifest)?;
        let variables = Variables::resolve(&manifest, &config.variables)?;
        let recorder = Recorder::default();
        let halted = CancellationToken::new();
        let key_value = KeyValue::open(&config.state, recorder.clone(), halted.clone())?;
        let listen_error = |error| StartError::Listen {
            address: config.listen,
            error,
        };
        let listener = TcpListener::bind(config.listen)
            .await
            .map_err(listen_error)?;
        let parts = Parts {
            manifest,
            variables,
            key_value,
            clock: MovableClock::default(),
            recorder,
            halted,
            address: listener.local_addr().map_err(listen_error)?,
            shows_guest_output: config.guest_output == GuestOutput::Inherit,
        };
        let app = tokio::task::spawn_blocking(move || {
            let artifacts = Artifacts::locate(&config.manifest, &config.profile)?;
            Ok::<_, StartError>(App::load(parts, &artifacts)?)
        })
        .await??;
        let closing = CancellationToken::new();
        let server = tokio::spawn(serve(Arc::clone(&app), listener, closing.clone()));
        let schedules = match config.cron {
            CronMode::ByHand => Vec::new(),
            CronMode::OnSchedule => (0..app.tickers.len())
                .map(|index| tokio::spawn(cron::run(Arc::clone(&app), index)))
                .collect(),
        };
        Ok(Self {
            app,
            closing,
            server: Some(server),
            schedules,
        })
    }

    /// Where the host listens.
    pub fn address(&self) -> SocketAddr {
        self.app.address
    }

    /// `http://` and the address, without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}", self.app.address)
    }

    /// The public routes: pattern and component id.
    pub fn routes(&self) -> Vec<(String, String)> {
        let patterns = self.app.router.patterns();
        patterns
            .map(|(pattern, id)| (pattern.to_owned(), id.to_owned()))
            .collect()
    }

    /// The guests' wall clock.
    pub fn clock(&self) -> &MovableClock {
        &self.app.clock
    }

    /// What happened since the start or the last [`Host::reset_counters`].
    pub fn counters(&self) -> Counters {
        self.app.recorder.snapshot()
    }

    /// Starts counting anew. Memory peaks of instances which live on are noted again only when they grow.
    pub fn reset_counters(&self) {
        self.app.recorder.reset();
    }

    /// The faults of this host.
    pub fn controls(&self) -> Controls<'_> {
        Controls { app: &self.app }
    }

    /// Runs every cron trigger of `component` once, as if the time were `timestamp` (seconds since the
    /// Unix epoch). Never ends on a host which has crashed.
    pub async fn fire_cron(&self, component: &str, timestamp: u64) -> Result<(), CronError> {
        let mut fired = false;
        for ticker in &self.app.tickers {
            if *ticker.component.id == *component {
                ticker.fire(&self.app, timestamp).await?;
                fired = true;
            }
        }
        if fired {
            Ok(())
        } else {
            Err(CronError::NoTrigger(component.to_owned()))
        }
    }

    /// Ends when the host has crashed (see [`Controls::crash_at`]).
    pub async fn crashed(&self) {
        self.app.halted.cancelled().await;
    }

    /// Stops listening, waits a little for open requests, then drops every instance.
    pub async fn shutdown(mut self) {
        self.closing.cancel();
        if let Some(server) = self.server.take()
            && tokio::time::timeout(GRACE, server).await.is_err()
        {
            tracing::warn!("open requests were cut off");
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        for schedule in &self.schedules {
            schedule.abort();
        }
        self.app.halted.cancel();
    }
}

/// Faults to switch on and off while the host runs.
pub struct Controls<'host> {
    app: &'host App,
}

impl Controls<'_> {
    /// Makes the host stop dead at a store operation, or (None) takes that back. It then answers nothing and
    /// changes nothing any more: drop it and start another on the same [`State`].
    pub fn crash_at(&self, crash: Option<Crash>) {
        self.app.key_value.faults().crash_at(crash);
    }

    /// Makes store operations fail, or (None) takes that back. The host goes on.
    pub fn fail_at(&self, failure: Option<Failure>) {
        self.app.key_value.faults().fail_at(failure);
    }

    /// How many operations failed since [`Controls::fail_at`] asked for it.
    pub fn failures_met(&self) -> u64 {
        self.app.key_value.faults().failures_met()
    }

    /// Adds a wait before every store operation.
    pub fn set_store_latency(&self, latency: Duration) {
        self.app.key_value.faults().set_latency(latency);
    }

    /// Makes the batch get fail and compare-and-swap write but report failure, as on Spin's Redis store.
    pub fn behave_like_redis(&self, on: bool) {
        self.app.key_value.faults().behave_like_redis(on);
    }
}
