//! Clever and OneRoster servers that fail: whatever breaks, nobody is lost, and the next night ends
//! in exactly the right roster.

use super::elsewhere::{nobody_is_lost, own_domain};
use driver::{District, OneRosterWay};
use e2e::{ADMIN_TENANT, Setup, World};
use fake_providers::clever::{self, EmailRates, Role};
use fake_providers::faults::{Fault, FaultKind, FaultPlan};
use fake_providers::oneroster::{self, Kind};
use serde_json::{Value, json};

/// People of the district.
const PEOPLE: usize = 120;

/// A district in sync at one provider.
struct Scene {
    world: World,
    district: District,
    is_clever: bool,
    /// How often somebody got another name.
    renamed: usize,
}

/// A row: what breaks, and how the run ends: applied, held, or failed with a code.
struct Broken {
    name: &'static str,
    kind: FaultKind,
    times: Option<u64>,
    ends: Ends,
}

/// How a run with a fault ends. A provider may have several ways to meet a fault.
#[derive(Clone, Copy)]
enum Ends {
    /// It gets by, and the change arrives.
    Applied,
    /// Nothing changes: it fails with one of these codes, or is held. Or it gets by, where pages are
    /// asked for by number and a wrong link leads nobody astray.
    Without(&'static [&'static str]),
}

fn error(status: u16) -> FaultKind {
    FaultKind::Error {
        status,
        reason: None,
        retry_after_seconds: None,
    }
}

fn rows() -> Vec<Broken> {
    let row = |name, kind, times, ends| Broken {
        name,
        kind,
        times,
        ends,
    };
    let given_up = Ends::Without(&["provider_unavailable"]);
    let doubted = Ends::Without(&[
        "applied",
        "held",
        "list_looped",
        "list_short",
        "nobody_listed",
        "provider_unavailable",
        "endless_list",
    ]);
    vec![
        row(
            "HTML with 200, once",
            FaultKind::Html { status: 200 },
            Some(1),
            Ends::Applied,
        ),
        row(
            "HTML with 200",
            FaultKind::Html { status: 200 },
            None,
            given_up,
        ),
        row("an empty list", FaultKind::EmptyLists, None, doubted),
        row(
            "JSON cut short, once",
            FaultKind::CutText,
            Some(1),
            Ends::Applied,
        ),
        row("JSON cut short", FaultKind::CutText, None, given_up),
        row("bytes cut short", FaultKind::TruncatedBody, None, given_up),
        row(
            "a reset connection, once",
            FaultKind::ConnectionReset,
            Some(1),
            Ends::Applied,
        ),
        row(
            "reset connections",
            FaultKind::ConnectionReset,
            None,
            given_up,
        ),
        row("429 twice", error(429), Some(2), Ends::Applied),
        row("500 twice", error(500), Some(2), Ends::Applied),
        row("500 for ever", error(500), None, given_up),
        row(
            "the same page again",
            FaultKind::DuplicatePage,
            None,
            doubted,
        ),
        row(
            "a list without an end",
            FaultKind::EndlessPages,
            None,
            doubted,
        ),
        row(
            "a few of each page",
            FaultKind::FirstRecords { count: 5 },
            None,
            doubted,
        ),
    ]
}

impl Scene {
    async fn clever() -> Self {
        let config = clever::Config {
            emails: EmailRates::NONE,
            contacts: false,
            ..clever::Config::default()
        };
        let setup = Setup::of(PEOPLE).with_clever(config);
        let world = World::with(setup).await.unwrap();
        let tenant = District::bare(&world.operator, ADMIN_TENANT, "Maple Grove");
        let tenant = tenant.await.unwrap();
        let fake = world.clever().unwrap();
        let district = tenant.connect_clever(&world.operator, "clever", fake, own_domain());
        let district = district.await.unwrap();
        Self::of(world, district, true).await
    }

    async fn oneroster(way: OneRosterWay) -> Self {
        let setup = Setup::of(PEOPLE).with_oneroster(oneroster::Config::default());
        let world = World::with(setup).await.unwrap();
        let tenant = District::bare(&world.operator, ADMIN_TENANT, "Maple Grove");
        let tenant = tenant.await.unwrap();
        let server = world.oneroster().unwrap();
        let district = tenant.connect_oneroster("sis", server, way, own_domain());
        let district = district.await.unwrap();
        Self::of(world, district, false).await
    }

