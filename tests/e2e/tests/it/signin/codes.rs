//! Authorization codes, and the proof keys that go with them.

use super::redirecting::is_refused;
use super::scene::Scene;
use driver::{Agent, Page, Tokens, challenge, jwt_part, oauth_error};
use std::time::Duration;

fn is_no_grant(page: &Page) {
    assert_eq!(page.status.as_u16(), 400, "{}", page.text);
    assert_eq!(oauth_error(page), "invalid_grant", "{}", page.text);
}

/// A code works once. Used again, it takes back what it was exchanged for.
pub(super) async fn a_code_works_once() {
    let scene = Scene::new().await;
    let (mut agent, code) = scene.signed_in().await;
    let first = scene.app.redeem(&code).await.unwrap();
    assert_eq!(
        scene
            .app
            .userinfo(&first.access)
            .await
            .unwrap()
            .status
            .as_u16(),
        200
    );
    is_no_grant(&scene.app.redeem_with(&code, &[]).await.unwrap());
    let after = scene.app.userinfo(&first.access).await.unwrap();
    assert_eq!(
        after.status.as_u16(),
        401,
        "what was stolen still works: {}",
        after.text
    );
    is_no_grant(&scene.app.refresh(&first.refresh).await.unwrap());
    // The person is not put out by it.
    let code = scene.app.code(&mut agent).await.unwrap();
    scene.app.redeem(&code).await.unwrap();
}

/// Of many who redeem a code at once, at most one gets tokens.
pub(super) async fn a_code_works_once_however_many_try_at_once() {
    let scene = Scene::new().await;
    let (_, code) = scene.signed_in().await;
    let tries = (0..8).map(|_| scene.app.redeem_with(&code, &[]));
    let answers = futures::future::join_all(tries).await;
    let won = answers
        .iter()
        .filter(|answer| answer.as_ref().unwrap().status == 200);
    assert!(won.count() <= 1);
}

/// A code that is more than a minute old is worth nothing.
pub(super) async fn a_code_is_short_lived() {
    let scene = Scene::new().await;
    let (_, code) = scene.signed_in().await;
    scene.world.advance(Duration::from_secs(61)).unwrap();
    is_no_grant(&scene.app.redeem_with(&code, &[]).await.unwrap());
}

/// A code is for the application, the address and the request that it was given for.
pub(super) async fn a_code_is_bound_to_its_request() {
    let scene = Scene::new().await;
    let (mut agent, stolen) = scene.signed_in().await;
    for method in ["client_secret_basic", "none"] {
        let other = scene.another_app(method).await;
        is_no_grant(&other.redeem_with(&stolen, &[]).await.unwrap());
        let as_if = [("redirect_uri", Some(scene.app.redirect_uri.as_str()))];
        is_no_grant(&other.redeem_with(&stolen, &as_if).await.unwrap());
    }
    let code = scene.app.code(&mut agent).await.unwrap();
    let elsewhere = [("redirect_uri", Some("https://app.example/callback/"))];
    is_no_grant(&scene.app.redeem_with(&code, &elsewhere).await.unwrap());
}

/// Who injects a code into another session has another verifier.
pub(super) async fn a_code_needs_its_verifier() {
    let scene = Scene::new().await;
    let (mut agent, _) = scene.signed_in().await;
    let long = "v".repeat(129);
    let own_challenge = challenge(driver::VERIFIER);
    for wrong in [
        Some("another-verifier-of-forty-three-letters-or-more"),
        // The challenge itself, as if the method were plain.
        Some(own_challenge.as_str()),
        Some("short"),
        Some(&long),
        Some(""),
        None,
    ] {
        let code = scene.app.code(&mut agent).await.unwrap();
        let page = scene
            .app
            .redeem_with(&code, &[("code_verifier", wrong)])
            .await
            .unwrap();
        assert_eq!(page.status.as_u16(), 400, "{wrong:?}: {}", page.text);
        assert!(
            ["invalid_grant", "invalid_request"].contains(&oauth_error(&page).as_str()),
            "{}",
            page.text
        );
    }
}

