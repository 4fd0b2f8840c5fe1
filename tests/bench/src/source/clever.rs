//! A district at Clever, with its sections.

use super::pages::Pages;
use super::{Extent, NOWHERE, SEED, Source, TENANT};
use anyhow::Context;
use connectors::base_url::BaseUrl;
use connectors::clever::{Api, Fetch, FetchPlan, Version};
use connectors::fetch::WINDOW_DEFAULT;
use driver::{Application, District, Providers};
use fake_providers::clever::{Change, Config, FakeClever};
use fake_providers::faults::{Fault, FaultKind};
use fake_providers::journal::{Entry, Journal};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Where the lists are.
const LISTS: &str = "/v3.1/";

/// A fake Clever.
pub(crate) struct Clever {
    fake: FakeClever,
    pages: Option<Pages>,
}

impl Clever {
    /// Starts the fake with so many people.
    pub(crate) async fn start(
        users: usize,
        provider: &tokio::runtime::Handle,
    ) -> anyhow::Result<Self> {
        let config = Config {
            // Its clock stands still, so all calls fall into one minute.
            requests_per_minute: u32::MAX,
            ..Config::default()
        };
        let starting = provider.spawn(async move {
            let people = fake_providers::district::District::maple_grove(SEED, users);
            FakeClever::start(people, config).await
        });
        let fake = starting.await?.context("starting the fake Clever")?;
        Ok(Self { fake, pages: None })
    }
}

impl Source for Clever {
    fn providers(&self) -> Providers<'_> {
        Providers {
            google: NOWHERE,
            clever: Some(self.fake.base_url()),
            ..Providers::default()
        }
    }

    async fn set_up(&self, operator: &Application) -> anyhow::Result<District> {
        let shape = self.fake.district().shape();
        let tenant = District::bare(operator, TENANT, &shape.name).await?;
        let more = json!({"classes": true, "email_domains": [shape.domain]});
        tenant
            .connect_clever(operator, "clever", &self.fake, more)
            .await
    }

    async fn prepare(&mut self) -> anyhow::Result<Extent> {
        self.fake.faults().clear();
        let plan = FetchPlan {
            api: Api {
                base_url: BaseUrl::parse(self.fake.base_url())?,
                version: Version::V3_1,
            },
            district: self.fake.district_id().to_string(),
            guardians: false,
            classes: true,
            verified_domains: BTreeSet::new(),
            window: WINDOW_DEFAULT,
            seed: SEED,
        };
        let now = Timestamp::from_millisecond(self.fake.clock().now_ms())?;
        let token = self.fake.district_token();
        let token = token.context("the fake district has no token")?;
        let pages = Pages::find(Fetch::start(plan, now), token.as_str(), now).await?;
        let extent = pages.extent();
        self.pages = Some(pages);
        Ok(extent)
    }

    async fn floor(&self, connections: usize) -> anyhow::Result<Duration> {
        let pages = self.pages.as_ref().context("the pages are not known")?;
        pages.download(connections, parse).await
    }

    fn rename_some(&self) -> anyhow::Result<()> {
        let chosen: Vec<String> = self.fake.with_roster(|roster| {
            let some = roster.users().step_by(100);
            some.map(|user| user.id.to_string()).collect()
        });
        for user in chosen {
            self.fake.change(&Change::SetName {
                user,
                first: None,
                last: Some("Newname".to_owned()),
            })?;
        }
        Ok(())
    }

    fn set_latency(&self, milliseconds: u64) {
        self.fake.faults().clear();
        if milliseconds > 0 {
            let late = FaultKind::Latency { milliseconds };
            let fault = Fault::at(&format!("{LISTS}*"), late);
            self.fake.faults().add(fault);
        }
    }

    fn journal(&self) -> &Journal {
        self.fake.journal()
    }

    fn is_page(&self, entry: &Entry) -> bool {
        entry.path.starts_with(LISTS)
    }
}

#[derive(Deserialize)]
struct Page<T> {
    data: Vec<Element<T>>,
}

#[derive(Deserialize)]
struct Element<T> {
    data: T,
}

/// The least that a sync has to know of a person.
#[derive(Deserialize)]
struct User<'a> {
    id: &'a str,
    #[serde(borrow)]
    email: Option<Cow<'a, str>>,
    #[serde(borrow)]
    name: Name<'a>,
    #[serde(borrow)]
    roles: BTreeMap<Cow<'a, str>, Option<Part<'a>>>,
}

#[derive(Deserialize)]
struct Name<'a> {
    #[serde(borrow)]
    first: Option<Cow<'a, str>>,
    #[serde(borrow)]
    last: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, default)]
    schools: Vec<&'a str>,
}

/// The least of a school, term, course or section.
#[derive(Deserialize)]
struct Other<'a> {
    id: &'a str,
    #[serde(borrow, default)]
    students: Vec<&'a str>,
    #[serde(borrow, default)]
    teachers: Vec<&'a str>,
}

fn parse(path: &str, body: &[u8]) -> serde_json::Result<usize> {
    let length = |text: &Option<Cow<'_, str>>| text.as_ref().map_or(0, |text| text.len());
    if path.ends_with("/users") {
        let page: Page<User<'_>> = serde_json::from_slice(body)?;
        let users = page.data.iter().map(|element| {
            let User {
                id,
                email,
                name,
                roles,
            } = &element.data;
            let schools = roles.values().flatten().map(|part| part.schools.len());
            id.len()
                + length(email)
                + length(&name.first)
                + length(&name.last)
                + schools.sum::<usize>()
        });
        return Ok(users.sum());
    }
    let page: Page<Other<'_>> = serde_json::from_slice(body)?;
    let others = page.data.iter().map(|element| {
        let Other {
            id,
            students,
            teachers,
        } = &element.data;
        id.len() + students.len() + teachers.len()
    });
    Ok(others.sum())
}
