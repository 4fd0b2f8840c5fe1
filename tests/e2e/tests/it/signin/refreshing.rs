//! Refresh tokens.

use super::scene::Scene;
use driver::{Page, Relying, Tokens, oauth_error};
use serde_json::json;
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);

fn is_no_grant(page: &Page) {
    assert_eq!(page.status.as_u16(), 400, "{}", page.text);
    assert_eq!(oauth_error(page), "invalid_grant", "{}", page.text);
}

async fn tokens_of(scene: &Scene, app: &Relying) -> Tokens {
    let (mut agent, _) = scene.signed_in().await;
    let code = app.code(&mut agent).await.unwrap();
    app.redeem(&code).await.unwrap()
}

/// Each works once; one that comes again ends all that came of it, for both who hold one.
async fn rotated(method: &'static str) {
    let scene = Scene::new().await;
    let app = scene.another_app(method).await;
    let first = tokens_of(&scene, &app).await;
    let second = Tokens::of(&app.refresh(&first.refresh).await.unwrap()).unwrap();
    assert_ne!(first.refresh, second.refresh);
    let third = Tokens::of(&app.refresh(&second.refresh).await.unwrap()).unwrap();
    assert_eq!(
        app.userinfo(&third.access).await.unwrap().status.as_u16(),
        200
    );
    // The first was copied, and is used by whoever copied it.
    is_no_grant(&app.refresh(&first.refresh).await.unwrap());
    is_no_grant(&app.refresh(&third.refresh).await.unwrap());
    assert_eq!(
        app.userinfo(&third.access).await.unwrap().status.as_u16(),
        401
    );
}

/// Refresh tokens of applications without a secret are rotated, and reuse is found out.
pub(super) async fn reuse_is_found_out_without_a_secret() {
    rotated("none").await;
}

/// So are those of applications with one.
pub(super) async fn reuse_is_found_out_with_a_secret() {
    rotated("client_secret_post").await;
}

/// A refresh token is for the application that it was given to.
pub(super) async fn bound_to_the_application() {
    let scene = Scene::new().await;
    let tokens = tokens_of(&scene, &scene.app).await;
    for method in ["client_secret_basic", "none"] {
        let other = scene.another_app(method).await;
        is_no_grant(&other.refresh(&tokens.refresh).await.unwrap());
    }
    // Being tried by others ends nothing for whom it belongs to.
    Tokens::of(&scene.app.refresh(&tokens.refresh).await.unwrap()).unwrap();
}

/// However often it is renewed, after thirty days somebody has to sign in.
pub(super) async fn absolute_expiration() {
    let scene = Scene::new().await;
    let mut tokens = tokens_of(&scene, &scene.app).await;
    for _ in 0..29 {
        scene.world.advance(DAY).unwrap();
        tokens = Tokens::of(&scene.app.refresh(&tokens.refresh).await.unwrap()).unwrap();
    }
    scene.world.advance(DAY + Duration::from_mins(1)).unwrap();
    is_no_grant(&scene.app.refresh(&tokens.refresh).await.unwrap());
}

/// It ends with the account, with sign-in, and with the method that was used.
pub(super) async fn ends_with_the_standing_of_the_account() {
    for edit in [
        json!({"status": "suspended"}),
        json!({"sign_in_allowed": false}),
    ] {
        let scene = Scene::new().await;
        let tokens = tokens_of(&scene, &scene.app).await;
        scene.edit(&scene.student.clone(), &edit).await;
        is_no_grant(&scene.app.refresh(&tokens.refresh).await.unwrap());
        let userinfo = scene.app.userinfo(&tokens.access).await.unwrap();
        assert_eq!(userinfo.status.as_u16(), 401, "{edit}: {}", userinfo.text);
    }
    let scene = Scene::new().await;
    let tokens = tokens_of(&scene, &scene.app).await;
    scene.set_methods(&json!({"methods": ["password"]})).await;
    is_no_grant(&scene.app.refresh(&tokens.refresh).await.unwrap());
}

/// Who gives a token back has nothing left, and nobody else can give it back for them.
pub(super) async fn revoked_by_the_application() {
    let scene = Scene::new().await;
    let tokens = tokens_of(&scene, &scene.app).await;
    let other = scene.another_app("client_secret_basic").await;
    other
        .send("/oidc/revoke", &[("token", &tokens.refresh)])
        .await
        .unwrap();
    let kept = Tokens::of(&scene.app.refresh(&tokens.refresh).await.unwrap()).unwrap();
    let revoked = scene
        .app
        .send("/oidc/revoke", &[("token", &kept.refresh)])
        .await
        .unwrap();
    assert_eq!(revoked.status.as_u16(), 200, "{}", revoked.text);
    is_no_grant(&scene.app.refresh(&kept.refresh).await.unwrap());
    assert_eq!(
        scene
            .app
            .userinfo(&kept.access)
            .await
            .unwrap()
            .status
            .as_u16(),
        401
    );
    // One that is unknown is as good as revoked (RFC 7009 section 2.2).
    let unknown = scene
        .app
        .send("/oidc/revoke", &[("token", "unknown")])
        .await
        .unwrap();
    assert_eq!(unknown.status.as_u16(), 200, "{}", unknown.text);
}

/// There is none for who did not ask, or may not.
pub(super) async fn only_for_who_may() {
    let scene = Scene::new().await;
    let (mut agent, _) = scene.signed_in().await;
    let request = scene.app.request(&[("scope", Some("openid"))]);
    let code = scene
        .app
        .code_of(&agent.get(&request).await.unwrap())
        .unwrap();
    assert_eq!(scene.app.redeem(&code).await.unwrap().refresh, "");
    let more = json!({"tenants": ["maple-grove"], "offline_access": false});
    let app = Relying::register(&scene.world.operator, "other", "none", &more)
        .await
        .unwrap();
    let code = app.code(&mut agent).await.unwrap();
    assert_eq!(app.redeem(&code).await.unwrap().refresh, "");
}
