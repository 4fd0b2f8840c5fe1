//! What browsers are shown: headers, redirects and pages.

use super::passwords::enter;
use super::scene::{IDA, IDAS_PASSWORD, Scene};
use driver::{Agent, Page};
use reqwest::Method;

/// The pages that people see, in a browser that is signed in and in one that is not.
async fn pages(scene: &Scene) -> Vec<Page> {
    let (signed_in, _) = scene.signed_in().await;
    let request = scene.app.request(&[]);
    let unknown = scene.app.request(&[("client_id", Some("cli-unknown"))]);
    let mut seen = Vec::new();
    for mut agent in [Agent::new().unwrap(), signed_in] {
        for url in [
            &scene.login(""),
            &scene.login("/password"),
            &scene.url("/login/nowhere"),
            &scene.url("/callback/google?code=x&state=y"),
            &scene.url("/callback/google"),
            &scene.url("/oidc/logout"),
            &request,
            &unknown,
        ] {
            let page = agent.get(url).await.unwrap();
            let page = agent
                .follow(page, |next| scene.app.is_back(next))
                .await
                .unwrap();
            if page.header("content-type").starts_with("text/html") {
                seen.push(page);
            }
        }
    }
    assert!(seen.len() >= 10, "only {} pages were seen", seen.len());
    seen
}

/// The value of a directive of a page's content security policy.
fn directive<'a>(page: &'a Page, name: &str) -> &'a str {
    let policy = page.header("content-security-policy").split(';');
    let mut directives = policy.filter_map(|one| one.trim().split_once(' '));
    directives
        .find_map(|(found, value)| (found == name).then_some(value))
        .unwrap_or_default()
}

/// No page can be framed.
pub(super) async fn no_page_can_be_framed() {
    let scene = Scene::new().await;
    for page in pages(&scene).await {
        assert_eq!(
            directive(&page, "frame-ancestors"),
            "'none'",
            "{} {:?}",
            page.url,
            page.headers
        );
        assert_eq!(
            page.header("x-frame-options"),
            "DENY",
            "{} {:?}",
            page.url,
            page.headers
        );
    }
}

/// No page tells the next one where somebody came from, and none loads anything from elsewhere.
pub(super) async fn nothing_leaks_to_other_sites() {
    let scene = Scene::new().await;
    for page in pages(&scene).await {
        // Of a form, browsers tell only us where it comes from.
        let policy = page.header("referrer-policy");
        let expected = ["no-referrer", "same-origin"];
        assert!(
            expected.contains(&policy),
            "{} {:?}",
            page.url,
            page.headers
        );
        assert_eq!(
            directive(&page, "default-src"),
            "'none'",
            "{} {:?}",
            page.url,
            page.headers
        );
        assert_eq!(
            page.header("x-content-type-options"),
            "nosniff",
            "{}",
            page.url
        );
        for elsewhere in [
            "src=\"http",
            "src=\"//",
            "url(http",
            "<link",
            "@import",
            "<iframe",
            "<script",
        ] {
            assert!(
                !page.text.contains(elsewhere),
                "{}: {elsewhere}: {}",
                page.url,
                page.text
            );
        }
    }
    // Nor do redirects, which carry codes.
    let (mut agent, _) = scene.signed_in().await;
    let back = agent.get(&scene.app.request(&[])).await.unwrap();
    assert!(back.status.is_redirection());
    assert_eq!(
        back.header("referrer-policy"),
        "no-referrer",
        "{:?}",
        back.headers
    );
}

/// Nothing on the way of a sign-in is kept by the browser or by anything between.
pub(super) async fn nothing_is_cached() {
    let scene = Scene::new().await;
    for page in pages(&scene).await {
        assert!(
            page.header("cache-control").contains("no-store"),
            "{} {:?}",
            page.url,
            page.headers
        );
    }
    let (mut agent, _) = scene.signed_in().await;
    let back = agent.get(&scene.app.request(&[])).await.unwrap();
    assert!(
        back.header("cache-control").contains("no-store"),
        "{:?}",
        back.headers
    );
}

