use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use fake_providers::google::{
    CLIENT_ID, CLIENT_SECRET, Change, Config, GrantEnd, IdTokenFault, Outcome,
};
use rsa::pkcs1v15::{Signature, VerifyingKey};
use rsa::signature::Verifier;
use rsa::{BigUint, RsaPublicKey};
use serde_json::Value;
use sha2::Sha256;

use crate::support::{REDIRECT, SCOPE, World, answer, parameters_of};

pub(crate) fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// Whether the token is signed with the published key it names.
async fn is_signed(world: &World, token: &str) -> bool {
    let response = world
        .http
        .get(world.url("/oauth2/v3/certs"))
        .send()
        .await
        .unwrap();
    let (_, set) = answer(response).await;
    let kid = part(token, 0)["kid"].clone();
    let Some(key) = set["keys"]
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["kid"] == kid)
    else {
        return false;
    };
    let number = |name: &str| {
        BigUint::from_bytes_be(&URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap())
    };
    let key = VerifyingKey::<Sha256>::new(RsaPublicKey::new(number("n"), number("e")).unwrap());
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    key.verify(
        signed.as_bytes(),
        &Signature::try_from(signature.as_slice()).unwrap(),
    )
    .is_ok()
}

async fn tokens(world: &World, account: &str, scopes: &str) -> Value {
    let code = world.code(account, scopes, &[]);
    let (status, body) = world.exchange(&[("code", &code)]).await;
    assert_eq!(status, 200, "{body}");
    body
}

#[tokio::test]
async fn a_code_is_exchanged_for_tokens_and_a_signed_id_token() {
    let world = World::of(50).await;
    let admin = world.fake.accounts().super_admin;
    let body = tokens(&world, &admin, "openid email profile").await;
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"], 3_599);
    assert!(body["refresh_token"].as_str().unwrap().starts_with("1//"));
    assert!(body.get("refresh_token_expires_in").is_none());
    let id_token = body["id_token"].as_str().unwrap();
    assert!(is_signed(&world, id_token).await);
    let claims = part(id_token, 1);
    assert_eq!(claims["iss"], "https://accounts.google.com");
    assert_eq!(claims["aud"], CLIENT_ID);
    assert_eq!(claims["email"], admin.as_str());
    assert_eq!(claims["hd"], "maplegrove.example");
    assert_eq!(claims["nonce"], "n-1");
    let id = world
        .fake
        .with_directory(|directory| directory.user(&admin).unwrap().id.to_string());
    assert_eq!(claims["sub"], id.as_str());
}

#[tokio::test]
async fn bad_exchanges_are_refused_as_google_words_them() {
    let world = World::of(50).await;
    let admin = world.fake.accounts().super_admin;
    let cases: [(&[(&str, &str)], u16, &str, &str); 9] = [
        (
            &[("code", "nonsense")],
            400,
            "invalid_grant",
            "Malformed auth code.",
        ),
        (
            &[("code", "4/0Aunknown")],
            400,
            "invalid_grant",
            "Bad Request",
        ),
        (
            &[("client_secret", "wrong")],
            401,
            "invalid_client",
            "The provided client secret is invalid.",
        ),
        (
            &[("client_id", "who")],
            401,
            "invalid_client",
            "The OAuth client was not found.",
        ),
        (
            &[("code_verifier", "")],
            400,
            "invalid_grant",
            "Missing code verifier.",
        ),
        (
            &[(
                "code_verifier",
                "another-verifier-another-verifier-another-verifier",
            )],
            400,
            "invalid_grant",
            "Invalid code verifier.",
        ),
        (
            &[("redirect_uri", "https://elsewhere.example")],
            400,
            "redirect_uri_mismatch",
            "Bad Request",
        ),
        (
            &[("grant_type", "")],
            400,
            "invalid_request",
            "Missing required parameter: grant_type",
        ),
        (
            &[("grant_type", "password")],
            400,
            "unsupported_grant_type",
            "Invalid grant_type: password",
        ),
    ];
    for (changes, status, error, description) in cases {
        let code = world.code(&admin, "openid", &[]);
        let mut fields = vec![("code", code.as_str())];
        fields.extend_from_slice(changes);
        let (got, body) = world.exchange(&fields).await;
        assert_eq!(got, status, "{changes:?} {body}");
        assert_eq!(body["error"], error, "{changes:?}");
        assert_eq!(body["error_description"], description, "{changes:?}");
    }
}

#[tokio::test]
async fn a_code_works_once_and_for_ten_minutes() {
    let world = World::of(50).await;
    let admin = world.fake.accounts().super_admin;
    let code = world.code(&admin, "openid", &[]);
    assert_eq!(world.exchange(&[("code", &code)]).await.0, 200);
    assert_eq!(
        world.exchange(&[("code", &code)]).await.1["error"],
        "invalid_grant"
    );
    let late = world.code(&admin, "openid", &[]);
    world.fake.advance(Duration::from_secs(601));
    assert_eq!(
        world.exchange(&[("code", &late)]).await.1["error"],
        "invalid_grant"
    );
}

