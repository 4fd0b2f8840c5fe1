//! ClassLink's Roster Server.

use fake_providers::oneroster::{
    APPLICATION_ID, BearerChange, CLIENT_ID, Change, ClassLink, Config, Kind, PARTNER_KEY,
};
use serde_json::json;

use crate::support::{Got, V1p1, World};

fn proxy(world: &World, application: &str, path: &str) -> String {
    let base = world.fake.base_url();
    format!("{base}/{application}/ims/oneroster/v1p1/{path}")
}

async fn read(world: &World, path: &str, parameters: &[(&str, &str)]) -> Got {
    let url = proxy(world, APPLICATION_ID, path);
    world.get_as(&world.fake.bearer(), &url, parameters).await
}

async fn applications(world: &World, parameters: &[(&str, &str)]) -> Got {
    let url = format!("{}/applications", world.fake.base_url());
    world.get_as(PARTNER_KEY, &url, parameters).await
}

async fn world(class_link: ClassLink) -> World {
    let config = Config {
        class_link,
        ..Config::default()
    };
    World::with(300, config).await
}

#[tokio::test]
async fn applications_are_listed_to_the_partner_until_a_short_page() {
    let world = world(ClassLink {
        other_applications: 5,
        ..ClassLink::default()
    })
    .await;
    let first = applications(&world, &[("limit", "4"), ("offset", "0")]).await;
    assert_eq!((first.status, &first.body["status"]), (200, &json!(1)));
    assert_eq!(first.list("applications").len(), 4);
    assert!(first.header("x-total-count").is_none() && first.header("link").is_none());
    let second = applications(&world, &[("limit", "4"), ("offset", "4")]).await;
    assert_eq!(second.list("applications").len(), 2);
    let all = [&first.list("applications")[..], second.list("applications")].concat();
    let own = all
        .iter()
        .find(|one| one["oneroster_application_id"] == APPLICATION_ID)
        .unwrap();
    assert_eq!(own["bearer"], world.fake.bearer());
    assert_eq!(own["enabled"], "true");
    assert!(
        all.iter()
            .any(|one| one["bearer"].is_null() && one["enabled"] == "false")
    );
    let url = format!("{}/applications", world.fake.base_url());
    assert_eq!(world.get_as("another key", &url, &[]).await.status, 401);
}

#[tokio::test]
async fn the_application_id_goes_into_the_path_as_it_is() {
    let world = world(ClassLink::default()).await;
    assert_eq!(read(&world, "users", &[]).await.status, 200);
    let bearer = world.fake.bearer();
    for wrong in ["%252FgVa0demo%253D", "%2FgVa0demo=", "%2FgVa0other0%3D"] {
        let got = world
            .get_as(&bearer, &proxy(&world, wrong, "users"), &[])
            .await;
        assert_eq!(got.status, 401, "{wrong}");
    }
}

#[tokio::test]
async fn a_stale_bearer_is_listed_anew_and_a_revoked_one_is_not() {
    let world = world(ClassLink::default()).await;
    let stale = world.fake.bearer();
    let url = proxy(&world, APPLICATION_ID, "users");
    world.fake.change_bearer(BearerChange::Rotate);
    assert_eq!(world.get_as(&stale, &url, &[]).await.status, 401);
    let listed = async || {
        let got = applications(&world, &[]).await;
        let mut all = got.list("applications").iter();
        let own = all.find(|one| one["oneroster_application_id"] == APPLICATION_ID);
        own.unwrap()["bearer"].as_str().unwrap().to_owned()
    };
    let current = listed().await;
    assert_ne!(current, stale);
    assert_eq!(world.get_as(&current, &url, &[]).await.status, 200);
    world.fake.change_bearer(BearerChange::Revoke);
    assert_eq!(world.get_as(&current, &url, &[]).await.status, 401);
    assert_eq!(listed().await, current);
    world.fake.change_bearer(BearerChange::Restore);
    assert_eq!(world.get_as(&current, &url, &[]).await.status, 200);
}

#[tokio::test]
async fn an_application_that_is_not_approved_has_no_bearer() {
    let world = world(ClassLink {
        is_approved: false,
        other_applications: 0,
        ..ClassLink::default()
    })
    .await;
    let got = applications(&world, &[]).await;
    assert!(got.list("applications")[0]["bearer"].is_null());
    assert_eq!(read(&world, "users", &[]).await.status, 401);
    let base = world.fake.base_url();
    let server = format!("{base}/applications/{APPLICATION_ID}/server");
    assert_eq!(world.get_as(PARTNER_KEY, &server, &[]).await.status, 404);
}

