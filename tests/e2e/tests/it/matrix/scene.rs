//! A district in sync, and the three changes at its source with which every row begins.

use anyhow::{Context, bail};
use driver::{District, text};
use e2e::{Expected, World};
use fake_providers::google::{Change, FakeGoogle};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long the lease of a dead worker keeps others away, and a little more.
pub(crate) const LEASE: Duration = Duration::from_secs(61);

/// How often a run is looked at, how often without news before its worker is taken for dead, and
/// how often in all.
const LOOK_EVERY: Duration = Duration::from_millis(5);
const LOOKS_WITHOUT_NEWS: u32 = 80;
const LOOKS_MAX: u32 = 4_000;

/// Who is to have which account, by address, as the directory is now.
pub(crate) type Truth = fn(&FakeGoogle) -> BTreeMap<String, Expected>;

/// Accounts by id.
pub(crate) type Roster = BTreeMap<String, Value>;

/// What was changed at the source for a row: one of each.
#[derive(Clone, Debug)]
pub(crate) struct Perturbed {
    /// Somebody on the staff with another family name.
    pub(crate) renamed: String,
    /// A student who is new, and the last in the order of addresses.
    pub(crate) added: String,
    /// A student who is gone.
    pub(crate) deleted: String,
}

/// A district of a world, everybody of whom is on the roster.
pub(crate) struct Scene {
    /// The application and its surroundings.
    pub(crate) world: World,
    /// The district.
    pub(crate) district: District,
    /// Everybody who was removed at the source.
    pub(crate) gone: BTreeSet<String>,
    truth: Truth,
    /// A unit for new students, and the group they have to be in.
    home: (String, Option<String>),
    schools: BTreeMap<String, String>,
    turn: usize,
}

impl Scene {
    /// A scene whose rules are set; imports everybody.
    pub(crate) async fn import(
        world: World,
        district: District,
        truth: Truth,
        home: (String, Option<String>),
    ) -> anyhow::Result<Self> {
        let mut schools = BTreeMap::new();
        for organization in district.all(&district.path("/organizations")).await? {
            let (id, name) = (text(&organization, "id")?, text(&organization, "name")?);
            schools.insert(id.to_owned(), name.to_owned());
        }
        let scene = Self {
            world,
            district,
            gone: BTreeSet::new(),
            truth,
            home,
            schools,
            turn: 0,
        };
        scene.quiet().await?;
        let first = scene.sync().await?;
        if first["state"] != "applied" {
            bail!("the import ended so: {first}");
        }
        scene.is_exact().await?;
        Ok(scene)
    }

    /// Keeps nightly runs away: only what a row asks for is to happen.
    pub(crate) async fn quiet(&self) -> anyhow::Result<()> {
        let now = Timestamp::from_millisecond(self.world.now_ms()?)?;
        let today = now.to_zoned(TimeZone::UTC).date();
        let (from, until) = (
            today.checked_sub(100.days())?,
            today.checked_add(200.days())?,
        );
        let pause = json!({"from": from.to_string(), "until": until.to_string()});
        self.set(&json!({"pauses": [pause]})).await
    }

    /// Changes settings of the tenant.
    pub(crate) async fn set(&self, settings: &Value) -> anyhow::Result<()> {
        let (admin, path) = (&self.district.admin, self.district.path(""));
        let answer = admin.send(Method::PATCH, &path, Some(settings)).await?;
        answer.ok().map(drop)
    }

    /// The number of the newest run; 0 before the first.
    pub(crate) async fn number(&self) -> anyhow::Result<u64> {
        let newest = self.newest().await?.unwrap_or_default();
        Ok(newest["number"].as_u64().unwrap_or_default())
    }

    /// Renames, adds and deletes somebody at the source.
    pub(crate) fn perturb(&mut self) -> anyhow::Result<Perturbed> {
        self.turn += 1;
        let turn = self.turn;
        let people = (self.truth)(&self.world.google);
        let of = |role: &str| {
            let mut found: Vec<&String> = people
                .iter()
                .filter(|(_, person)| person.roles.contains(role))
                .map(|(address, _)| address)
                .collect();
            found.sort();
            found
        };
        let (staff, students) = (of("teacher"), of("student"));
        let renamed = staff.get(turn % staff.len().max(1)).context("no staff")?;
        let deleted = students.get(students.len() / 2).context("no students")?;
        let domain = self.world.google.district().shape().domain.clone();
        let perturbed = Perturbed {
            renamed: (*renamed).clone(),
            added: format!("zz.arrival.{turn:03}@{domain}"),
            deleted: (*deleted).clone(),
        };
        self.change(&Change::RenameUser {
            user: perturbed.renamed.clone(),
            email: None,
            given_name: None,
            family_name: Some(format!("Renamed-{turn:03}")),
        })?;
        self.change(&Change::AddUser {
            email: perturbed.added.clone(),
            given_name: "Zadie".to_owned(),
            family_name: format!("Arrival-{turn:03}"),
            org_unit: self.home.0.clone(),
        })?;
        if let Some(group) = &self.home.1 {
            self.change(&Change::AddMember {
                group: group.clone(),
                member: perturbed.added.clone(),
                role: fake_providers::google::MemberRole::Member,
            })?;
        }
        self.change(&Change::DeleteUser {
            user: perturbed.deleted.clone(),
        })?;
        self.gone.insert(perturbed.deleted.clone());
        Ok(perturbed)
    }

