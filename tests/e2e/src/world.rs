//! One application with everything around it.

mod hosts;
mod providers;

use anyhow::{Context, bail};
use driver::{Application, District, OPERATOR_TOKEN, Providers, text};
use fake_providers::alerts::AlertReceiver;
use fake_providers::clever::{self, FakeClever};
use fake_providers::district::DistrictShape;
use fake_providers::google::{FakeGoogle, Outcome};
use fake_providers::oneroster::{self, FakeOneRoster};
use jiff::Timestamp;
use local_host::build::Artifacts;
use local_host::{Host, HostConfig, MemoryStore, StartError, State, build};
use providers::{start_google, start_others, start_receiver};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

/// The tenant that [`World::district`] makes.
pub const ADMIN_TENANT: &str = "maple-grove";

/// What signs alerts.
const ALERT_SECRET: &str = "alert-secret-for-tests-of-thirty-two-bytes";

/// How often another port is tried when somebody was faster.
const PORTS_TRIED_MAX: u32 = 5;

/// How often a run under way is looked at, and how often at most before it is given up on.
const LOOK_EVERY: Duration = Duration::from_millis(10);
const LOOKS_MAX: u32 = 6_000;

/// What a world starts with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// How many people the district has.
    pub people: usize,
    /// What kind of district it is.
    pub shape: DistrictShape,
    /// Where the store is; in memory if nowhere.
    pub directory: Option<PathBuf>,
    /// Whether the operator is sent alerts.
    pub alerts: bool,
    /// Whether Google pushes changes as they happen. Otherwise it refuses to, and nothing happens
    /// but what a test does.
    pub pushes: bool,
    /// How the district is at Clever, if it is there.
    pub clever: Option<clever::Config>,
    /// How the district's OneRoster server is, if it has one.
    pub oneroster: Option<oneroster::Config>,
    /// Variables that are set differently from usual; `None` leaves one out.
    pub variables: BTreeMap<&'static str, Option<&'static str>>,
}

impl Setup {
    /// "Maple Grove" with so many people, all of it in memory.
    pub fn of(people: usize) -> Self {
        Self {
            people,
            shape: DistrictShape::default(),
            directory: None,
            alerts: false,
            pushes: false,
            clever: None,
            oneroster: None,
            variables: BTreeMap::new(),
        }
    }

    /// The same with a Google that pushes changes.
    #[must_use]
    pub fn with_pushes(mut self) -> Self {
        self.pushes = true;
        self
    }

    /// The same with the district at Clever too.
    #[must_use]
    pub fn with_clever(mut self, config: clever::Config) -> Self {
        self.clever = Some(config);
        self
    }

    /// The same with a OneRoster server of the district, and `ClassLink` in front of it.
    #[must_use]
    pub fn with_oneroster(mut self, config: oneroster::Config) -> Self {
        self.oneroster = Some(config);
        self
    }

    /// The same with the store in a directory.
    #[must_use]
    pub fn in_directory(mut self, directory: &Path) -> Self {
        self.directory = Some(directory.to_owned());
        self
    }

    /// The same with a receiver of alerts.
    #[must_use]
    pub fn with_alerts(mut self) -> Self {
        self.alerts = true;
        self
    }

    /// The same with a variable set to something else, or left out.
    #[must_use]
    pub fn variable(mut self, name: &'static str, value: Option<&'static str>) -> Self {
        self.variables.insert(name, value);
        self
    }
}

/// An application, its store and its Google.
pub struct World {
    host: Option<Host>,
    config: HostConfig,
    /// What the application reads people from.
    pub google: FakeGoogle,
    /// The same district at Clever.
    clever: Option<FakeClever>,
    /// The same district's OneRoster server.
    oneroster: Option<FakeOneRoster>,
    /// What the application sends alerts to, if anywhere.
    alerts: Option<AlertReceiver>,
    /// The application, seen by the operator.
    pub operator: Application,
    /// The store, when it is in memory.
    pub memory: MemoryStore,
}

impl World {
    /// A district of so many people and an application that knows nothing of it yet.
    pub async fn of(people: usize) -> anyhow::Result<Self> {
        Self::with(Setup::of(people)).await
    }

