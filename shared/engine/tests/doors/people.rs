//! "Sync this person".

use super::district::{District, problem, request};
use engine::memory::block_on;
use engine::record;
use http::{Method, StatusCode};
use serde_json::{Value, json};

const PATH: &str = "/api/v1/tenants/maple/connections/google/people/sync";

/// A district whose connection is in use.
pub(crate) fn active() -> District {
    let district = District::new();
    district.connect();
    set_state(&district, "active");
    district
}

pub(crate) fn set_state(district: &District, state: &str) {
    let key = "connection/maple/google";
    block_on(async {
        let stored: Option<Value> = record::read(&district.ports, key).await.unwrap();
        let mut stored = stored.unwrap();
        stored["value"]["state"] = json!(state);
        record::write(&district.ports, key, &stored).await.unwrap();
    });
}

#[test]
fn a_person_is_synced_alone_by_address_or_id() {
    let district = active();
    let mut runs = Vec::new();
    for body in [
        json!({"email": "Dana@MapleGrove.example"}),
        json!({"id": "104857612345678901234"}),
    ] {
        let response = district.send(request(Method::POST, &district.admin, PATH, &body));
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        let location = response.headers()["location"].to_str().unwrap().to_owned();
        let body: Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(body["message"], "sync has been scheduled");
        assert_eq!(body["run_url"], location);
        let path = body["run_url"].as_str().unwrap();
        let path = path.strip_prefix("https://sync.example").unwrap();
        let (_, run) = district.get(&district.viewer, path);
        assert_eq!(run["work"], "look");
        runs.push((body["run"].clone(), body["joined"].clone()));
    }
    assert_eq!(runs[0].0, runs[1].0);
    assert_eq!([&runs[0].1, &runs[1].1], [&json!(false), &json!(true)]);
    let hints = district.dump();
    let hint = |number: u32| {
        let stored = hints.get(&format!("hints/maple/google/{number}")).unwrap();
        serde_json::from_slice::<Value>(stored).unwrap()["d"].clone()
    };
    assert_eq!(hint(1), json!({"email": "dana@maplegrove.example"}));
    assert_eq!(hint(2), json!({"id": "104857612345678901234"}));
    let (_, audit) = district.get(&district.viewer, "/api/v1/tenants/maple/audit");
    let entry = &audit["items"][0];
    assert_eq!(entry["what"], "person_sync_requested");
    assert_eq!(entry["subject"], "google");
    assert!(!audit.to_string().contains("dana"));
}

#[test]
fn nobody_is_synced_by_a_body_that_does_not_say_who() {
    let district = active();
    for body in [
        json!({}),
        json!({"email": "dana@maplegrove.example", "id": "1"}),
        json!({"email": "nobody-at-all"}),
        json!({"id": ""}),
        json!({"id": "x".repeat(300)}),
        json!({"person": "dana@maplegrove.example"}),
        json!([1]),
    ] {
        let request = request(Method::POST, &district.admin, PATH, &body);
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        district.refuses(request, status, &["nobody-at-all", "dana"]);
    }
}

#[test]
fn only_the_connection_that_runs_read_is_looked_at() {
    let district = active();
    let body = json!({"id": "1"});
    for state in ["draft", "authorized", "reconnect_needed", "revoked"] {
        set_state(&district, state);
        let request = request(Method::POST, &district.admin, PATH, &body);
        district.refuses(request, StatusCode::CONFLICT, &[]);
    }
    let path = PATH.replace("google", "other");
    let request = request(Method::POST, &district.admin, &path, &body);
    let response = district.send(request);
    problem(&response, StatusCode::NOT_FOUND, &[], "another connection");
}
