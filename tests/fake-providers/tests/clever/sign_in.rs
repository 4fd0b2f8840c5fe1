use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fake_providers::clever::{CLIENT_ID, CLIENT_SECRET, Role, SignInRefused};
use rsa::pkcs1v15::{Signature, VerifyingKey};
use rsa::signature::Verifier;
use rsa::{BigUint, RsaPublicKey};
use serde_json::{Value, json};
use sha2::Sha256;
use url::form_urlencoded::Serializer;

use crate::support::{REDIRECT, World, answer, is_html, parameter};

fn authorize(world: &World, client: &str, redirect: &str, kind: &str) -> String {
    let query = Serializer::new(String::new())
        .append_pair("response_type", kind)
        .append_pair("client_id", client)
        .append_pair("redirect_uri", redirect)
        .append_pair("state", "s t&te")
        .finish();
    world.url(&format!("/oauth/authorize?{query}"))
}

#[tokio::test]
async fn a_sign_in_leads_back_with_a_code_and_the_state() {
    let world = World::of(200).await;
    let student = world.first(Role::Student);
    let url = authorize(&world, CLIENT_ID, REDIRECT, "code");
    let back = world.fake.sign_in(&url, &student.number).unwrap();
    assert!(back.starts_with(REDIRECT));
    assert_eq!(parameter(&back, "state").as_deref(), Some("s t&te"));
    let (status, body) = world
        .exchange(&parameter(&back, "code").unwrap(), REDIRECT)
        .await;
    assert_eq!((status, &body["token_type"]), (200, &json!("bearer")));
    assert!(body["access_token"].as_str().unwrap().starts_with("il"));
    assert_eq!(
        (body.get("refresh_token"), body.get("expires_in")),
        (None, None)
    );
}

#[tokio::test]
async fn the_page_of_a_sign_in_can_be_used_with_a_browser() {
    let world = World::of(200).await;
    let url = authorize(&world, CLIENT_ID, REDIRECT, "code");
    let page = world.http.get(&url).send().await.unwrap();
    assert_eq!((page.status().as_u16(), is_html(&page)), (200, true));
    let teacher = world.first(Role::Teacher).id.to_string();
    assert!(page.text().await.unwrap().contains(&teacher));
    let form = Serializer::new(String::new())
        .append_pair("from", "application")
        .append_pair("request", url.split_once('?').unwrap().1)
        .append_pair("account", &teacher)
        .finish();
    let posted = world
        .http
        .post(world.url("/oauth/sign-in"))
        .body(form)
        .send()
        .await
        .unwrap();
    assert_eq!(posted.status(), 302);
    assert!(
        posted.headers()["location"]
            .to_str()
            .unwrap()
            .starts_with(REDIRECT)
    );
}

#[tokio::test]
async fn anybody_can_be_named_on_the_page_and_anybody_may_refuse() {
    let world = World::of(200).await;
    let url = authorize(&world, CLIENT_ID, REDIRECT, "code");
    let query = url.split_once('?').unwrap().1;
    let last = world.fake.with_roster(|roster| {
        let students = roster.users().filter(|user| user.has(Role::Student));
        students.last().unwrap().number.clone()
    });
    let post = async |fields: &[(&str, &str)]| {
        let mut form = Serializer::new(String::new());
        form.append_pair("from", "application");
        form.append_pair("request", query).extend_pairs(fields);
        let request = world.http.post(world.url("/oauth/sign-in"));
        request.body(form.finish()).send().await.unwrap()
    };
    let posted = post(&[("other_account", &last)]).await;
    let back = posted.headers()["location"].to_str().unwrap().to_owned();
    let code = parameter(&back, "code").unwrap();
    assert_eq!(world.exchange(&code, REDIRECT).await.0, 200);
    let posted = post(&[("deny", "deny")]).await;
    let back = posted.headers()["location"].to_str().unwrap();
    assert_eq!(parameter(back, "error").as_deref(), Some("access_denied"));
    let posted = post(&[("other_account", "nobody")]).await;
    assert_eq!((posted.status().as_u16(), is_html(&posted)), (400, true));
}

