//! Google failing during a run, beside what the fault matrix shows.

use driver::District;
use e2e::{World, map_schools};
use fake_providers::faults::{Fault, FaultKind};
use fake_providers::google::{GrantEnd, Outcome};
use serde_json::Value;
use std::collections::BTreeMap;

const USERS: &str = "/admin/directory/v1/users";

/// A world where the whole district is on the roster.
async fn imported() -> (World, District, BTreeMap<String, Value>) {
    let world = World::of(60).await.unwrap();
    let district = world.district().await.unwrap();
    map_schools(&district, &world.google).await.unwrap();
    let first = world.sync(&district).await.unwrap();
    assert_eq!(first["state"], "applied", "{first}");
    let accounts = world.accounts(&district).await.unwrap();
    (world, district, accounts)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_authorisation_needs_somebody_and_takes_nobody_away() {
    for end in [GrantEnd::Revoked, GrantEnd::ReauthRequired] {
        let (world, district, accounts) = imported().await;
        let admin = world.google.accounts().super_admin;
        assert!(world.google.end_grants(&admin, end));
        let run = world.sync(&district).await.unwrap();
        assert_eq!(run["state"], "failed", "{run}");
        assert_eq!(run["failure"]["code"], "reconnect_needed");
        let path = district.connection_path("");
        let connection = district.admin.get(&path).await.unwrap();
        assert_eq!(connection["state"], "reconnect_needed", "{connection}");
        assert!(connection["attention"].is_string(), "{connection}");
        assert_eq!(world.accounts(&district).await.unwrap(), accounts);
        // The next night says the same without asking Google again.
        world.google.journal().clear();
        let again = world.sync(&district).await.unwrap();
        assert_eq!(again["failure"]["code"], "reconnect_needed");
        assert!(world.google.journal().is_empty());

        district
            .authorize(&world.google, &Outcome::allow(&admin))
            .await
            .unwrap();
        district.save().await.unwrap();
        let healed = world.sync(&district).await.unwrap();
        assert_eq!(healed["state"], "unchanged", "{healed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_says_nothing_is_given_up_on_and_asked_again() {
    let world = World::of(60).await.unwrap();
    let district = world.district().await.unwrap();
    map_schools(&district, &world.google).await.unwrap();
    // Longer than an exchange may take; the second attempt is answered at once.
    let stall = Fault::at(USERS, FaultKind::Stall { seconds: 30 }).times(1);
    world.google.faults().add(stall);
    let run = world.sync(&district).await.unwrap();
    assert_eq!(run["state"], "applied", "{run}");
    assert_eq!(world.google.faults().fired(), [1]);
}
