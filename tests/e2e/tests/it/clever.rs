//! A district at Clever, from its approval to the nights after.

use super::elsewhere::{
    Roster, active, connection, counts, ended, failed, issues, nobody_is_lost, only, own_domain,
    refusals, stored,
};
use driver::District;
use e2e::{ADMIN_TENANT, Setup, World};
use fake_providers::clever::{Change, Config, EmailRates, Role, SyncState};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// People of the district.
const PEOPLE: usize = 150;

/// Everybody has an address of their own.
fn tidy() -> Config {
    Config {
        emails: EmailRates::NONE,
        ..Config::default()
    }
}

async fn connected(config: Config, more: Value) -> (World, District) {
    let world = World::with(Setup::of(PEOPLE).with_clever(config)).await;
    let world = world.unwrap();
    let tenant = District::bare(&world.operator, ADMIN_TENANT, "Maple Grove");
    let tenant = tenant.await.unwrap();
    let clever = world.clever().unwrap();
    let district = tenant.connect_clever(&world.operator, "clever", clever, more);
    let district = district.await.unwrap();
    (world, district)
}

/// A district whose people were imported.
async fn imported() -> (World, District, Roster) {
    let (world, district) = connected(tidy(), own_domain()).await;
    let first = world.sync(&district).await.unwrap();
    ended(&first, "applied");
    let roster = world.roster(&district).await.unwrap();
    (world, district, roster)
}

/// Somebody who has this role and no other, by the number in the district's systems.
fn somebody(world: &World, role: Role) -> String {
    world.clever().unwrap().with_roster(|roster| {
        let mut users = roster.users();
        let found = users.find(|user| user.has(role) && user.roles.len() == 1);
        found.unwrap().id.to_string()
    })
}

fn change(world: &World, change: &Change) {
    world.clever().unwrap().change(change).unwrap();
}

fn knows(account: &Value, user: &str) -> bool {
    let sources = account["sources"].as_array().unwrap();
    sources.iter().any(|source| source["external_id"] == user)
}

