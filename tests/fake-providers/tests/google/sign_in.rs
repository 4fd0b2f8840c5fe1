//! People who sign in, and tokens that are forged for it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fake_providers::google::{IdTokenFault, Outsider};
use hmac::{Hmac, Mac};
use rsa::pkcs8::{EncodePublicKey, LineEnding};
use rsa::{BigUint, RsaPublicKey};
use serde_json::{Value, json};
use sha2::Sha256;
use url::form_urlencoded::Serializer;

use crate::support::{World, answer, parameters_of};
use crate::token::part;

const SCOPES: &str = "openid email profile";

/// What an application asks for when people sign in.
const CHANGES: [(&str, &str); 2] = [("access_type", ""), ("prompt", "select_account")];

/// Fills in the page as a browser would, and gives the address it is sent to.
async fn through_the_page(world: &World, fields: &[(&str, &str)]) -> String {
    let url = world.authorize_url(SCOPES, &CHANGES);
    let page = world.http.get(&url).send().await.unwrap();
    let page = page.text().await.unwrap();
    let mut form = Serializer::new(String::new());
    form.append_pair("request", url.split_once('?').unwrap().1);
    for scope in page.split("name=\"scope\" value=\"").skip(1) {
        form.append_pair("scope", scope.split('"').next().unwrap());
    }
    form.extend_pairs(fields);
    let consent = world.http.post(world.url("/o/oauth2/v2/auth/consent"));
    let posted = consent.body(form.finish()).send().await.unwrap();
    assert_eq!(posted.status(), 302);
    posted.headers()["location"].to_str().unwrap().to_owned()
}

async fn id_token(world: &World, back: &str) -> String {
    let code = parameters_of(back)["code"].clone();
    let (status, body) = world.exchange(&[("code", &code)]).await;
    assert_eq!(status, 200, "{body}");
    assert!(body.get("refresh_token").is_none());
    body["id_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_student_signs_in_through_the_page() {
    let world = World::of(100).await;
    let student = world.fake.accounts().student.unwrap();
    let fields = [("other_account", student.as_str()), ("outcome", "allow")];
    let back = through_the_page(&world, &fields).await;
    assert_eq!(parameters_of(&back)["iss"], "https://accounts.google.com");
    let claims = part(&id_token(&world, &back).await, 1);
    assert_eq!(claims["email"], student.as_str());
    assert_eq!(
        (&claims["hd"], &claims["nonce"], &claims["email_verified"]),
        (&json!("maplegrove.example"), &json!("n-1"), &json!(true))
    );
    assert!(claims["given_name"].is_string() && claims["family_name"].is_string());
}

#[tokio::test]
async fn accounts_from_elsewhere_can_be_added_and_changed() {
    let world = World::of(100).await;
    let mut outsider = Outsider::personal("117000000000000000009", "it@maplegrove.example");
    let fields = [("account", "it@maplegrove.example"), ("outcome", "allow")];
    for is_verified in [true, false] {
        outsider.email_verified = is_verified;
        let body = serde_json::to_value(&outsider).unwrap();
        assert_eq!(world.post_json("/_fake/outsiders", &body).await.0, 200);
        let back = through_the_page(&world, &fields).await;
        let claims = part(&id_token(&world, &back).await, 1);
        assert_eq!(claims["sub"], "117000000000000000009");
        assert_eq!(claims["email_verified"], is_verified);
        assert!(claims.get("hd").is_none());
    }
    world.fake.reset();
    let (status, _) = world
        .post_json(
            "/_fake/consent",
            &json!({ "authorize_url": world.authorize_url("openid", &[]), "outcome": "allow",
                "account": "it@maplegrove.example" }),
        )
        .await;
    assert_eq!(status, 409);
}

/// The key that a token names, as the set of keys has it.
async fn public_key(world: &World) -> RsaPublicKey {
    let certs = world.http.get(world.url("/oauth2/v3/certs"));
    let (_, set) = answer(certs.send().await.unwrap()).await;
    let number = |name: &str| {
        let text = set["keys"][0][name].as_str().unwrap();
        BigUint::from_bytes_be(&URL_SAFE_NO_PAD.decode(text).unwrap())
    };
    RsaPublicKey::new(number("n"), number("e")).unwrap()
}

#[tokio::test]
async fn a_token_can_be_signed_with_the_public_key_as_the_secret() {
    let world = World::of(100).await;
    let student = world.fake.accounts().student.unwrap();
    let key = public_key(&world).await;
    let pem = key.to_public_key_pem(LineEnding::LF).unwrap();
    let modulus = rsa::traits::PublicKeyParts::n(&key).to_bytes_be();
    for (fault, secret) in [
        (IdTokenFault::AlgorithmHs256, pem.as_bytes()),
        (IdTokenFault::AlgorithmHs256Modulus, &modulus),
    ] {
        let body = json!({ "fault": fault });
        assert_eq!(world.post_json("/_fake/id-tokens", &body).await.0, 200);
        let fields = [("other_account", student.as_str()), ("outcome", "allow")];
        let back = through_the_page(&world, &fields).await;
        let token = id_token(&world, &back).await;
        assert_eq!(part(&token, 0)["alg"], "HS256");
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
        mac.update(signed.as_bytes());
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        assert!(mac.verify_slice(&signature).is_ok());
    }
}

#[tokio::test]
async fn tokens_are_made_wrong_and_right_again_from_another_process() {
    let world = World::of(100).await;
    let student = world.fake.accounts().student.unwrap();
    let with = async |body: Value| {
        assert_eq!(world.post_json("/_fake/id-tokens", &body).await.0, 200);
        let fields = [("other_account", student.as_str()), ("outcome", "allow")];
        let back = through_the_page(&world, &fields).await;
        id_token(&world, &back).await
    };
    let unnamed = with(json!({ "fault": "no_key_id" })).await;
    assert!(part(&unnamed, 0).get("kid").is_none());
    let elsewhere = json!({ "fault": { "hosted_domain": "riverbend.example" } });
    assert_eq!(part(&with(elsewhere).await, 1)["hd"], "riverbend.example");
    let personal = with(json!({ "hd_claim": false })).await;
    assert!(part(&personal, 1).get("hd").is_none());
    let right = with(json!({})).await;
    assert_eq!(part(&right, 1)["hd"], "maplegrove.example");
    assert_eq!(part(&right, 0)["alg"], "RS256");
    let unknown = json!({ "fault": "melted" });
    assert_eq!(world.post_json("/_fake/id-tokens", &unknown).await.0, 400);
}

#[tokio::test]
async fn what_google_ignores_is_noted() {
    let world = World::of(100).await;
    let student = world.fake.accounts().student.unwrap();
    let code = world.code(&student, SCOPES, &CHANGES);
    assert_eq!(world.exchange(&[("code", &code)]).await.0, 200);
    assert!(world.fake.journal().unknown_parameters().is_empty());
    let url = world.authorize_url(SCOPES, &[("hosted_domain", "x")]);
    assert_eq!(world.http.get(url).send().await.unwrap().status(), 200);
    world.exchange(&[("verifier", "x")]).await;
    let unknown = world.fake.journal().unknown_parameters();
    assert_eq!(
        unknown.iter().map(String::as_str).collect::<Vec<_>>(),
        ["hosted_domain", "verifier"]
    );
}