/// A page cannot be asked to hand its answer to a script, and has none.
pub(super) async fn no_messages_between_windows() {
    let scene = Scene::new().await;
    for page in pages(&scene).await {
        assert!(
            !page.text.contains("postMessage") && !page.text.contains("<script"),
            "{}",
            page.text
        );
        assert!(
            ["", "'none'"].contains(&directive(&page, "script-src")),
            "{:?}",
            page.headers
        );
    }
    let mut agent = Agent::new().unwrap();
    let page = agent
        .get(&scene.app.request(&[("response_mode", Some("web_message"))]))
        .await
        .unwrap();
    super::redirecting::is_refused(&scene, &page, "invalid_request");
}

/// Who has typed a password is never redirected in a way that has the browser send it again.
pub(super) async fn no_redirect_repeats_a_form() {
    let scene = Scene::new().await;
    let mut agent = Agent::new().unwrap();
    let start = agent.open(&scene.app.request(&[])).await.unwrap();
    let start = agent
        .open(&super::scene::link(&start, "/login/maple-grove/password"))
        .await
        .unwrap_or(start);
    let answer = enter(&mut agent, &start, IDA, IDAS_PASSWORD).await;
    let mut redirects = vec![answer];
    let mut other = Agent::new().unwrap();
    redirects.push(other.get(&scene.app.request(&[])).await.unwrap());
    redirects.push(other.get(&scene.login("/google")).await.unwrap());
    let (mut signed_in, _) = scene.signed_in().await;
    redirects.push(signed_in.get(&scene.app.request(&[])).await.unwrap());
    let form = [
        ("client_id", scene.app.client.id.as_str()),
        ("redirect_uri", &scene.app.redirect_uri),
    ];
    redirects.push(
        signed_in
            .post(&scene.url("/oidc/authorize"), &form)
            .await
            .unwrap(),
    );
    let statuses: Vec<u16> = redirects.iter().map(|page| page.status.as_u16()).collect();
    assert!(
        statuses.iter().filter(|status| **status == 303).count() >= 4,
        "{statuses:?}"
    );
    for status in statuses {
        assert!(
            ![301, 307, 308].contains(&status),
            "a browser would repeat the form: {status}"
        );
    }
}

/// Pages for people are not for scripts of other sites.
pub(super) async fn no_cross_origin_access_to_pages() {
    let scene = Scene::new().await;
    let mut agent = Agent::new().unwrap();
    for path in [
        "/oidc/authorize",
        "/oidc/logout",
        "/login/maple-grove",
        "/login/maple-grove/password",
    ] {
        for method in [Method::GET, Method::OPTIONS] {
            let url = scene.url(path);
            let page = agent
                .send(method, &url, |r| r.header("origin", "https://evil.example"))
                .await
                .unwrap();
            assert_eq!(page.header("access-control-allow-origin"), "", "{path}");
            assert_eq!(
                page.header("access-control-allow-credentials"),
                "",
                "{path}"
            );
        }
    }
}

/// Forms of other sites are not taken, with or without a cookie.
pub(super) async fn forms_of_other_sites_are_refused() {
    let scene = Scene::new().await;
    let mut agent = Agent::new().unwrap();
    let page = agent.get(&scene.login("/password")).await.unwrap();
    let mut form = driver::fields(&page.text);
    for (name, value) in &mut form {
        match name.as_str() {
            "name" => IDA.clone_into(value),
            "password" => IDAS_PASSWORD.clone_into(value),
            _ => {}
        }
    }
    let action: String = page.action().unwrap().into();
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1"] {
        let sent = agent.send(Method::POST, &action, |r| {
            r.form(&form)
                .header("origin", origin)
                .header("sec-fetch-site", "cross-site")
        });
        let sent = sent.await.unwrap();
        assert!(
            sent.status.is_client_error(),
            "{origin}: {} {}",
            sent.status,
            sent.text
        );
        assert!(
            agent
                .cookies(&action)
                .keys()
                .all(|name| !name.contains("session")),
            "{origin} signed somebody in"
        );
    }
}
