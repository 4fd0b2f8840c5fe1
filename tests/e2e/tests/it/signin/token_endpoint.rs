//! The token endpoint: who may ask, and for what.

use super::scene::Scene;
use driver::{Agent, Page, Relying, oauth_error};
use reqwest::{Method, RequestBuilder};

fn is_no_client(page: &Page, what: &str) {
    assert!(
        [400, 401].contains(&page.status.as_u16()),
        "{what}: {} {}",
        page.status,
        page.text
    );
    assert!(
        ["invalid_client", "invalid_request"].contains(&oauth_error(page).as_str()),
        "{what}: {}",
        page.text
    );
}

async fn ask(
    scene: &Scene,
    path: &str,
    with: impl FnOnce(RequestBuilder) -> RequestBuilder,
) -> Page {
    Agent::new()
        .unwrap()
        .send(Method::POST, &scene.url(path), with)
        .await
        .unwrap()
}

/// An application with a secret proves that it has it, in the way that is registered.
pub(super) async fn applications_prove_who_they_are() {
    let scene = Scene::new().await;
    let (mut agent, _) = scene.signed_in().await;
    let (id, secret) = (scene.app.client.id.clone(), scene.app.client.secret.clone());
    assert!(secret.len() >= 32, "the secret is too short");
    for path in ["/oidc/token", "/oidc/revoke"] {
        let code = scene.app.code(&mut agent).await.unwrap();
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("token", &code),
            ("redirect_uri", &scene.app.redirect_uri),
            ("code_verifier", driver::VERIFIER),
        ];
        let in_form = |extra: &[(&str, &str)]| {
            let mut all: Vec<(String, String)> = Vec::new();
            all.extend(
                form.iter()
                    .chain(extra)
                    .map(|(n, v)| ((*n).to_owned(), (*v).to_owned())),
            );
            all
        };
        is_no_client(&ask(&scene, path, |r| r.form(&form)).await, "nobody");
        for wrong in [
            "",
            "wrong",
            &secret.to_uppercase(),
            &format!("{secret}x"),
            &secret[1..],
        ] {
            let page = ask(&scene, path, |r| r.form(&form).basic_auth(&id, Some(wrong))).await;
            is_no_client(&page, wrong);
        }
        is_no_client(
            &ask(&scene, path, |r| r.form(&in_form(&[("client_id", &id)]))).await,
            "only an id",
        );
        let post = in_form(&[("client_id", &id), ("client_secret", &secret)]);
        is_no_client(&ask(&scene, path, |r| r.form(&post)).await, "in the form");
        let both = ask(&scene, path, |r| {
            r.form(&post).basic_auth(&id, Some(&secret))
        })
        .await;
        is_no_client(&both, "twice");
        let other = scene.another_app("client_secret_basic").await;
        let theirs = ask(&scene, path, |r| {
            r.form(&form).basic_auth(&id, Some(&other.client.secret))
        })
        .await;
        is_no_client(&theirs, "another's secret");
        // After all that, whoever has the secret still gets in: the code was not used up.
        let page = ask(&scene, path, |r| {
            r.form(&form).basic_auth(&id, Some(&secret))
        })
        .await;
        assert_eq!(page.status.as_u16(), 200, "{path}: {}", page.text);
    }
    // An application without a secret cannot be impersonated into having one.
    let public = scene.another_app("none").await;
    let code = public.code(&mut agent).await.unwrap();
    let pretends = Relying {
        method: "client_secret_basic",
        ..public.clone()
    };
    is_no_client(
        &pretends.redeem_with(&code, &[]).await.unwrap(),
        "a secret that there is not",
    );
}

/// Passwords are for our own page; and no application acts for itself.
pub(super) async fn only_codes_and_refresh_tokens_are_exchanged() {
    let scene = Scene::new().await;
    for grant in [
        "password",
        "client_credentials",
        "implicit",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:token-exchange",
    ] {
        let form = [
            ("grant_type", grant),
            ("username", super::scene::IDA),
            ("password", super::scene::IDAS_PASSWORD),
            ("scope", "openid"),
        ];
        let page = scene.app.send("/oidc/token", &form).await.unwrap();
        assert_eq!(page.status.as_u16(), 400, "{grant}: {}", page.text);
        assert_eq!(
            oauth_error(&page),
            "unsupported_grant_type",
            "{grant}: {}",
            page.text
        );
    }
    let page = scene
        .app
        .send("/oidc/token", &[("code", "x")])
        .await
        .unwrap();
    assert_eq!(oauth_error(&page), "invalid_request", "{}", page.text);
}

/// What is secret is neither in an address nor kept by anything on the way.
pub(super) async fn answers_are_not_kept() {
    let scene = Scene::new().await;
    let (_, code) = scene.signed_in().await;
    let page = scene.app.redeem_with(&code, &[]).await.unwrap();
    assert_eq!(page.status.as_u16(), 200, "{}", page.text);
    assert!(
        page.header("cache-control").contains("no-store"),
        "{:?}",
        page.headers
    );
    assert!(
        page.header("content-type").starts_with("application/json"),
        "{:?}",
        page.headers
    );
    let refused = scene.app.redeem_with(&code, &[]).await.unwrap();
    assert!(
        refused.header("cache-control").contains("no-store"),
        "{:?}",
        refused.headers
    );
    // Parameters in the query are no parameters.
    let url = scene.url(&format!(
        "/oidc/token?grant_type=authorization_code&code={code}"
    ));
    let mut agent = Agent::new().unwrap();
    for method in [Method::GET, Method::PUT] {
        let page = agent
            .send(method.clone(), &url, |request| request)
            .await
            .unwrap();
        assert_eq!(page.status.as_u16(), 405, "{method}: {}", page.text);
    }
    let (id, secret) = (&scene.app.client.id, &scene.app.client.secret);
    let page = agent
        .send(Method::POST, &url, |r| r.basic_auth(id, Some(secret)))
        .await
        .unwrap();
    assert!(
        page.status.is_client_error(),
        "{} {}",
        page.status,
        page.text
    );
}

/// Applications are the operator's to register: nobody else registers one.
pub(super) async fn nobody_registers_an_application_but_the_operator() {
    let scene = Scene::new().await;
    let client =
        serde_json::json!({"name": "other", "redirect_uris": ["https://evil.example/back"]});
    let viewer = scene.world.viewer(&scene.district).await.unwrap();
    for who in [
        &scene.district.admin,
        &viewer,
        &scene.district.admin.with_token("nobody"),
    ] {
        let answer = who
            .send(Method::POST, "/api/v1/clients", Some(&client))
            .await
            .unwrap();
        assert!(
            [401, 403].contains(&answer.status.as_u16()),
            "{} {}",
            answer.status,
            answer.body
        );
        let answer = who
            .send(Method::GET, "/api/v1/clients", None)
            .await
            .unwrap();
        assert!(
            [401, 403].contains(&answer.status.as_u16()),
            "{} {}",
            answer.status,
            answer.body
        );
    }
    let page = ask(&scene, "/oidc/register", |request| request.json(&client)).await;
    assert!(
        [404, 405].contains(&page.status.as_u16()),
        "{} {}",
        page.status,
        page.text
    );
    let metadata = super::redirecting::metadata(&scene, "/.well-known/openid-configuration").await;
    assert!(
        metadata.get("registration_endpoint").is_none(),
        "{metadata}"
    );
}
