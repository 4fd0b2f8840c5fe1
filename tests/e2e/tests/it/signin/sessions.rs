//! Sessions of browsers, and their end.

use super::redirecting::is_refused;
use super::scene::Scene;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use driver::{Agent, Page, Relying, Tokens, forged, jwt_part};
use reqwest::Method;
use serde_json::json;
use std::time::Duration;

/// The browser's session: the name of its cookie and its value.
fn session(scene: &Scene, agent: &Agent) -> (String, String) {
    let cookies = agent.cookies(&scene.url("/")).into_iter();
    let mut sessions = cookies.filter(|(name, _)| name.ends_with("rollcall-session"));
    let session = sessions.next().expect("nobody is signed in");
    assert_eq!(sessions.next(), None);
    session
}

async fn silently(scene: &Scene, agent: &mut Agent) -> Page {
    agent
        .get(&scene.app.request(&[("prompt", Some("none"))]))
        .await
        .unwrap()
}

/// Whatever cookie somebody was given before, signing in gives another; and the old one is worth
/// nothing.
pub(super) async fn a_session_is_never_one_from_before() {
    let scene = Scene::new().await;
    let (attacker, _) = scene.signed_in().await;
    let (name, planted) = session(&scene, &attacker);
    for value in [planted.as_str(), "rc-session_1-1_planted", "x"] {
        let mut victim = Agent::new().unwrap();
        victim.set_cookie(&scene.url("/"), &name, value).unwrap();
        let request = scene.app.request(&[("prompt", Some("login"))]);
        let page = scene.by_google(&mut victim, &request, &scene.teacher).await;
        scene.app.code_of(&page).unwrap();
        assert_ne!(session(&scene, &victim).1, value);
    }
    // Signing in again is another session too.
    let (mut agent, _) = scene.signed_in().await;
    let before = session(&scene, &agent);
    let request = scene.app.request(&[("prompt", Some("login"))]);
    scene.by_google(&mut agent, &request, &scene.student).await;
    assert_ne!(session(&scene, &agent), before);
}

/// A cookie that was changed is no cookie.
pub(super) async fn tampered_cookies_are_nothing() {
    let scene = Scene::new().await;
    let (agent, _) = scene.signed_in().await;
    let (name, value) = session(&scene, &agent);
    let (place, secret) = value.rsplit_once('_').unwrap();
    let mut flipped: Vec<char> = secret.chars().collect();
    flipped[0] = if flipped[0] == 'a' { 'b' } else { 'a' };
    let flipped: String = flipped.into_iter().collect();
    let zeros = "a".repeat(secret.len());
    for forged in [
        format!("{place}_{flipped}"),
        format!("{place}_{zeros}"),
        format!("{place}_"),
        place.to_owned(),
        value.to_uppercase(),
        value.replacen("session", "access", 1),
        format!("{value}{value}"),
        format!("{value}%00"),
        "x".repeat(5_000),
    ] {
        let mut forger = Agent::new().unwrap();
        forger.set_cookie(&scene.url("/"), &name, &forged).unwrap();
        is_refused(
            &scene,
            &silently(&scene, &mut forger).await,
            "login_required",
        );
    }
    let mut same = agent.clone();
    scene
        .app
        .code_of(&silently(&scene, &mut same).await)
        .unwrap();
}

/// The cookie is for us alone and for no script, and ends with the school day.
pub(super) async fn cookies_are_kept_from_scripts_and_other_sites() {
    let scene = Scene::new().await;
    let mut agent = Agent::new().unwrap();
    let authorize = scene.to_google(&mut agent, &scene.app.request(&[])).await;
    let back = scene.google_says(&authorize, &scene.student);
    let page = agent.get(&back).await.unwrap();
    let set: Vec<String> = page
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|c| c.to_str().unwrap().to_ascii_lowercase())
        .collect();
    assert!(
        set.iter()
            .any(|cookie| cookie.starts_with("rollcall-session=")),
        "{set:?}"
    );
    for cookie in &set {
        for attribute in ["httponly", "samesite=lax", "path=/", "max-age="] {
            assert!(cookie.contains(attribute), "{cookie}");
        }
        assert!(!cookie.contains("domain="), "{cookie}");
    }
    scene.world.advance(Duration::from_hours(13)).unwrap();
    is_refused(
        &scene,
        &silently(&scene, &mut agent).await,
        "login_required",
    );
}

