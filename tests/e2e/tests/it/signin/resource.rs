//! Userinfo: whose token it takes, and what it tells.

use super::scene::{Scene, json_of};
use driver::{Agent, Page, Relying, jwt_part, text};
use reqwest::{Method, StatusCode};
use serde_json::json;
use std::time::Duration;

fn is_refused(page: &Page, what: &str) {
    // RFC 6750 section 3.1: what is no token at all is a bad request.
    let statuses = [StatusCode::UNAUTHORIZED, StatusCode::BAD_REQUEST];
    assert!(
        statuses.contains(&page.status),
        "{what}: {} {}",
        page.status,
        page.text
    );
    assert!(
        page.header("www-authenticate").starts_with("Bearer"),
        "{what}: {:?}",
        page.headers
    );
    assert!(!page.text.contains('@'), "{what}: {}", page.text);
}

/// Only access tokens, and only in the header.
pub(super) async fn only_access_tokens_in_the_header() {
    let scene = Scene::new().await;
    let (mut agent, code) = scene.signed_in().await;
    let tokens = scene.app.redeem(&code).await.unwrap();
    let waiting = scene.app.code(&mut agent).await.unwrap();
    let session = agent.cookies(&scene.url("/")).into_values().next().unwrap();
    let admin = scene.district.admin.token().to_owned();
    for other in [
        tokens.id.as_str(),
        &tokens.refresh,
        &waiting,
        &session,
        &admin,
        driver::OPERATOR_TOKEN,
        "",
        "x",
        &tokens.access.to_uppercase(),
        &format!("{}x", tokens.access),
    ] {
        is_refused(&scene.app.userinfo(other).await.unwrap(), other);
    }
    let url = scene.url("/oidc/userinfo");
    is_refused(&agent.get(&url).await.unwrap(), "nothing");
    let page = agent
        .get(&format!("{url}?access_token={}", tokens.access))
        .await
        .unwrap();
    is_refused(&page, "in the address");
    assert_eq!(
        scene.app.userinfo(&tokens.access).await.unwrap().status,
        StatusCode::OK
    );
}

/// An access token of a person opens no other door of ours.
pub(super) async fn access_tokens_are_for_userinfo_alone() {
    let scene = Scene::new().await;
    let (_, code) = scene.signed_in().await;
    let tokens = scene.app.redeem(&code).await.unwrap();
    for token in [&tokens.access, &tokens.id, &tokens.refresh] {
        let person = scene.world.operator.with_token(token);
        for path in [
            "/api/v1/tenants",
            "/api/v1/tenants/maple-grove",
            "/api/v1/tenants/maple-grove/accounts",
            "/api/v1/clients",
            "/metrics",
        ] {
            let answer = person.send(Method::GET, path, None).await.unwrap();
            assert_eq!(
                answer.status,
                StatusCode::UNAUTHORIZED,
                "{path}: {}",
                answer.body
            );
        }
        let answer = person
            .send(Method::POST, "/internal/tick", None)
            .await
            .unwrap();
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{}", answer.body);
    }
}

