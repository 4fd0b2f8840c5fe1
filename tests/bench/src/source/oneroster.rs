//! A OneRoster server of version 1.2 with client credentials, or ClassLink in front of the same
//! records, with classes and enrolments.

mod enrolling;

use super::pages::Pages;
use super::{Extent, NOWHERE, SEED, Source, TENANT};
use anyhow::{Context, bail};
use connectors::base_url::BaseUrl;
use connectors::oneroster::fetch::{
    CLASSLINK_PAGE_LIMIT, Fetch, FetchPlan, PAGE_LIMIT, WINDOW_DEFAULT,
};
use connectors::oneroster::{Access, ServiceBase, Version};
use driver::{Application, District, OneRosterWay, Providers, text};
use fake_providers::faults::{Fault, FaultKind};
use fake_providers::journal::{Entry, Journal};
use fake_providers::oneroster::{
    APPLICATION_ID, CLIENT_ID, CLIENT_SECRET, Change, Config, FakeOneRoster, Kind,
};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What stands in the path of everything with data.
const SERVICE: &str = "/ims/oneroster/";

/// A fake OneRoster server.
pub(crate) struct OneRoster {
    fake: FakeOneRoster,
    is_classlink: bool,
    pages: Option<Pages>,
}

impl OneRoster {
    /// Starts the fake with so many people and at least so many enrolments, if anybody teaches.
    pub(crate) async fn start(
        users: usize,
        enrolments: usize,
        is_classlink: bool,
        provider: &tokio::runtime::Handle,
    ) -> anyhow::Result<Self> {
        let starting = provider.spawn(async move {
            let people = fake_providers::district::District::maple_grove(SEED, users);
            FakeOneRoster::start(people, Config::default()).await
        });
        let fake = starting.await?.context("starting the fake OneRoster")?;
        enrolling::enrol(&fake, enrolments)?;
        Ok(Self {
            fake,
            is_classlink,
            pages: None,
        })
    }

    /// Where the floor reads.
    fn base(&self) -> anyhow::Result<ServiceBase> {
        let (base, version) = if self.is_classlink {
            let proxied = format!("{}/{APPLICATION_ID}", self.fake.base_url());
            (proxied, Version::V1_1)
        } else {
            (self.fake.base_url().to_owned(), Version::V1_2)
        };
        Ok(ServiceBase::new(&BaseUrl::parse(&base)?, version)?)
    }

    /// A token for the floor.
    async fn access(&self) -> anyhow::Result<Access> {
        if self.is_classlink {
            return Ok(Access::Bearer(self.fake.bearer()));
        }
        let request = reqwest::Client::new()
            .post(self.fake.token_url())
            .basic_auth(CLIENT_ID, Some(CLIENT_SECRET))
            .header("content-type", "application/x-www-form-urlencoded")
            .body("grant_type=client_credentials");
        let answer = request.send().await?;
        if !answer.status().is_success() {
            bail!("the floor got no token: {}", answer.status());
        }
        let token: Value = serde_json::from_slice(&answer.bytes().await?)?;
        Ok(Access::Bearer(text(&token, "access_token")?.to_owned()))
    }
}

impl Source for OneRoster {
    fn providers(&self) -> Providers<'_> {
        Providers {
            google: NOWHERE,
            oneroster: Some(self.fake.base_url()),
            ..Providers::default()
        }
    }

    async fn set_up(&self, operator: &Application) -> anyhow::Result<District> {
        let shape = self.fake.district().shape();
        let tenant = District::bare(operator, TENANT, &shape.name).await?;
        let way = if self.is_classlink {
            OneRosterWay::ClassLinkProxy
        } else {
            OneRosterWay::OAuth2
        };
        let more = json!({"classes": true, "email_domains": [shape.domain]});
        tenant.connect_oneroster("sis", &self.fake, way, more).await
    }

    async fn prepare(&mut self) -> anyhow::Result<Extent> {
        self.fake.faults().clear();
        let now = Timestamp::from_millisecond(self.fake.clock().now_ms())?;
        let plan = FetchPlan {
            base: self.base()?,
            guardians: false,
            classes: true,
            verified_domains: BTreeSet::new(),
            today: now.to_zoned(TimeZone::UTC).date(),
            page_limit: if self.is_classlink {
                CLASSLINK_PAGE_LIMIT
            } else {
                PAGE_LIMIT
            },
            window: WINDOW_DEFAULT,
            seed: SEED,
        };
        let access = self.access().await?;
        let pages = Pages::find(Fetch::start(plan, now), &access, now).await?;
        let extent = pages.extent();
        self.pages = Some(pages);
        Ok(extent)
    }

    async fn floor(&self, connections: usize) -> anyhow::Result<Duration> {
        let pages = self.pages.as_ref().context("the pages are not known")?;
        pages.download(connections, parse).await
    }

    fn rename_some(&self) -> anyhow::Result<()> {
        let chosen: Vec<String> = self.fake.with_dataset(|dataset| {
            let some = dataset.rows(Kind::User).step_by(100);
            some.map(|row| row.sourced_id.clone()).collect()
        });
        for sourced_id in chosen {
            let name = ("family_name".to_owned(), Value::from("Newname"));
            self.fake.change(&Change::Edit {
                kind: Kind::User,
                sourced_id,
                fields: Map::from_iter([name]),
            })?;
        }
        Ok(())
    }

    fn set_latency(&self, milliseconds: u64) {
        self.fake.faults().clear();
        if milliseconds > 0 {
            let late = FaultKind::Latency { milliseconds };
            let fault = Fault::at(&format!("*{SERVICE}*"), late);
            self.fake.faults().add(fault);
        }
    }

    fn journal(&self) -> &Journal {
        self.fake.journal()
    }

    fn is_page(&self, entry: &Entry) -> bool {
        entry.path.contains(SERVICE)
    }
}

/// The least that a sync has to know of a row of any list.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    #[serde(borrow)]
    sourced_id: Cow<'a, str>,
    #[serde(borrow)]
    status: Option<Cow<'a, str>>,
    #[serde(borrow)]
    given_name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    family_name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    email: Option<Cow<'a, str>>,
    #[serde(borrow)]
    title: Option<Cow<'a, str>>,
    #[serde(borrow)]
    role: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    roles: Vec<Role<'a>>,
    #[serde(borrow)]
    user: Option<Reference<'a>>,
    #[serde(borrow)]
    class: Option<Reference<'a>>,
}

#[derive(Deserialize)]
struct Role<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(borrow)]
    org: Reference<'a>,
}

#[derive(Deserialize)]
struct Reference<'a> {
    #[serde(rename = "sourcedId", borrow)]
    sourced_id: Cow<'a, str>,
}

impl Row<'_> {
    fn text_bytes(&self) -> usize {
        let Self {
            sourced_id,
            status,
            given_name,
            family_name,
            email,
            title,
            role,
            roles,
            user,
            class,
        } = self;
        let texts = [status, given_name, family_name, email, title, role];
        let texts = texts.into_iter().flatten().map(|text| text.len());
        let roles = roles
            .iter()
            .map(|role| role.role.len() + role.org.sourced_id.len());
        let others = [user, class].into_iter().flatten();
        let others = others.map(|other| other.sourced_id.len());
        sourced_id.len() + texts.chain(roles).chain(others).sum::<usize>()
    }
}

fn parse(_: &str, body: &[u8]) -> serde_json::Result<usize> {
    let lists: BTreeMap<Cow<'_, str>, Vec<Row<'_>>> = serde_json::from_slice(body)?;
    Ok(lists.values().flatten().map(Row::text_bytes).sum())
}
