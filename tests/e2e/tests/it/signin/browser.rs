//! The whole sign-in in Chromium: an application, Rollcall, a provider's page, and back.
//!
//! Without a browser these are skipped and say so; see [`e2e::Browser`].

use super::demo::Demo;
use super::scene::{IDA, IDAS_OWN, IDAS_PASSWORD, Scene};
use e2e::{Browser, Setup};
use fake_providers::{clever, oneroster};
use serde_json::json;
use std::time::Duration;

/// How often, and how many times at most, it is looked whether an application heard of something.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const LOOKS_MAX: u32 = 100;

impl Demo {
    /// Begins a sign-in at the application, and takes one of the ways that the page offers.
    async fn begins(&self, browser: &Browser, method: &str) {
        browser.go(&self.url).await.unwrap();
        assert!(browser.has("#nobody").await.unwrap());
        browser.click("#login").await.unwrap();
        browser
            .click(&format!("a[href*='/{method}']"))
            .await
            .unwrap();
    }

    /// The application shows somebody.
    async fn shows(&self, browser: &Browser, name: &str, roles: &str) {
        browser.text("#subject").await.unwrap();
        assert_eq!(browser.text("#name").await.unwrap(), name);
        assert_eq!(browser.text("#roles").await.unwrap(), roles);
        assert_eq!(browser.text("#tenant").await.unwrap(), "maple-grove");
        assert_eq!(browser.url().await.unwrap(), format!("{}/", self.url));
    }