/// What was not asked for is not told.
pub(super) async fn scopes_decide_what_is_told() {
    let scene = Scene::new().await;
    let (mut agent, _) = scene.signed_in().await;
    let told = async |agent: &mut Agent, scope: &str| {
        let request = scene.app.request(&[("scope", Some(scope))]);
        let code = scene
            .app
            .code_of(&agent.get(&request).await.unwrap())
            .unwrap();
        let tokens = scene.app.redeem(&code).await.unwrap();
        let id = jwt_part(&tokens.id, 1).unwrap();
        let userinfo = json_of(&scene.app.userinfo(&tokens.access).await.unwrap());
        assert_eq!(id["sub"], userinfo["sub"]);
        (id, userinfo)
    };
    let personal = [
        "email",
        "name",
        "given_name",
        "family_name",
        "roles",
        "organizations",
        "grade",
        "tenant",
    ];
    let (id, userinfo) = told(&mut agent, "openid").await;
    for claim in personal {
        assert!(
            id.get(claim).is_none() && userinfo.get(claim).is_none(),
            "{claim}: {id} {userinfo}"
        );
    }
    let (_, userinfo) = told(&mut agent, "openid email").await;
    assert_eq!(userinfo["email"], scene.student.as_str());
    assert!(
        userinfo.get("name").is_none() && userinfo.get("roles").is_none(),
        "{userinfo}"
    );
    let (_, userinfo) = told(&mut agent, "openid profile roster").await;
    assert_eq!(userinfo["name"], "Sam Ortiz", "{userinfo}");
    assert_eq!(userinfo["roles"], json!(["student"]), "{userinfo}");
    assert_eq!(userinfo["tenant"], "maple-grove", "{userinfo}");
    assert!(userinfo.get("email").is_none(), "{userinfo}");
    // What nobody knows is ignored, and gives nothing.
    let (_, userinfo) = told(&mut agent, "openid admin api roster.write").await;
    assert_eq!(userinfo.as_object().unwrap().len(), 1, "{userinfo}");
}

/// The subject is our account's id: it never belongs to somebody else, whatever becomes of the
/// address.
pub(super) async fn the_subject_is_never_reassigned() {
    let scene = Scene::new().await;
    let (_, code) = scene.signed_in().await;
    let subject = jwt_part(&scene.app.redeem(&code).await.unwrap().id, 1).unwrap()["sub"].clone();
    let account = scene.account(&scene.student).await;
    assert_eq!(subject, text(&account, "id").unwrap());
    scene
        .edit(
            &scene.student.clone(),
            &json!({"email": "sam.moved@maplegrove.example"}),
        )
        .await;
    let (_, code) = scene.signed_in().await;
    let after = jwt_part(&scene.app.redeem(&code).await.unwrap().id, 1).unwrap();
    assert_eq!(
        after["sub"], subject,
        "another account after the address was changed"
    );
    // No application's id can be taken for a person's.
    assert_ne!(subject, scene.app.client.id.as_str());
}

/// Access tokens live ten minutes.
pub(super) async fn access_tokens_are_short_lived() {
    let scene = Scene::new().await;
    let (_, code) = scene.signed_in().await;
    let page = scene.app.redeem_with(&code, &[]).await.unwrap();
    let body = json_of(&page);
    let lives = body["expires_in"].as_u64().unwrap();
    assert!((1..=600).contains(&lives), "{lives}");
    let token = body["access_token"].as_str().unwrap();
    assert_eq!(
        scene.app.userinfo(token).await.unwrap().status,
        StatusCode::OK
    );
    scene.world.advance(Duration::from_secs(lives + 1)).unwrap();
    is_refused(&scene.app.userinfo(token).await.unwrap(), "old");
}

/// Somebody of another district has no place in an application that is not theirs.
pub(super) async fn applications_have_their_own_districts_alone() {
    let scene = Scene::new().await;
    let operator = &scene.world.operator;
    driver::District::bare(operator, "riverbend", "Riverbend")
        .await
        .unwrap();
    let more = json!({"tenants": ["riverbend"]});
    let app = Relying::register(operator, "other", "none", &more)
        .await
        .unwrap();
    let (mut agent, _) = scene.signed_in().await;
    let page = agent
        .get(&app.request(&[("prompt", Some("none"))]))
        .await
        .unwrap();
    let back = page.location().unwrap();
    assert_eq!(
        driver::parameter(&back, "error").as_deref(),
        Some("login_required"),
        "{back}"
    );
    let page = agent
        .get(&app.request(&[("tenant", Some("maple-grove"))]))
        .await
        .unwrap();
    let to = page.location().map(String::from).unwrap_or_default();
    assert!(
        !to.contains("code="),
        "a code for the application of another district: {to}"
    );
}