#[tokio::test]
async fn what_is_not_registered_stays_on_a_page() {
    let world = World::of(200).await;
    let student = world.first(Role::Student).number;
    for (client, redirect, kind, refused) in [
        ("other", REDIRECT, "code", SignInRefused::UnknownClient),
        (
            CLIENT_ID,
            "http://127.0.0.1:3000/",
            "code",
            SignInRefused::UnknownRedirect,
        ),
        (CLIENT_ID, REDIRECT, "token", SignInRefused::NotACode),
    ] {
        let url = authorize(&world, client, redirect, kind);
        let response = world.http.get(&url).send().await.unwrap();
        assert_eq!(
            (response.status().as_u16(), is_html(&response)),
            (400, true)
        );
        assert_eq!(world.fake.sign_in(&url, &student), Err(refused));
    }
    let url = authorize(&world, CLIENT_ID, REDIRECT, "code");
    let elsewhere = format!("{url}&district_id=5f3a9c0e1d2b4c0011aa00d1");
    assert_eq!(
        world.fake.sign_in(&elsewhere, &student),
        Err(SignInRefused::UnknownDistrict)
    );
    assert_eq!(
        world.fake.sign_in(&url, "nobody"),
        Err(SignInRefused::NoSuchUser)
    );
    let own = format!("{url}&district_id={}", world.fake.district_id());
    assert!(world.fake.sign_in(&own, &student).is_ok());
}

#[tokio::test]
async fn what_begins_at_clever_has_no_state() {
    let world = World::of(200).await;
    let back = world
        .fake
        .launch(&world.first(Role::Teacher).number)
        .unwrap();
    assert!(back.starts_with(REDIRECT));
    assert_eq!(parameter(&back, "state"), None);
    assert!(parameter(&back, "scope").is_some());
    let path = format!("/oauth/instant-login?client_id={CLIENT_ID}");
    assert_eq!(
        world
            .http
            .get(world.url(&path))
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
}

#[tokio::test]
async fn a_code_works_once_for_a_minute_and_only_with_its_address() {
    let world = World::of(200).await;
    let student = world.first(Role::Student).number;
    let code = || parameter(&world.fake.launch(&student).unwrap(), "code").unwrap();
    let told = |(status, body): (u16, Value), error: &str| status == 400 && body["error"] == error;
    let invalid = |answer| told(answer, "invalid grant: invalid code");

    let used = code();
    assert_eq!(world.exchange(&used, REDIRECT).await.0, 200);
    assert!(invalid(world.exchange(&used, REDIRECT).await));
    assert!(invalid(
        world.exchange(&code(), "http://127.0.0.1:3000/").await
    ));
    assert!(invalid(world.exchange("guessed", REDIRECT).await));
    let old = code();
    world.fake.advance(Duration::from_secs(61));
    assert!(invalid(world.exchange(&old, REDIRECT).await));
    world.fake.set_codes_refused_in_words(false);
    assert!(told(world.exchange(&old, REDIRECT).await, "invalid_grant"));
}

#[tokio::test]
async fn somebody_who_refuses_is_sent_back_with_the_state() {
    let world = World::of(200).await;
    let url = authorize(&world, CLIENT_ID, REDIRECT, "code");
    let back = world.fake.deny(&url).unwrap();
    assert!(back.starts_with(REDIRECT));
    assert_eq!(parameter(&back, "error").as_deref(), Some("access_denied"));
    assert_eq!(parameter(&back, "state").as_deref(), Some("s t&te"));
    assert_eq!(parameter(&back, "code"), None);
    let elsewhere = authorize(&world, CLIENT_ID, "https://evil.example/", "code");
    assert_eq!(
        world.fake.deny(&elsewhere),
        Err(SignInRefused::UnknownRedirect)
    );
}

#[tokio::test]
async fn a_parameter_that_is_there_twice_stays_on_a_page() {
    let world = World::of(200).await;
    let student = world.first(Role::Student).number;
    let url = authorize(&world, CLIENT_ID, REDIRECT, "code");
    let url = format!("{url}&state=other");
    let response = world.http.get(&url).send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), is_html(&response)),
        (400, true)
    );
    assert_eq!(
        world.fake.sign_in(&url, &student),
        Err(SignInRefused::Doubled)
    );
}