/// A proof key is required of every application, and cannot be talked away.
pub(super) async fn no_request_without_a_proof_key() {
    let scene = Scene::new().await;
    let (mut agent, _) = scene.signed_in().await;
    let verifier = driver::VERIFIER;
    let with_padding = format!("{}=", challenge(verifier));
    let rows: [&[(&str, Option<&str>)]; 7] = [
        &[("code_challenge", None), ("code_challenge_method", None)],
        &[("code_challenge", None)],
        &[("code_challenge", Some(""))],
        &[
            ("code_challenge", Some(verifier)),
            ("code_challenge_method", Some("plain")),
        ],
        // Without a method it would be plain.
        &[
            ("code_challenge", Some(verifier)),
            ("code_challenge_method", None),
        ],
        &[("code_challenge_method", Some("s256"))],
        &[("code_challenge", Some(&with_padding))],
    ];
    for changes in rows {
        let page = agent.get(&scene.app.request(changes)).await.unwrap();
        is_refused(&scene, &page, "invalid_request");
    }
}

/// Who leads somebody into their own session is found out: the nonce is that of the request.
pub(super) async fn the_id_token_is_of_the_request() {
    let scene = Scene::new().await;
    let (mut agent, code) = scene.signed_in().await;
    let claims = jwt_part(&scene.app.redeem(&code).await.unwrap().id, 1).unwrap();
    assert_eq!(claims["nonce"], driver::NONCE, "{claims}");
    assert_eq!(claims["aud"], scene.app.client.id.as_str(), "{claims}");
    assert_eq!(claims["iss"], scene.app.issuer.as_str(), "{claims}");
    let lives = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert!((1..=3_600).contains(&lives), "{claims}");
    let page = agent
        .get(&scene.app.request(&[("nonce", None)]))
        .await
        .unwrap();
    let code = scene.app.code_of(&page).unwrap();
    let claims = jwt_part(&scene.app.redeem(&code).await.unwrap().id, 1).unwrap();
    assert!(claims.get("nonce").is_none(), "{claims}");
}

/// The signature holds under a published key, of an algorithm that needs no secret of the verifier.
pub(super) async fn id_tokens_are_signed_with_published_keys() {
    let scene = Scene::new().await;
    let (_, code) = scene.signed_in().await;
    let token = scene.app.redeem(&code).await.unwrap().id;
    let header = jwt_part(&token, 0).unwrap();
    let algorithm = header["alg"].as_str().unwrap();
    assert!(
        algorithm != "none" && !algorithm.starts_with("HS"),
        "{header}"
    );
    let keys = super::redirecting::metadata(&scene, "/oidc/jwks").await;
    let keys = keys["keys"].as_array().unwrap();
    let signing: Vec<_> = keys
        .iter()
        .filter(|key| key["kid"] == header["kid"])
        .collect();
    assert_eq!(signing.len(), 1, "{keys:?}");
    for key in keys {
        // No part of a private key is published, and no symmetric key.
        for never in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(key.get(never).is_none(), "{key}");
        }
    }
}

/// Neither codes nor tokens are in the store as they are: a copy of it opens nothing.
pub(super) async fn the_store_holds_no_code_and_no_token() {
    let scene = Scene::new().await;
    let (mut agent, code) = scene.signed_in().await;
    let Tokens {
        access,
        id,
        refresh,
    } = scene.app.redeem(&code).await.unwrap();
    let waiting = scene.app.code(&mut agent).await.unwrap();
    let cookies = agent.cookies(&scene.url("/")).into_values();
    let store = scene.store();
    let secrets = [code, access, id, refresh, waiting]
        .into_iter()
        .chain(cookies);
    for secret in secrets.filter(|secret| !secret.is_empty()) {
        let separator = if secret.starts_with("ey") { '.' } else { '_' };
        let last = secret.rsplit(separator).next().unwrap();
        assert!(last.len() >= 32, "too easy to guess: {secret}");
        for (key, value) in &store {
            assert!(
                !key.contains(last) && !value.contains(last),
                "{key} has {last}"
            );
        }
    }
}

/// No token ever travels through the browser.
pub(super) async fn tokens_never_pass_through_the_browser() {
    let scene = Scene::new().await;
    let mut agent = Agent::new().unwrap();
    let page = scene
        .by_google(&mut agent, &scene.app.request(&[]), &scene.student)
        .await;
    let back = page.location().unwrap();
    let names: Vec<String> = back
        .query_pairs()
        .map(|(name, _)| name.into_owned())
        .collect();
    for name in &names {
        assert!(["code", "state", "iss"].contains(&name.as_str()), "{back}");
    }
    assert_eq!(back.fragment(), None);
}
