//! Requests that can't be accepted: a problem document each, nothing changed, nothing echoed.

use driver::{Application, District, INTERNAL_TOKEN, OPERATOR_TOKEN};
use e2e::{Setup, World};
use reqwest::header::{ALLOW, CONTENT_TYPE};
use reqwest::{Method, Response};
use serde_json::{Value, json};

/// Stands in every bad value; an answer that has it has echoed the value.
const MARK: &str = "zq7marker";

/// Checks that an answer is a problem document of this status, and returns it.
async fn refused(response: Response, status: u16) -> Value {
    let found = response.status().as_u16();
    let media_type = response.headers().get(CONTENT_TYPE).cloned();
    let text = response.text().await.unwrap();
    assert_eq!(found, status, "{text}");
    assert_eq!(media_type.unwrap(), "application/problem+json", "{text}");
    assert!(!text.contains(MARK), "a value was echoed: {text}");
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["status"], status, "{text}");
    for field in ["type", "title", "detail"] {
        assert!(
            document[field].as_str().is_some_and(|t| !t.is_empty()),
            "{text}"
        );
    }
    document
}

async fn send(who: &Application, method: Method, path: &str, body: impl Into<String>) -> Response {
    let url = format!("{}{path}", who.url());
    let request = who.client().request(method, url).bearer_auth(who.token());
    let request = request
        .header(CONTENT_TYPE, "application/json")
        .body(body.into());
    request.send().await.unwrap()
}

/// What a refused request may not have changed: everything but the counters of attempts.
fn content(world: &World) -> Vec<(String, Vec<u8>)> {
    world.stored("").into_iter().collect()
}