    /// Changes the directory.
    pub(crate) fn change(&self, change: &Change) -> anyhow::Result<()> {
        let changed = self.world.google.change(change);
        changed.map(drop).context("changing the directory")
    }

    /// Students in the order in which Google lists them.
    pub(crate) fn students(&self) -> Vec<String> {
        let people = (self.truth)(&self.world.google).into_iter();
        people
            .filter(|(_, person)| person.roles.contains("student"))
            .map(|(address, _)| address)
            .collect()
    }

    /// All accounts.
    pub(crate) async fn roster(&self) -> anyhow::Result<Roster> {
        let mut roster = BTreeMap::new();
        for account in self.district.all(&self.district.path("/accounts")).await? {
            roster.insert(text(&account, "id")?.to_owned(), account);
        }
        Ok(roster)
    }

    /// How many states of the roster there are.
    pub(crate) fn commits(&self) -> usize {
        let prefix = format!("roster/{}/commit/", self.district.tenant);
        self.world.stored(&prefix).len()
    }

    /// Asks for a run and sees it through, whatever breaks meanwhile.
    pub(crate) async fn sync(&self) -> anyhow::Result<Value> {
        let known = self.number().await?;
        self.ask().await;
        self.see_through(known).await
    }

    /// Asks for a run. It may fail: then somebody has to ask again.
    pub(crate) async fn ask(&self) {
        let path = self.district.path("/runs");
        let _ = self.district.admin.post(&path, &json!({})).await;
    }

    /// The newest run of the history.
    pub(crate) async fn newest(&self) -> anyhow::Result<Option<Value>> {
        let path = self.district.path("/runs?limit=1");
        let listed = self.district.admin.get(&path).await?;
        Ok(listed["items"].get(0).cloned())
    }

    /// Ticks until a run after the one with this number is over, and gives its record. The clock
    /// goes on where the run waits for its provider, or for the lease of a worker that died.
    pub(crate) async fn see_through(&self, known: u64) -> anyhow::Result<Value> {
        let (mut last, mut without_news) = (Value::Null, 0);
        for _ in 0..LOOKS_MAX {
            // A tick fails when its surroundings do; the next minute brings another.
            let _ = self.district.admin.tick().await;
            let Ok(newest) = self.newest().await else {
                tokio::time::sleep(LOOK_EVERY).await;
                continue;
            };
            let run = newest.filter(|run| run["number"].as_u64() > Some(known));
            let run = run.unwrap_or_default();
            if run["finished_at_ms"].is_i64() {
                return Ok(run);
            }
            let now_ms = self.world.now_ms()?;
            if let Some(until) = run["wait_until_ms"]
                .as_i64()
                .filter(|until| *until > now_ms)
            {
                let wait_ms = u64::try_from(until - now_ms)?;
                self.world.advance(Duration::from_millis(wait_ms + 1))?;
                without_news = 0;
            } else if run == last {
                without_news += 1;
                tokio::time::sleep(LOOK_EVERY).await;
            } else {
                without_news = 0;
            }
            if without_news > LOOKS_WITHOUT_NEWS {
                self.world.advance(LEASE)?;
                without_news = 0;
                if run.is_null() {
                    self.ask().await;
                }
            }
            last = run;
        }
        bail!("the run does not end; it was last {last}")
    }

    /// Compares the roster with the directory, to the letter.
    pub(crate) async fn is_exact(&self) -> anyhow::Result<()> {
        let mut expected = (self.truth)(&self.world.google);
        for account in self.roster().await?.into_values() {
            let address = text(&account, "email")?;
            let is_active = account["status"] == "active";
            let Some(person) = expected.remove(address) else {
                if is_active || !self.gone.contains(address) {
                    bail!("nobody at the source has this account: {account}");
                }
                continue;
            };
            let roles = person.roles.iter().map(|role| json!(role)).collect();
            let school = account["memberships"][0]["organization"].as_str();
            let school = school.and_then(|id| self.schools.get(id));
            let is_right = is_active
                && account["given_name"] == *person.given_name
                && account["family_name"] == *person.family_name
                && account["roles"] == Value::Array(roles)
                && (self.schools.is_empty() || school == person.school.as_ref());
            if !is_right {
                bail!("{account} ought to be {person:?}");
            }
        }
        if let Some((_, person)) = expected.pop_first() {
            bail!("no account: {person:?}");
        }
        Ok(())
    }
}
