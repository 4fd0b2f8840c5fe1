//! One tenant with several connections: people whom more than one of them knows.

use super::elsewhere::{ended, issues, nobody_is_lost, only, stored};
use driver::{District, FileKind, text};
use e2e::{DOMAIN, Setup, World};
use fake_providers::clever::{self, Config, EmailRates, Role};
use fake_providers::google;
use serde_json::{Value, json};

fn tidy() -> Config {
    Config {
        emails: EmailRates::NONE,
        several_roles_per_mille: 0,
        contacts: false,
        ..Config::default()
    }
}

/// Google for staff, Clever for everybody.
async fn two() -> (World, District, District) {
    let world = World::with(Setup::of(150).with_clever(tidy())).await;
    let world = world.unwrap();
    let staff = world.district().await.unwrap();
    staff.assign("/Staff", "teacher").await.unwrap();
    let clever = world.clever().unwrap();
    let all = staff.connect_clever(&world.operator, "clever", clever, json!({}));
    let all = all.await.unwrap();
    (world, staff, all)
}

fn sources(account: &Value) -> Vec<&str> {
    let sources = account["sources"].as_array().unwrap().iter();
    sources
        .filter_map(|source| source["connection"].as_str())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn together_a_person_whom_two_sources_know_stays_until_both_let_go() {
    let (world, staff, _) = two().await;
    let runs = world.sync_all(&staff).await.unwrap();
    ended(&runs["google"], "applied");
    ended(&runs["clever"], "applied");
    let before = world.roster(&staff).await.unwrap();
    let both = before
        .values()
        .find(|account| sources(account).len() == 2 && account["status"] == "active");
    let both = both.expect("nobody is known to both").clone();
    let kept = stored(&world);
    let again = world.sync_all(&staff).await.unwrap();
    ended(&again["google"], "unchanged");
    ended(&again["clever"], "unchanged");
    assert_eq!(stored(&world), kept);

    let email = text(&both, "email").unwrap().to_owned();
    let leaves = clever::Change::RemoveUser {
        user: email.clone(),
    };
    world.clever().unwrap().change(&leaves).unwrap();
    let runs = world.sync_all(&staff).await.unwrap();
    assert_ne!(runs["clever"]["state"], "failed", "{}", runs["clever"]);
    let after = world.roster(&staff).await.unwrap();
    nobody_is_lost(&before, &after, 0);
    let id = text(&both, "id").unwrap();
    assert_eq!(after[id]["status"], "active");
    assert_eq!(sources(&after[id]), ["google"]);

    let leaves = google::Change::DeleteUser { user: email };
    world.google.change(&leaves).unwrap();
    let runs = world.sync_all(&staff).await.unwrap();
    ended(&runs["google"], "applied");
    let last = world.roster(&staff).await.unwrap();
    assert_eq!(last[id]["status"], "suspended");
    nobody_is_lost(&before, &last, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn together_a_source_that_fails_keeps_no_other_from_being_read() {
    let (world, staff, _) = two().await;
    world.sync_all(&staff).await.unwrap();
    let before = world.roster(&staff).await.unwrap();
    let fault = fake_providers::faults::Fault::at(
        "/admin/*",
        fake_providers::faults::FaultKind::Html { status: 200 },
    );
    world.google.faults().add(fault);
    let clever = world.clever().unwrap();
    let user = clever.with_roster(|roster| {
        let mut users = roster.users();
        users.find(|user| user.has(Role::Student)).unwrap().id
    });
    let renamed = clever::Change::SetName {
        user: user.to_string(),
        first: Some("Zoë".to_owned()),
        last: None,
    };
    clever.change(&renamed).unwrap();
    let runs = world.sync_all(&staff).await.unwrap();
    ended(&runs["google"], "failed");
    ended(&runs["clever"], "applied");
    let after = world.roster(&staff).await.unwrap();
    nobody_is_lost(&before, &after, 0);
    only(&after, |account| account["given_name"] == "Zoë");
}

#[tokio::test(flavor = "multi_thread")]
async fn together_a_person_whom_nobody_vouches_for_waits_for_an_administrator_who_links_them() {
    let world = World::with(Setup::of(120).with_clever(tidy())).await;
    let world = world.unwrap();
    let tenant = District::bare(&world.operator, "maple-grove", "Maple Grove");
    let tenant = tenant.await.unwrap();
    // The addresses of the spreadsheet are vouched for by nobody.
    let coaches = tenant.connect_files("coaches", json!({})).await.unwrap();
    let coach = {
        let clever = world.clever().unwrap();
        clever.with_roster(|roster| {
            let mut users = roster.users();
            let found = users.find(|user| user.has(Role::Teacher) && user.email.is_some());
            found.unwrap().email.clone().unwrap()
        })
    };
    let rows = [
        ["Email address", "First Name", "Last Name"].map(str::to_owned),
        [coach.as_str(), "Sam", "Coach"].map(str::to_owned),
    ];
    let kind = FileKind::named("coaches.csv").of("teacher");
    let sent = coaches.upload(kind, driver::csv(&rows)).await.unwrap();
    coaches
        .accept(text(&sent, "id").unwrap(), "all")
        .await
        .unwrap();
    let account = only(&world.roster(&tenant).await.unwrap(), |account| {
        account["email"] == coach.to_lowercase()
    });

    let clever = world.clever().unwrap();
    let connected = tenant.connect_clever(&world.operator, "clever", clever, json!({}));
    let connected = connected.await.unwrap();
    let first = world.sync_one(&connected).await.unwrap();
    ended(&first, "applied");
    let found = issues(&connected, &first).await;
    let unsure = found
        .iter()
        .find(|issue| issue["kind"] == "unverified_email");
    let unsure = unsure.unwrap_or_else(|| panic!("nobody is in doubt: {found:?}"));
    assert!(!unsure.to_string().contains(DOMAIN), "{unsure}");
    assert_eq!(unsure["with"], account["id"]);
    let person = text(unsure, "external_id").unwrap();
    let resolution = json!({"person": person, "resolution": "link", "account": account["id"]});
    let path = connected.connection_path("/resolutions");
    connected.admin.put(&path, &resolution).await.unwrap();
    let second = world.sync_one(&connected).await.unwrap();
    ended(&second, "applied");
    let roster = world.roster(&tenant).await.unwrap();
    let id = text(&account, "id").unwrap();
    let mut known = sources(&roster[id]);
    known.sort_unstable();
    assert_eq!(known, ["clever", "coaches"]);
    assert!(issues(&connected, &second).await.is_empty());
    ended(&world.sync_one(&connected).await.unwrap(), "unchanged");
}