    async fn of(world: World, district: District, is_clever: bool) -> Self {
        let first = world.sync(&district).await.unwrap();
        assert_eq!(first["state"], "applied", "{first}");
        Self {
            world,
            district,
            is_clever,
            renamed: 0,
        }
    }

    /// Gives a student another name; gives the name.
    fn rename(&mut self) -> String {
        self.renamed += 1;
        let name = format!("Renamed {}", self.renamed);
        if self.is_clever {
            let fake = self.world.clever().unwrap();
            let user = fake.with_roster(|roster| {
                let mut users = roster.users();
                users.find(|user| user.has(Role::Student)).unwrap().id
            });
            let change = clever::Change::SetName {
                user: user.to_string(),
                first: Some(name.clone()),
                last: None,
            };
            fake.change(&change).unwrap();
            return name;
        }
        let server = self.world.oneroster().unwrap();
        let sourced_id = server.with_dataset(|dataset| {
            let mut rows = dataset.rows(Kind::User);
            let is_it = |user: &oneroster::User| user.enabled && user.has_role("student");
            let row = rows.find(|row| row.user().is_some_and(is_it)).unwrap();
            row.sourced_id.clone()
        });
        let fields = json!({"given_name": name});
        let change = oneroster::Change::Edit {
            kind: Kind::User,
            sourced_id,
            fields: fields.as_object().unwrap().clone(),
        };
        server.change(&change).unwrap();
        name
    }

    fn faults(&self) -> &FaultPlan {
        if self.is_clever {
            self.world.clever().unwrap().faults()
        } else {
            self.world.oneroster().unwrap().faults()
        }
    }

    /// Breaks something, runs, and looks; then takes the fault back and runs again.
    async fn check(&mut self, row: &Broken) {
        let name = row.name;
        let before = self.world.roster(&self.district).await.unwrap();
        let given_name = self.rename();
        let mut fault = Fault::at("*/users", row.kind.clone());
        fault.times = row.times;
        self.faults().add(fault);
        let run = self.world.sync(&self.district).await.unwrap();
        assert!(
            self.faults().fired().iter().all(|fired| *fired > 0),
            "{name}: the fault was not met: {run}"
        );
        let after = self.world.roster(&self.district).await.unwrap();
        nobody_is_lost(&before, &after, 0);
        let arrived = |roster: &super::elsewhere::Roster| {
            let mut accounts = roster.values();
            accounts.any(|account| account["given_name"] == given_name)
        };
        match row.ends {
            Ends::Applied => {
                assert_eq!(run["state"], "applied", "{name}: {run}");
                assert!(arrived(&after), "{name}");
            }
            Ends::Without(ways) => {
                let way = match run["state"].as_str() {
                    Some("failed") => run["failure"]["code"].as_str().unwrap(),
                    other => other.unwrap(),
                };
                assert!(ways.contains(&way), "{name}: {run}");
                if way != "applied" {
                    assert_eq!(before, after, "{name}");
                }
            }
        }
        self.names_nobody(&run, name).await;
        self.faults().clear();
        let next = self.world.sync(&self.district).await.unwrap();
        assert!(
            ["applied", "unchanged"].contains(&next["state"].as_str().unwrap()),
            "after {name}: {next}"
        );
        let roster = self.world.roster(&self.district).await.unwrap();
        assert!(arrived(&roster), "after {name}");
        nobody_is_lost(&before, &roster, 0);
    }

    /// A run's record has no personal data.
    async fn names_nobody(&self, run: &Value, name: &str) {
        let issues = super::elsewhere::issues(&self.district, run).await;
        let said = format!("{run} {issues:?}");
        assert!(!said.contains('@'), "{name}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_clever_lose_nobody() {
    let mut scene = Scene::clever().await;
    for row in rows() {
        scene.check(&row).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_oneroster_1_2_lose_nobody() {
    let mut scene = Scene::oneroster(OneRosterWay::OAuth2).await;
    for row in rows() {
        scene.check(&row).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_classlink_lose_nobody() {
    let mut scene = Scene::oneroster(OneRosterWay::ClassLinkProxy).await;
    for row in rows() {
        scene.check(&row).await;
    }
}
