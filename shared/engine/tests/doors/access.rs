//! Who may do what, and what others are told.

use super::district::{District, OPERATOR, configured, problem, request};
use engine::doors::api::{self, Access, ROUTES};
use engine::memory::{MemoryPorts, block_on};
use http::{Method, StatusCode};
use serde_json::{Value, json};

fn concrete(path: &str) -> String {
    path.replace("{tenant}", "maple")
        .replace("{connection}", "google")
        .replace("{rule}", "r1")
        .replace("{key}", "key-1")
        .replace("{run}", "r000001")
        .replace("{account}", "a1")
        .replace("{organization}", "o1")
}

fn requests(keep: impl Fn(Access) -> bool) -> Vec<(Method, String)> {
    ROUTES
        .iter()
        .filter(|route| keep(route.access))
        .map(|route| (route.method.parse().unwrap(), concrete(route.path)))
        .collect()
}

#[test]
fn no_route_of_a_tenant_opens_for_another_tenants_key() {
    let district = District::new();
    district.connect();
    let of_tenant = requests(|access| access != Access::Open && access != Access::Operator);
    assert!(of_tenant.len() > 40);
    for (method, path) in of_tenant {
        let known = request(method.clone(), &district.stranger, &path, &json!({}));
        let known = district.refuses(known, StatusCode::NOT_FOUND, &["maple"]);
        let path = path.replace("maple", "nobody");
        let unknown = request(method, &district.stranger, &path, &json!({}));
        let unknown = district.refuses(unknown, StatusCode::NOT_FOUND, &[]);
        assert_eq!(known, unknown, "{path} tells which tenants exist");
    }
}

#[test]
fn no_route_but_the_open_ones_opens_without_a_key() {
    let district = District::new();
    for (method, path) in requests(|access| access != Access::Open) {
        for token in ["", "rk_maple_guess", "Operator"] {
            let request = request(method.clone(), token, &path, &json!({}));
            district.refuses(request, StatusCode::UNAUTHORIZED, &[]);
        }
    }
}

#[test]
fn a_viewer_changes_nothing() {
    let district = District::new();
    district.connect();
    for (method, path) in requests(|access| access == Access::Write) {
        let request = request(method, &district.viewer, &path, &json!({}));
        district.refuses(request, StatusCode::FORBIDDEN, &[]);
    }
    let (status, list) = district.get(&district.viewer, "/api/v1/tenants/maple/connections");
    assert_eq!(status, StatusCode::OK);
    assert_eq!(list["items"][0]["id"], "google");
}

#[test]
fn the_operator_token_does_not_open_a_tenants_data() {
    let district = District::new();
    for (method, path) in requests(|access| matches!(access, Access::Read | Access::Write)) {
        let request = request(method, OPERATOR, &path, &json!({}));
        district.refuses(request, StatusCode::FORBIDDEN, &[]);
    }
    for (method, path) in requests(|access| access == Access::Operator) {
        let request = request(method, &district.admin, &path, &json!({}));
        district.refuses(request, StatusCode::FORBIDDEN, &[]);
    }
}

#[test]
fn a_revoked_key_opens_nothing() {
    let district = District::new();
    let path = "/api/v1/tenants/maple/keys/key-2";
    let (status, key) = district.call(Method::DELETE, &district.admin, path, &Value::Null);
    assert_eq!(
        (status, key["role"].as_str()),
        (StatusCode::OK, Some("viewer"))
    );
    let request = request(
        Method::GET,
        &district.viewer,
        "/api/v1/tenants/maple",
        &Value::Null,
    );
    district.refuses(request, StatusCode::UNAUTHORIZED, &[&district.viewer]);
}

#[test]
fn without_a_variable_no_work_is_done_and_the_variable_is_named() {
    for missing in ["operator_token", "seal_keys", "public_url"] {
        let ports = configured();
        ports.set_variable(missing, "");
        for path in ["/healthz", "/api/v1/tenants", "/api/v1/tenants/maple/runs"] {
            let request = request(Method::GET, OPERATOR, path, &Value::Null);
            let response = block_on(api::handle(&ports, request));
            let status = StatusCode::SERVICE_UNAVAILABLE;
            let document = problem(&response, status, &[OPERATOR], path);
            assert!(document["detail"].as_str().unwrap().contains(missing));
        }
        assert!(ports.dump().is_empty());
    }
    let district = District::new();
    district.connect();
    district.ports.set_variable("google_client_secret", "");
    let path = "/api/v1/tenants/maple/connections/google/authorize";
    let request = request(Method::POST, &district.admin, path, &Value::Null);
    let document = district.refuses(request, StatusCode::SERVICE_UNAVAILABLE, &[]);
    assert!(
        document["detail"]
            .as_str()
            .unwrap()
            .contains("google_client_secret")
    );
}

#[test]
fn every_write_is_in_the_audit_log_without_secrets() {
    let district = District::new();
    district.connect();
    district.post(&district.admin, "/api/v1/tenants/maple/runs", &Value::Null);
    let (_, audit) = district.get(&district.viewer, "/api/v1/tenants/maple/audit");
    let entries: Vec<String> = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .map(|entry| {
            let who = entry["who"]["id"].as_str().unwrap_or("operator");
            format!(
                "{who} {} {}",
                entry["what"].as_str().unwrap(),
                entry["subject"].as_str().unwrap()
            )
        })
        .collect();
    insta::assert_snapshot!(entries.join("\n"), @r"
    operator tenant_created maple
    operator key_minted key-1
    operator key_minted key-2
    key-1 connection_created google
    key-1 run_requested maple
    ");
}

#[test]
fn health_needs_no_key_and_the_document_no_variables() {
    let district = District::new();
    let (status, body) = district.get("", "/healthz");
    assert_eq!(
        (status, body["status"].as_str()),
        (StatusCode::OK, Some("ok"))
    );
    let request = request(Method::GET, "", "/api/v1/openapi.json", &Value::Null);
    let response = block_on(api::handle(&MemoryPorts::new(), request));
    assert_eq!(response.status(), StatusCode::OK);
}
