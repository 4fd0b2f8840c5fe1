//! A district from nothing to the second night.

use driver::District;
use e2e::{ADMIN_TENANT, DOMAIN, Setup, World, expected_accounts, map_schools, strings};
use fake_providers::google::Outcome;
use fake_providers::journal::Entry;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::COOKIE;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// People of the district: enough for several pages of 500.
const PEOPLE: usize = 1_300;

/// Requests of a run beside the pages of users: the tree of org units, four push channels, and
/// spare.
const OTHER_CALLS_MAX: u64 = 6;

/// What a run may ask of a user. No password hashes, phones, home addresses or photographs.
const USER_FIELDS: [&str; 11] = [
    "kind",
    "nextPageToken",
    "users",
    "id",
    "primaryEmail",
    "name",
    "givenName",
    "familyName",
    "orgUnitPath",
    "suspended",
    "archived",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_district_is_set_up_and_imported_and_the_second_night_changes_nothing() {
    let setup = Setup::of(PEOPLE).with_pushes();
    let world = World::with(setup).await.unwrap();
    let district = world.unauthorized_district().await.unwrap();
    consents(&world, &district).await;
    let saved = district.save().await.unwrap();
    assert_eq!(saved["state"], "active");
    let organizations = map_schools(&district, &world.google).await.unwrap();
    assert!(organizations.len() > 1, "{organizations:?}");
    world.google.journal().clear();

    let first = night(&world, &district).await;
    assert_eq!(first["state"], "applied", "{first}");
    assert_eq!(first["trigger"]["kind"], "nightly");
    let expected = expected_accounts(&world.google);
    assert_eq!(first["counts"]["total"]["creates"], expected.len());
    accounts_are_as_expected(&world, &district, &organizations).await;
    calls_are_few_and_modest(&world.google.journal().entries());

    let roster_before = world.stored("roster/");
    let blobs_before = world.stored("blob/");
    world.google.journal().clear();
    let second = night(&world, &district).await;
    assert_eq!(second["state"], "unchanged", "{second}");
    assert_ne!(first["night"], second["night"]);
    assert_eq!(world.stored("roster/"), roster_before);
    assert_eq!(world.stored("blob/"), blobs_before);
    calls_are_few_and_modest(&world.google.journal().entries());
    everything_is_audited(&district).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_whose_batch_get_and_swap_are_broken_makes_no_difference() {
    let world = World::of(300).await.unwrap();
    world.host().unwrap().controls().behave_like_redis(true);
    let district = world.district().await.unwrap();
    let organizations = map_schools(&district, &world.google).await.unwrap();
    let first = night(&world, &district).await;
    assert_eq!(first["state"], "applied", "{first}");
    accounts_are_as_expected(&world, &district, &organizations).await;
    let second = night(&world, &district).await;
    assert_eq!(second["state"], "unchanged", "{second}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_on_disk_keeps_everything_over_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let setup = Setup::of(200).in_directory(directory.path());
    let mut world = World::with(setup).await.unwrap();
    let district = world.district().await.unwrap();
    let organizations = map_schools(&district, &world.google).await.unwrap();
    let first = world.sync(&district).await.unwrap();
    assert_eq!(first["state"], "applied", "{first}");
    world.restart().await.unwrap();
    accounts_are_as_expected(&world, &district, &organizations).await;
    let second = world.sync(&district).await.unwrap();
    assert_eq!(second["state"], "unchanged", "{second}");
}

/// The consent, step by step as a browser sees it.
async fn consents(world: &World, district: &District) {
    let admin = world.google.accounts().super_admin;
    let outcome = Outcome::allow(&admin);
    let (callback, cookie) = district.consent(&world.google, &outcome).await.unwrap();
    assert!(callback.contains("state="), "no state");
    let client = district.admin.client();
    let request = client.get(&callback).header(COOKIE, cookie);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    let page = response.text().await.unwrap();
    assert!(page.contains("The connection test passed"), "{page}");
    assert!(!page.contains(&admin), "the page names a person");
    let path = district.connection_path("");
    let connection = district.admin.get(&path).await.unwrap();
    assert_eq!(connection["last_test"]["missing"], json!([]));
    // The code was exchanged with the verifier of its challenge; the fake refuses anything else.
    let exchanges = world.google.journal().entries_under("/token");
    assert_eq!(exchanges.len(), 1);
    assert_eq!(exchanges[0].status, 200);
}

/// Moves the clock to the next 23:00 in New York, lets the scheduler do its minute, and returns
/// the run of that night.
async fn night(world: &World, district: &District) -> Value {
    let zone = TimeZone::get("America/New_York").unwrap();
    let now = Timestamp::from_millisecond(world.now_ms().unwrap()).unwrap();
    let local = now.to_zoned(zone);
    let today = local
        .date()
        .at(23, 0, 30, 0)
        .to_zoned(local.time_zone().clone());
    let mut at = today.unwrap();
    if at.timestamp() <= now {
        at = (at.date().tomorrow().unwrap())
            .at(23, 0, 30, 0)
            .to_zoned(at.time_zone().clone())
            .unwrap();
    }
    let runs = district.path("/runs");
    // A minute before nothing happens.
    let before = district.admin.get(&runs).await.unwrap();
    let early = at.timestamp() - SignedDuration::from_mins(1);
    world.set_time(early).unwrap();
    world.scheduler_minute().await.unwrap();
    assert_eq!(district.admin.get(&runs).await.unwrap(), before);

    world.set_time(at.timestamp()).unwrap();
    world.scheduler_minute().await.unwrap();
    let after = district.admin.get(&runs).await.unwrap();
    let known = before["items"].as_array().unwrap().len();
    assert_eq!(after["items"].as_array().unwrap().len(), known + 1);
    let run = after["items"][0].clone();
    assert_eq!(run["night"], at.date().to_string(), "{run}");
    run
}

async fn accounts_are_as_expected(
    world: &World,
    district: &District,
    organizations: &BTreeMap<String, String>,
) {
    let expected = expected_accounts(&world.google);
    let accounts = world.accounts(district).await.unwrap();
    let addresses: Vec<&String> = accounts.keys().collect();
    assert_eq!(addresses, expected.keys().collect::<Vec<_>>());
    let names: BTreeSet<bool> = (expected.values())
        .map(|person| person.given_name.is_ascii() && person.family_name.is_ascii())
        .collect();
    assert_eq!(names.len(), 2, "the district has no odd names");
    for (address, person) in &expected {
        let account = &accounts[address];
        assert_eq!(account["given_name"], person.given_name);
        assert_eq!(account["family_name"], person.family_name);
        let roles: BTreeSet<&str> = strings(&account["roles"]).into_iter().collect();
        assert_eq!(roles, person.roles, "{account}");
        assert_eq!(account["status"], "active");
        let memberships = account["memberships"].as_array();
        let organization = memberships.and_then(|list| list[0]["organization"].as_str());
        let school = person.school.as_ref();
        let wanted = school.map(|school| organizations[school].as_str());
        assert_eq!(organization, wanted, "{account}");
    }
    let (address, account) = accounts.first_key_value().unwrap();
    let path = district.path(&format!("/accounts/{}", account["id"].as_str().unwrap()));
    assert_eq!(&district.admin.get(&path).await.unwrap(), account);
    let path = district.path(&format!("/accounts?address={address}"));
    let found = district.admin.get(&path).await.unwrap();
    assert_eq!(found["items"], json!([account]));
}

/// Least privilege, nothing asked for that is not needed, nothing sent that Google does not know.
fn calls_are_few_and_modest(entries: &[Entry]) {
    let calls: Vec<&Entry> = entries
        .iter()
        .filter(|entry| entry.path.starts_with("/admin/"))
        .collect();
    let mut pages: BTreeMap<String, u64> = BTreeMap::new();
    let mut others = 0;
    for call in &calls {
        // Channels that were renewed are closed, on a night when that is due: without an answer.
        let is_end = call.path.ends_with("/channels/stop");
        assert_eq!(call.status, if is_end { 204 } else { 200 }, "{call:?}");
        assert_eq!(call.unknown_parameters, BTreeSet::new());
        let scopes: Vec<&str> = (call.scopes.iter())
            .filter_map(|scope| scope.split_once("/auth/admin.directory."))
            .map(|(_, name)| name)
            .collect();
        assert_eq!(scopes, ["orgunit.readonly", "user.readonly"]);
        let parameters = call.parameters();
        if !call.path.ends_with("/users") {
            others += u64::from(!is_end);
            continue;
        }
        let fields = &parameters["fields"];
        for field in fields
            .split([',', '(', ')', '/'])
            .filter(|field| !field.is_empty())
        {
            assert!(USER_FIELDS.contains(&field), "{field} in {fields}");
        }
        let query = parameters.get("query").cloned().unwrap_or_default();
        *pages.entry(query).or_default() += 1;
    }
    assert!(others <= OTHER_CALLS_MAX, "{others} other calls");
    assert!(!pages.is_empty());
    let all_pages: u64 = pages.values().sum();
    let full_pages = u64::try_from(PEOPLE.div_ceil(500)).unwrap();
    // Each chain may have one page that is not full.
    let chains = u64::try_from(pages.len()).unwrap();
    assert!(all_pages <= full_pages + chains, "{pages:?}");
}

async fn everything_is_audited(district: &District) {
    let entries = district.all(&district.path("/audit")).await.unwrap();
    let done: BTreeSet<&str> = entries
        .iter()
        .filter_map(|entry| entry["what"].as_str())
        .collect();
    for action in [
        "tenant_created",
        "key_minted",
        "connection_created",
        "authorization_started",
        "connection_authorized",
        "connection_saved",
        "rules_changed",
        "organization_created",
    ] {
        assert!(done.contains(action), "{action} is not in {done:?}");
    }
    assert_eq!(district.tenant, ADMIN_TENANT);
    let text = serde_json::to_string(&entries).unwrap();
    assert!(
        !text.contains(&format!("@{DOMAIN}")),
        "an address in the audit log"
    );
}
