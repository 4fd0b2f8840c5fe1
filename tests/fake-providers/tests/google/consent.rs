use fake_providers::google::{Client, Config, Outcome};

use crate::support::{REDIRECT, SCOPE, World, parameters_of};

#[tokio::test]
async fn the_consent_page_offers_accounts_scopes_and_outcomes() {
    let world = World::of(100).await;
    let page = world
        .http
        .get(world.authorize_url("openid email", &[]))
        .send()
        .await
        .unwrap();
    assert_eq!(page.status(), 200);
    let html = page.text().await.unwrap();
    assert!(html.contains(&world.fake.accounts().super_admin));
    assert!(html.contains("value=\"https://www.googleapis.com/auth/userinfo.email\""));
    assert!(html.contains("value=\"error:admin_policy_enforced\""));
}

#[tokio::test]
async fn allowing_leads_back_with_state_and_code() {
    let world = World::of(100).await;
    let admin = world.fake.accounts().super_admin;
    let url = world.authorize_url("openid email", &[]);
    let query = url.split_once('?').unwrap().1;
    let email = format!("{SCOPE}userinfo.email");
    let form = [
        ("request", query),
        ("account", &admin),
        ("scope", &email),
        ("outcome", "allow"),
    ];
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish();
    let request = world
        .http
        .post(world.url("/o/oauth2/v2/auth/consent"))
        .body(body);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 302);
    let location = response.headers()["location"].to_str().unwrap();
    assert!(location.starts_with(&format!("{REDIRECT}?")), "{location}");
    assert!(location.contains("code=4%2F0A"), "{location}");
    let parameters = parameters_of(location);
    assert_eq!(parameters["state"], "s t&te");
    assert_eq!(parameters["hd"], "maplegrove.example");
    assert!(parameters["scope"].contains("userinfo.email"));
}

#[tokio::test]
async fn cancelling_leads_back_with_access_denied() {
    let world = World::of(10).await;
    let back = world
        .fake
        .consent(&world.authorize_url("openid", &[]), &Outcome::Deny)
        .unwrap();
    let parameters = parameters_of(&back);
    assert_eq!(parameters["error"], "access_denied");
    assert_eq!(parameters["state"], "s t&te");
}

#[tokio::test]
async fn what_google_refuses_is_a_page_and_no_redirect() {
    let world = World::of(10).await;
    let long = "x".repeat(129);
    let cases: [(&[(&str, &str)], u16, &str); 12] = [
        (
            &[("client_id", "nobody.apps.googleusercontent.com")],
            401,
            "invalid_client",
        ),
        (&[("client_id", "")], 400, "invalid_request"),
        (
            &[(
                "redirect_uri",
                "http://127.0.0.1:3000/oauth/google/callback/",
            )],
            400,
            "redirect_uri_mismatch",
        ),
        (
            &[(
                "redirect_uri",
                "HTTP://127.0.0.1:3000/oauth/google/callback",
            )],
            400,
            "redirect_uri_mismatch",
        ),
        (
            &[("scope", "openid https://www.googleapis.com/auth/nope")],
            400,
            "invalid_scope",
        ),
        (&[("scope", "")], 400, "invalid_request"),
        (&[("response_type", "token")], 400, "invalid_request"),
        (&[("access_type", "forever")], 400, "invalid_request"),
        (&[("prompt", "none consent")], 400, "invalid_request"),
        (&[("code_challenge_method", "S512")], 400, "invalid_request"),
        (&[("code_challenge", "too-short")], 400, "invalid_request"),
        (&[("code_challenge", &long)], 400, "invalid_request"),
    ];
    for (changes, status, code) in cases {
        let url = world.authorize_url("openid", changes);
        let response = world.http.get(&url).send().await.unwrap();
        assert_eq!(response.status(), status, "{changes:?}");
        assert!(response.headers().get("location").is_none());
        let html = response.text().await.unwrap();
        assert!(
            html.contains(&format!("<code id=\"error\">{code}</code>")),
            "{changes:?} {html}"
        );
        let page = world
            .fake
            .consent(&url, &Outcome::allow("x@y"))
            .unwrap_err();
        assert_eq!((page.status, page.code.as_str()), (status, code));
    }
}

#[tokio::test]
async fn a_parameter_given_twice_is_refused() {
    let world = World::of(10).await;
    let url = format!("{}&state=other", world.authorize_url("openid", &[]));
    let response = world.http.get(url).send().await.unwrap();
    assert_eq!(response.status(), 400);
}

#[tokio::test]
async fn every_error_page_can_be_met_on_demand() {
    let world = World::of(10).await;
    let url = world.authorize_url("openid", &[]);
    for (code, status) in [
        ("admin_policy_enforced", 400),
        ("org_internal", 403),
        ("deleted_client", 401),
    ] {
        let page = world
            .fake
            .consent(
                &url,
                &Outcome::Error {
                    code: code.to_owned(),
                },
            )
            .unwrap_err();
        assert_eq!((page.status, page.code.as_str()), (status, code));
    }
}

#[tokio::test]
async fn internal_and_testing_clients_refuse_strangers_on_a_page() {
    let mut config = Config::with_redirect(REDIRECT);
    config.clients[0].internal_to = Some("maplegrove.example".to_owned());
    let world = World::with(50, config).await;
    let url = world.authorize_url("openid", &[]);
    let personal = world.fake.accounts().personal.unwrap();
    let page = world
        .fake
        .consent(&url, &Outcome::allow(&personal))
        .unwrap_err();
    assert_eq!(page.code, "org_internal");

    let mut config = Config::with_redirect(REDIRECT);
    config.clients[0].test_users = Some(Vec::new());
    let world = World::with(50, config).await;
    let admin = world.fake.accounts().super_admin;
    let page = world
        .fake
        .consent(&world.authorize_url("openid", &[]), &Outcome::allow(&admin))
        .unwrap_err();
    assert_eq!((page.status, page.code.as_str()), (403, "access_denied"));
}

#[tokio::test]
async fn a_suspended_person_cannot_sign_in() {
    let world = World::of(2_000).await;
    let suspended = world.fake.accounts().suspended.unwrap();
    let page = world.fake.consent(
        &world.authorize_url("openid", &[]),
        &Outcome::allow(&suspended),
    );
    assert_eq!(page.unwrap_err().status, 403);
}

#[tokio::test]
async fn prompt_none_never_shows_a_page() {
    let world = World::of(50).await;
    let admin = world.fake.accounts().super_admin;
    let location = async |changes: &[(&str, &str)]| {
        let url = world.authorize_url("openid", changes);
        let response = world.http.get(url).send().await.unwrap();
        parameters_of(response.headers()["location"].to_str().unwrap())
    };
    assert_eq!(
        location(&[("prompt", "none")]).await["error"],
        "login_required"
    );
    let hinted = [("prompt", "none"), ("login_hint", admin.as_str())];
    assert_eq!(location(&hinted).await["error"], "consent_required");
    world.code(&admin, "openid", &[]);
    assert!(location(&hinted).await["code"].starts_with("4/0A"));
}

#[tokio::test]
async fn deleted_clients_are_named_as_such() {
    let clients = vec![Client {
        deleted: true,
        ..Client::new("gone.apps.googleusercontent.com", "s", REDIRECT)
    }];
    let config = Config {
        clients,
        ..Config::default()
    };
    let world = World::with(10, config).await;
    let url = world.authorize_url(
        "openid",
        &[("client_id", "gone.apps.googleusercontent.com")],
    );
    let page = world.fake.consent(&url, &Outcome::Deny).unwrap_err();
    assert_eq!((page.status, page.code.as_str()), (401, "deleted_client"));
}
