//! People of a large district sign in, one after the other, with Google and to an application that
//! redeems the code and asks who it is.
//!
//! Each step is timed from outside, so the host and HTTP are in it. What the provider takes for its
//! part is measured natively, what the store takes is counted by the host; both come in the middle of
//! steps and are taken off what is our own.

use crate::application::{self, Running, free_address};
use crate::figures::{SignInStep, SignIns, StoreFigures, Watch, micros, millis};
use crate::source::{AUTHORIZED_PATH, Google, Source, TENANT};
use anyhow::{Context, bail};
use driver::{Agent, District, Relying, Tokens, text};
use fake_providers::google::{CLIENT_ID, CLIENT_SECRET};
use reqwest::Url;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// Sign-ins before it is measured: instances are warm and the provider's keys are known.
const WARM_UP: usize = 5;

/// Requests to us in a sign-in.
const REQUESTS: u32 = 5;

/// How long the application may go on to tidy up after the import.
const REST: Duration = Duration::from_secs(2);

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan<'a> {
    /// The application's manifest.
    pub(crate) manifest: &'a Path,
    /// People in the directory.
    pub(crate) accounts: usize,
    /// How many of them sign in.
    pub(crate) sign_ins: usize,
}

/// The steps of a sign-in, in order; the provider's page lies between the second and the third.
const STEPS: [&str; 5] = [
    "authorize",
    "to the provider",
    "callback",
    "code",
    "userinfo",
];

/// Measures signing in. The fake runs on `runtime`.
pub(crate) async fn measure(
    plan: &Plan<'_>,
    runtime: &tokio::runtime::Handle,
) -> anyhow::Result<SignIns> {
    let address = free_address()?;
    let redirect = format!("http://{address}{AUTHORIZED_PATH}");
    let mut google = Google::start(plan.accounts, true, &redirect, runtime).await?;
    google.prepare().await?;
    let running = Running::start(plan.manifest, address, &google.providers()).await?;
    let operator = running.operator()?;
    let district = google.set_up(&operator).await?;
    let (accounts, import_ms) = import(&district).await?;
    district
        .set_sign_in(&json!({"methods": ["google"]}))
        .await?;
    let only = json!({"tenants": [TENANT]});
    let app = Relying::register(&operator, "bench", "client_secret_basic", &only).await?;
    tokio::time::sleep(REST).await;
    district.admin.tick().await?;
    let bench = Bench {
        google,
        running,
        app,
    };
    let people = bench.google.some_people(WARM_UP + plan.sign_ins);
    let (before, measured) = people.split_at(WARM_UP.min(people.len()));
    for person in before {
        bench.sign_in(person).await?;
    }
    let mut taken: Vec<[Taken; 5]> = Vec::new();
    for person in measured {
        taken.push(bench.sign_in(person).await?);
    }
    let figures = SignIns {
        accounts,
        import_ms,
        people: taken.len(),
        floor_host_us: bench.floor().await?,
        provider_us: bench.provider(before).await?,
        steps: Vec::new(),
        store_us: 0,
        own_us: 0,
        own_p95_us: 0,
        back_us: 0,
        memory_bytes: bench.running.counters().peak_memory,
        database_bytes: bench.running.database_bytes()?,
    };
    bench.running.stop().await;
    Ok(summed(figures, &taken))
}

async fn import(district: &District) -> anyhow::Result<(u64, u64)> {
    let watch = Watch::start();
    let asked = district
        .admin
        .post(&district.path("/runs"), &json!({}))
        .await?;
    let run = application::finished(district, text(&asked, "run")?).await?;
    let changes = application::changes(&run);
    let accounts = changes.get("creates").copied().unwrap_or_default();
    if text(&run, "state")? != "applied" || accounts == 0 {
        bail!("the import ended as {run}");
    }
    Ok((accounts, millis(watch.elapsed())))
}

/// What one step took.
struct Taken {
    time: Duration,
    store: BTreeMap<String, StoreFigures>,
}

impl Taken {
    fn us(&self) -> u64 {
        micros(self.time)
    }

    /// The part of the store.
    fn store_us(&self) -> u64 {
        self.store.values().map(|moved| moved.store_us).sum()
    }
}