#[tokio::test]
async fn what_clever_ignores_is_noted() {
    let world = World::of(200).await;
    let url = authorize(&world, CLIENT_ID, REDIRECT, "code");
    world.http.get(&url).send().await.unwrap();
    assert_eq!(world.exchange("guessed", REDIRECT).await.0, 400);
    assert!(world.fake.journal().unknown_parameters().is_empty());
    let url = format!("{url}&code_challenge=x");
    assert_eq!(world.http.get(&url).send().await.unwrap().status(), 200);
    let request = world.http.post(world.url("/oauth/tokens"));
    let request = request.basic_auth(CLIENT_ID, Some(CLIENT_SECRET));
    let body = json!({ "grant_type": "authorization_code", "client_secret": "x" });
    request.json(&body).send().await.unwrap();
    let unknown = world.fake.journal().unknown_parameters();
    assert_eq!(
        unknown.iter().map(String::as_str).collect::<Vec<_>>(),
        ["client_secret", "code_challenge"]
    );
}

#[tokio::test]
async fn everything_about_signing_in_can_be_done_from_another_process() {
    let world = World::of(200).await;
    let url = authorize(&world, CLIENT_ID, REDIRECT, "code");
    let student = world.first(Role::Student);
    let sign_in = async |body: Value| world.post_json("/_fake/sign-in", &body).await;
    let redirect = |(status, body): (u16, Value)| {
        assert_eq!(status, 200, "{body}");
        body["redirect"].as_str().unwrap().to_owned()
    };
    let by_number = json!({ "authorize_url": url, "user": student.number });
    let back = redirect(sign_in(by_number).await);
    let code = parameter(&back, "code").unwrap();
    assert_eq!(world.exchange(&code, REDIRECT).await.0, 200);
    let back = redirect(sign_in(json!({ "authorize_url": url })).await);
    assert_eq!(parameter(&back, "error").as_deref(), Some("access_denied"));
    let back = redirect(sign_in(json!({ "user": student.number })).await);
    assert_eq!(parameter(&back, "state"), None);
    assert_eq!(sign_in(json!({})).await.0, 400);
    assert_eq!(sign_in(json!({ "user": "nobody" })).await.0, 409);
    let token = world.user_token(&student.number).await;
    assert_eq!(world.post_json("/_fake/users/end", &json!({})).await.0, 200);
    assert_eq!(world.get_as(&token, "/v3.0/me").await.0, 401);
    let shape = json!({ "codes_refused_in_words": false });
    assert_eq!(world.post_json("/_fake/switches", &shape).await.0, 200);
    let (_, refused) = world.exchange("guessed", REDIRECT).await;
    assert_eq!(refused["error"], "invalid_grant");
}

