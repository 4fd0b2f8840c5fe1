//! Authorisations that do not go as they should, and their end.

use driver::District;
use e2e::{World, map_schools};
use fake_providers::google::{Change, IdTokenFault, Outcome, Privilege, RoleChange};
use reqwest::header::COOKIE;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

const SCOPES: &str = "https://www.googleapis.com/auth/admin.directory.";

async fn open(district: &District, callback: &str, cookie: Option<&str>) -> Response {
    let request = district.admin.client().get(callback);
    let request = match cookie {
        Some(cookie) => request.header(COOKIE, cookie),
        None => request,
    };
    request.send().await.unwrap()
}

async fn problem(response: Response, status: u16) -> Value {
    let found = response.status();
    let text = response.text().await.unwrap();
    assert_eq!(found.as_u16(), status, "{text}");
    assert!(!text.contains('@'), "an address is in the answer: {text}");
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["status"], status, "{text}");
    document
}

fn tokens(world: &World) -> usize {
    let mut stored = world.stored("connection/");
    stored.retain(|key, _| key.ends_with("/tokens"));
    stored.len()
}

/// Nobody is authorised, no token is kept, and saving puts nothing to use.
async fn nothing_came_of_it(world: &World, district: &District) {
    let saved = district.save().await.unwrap();
    assert_eq!(saved["state"], "draft", "{saved}");
    assert!(saved.get("authorization").is_none(), "{saved}");
    assert_eq!(tokens(world), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_works_once_within_ten_minutes_and_in_the_browser_that_began() {
    let world = World::of(30).await.unwrap();
    let district = world.unauthorized_district().await.unwrap();
    let admin = world.google.accounts().super_admin;
    let outcome = Outcome::allow(&admin);

    let (callback, cookie) = district.consent(&world.google, &outcome).await.unwrap();
    problem(open(&district, &callback, None).await, 403).await;
    let (_, others_cookie) = district.consent(&world.google, &outcome).await.unwrap();
    problem(open(&district, &callback, Some(&others_cookie)).await, 403).await;
    let forged = callback.replace("state=", "state=x");
    problem(open(&district, &forged, Some(&cookie)).await, 400).await;
    nothing_came_of_it(&world, &district).await;

    let (callback, cookie) = district.consent(&world.google, &outcome).await.unwrap();
    world.advance(Duration::from_mins(11)).unwrap();
    problem(open(&district, &callback, Some(&cookie)).await, 400).await;
    nothing_came_of_it(&world, &district).await;

    let (callback, cookie) = district.consent(&world.google, &outcome).await.unwrap();
    let first = open(&district, &callback, Some(&cookie)).await;
    assert_eq!(first.status(), 200);
    problem(open(&district, &callback, Some(&cookie)).await, 400).await;
    let connection = district
        .admin
        .get(&district.connection_path(""))
        .await
        .unwrap();
    assert_eq!(connection["state"], "authorized", "{connection}");
    assert_eq!(tokens(&world), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_verified_identity_of_the_district_is_believed() {
    let world = World::of(30).await.unwrap();
    let district = world.unauthorized_district().await.unwrap();
    let accounts = world.google.accounts();
    for outsider in [accounts.personal, accounts.elsewhere]
        .into_iter()
        .flatten()
    {
        let outcome = Outcome::allow(&outsider);
        let (callback, cookie) = district.consent(&world.google, &outcome).await.unwrap();
        // What the address says of the domain is not believed either.
        let callback = format!("{callback}&hd=maplegrove.example");
        problem(open(&district, &callback, Some(&cookie)).await, 403).await;
        nothing_came_of_it(&world, &district).await;
    }
    for fault in [
        IdTokenFault::AlgorithmNone,
        IdTokenFault::BadSignature,
        IdTokenFault::EmailNotVerified,
        IdTokenFault::Expired,
        // As of a personal account, whatever its address says.
        IdTokenFault::HostedDomain(String::new()),
        IdTokenFault::UnknownKey,
        IdTokenFault::WrongAudience,
        IdTokenFault::WrongIssuer,
        IdTokenFault::WrongNonce,
    ] {
        world.google.set_id_token_fault(Some(fault.clone()));
        let outcome = Outcome::allow(&accounts.super_admin);
        let (callback, cookie) = district.consent(&world.google, &outcome).await.unwrap();
        let response = open(&district, &callback, Some(&cookie)).await;
        assert_eq!(response.status(), 403, "{fault:?}");
        problem(response, 403).await;
        nothing_came_of_it(&world, &district).await;
    }
    world.google.set_id_token_fault(None);
    world.google.rotate_keys();
    let outcome = Outcome::allow(&accounts.super_admin);
    let page = district.authorize(&world.google, &outcome).await.unwrap();
    assert!(page.contains("The connection test passed"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_that_is_denied_or_partial_authorises_nothing() {
    let world = World::of(30).await.unwrap();
    let district = world.unauthorized_district().await.unwrap();
    let (callback, cookie) = district
        .consent(&world.google, &Outcome::Deny)
        .await
        .unwrap();
    let denied = problem(open(&district, &callback, Some(&cookie)).await, 400).await;
    assert!(denied["detail"].as_str().unwrap().len() > 20, "{denied}");
    nothing_came_of_it(&world, &district).await;

    let partial = Outcome::AllowOnly {
        account: world.google.accounts().super_admin,
        scopes: BTreeSet::from([format!("{SCOPES}user.readonly")]),
    };
    let (callback, cookie) = district.consent(&world.google, &partial).await.unwrap();
    let missing = problem(open(&district, &callback, Some(&cookie)).await, 403).await;
    let detail = missing["detail"].as_str().unwrap();
    assert!(detail.contains("orgunit.readonly"), "{detail}");
    assert!(!detail.contains("user.readonly"), "{detail}");
    nothing_came_of_it(&world, &district).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delegated_admin_is_enough_and_a_missing_privilege_is_named() {
    let world = World::of(120).await.unwrap();
    let district = world.unauthorized_district().await.unwrap();
    let admin = world.google.accounts().delegated_admin.unwrap();
    let outcome = Outcome::allow(&admin);
    let give = |privileges: &[Privilege]| {
        let privileges = privileges.iter().copied().collect();
        let role = RoleChange::Delegated {
            privileges,
            org_unit: None,
        };
        let user = admin.clone();
        world
            .google
            .change(&Change::SetRole { user, role })
            .unwrap();
    };
    give(&[Privilege::UsersRead]);
    let page = district.authorize(&world.google, &outcome).await.unwrap();
    assert!(page.contains("Organizational Units &gt; Read"), "{page}");
    assert!(!page.contains("Users &gt; Read"), "{page}");

    give(&[Privilege::UsersRead, Privilege::OrgUnitsRead]);
    let path = district.connection_path("/test");
    let tested = district.admin.post(&path, &json!({})).await.unwrap();
    assert_eq!(tested["last_test"]["passed"], true, "{tested}");
    district.save().await.unwrap();
    map_schools(&district, &world.google).await.unwrap();
    let run = world.sync(&district).await.unwrap();
    assert_eq!(run["state"], "applied", "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_or_deleted_connection_keeps_no_token_and_every_account() {
    let world = World::of(60).await.unwrap();
    let district = world.district().await.unwrap();
    map_schools(&district, &world.google).await.unwrap();
    world.sync(&district).await.unwrap();
    let accounts = world.accounts(&district).await.unwrap();
    assert_eq!(tokens(&world), 1);
    assert_eq!(world.google.refresh_token_count(), 1);

    let path = district.connection_path("/revoke");
    let revoked = district.admin.post(&path, &json!({})).await.unwrap();
    assert_eq!(revoked["told_provider"], true, "{revoked}");
    assert_eq!((tokens(&world), world.google.refresh_token_count()), (0, 0));
    let rules = district
        .admin
        .get(&district.connection_path("/rules"))
        .await
        .unwrap();
    assert!(!rules["links"].as_array().unwrap().is_empty());
    let run = world.sync(&district).await.unwrap();
    assert_eq!(run["state"], "failed", "{run}");
    assert_eq!(run["failure"]["code"], "no_connection");

    // Authorised again it goes on as before.
    let admin = world.google.accounts().super_admin;
    district
        .authorize(&world.google, &Outcome::allow(&admin))
        .await
        .unwrap();
    district.save().await.unwrap();
    assert_eq!(world.sync(&district).await.unwrap()["state"], "unchanged");

    let path = district.connection_path("");
    let deleted = district
        .admin
        .send(Method::DELETE, &path, None)
        .await
        .unwrap();
    assert_eq!(deleted.ok().unwrap()["told_provider"], true);
    assert_eq!((tokens(&world), world.google.refresh_token_count()), (0, 0));
    let gone = district.admin.send(Method::GET, &path, None).await.unwrap();
    assert_eq!(gone.status, 404);
    assert_eq!(world.accounts(&district).await.unwrap(), accounts);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_start_page_explains_the_errors_that_google_shows_on_its_own_pages() {
    let world = World::of(30).await.unwrap();
    let district = world.unauthorized_district().await.unwrap();
    let path = district.connection_path("/authorize");
    let started = district.admin.post(&path, &json!({})).await.unwrap();
    let page = world
        .operator
        .client()
        .get(started["url"].as_str().unwrap());
    let page = page.send().await.unwrap().text().await.unwrap();
    for code in [
        "redirect_uri_mismatch",
        "invalid_client",
        "admin_policy_enforced",
        "org_internal",
    ] {
        assert!(page.contains(code), "{code} is not explained");
    }
    let code = "redirect_uri_mismatch".to_owned();
    let stays = district
        .consent(&world.google, &Outcome::Error { code })
        .await;
    assert!(stays.is_err());
    nothing_came_of_it(&world, &district).await;
}
