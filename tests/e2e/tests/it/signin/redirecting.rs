//! Where a browser is sent, and where it is never sent.

use super::scene::{Scene, json_of};
use driver::{Agent, Page, parameter};
use reqwest::Method;
use serde_json::json;

/// A parameter that is set differently, or (`None`) left out.
type Change<'a> = (&'a str, Option<&'a str>);

/// Where an attacker would like people to be sent.
const EVIL: &str = "https://evil.example/callback";

/// An error is shown here, and leads nowhere.
fn is_shown_here(page: &Page, what: &str) {
    assert!(
        page.status.is_client_error(),
        "{what}: {} {}",
        page.status,
        page.text
    );
    assert_eq!(page.header("location"), "", "{what}");
    assert!(
        !page.text.contains("evil.example"),
        "{what} is echoed: {}",
        page.text
    );
}

/// Redirect addresses are compared byte for byte with those that are registered.
pub(super) async fn only_registered_addresses() {
    let scene = Scene::new().await;
    let own = scene.app.redirect_uri.clone();
    let near = [
        EVIL.to_owned(),
        format!("{own}/"),
        format!("{own}?next={EVIL}"),
        format!("{own}#fragment"),
        format!("{own}/../../evil"),
        format!("{own}%2f..%2fevil"),
        format!(" {own}"),
        own.replace("https://", "http://"),
        own.replace("https://", "HTTPS://"),
        own.replace(".example", ".EXAMPLE"),
        own.replace(".example/", ".example:443/"),
        own.replace(".example/", ".example.evil.example/"),
        own.replace(".example/", ".example@evil.example/"),
        own.replace("https://", "https://evil.example\\@"),
        own.replace("/callback", ""),
        own.replace("/callback", "/Callback"),
        own.replace("/callback", "//callback"),
        "javascript:alert(1)".to_owned(),
        "/callback".to_owned(),
        String::new(),
    ];
    // Somebody who is signed in already would be sent on at once.
    let (mut agent, _) = scene.signed_in().await;
    for uri in &near {
        let request = scene.app.request(&[("redirect_uri", Some(uri))]);
        is_shown_here(&agent.get(&request).await.unwrap(), uri);
    }
    let request = scene.app.request(&[("redirect_uri", None)]);
    is_shown_here(&agent.get(&request).await.unwrap(), "none");
    // Twice: the registered one cannot lend its good name to the other.
    for twice in [
        format!("{}&redirect_uri={EVIL}", scene.app.request(&[])),
        format!(
            "{}&redirect_uri={own}",
            scene.app.request(&[("redirect_uri", Some(EVIL))])
        ),
    ] {
        is_shown_here(&agent.get(&twice).await.unwrap(), &twice);
    }
    // Another application's is not this one's, and the right one still works.
    let other = scene.another_app("client_secret_basic").await;
    let request = scene
        .app
        .request(&[("redirect_uri", Some(&other.redirect_uri))]);
    is_shown_here(&agent.get(&request).await.unwrap(), "another application's");
    scene.app.code(&mut agent).await.unwrap();
}

/// Only addresses that can be compared and kept are registered.
pub(super) async fn addresses_that_can_not_be_trusted_are_not_registered() {
    let scene = Scene::new().await;
    for uri in [
        "http://app.example/callback",
        "https://app.example/callback#fragment",
        "https://*.example/callback",
        "https://user@app.example/callback",
        "javascript:alert(1)",
        "/callback",
        "",
    ] {
        let client = json!({"name": "other", "redirect_uris": [uri]});
        let operator = &scene.world.operator;
        let answer = operator
            .send(Method::POST, "/api/v1/clients", Some(&client))
            .await
            .unwrap();
        assert_eq!(answer.status.as_u16(), 422, "{uri}: {}", answer.body);
    }
}