/// Sums the steps of all sign-ins up.
fn summed(mut figures: SignIns, taken: &[[Taken; 5]]) -> SignIns {
    let store = |steps: &[Taken]| steps.iter().map(Taken::store_us).sum::<u64>();
    let provider_us = figures.provider_us;
    let own = |steps: &[Taken]| {
        let all: u64 = steps.iter().map(Taken::us).sum();
        all.saturating_sub(store(steps) + provider_us)
    };
    let all = sorted(taken.iter().map(|steps| own(steps)));
    let back = sorted(
        taken
            .iter()
            .map(|steps| own(steps.get(2..).unwrap_or_default())),
    );
    (figures.own_us, figures.own_p95_us) = (at(&all, 50), at(&all, 95));
    figures.back_us = at(&back, 50);
    figures.store_us = at(&sorted(taken.iter().map(|steps| store(steps))), 50);
    for (place, name) in STEPS.into_iter().enumerate() {
        let of_step = || taken.iter().filter_map(|steps| steps.get(place));
        let times = sorted(of_step().map(Taken::us));
        let stores = sorted(of_step().map(Taken::store_us));
        // The last one: its store operations are those of every other.
        let store = of_step().next_back().map(|step| step.store.clone());
        figures.steps.push(SignInStep {
            name,
            median_us: at(&times, 50),
            p95_us: at(&times, 95),
            store_us: at(&stores, 50),
            store: store.unwrap_or_default(),
        });
    }
    figures
}

fn sorted(times: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut times: Vec<u64> = times.collect();
    times.sort_unstable();
    times
}

/// The time within which so many of a hundred are.
fn at(sorted: &[u64], percent: usize) -> u64 {
    let place = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(place).copied().unwrap_or_default()
}

/// An application whose people sign in.
struct Bench {
    google: Google,
    running: Running,
    app: Relying,
}

impl Bench {
    async fn timed<T>(
        &self,
        step: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<(T, Taken)> {
        let before = self.running.counters();
        let watch = Watch::start();
        let done = step.await?;
        let time = watch.elapsed();
        let store = application::store(&before, &self.running.counters());
        Ok((done, Taken { time, store }))
    }

    /// One person signs in, in a browser that was never here.
    async fn sign_in(&self, person: &str) -> anyhow::Result<[Taken; 5]> {
        let mut agent = Agent::new()?;
        let request = self.app.request(&[]);
        let (page, authorize) = self.timed(agent.get(&request)).await?;
        let login = page.location()?;
        let mut to_google = login.clone();
        to_google.set_path(&format!("{}/google", login.path()));
        let (page, to_provider) = self.timed(agent.get(to_google.as_str())).await?;
        let back = self.google.sign_in(page.location()?.as_str(), person)?;
        let (page, callback) = self.timed(agent.get(&back)).await?;
        let code = self.app.code_of(&page).with_context(|| page.text.clone())?;
        let (page, redeemed) = self.timed(self.app.redeem_with(&code, &[])).await?;
        let tokens = Tokens::of(&page)?;
        let (page, userinfo) = self.timed(self.app.userinfo(&tokens.access)).await?;
        if !page.text.contains(person) {
            bail!("userinfo tells of somebody else");
        }
        Ok([authorize, to_provider, callback, redeemed, userinfo])
    }

    /// As many requests as a sign-in has, answered by the host alone; the median.
    async fn floor(&self) -> anyhow::Result<u64> {
        let url = format!("{}/.well-known/spin/health", self.running.url());
        let mut times = Vec::new();
        for _ in 0..50 {
            let mut agent = Agent::new()?;
            let watch = Watch::start();
            for _ in 0..REQUESTS {
                agent.get(&url).await?;
            }
            times.push(micros(watch.elapsed()));
        }
        Ok(at(&sorted(times.into_iter()), 50))
    }

    /// What the provider takes to exchange a code, asked natively; the median.
    async fn provider(&self, people: &[String]) -> anyhow::Result<u64> {
        let mut times = Vec::new();
        let providers = self.google.providers();
        let redirect = format!("{}/callback/google", self.running.url());
        let verifier = driver::VERIFIER;
        for person in people.iter().cycle().take(30) {
            let parameters = BTreeMap::from([
                ("client_id", CLIENT_ID),
                ("redirect_uri", redirect.as_str()),
                ("response_type", "code"),
                ("scope", "openid email profile"),
                ("state", "s"),
                ("nonce", "n"),
            ]);
            let page = format!("{}/o/oauth2/v2/auth", providers.google);
            let url = Url::parse_with_params(&page, parameters)?;
            let url = format!(
                "{url}&code_challenge={}&code_challenge_method=S256",
                driver::challenge(verifier)
            );
            let back = Url::parse(&self.google.sign_in(&url, person)?)?;
            let code = driver::parameter(&back, "code").context("no code")?;
            let form = [
                ("grant_type", "authorization_code"),
                ("code", &code),
                ("redirect_uri", &redirect),
                ("client_id", CLIENT_ID),
                ("client_secret", CLIENT_SECRET),
                ("code_verifier", verifier),
            ];
            let token = format!("{}/token", providers.google);
            let mut agent = Agent::new()?;
            let watch = Watch::start();
            let page = agent.post(&token, &form).await?;
            times.push(micros(watch.elapsed()));
            if page.status != 200 {
                bail!("the provider answers {}: {}", page.status, page.text);
            }
        }
        Ok(at(&sorted(times.into_iter()), 50))
    }
}