/// Over https cookies are never sent without it, and no other host can set them.
pub(super) async fn cookies_are_of_this_host_and_secure() {
    let setup = e2e::Setup::of(30).variable("public_url", Some("https://rollcall.example"));
    let scene = Scene::with(setup).await;
    let mut agent = Agent::new().unwrap();
    let page = agent.get(&scene.login("/google")).await.unwrap();
    let set: Vec<&str> = page
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|c| c.to_str().unwrap())
        .collect();
    assert!(!set.is_empty(), "{} {:?}", page.status, page.headers);
    for cookie in set {
        assert!(
            cookie.starts_with("__Host-") && cookie.contains("; Secure"),
            "{cookie}"
        );
    }
}

/// Nobody is signed out by a link or by a form of another site; they say so themselves.
pub(super) async fn nobody_is_signed_out_by_others() {
    let scene = Scene::new().await;
    let (mut agent, code) = scene.signed_in().await;
    let tokens = scene.app.redeem(&code).await.unwrap();
    let id = scene.app.client.id.clone();
    for url in [
        scene.url("/oidc/logout"),
        scene.url(&format!("/oidc/logout?client_id={id}")),
        scene.url("/oidc/logout?confirm=yes"),
        scene.url("/oidc/logout?confirm=1&id_token_hint=x"),
    ] {
        let page = agent.get(&url).await.unwrap();
        assert!(!page.status.is_server_error(), "{url}: {}", page.text);
        scene
            .app
            .code_of(&silently(&scene, &mut agent).await)
            .unwrap();
    }
    let form = [("confirm", "yes"), ("client_id", id.as_str())];
    let evil = |request: reqwest::RequestBuilder| {
        request.form(&form).header("origin", "https://evil.example")
    };
    let page = agent
        .send(Method::POST, &scene.url("/oidc/logout"), evil)
        .await
        .unwrap();
    assert!(!page.status.is_server_error(), "{}", page.text);
    scene
        .app
        .code_of(&silently(&scene, &mut agent).await)
        .unwrap();
    assert_eq!(
        scene
            .app
            .userinfo(&tokens.access)
            .await
            .unwrap()
            .status
            .as_u16(),
        200
    );
}

/// An application that shows an id token has its person signed out, so the token has to be ours and
/// about the person whose browser it is.
pub(super) async fn forged_hints_sign_nobody_out() {
    let scene = Scene::new().await;
    let (mut agent, code) = scene.signed_in().await;
    let own = scene.app.redeem(&code).await.unwrap().id;
    let mut other = Agent::new().unwrap();
    let page = scene
        .by_google(&mut other, &scene.app.request(&[]), &scene.teacher)
        .await;
    let code = scene.app.code_of(&page).unwrap();
    let of_another = scene.app.redeem(&code).await.unwrap().id;
    let claims = jwt_part(&own, 1).unwrap();
    let keys = super::redirecting::metadata(&scene, "/oidc/jwks").await;
    let key = &keys["keys"][0];
    let modulus = URL_SAFE_NO_PAD.decode(key["n"].as_str().unwrap()).unwrap();
    let text = key.to_string();
    let says =
        |algorithm, secret| forged(&claims, (algorithm, "JWT", &key["kid"]), secret).unwrap();
    for hint in [
        says("none", None),
        says("HS256", Some(modulus.as_slice())),
        says("HS256", Some(text.as_bytes())),
        says("RS256", Some(modulus.as_slice())),
        format!("{own}x"),
        of_another,
        "x".to_owned(),
    ] {
        let url = scene.url(&format!("/oidc/logout?id_token_hint={hint}"));
        let page = agent.get(&url).await.unwrap();
        assert!(!page.status.is_server_error(), "{hint}: {}", page.text);
        scene
            .app
            .code_of(&silently(&scene, &mut agent).await)
            .unwrap();
    }
    let elsewhere = scene.another_app("none").await.client.id;
    let url = format!("/oidc/logout?client_id={elsewhere}&id_token_hint={own}");
    agent.get(&scene.url(&url)).await.unwrap();
    scene
        .app
        .code_of(&silently(&scene, &mut agent).await)
        .unwrap();
    // The right one does it without a question.
    let url = format!("/oidc/logout?id_token_hint={own}");
    agent.get(&scene.url(&url)).await.unwrap();
    is_refused(
        &scene,
        &silently(&scene, &mut agent).await,
        "login_required",
    );
}

