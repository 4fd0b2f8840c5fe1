//! Which schools of a source are taken over, and people whom nobody can match.

use super::clever::connected;
use super::district::request;
use super::elsewhere::{accounts, clever_person, drive};
use http::{Method, StatusCode};
use serde_json::{Value, json};

const CONNECTION: &str = "/api/v1/tenants/maple/connections/clever";

fn rules(path: &str) -> String {
    format!("{CONNECTION}/rules/{path}")
}

#[test]
fn every_school_is_taken_over_until_somebody_chooses() {
    let (district, _) = connected();
    let (_, begun) = district.get(&district.viewer, &format!("{CONNECTION}/rules"));
    assert_eq!(begun["schools"], json!({"take": "all"}));
    let chosen = json!({"take": "chosen"});
    let (status, body) = district.call(Method::PUT, &district.admin, &rules("schools"), &chosen);
    assert_eq!(
        (status, &body["schools"]["take"]),
        (StatusCode::OK, &json!("chosen"))
    );
    // Nothing is chosen yet: nobody would be imported.
    assert_eq!(drive(&district)["failure"]["code"], "no_mappings");
    let link = json!({"id": "north", "school": {"id": "s-1"}, "new_organization": "North High"});
    let (status, body) = district.post(&district.admin, &rules("school-links"), &link);
    assert_eq!(status, StatusCode::CREATED, "{body}");
    let run = drive(&district);
    assert_eq!(run["state"], "applied", "{run}");
    let all = accounts(&district);
    let memberships = all.values().next().unwrap()["memberships"]
        .as_array()
        .unwrap();
    let organization = body["schools"]["links"][0]["organization"].clone();
    assert_eq!(memberships[0]["organization"], organization);
}

#[test]
fn a_school_link_that_can_not_be_is_refused() {
    let (district, _) = connected();
    for (body, field) in [
        (json!({"school": {"id": "s-1"}}), "organization"),
        (
            json!({"school": {"id": "s-1"}, "organization": "nowhere"}),
            "organization",
        ),
        (
            json!({"school": {"name": " "}, "new_organization": "X"}),
            "name",
        ),
    ] {
        let asked = request(Method::POST, &district.admin, &rules("school-links"), &body);
        let refused = district.refuses(asked, StatusCode::UNPROCESSABLE_ENTITY, &[]);
        assert_eq!(refused["errors"][0]["field"], field, "{refused}");
    }
    let link = |id: &str| json!({"id": id, "school": {"id": "s-1"}, "new_organization": id});
    district.post(&district.admin, &rules("school-links"), &link("a"));
    let asked = request(
        Method::POST,
        &district.admin,
        &rules("school-links"),
        &link("b"),
    );
    let refused = district.refuses(asked, StatusCode::UNPROCESSABLE_ENTITY, &[]);
    assert_eq!(refused["errors"][0]["field"], "school");
    let (status, _) = district.call(
        Method::DELETE,
        &district.admin,
        &rules("school-links/a"),
        &Value::Null,
    );
    assert_eq!(status, StatusCode::OK);
}

#[test]
fn an_organization_that_stands_for_a_school_is_not_deleted() {
    let (district, _) = connected();
    assert_eq!(drive(&district)["state"], "applied");
    let (_, list) = district.get(&district.viewer, "/api/v1/tenants/maple/organizations");
    let id = list["items"][0]["id"].as_str().unwrap();
    let path = format!("/api/v1/tenants/maple/organizations/{id}");
    let asked = request(Method::DELETE, &district.admin, &path, &Value::Null);
    district.refuses(asked, StatusCode::CONFLICT, &[]);
}

#[test]
fn people_with_one_address_are_named_and_told_apart_by_an_administrator() {
    let (district, clever) = connected();
    let add = |id: &str, role: &str| {
        let person = clever_person(id, role, "shared@maplegrove.example");
        clever.lock().unwrap().clever.insert(id.to_owned(), person);
    };
    add("u-8", "teacher");
    assert_eq!(drive(&district)["state"], "applied");
    add("u-9", "teacher");
    let run = drive(&district);
    let issues = format!(
        "/api/v1/tenants/maple/runs/{}/issues",
        run["id"].as_str().unwrap()
    );
    let (_, issues) = district.get(&district.viewer, &issues);
    assert_eq!(issues["items"][0]["external_id"], "u-9", "{issues}");
    assert_eq!(accounts(&district).len(), 4);
    let path = format!("{CONNECTION}/resolutions");
    let apart = json!({"person": "u-9", "resolution": "separate"});
    let refused = request(Method::PUT, &district.viewer, &path, &apart);
    district.refuses(refused, StatusCode::FORBIDDEN, &[]);
    let nobody = json!({"person": "u-9", "resolution": "link", "account": "a0"});
    let refused = request(Method::PUT, &district.admin, &path, &nobody);
    let refused = district.refuses(refused, StatusCode::UNPROCESSABLE_ENTITY, &[]);
    assert_eq!(refused["errors"][0]["field"], "account");
    let (status, said) = district.call(Method::PUT, &district.admin, &path, &apart);
    assert_eq!((status, &said), (StatusCode::OK, &apart));
    let (_, list) = district.get(&district.viewer, &path);
    assert_eq!(list["items"], json!([apart]));
    assert_eq!(drive(&district)["state"], "applied");
    let all = accounts(&district);
    assert_eq!(all.len(), 5);
    let without = all
        .values()
        .filter(|account| account.get("email").is_none());
    assert_eq!(without.count(), 1);
    let one = format!("{path}?person=u-9");
    let (status, _) = district.call(Method::DELETE, &district.admin, &one, &Value::Null);
    assert_eq!(status, StatusCode::NO_CONTENT);
    let again = request(Method::DELETE, &district.admin, &one, &Value::Null);
    district.refuses(again, StatusCode::NOT_FOUND, &[]);
    let (_, audit) = district.get(&district.viewer, "/api/v1/tenants/maple/audit");
    assert_eq!(audit["items"][0]["what"], "person_resolved");
}

#[test]
fn two_new_people_with_one_address_have_no_account_that_anybody_could_look_for() {
    let (district, clever) = connected();
    for id in ["u-8", "u-9"] {
        let person = clever_person(id, "teacher", "shared@maplegrove.example");
        clever.lock().unwrap().clever.insert(id.to_owned(), person);
    }
    let run = drive(&district);
    assert_eq!(run["state"], "applied");
    let path = format!(
        "/api/v1/tenants/maple/runs/{}/issues",
        run["id"].as_str().unwrap()
    );
    let (_, issues) = district.get(&district.viewer, &path);
    let issues = issues["items"].as_array().unwrap();
    let people: Vec<&Value> = issues.iter().map(|issue| &issue["external_id"]).collect();
    assert_eq!(people, ["u-8", "u-9"]);
    for issue in issues {
        assert_eq!(issue["kind"], "match_not_unique");
        assert!(issue.get("account").is_none(), "{issue}");
    }
}