async fn small_world() -> (World, District) {
    let world = World::of(20).await.unwrap();
    let district = world.unauthorized_district().await.unwrap();
    (world, district)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_missing_is_named_and_no_work_is_done() {
    for name in ["operator_token", "internal_token", "seal_keys"] {
        let error = World::with(Setup::of(5).variable(name, None)).await.err();
        let error = format!("{:#}", error.expect("the host starts without a secret"));
        assert!(error.contains(name), "{error}");
    }
    for name in ["operator_token", "seal_keys"] {
        let world = World::with(Setup::of(5).variable(name, Some("")))
            .await
            .unwrap();
        for path in ["/healthz", "/api/v1/tenants"] {
            let response = send(&world.operator, Method::GET, path, "").await;
            let problem = refused(response, 503).await;
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains(name), "{detail}");
            let variable = format!("SPIN_VARIABLE_{}", name.to_uppercase());
            assert!(detail.contains(&variable), "{detail}");
        }
        assert!(content(&world).is_empty());
    }
    let world = World::with(Setup::of(5).variable("internal_token", Some("")))
        .await
        .unwrap();
    let scheduler = world.operator.with_token(INTERNAL_TOKEN);
    let problem = refused(
        send(&scheduler, Method::POST, "/internal/tick", "").await,
        503,
    )
    .await;
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("internal_token")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_do_not_fit_are_refused_with_the_field_named() {
    let (world, district) = small_world().await;
    let before = content(&world);
    let links = district.connection_path("/rules/links");
    let filters = district.connection_path("/rules/filters");
    let connections = district.path("/connections");
    let unit = json!({"path": "/Students"});
    let filter = |condition: &str, expression: &str| json!({"attribute": "orgUnitPath", "condition": condition, "expression": expression, "status": "ALLOW"});
    let rows: Vec<(&str, String, u16, &str)> = vec![
        (&links, format!("{{\"unit\": \"{MARK}"), 400, ""),
        (&links, MARK.to_owned(), 400, ""),
        (&links, String::new(), 400, ""),
        (&links, json!({"unit": unit, "role": "student", "new_organization": {}, "colour": MARK}).to_string(), 422, ""),
        (&links, json!({"unit": {"path": 7}, "role": "student"}).to_string(), 422, "unit.path"),
        (&links, json!({"unit": unit, "role": MARK}).to_string(), 422, "role"),
        (&links, json!({"unit": unit}).to_string(), 422, "role"),
        (&links, json!([MARK]).to_string(), 422, ""),
        (&links, json!({"unit": {"path": MARK}, "role": "student", "new_organization": {}}).to_string(), 422, "unit.path"),
        (&filters, filter("ANT_PATH", &format!("/{MARK}/{{a")).to_string(), 422, "expression"),
        (&filters, filter(MARK, "/a").to_string(), 422, "condition"),
        (&connections, json!({"id": "second", "provider": MARK, "domain": "a.example", "mode": "import"}).to_string(), 422, "provider"),
        (&connections, json!({"id": "second", "provider": "google", "domain": format!("{MARK} !"), "mode": "import"}).to_string(), 422, "domain"),
    ];
    for (path, body, status, field) in rows {
        let response = send(&district.admin, Method::POST, path, body.clone()).await;
        let problem = refused(response, status).await;
        let named = problem["errors"][0]["field"].as_str().unwrap_or_default();
        assert!(named.contains(field), "{body}: {problem}");
    }
    assert_eq!(content(&world), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_ten_mebibytes_is_refused_at_every_door() {
    let (world, district) = small_world().await;
    let before = content(&world);
    let body = format!(
        "{{\"label\": \"{}\"}}",
        MARK.repeat(10 * 1024 * 1024 / MARK.len())
    );
    let paths = [
        district.path("/keys"),
        format!("/hooks/sync/{}", district.tenant),
    ];
    for path in paths {
        let response = send(&district.admin, Method::POST, &path, body.clone()).await;
        refused(response, 413).await;
    }
    assert_eq!(content(&world), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_open_only_what_is_theirs() {
    let (world, district) = small_world().await;
    let other = District::create(
        &world.operator,
        "riverbend",
        "Riverbend",
        "riverbend.example",
    );
    let other = other.await.unwrap();
    let viewer = world.viewer(&district).await.unwrap();
    let wrong = district.admin.with_token(MARK);
    let secret = district.admin.with_token(INTERNAL_TOKEN);
    let before = content(&world);
    let own = district.path("");
    let runs = district.path("/runs");
    let accounts = district.path("/accounts");
    let rows = [
        (&wrong, Method::GET, own.as_str(), 401),
        (&secret, Method::GET, &own, 401),
        (&other.admin, Method::GET, &own, 404),
        (&other.admin, Method::GET, &accounts, 404),
        (&other.admin, Method::POST, &runs, 404),
        (&district.admin, Method::GET, "/api/v1/tenants", 403),
        (&viewer, Method::POST, &runs, 403),
        (&viewer, Method::PATCH, &own, 403),
        (&world.operator, Method::GET, &accounts, 403),
        (&world.operator, Method::POST, "/internal/tick", 401),
    ];
    for (who, method, path, status) in rows {
        refused(send(who, method, path, "{}").await, status).await;
    }
    let url = format!("{}{own}", world.operator.url());
    let response = world.operator.client().get(url).send().await.unwrap();
    refused(response, 401).await;
    // Another tenant's and one that does not exist look the same.
    let nobody = format!("/api/v1/tenants/{MARK}");
    let unknown = refused(send(&other.admin, Method::GET, &nobody, "").await, 404).await;
    let foreign = refused(send(&other.admin, Method::GET, &own, "").await, 404).await;
    assert_eq!(unknown, foreign);
    assert_eq!(content(&world), before);
    assert_eq!(viewer.get(&accounts).await.unwrap()["items"], json!([]));
    assert!(
        !before
            .iter()
            .any(|(_, value)| contains(value, OPERATOR_TOKEN))
    );
    let token = district.admin.token();
    assert!(
        !before.iter().any(|(_, value)| contains(value, token)),
        "a key is kept as it is"
    );
}

fn contains(value: &[u8], text: &str) -> bool {
    value
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_methods_and_parameters_that_do_not_exist_are_refused() {
    let (world, district) = small_world().await;
    let before = content(&world);
    let admin = &district.admin;
    let rows = [
        (Method::GET, format!("/api/v1/{MARK}"), 404),
        (Method::GET, district.path(&format!("/{MARK}")), 404),
        (Method::GET, district.path(&format!("/runs/{MARK}")), 404),
        (
            Method::GET,
            district.path(&format!("/runs/{MARK}/changes")),
            404,
        ),
        (
            Method::GET,
            district.path(&format!("/accounts/{MARK}")),
            404,
        ),
        (
            Method::GET,
            district.path("/accounts/..%2F..%2Ftenants"),
            404,
        ),
        (
            Method::GET,
            district.path(&format!("/audit?cursor={MARK}")),
            400,
        ),
        (
            Method::GET,
            district.path(&format!("/accounts?limit={MARK}")),
            400,
        ),
        (
            Method::GET,
            district.connection_path(&format!("/explain?email={MARK}")),
            400,
        ),
        (Method::POST, format!("/hooks/{MARK}"), 404),
        (Method::GET, format!("/oauth/{MARK}"), 404),
        (Method::POST, "/oauth/google/callback".to_owned(), 405),
        (Method::GET, "/internal/tick".to_owned(), 405),
    ];
    for (method, path, status) in rows {
        refused(send(admin, method, &path, "").await, status).await;
    }
    let response = send(admin, Method::DELETE, &district.path("/runs"), "").await;
    let allow = response.headers()[ALLOW].to_str().unwrap().to_owned();
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
    refused(response, 405).await;
    let without_type = admin
        .client()
        .post(format!("{}{}", admin.url(), district.path("/keys")));
    let response = without_type
        .bearer_auth(admin.token())
        .body("{}")
        .send()
        .await
        .unwrap();
    refused(response, 415).await;
    assert_eq!(content(&world), before);
}
