//! A real browser: Debian's Chromium without a window, driven over `WebDriver`.
//!
//! On a machine without it [`Browser::open`] gives none and says so, and the test is skipped. Where
//! `ROLLCALL_BROWSER=required` is set, as `.ci/run` does, that is a failure.

use anyhow::{Context, bail};
use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{Semaphore, SemaphorePermit};

/// The variable that says whether there has to be a browser.
const VARIABLE: &str = "ROLLCALL_BROWSER";

/// Browsers at once: each takes a processor while it starts.
static SLOTS: Semaphore = Semaphore::const_new(2);

/// How long a page may take.
const PAGE_MAX: Duration = Duration::from_secs(30);

/// How long the driver may take to start.
const START_MAX: Duration = Duration::from_mins(1);

/// What Chromium is started with. In containers it has neither a sandbox nor a graphics card; and it
/// shall talk to nobody but the servers of the test.
const FLAGS: [&str; 10] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// A browser with a profile of its own. It ends when dropped.
pub struct Browser {
    client: Client,
    _driver: Child,
    _profile: TempDir,
    _slot: SemaphorePermit<'static>,
}

impl Browser {
    /// Starts a browser; none where there is none and none is required.
    pub async fn open() -> anyhow::Result<Option<Self>> {
        let slot = SLOTS.acquire().await?;
        let driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let mut driver = match driver {
            Ok(driver) => driver,
            Err(error) if std::env::var(VARIABLE).is_ok_and(|value| value == "required") => {
                return Err(error).context("a browser is required: install chromium-driver");
            }
            Err(_) => {
                say_skipped();
                return Ok(None);
            }
        };
        let port = tokio::time::timeout(START_MAX, port(&mut driver)).await;
        let port = port.context("chromedriver takes too long")??;
        let profile = tempfile::tempdir()?;
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities(&profile))
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .context("chromedriver starts no browser")?;
        Ok(Some(Self {
            client,
            _driver: driver,
            _profile: profile,
            _slot: slot,
        }))
    }

    /// Opens an address.
    pub async fn go(&self, url: &str) -> anyhow::Result<()> {
        let opened = self.client.goto(url).await;
        opened.with_context(|| format!("opening {url}"))
    }

    /// The address of the page that is shown.
    pub async fn url(&self) -> anyhow::Result<String> {
        Ok(self.client.current_url().await?.into())
    }

    /// The text of an element, once it is there.
    pub async fn text(&self, css: &str) -> anyhow::Result<String> {
        let found = self.client.wait().at_most(PAGE_MAX);
        match found.for_element(Locator::Css(css)).await {
            Ok(element) => Ok(element.text().await?),
            Err(error) => self.lost(css, error).await,
        }
    }

    /// Waits until an element says so: a click does not wait for the page that it leads to.
    pub async fn says(&self, css: &str, text: &str) -> anyhow::Result<()> {
        let waiting = async {
            // Between two pages there is no element, or one that is gone.
            while self.text(css).await.ok().as_deref() != Some(text) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        match tokio::time::timeout(PAGE_MAX, waiting).await {
            Ok(()) => Ok(()),
            Err(_) => self.lost(css, format!("it does not say {text}")).await,
        }
    }

    /// All text of the page.
    pub async fn page(&self) -> anyhow::Result<String> {
        self.text("body").await
    }

    /// Whether there is such an element now.
    pub async fn has(&self, css: &str) -> anyhow::Result<bool> {
        Ok(!self.client.find_all(Locator::Css(css)).await?.is_empty())
    }

    /// Clicks on an element, once it is there.
    pub async fn click(&self, css: &str) -> anyhow::Result<()> {
        let found = self.client.wait().at_most(PAGE_MAX);
        match found.for_element(Locator::Css(css)).await {
            Ok(element) => Ok(element.click().await?),
            Err(error) => self.lost(css, error).await,
        }
    }

    /// Types into a field in place of what it says.
    pub async fn fill(&self, css: &str, text: &str) -> anyhow::Result<()> {
        let found = self.client.wait().at_most(PAGE_MAX);
        match found.for_element(Locator::Css(css)).await {
            Ok(element) => {
                element.clear().await?;
                Ok(element.send_keys(text).await?)
            }
            Err(error) => self.lost(css, error).await,
        }
    }

    /// Waits until the address begins so.
    pub async fn arrives_at(&self, prefix: &str) -> anyhow::Result<()> {
        let waiting = async {
            while !self.url().await?.starts_with(prefix) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            anyhow::Ok(())
        };
        match tokio::time::timeout(PAGE_MAX, waiting).await {
            Ok(arrived) => arrived,
            Err(_) => self.lost(prefix, anyhow::anyhow!("not there")).await,
        }
    }

    /// The cookies that this page's server would be sent.
    pub async fn cookies(&self) -> anyhow::Result<Vec<fantoccini::cookies::Cookie<'static>>> {
        Ok(self.client.get_all_cookies().await?)
    }

    /// Forgets the cookies that this page's server would be sent.
    pub async fn forget_cookies(&self) -> anyhow::Result<()> {
        Ok(self.client.delete_all_cookies().await?)
    }

    /// Runs a script in the page and returns what it returns.
    pub async fn run(&self, script: &str) -> anyhow::Result<serde_json::Value> {
        Ok(self.client.execute(script, Vec::new()).await?)
    }

    /// Ends the browser in good order. Dropping one ends it too, as a killed process ends.
    pub async fn close(self) -> anyhow::Result<()> {
        Ok(self.client.close().await?)
    }

    /// What is shown instead of what was expected.
    async fn lost<T>(&self, what: &str, error: impl std::fmt::Display) -> anyhow::Result<T> {
        let url = self.url().await.unwrap_or_default();
        let page = self.client.source().await.unwrap_or_default();
        bail!("{what} does not come ({error}); shown is {url}: {page}")
    }
}

/// Tests that pass say nothing; this goes past what collects their words.
fn say_skipped() {
    let words =
        format!("skipped: there is no chromedriver here ({VARIABLE}=required forbids that)");
    // Nothing is lost when nobody listens.
    let _ = writeln!(std::io::stderr(), "{words}");
}

/// The port that the driver chose.
async fn port(driver: &mut Child) -> anyhow::Result<u16> {
    let output = driver.stdout.take().context("no output")?;
    let mut lines = BufReader::new(output).lines();
    while let Some(line) = lines.next_line().await? {
        let Some((_, port)) = line.split_once("started successfully on port ") else {
            continue;
        };
        let port = port.trim_end_matches('.').parse()?;
        // What it goes on to say has to go somewhere, or it stops.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        return Ok(port);
    }
    bail!("chromedriver ended")
}

fn capabilities(profile: &TempDir) -> Capabilities {
    let mut arguments: Vec<String> = FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
    arguments.push(format!("--user-data-dir={}", profile.path().display()));
    let mut capabilities = Capabilities::new();
    capabilities.insert("browserName".to_owned(), json!("chrome"));
    capabilities.insert("pageLoadStrategy".to_owned(), json!("normal"));
    capabilities.insert(
        "goog:chromeOptions".to_owned(),
        json!({ "args": arguments }),
    );
    capabilities
}