    /// Waits until the application shows nobody.
    async fn shows_nobody(&self, browser: &Browser) {
        for _ in 0..LOOKS_MAX {
            browser.go(&self.url).await.unwrap();
            if browser.has("#nobody").await.unwrap() {
                return;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        panic!("the application goes on to show somebody");
    }
}

/// Somebody's Google account, at Google's page.
async fn at_google(browser: &Browser, address: &str) {
    browser
        .fill("input[name=other_account]", address)
        .await
        .unwrap();
    browser.click("button[value=allow]").await.unwrap();
}

/// Somebody's account, at the page of Clever or of `LaunchPad`.
async fn at_portal(browser: &Browser, address: &str) {
    browser
        .fill("input[name=other_account]", address)
        .await
        .unwrap();
    browser.click("button:not([name])").await.unwrap();
}

/// What every page has to have for those who cannot see it: a language, a title, one heading, and a
/// label for every field; and for those who wait: nothing to load.
async fn is_accessible(browser: &Browser) {
    let found = browser.run(
        "const fields = [...document.querySelectorAll('input:not([type=hidden]), select')];
         return {
           lang: document.documentElement.lang,
           title: document.title,
           headings: document.querySelectorAll('h1').length,
           main: document.querySelectorAll('main').length,
           unlabelled: fields.filter(f => f.labels.length === 0 && !f.ariaLabel).map(f => f.name),
           tabindex: document.querySelectorAll('[tabindex]:not([tabindex=\"0\"])').length,
           loaded: performance.getEntriesByType('resource').filter(r => !r.name.endsWith('/favicon.ico')).map(r => r.name),
           viewport: !!document.querySelector('meta[name=viewport]'),
           wide: document.documentElement.scrollWidth > window.innerWidth,
         };",
    );
    let found = found.await.unwrap();
    assert_eq!(found["lang"], "en", "{found}");
    assert_ne!(found["title"], "", "{found}");
    assert_eq!(
        (&found["headings"], &found["main"]),
        (&json!(1), &json!(1)),
        "{found}"
    );
    assert_eq!(found["unlabelled"], json!([]), "{found}");
    assert_eq!(found["tabindex"], 0, "{found}");
    assert_eq!(found["loaded"], json!([]), "{found}");
    assert_eq!(
        (&found["viewport"], &found["wide"]),
        (&json!(true), &json!(false)),
        "{found}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn browser_signs_in_with_google_and_out_again() {
    let Some(browser) = Browser::open().await.unwrap() else {
        return;
    };
    let scene = Scene::new().await;
    let demo = Demo::start(&scene).await;
    browser.go(&scene.login("")).await.unwrap();
    is_accessible(&browser).await;
    demo.begins(&browser, "google").await;
    at_google(&browser, &scene.teacher).await;
    demo.shows(&browser, "Dana Okafor", "teacher").await;
    let cookies = browser.cookies().await.unwrap();
    let session = cookies
        .iter()
        .find(|cookie| cookie.name() == "rollcall-session");
    assert_eq!(session.unwrap().http_only(), Some(true));

    browser.click("#logout").await.unwrap();
    browser.text("#nobody").await.unwrap();
    // Signed out everywhere: to come back takes Google again.
    browser.click("#login").await.unwrap();
    browser.text("a[href*='/google']").await.unwrap();
    // Signing in once more, and out here instead: nobody says who asks, so the page does.
    browser.click("a[href*='/google']").await.unwrap();
    at_google(&browser, &scene.teacher).await;
    demo.shows(&browser, "Dana Okafor", "teacher").await;
    browser.go(&scene.url("/oidc/logout")).await.unwrap();
    is_accessible(&browser).await;
    browser.click("form button").await.unwrap();
    browser.says("h1", "You are signed out").await.unwrap();
    demo.shows_nobody(&browser).await;
    browser.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn browser_signs_in_with_clever_and_from_its_portal() {
    let Some(browser) = Browser::open().await.unwrap() else {
        return;
    };
    let config = clever::Config {
        emails: clever::EmailRates::NONE,
        ..clever::Config::default()
    };
    let scene = Scene::with(Setup::of(30).with_clever(config)).await;
    scene.has_districts().await;
    let demo = Demo::start(&scene).await;
    demo.begins(&browser, "clever").await;
    at_portal(&browser, &scene.student).await;
    demo.shows(&browser, "Sam Ortiz", "student").await;

    // From the portal, in a browser that never was here.
    browser.forget_cookies().await.unwrap();
    let launched = scene
        .world
        .clever()
        .unwrap()
        .launch(&scene.teacher)
        .unwrap();
    browser.go(&launched).await.unwrap();
    if browser.has("input[name=other_account]").await.unwrap() {
        at_portal(&browser, &scene.teacher).await;
    }
    demo.shows(&browser, "Dana Okafor", "teacher").await;
    browser.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn browser_signs_in_with_classlink_and_from_its_launchpad() {
    let Some(browser) = Browser::open().await.unwrap() else {
        return;
    };
    let setup = Setup::of(30).with_oneroster(oneroster::Config::default());
    let scene = Scene::with(setup).await;
    scene.has_districts().await;
    let demo = Demo::start(&scene).await;
    demo.begins(&browser, "classlink").await;
    at_portal(&browser, &scene.student).await;
    demo.shows(&browser, "Sam Ortiz", "student").await;

    browser.forget_cookies().await.unwrap();
    let launched = scene
        .world
        .oneroster()
        .unwrap()
        .launch(&scene.url("/callback/classlink"), &scene.teacher)
        .unwrap();
    browser.go(&launched).await.unwrap();
    if browser.has("input[name=other_account]").await.unwrap() {
        at_portal(&browser, &scene.teacher).await;
    }
    demo.shows(&browser, "Dana Okafor", "teacher").await;
    browser.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn browser_signs_in_with_a_password_that_has_to_be_changed() {
    let Some(browser) = Browser::open().await.unwrap() else {
        return;
    };
    let scene = Scene::new().await;
    let demo = Demo::start(&scene).await;
    let enters = async |password: &str| {
        browser.fill("input[name=name]", IDA).await.unwrap();
        browser
            .fill("input[name=password]", password)
            .await
            .unwrap();
        browser.click("form button").await.unwrap();
    };
    demo.begins(&browser, "password").await;
    is_accessible(&browser).await;
    enters("not her password").await;
    assert!(browser.text("[role=alert]").await.unwrap().len() > 10);
    is_accessible(&browser).await;
    enters(IDAS_PASSWORD).await;
    browser.text("input[name=new]").await.unwrap();
    is_accessible(&browser).await;
    for field in ["new", "again"] {
        browser
            .fill(&format!("input[name={field}]"), IDAS_OWN)
            .await
            .unwrap();
    }
    browser.click("form button").await.unwrap();
    demo.shows(&browser, "Ida Holm", "student").await;

    browser.forget_cookies().await.unwrap();
    demo.begins(&browser, "password").await;
    enters(IDAS_OWN).await;
    demo.shows(&browser, "Ida Holm", "student").await;
    browser.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn browser_of_a_suspended_person_is_told_so_and_was_signed_out() {
    let Some(browser) = Browser::open().await.unwrap() else {
        return;
    };
    let scene = Scene::new().await;
    let demo = Demo::start(&scene).await;
    demo.begins(&browser, "google").await;
    at_google(&browser, &scene.student).await;
    demo.shows(&browser, "Sam Ortiz", "student").await;

    // The application hears of it over the back channel, without being asked for by the browser.
    scene
        .edit(&scene.student, &json!({"status": "suspended"}))
        .await;
    scene.district.admin.tick().await.unwrap();
    demo.shows_nobody(&browser).await;
    browser.click("#login").await.unwrap();
    browser.click("a[href*='/google']").await.unwrap();
    at_google(&browser, &scene.student).await;
    browser.text("[role=alert]").await.unwrap();
    let page = browser.page().await.unwrap();
    assert!(page.contains("suspended"), "{page}");
    assert!(!page.contains('@'), "{page}");
    is_accessible(&browser).await;
    let entries = scene.refusals().await;
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!(entries[0]["cause"], "suspended");
    browser.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn browser_finds_its_way_from_the_school_website_to_the_application() {
    let Some(browser) = Browser::open().await.unwrap() else {
        return;
    };
    let scene = Scene::new().await;
    let demo = Demo::start(&scene).await;
    browser.go(&scene.login("/google")).await.unwrap();
    at_google(&browser, &scene.teacher).await;
    demo.shows(&browser, "Dana Okafor", "teacher").await;
    browser.close().await.unwrap();
}
