//! What applications are told when somebody may no longer be signed in (OpenID Connect Back-Channel
//! Logout 1.0).

use super::demo::{Demo, Listener};
use super::scene::Scene;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use driver::{Agent, Relying, forged, jwt_part};
use e2e::ADMIN_TENANT;
use serde_json::{Value, json};
use std::time::Duration;

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

async fn listening(scene: &Scene, name: &str, listener: &Listener) -> Relying {
    let more = json!({"tenants": [ADMIN_TENANT], "backchannel_logout_uri": listener.url});
    let app = Relying::register(&scene.world.operator, name, "client_secret_basic", &more);
    app.await.unwrap()
}

/// The application learns of the student, who is signed in to it.
async fn signs_in(scene: &Scene, app: &Relying) -> Value {
    let (mut agent, _) = scene.signed_in().await;
    let code = app.code(&mut agent).await.unwrap();
    jwt_part(&app.redeem(&code).await.unwrap().id, 1).unwrap()
}

async fn suspends(scene: &Scene) {
    scene
        .edit(&scene.student, &json!({"status": "suspended"}))
        .await;
    scene.district.admin.tick().await.unwrap();
}

/// A logout token is typed, short-lived, for one application and about one person.
pub(super) async fn logout_tokens_are_as_they_have_to_be() {
    let scene = Scene::new().await;
    let (listener, other) = (Listener::start().await, Listener::start().await);
    let app = listening(&scene, "listens", &listener).await;
    listening(&scene, "never-met", &other).await;
    let id_token = signs_in(&scene, &app).await;
    scene.district.admin.tick().await.unwrap();
    assert_eq!(
        listener.tokens(),
        [""; 0],
        "somebody is signed out who is not"
    );
    suspends(&scene).await;
    let tokens = listener.tokens();
    assert_eq!(tokens.len(), 1, "{tokens:?}");
    assert_eq!(
        other.tokens(),
        [""; 0],
        "told to an application that never met the person"
    );
    let (header, claims) = (
        jwt_part(&tokens[0], 0).unwrap(),
        jwt_part(&tokens[0], 1).unwrap(),
    );
    assert_eq!(header["typ"], "logout+jwt", "{header}");
    let keys = super::redirecting::metadata(&scene, "/oidc/jwks").await;
    let published = keys["keys"].as_array().unwrap().iter();
    assert_eq!(
        published.filter(|key| key["kid"] == header["kid"]).count(),
        1,
        "{keys}"
    );
    assert_eq!(claims["iss"], scene.app.issuer.as_str());
    assert_eq!(claims["aud"], app.client.id.as_str());
    assert_eq!(claims["sub"], id_token["sub"]);
    assert_eq!(claims["events"], json!({ EVENT: {} }));
    assert!(
        claims.get("nonce").is_none() && claims["jti"].is_string(),
        "{claims}"
    );
    let lives = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert!((1..=120).contains(&lives), "{claims}");
    // Nothing more is said of a child than who.
    for personal in ["email", "name", "roles", "grade"] {
        assert!(claims.get(personal).is_none(), "{claims}");
    }
    // Told once, it is not told again.
    scene.district.admin.tick().await.unwrap();
    assert_eq!(listener.tokens().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_is_out_of_order_is_told_later() {
    let scene = Scene::new().await;
    let listener = Listener::start().await;
    let app = listening(&scene, "listens", &listener).await;
    signs_in(&scene, &app).await;
    listener.set_out_of_order(true);
    suspends(&scene).await;
    let tried = listener.tokens().len();
    assert!(tried >= 1);
    listener.set_out_of_order(false);
    scene.world.advance(Duration::from_mins(3)).unwrap();
    scene.district.admin.tick().await.unwrap();
    let tokens = listener.tokens();
    assert_eq!(tokens.len(), tried + 1);
    // The one that is sent later is a new one: the first has expired.
    let last = jwt_part(tokens.last().unwrap(), 1).unwrap();
    assert!(
        last["exp"].as_i64().unwrap() * 1_000 > scene.world.now_ms().unwrap(),
        "{last}"
    );
    scene.world.advance(Duration::from_hours(1)).unwrap();
    scene.district.admin.tick().await.unwrap();
    assert_eq!(
        listener.tokens().len(),
        tried + 1,
        "told again after it was taken"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_out_here_is_signed_out_of_every_application() {
    let scene = Scene::new().await;
    let listener = Listener::start().await;
    let app = listening(&scene, "listens", &listener).await;
    let (mut agent, _) = scene.signed_in().await;
    let code = app.code(&mut agent).await.unwrap();
    let id_token = jwt_part(&app.redeem(&code).await.unwrap().id, 1).unwrap();
    super::sessions::signs_out(&scene, &mut agent).await;
    scene.district.admin.tick().await.unwrap();
    let tokens = listener.tokens();
    assert!(!tokens.is_empty());
    // The tick and who was nudged by the sign-out may both tell it: about the same session.
    for token in tokens {
        let claims = jwt_part(&token, 1).unwrap();
        let about = (&claims["sub"], &claims["sid"]);
        assert_eq!(about, (&id_token["sub"], &id_token["sid"]), "{claims}");
    }
}

/// The application does not believe whoever says that somebody is signed out.
pub(super) async fn forged_logout_tokens_sign_nobody_out() {
    let scene = Scene::new().await;
    let demo = Demo::start(&scene).await;
    let listener = Listener::start().await;
    let other = listening(&scene, "listens", &listener).await;
    let mut agent = Agent::new().unwrap();
    let page = agent.get(&format!("{}/login", demo.url)).await.unwrap();
    let authorize = page.location().unwrap();
    let page = scene
        .by_google(&mut agent, authorize.as_str(), &scene.student)
        .await;
    assert!(
        page.text.contains("id=\"name\""),
        "{} {}",
        page.url,
        page.text
    );
    let id_token = signs_in(&scene, &other).await;
    let now_s = scene.world.now_ms().unwrap() / 1_000;
    let claims = json!({
        "iss": scene.app.issuer, "aud": demo.client.id, "sub": id_token["sub"], "jti": "x",
        "iat": now_s, "exp": now_s + 100, "events": { EVENT: {} },
    });
    let keys = super::redirecting::metadata(&scene, "/oidc/jwks").await;
    let key = &keys["keys"][0];
    let modulus = URL_SAFE_NO_PAD.decode(key["n"].as_str().unwrap()).unwrap();
    let says = |algorithm, secret| {
        forged(&claims, (algorithm, "logout+jwt", &key["kid"]), secret).unwrap()
    };
    let unsigned = says("none", None);
    let badly_signed = says("HS256", Some(modulus.as_slice()));
    let unknown = says("RS256", Some(modulus.as_slice()));
    let (mut signed_in, _) = scene.signed_in().await;
    let code = scene.app.code(&mut signed_in).await.unwrap();
    let real_id_token = scene.app.redeem(&code).await.unwrap().id;
    let tells = async |token: &str| {
        let url = format!("{}/backchannel-logout", demo.url);
        Agent::new()
            .unwrap()
            .post(&url, &[("logout_token", token)])
            .await
            .unwrap()
            .status
    };
    for token in [
        unsigned.as_str(),
        &badly_signed,
        &unknown,
        &real_id_token,
        "",
        "a.b.c",
    ] {
        assert_eq!(tells(token).await.as_u16(), 400, "{token}");
    }
    let home = agent.get(&format!("{}/", demo.url)).await.unwrap();
    assert!(home.text.contains("id=\"name\""), "{}", home.text);
    // One that is meant for another application is for that one.
    suspends(&scene).await;
    let theirs = listener.tokens().pop().unwrap();
    assert_eq!(tells(&theirs).await.as_u16(), 400);
    // The real one came in the meantime.
    let home = agent.get(&format!("{}/", demo.url)).await.unwrap();
    assert!(home.text.contains("id=\"nobody\""), "{}", home.text);
}