    /// The same, set up in another way.
    pub async fn with(setup: Setup) -> anyhow::Result<Self> {
        artifacts()?;
        for _ in 0..PORTS_TRIED_MAX {
            let address = free_address()?;
            let url = format!("http://{address}");
            let google = start_google(&setup, &url).await?;
            let (clever, oneroster) = start_others(&setup, &google, &url).await?;
            let alerts = start_receiver(&setup, &google).await?;
            let providers = Providers {
                google: google.base_url(),
                clever: clever.as_ref().map(FakeClever::base_url),
                oneroster: oneroster.as_ref().map(FakeOneRoster::base_url),
            };
            let variables = driver::variables(&url, &providers);
            let config = config(&setup, variables, address, alerts.as_ref());
            let memory = match &config.state {
                State::Memory(memory) => memory.clone(),
                State::Directory(_) => MemoryStore::default(),
            };
            let host = match Host::start(config.clone()).await {
                Ok(host) => host,
                Err(StartError::Listen { .. }) => continue,
                Err(error) => return Err(error).context("starting the host"),
            };
            return Ok(Self {
                operator: Application::new(&host.url(), OPERATOR_TOKEN)?,
                host: Some(host),
                config,
                google,
                clever,
                oneroster,
                alerts,
                memory,
            });
        }
        bail!("no port stayed free for {PORTS_TRIED_MAX} attempts");
    }

    /// The host.
    pub fn host(&self) -> anyhow::Result<&Host> {
        self.host.as_ref().context("the host is down")
    }

    /// The district at Clever.
    pub fn clever(&self) -> anyhow::Result<&FakeClever> {
        self.clever.as_ref().context("nobody is at Clever")
    }

    /// The district's OneRoster server.
    pub fn oneroster(&self) -> anyhow::Result<&FakeOneRoster> {
        self.oneroster.as_ref().context("there is no such server")
    }

    /// Turns the OneRoster server off, or on again.
    pub async fn oneroster_is_up(&mut self, is_up: bool) -> anyhow::Result<()> {
        let server = self.oneroster.as_mut().context("there is no such server")?;
        if is_up {
            return Ok(server.come_up().await?);
        }
        server.go_down();
        Ok(())
    }

    /// The receiver of alerts.
    pub fn receiver(&self) -> anyhow::Result<&AlertReceiver> {
        self.alerts.as_ref().context("nobody receives alerts")
    }