#[tokio::test]
async fn a_plain_challenge_works_and_a_verifier_without_challenge_does_not() {
    let world = World::of(50).await;
    let admin = world.fake.accounts().super_admin;
    let plain = "plain-verifier-plain-verifier-plain-verifier-1";
    let changes = [
        ("code_challenge", plain),
        ("code_challenge_method", "plain"),
    ];
    let code = world.code(&admin, "openid", &changes);
    assert_eq!(
        world
            .exchange(&[("code", &code), ("code_verifier", plain)])
            .await
            .0,
        200
    );
    let without = [("code_challenge", ""), ("code_challenge_method", "")];
    let code = world.code(&admin, "openid", &without);
    assert_eq!(world.exchange(&[("code", &code)]).await.0, 400);
}

#[tokio::test]
async fn the_client_may_authenticate_with_basic() {
    let world = World::of(50).await;
    let code = world.code(&world.fake.accounts().super_admin, "openid", &[]);
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", crate::support::VERIFIER),
    ];
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish();
    let basic = STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}"));
    let request = world.http.post(world.url("/token")).body(body);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let response = request
        .header("authorization", format!("Basic {basic}"))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn a_refresh_token_comes_only_offline_and_with_consent() {
    let world = World::of(50).await;
    let admin = world.fake.accounts().super_admin;
    let has_refresh = async |changes: &[(&str, &str)]| {
        let code = world.code(&admin, "openid", changes);
        world
            .exchange(&[("code", &code)])
            .await
            .1
            .get("refresh_token")
            .is_some()
    };
    assert!(!has_refresh(&[("access_type", "online")]).await);
    assert!(
        !has_refresh(&[("prompt", "")]).await,
        "consent was given before"
    );
    assert!(has_refresh(&[]).await);
}

#[tokio::test]
async fn refreshing_gives_a_new_access_token_and_no_new_refresh_token() {
    let world = World::of(50).await;
    let body = tokens(&world, &world.fake.accounts().super_admin, "openid email").await;
    let (status, fresh) = world.refresh(body["refresh_token"].as_str().unwrap()).await;
    assert_eq!(status, 200);
    assert_ne!(fresh["access_token"], body["access_token"]);
    assert!(fresh.get("refresh_token").is_none());
    assert!(fresh["id_token"].is_string());
}

#[tokio::test]
async fn the_oldest_of_more_than_a_hundred_refresh_tokens_dies() {
    let world = World::of(50).await;
    let admin = world.fake.accounts().super_admin;
    let first = tokens(&world, &admin, "openid").await["refresh_token"].clone();
    let second = tokens(&world, &admin, "openid").await["refresh_token"].clone();
    for _ in 0..99 {
        tokens(&world, &admin, "openid").await;
    }
    assert_eq!(world.fake.refresh_token_count(), 100);
    let (status, body) = world.refresh(first.as_str().unwrap()).await;
    assert_eq!(
        (status, &body["error"]),
        (400, &Value::from("invalid_grant"))
    );
    assert_eq!(world.refresh(second.as_str().unwrap()).await.0, 200);
}

#[tokio::test]
async fn grants_end_in_every_way_google_knows() {
    let world = World::of(500).await;
    let teacher = world.fake.accounts().teacher.unwrap();
    let cases = [
        (
            GrantEnd::Revoked,
            "invalid_grant",
            "Token has been expired or revoked.",
        ),
        (
            GrantEnd::ReauthRequired,
            "invalid_grant",
            "reauth related error (invalid_rapt)",
        ),
    ];
    for (why, error, description) in cases {
        let refresh = tokens(&world, &teacher, "openid").await["refresh_token"].clone();
        assert!(world.fake.end_grants(&teacher, why));
        let (status, body) = world.refresh(refresh.as_str().unwrap()).await;
        assert_eq!(
            (status, &body["error"], &body["error_description"]),
            (400, &error.into(), &description.into())
        );
    }
    let refresh = tokens(&world, &teacher, "openid").await["refresh_token"].clone();
    world
        .fake
        .change(&Change::DeleteUser { user: teacher })
        .unwrap();
    let (_, body) = world.refresh(refresh.as_str().unwrap()).await;
    assert_eq!(body["error_description"], "Account has been deleted");
}

#[tokio::test]
async fn refresh_tokens_die_unused_after_six_months_and_in_testing_after_seven_days() {
    let world = World::of(50).await;
    let admin = world.fake.accounts().super_admin;
    let refresh = tokens(&world, &admin, "openid").await["refresh_token"].clone();
    world.fake.advance(Duration::from_secs(184 * 86_400));
    assert_eq!(world.refresh(refresh.as_str().unwrap()).await.0, 400);

    let mut config = Config::with_redirect(REDIRECT);
    config.clients[0].test_users = Some(vec![admin.clone()]);
    let world = World::with(50, config).await;
    let body = tokens(&world, &admin, "openid").await;
    assert_eq!(body["refresh_token_expires_in"], 604_799);
    world.fake.advance(Duration::from_secs(8 * 86_400));
    assert_eq!(
        world
            .refresh(body["refresh_token"].as_str().unwrap())
            .await
            .0,
        400
    );
}