#[tokio::test]
async fn direct_credentials_can_be_asked_for() {
    let world = world(ClassLink::default()).await;
    let base = world.fake.base_url();
    let server = format!("{base}/applications/{APPLICATION_ID}/server");
    let got = world.get_as(PARTNER_KEY, &server, &[]).await;
    assert_eq!(got.body["server"]["client_id"], CLIENT_ID);
    assert_eq!(got.body["server"]["endpoint_url"], world.fake.v1p1_url());
    assert_eq!(world.get_as("another key", &server, &[]).await.status, 401);
    let other = format!("{base}/applications/%2FgVa0other0%3D/server");
    assert_eq!(world.get_as(PARTNER_KEY, &other, &[]).await.status, 404);
}

#[tokio::test]
async fn users_look_as_a_roster_server_writes_them() {
    let world = world(ClassLink::default()).await;
    let got = read(&world, "students", &[("limit", "1")]).await;
    let user = &got.list("users")[0];
    let number = user["identifier"].as_str().unwrap();
    assert_eq!(
        user["userIds"],
        json!([{ "type": "Fed", "identifier": number }])
    );
    for empty in ["middleName", "sms", "phone", "password"] {
        assert_eq!(user[empty], "", "{empty}");
    }
    let href = user["orgs"][0]["href"].as_str().unwrap();
    assert!(href.starts_with("https://certs-demo.rosterserver.example/ims/oneroster/v1p1/orgs/"));
    let direct = world.get(V1p1, "students", &[("limit", "1")]).await;
    assert_eq!(direct.ids("users"), got.ids("users"));
    assert!(direct.list("users")[0].get("sms").is_none());
}

#[tokio::test]
async fn headers_tell_counts_and_the_revision() {
    let world = world(ClassLink::default()).await;
    let got = read(&world, "users", &[("limit", "10")]).await;
    assert_eq!(got.header("x-count"), Some("10"));
    assert_eq!(got.header("x-endpoint"), Some("users"));
    assert_eq!(got.header("x-obfuscated"), Some("false"));
    assert!(got.total() > 300 && got.header("x-next-page-token").is_some());
    assert!(got.header("x-page-generation-time-ms").is_some() && got.header("link").is_none());
    let revision = got.header("x-perm-rev").unwrap();
    let got = read(&world, "orgs", &[]).await;
    assert_eq!(got.header("x-perm-rev"), Some(revision));
    // In the middle of a pull.
    world.fake.schedule(1, Change::BumpRevision);
    let got = read(&world, "users", &[("limit", "10")]).await;
    assert_eq!(got.header("x-perm-rev"), Some(revision));
    let got = read(&world, "users", &[("limit", "10"), ("offset", "10")]).await;
    assert_ne!(got.header("x-perm-rev"), Some(revision));
    let bumped = got.header("x-perm-rev").unwrap();
    let change = Change::MarkDeleted {
        kind: Kind::User,
        sourced_id: got.ids("users").remove(0),
    };
    world.fake.change(&change).unwrap();
    assert_ne!(
        read(&world, "users", &[]).await.header("x-perm-rev"),
        Some(bumped)
    );
}

#[tokio::test]
async fn people_can_be_made_up() {
    let world = world(ClassLink {
        is_obfuscated: true,
        ..ClassLink::default()
    })
    .await;
    let got = read(&world, "users", &[("limit", "10000")]).await;
    assert_eq!(got.header("x-obfuscated"), Some("true"));
    for user in got.list("users") {
        let email = user["email"].as_str().unwrap();
        assert!(email.is_empty() || email.ends_with("@obfuscated.example"));
    }
    let direct = world.get(V1p1, "users", &[("limit", "10000")]).await;
    assert_eq!(direct.ids("users"), got.ids("users"));
    assert!(!direct.text.contains("@obfuscated.example"));
}

#[tokio::test]
async fn a_page_can_be_too_much() {
    let world = world(ClassLink {
        bad_gateway_above: Some(100),
        ..ClassLink::default()
    })
    .await;
    let got = read(&world, "users", &[("limit", "200")]).await;
    assert_eq!(got.status, 502);
    assert!(got.header("content-type").unwrap().starts_with("text/html"));
    assert_eq!(read(&world, "users", &[("limit", "100")]).await.status, 200);
}

#[tokio::test]
async fn more_than_two_clauses_are_taken() {
    let world = world(ClassLink::default()).await;
    let filter = "role='student' AND status='active' AND orgs.sourcedId='HS-01' OR role='teacher'";
    let got = read(&world, "users", &[("filter", filter)]).await;
    assert_eq!(got.status, 200);
    assert!(
        got.list("users")
            .iter()
            .any(|user| user["role"] == "teacher")
    );
}

#[tokio::test]
async fn a_roster_server_can_be_read_without_the_proxy() {
    let world = world(ClassLink {
        is_direct: true,
        ..ClassLink::default()
    })
    .await;
    let direct = world.get(V1p1, "users", &[("limit", "3")]).await;
    let proxied = read(&world, "users", &[("limit", "3")]).await;
    assert_eq!(direct.body, proxied.body);
    assert_eq!(direct.header("x-perm-rev"), proxied.header("x-perm-rev"));
}