/// Who signs out is signed out, here and wherever the session led.
pub(super) async fn signing_out_ends_everything_of_the_session() {
    let scene = Scene::new().await;
    let (mut agent, _) = scene.signed_in().await;
    // Without `offline_access`, which is there to outlive a session.
    let request = scene.app.request(&[("scope", Some("openid"))]);
    let code = scene
        .app
        .code_of(&agent.get(&request).await.unwrap())
        .unwrap();
    let tokens = scene.app.redeem(&code).await.unwrap();
    let waiting = scene
        .app
        .code_of(&agent.get(&request).await.unwrap())
        .unwrap();
    let copied = agent.clone();
    signs_out(&scene, &mut agent).await;
    is_refused(
        &scene,
        &silently(&scene, &mut agent).await,
        "login_required",
    );
    // A copy of the cookie is worth nothing either.
    is_refused(
        &scene,
        &silently(&scene, &mut copied.clone()).await,
        "login_required",
    );
    assert_eq!(
        scene
            .app
            .userinfo(&tokens.access)
            .await
            .unwrap()
            .status
            .as_u16(),
        401
    );
    assert_eq!(
        scene
            .app
            .redeem_with(&waiting, &[])
            .await
            .unwrap()
            .status
            .as_u16(),
        400
    );
}

/// Signs out as a person does: the page asks, the button says yes.
pub(super) async fn signs_out(scene: &Scene, agent: &mut Agent) -> Page {
    let url = scene.url(&format!("/oidc/logout?client_id={}", scene.app.client.id));
    let asked = agent.get(&url).await.unwrap();
    super::passwords::fill(agent, &asked, &[]).await
}

/// Suspended, deleted, switched off, signed out by an administrator: at the next question of an
/// application it is over.
pub(super) async fn a_session_is_worth_as_much_as_its_account() {
    let scene = Scene::new().await;
    let (mut agent, code) = scene.signed_in().await;
    let tokens = scene.app.redeem(&code).await.unwrap();
    let waiting = scene.app.code(&mut agent).await.unwrap();
    scene
        .edit(&scene.student.clone(), &json!({"status": "suspended"}))
        .await;
    is_refused(
        &scene,
        &silently(&scene, &mut agent).await,
        "login_required",
    );
    assert_eq!(
        scene
            .app
            .redeem_with(&waiting, &[])
            .await
            .unwrap()
            .status
            .as_u16(),
        400
    );
    assert_eq!(
        scene
            .app
            .userinfo(&tokens.access)
            .await
            .unwrap()
            .status
            .as_u16(),
        401
    );
    // Coming back does not bring back what was ended by it.
    let page = scene
        .by_google(&mut agent, &scene.app.request(&[]), &scene.student)
        .await;
    assert!(!page.leads_on(), "{:?}", page.headers);
    assert!(page.status.is_client_error(), "{}", page.status);
}