#[tokio::test]
async fn revoking_either_token_ends_the_grant() {
    let world = World::of(50).await;
    let admin = world.fake.accounts().super_admin;
    for which in ["access_token", "refresh_token"] {
        let body = tokens(&world, &admin, "openid").await;
        let token = body[which].as_str().unwrap();
        assert_eq!(world.post("/revoke", &[("token", token)]).await.0, 200);
        assert_eq!(
            world
                .refresh(body["refresh_token"].as_str().unwrap())
                .await
                .0,
            400
        );
        let access = body["access_token"].as_str().unwrap();
        assert_eq!(
            world
                .http
                .get(world.url("/v1/userinfo"))
                .bearer_auth(access)
                .send()
                .await
                .unwrap()
                .status(),
            401
        );
        let (status, body) = world.post("/revoke", &[("token", token)]).await;
        assert_eq!((status, &body["error"]), (400, &"invalid_token".into()));
    }
}

#[tokio::test]
async fn granular_consent_gives_fewer_scopes() {
    let world = World::of(50).await;
    let users = format!("{SCOPE}admin.directory.user.readonly");
    let units = format!("{SCOPE}admin.directory.orgunit.readonly");
    let url = world.authorize_url(&format!("openid {users} {units}"), &[]);
    let account = world.fake.accounts().super_admin;
    let outcome = Outcome::AllowOnly {
        account,
        scopes: [users.clone()].into(),
    };
    let back = world.fake.consent(&url, &outcome).unwrap();
    let code = parameters_of(&back)["code"].clone();
    let (_, body) = world.exchange(&[("code", &code)]).await;
    let granted: Vec<_> = body["scope"].as_str().unwrap().split(' ').collect();
    assert!(granted.contains(&users.as_str()) && granted.contains(&"openid"));
    assert!(!granted.contains(&units.as_str()));
}

#[tokio::test]
async fn keys_rotate_and_the_one_before_stays_published() {
    let world = World::of(50).await;
    let admin = world.fake.accounts().super_admin;
    let old = tokens(&world, &admin, "openid").await["id_token"].clone();
    world.fake.rotate_keys();
    let new = tokens(&world, &admin, "openid").await["id_token"].clone();
    let (old, new) = (old.as_str().unwrap(), new.as_str().unwrap());
    assert_ne!(part(old, 0)["kid"], part(new, 0)["kid"]);
    assert!(is_signed(&world, old).await && is_signed(&world, new).await);
    world.fake.rotate_keys();
    assert!(!is_signed(&world, old).await && is_signed(&world, new).await);
}

#[tokio::test]
async fn id_tokens_can_be_made_wrong() {
    let world = World::of(50).await;
    let admin = world.fake.accounts().super_admin;
    let with = async |fault: IdTokenFault| {
        world.fake.set_id_token_fault(Some(fault));
        tokens(&world, &admin, "openid email").await["id_token"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let token = with(IdTokenFault::WrongAudience).await;
    assert!(is_signed(&world, &token).await && part(&token, 1)["aud"] != CLIENT_ID);
    assert!(!is_signed(&world, &with(IdTokenFault::BadSignature).await).await);
    assert!(!is_signed(&world, &with(IdTokenFault::UnknownKey).await).await);
    let token = with(IdTokenFault::HostedDomain("riverbend.example".to_owned())).await;
    assert_eq!(part(&token, 1)["hd"], "riverbend.example");
    assert_eq!(
        part(&with(IdTokenFault::AlgorithmNone).await, 0)["alg"],
        "none"
    );
    world.fake.set_id_token_fault(None);
    world.fake.set_hd_claim(false);
    let plain = tokens(&world, &admin, "openid email").await["id_token"].clone();
    assert!(part(plain.as_str().unwrap(), 1).get("hd").is_none());
}

#[tokio::test]
async fn discovery_names_googles_issuer_and_the_fakes_endpoints() {
    let world = World::of(10).await;
    let response = world
        .http
        .get(world.url("/.well-known/openid-configuration"))
        .send()
        .await
        .unwrap();
    let (_, document) = answer(response).await;
    assert_eq!(document["issuer"], "https://accounts.google.com");
    assert_eq!(document["token_endpoint"], world.url("/token").as_str());
    assert_eq!(
        document["code_challenge_methods_supported"],
        serde_json::json!(["plain", "S256"])
    );
}

#[tokio::test]
async fn userinfo_tells_what_the_scopes_allow() {
    let world = World::of(50).await;
    let personal = world.fake.accounts().personal.unwrap();
    let body = tokens(&world, &personal, "openid email").await;
    let request = world
        .http
        .get(world.url("/v1/userinfo"))
        .bearer_auth(body["access_token"].as_str().unwrap());
    let (_, info) = answer(request.send().await.unwrap()).await;
    assert_eq!(info["email"], personal.as_str());
    assert!(info.get("hd").is_none() && info.get("name").is_none());
}