/// Nothing in a request's parameters sends a browser elsewhere.
pub(super) async fn no_open_redirector() {
    let scene = Scene::new().await;
    let parameters = [
        "next",
        "url",
        "to",
        "target",
        "return_to",
        "redirect",
        "redirect_uri",
        "redirect_url",
        "continue",
        "target_link_uri",
        "post_logout_redirect_uri",
        "request",
        "state",
        "iss",
        "login_hint",
        "RelayState",
    ];
    let query: Vec<String> = parameters
        .iter()
        .map(|name| format!("{name}={EVIL}"))
        .collect();
    let query = query.join("&");
    let (signed_in, _) = scene.signed_in().await;
    for mut agent in [Agent::new().unwrap(), signed_in] {
        for path in [
            "/login/maple-grove",
            "/login/maple-grove/password",
            "/login/maple-grove/google",
            "/callback/google",
            "/callback/clever",
            "/callback/classlink",
            "/oidc/logout",
            "/oidc/authorize",
            "/login",
        ] {
            let page = agent
                .get(&scene.url(&format!("{path}?{query}")))
                .await
                .unwrap();
            let host = page
                .location()
                .ok()
                .and_then(|to| to.host_str().map(str::to_owned));
            assert_ne!(host.as_deref(), Some("evil.example"), "{path}");
            assert!(
                !page.text.contains(&format!("href=\"{EVIL}")),
                "{path}: {}",
                page.text
            );
            assert!(
                !page.text.contains(&format!("url={EVIL}")),
                "{path}: {}",
                page.text
            );
        }
    }
}

/// Signing out leads to registered addresses alone.
pub(super) async fn signing_out_leads_to_registered_addresses_alone() {
    let scene = Scene::new().await;
    let registered = "https://app.example/goodbye";
    let more = json!({"tenants": ["maple-grove"], "post_logout_redirect_uris": [registered]});
    let app = driver::Relying::register(&scene.world.operator, "app", "none", &more)
        .await
        .unwrap();
    let end = |back: &str| {
        let id = &app.client.id;
        scene.url(&format!(
            "/oidc/logout?client_id={id}&state=s1&post_logout_redirect_uri={back}"
        ))
    };
    // Nobody is signed in, so there is nothing to confirm.
    let mut agent = Agent::new().unwrap();
    for back in [
        EVIL,
        "https://app.example/goodbye/",
        "https://app.example/goodbye?a=b",
        &app.redirect_uri,
    ] {
        let page = agent.get(&end(back)).await.unwrap();
        assert_eq!(page.header("location"), "", "{back}");
        assert!(!page.text.contains("evil.example"), "{}", page.text);
    }
    let page = agent.get(&end(registered)).await.unwrap();
    let to = page.location().unwrap();
    assert!(to.as_str().starts_with(registered), "{to}");
    assert_eq!(parameter(&to, "state").as_deref(), Some("s1"));
}

