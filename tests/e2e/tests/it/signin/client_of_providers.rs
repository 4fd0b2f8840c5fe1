//! Rollcall as the client of Google, Clever and ClassLink: what comes back from them is believed
//! only if it was asked for, by this browser, and is signed.

use super::redirecting::is_refused;
use super::scene::Scene;
use driver::{Agent, Page, parameter};
use e2e::Setup;
use fake_providers::google::{IdTokenFault, Outsider};
use std::time::Duration;

/// Nobody was signed in, and the page says so without naming anybody.
async fn nobody_came_in(scene: &Scene, agent: &mut Agent, page: &Page, what: &str) {
    assert!(
        page.location().map_or(true, |to| !scene.app.is_back(&to)),
        "{what}: {:?}",
        page.headers
    );
    assert!(
        page.status.as_u16() != 500,
        "{what}: {} {}",
        page.status,
        page.text
    );
    assert!(
        !page.text.contains('@'),
        "{what} names somebody: {}",
        page.text
    );
    let silent = agent
        .get(&scene.app.request(&[("prompt", Some("none"))]))
        .await
        .unwrap();
    is_refused(scene, &silent, "login_required");
}

async fn opens(scene: &Scene, agent: &mut Agent, url: &str) -> Page {
    let page = agent.get(url).await.unwrap();
    agent
        .follow(page, |next| {
            scene.app.is_back(next) || !next.as_str().starts_with(&scene.url(""))
        })
        .await
        .unwrap()
}

/// The answer of a sign-in works once, in the browser that began it, for ten minutes.
pub(super) async fn answers_are_bound_to_the_browser_that_asked() {
    let scene = Scene::new().await;
    let begins = async || {
        let mut agent = Agent::new().unwrap();
        let authorize = scene.to_google(&mut agent, &scene.app.request(&[])).await;
        let back = scene.google_says(&authorize, &scene.student);
        (agent, back)
    };
    let (_, back) = begins().await;
    let mut nobody = Agent::new().unwrap();
    let page = opens(&scene, &mut nobody, &back).await;
    nobody_came_in(&scene, &mut nobody, &page, "no cookie").await;
    let (_, back) = begins().await;
    let (mut other, _) = begins().await;
    let page = opens(&scene, &mut other, &back).await;
    nobody_came_in(&scene, &mut other, &page, "another browser").await;
    for (from, to) in [
        ("state=", "state=x"),
        ("state=", "stat="),
        ("state=", "state=&x="),
        ("code=", "code=x"),
    ] {
        let (mut agent, back) = begins().await;
        let page = opens(&scene, &mut agent, &back.replacen(from, to, 1)).await;
        nobody_came_in(&scene, &mut agent, &page, to).await;
    }
    let (mut late, back) = begins().await;
    scene.world.advance(Duration::from_mins(11)).unwrap();
    let page = opens(&scene, &mut late, &back).await;
    nobody_came_in(&scene, &mut late, &page, "too late").await;
    let (mut agent, back) = begins().await;
    let page = opens(&scene, &mut agent, &back).await;
    scene.app.code_of(&page).unwrap();
    // Again, in a browser that has forgotten its session but not its cookie of the sign-in.
    let mut again = agent.clone();
    scene.forgets_session(&mut again);
    let page = opens(&scene, &mut again, &back).await;
    nobody_came_in(&scene, &mut again, &page, "again").await;
}

/// What we send along cannot be guessed, is new each time, and is a proof key by S256.
pub(super) async fn every_request_has_secrets_of_its_own() {
    let scene = Scene::new().await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let mut agent = Agent::new().unwrap();
        let authorize = scene.to_google(&mut agent, &scene.login("")).await;
        for name in ["state", "nonce", "code_challenge"] {
            let value = parameter(&authorize, name).unwrap_or_default();
            assert!(value.len() >= 32, "{name} is too short: {authorize}");
            assert!(seen.insert(value), "{name} is the same twice");
        }
        assert_eq!(
            parameter(&authorize, "code_challenge_method").as_deref(),
            Some("S256")
        );
        assert_eq!(
            parameter(&authorize, "response_type").as_deref(),
            Some("code")
        );
        let cookies = agent.cookies(&scene.url("/"));
        let state = parameter(&authorize, "state").unwrap();
        assert!(!cookies.is_empty(), "nothing binds the browser");
        assert!(
            cookies.values().all(|value| *value != state),
            "the state alone binds the browser"
        );
    }
}

/// Only what a sign-in needs is asked for.
pub(super) async fn only_needed_scopes_are_asked_for() {
    let scene = Scene::new().await;
    let mut agent = Agent::new().unwrap();
    let authorize = scene.to_google(&mut agent, &scene.login("")).await;
    let scope = parameter(&authorize, "scope").unwrap();
    let mut scopes: Vec<&str> = scope.split(' ').collect();
    scopes.sort_unstable();
    assert_eq!(scopes, ["email", "openid", "profile"]);
    // No refresh token: the sign-in is over when it is over.
    assert_ne!(
        parameter(&authorize, "access_type").as_deref(),
        Some("offline"),
        "{authorize}"
    );
}

/// An id token that is wrong in any way signs nobody in.
pub(super) async fn wrong_id_tokens_sign_nobody_in() {
    let scene = Scene::new().await;
    for fault in faults() {
        scene.world.google.set_id_token_fault(Some(fault.clone()));
        let mut agent = Agent::new().unwrap();
        let page = scene
            .by_google(&mut agent, &scene.app.request(&[]), &scene.student)
            .await;
        nobody_came_in(&scene, &mut agent, &page, &format!("{fault:?}")).await;
    }
    scene.world.google.set_id_token_fault(None);
    // A key that was rotated is found.
    scene.world.google.rotate_keys();
    let mut agent = Agent::new().unwrap();
    let page = scene
        .by_google(&mut agent, &scene.app.request(&[]), &scene.student)
        .await;
    scene.app.code_of(&page).unwrap();
}

