//! Signing in at ClassLink.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fake_providers::oneroster::{
    CLIENT_ID, ClassLink, Config, LAUNCHPAD_CLIENT_ID, LAUNCHPAD_CLIENT_SECRET, SignIn,
    SignInRefused,
};
use serde_json::{Value, json};
use url::form_urlencoded::Serializer;

use crate::support::{Got, World};

const REDIRECT: &str = "http://127.0.0.1:3000/oauth/classlink/callback";

async fn world(class_link: ClassLink) -> World {
    let class_link = ClassLink {
        redirect_uris: vec![REDIRECT.to_owned()],
        ..class_link
    };
    let config = Config {
        class_link,
        ..Config::default()
    };
    World::with(1_000, config).await
}

fn authorize_url(world: &World, changes: &[(&str, &str)]) -> String {
    let mut parameters = BTreeMap::from([
        ("client_id", LAUNCHPAD_CLIENT_ID),
        ("redirect_uri", REDIRECT),
        ("response_type", "code"),
        ("scope", "profile,oneroster openid"),
        ("state", "s t&te"),
    ]);
    parameters.extend(changes.iter().copied());
    let query = Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish();
    format!("{}/oauth2/v2/auth?{query}", world.fake.base_url())
}

fn parameters_of(url: &str) -> BTreeMap<String, String> {
    let query = url.split_once('?').unwrap().1;
    url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect()
}

fn code(world: &World, account: &str) -> String {
    let url = authorize_url(world, &[]);
    let back = world
        .fake
        .sign_in(&url, &SignIn::As(account.to_owned()))
        .unwrap();
    assert!(back.starts_with(REDIRECT));
    let mut back = parameters_of(&back);
    assert_eq!(
        (back["state"].as_str(), back["response_type"].as_str()),
        ("s t&te", "code")
    );
    back.remove("code").unwrap()
}

async fn exchange(world: &World, code: &str, secret: &str) -> Got {
    let form = [
        ("client_id", LAUNCHPAD_CLIENT_ID),
        ("client_secret", secret),
        ("code", code),
    ];
    let url = format!("{}/oauth2/v2/token", world.fake.base_url());
    world.post_form(&url, &form, None).await
}

async fn info(world: &World, account: &str) -> Value {
    let code = code(world, account);
    let token = exchange(world, &code, LAUNCHPAD_CLIENT_SECRET).await;
    assert_eq!(token.status, 200, "{}", token.text);
    let token = token.body["access_token"].as_str().unwrap();
    let url = format!("{}/v2/my/info", world.fake.base_url());
    let got = world.get_as(token, &url, &[]).await;
    assert_eq!(got.status, 200);
    got.body
}

#[tokio::test]
async fn a_code_tells_who_somebody_is() {
    let world = world(ClassLink::default()).await;
    let id = world.first_id("students", "users").await;
    let who = info(&world, &id).await;
    assert_eq!(
        (&who["SourcedId"], &who["TenantId"]),
        (&json!(id), &json!(9_021))
    );
    assert_eq!(
        (&who["Role"], &who["Role_Level"]),
        (&json!("Student"), &json!(4))
    );
    assert!(who["OrgId"].is_string());
    let by_address = info(&world, who["Email"].as_str().unwrap()).await;
    assert_eq!(by_address, who);
}

#[tokio::test]
async fn a_token_comes_without_an_end_and_an_id_token_only_when_asked_for() {
    let world = world(ClassLink::default()).await;
    let id = world.first_id("students", "users").await;
    let token = exchange(&world, &code(&world, &id), LAUNCHPAD_CLIENT_SECRET).await;
    assert!(token.body.get("expires_in").is_none() && token.body.get("refresh_token").is_none());
    assert_eq!(token.body["token_type"], "Bearer");
    let claims = token.body["id_token"]
        .as_str()
        .unwrap()
        .split('.')
        .nth(1)
        .unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    assert_eq!(claims["iss"], "https://launchpad.classlink.com");
    assert_eq!(claims["aud"], LAUNCHPAD_CLIENT_ID);
    let url = authorize_url(&world, &[("scope", "profile")]);
    let back = world.fake.sign_in(&url, &SignIn::As(id)).unwrap();
    let token = exchange(
        &world,
        &parameters_of(&back)["code"],
        LAUNCHPAD_CLIENT_SECRET,
    )
    .await;
    assert!(token.body.get("id_token").is_none());
    let access = token.body["access_token"].as_str().unwrap();
    let my_info = format!("{}/v2/my/info", world.fake.base_url());
    world.fake.advance(Duration::from_secs(24 * 60 * 60 + 1));
    let late = world.get_as(access, &my_info, &[]).await;
    assert_eq!((late.status, late.body["message"].is_string()), (401, true));
}