#[tokio::test(flavor = "multi_thread")]
async fn clever_a_district_is_imported_whole_and_an_unchanged_night_writes_nothing() {
    let (world, district) = connected(Config::default(), json!({"guardians": true})).await;
    let clever = world.clever().unwrap();
    let first = world.sync(&district).await.unwrap();
    ended(&first, "applied");
    let expected = clever.with_roster(fake_providers::clever::Roster::user_count);
    let roster = world.roster(&district).await.unwrap();
    // Who shares an address with somebody else waits for an administrator.
    let found = issues(&district, &first).await;
    let unsure: BTreeSet<&str> = found
        .iter()
        .filter(|issue| issue["severity"] == "error" && issue["account"].is_null())
        .filter_map(|issue| issue["external_id"].as_str())
        .collect();
    assert_eq!(roster.len() + unsure.len(), expected, "{found:?}");
    assert!(unsure.len() < expected / 20, "{found:?}");
    clever.with_roster(|shown| {
        let users = shown.users();
        for user in users.filter(|user| !unsure.contains(user.id.to_string().as_str())) {
            let account = only(&roster, |account| knows(account, &user.id.to_string()));
            let roles = account["roles"].as_array().unwrap();
            assert_eq!(
                user.has(Role::Student),
                roles.contains(&json!("student")),
                "{account}"
            );
            assert_eq!(user.has(Role::Contact), roles.contains(&json!("parent")));
            let schools: BTreeSet<_> = user.roles.values().flat_map(|part| &part.schools).collect();
            let members = account["memberships"].as_array().unwrap();
            let organizations: BTreeSet<_> = members
                .iter()
                .map(|membership| membership["organization"].as_str().unwrap())
                .collect();
            assert_eq!(organizations.len(), schools.len(), "{account}");
        }
    });
    let classes = district.all(&district.path("/classes")).await.unwrap();
    let sections = clever.with_roster(|roster| roster.sections().count());
    assert_eq!(classes.len(), sections);
    assert_eq!(clever.journal().unknown_parameters(), BTreeSet::new());

    let before = stored(&world);
    let second = world.sync(&district).await.unwrap();
    ended(&second, "unchanged");
    assert_eq!(stored(&world), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn clever_a_change_makes_the_smallest_plan_and_a_person_who_is_gone_is_suspended() {
    let (world, district, before) = imported().await;
    let renamed = somebody(&world, Role::Student);
    let gone = somebody(&world, Role::Teacher);
    change(
        &world,
        &Change::SetName {
            user: renamed.clone(),
            first: Some("Zoë".to_owned()),
            last: None,
        },
    );
    let second = world.sync(&district).await.unwrap();
    ended(&second, "applied");
    assert_eq!(counts(&second), [0, 1, 0, 0, 0]);
    let roster = world.roster(&district).await.unwrap();
    let account = only(&roster, |account| knows(account, &renamed));
    assert_eq!(account["given_name"], "Zoë");

    change(&world, &Change::RemoveUser { user: gone.clone() });
    let third = world.sync(&district).await.unwrap();
    ended(&third, "applied");
    assert_eq!(counts(&third), [0, 0, 1, 0, 0]);
    let after = world.roster(&district).await.unwrap();
    let account = only(&before, |account| knows(account, &gone));
    let account = &after[account["id"].as_str().unwrap()];
    assert_eq!(account["status"], "suspended");
    nobody_is_lost(&before, &after, 1);
    let classes = district.all(&district.path("/classes")).await.unwrap();
    let sections = world
        .clever()
        .unwrap()
        .with_roster(|roster| roster.sections().count());
    assert_eq!(classes.len(), sections);
}

#[tokio::test(flavor = "multi_thread")]
async fn clever_a_paused_district_loses_nobody_and_gains_whom_it_shows() {
    let (world, district, before) = imported().await;
    let gone = somebody(&world, Role::Student);
    change(&world, &Change::RemoveUser { user: gone.clone() });
    change(
        &world,
        &Change::SetState {
            state: SyncState::Paused,
        },
    );
    let paused = world.sync(&district).await.unwrap();
    assert_eq!(counts(&paused)[2..], [0, 0, 0], "{paused}");
    assert!(paused["doubts"].as_array().is_some(), "{paused}");
    assert_eq!(paused["absences_withheld"], 1, "{paused}");
    nobody_is_lost(&before, &world.roster(&district).await.unwrap(), 0);

    change(
        &world,
        &Change::SetState {
            state: SyncState::Running,
        },
    );
    change(&world, &Change::Sync);
    let on_again = world.sync(&district).await.unwrap();
    ended(&on_again, "applied");
    assert_eq!(counts(&on_again), [0, 0, 1, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn clever_a_school_that_is_no_longer_shared_is_held() {
    let (world, district, before) = imported().await;
    let school = world
        .clever()
        .unwrap()
        .with_roster(|roster| roster.schools().next().unwrap().name.clone());
    let share = |shared| Change::SetShared {
        school: school.clone(),
        shared,
    };
    change(&world, &share(false));
    let held = world.sync(&district).await.unwrap();
    ended(&held, "held");
    assert!(refusals(&held).contains(&"schools_gone"), "{held}");
    assert_eq!(world.roster(&district).await.unwrap(), before);
    change(&world, &share(true));
    let next = world.sync(&district).await.unwrap();
    ended(&next, "unchanged");
    assert_eq!(world.roster(&district).await.unwrap(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn clever_a_token_that_was_rotated_is_found_anew_and_one_that_is_gone_needs_somebody() {
    let (world, district, before) = imported().await;
    let clever = world.clever().unwrap();
    clever.rotate_token();
    ended(&world.sync(&district).await.unwrap(), "unchanged");
    // Nothing of the token can be read in the store.
    let token = clever.district_token().unwrap();
    let has_it = |value: &Vec<u8>| String::from_utf8_lossy(value).contains(&token);
    assert!(!world.stored("").values().any(has_it));

    clever.disconnect();
    failed(&world.sync(&district).await.unwrap(), "reconnect_needed");
    let shown = connection(&district).await;
    assert_eq!(shown["state"], "reconnect_needed", "{shown}");
    assert_eq!(world.roster(&district).await.unwrap(), before);

    clever.rotate_token();
    district.put_to_use().await.unwrap();
    ended(&world.sync(&district).await.unwrap(), "unchanged");
}

#[tokio::test(flavor = "multi_thread")]
async fn clever_a_person_whom_clever_takes_for_somebody_new_keeps_the_account() {
    let (world, district, before) = imported().await;
    let user = somebody(&world, Role::Student);
    let old = only(&before, |account| knows(account, &user));
    change(&world, &Change::RegenerateId { user });
    for _ in 0..2 {
        world.sync(&district).await.unwrap();
    }
    let after = world.roster(&district).await.unwrap();
    nobody_is_lost(&before, &after, 0);
    let same = only(&after, |account| account["email"] == old["email"]);
    assert_eq!(same["id"], old["id"]);
    assert_eq!(active(&after), active(&before));
}

#[tokio::test(flavor = "multi_thread")]
async fn clever_changes_of_the_day_arrive_between_the_nights() {
    let (world, district, _) = imported().await;
    let user = somebody(&world, Role::Student);
    let renamed = Change::SetName {
        user: user.clone(),
        first: Some("Midday".to_owned()),
        last: None,
    };
    change(&world, &renamed);
    for _ in 0..70 {
        world.advance(Duration::from_mins(1)).unwrap();
        district.admin.tick().await.unwrap();
        let roster = world.roster(&district).await.unwrap();
        let account = only(&roster, |account| knows(account, &user));
        if account["given_name"] == "Midday" {
            return;
        }
    }
    let shown = connection(&district).await;
    assert!(shown.is_null(), "the change did not arrive in an hour");
}
