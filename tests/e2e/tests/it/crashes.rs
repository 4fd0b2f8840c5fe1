//! The host killed in the middle of a first import, with its store on disk.

use driver::District;
use e2e::{Setup, World, expected_accounts, map_schools};
use local_host::{Counted, Crash, When};
use serde_json::Value;
use std::time::Duration;

/// Points of a run, in percent of its store operations.
const POINTS: [u64; 6] = [1, 20, 45, 70, 90, 99];

/// How long the lease of a dead host keeps others away, and a little more.
const LEASE: Duration = Duration::from_secs(61);

/// Store operations so far.
fn operations(world: &World) -> u64 {
    let counters = world.host().unwrap().counters();
    counters.store.values().map(|traffic| traffic.calls).sum()
}

/// Asks for a run and kills the host at the nth store operation from now. Returns whether it died
/// before the run was over.
async fn killed_at(world: &mut World, district: &District, nth: u64, when: When) -> bool {
    let crash = Crash {
        when,
        nth,
        counted: Counted::Every,
    };
    let host = world.host().unwrap();
    host.controls().crash_at(Some(crash));
    // A dead host leaves requests without an answer, or cuts their connection.
    let died = tokio::select! {
        () = host.crashed() => true,
        run = world.sync(district) => run.is_err(),
    };
    host.controls().crash_at(None);
    world.restart().await.unwrap();
    world.advance(LEASE).unwrap();
    died
}

async fn applied(district: &District) -> Vec<Value> {
    let runs = district.all(&district.path("/runs")).await.unwrap();
    runs.into_iter()
        .filter(|run| run["state"] == "applied")
        .collect()
}

/// Everybody is there, as Google shows them.
async fn roster_is_right(world: &World, district: &District) {
    let expected = expected_accounts(&world.google);
    let accounts = world.accounts(district).await.unwrap();
    assert_eq!(
        accounts.keys().collect::<Vec<_>>(),
        expected.keys().collect::<Vec<_>>()
    );
    for (address, person) in expected {
        assert_eq!(accounts[&address]["family_name"], person.family_name);
        assert_eq!(accounts[&address]["status"], "active");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_import_survives_being_killed_anywhere_and_commits_once() {
    let directory = tempfile::tempdir().unwrap();
    let setup = Setup::of(150).in_directory(directory.path());
    let mut world = World::with(setup).await.unwrap();
    let calm = world.named_district("calm").await.unwrap();
    map_schools(&calm, &world.google).await.unwrap();
    let before = operations(&world);
    world.sync(&calm).await.unwrap();
    let of_a_run = operations(&world) - before;
    assert!(of_a_run > 20, "{of_a_run}");
    let mut deaths = 0;
    for (index, point) in POINTS.into_iter().enumerate() {
        let when = if index % 2 == 0 {
            When::Before
        } else {
            When::After
        };
        let district = world
            .named_district(&format!("killed-{point}"))
            .await
            .unwrap();
        map_schools(&district, &world.google).await.unwrap();
        let nth = (of_a_run * point / 100).max(1);
        deaths += u32::from(killed_at(&mut world, &district, nth, when).await);
        // A tick goes on with what was under way; should the request itself have been lost, the
        // administrator asks again.
        world.sync(&district).await.unwrap();
        roster_is_right(&world, &district).await;
        assert_eq!(
            applied(&district).await.len(),
            1,
            "killed at {nth} of {of_a_run}"
        );
        let settled = world.sync(&district).await.unwrap();
        assert_eq!(settled["state"], "unchanged", "{settled}");
    }
    assert!(deaths >= 5, "only {deaths} hosts died in time");
}