#[tokio::test]
async fn a_code_is_exchanged_with_json_too_but_not_without_the_secret() {
    let world = World::of(200).await;
    let back = world
        .fake
        .launch(&world.first(Role::Student).number)
        .unwrap();
    let body = json!({
        "code": parameter(&back, "code").unwrap(), "grant_type": "authorization_code",
        "redirect_uri": REDIRECT,
    });
    let post = |secret| {
        let request = world.http.post(world.url("/oauth/tokens"));
        request.basic_auth(CLIENT_ID, Some(secret))
    };
    assert_eq!(
        post("guessed").json(&body).send().await.unwrap().status(),
        401
    );
    let text = post(CLIENT_SECRET).body(body.to_string());
    let text = text
        .header("content-type", "text/plain")
        .send()
        .await
        .unwrap();
    assert_eq!(text.status(), 400);
    let password = json!({ "grant_type": "password" });
    let (status, refusal) = answer(post(CLIENT_SECRET).json(&password).send().await.unwrap()).await;
    assert_eq!(
        (status, &refusal["error"]),
        (400, &json!("unsupported_grant_type"))
    );
    assert_eq!(
        post(CLIENT_SECRET)
            .json(&body)
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
}

#[tokio::test]
async fn a_user_token_tells_who_it_is_and_opens_no_list() {
    let world = World::of(200).await;
    let teacher = world.first(Role::Teacher);
    let id = teacher.id.to_string();
    let token = world.user_token(&teacher.number).await;
    let (status, me) = world.get_as(&token, "/v3.0/me").await;
    assert_eq!(
        (status, &me["type"], &me["data"]["type"]),
        (200, &json!("user"), &json!("user"))
    );
    assert_eq!(
        (&me["data"]["id"], &me["links"][1]["uri"]),
        (&json!(id), &json!(format!("/v3.0/users/{id}")))
    );
    let (status, user) = world.get_as(&token, &format!("/v3.0/users/{id}")).await;
    assert_eq!(
        (status, &user["data"]["name"]["last"]),
        (200, &json!(teacher.last))
    );
    let district = world.fake.district_id();
    assert_eq!(
        world
            .get_as(&token, &format!("/v3.0/districts/{district}"))
            .await
            .0,
        200
    );
    for path in [
        "/v3.0/users",
        "/v3.0/districts",
        "/v3.0/events",
        "/v3.0/schools",
    ] {
        assert_eq!(world.get_as(&token, path).await.0, 403, "{path}");
    }
    let other = world.first(Role::Student).id;
    assert_eq!(
        world
            .get_as(&token, &format!("/v3.0/users/{other}"))
            .await
            .0,
        404
    );
    assert_eq!(world.get("/v3.0/me").await.0, 401);
    world.fake.end_user_tokens();
    assert_eq!(world.get_as(&token, "/v3.0/me").await.0, 401);
}

#[tokio::test]
async fn an_openid_scope_brings_an_id_token_that_the_published_keys_check() {
    let world = World::of(200).await;
    let teacher = world.first(Role::Teacher);
    let url = authorize(&world, CLIENT_ID, REDIRECT, "code");
    let url = format!("{url}&scope=openid&nonce=n-1");
    let back = world.fake.sign_in(&url, &teacher.number).unwrap();
    let (_, body) = world
        .exchange(&parameter(&back, "code").unwrap(), REDIRECT)
        .await;
    let token = body["id_token"].as_str().unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let header: Value = serde_json::from_slice(&decode(header)).unwrap();
    let claims: Value = serde_json::from_slice(&decode(claims)).unwrap();
    assert_eq!(
        (&claims["iss"], &claims["aud"]),
        (&json!("https://clever.com"), &json!(CLIENT_ID))
    );
    assert_eq!(
        (&claims["sub"], &claims["nonce"]),
        (&json!(teacher.id.to_string()), &json!("n-1"))
    );
    assert_eq!(
        (&claims["user_type"], &claims["email_verified"]),
        (&json!("teacher"), &json!(false))
    );

    let (_, discovery) = world.get("/.well-known/openid-configuration").await;
    let certs = discovery["jwks_uri"].as_str().unwrap();
    let (_, keys) = answer(world.http.get(certs).send().await.unwrap()).await;
    let mut keys = keys["keys"].as_array().unwrap().iter();
    let key = keys.find(|key| key["kid"] == header["kid"]).unwrap();
    let number = |name: &str| BigUint::from_bytes_be(&decode(key[name].as_str().unwrap()));
    let key = RsaPublicKey::new(number("n"), number("e")).unwrap();
    let signature = Signature::try_from(&decode(signature)[..]).unwrap();
    let verifier = VerifyingKey::<Sha256>::new(key);
    assert!(verifier.verify(signed.as_bytes(), &signature).is_ok());
}

#[tokio::test]
async fn user_info_shows_the_role_of_the_sign_in() {
    let world = World::of(200).await;
    let student = world.first(Role::Student);
    let token = world.user_token(&student.number).await;
    let (status, info) = world.get_as(&token, "/userinfo").await;
    assert_eq!(status, 200);
    assert_eq!(info["user_type"], "student");
    assert_eq!(info["multi_role_user_id"], student.id.to_string());
    let legacy = student.roles[&Role::Student].legacy_id.to_string();
    assert_eq!(
        (&info["user_id"], &info["email_verified"]),
        (&json!(legacy), &json!(false))
    );
    assert_eq!(world.get("/userinfo").await.0, 401);
}