fn faults() -> Vec<IdTokenFault> {
    vec![
        IdTokenFault::AlgorithmHs256,
        IdTokenFault::AlgorithmHs256Modulus,
        IdTokenFault::AlgorithmNone,
        IdTokenFault::BadSignature,
        IdTokenFault::EmailNotVerified,
        IdTokenFault::Expired,
        IdTokenFault::NoKeyId,
        IdTokenFault::UnknownKey,
        IdTokenFault::WrongAudience,
        IdTokenFault::WrongIssuer,
        IdTokenFault::WrongNonce,
    ]
}

/// An answer that names another issuer, or arrives at another provider's door, is not exchanged.
pub(super) async fn no_mix_up_of_providers() {
    let scene =
        Scene::with(Setup::of(30).with_clever(fake_providers::clever::Config::default())).await;
    scene.has_districts().await;
    let rows = [
        ("/callback/google", "/callback/clever", None),
        ("/callback/google", "/callback/classlink", None),
        (
            "/callback/google",
            "/callback/google",
            Some("https://clever.com"),
        ),
        (
            "/callback/google",
            "/callback/google",
            Some("https://evil.example"),
        ),
    ];
    for (own, other, issuer) in rows {
        let mut agent = Agent::new().unwrap();
        let authorize = scene.to_google(&mut agent, &scene.app.request(&[])).await;
        let mut back = scene
            .google_says(&authorize, &scene.student)
            .replacen(own, other, 1);
        if let Some(issuer) = issuer {
            back = format!("{back}&iss={issuer}");
        }
        let before = scene.world.google.journal().entries_under("/token").len();
        let page = opens(&scene, &mut agent, &back).await;
        nobody_came_in(&scene, &mut agent, &page, &back).await;
        let after = scene.world.google.journal().entries_under("/token").len();
        assert_eq!(after, before, "the code was sent somewhere: {back}");
    }
    // Each provider has an address of its own to come back to.
    let mut agent = Agent::new().unwrap();
    let google = scene.to_google(&mut agent, &scene.login("")).await;
    let clever = scene.world.clever().unwrap().base_url().to_owned();
    let clever = scene
        .to_provider(&mut agent, &scene.login(""), "clever", &clever)
        .await;
    let backs = [&google, &clever].map(|url| parameter(url, "redirect_uri").unwrap());
    assert_ne!(backs[0], backs[1]);
}

/// Who has signed in by one provider's answer stays who they are, whatever else arrives.
pub(super) async fn an_unasked_answer_never_changes_who_is_signed_in() {
    let scene = Scene::new().await;
    let (mut victim, _) = scene.signed_in().await;
    let mut attacker = Agent::new().unwrap();
    let authorize = scene
        .to_google(&mut attacker, &scene.app.request(&[]))
        .await;
    let planted = scene.google_says(&authorize, &scene.teacher);
    opens(&scene, &mut victim, &planted).await;
    let code = scene.app.code(&mut victim).await.unwrap();
    let tokens = scene.app.redeem(&code).await.unwrap();
    let userinfo = super::scene::json_of(&scene.app.userinfo(&tokens.access).await.unwrap());
    assert_eq!(userinfo["email"], scene.student.as_str());
}

/// Errors of a provider are told in our words; nothing of theirs is shown.
pub(super) async fn errors_of_providers_are_not_echoed() {
    let scene = Scene::new().await;
    let mut agent = Agent::new().unwrap();
    let authorize = scene.to_google(&mut agent, &scene.app.request(&[])).await;
    let state = parameter(&authorize, "state").unwrap();
    let evil = "<script>alert(1)</script>";
    let url = reqwest::Url::parse_with_params(
        &scene.url("/callback/google"),
        [
            ("error", "access_denied"),
            ("error_description", evil),
            ("error_uri", "https://evil.example"),
            ("state", &state),
        ],
    );
    let page = opens(&scene, &mut agent, url.unwrap().as_str()).await;
    assert!(
        !page.text.contains("<script>") && !page.text.contains("evil.example"),
        "{}",
        page.text
    );
    nobody_came_in(&scene, &mut agent, &page, "an error").await;
}

/// An address that is given to somebody else does not open the account of whom it belonged to: the
/// account knows its person by the provider's id.
pub(super) async fn known_by_subject() {
    let scene = Scene::new().await;
    let mut agent = Agent::new().unwrap();
    let page = scene
        .by_google(&mut agent, &scene.app.request(&[]), &scene.student)
        .await;
    scene.app.code_of(&page).unwrap();
    let address = scene.student.clone();
    let google = &scene.world.google;
    let renamed = fake_providers::google::Change::RenameUser {
        user: address.clone(),
        email: Some("gone.away@maplegrove.example".to_owned()),
        given_name: None,
        family_name: None,
    };
    google.change(&renamed).unwrap();
    let personal = Outsider::personal("117000000000000000098", &address);
    let recycled = Outsider {
        hosted_domain: Some("maplegrove.example".to_owned()),
        ..Outsider::personal("117000000000000000099", &address)
    };
    for impostor in [personal, recycled] {
        google.add_outsider(impostor.clone());
        let mut agent = Agent::new().unwrap();
        let page = scene
            .by_google(&mut agent, &scene.app.request(&[]), &impostor.sub)
            .await;
        nobody_came_in(&scene, &mut agent, &page, &impostor.sub).await;
    }
}