/// An administrator ends everything that somebody is signed in to.
pub(super) async fn an_administrator_signs_somebody_out() {
    let scene = Scene::new().await;
    let (mut agent, code) = scene.signed_in().await;
    let tokens = scene.app.redeem(&code).await.unwrap();
    let account = scene.account(&scene.student).await;
    let id = account["id"].as_str().unwrap();
    let path = scene
        .district
        .path(&format!("/sign-in/accounts/{id}/sign-out"));
    scene.world.advance(Duration::from_secs(1)).unwrap();
    scene.district.admin.post(&path, &json!({})).await.unwrap();
    is_refused(
        &scene,
        &silently(&scene, &mut agent).await,
        "login_required",
    );
    assert_eq!(
        scene
            .app
            .userinfo(&tokens.access)
            .await
            .unwrap()
            .status
            .as_u16(),
        401
    );
    assert_eq!(
        scene
            .app
            .refresh(&tokens.refresh)
            .await
            .unwrap()
            .status
            .as_u16(),
        400
    );
    // They may sign in again.
    scene.world.advance(Duration::from_secs(1)).unwrap();
    let page = scene
        .by_google(&mut agent, &scene.app.request(&[]), &scene.student)
        .await;
    scene.app.code_of(&page).unwrap();
}

/// Keys are rotated after a quarter of a year, and nobody notices: the next one is published before it
/// signs, the one before for as long as what it signed may be looked at.
pub(super) async fn keys_are_rotated_without_ending_anything() {
    const DAY: Duration = Duration::from_hours(24);
    let scene = Scene::new().await;
    let key = |token: &str| {
        jwt_part(token, 0).unwrap()["kid"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let published = async || {
        let keys = super::redirecting::metadata(&scene, "/oidc/jwks").await;
        let keys = keys["keys"].as_array().unwrap().clone();
        let ids = keys
            .iter()
            .map(|key| key["kid"].as_str().unwrap().to_owned());
        ids.collect::<Vec<_>>()
    };
    let (_, code) = scene.signed_in().await;
    let first = key(&scene.app.redeem(&code).await.unwrap().id);
    assert_eq!(published().await, std::slice::from_ref(&first));
    scene
        .world
        .advance(DAY * 88 + Duration::from_hours(1))
        .unwrap();
    scene.district.admin.tick().await.unwrap();
    let both = published().await;
    assert_eq!(both.len(), 2, "the next key is not published in time");
    let (_, code) = scene.signed_in().await;
    let before = scene.app.redeem(&code).await.unwrap();
    assert_eq!(
        key(&before.id),
        first,
        "a key signs as soon as it is published"
    );
    scene.world.advance(DAY * 2).unwrap();
    scene.district.admin.tick().await.unwrap();
    let after = Tokens::of(&scene.app.refresh(&before.refresh).await.unwrap()).unwrap();
    let userinfo = scene.app.userinfo(&after.access).await.unwrap();
    assert_eq!(userinfo.status.as_u16(), 200, "{}", userinfo.text);
    let (_, code) = scene.signed_in().await;
    let second = key(&scene.app.redeem(&code).await.unwrap().id);
    assert_ne!(second, first);
    assert!(
        published().await.contains(&first),
        "what the first key signed can't be checked"
    );
    // What the first key signed is still known as ours.
    let hint = format!("/oidc/logout?id_token_hint={}", before.id);
    let page = Agent::new().unwrap().get(&scene.url(&hint)).await.unwrap();
    assert!(!page.status.is_server_error(), "{}", page.text);
}

/// One session is good for every application of the district, and for none of another's.
#[tokio::test(flavor = "multi_thread")]
async fn one_sign_in_is_enough_for_all_applications_of_the_district() {
    let scene = Scene::new().await;
    let (mut agent, _) = scene.signed_in().await;
    let other: Relying = scene.another_app("none").await;
    let code = other.code(&mut agent).await.unwrap();
    let tokens = other.redeem(&code).await.unwrap();
    assert_eq!(
        other
            .userinfo(&tokens.access)
            .await
            .unwrap()
            .status
            .as_u16(),
        200
    );
}