#[tokio::test]
async fn a_code_works_once_for_five_minutes_and_with_the_secret() {
    let world = world(ClassLink::default()).await;
    let id = world.first_id("students", "users").await;
    let once = code(&world, &id);
    assert_eq!(
        exchange(&world, &once, LAUNCHPAD_CLIENT_SECRET)
            .await
            .status,
        200
    );
    assert_eq!(
        exchange(&world, &once, LAUNCHPAD_CLIENT_SECRET)
            .await
            .status,
        400
    );
    let guarded = code(&world, &id);
    assert_eq!(exchange(&world, &guarded, "wrong").await.status, 401);
    let late = code(&world, &id);
    world.fake.advance(Duration::from_secs(301));
    assert_eq!(
        exchange(&world, &late, LAUNCHPAD_CLIENT_SECRET)
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn requests_to_sign_in_that_are_wrong_stay_on_the_page() {
    let world = world(ClassLink::default()).await;
    let id = world.first_id("students", "users").await;
    let refused = |changes: &[(&str, &str)]| {
        let url = authorize_url(&world, changes);
        world
            .fake
            .sign_in(&url, &SignIn::As(id.clone()))
            .unwrap_err()
    };
    assert_eq!(refused(&[("client_id", "x")]), SignInRefused::UnknownClient);
    // The programs that read rosters sign nobody in.
    let reader = [("client_id", CLIENT_ID)];
    assert_eq!(refused(&reader), SignInRefused::UnknownClient);
    assert_eq!(
        refused(&[("scope", "profile everything")]),
        SignInRefused::UnknownScope
    );
    let twice = format!("{}&state=other", authorize_url(&world, &[]));
    assert_eq!(
        world.fake.sign_in(&twice, &SignIn::Deny),
        Err(SignInRefused::Doubled)
    );
    let elsewhere = [("redirect_uri", "https://evil.example/")];
    assert_eq!(refused(&elsewhere), SignInRefused::UnknownRedirect);
    assert_eq!(
        refused(&[("response_type", "token")]),
        SignInRefused::WrongResponseType
    );
    let page = world
        .http
        .get(authorize_url(&world, &elsewhere))
        .send()
        .await
        .unwrap();
    assert_eq!(
        (page.status().as_u16(), page.headers().get("location")),
        (400, None)
    );
    let page = world
        .http
        .get(authorize_url(&world, &[]))
        .send()
        .await
        .unwrap();
    assert_eq!(page.status(), 200);
}

#[tokio::test]
async fn the_page_sends_people_back() {
    let world = world(ClassLink::default()).await;
    let id = world.first_id("students", "users").await;
    let url = authorize_url(&world, &[]);
    let page = world.http.get(&url).send().await.unwrap();
    let page = page.text().await.unwrap();
    let student = format!("<button name=\"account\" value=\"{id}\">Student</button>");
    assert!(page.contains(&student), "{page}");
    let got = world.post_form(&url, &[("account", &id)], None).await;
    assert_eq!(got.status, 302);
    let back = parameters_of(got.header("location").unwrap());
    assert_eq!(
        exchange(&world, &back["code"], LAUNCHPAD_CLIENT_SECRET)
            .await
            .status,
        200
    );
    let got = world.post_form(&url, &[("deny", "deny")], None).await;
    let denied = parameters_of(got.header("location").unwrap());
    assert_eq!(
        (denied["error"].as_str(), denied["state"].as_str()),
        ("access_denied", "s t&te")
    );
    let back = world.fake.sign_in(&url, &SignIn::Deny).unwrap();
    assert_eq!(parameters_of(&back), denied);
    let who = info(&world, &id).await;
    let login = who["LoginId"].as_str().unwrap();
    let got = world
        .post_form(&url, &[("other_account", login)], None)
        .await;
    assert_eq!(got.status, 302);
    for nobody in ["", "nobody"] {
        let got = world
            .post_form(&url, &[("other_account", nobody)], None)
            .await;
        assert_eq!((got.status, got.header("location")), (400, None));
    }
}

#[tokio::test]
async fn what_classlink_ignores_is_noted() {
    let world = world(ClassLink::default()).await;
    let page = world.http.get(authorize_url(&world, &[])).send().await;
    assert_eq!(page.unwrap().status(), 200);
    assert_eq!(
        exchange(&world, "guessed", LAUNCHPAD_CLIENT_SECRET)
            .await
            .status,
        400
    );
    assert!(world.fake.journal().unknown_parameters().is_empty());
    let url = authorize_url(&world, &[("code_challenge", "x")]);
    assert_eq!(world.http.get(url).send().await.unwrap().status(), 200);
    let url = format!("{}/oauth2/v2/token", world.fake.base_url());
    world.post_form(&url, &[("code_verifier", "x")], None).await;
    let unknown = world.fake.journal().unknown_parameters();
    assert_eq!(
        unknown.iter().map(String::as_str).collect::<Vec<_>>(),
        ["code_challenge", "code_verifier"]
    );
}

#[tokio::test]
async fn numbers_may_be_texts_and_addresses_may_be_kept_back() {
    let world = world(ClassLink {
        tenant_id: 77,
        ids_as_text: true,
        tells_emails: false,
        ..ClassLink::default()
    })
    .await;
    let id = world.first_id("teachers", "users").await;
    let who = info(&world, &id).await;
    assert_eq!(
        (&who["TenantId"], &who["Email"]),
        (&json!("77"), &json!(""))
    );
    assert!(who["UserId"].is_string() && who["LoginId"] != json!(""));
}

#[tokio::test]
async fn tokens_can_be_ended_and_everything_done_from_another_process() {
    let world = world(ClassLink::default()).await;
    let id = world.first_id("students", "users").await;
    let admin = async |path: &str, body: Value| {
        let url = format!("{}/_fake/classlink/{path}", world.fake.base_url());
        let answer = world.http.post(url).json(&body).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json::<Value>().await.unwrap())
    };
    let ask = json!({ "authorize_url": authorize_url(&world, &[]), "account": id });
    let (status, body) = admin("sign-in", ask).await;
    assert_eq!(status, 200);
    let back = parameters_of(body["redirect"].as_str().unwrap());
    let token = exchange(&world, &back["code"], LAUNCHPAD_CLIENT_SECRET).await;
    let token = token.body["access_token"].as_str().unwrap();
    let url = format!("{}/v2/my/info", world.fake.base_url());
    assert_eq!(world.get_as(token, &url, &[]).await.status, 200);
    assert_eq!(admin("tokens/end", json!({})).await.0, 200);
    assert_eq!(world.get_as(token, &url, &[]).await.status, 401);
    let (status, body) = admin("launch", json!({ "redirect_uri": REDIRECT, "account": id })).await;
    assert_eq!(status, 200);
    assert!(!body["redirect"].as_str().unwrap().contains("state="));
    let (status, _) = admin(
        "launch",
        json!({ "redirect_uri": REDIRECT, "account": "x" }),
    )
    .await;
    assert_eq!(status, 409);
}

#[tokio::test]
async fn a_tile_gives_a_code_without_a_state() {
    let world = world(ClassLink::default()).await;
    let id = world.first_id("students", "users").await;
    let back = parameters_of(&world.fake.launch(REDIRECT, &id).unwrap());
    assert_eq!(back.keys().collect::<Vec<_>>(), ["code", "response_type"]);
    assert_eq!(
        exchange(&world, &back["code"], LAUNCHPAD_CLIENT_SECRET)
            .await
            .status,
        200
    );
    let refused = world.fake.launch("https://evil.example/", &id).unwrap_err();
    assert_eq!(refused, SignInRefused::UnknownRedirect);
}

#[tokio::test]
async fn org_ids_come_as_text_or_list_and_sourced_ids_may_be_missing() {
    let world = world(ClassLink {
        has_roster_server: false,
        org_ids_as_list: true,
        ..ClassLink::default()
    })
    .await;
    let district = world.fake.district();
    let student = world.first_id("students", "users").await;
    let who = info(&world, &student).await;
    assert_eq!(who["SourcedId"], "");
    assert_eq!(who["OrgId"].as_array().unwrap().len(), 1);
    world.fake.set_class_link(ClassLink {
        redirect_uris: vec![REDIRECT.to_owned()],
        ..ClassLink::default()
    });
    let mut people = district.people().iter();
    let teacher = people
        .find(|person| person.second_school.is_some())
        .unwrap();
    let who = info(&world, &format!("u-{}", teacher.number)).await;
    assert_eq!(who["OrgId"].as_array().unwrap().len(), 2);
    assert_eq!(who["Role"], "Teacher");
}
