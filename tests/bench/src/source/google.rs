//! Google's directory, a chain of pages for each linked org unit.

mod district;
mod floor;

use super::{Extent, SEED, Source};
use anyhow::Context;
use district::Unit;
use driver::{Application, District, Providers};
use fake_providers::faults::{Fault, FaultKind};
use fake_providers::google::{Config, FakeGoogle, Outcome};
use fake_providers::journal::{Entry, Journal};
use floor::Floor;
use std::collections::BTreeSet;
use std::time::Duration;

const USERS_PATH: &str = "/admin/directory/v1/users";

/// Where Google sends administrators who authorised a connection, and people who signed in.
pub(crate) const AUTHORIZED_PATH: &str = "/oauth/google/callback";
pub(crate) const SIGNED_IN_PATH: &str = "/callback/google";

/// How many connections are enough to have the fake prepare its lists.
const CONNECTIONS: usize = 8;

/// A fake Google with the units that are linked.
pub(crate) struct Google {
    fake: FakeGoogle,
    units: Vec<Unit>,
    paths: Vec<String>,
    floor: Floor,
}

impl Google {
    /// Starts the fake with so many people. `redirect` is where consent leads back to.
    pub(crate) async fn start(
        users: usize,
        two_chains: bool,
        redirect: &str,
        provider: &tokio::runtime::Handle,
    ) -> anyhow::Result<Self> {
        let mut config = Config {
            // Its clock stands still, so all calls fall into one minute.
            quota_per_minute: u32::MAX,
            ..Config::with_redirect(redirect)
        };
        let sign_in = redirect.replace(AUTHORIZED_PATH, SIGNED_IN_PATH);
        for client in &mut config.clients {
            client.redirect_uris.push(sign_in.clone());
        }
        let starting = provider.spawn(async move {
            let people = fake_providers::district::District::maple_grove(SEED, users);
            FakeGoogle::start(people, config).await
        });
        let fake = starting.await?.context("starting the fake Google")?;
        let units = district::units(&fake, two_chains);
        Ok(Self {
            paths: units.iter().map(|unit| unit.path.clone()).collect(),
            floor: Floor::open(&fake, redirect).await?,
            units,
            fake,
        })
    }
}

impl Google {
    /// The addresses of so many people of the linked units, from all over the district.
    pub(crate) fn some_people(&self, count: usize) -> Vec<String> {
        self.fake.with_directory(|directory| {
            let tree = directory.org_units();
            let tops = self.units.iter().filter_map(|unit| tree.find(&unit.path));
            let linked: BTreeSet<_> = tops.flat_map(|top| tree.subtree(top)).collect();
            let active: Vec<_> = directory
                .users()
                .filter(|user| linked.contains(&user.org_unit))
                .filter(|user| !user.suspended && !user.archived)
                .collect();
            let step = (active.len() / count.max(1)).max(1);
            let chosen = active.iter().step_by(step).take(count);
            chosen.map(|user| user.email.to_string()).collect()
        })
    }

    /// Goes through Google's page as somebody: where the browser is sent back to.
    pub(crate) fn sign_in(&self, authorize_url: &str, person: &str) -> anyhow::Result<String> {
        let outcome = Outcome::allow(person);
        let back = self.fake.consent(authorize_url, &outcome);
        back.map_err(|page| anyhow::anyhow!("Google shows an error page: {page:?}"))
    }
}

impl Source for Google {
    fn providers(&self) -> Providers<'_> {
        Providers {
            google: self.fake.base_url(),
            ..Providers::default()
        }
    }

    async fn set_up(&self, operator: &Application) -> anyhow::Result<District> {
        district::set_up(operator, &self.fake, &self.units).await
    }

    async fn prepare(&mut self) -> anyhow::Result<Extent> {
        self.fake.faults().clear();
        let (listed, _) = self.floor.download(&self.paths, CONNECTIONS).await?;
        Ok(Extent {
            chains: self.units.len(),
            pages_expected: district::pages_expected(&self.fake, &self.units),
            people: listed.people,
            ..Extent::default()
        })
    }

    async fn floor(&self, connections: usize) -> anyhow::Result<Duration> {
        let (_, took) = self.floor.download(&self.paths, connections).await?;
        Ok(took)
    }

    fn rename_some(&self) -> anyhow::Result<()> {
        district::rename_some(&self.fake, &self.units)
    }

    fn set_latency(&self, milliseconds: u64) {
        self.fake.faults().clear();
        if milliseconds > 0 {
            let late = FaultKind::Latency { milliseconds };
            let fault = Fault::at("/admin/directory/v1/*", late);
            self.fake.faults().add(fault);
        }
    }

    fn journal(&self) -> &Journal {
        self.fake.journal()
    }

    fn is_page(&self, entry: &Entry) -> bool {
        entry.path == USERS_PATH
    }
}
