//! Who is whom: people as their providers vouch for them, and accounts of the district.

use super::scene::{Scene, json_of};
use driver::{Agent, Page, text};
use e2e::{Setup, map_schools};
use fake_providers::google::Change;
use fake_providers::{clever, oneroster};
use serde_json::json;
use std::time::Duration;

/// Whose account an application is told of.
async fn who(scene: &Scene, page: &Page) -> String {
    let code = scene.app.code_of(page).unwrap();
    let tokens = scene.app.redeem(&code).await.unwrap();
    let userinfo = json_of(&scene.app.userinfo(&tokens.access).await.unwrap());
    text(&userinfo, "email").unwrap().to_owned()
}

async fn google(scene: &Scene, person: &str) -> Page {
    let mut agent = Agent::new().unwrap();
    scene
        .by_google(&mut agent, &scene.app.request(&[]), person)
        .await
}

/// A page of ours says why, names nobody, and the administrator finds an entry.
async fn is_turned_away(scene: &Scene, page: &Page, cause: &str) {
    assert_eq!(
        page.status.as_u16(),
        403,
        "{cause}: {} {:?}",
        page.text,
        page.headers
    );
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(!page.text.contains('@'), "{cause}: {}", page.text);
    let refusals = scene.refusals().await;
    assert!(
        refusals.iter().any(|entry| entry["cause"] == cause),
        "{cause}: {refusals:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn google_signs_in_before_any_sync_and_whatever_brought_the_account() {
    let scene = Scene::new().await;
    let page = google(&scene, &scene.student).await;
    assert_eq!(who(&scene, &page).await, scene.student);
    let page = google(&scene, &scene.teacher).await;
    assert_eq!(who(&scene, &page).await, scene.teacher);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_known_by_the_providers_id_when_the_address_is_another() {
    let scene = Scene::new().await;
    let page = google(&scene, &scene.student).await;
    let subject = who(&scene, &page).await;
    let moved = "sam.newname@maplegrove.example";
    scene
        .world
        .google
        .change(&Change::RenameUser {
            user: scene.student.clone(),
            email: Some(moved.to_owned()),
            given_name: None,
            family_name: None,
        })
        .unwrap();
    let page = google(&scene, moved).await;
    assert_eq!(who(&scene, &page).await, subject);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_synced_person_is_known_by_the_providers_id_at_the_first_sign_in() {
    let scene = Scene::new().await;
    let google_side = driver::District {
        connection: "google".to_owned(),
        ..scene.district.clone()
    };
    let body = json!({"id": "google", "provider": "google", "domain": "maplegrove.example", "mode": "import"});
    google_side
        .admin
        .post(&google_side.path("/connections"), &body)
        .await
        .unwrap();
    let admin = scene.world.google.accounts().super_admin;
    let outcome = fake_providers::google::Outcome::allow(&admin);
    google_side
        .authorize(&scene.world.google, &outcome)
        .await
        .unwrap();
    google_side.save().await.unwrap();
    map_schools(&google_side, &scene.world.google)
        .await
        .unwrap();
    let accounts = scene.world.accounts(&google_side).await.unwrap();
    let run = scene.world.sync_one(&google_side).await.unwrap();
    if run["state"] == "held" {
        let path = google_side.path(&format!("/runs/{}/approve", text(&run, "id").unwrap()));
        google_side.admin.post(&path, &json!({})).await.unwrap();
        scene
            .world
            .finish(&google_side, text(&run, "id").unwrap())
            .await
            .unwrap();
    }
    let synced = scene.world.accounts(&google_side).await.unwrap();
    let new = synced
        .keys()
        .find(|address| !accounts.contains_key(*address))
        .unwrap();
    let moved = "somebody.else@maplegrove.example";
    scene
        .world
        .google
        .change(&Change::RenameUser {
            user: new.clone(),
            email: Some(moved.to_owned()),
            given_name: None,
            family_name: None,
        })
        .unwrap();
    let page = google(&scene, moved).await;
    assert_eq!(who(&scene, &page).await, *new);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_works_at_once_and_only_for_its_method() {
    let scene = Scene::new().await;
    let page = google(&scene, &scene.student).await;
    who(&scene, &page).await;
    scene.set_methods(&json!({"methods": ["password"]})).await;
    let mut agent = Agent::new().unwrap();
    let page = agent.open(&scene.login("")).await.unwrap();
    assert!(
        !page.text.contains("/login/maple-grove/google"),
        "{}",
        page.text
    );
    let page = agent.get(&scene.login("/google")).await.unwrap();
    assert!(
        page.status.is_client_error(),
        "{} {:?}",
        page.status,
        page.headers
    );
    scene.set_methods(&json!({"methods": []})).await;
    let page = agent.open(&scene.login("")).await.unwrap();
    for method in ["google", "clever", "classlink", "password"] {
        assert!(
            !page.text.contains(&format!("/login/maple-grove/{method}")),
            "{}",
            page.text
        );
    }
    scene.set_methods(&json!({"methods": ["google"]})).await;
    let page = google(&scene, &scene.student).await;
    assert_eq!(who(&scene, &page).await, scene.student);
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_kept_to_their_methods() {
    let scene = Scene::new().await;
    let settings =
        json!({"methods": ["google", "password"], "enforced": {"student": ["password"]}});
    scene.set_methods(&settings).await;
    let page = google(&scene, &scene.student).await;
    is_turned_away(&scene, &page, "method").await;
    let page = google(&scene, &scene.teacher).await;
    assert_eq!(who(&scene, &page).await, scene.teacher);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_sign_in_is_told_why_and_so_is_the_administrator() {
    let scene = Scene::new().await;
    let accounts = scene.world.google.accounts();
    // Nobody of the district, by a personal account and by one of another organization.
    for stranger in [accounts.personal.unwrap(), accounts.elsewhere.unwrap()] {
        let page = google(&scene, &stranger).await;
        is_turned_away(&scene, &page, "no_account").await;
    }
    scene
        .edit(&scene.student, &json!({"sign_in_allowed": false}))
        .await;
    let page = google(&scene, &scene.student).await;
    is_turned_away(&scene, &page, "off").await;
    scene
        .edit(&scene.teacher, &json!({"status": "suspended"}))
        .await;
    let page = google(&scene, &scene.teacher).await;
    is_turned_away(&scene, &page, "suspended").await;
    // The same person for the same reason is one entry.
    let count = scene.refusals().await.len();
    google(&scene, &scene.teacher).await;
    assert_eq!(scene.refusals().await.len(), count);
}

#[tokio::test(flavor = "multi_thread")]
async fn clever_signs_in_people_of_its_own_district_alone() {
    let config = clever::Config {
        emails: clever::EmailRates::NONE,
        ..clever::Config::default()
    };
    let scene = Scene::with(Setup::of(30).with_clever(config)).await;
    let by_clever = async |person: &str| {
        let mut agent = Agent::new().unwrap();
        let clever = scene.world.clever().unwrap();
        let authorize = scene
            .to_provider(
                &mut agent,
                &scene.app.request(&[]),
                "clever",
                clever.base_url(),
            )
            .await;
        let back = clever.sign_in(authorize.as_str(), person).unwrap();
        let page = agent.get(&back).await.unwrap();
        agent
            .follow(page, |url| scene.app.is_back(url))
            .await
            .unwrap()
    };
    scene.has_districts().await;
    let page = by_clever(&scene.student).await;
    assert_eq!(who(&scene, &page).await, scene.student);
    let page = by_clever(&scene.teacher).await;
    assert_eq!(who(&scene, &page).await, scene.teacher);
    // Known by now, the person is found however Clever writes the address.
    let page = by_clever(&scene.student).await;
    assert_eq!(who(&scene, &page).await, scene.student);
    // Somebody of a district that is another tenant's by the time they come back.
    let mut agent = Agent::new().unwrap();
    let clever = scene.world.clever().unwrap();
    let authorize = scene
        .to_provider(
            &mut agent,
            &scene.app.request(&[]),
            "clever",
            clever.base_url(),
        )
        .await;
    let back = clever.sign_in(authorize.as_str(), &scene.student).unwrap();
    let other = json!({"clever": ["0123456789abcdef01234567"]});
    scene.set_districts(&other).await;
    scene.world.advance(Duration::from_secs(61)).unwrap();
    let page = agent.open(&back).await.unwrap();
    assert!(
        page.status.is_client_error(),
        "{} {}",
        page.status,
        page.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn classlink_signs_in_people_of_its_own_tenant_alone() {
    let setup = Setup::of(30).with_oneroster(oneroster::Config::default());
    let scene = Scene::with(setup).await;
    let by_classlink = async |person: &str| {
        let mut agent = Agent::new().unwrap();
        let server = scene.world.oneroster().unwrap();
        let from = scene.app.request(&[]);
        let authorize = scene
            .to_provider(&mut agent, &from, "classlink", server.base_url())
            .await;
        let choice = oneroster::SignIn::As(person.to_owned());
        let back = server.sign_in(authorize.as_str(), &choice).unwrap();
        let page = agent.get(&back).await.unwrap();
        agent
            .follow(page, |url| scene.app.is_back(url))
            .await
            .unwrap()
    };
    scene.has_districts().await;
    let page = by_classlink(&scene.student).await;
    assert_eq!(who(&scene, &page).await, scene.student);
    let page = by_classlink(&scene.teacher).await;
    assert_eq!(who(&scene, &page).await, scene.teacher);
    scene.set_districts(&json!({"classlink": ["77"]})).await;
    scene.world.advance(Duration::from_secs(61)).unwrap();
    let page = by_classlink(&scene.student).await;
    assert!(
        page.status.is_client_error(),
        "{} {}",
        page.status,
        page.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launch_that_was_not_begun_here_attaches_to_nobody() {
    let config = clever::Config {
        emails: clever::EmailRates::NONE,
        ..clever::Config::default()
    };
    let scene = Scene::with(Setup::of(30).with_clever(config)).await;
    scene.has_districts().await;
    let clever = scene.world.clever().unwrap();
    // Somebody is lured to the launch of another: whoever they were, they stay, or see Clever's page.
    let (mut victim, _) = scene.signed_in().await;
    let launched = clever.launch(&scene.teacher).unwrap();
    let page = victim.get(&launched).await.unwrap();
    let to = page.location().unwrap();
    assert!(
        to.as_str().starts_with(clever.base_url()),
        "the code was taken: {to}"
    );
    let code = scene.app.code(&mut victim).await.unwrap();
    let tokens = scene.app.redeem(&code).await.unwrap();
    let userinfo = json_of(&scene.app.userinfo(&tokens.access).await.unwrap());
    assert_eq!(userinfo["email"], scene.student.as_str());
    // The same code twice, as browsers do that load a page beforehand.
    let again = victim.get(&launched).await.unwrap();
    assert!(
        !again.status.is_server_error(),
        "{} {}",
        again.status,
        again.text
    );
}
