//! Editing rules and organizations over the API.

use super::district::{District, request};
use http::{Method, StatusCode};
use serde_json::{Value, json};

const RULES: &str = "/api/v1/tenants/maple/connections/google/rules";
const ORGANIZATIONS: &str = "/api/v1/tenants/maple/organizations";

fn district() -> District {
    let district = District::new();
    district.connect();
    district
}

fn link(district: &District) -> Value {
    let body = json!({"id": "lincoln", "unit": {"path": "/Schools/Lincoln"},
        "new_organization": {}, "include_sub_units": true, "role": "student"});
    let (status, rules) = district.post(&district.admin, &format!("{RULES}/links"), &body);
    assert_eq!(status, StatusCode::CREATED, "{rules}");
    rules
}

#[test]
fn a_link_makes_its_organization_and_its_defaults() {
    let district = district();
    let rules = link(&district);
    assert_eq!(rules["links"][0]["id"], "lincoln");
    assert_eq!(rules["filters"][0]["default_of"], "lincoln");
    assert_eq!(rules["mapping_sets"][0]["default_of"], "lincoln");
    let (_, organizations) = district.get(&district.viewer, ORGANIZATIONS);
    assert_eq!(organizations["items"][0]["name"], "Lincoln");
    assert_eq!(
        organizations["items"][0]["id"],
        rules["links"][0]["organization"]
    );
}

#[test]
fn an_organization_in_use_can_not_be_deleted() {
    let district = district();
    let rules = link(&district);
    let id = rules["links"][0]["organization"].as_str().unwrap();
    let path = format!("{ORGANIZATIONS}/{id}");
    let delete = || request(Method::DELETE, &district.admin, &path, &Value::Null);
    district.refuses(delete(), StatusCode::CONFLICT, &[]);
    let remove = request(
        Method::DELETE,
        &district.admin,
        &format!("{RULES}/links/lincoln"),
        &Value::Null,
    );
    assert_eq!(district.send(remove).status(), StatusCode::OK);
    assert_eq!(district.send(delete()).status(), StatusCode::NO_CONTENT);
}

#[test]
fn a_refused_link_makes_no_organization() {
    let district = district();
    let body = json!({"unit": {"path": "no/slash"}, "new_organization": {"name": "Oak"}, "role": "student"});
    let refused = request(
        Method::POST,
        &district.admin,
        &format!("{RULES}/links"),
        &body,
    );
    district.refuses(refused, StatusCode::UNPROCESSABLE_ENTITY, &[]);
    let body = json!({"unit": {"path": "/A"}, "organization": "nowhere", "role": "student"});
    let refused = request(
        Method::POST,
        &district.admin,
        &format!("{RULES}/links"),
        &body,
    );
    district.refuses(refused, StatusCode::UNPROCESSABLE_ENTITY, &[]);
}

#[test]
fn replacing_the_rules_needs_the_version_that_was_read() {
    let district = district();
    let rules = link(&district);
    let put = |version: Option<&str>| {
        let mut put = request(Method::PUT, &district.admin, RULES, &rules);
        if let Some(version) = version {
            put.headers_mut()
                .insert("if-match", version.parse().unwrap());
        }
        put
    };
    district.refuses(put(None), StatusCode::PRECONDITION_REQUIRED, &[]);
    district.refuses(put(Some("\"7\"")), StatusCode::PRECONDITION_FAILED, &[]);
    district.refuses(put(Some("latest")), StatusCode::BAD_REQUEST, &[]);
    let read = district.send(request(Method::GET, &district.viewer, RULES, &Value::Null));
    let tag = read.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(district.send(put(Some(&tag))).status(), StatusCode::OK);
}

#[test]
fn filters_are_added_ordered_and_removed_and_defaults_only_moved() {
    let district = district();
    let rules = link(&district);
    let default = rules["filters"][0]["id"].as_str().unwrap().to_owned();
    let filters = format!("{RULES}/filters");
    let block = json!({"id": "block", "attribute": "orgUnitPath", "condition": "ANT_PATH",
        "expression": "/Schools/**/Graduates", "status": "BLOCK", "at": 0});
    let (status, rules) = district.post(&district.admin, &filters, &block);
    assert_eq!(
        (status, &rules["filters"][0]["id"]),
        (StatusCode::CREATED, &"block".into())
    );
    let order = json!({"order": [default, "block"]});
    let (status, rules) = district.call(Method::PUT, &district.admin, &filters, &order);
    assert_eq!(
        (status, &rules["filters"][1]["id"]),
        (StatusCode::OK, &"block".into())
    );
    let path = format!("{filters}/{default}");
    let remove = request(Method::DELETE, &district.admin, &path, &Value::Null);
    district.refuses(remove, StatusCode::CONFLICT, &[]);
    let short = request(
        Method::PUT,
        &district.admin,
        &filters,
        &json!({"order": ["block"]}),
    );
    district.refuses(short, StatusCode::UNPROCESSABLE_ENTITY, &[]);
    let bad = json!({"attribute": "orgUnitPath", "condition": "ANT_PATH", "expression": "/a/{b}", "status": "ALLOW"});
    let bad = request(Method::POST, &district.admin, &filters, &bad);
    let document = district.refuses(bad, StatusCode::UNPROCESSABLE_ENTITY, &[]);
    assert!(
        document["detail"].as_str().unwrap().contains("at byte 3"),
        "{document}"
    );
}