    /// What the clock of everybody shows, in milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> anyhow::Result<i64> {
        Ok(i64::try_from(self.host()?.clock().time().as_millis())?)
    }

    /// Moves everybody's clock forward.
    pub fn advance(&self, by: Duration) -> anyhow::Result<()> {
        self.host()?.clock().advance(i64::try_from(by.as_millis())?);
        self.google.advance(by);
        Ok(())
    }

    /// Makes everybody's clock show a time, forward or back.
    pub fn set_time(&self, to: Timestamp) -> anyhow::Result<()> {
        self.host()?
            .clock()
            .set(u64::try_from(to.as_millisecond())?);
        self.google.clock().set(to);
        Ok(())
    }

    /// Fires the scheduler's cron trigger until its tenants have no more to do at once.
    pub async fn scheduler_minute(&self) -> anyhow::Result<()> {
        let now_s = u64::try_from(self.now_ms()? / 1_000)?;
        self.host()?.fire_cron("scheduler", now_s).await?;
        Ok(())
    }

    /// A tenant with a Google connection that is authorised and saved and has no rules yet.
    pub async fn district(&self) -> anyhow::Result<District> {
        self.named_district(ADMIN_TENANT).await
    }

    /// The same under another name: several districts may read the same Google.
    pub async fn named_district(&self, tenant: &str) -> anyhow::Result<District> {
        let domain = &self.google.district().shape().domain.clone();
        let district = District::create(&self.operator, tenant, tenant, domain).await?;
        let admin = self.google.accounts().super_admin;
        district
            .authorize(&self.google, &Outcome::allow(&admin))
            .await?;
        district.save().await?;
        Ok(district)
    }

    /// A tenant with a draft of a Google connection.
    pub async fn unauthorized_district(&self) -> anyhow::Result<District> {
        let domain = &self.google.district().shape().domain.clone();
        District::create(&self.operator, ADMIN_TENANT, "Maple Grove", domain).await
    }

    /// A key of the district that may only read.
    pub async fn viewer(&self, district: &District) -> anyhow::Result<Application> {
        let body = json!({"label": "office", "role": "viewer"});
        let key = district.admin.post(&district.path("/keys"), &body).await?;
        Ok(district.admin.with_token(text(&key, "secret")?))
    }

    /// Asks for a run and sees it through, see [`World::finish`].
    pub async fn sync(&self, district: &District) -> anyhow::Result<Value> {
        let path = district.path("/runs");
        let asked = district.admin.post(&path, &json!({})).await?;
        self.finish(district, text(&asked, "run")?).await
    }

    /// Asks for a run of one connection and sees it through.
    pub async fn sync_one(&self, district: &District) -> anyhow::Result<Value> {
        let path = district.path("/runs");
        let body = json!({"connection": district.connection});
        let asked = district.admin.post(&path, &body).await?;
        self.finish(district, text(&asked, "run")?).await
    }

    /// Asks for runs of all connections and sees them through; their records by connection.
    pub async fn sync_all(&self, district: &District) -> anyhow::Result<BTreeMap<String, Value>> {
        let first = self.sync(district).await?;
        let members = first.get("connections").and_then(Value::as_array);
        let steps = members.map_or(1, Vec::len);
        let id = text(&first, "id")?.to_owned();
        let mut runs = BTreeMap::new();
        for step in 0..steps {
            let run = if step == 0 {
                first.clone()
            } else {
                self.finish(district, &format!("{id}-{:03}", step + 1))
                    .await?
            };
            runs.insert(text(&run, "connection")?.to_owned(), run);
        }
        Ok(runs)
    }

    /// Asks for a preview and sees it through.
    pub async fn preview(&self, district: &District) -> anyhow::Result<Value> {
        let path = district.path("/previews");
        let asked = district.admin.post(&path, &json!({})).await?;
        self.finish(district, text(&asked, "run")?).await
    }

    /// Ticks until a run is finished and returns its record. Where the run waits for its provider
    /// the clock is moved on, so that nobody else has to.
    pub async fn finish(&self, district: &District, run: &str) -> anyhow::Result<Value> {
        let path = district.path(&format!("/runs/{run}"));
        let mut last = Value::Null;
        for _ in 0..LOOKS_MAX {
            district.admin.tick().await?;
            let answer = district.admin.send(Method::GET, &path, None).await?;
            // A run of a series is there once the one before is over.
            let record = if answer.status == StatusCode::NOT_FOUND {
                Value::Null
            } else {
                answer.ok()?
            };
            if number(&record, "finished_at_ms").is_some() {
                return Ok(record);
            }
            match number(&record, "wait_until_ms") {
                Some(until) if until > self.now_ms()? => {
                    let wait_ms = u64::try_from(until - self.now_ms()?).unwrap_or_default();
                    self.advance(Duration::from_millis(wait_ms + 1))?;
                }
                _ => tokio::time::sleep(LOOK_EVERY).await,
            }
            last = record;
        }
        bail!("the run does not end; it was last {last}")
    }

    /// All accounts, by address.
    pub async fn accounts(&self, district: &District) -> anyhow::Result<BTreeMap<String, Value>> {
        let mut accounts = BTreeMap::new();
        for account in district.all(&district.path("/accounts")).await? {
            accounts.insert(text(&account, "email")?.to_owned(), account);
        }
        Ok(accounts)
    }

    /// All accounts, by id: some have no address.
    pub async fn roster(&self, district: &District) -> anyhow::Result<BTreeMap<String, Value>> {
        let mut accounts = BTreeMap::new();
        for account in district.all(&district.path("/accounts")).await? {
            accounts.insert(text(&account, "id")?.to_owned(), account);
        }
        Ok(accounts)
    }

    /// The keys of the store that begin so, with their values. Only for stores in memory.
    pub fn stored(&self, prefix: &str) -> BTreeMap<String, Vec<u8>> {
        let mut stored = self.memory.dump("default");
        stored.retain(|key, _| key.starts_with(prefix));
        stored
    }
}

/// The texts of a JSON array, in order.
pub fn strings(value: &Value) -> Vec<&str> {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(Value::as_str).collect()
}

fn number(value: &Value, field: &str) -> Option<i64> {
    value.get(field).and_then(Value::as_i64)
}

fn manifest() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spin.toml")
}

/// The built components; they are built the first time this is called in a process.
pub fn artifacts() -> anyhow::Result<Artifacts> {
    static BUILT: OnceLock<Result<Artifacts, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        build::components(&manifest(), "e2e", build::Progress::Quiet)
            .map_err(|error| error.to_string())
    });
    built.clone().map_err(anyhow::Error::msg)
}

/// An address that was free a moment ago. The application's public address has to be known before
/// it starts.
fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn config(
    setup: &Setup,
    mut variables: BTreeMap<String, String>,
    address: SocketAddr,
    alerts: Option<&AlertReceiver>,
) -> HostConfig {
    if let Some(alerts) = alerts {
        variables.insert("alert_url".to_owned(), alerts.url());
        variables.insert("alert_host".to_owned(), alerts.host());
        variables.insert("alert_secret".to_owned(), ALERT_SECRET.to_owned());
    }
    for (name, value) in &setup.variables {
        match value {
            Some(value) => variables.insert((*name).to_owned(), (*value).to_owned()),
            None => variables.remove(*name),
        };
    }
    let mut config = HostConfig::for_test(manifest(), variables);
    config.listen = address;
    if let Some(directory) = &setup.directory {
        config.state = State::Directory(directory.clone());
    }
    config
}