/// Errors go back to the application only once it is known to be one, and say who they are from.
pub(super) async fn errors_go_back_to_known_applications_alone() {
    let scene = Scene::new().await;
    let mut agent = Agent::new().unwrap();
    for id in ["", "cli-unknown", EVIL, "../clients"] {
        let request = scene
            .app
            .request(&[("client_id", Some(id)), ("response_type", Some("token"))]);
        is_shown_here(&agent.get(&request).await.unwrap(), id);
    }
    let evil = [
        ("redirect_uri", Some(EVIL)),
        ("scope", None),
        ("prompt", Some("none")),
    ];
    is_shown_here(
        &agent.get(&scene.app.request(&evil)).await.unwrap(),
        "prompt none",
    );
    let rows: [(&[Change<'_>], &str); 5] = [
        (&[("scope", Some("profile"))], "invalid_scope"),
        (&[("prompt", Some("none"))], "login_required"),
        (&[("prompt", Some("none login"))], "invalid_request"),
        (&[("request", Some("a.b.c"))], "request_not_supported"),
        (&[("request_uri", Some(EVIL))], "request_uri_not_supported"),
    ];
    for (changes, error) in rows {
        let page = agent.get(&scene.app.request(changes)).await.unwrap();
        is_refused(&scene, &page, error);
    }
}

/// An application is told an error at its own address, with its state and our name.
pub(super) fn is_refused(scene: &Scene, page: &Page, error: &str) {
    let back = page.location().unwrap();
    assert!(scene.app.is_back(&back), "{back}");
    assert_eq!(parameter(&back, "error").as_deref(), Some(error), "{back}");
    assert_eq!(
        parameter(&back, "state").as_deref(),
        Some(driver::STATE),
        "{back}"
    );
    assert_eq!(
        parameter(&back, "iss").as_ref(),
        Some(&scene.app.issuer),
        "{back}"
    );
    for never in ["code", "access_token", "id_token"] {
        assert_eq!(parameter(&back, never), None, "{back}");
    }
}

/// There is the code flow and no other, answered in the query and in no other way.
pub(super) async fn only_the_code_flow() {
    let scene = Scene::new().await;
    let (mut agent, _) = scene.signed_in().await;
    for kind in [
        "token",
        "id_token",
        "code token",
        "code id_token",
        "id_token token",
        "none",
        "CODE",
    ] {
        let page = agent
            .get(&scene.app.request(&[("response_type", Some(kind))]))
            .await
            .unwrap();
        is_refused(&scene, &page, "unsupported_response_type");
    }
    for mode in ["fragment", "form_post", "web_message", "query.jwt", "jwt"] {
        let page = agent
            .get(&scene.app.request(&[("response_mode", Some(mode))]))
            .await
            .unwrap();
        is_refused(&scene, &page, "invalid_request");
    }
    let page = agent
        .get(&scene.app.request(&[("response_type", None)]))
        .await
        .unwrap();
    is_refused(&scene, &page, "invalid_request");
    let page = agent
        .get(&scene.app.request(&[("response_mode", Some("query"))]))
        .await
        .unwrap();
    scene.app.code_of(&page).unwrap();
    let metadata = metadata(&scene, "/.well-known/openid-configuration").await;
    assert_eq!(metadata["response_types_supported"], json!(["code"]));
    assert_eq!(metadata["response_modes_supported"], json!(["query"]));
}

/// Every answer says who gives it, and the metadata says that it does (RFC 9207).
pub(super) async fn every_answer_says_who_gives_it() {
    let scene = Scene::new().await;
    let (mut agent, _) = scene.signed_in().await;
    // `code` itself checks that iss is there and right.
    scene.app.code(&mut agent).await.unwrap();
    let page = agent
        .get(&scene.app.request(&[("scope", Some("email"))]))
        .await
        .unwrap();
    is_refused(&scene, &page, "invalid_scope");
    let metadata = metadata(&scene, "/.well-known/oauth-authorization-server").await;
    let named = &metadata["authorization_response_iss_parameter_supported"];
    assert_eq!(named, &json!(true), "{metadata}");
}

/// The metadata is published, names us exactly, and promises what is kept.
pub(super) async fn metadata_is_published_and_true() {
    let scene = Scene::new().await;
    for path in [
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
    ] {
        let metadata = metadata(&scene, path).await;
        let issuer = scene.app.issuer.as_str();
        assert_eq!(metadata["issuer"], issuer);
        assert_eq!(
            metadata["code_challenge_methods_supported"],
            json!(["S256"])
        );
        assert_eq!(metadata["response_types_supported"], json!(["code"]));
        let grants = metadata["grant_types_supported"].to_string();
        for never in ["implicit", "password", "client_credentials"] {
            assert!(!grants.contains(never), "{grants}");
        }
        for endpoint in [
            "authorization_endpoint",
            "token_endpoint",
            "userinfo_endpoint",
            "jwks_uri",
            "revocation_endpoint",
        ] {
            let address = metadata[endpoint].as_str().unwrap_or_default();
            assert!(address.starts_with(issuer), "{endpoint}: {address}");
        }
        let algorithms = metadata["id_token_signing_alg_values_supported"].to_string();
        assert!(
            !algorithms.contains("none") && !algorithms.contains("HS"),
            "{algorithms}"
        );
    }
}

pub(super) async fn metadata(scene: &Scene, path: &str) -> serde_json::Value {
    let page = Agent::new().unwrap().get(&scene.url(path)).await.unwrap();
    assert_eq!(page.status.as_u16(), 200, "{path}: {}", page.text);
    json_of(&page)
}

/// Who is not to be bothered isn't, and who has to prove themselves anew has to.
pub(super) async fn prompt_and_max_age_are_kept() {
    let scene = Scene::new().await;
    let (mut agent, _) = scene.signed_in().await;
    let silent = scene.app.request(&[("prompt", Some("none"))]);
    scene
        .app
        .code_of(&agent.get(&silent).await.unwrap())
        .unwrap();
    for change in [
        ("prompt", Some("login")),
        ("prompt", Some("select_account")),
    ] {
        let page = agent.get(&scene.app.request(&[change])).await.unwrap();
        let to = page.location().unwrap();
        assert!(to.path().starts_with("/login/maple-grove"), "{to}");
    }
    let minutes = std::time::Duration::from_mins(10);
    scene.world.advance(minutes).unwrap();
    let young = scene
        .app
        .request(&[("max_age", Some("300")), ("prompt", Some("none"))]);
    is_refused(&scene, &agent.get(&young).await.unwrap(), "login_required");
    let old = scene
        .app
        .request(&[("max_age", Some("900")), ("prompt", Some("none"))]);
    scene.app.code_of(&agent.get(&old).await.unwrap()).unwrap();
}
